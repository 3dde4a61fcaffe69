"""The `Model` class: a network with its loss, optimizer and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nn._hints import EXPORT, FIT, MODEL, MODEL_SETTINGS, attribute_hints
from nn._rng import Rng, generator
from nn._several import mapped
from nn._validation import whole_number
from nn.callbacks import Callback
from nn.data import Batches
from nn.data.batches import as_batches
from nn.layers import BatchNorm
from nn.losses import Loss
from nn.metrics import Metric
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.saving import LoadError, Parts, load_model, load_parameters, save_model, save_parameters
from nn.training.checks import (
    LossFunction,
    check_input_columns,
    check_samples,
    checked_callbacks,
    checked_history,
    checked_loss,
    checked_metrics,
    checked_optimizer,
    warn_of_missing_classes,
    warn_of_repeated_activation,
)
from nn.training.class_weights import ClassWeightedLoss
from nn.training.compiling import Compiling
from nn.training.evaluation import evaluate, in_evaluation, predict, rehearse
from nn.training.exclusion import exclusively
from nn.training.history import History
from nn.training.loop import Training
from nn.training.progress import progress
from nn.training.summary import summary, takes_ids
from tensorgrad import is_grad_enabled
from tensorgrad.arguments import with_hints

if TYPE_CHECKING:
    from nn.training.programs import Programs

Inputs: TypeAlias = ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike] | Batches
"""Samples: one array, several as a tuple or by name, or a `Batches`."""

Targets: TypeAlias = ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike] | None
"""A target for each sample, for one output or for several."""


@attribute_hints(MODEL)
class Model:
    """Network with a loss, an optimizer and metrics.

    Args:
        network: the module to train and use.
        loss: a function of predictions and targets that returns a scalar tensor, such as `nn.SoftmaxCrossEntropy()`.
            For a network with several outputs, a tuple or a dict with one loss for each.
        optimizer: an optimizer of `network.parameters()`. Only `fit` requires one.
        metrics: objects such as `nn.CategoricalAccuracy()`, with distinct names. For several outputs, a tuple or dict
            with a metric or a list of metrics for each.
        loss_weights: for several outputs, the factor of each loss in the sum; default: 1 for each.
        rng: the random generator for the order of the samples: a `Generator`, a `RandomState`, a seed, or None.
        compile: whether training steps, evaluation and prediction are programs compiled by XLA, which requires JAX:
            `pip install 'tensorgrad[xla]'`. See **Compiled models** below.
        device: for a compiled model, the kind of device it runs on, such as "gpu"; None for JAX's default.
        devices: for a compiled model, the number of devices that divide each batch; None for one.
        steps_per_call: for a compiled model, the number of training steps in a program. More than one saves time if
            steps are short. Compiling takes longer in proportion, and `on_step_end` is called after the program.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: two metrics have the same name, or a metric has a reserved name; JAX finds no such device.
        ModuleNotFoundError: `compile` without JAX.

    Attributes:
        history: the `History` of the last `fit`, updated while it runs; empty before the first.
        stop_training: set this to True (in a callback) to make `fit` stop after the current step.

    >>> import nn
    >>> X, y = nn.datasets.spiral(100, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 64, rng=0), nn.ReLU(), nn.Dense(64, 3, rng=1))
    >>> model = Model(
    ...     network,
    ...     loss=nn.SoftmaxCrossEntropy(),
    ...     optimizer=nn.Adam(network.parameters(), learning_rate=0.05),
    ...     metrics=[nn.CategoricalAccuracy()],
    ...     rng=0,
    ... )
    >>> history = model.fit(X, y, epochs=100, batch_size=100, verbose=0)
    >>> model.evaluate(X, y)["accuracy"] > 0.7
    True
    >>> model.predict(X).shape
    (300, 3)

    **Several inputs and outputs.** X may be a tuple of arrays, which are passed to the network's `forward` in order, or
    a dict of arrays, which are passed by name. A network that returns a tuple or dict of tensors requires targets,
    losses and metrics of the same structure. The history then contains the loss and the metrics of each output under
    names such as `"age_loss"`; `"loss"` is the weighted sum.

    >>> import numpy as np, tensorgrad as tg
    >>> class TwoHeads(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Dense(3, 8, rng=0)
    ...         self.kind, self.size = nn.Dense(8, 2, rng=1), nn.Dense(8, 1, rng=2)
    ...
    ...     def forward(self, image, color):
    ...         h = tg.tanh(self.hidden(tg.concatenate([image, color], axis=1)))
    ...         return {"kind": self.kind(h), "size": self.size(h)}
    >>> network = TwoHeads()
    >>> model = Model(
    ...     network,
    ...     loss={"kind": nn.SoftmaxCrossEntropy(), "size": nn.MeanSquaredError()},
    ...     loss_weights={"kind": 1.0, "size": 0.5},
    ...     metrics={"kind": nn.CategoricalAccuracy()},
    ...     optimizer=nn.Adam(network.parameters()),
    ... )
    >>> X = {"image": np.zeros((6, 2)), "color": np.ones((6, 1))}
    >>> history = model.fit(X, {"kind": np.zeros(6, int), "size": np.ones((6, 1))}, verbose=0)
    >>> [name for name in history if "_" in name and name[0] in "ks"]
    ['kind_loss', 'size_loss', 'kind_accuracy']

    **Sequences of different lengths** are padded to the same number of steps. Pass their lengths, or a mask with False
    for padding, as a further input: `{"x": X, "lengths": lengths}` or `{"x": X, "mask": ids != 0}`. `Sequential` passes
    the mask on to the layers that need it. A network of another class takes `lengths` or `mask` in its `forward`. The
    padding then influences neither the loss, the gradients, the metrics nor the statistics of `BatchNorm`, whatever X
    and y hold there. If the network returns a value for each step, `(samples, time, …)` with at least three axes, the
    loss and the metrics are means over the steps that are not padding, each step with the same weight. In the result of
    `predict`, the values at padding have no meaning.

    >>> ids, lengths = np.array([[3, 1, 2], [4, 0, 0]]), np.array([3, 1])
    >>> network = nn.Sequential(nn.Embedding(5, 8, rng=0), nn.LSTM(8, 8, return_sequences=True, rng=1), nn.Dense(8, 2))
    >>> model = Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    >>> history = model.fit({"x": ids, "lengths": lengths}, np.array([[0, 1, 1], [1, 0, 0]]), verbose=0)
    >>> model.predict({"x": ids, "lengths": lengths}).shape
    (2, 3, 2)

    **Compiled models.** With `compile=True`, a training step is one program: forward and backward pass, clipping of
    gradients, update, losses and metrics. It is compiled in the first step, and again for batches of another shape. The
    history is the same as without, up to rounding; only the numbers that layers such as `Dropout` draw differ. In
    `fit`, parameters hold arrays of XLA and have no gradients. Afterwards they hold arrays of NumPy again. The loss and
    the gradients are checked on the device, and the host looks at the result at the end of an epoch at the latest: a
    `FloatingPointError` may be raised later, but about the right step and with the parameters before it. `on_gradients`
    cannot be called, so callbacks that have it are refused, except `ClipGradients`. Metrics that cannot be traced are
    computed from the predictions.
    """

    @with_hints(MODEL_SETTINGS)
    def __init__(
        self,
        network: Module = None,  # type: ignore[assignment]  # required; the check below explains how to create one
        *,
        loss: LossFunction | tuple[LossFunction, ...] | Mapping[str, LossFunction] = None,  # type: ignore[assignment]
        optimizer: Optimizer | None = None,
        metrics: Iterable[Metric] | Mapping[str, Metric | Iterable[Metric]] = (),
        loss_weights: tuple[float, ...] | Mapping[str, float] | None = None,
        rng: Rng = None,
        compile: bool = False,
        device: str | None = None,
        devices: int | None = None,
        steps_per_call: int = 1,
    ) -> None:
        if not isinstance(network, Module):
            raise TypeError(
                f"Model: network must be an nn.Module, got {network!r}. Make the layers first: "
                "nn.Model(nn.Sequential(nn.Dense(2, 64), nn.ReLU(), nn.Dense(64, 3)), loss=..., optimizer=...)."
            )
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"Model: optimizer must be one such as nn.Adam(network.parameters()), got {optimizer!r}.")
        self.network = network
        self.loss = checked_loss(loss, loss_weights)
        warn_of_repeated_activation(network, self.loss)
        self.optimizer = optimizer
        self.metrics = checked_metrics(metrics, self.loss)
        self.rng = generator(rng)
        self.history = History()
        self.stop_training = False
        self._sample: Any = None
        self._columns: dict[str, tuple[str, ...]] = {}
        self._compiling = Compiling(compile, device, devices, steps_per_call)
        self._programs: Programs | None = None

    # -- training -----------------------------------------------------------------------------------------

    @with_hints(FIT)
    def fit(
        self,
        X: Inputs,
        y: Targets = None,
        *,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
        epochs: int = 1,
        batch_size: int | None = None,
        accumulate: int = 1,
        validation_data: tuple[Inputs, Targets] | tuple[Inputs, Targets, ArrayLike] | Batches | None = None,
        validation_split: float | None = None,
        shuffle: bool = True,
        resume: bool = False,
        callbacks: Iterable[Callback] = (),
        verbose: int | None = None,
    ) -> History:
        """Train the network. Calling it again continues from the current parameters.

        The loss and the metrics of a batch are measured before its update and averaged over the samples of the epoch.
        The minimised loss includes the network's L1 and L2 penalties; the validation loss does not. Which layers have
        penalties is determined at the start of each epoch.

        Args:
            X: samples `(samples, ...)`. They are converted to the network's dtype: floating-point numbers once,
                integers batch by batch. They are passed unchanged to a network with an `Embedding`. For a network with
                several inputs, a tuple or dict of arrays. Alternatively, an `nn.data.Batches`, which has its own y,
                sample_weight, batch_size and shuffle. If X is a DataFrame, every later DataFrame must have the same
                columns in the same order.
            y: a target for each sample, in the format that the loss expects. For several outputs, a tuple or dict.
            sample_weight: the weights of the samples in the loss and the metrics, of shape `(samples,)`. If the network
                returns a value for each step, also the weights of the steps, of shape `(samples, time)`. Weights are at
                least 0. Only their ratios matter: they are scaled to have a mean of 1.
            class_weight: the weight of each class in the minimised loss, by class number; 1 for omitted classes. Or
                "balanced", for weights inversely proportional to the class frequencies. Only the ratios matter. Metrics
                and validation are not weighted by class.
            epochs: the number of passes over the samples.
            batch_size: the number of samples per step; None for all. The last, smaller batch is kept. If the network
                has a `BatchNorm`, a last batch of one sample is added to the batch before, because a single sample
                cannot be normalised.
            accumulate: the number of batches per step. Their gradients are averaged over all of their samples, so that
                a step is the same as with one batch of accumulate · batch_size samples, in less memory (except for
                layers that compute statistics of a batch). The last, smaller step of an epoch is kept. Callbacks are
                called for each step.
            validation_data: samples and targets, `(X, y)`, `(X, y, sample_weight)` or an `nn.data.Batches`, on which
                the network is evaluated after each epoch, in evaluation mode.
            validation_split: the fraction of the samples to use for validation instead of training, in place of
                `validation_data`. As in Keras, the last samples are used, before shuffling. For a random or stratified
                split, use `nn.data.split`.
            shuffle: whether to take the samples in a new random order in each epoch (irrelevant for a single batch).
            resume: continue the previous run in `self.history`, whether interrupted or loaded from a file, until it has
                `epochs` epochs in total. If it already has that many, nothing is done. The result is the same as
                without the interruption (except for the best weights of EarlyStopping). If False, `epochs` further
                epochs are trained, and the history starts from scratch.
            callbacks: objects whose methods are called at fixed points of training; see `Callback`.
            verbose: 0 for no output, 1 for a progress bar, 2 for a line per epoch; None for a bar if the session is
                interactive, otherwise lines.

        Returns:
            The `History` of this training, also available as `self.history`.

        Raises:
            ValueError, TypeError: X and y differ in length, the data are empty, samples or targets do not fit the
                network and the loss, batch_size, accumulate or epochs is below 1, there is no optimizer, the optimizer
                needs a closure (`LBFGS`) or holds a tensor that is not a parameter of the network. Raised before
                anything is changed.
            RuntimeError: called inside `tg.no_grad()`, or while another `fit` of this model or network is running, in a
                callback or in another thread.
            FloatingPointError: the loss, a gradient (after `on_gradients` of the callbacks) or the validation loss
                became NaN or infinite. The parameters are those before that step (or, for the validation loss, those
                after the epoch), and `self.history` contains the previous epochs.
            KeyboardInterrupt: on Ctrl-C, after the current step. The model can be used and trained further.

        Warns:
            UserWarning: with `validation_split`, some classes occur only among the validation samples.
        """
        if not is_grad_enabled():
            raise RuntimeError(
                "fit: nothing is recorded here, inside tg.no_grad(), so there would be no gradients. Call fit outside, "
                "or inside tg.enable_grad()."
            )

        def train() -> History:
            optimizer = checked_optimizer(self.optimizer, self.network)
            data = self._batches("fit", X, y, sample_weight=sample_weight, batch_size=batch_size, shuffle=shuffle)
            validation = self._validation(validation_data, batch_size)
            if validation is not None:
                check_input_columns("fit: validation_data", data.columns, validation.columns)
            if validation_split is not None:
                if validation_data is not None:
                    raise ValueError("fit: give either validation_data or validation_split.")
                data, validation = data.split_last(validation_split)
                warn_of_missing_classes(data.y, validation.y)
            if any(isinstance(module, BatchNorm) and not module.frozen for module in self.network.modules()):
                data.smallest_batch = max(data.smallest_batch, 2)
            arguments: dict[str, Any] = {
                "model": self,
                "optimizer": optimizer,
                "data": data,
                "validation": validation,
                "epochs": whole_number("fit: epochs", epochs),
                "callbacks": checked_callbacks(callbacks),
                "accumulate": whole_number("fit: accumulate", accumulate),
                "weighted_loss": None if class_weight is None else ClassWeightedLoss(self.loss, class_weight, data),
            }
            training = self._training(arguments)
            if resume:
                training.history = checked_history(self.history, self.metrics, training.validation is not None)
            rehearse("fit", self.network, training.weighted_loss or self.loss, self.metrics, data)
            if training.validation is not None:
                rehearse("fit: validation_data", self.network, self.loss, self.metrics, training.validation)
            self._sample, self._columns = training.data.sample, data.columns or self._columns
            training.run(progress(verbose, training.epochs, training.steps, first=len(training.history.epochs)))
            return self.history

        return exclusively(self, train)

    # -- use ----------------------------------------------------------------------------------------------

    @with_hints(FIT)
    def evaluate(
        self, X: Inputs, y: Targets = None, *, sample_weight: ArrayLike | None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """Return the loss, without regularisation, and the metrics on these data, in evaluation mode.

        Args:
            X, y: samples and their targets, as for `fit`. A `Batches` is read in order and not augmented.
            sample_weight: the weight of each sample, as for `fit`.
            batch_size: the number of samples processed at a time, to save memory; None for all.

        Returns:
            The means over all samples, weighted if `sample_weight` is passed, as `{"loss": ..., "accuracy": ...}`.

        Raises:
            ValueError, TypeError: as for `fit`.
        """
        data = self._batches("evaluate", X, y, sample_weight=sample_weight, batch_size=batch_size)
        sample = data.sample
        check_samples("evaluate", self.network, mapped(np.shape, data.X))
        programs = self._compiled()
        if programs is None:
            values = evaluate("evaluate", self.network, self.loss, self.metrics, data)
        else:
            values = programs.evaluate(data)
        self._sample = sample
        return values

    @with_hints(FIT)
    def predict(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """Return the outputs of the network for these samples, in evaluation mode and without recording a graph.

        Args:
            X: samples, as for `fit`, or an `nn.data.Batches`, which is read in order and not augmented.
            batch_size: the number of samples processed at a time, to save memory; None for all.

        Returns:
            An array with a row for each sample. For a network with several outputs, a tuple or dict of arrays.

        Raises:
            ValueError, TypeError: there are no samples, or they do not fit the network.
        """
        data = self._batches("predict", X, batch_size=batch_size, targets=False)
        sample = data.sample
        check_samples("predict", self.network, mapped(np.shape, data.X))
        programs = self._compiled()
        outputs = predict(self.network, data) if programs is None else programs.predict(data)
        self._sample = sample
        return outputs

    def predict_proba(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """Return the probability of each class for these samples.

        The loss determines how outputs become probabilities: by softmax for `SoftmaxCrossEntropy`, by sigmoid for
            `SigmoidBinaryCrossEntropy`, and unchanged for the losses of probabilities.

        Args:
            X, batch_size: as for `predict`.

        Raises:
            TypeError: the loss is not a classification loss.
            ValueError, TypeError: as for `predict`.

        >>> import nn, numpy as np
        >>> model = Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.SoftmaxCrossEntropy())
        >>> bool(np.allclose(model.predict_proba(np.ones((4, 2))).sum(axis=1), 1))
        True
        """
        return self._checked_loss("predict_proba").probabilities(self.predict(X, batch_size=batch_size))

    def predict_classes(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """Return the most probable class of each sample.

        Args:
            X, batch_size: as for `predict`.

        Returns:
            Class numbers `(samples,)`. For binary losses, 0 or 1 in the shape of the outputs, where 1 means a
            probability above 1/2.

        Raises:
            TypeError: the loss is not a classification loss.
            ValueError, TypeError: as for `predict`.

        >>> import nn, numpy as np
        >>> model = Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.SoftmaxCrossEntropy())
        >>> model.predict_classes(np.ones((4, 2))).shape
        (4,)
        """
        loss = self._checked_loss("predict_classes")
        return loss.classes(loss.probabilities(self.predict(X, batch_size=batch_size)))

    def __graph__(self, *inputs: Any) -> Any:
        """Return the outputs of the network, for `tg.draw`."""
        return self.network.__graph__(*inputs)

    def summary(self, input_shape: tuple[Any, ...] | Mapping[str, Any] | None = None, *, batch_size: int = 1) -> None:
        """Print a table of the layers: their output shapes, parameters, and the cost of a forward pass in training.

        **FLOPs** are floating-point operations. A multiplication and an addition count as 2, so a `Dense` layer takes
        2·inputs·neurons for each sample, and one for each bias. Any other function of a number, such as `exp`, counts
        as 1. Moving numbers, as in `Flatten` and `Embedding`, is not counted. **kept** is the memory that the layer
        keeps for the backward pass. An array that several layers keep is counted once, for the first of them.
        Parameters and the samples themselves are not counted.

        Args:
            input_shape: the shape of one sample, without the batch axis. For a network with several inputs, a tuple or
                dict with a shape for each; instead of the shape of an input that does not consist of floating-point
                numbers, pass an example with the batch axis. Default: that of the last data seen, or the input shape of
                a `Dense` first layer; if neither is known, shapes and costs are omitted.
            batch_size: the number of samples for which the costs are shown.
        """
        sample = self._sample if input_shape is None else input_shape
        size = whole_number("summary: batch_size", batch_size)
        print(in_evaluation(self.network, lambda: summary(self.network, sample, size)))

    # -- saving and loading -------------------------------------------------------------------------------

    def save(self, path: str | Path, *, dry_run: bool = False) -> None:
        """Save the model to a file, including all the state needed to resume training exactly.

        The file contains the network and its parameters, the loss, the optimizer and its state, the metrics, the
        `History`, and the random generators: the model's own, and those that layers, the loss and metrics keep as
        attributes. The format is safetensors with a description in the header, without pickle; see `nn.saving.format`.
        Saves are atomic: at any time, even after a crash, the file is either the old or the new version in full.
        Parameters shared by layers are shared again after loading only if a module's `__init__` shares them.

        Custom layers, losses, metrics, optimizers and schedules are described by the arguments of their constructors,
            read from attributes of the same names: `def __init__(self, width)` requires `self.width = width`. An `rng`
            argument and initializers (`…_init`) need not be stored. Alternatively, override `settings`.

        Other attributes of layers, the loss and metrics that have changed since their constructors returned are saved
            if they are plain data: numbers, text, and lists, tuples and dicts of these. Anything else that would not be
            restored raises a SaveError, except arrays and tensors of the last call in attributes that were None or
            missing.

        The order of the remaining samples within an epoch is not saved: save between epochs, as `nn.ModelCheckpoint`
            does. The generator passed to an `nn.data.Batches` is not saved either.

        Args:
            path: the file, usually `….safetensors`. Its folder must exist.
            dry_run: whether to check everything, including that the file can be written, without changing `path`.

        Raises:
            SaveError: part of the model could not be restored from the file. Nothing is written.
            OSError: the file cannot be written. An existing file is unchanged.

        >>> import nn, tempfile
        >>> network = nn.Sequential(nn.Dense(2, 8), nn.ReLU(), nn.Dropout(0.1), nn.Dense(8, 3))
        >>> model = Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
        >>> X, y = nn.datasets.spiral(20, 3, rng=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/spiral.safetensors")
        ...     again = nn.Model.load(f"{folder}/spiral.safetensors")
        >>> bool((again.predict(X) == model.predict(X)).all())
        True
        """
        parts = Parts(self.network, self.loss, self.metrics, self.rng, self.optimizer, self.history, self._columns)
        save_model(path, parts, dry_run=dry_run)

    @with_hints(EXPORT)
    def export(
        self, path: str | Path, example: Any = None, *, preprocessing: Callable[[Any], Any] | None = None,
        free_axes: Mapping[Any, Any] | None = None, opset: int = 18, ir_version: int = 10,
    ) -> None:  # fmt: skip
        """Write the network as an ONNX file, for runtimes such as ONNX Runtime: `nn.interop.export_onnx`.

        Args:
            path: the file, usually `….onnx`.
            example: one sample or more, with the batch axis, for the shapes and dtypes of the inputs; a tuple or dict
                for several. Default: samples like the last data seen.
            preprocessing, free_axes, opset, ir_version: as for `nn.interop.export_onnx`. With
                `free_axes={1: "time"}`, sequences may have any length.

        Raises:
            nn.interop.ExportError: a layer or an operation, which the message names, cannot be exported.
            ImportError: the package onnx is not installed.
            ValueError, TypeError, OSError: as for `nn.interop.export_onnx`.
        """
        from nn.interop import export_onnx

        if example is None and isinstance(self._sample, np.ndarray):
            example = np.zeros(self._sample.shape, np.int64 if takes_ids(self.network) else np.float32)
        elif example is None and self._sample is not None:
            example = mapped(
                lambda one: one.astype({"f": np.float32, "b": bool}.get(one.dtype.kind, np.int64)), self._sample
            )
        export_onnx(
            self.network, path, example, preprocessing=preprocessing, free_axes=free_axes, opset=opset,
            ir_version=ir_version,
        )  # fmt: skip

    @classmethod
    def load(
        cls,
        path: str | Path,
        custom: Iterable[Callable[..., object]] = (),
        *,
        compile: bool = False,
        device: str | None = None,
        devices: int | None = None,
        steps_per_call: int = 1,
    ) -> Self:
        """Load a model from a file written by `save`.

        Only classes of `nn` and those in `custom` are instantiated; no other code in the file can run.

        Args:
            path: the file.
            custom: the custom layers, losses, metrics, optimizers, schedules and functions that the model uses, as
                classes rather than instances.
            compile, device, devices, steps_per_call: as for the constructor. The file does not contain them, so that it
                can be loaded anywhere.

        Raises:
            LoadError: the file is damaged, truncated, of another kind or of a newer version, or names an unknown class.
            OSError: the file does not exist or cannot be read.

        >>> import nn, tempfile
        >>> class Scale(nn.Module):
        ...     def __init__(self, factor):
        ...         self.factor = factor
        ...
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> model = Model(nn.Sequential(nn.Dense(2, 3), Scale(0.5)), loss=nn.MeanSquaredError())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/scaled.safetensors")
        ...     again = nn.Model.load(f"{folder}/scaled.safetensors", custom=[Scale])
        >>> again.network[1].factor
        0.5
        """
        parts = load_model(path, custom)
        try:
            model = cls(parts.network, loss=parts.loss, optimizer=parts.optimizer, metrics=parts.metrics, rng=parts.rng)
            model._compiling = Compiling(compile, device, devices, steps_per_call)
            model._columns = dict(parts.columns)
            for epoch in zip(*parts.epochs.values(), strict=True):
                model.history.record(dict(zip(parts.epochs, epoch)))
        except (TypeError, ValueError) as error:
            raise LoadError(f"{path}: {error}") from error
        return model

    def save_parameters(self, path: str | Path) -> None:
        """Save only the network's parameters, as in `network.state_dict()`.

        Args:
            path: the file, usually `….safetensors`.

        Raises:
            SaveError: safetensors does not support a dtype. Nothing is written.
            OSError: the file cannot be written. An existing file is unchanged.
        """
        save_parameters(path, self.network)

    def load_parameters(self, path: str | Path) -> None:
        """Set the network's parameters from a file written by `save_parameters` or `save`. Loading is all or nothing.

        Args:
            path: the file.

        Raises:
            LoadError: the file is damaged, or the names, shapes or dtypes of its tensors differ from the network's.
                Nothing is changed.
            OSError: the file does not exist or cannot be read.
        """
        load_parameters(path, self.network)

    def __repr__(self) -> str:
        parts = [
            self.network,
            f"loss={self.loss!r}",
            f"optimizer={self.optimizer!r}",
            f"metrics={list(self.metrics)!r}",
        ]
        inner = ",\n".join(map(str, parts)).replace("\n", "\n  ")
        return f"Model(\n  {inner},\n)"

    def _repr_html_(self) -> str:
        from nn._html import model_as_html

        return model_as_html(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        from treescope import repr_lib

        shown = {"network": self.network, "loss": self.loss, "optimizer": self.optimizer, "metrics": self.metrics}
        return repr_lib.render_object_constructor(
            object_type=type(self), attributes=shown, path=path, subtree_renderer=subtree_renderer
        )

    # -- internals ----------------------------------------------------------------------------------------

    def _compiled(self) -> Programs | None:
        """Return the programs of a compiled model; None if it is not compiled."""
        if self._compiling.compile and self._programs is None:
            from nn.training.programs import Programs

            self._programs = Programs(self, self._compiling.placement())
        return self._programs

    def _training(self, arguments: dict[str, Any]) -> Training:
        programs = self._compiled()
        if programs is None:
            return Training(**arguments)
        from nn.training.compiled import CompiledTraining

        return CompiledTraining(**arguments, programs=programs, steps_per_call=self._compiling.steps_per_call)

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies of the model have: everything but the programs, which belong to its own tensors."""
        return {**vars(self), "_programs": None}

    def _validation(self, data: Any, batch_size: int | None) -> Batches | None:
        if data is None:
            return None
        if isinstance(data, Batches):
            return self._batches("fit: validation_data", data)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise TypeError(
                "fit: validation_data must be a pair (X, y), or (X, y, sample_weight), or an nn.data.Batches."
            )
        X, y, *weights = data
        return self._batches(
            "fit: validation_data", X, y, sample_weight=weights[0] if weights else None, batch_size=batch_size
        )

    def _checked_loss(self, what: str) -> Loss:
        if not isinstance(self.loss, Loss):
            raise TypeError(
                f"{what}: the loss {self.loss!r} does not say which probabilities the outputs stand for. Use an "
                "nn.Loss with a method probabilities(outputs), or compute them from model.predict(X)."
            )
        return self.loss

    def _batches(self, what: str, X: Any, y: Any = None, **options: Any) -> Batches:
        parameter = next(self.network.parameters(), None)
        dtype, like = (None, None) if parameter is None else (parameter.dtype, parameter.array)
        dtype = None if takes_ids(self.network) else dtype  # large ids would be rounded as floating-point numbers
        batches = as_batches(what, X, y, dtype=dtype, rng=self.rng, like=like, **options)
        check_input_columns(what, self._columns, batches.columns)
        return batches

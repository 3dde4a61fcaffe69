"""The model: a network together with what trains and judges it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nn._hints import FIT, MODEL, attribute_hints, with_hints
from nn._html import model_as_html
from nn._rng import Rng, generator
from nn._several import mapped
from nn._validation import whole_number
from nn.callbacks import Callback
from nn.data import Batches
from nn.data.batches import as_batches
from nn.losses import Loss
from nn.metrics import Metric
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.saving import LoadError, Parts, load_model, load_parameters, save_model, save_parameters
from nn.training.checks import (
    LossFunction,
    check_samples,
    checked_callbacks,
    checked_history,
    checked_loss,
    checked_metrics,
    checked_optimizer,
    warn_of_missing_classes,
)
from nn.training.class_weights import ClassWeightedLoss
from nn.training.evaluation import evaluate, in_evaluation, predict, rehearse
from nn.training.exclusion import exclusively
from nn.training.history import History
from nn.training.loop import Training
from nn.training.progress import progress
from nn.training.summary import summary, takes_ids
from tensorgrad import is_grad_enabled

Inputs: TypeAlias = ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike] | Batches
"""Samples: one array, several as a tuple or by name, or prepared batches."""

Targets: TypeAlias = ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike] | None
"""A target for each sample, for one output or for several."""


@attribute_hints(MODEL)
class Model:
    """A network, the loss it is trained on, the optimizer that trains it, and metrics to read.

    Args:
        network: the module to train and use.
        loss: a function of predictions and targets that gives a scalar tensor, such as `nn.SoftmaxCrossEntropy()`. For
            a network with several outputs, a tuple or a dict with one for each.
        optimizer: made for `network.parameters()`. Only `fit` needs one.
        metrics: objects such as `nn.CategoricalAccuracy()`, with different names. For several outputs, a metric or a
            list of metrics for each, in a tuple or dict.
        loss_weights: for several outputs, the factor of each loss in their sum; default: 1 for each.
        rng: where the order of the samples is drawn from: a `Generator`, a `RandomState`, a seed, or None.

    Raises:
        TypeError: one of these is something else.
        ValueError: two metrics have the same name, or one of a name that is taken.

    Attributes:
        history: the `History` of the last `fit`, up to date while it runs; without epochs before the first.
        stop_training: set it to True (in a callback) to make `fit` stop after the running step.

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

    **Several inputs and outputs.** X may be a tuple of arrays, which are the arguments of the network's `forward`, or a
    dict of arrays, which `forward` gets by name. A network that returns a tuple or dict of tensors has targets, losses
    and metrics of the same structure. The history then has the loss and the metrics of each output under names such as
    `"age_loss"`; `"loss"` is the weighted sum.

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
    """

    def __init__(
        self,
        network: Module = None,  # type: ignore[assignment]  # required; the check below says how to make one
        *,
        loss: LossFunction | tuple[LossFunction, ...] | Mapping[str, LossFunction] = None,  # type: ignore[assignment]
        optimizer: Optimizer | None = None,
        metrics: Iterable[Metric] | Mapping[str, Metric | Iterable[Metric]] = (),
        loss_weights: tuple[float, ...] | Mapping[str, float] | None = None,
        rng: Rng = None,
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
        self.optimizer = optimizer
        self.metrics = checked_metrics(metrics, self.loss)
        self.rng = generator(rng)
        self.history = History()
        self.stop_training = False
        self._sample_shape: Any = None

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
        validation_data: tuple[Any, ...] | Batches | None = None,
        validation_split: float | None = None,
        shuffle: bool = True,
        resume: bool = False,
        callbacks: Iterable[Callback] = (),
        verbose: int | None = None,
    ) -> History:
        """Train the network. Calling it again goes on from where it is.

        Loss and metrics of a batch are measured before its update, and averaged over the samples of the epoch. The
        loss that is minimised includes the network's L1 and L2 penalties; validation leaves them out. Which layers have
        any is looked up at the start of each epoch.

        Args:
            X: samples `(samples, ...)`. They are converted to the network's dtype: floating-point numbers once,
                integers batch by batch. A network with an `Embedding` gets them as they are. For a network with
                several inputs, a tuple or dict of arrays. Or an `nn.data.Batches`, which has its own y, sample_weight,
                batch_size and shuffle.
            y: a target for each, as the loss wants them. For several outputs, a tuple or dict.
            sample_weight: a number for each sample, at least 0, by which it counts in the loss and the metrics. Only
                the ratios matter: the weights are scaled so that their mean is 1.
            class_weight: how much the samples of each class count in the loss that is minimised, by class number; 1
                for classes that are left out. Or "balanced", for weights inversely proportional to how often each class
                occurs. Only the ratios matter. Metrics and validation are not weighted by it.
            epochs: how often to go through all samples.
            batch_size: samples per step; None for all. The last, smaller batch is kept.
            validation_data: samples and targets, `(X, y)`, `(X, y, sample_weight)` or an `nn.data.Batches`, to judge
                the network by after each epoch, in evaluation mode.
            validation_split: the fraction of the samples to keep from training and to validate with instead of
                `validation_data`. As in Keras, these are the last ones, before shuffling; for samples in a random
                order, or as many of each class, there is `nn.data.split`.
            shuffle: whether each epoch takes the samples in a new random order (one batch has no order to shuffle).
            resume: whether this goes on with the training that `self.history` tells of, until it has `epochs` epochs
                in all: what was broken off, or loaded from a file. If nothing is missing, nothing is done. It ends as
                if it had not been broken off (except EarlyStopping's best weights). Otherwise `epochs` more are
                trained, and the history begins anew.
            callbacks: objects whose methods are called at certain moments; see `Callback`.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; None a bar if somebody is watching, else lines.

        Returns:
            The `History` of this training, also found in `self.history`.

        Raises:
            ValueError, TypeError: X and y of different length, empty data, samples or targets that do not fit the
                network and the loss, batch_size or epochs below 1, no optimizer, or one that holds a tensor that is
                not a parameter of the network. Found before anything is changed.
            RuntimeError: inside `tg.no_grad()`, or while another `fit` of this model or network is running, in a
                callback or in another thread.
            FloatingPointError: the loss, a gradient (after `on_gradients` of the callbacks) or the validation loss
                became NaN or infinite. The parameters are as before that step (or, for the validation loss, as after
                the epoch), and `self.history` has the epochs before.
            KeyboardInterrupt: Ctrl-C, which waits for the running step. The model can be used and trained further.

        Warns:
            UserWarning: with `validation_split`, some classes are only among the samples kept from training.
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
            if validation_split is not None:
                if validation_data is not None:
                    raise ValueError("fit: give either validation_data or validation_split.")
                data, validation = data.split_last(validation_split)
                warn_of_missing_classes(data.y, validation.y)
            training = Training(
                model=self,
                optimizer=optimizer,
                data=data,
                validation=validation,
                epochs=whole_number("fit: epochs", epochs),
                callbacks=checked_callbacks(callbacks),
                weighted_loss=None if class_weight is None else ClassWeightedLoss(self.loss, class_weight, data),
            )
            if resume:
                training.history = checked_history(self.history, self.metrics, training.validation is not None)
            rehearse("fit", self.network, training.weighted_loss or self.loss, self.metrics, data)
            if training.validation is not None:
                rehearse("fit: validation_data", self.network, self.loss, self.metrics, training.validation)
            self._sample_shape = training.data.sample_shape
            training.run(progress(verbose, training.epochs, len(training.data), first=len(training.history.epochs)))
            return self.history

        return exclusively(self, train)

    # -- use ----------------------------------------------------------------------------------------------

    @with_hints(FIT)
    def evaluate(
        self, X: Inputs, y: Targets = None, *, sample_weight: ArrayLike | None = None, batch_size: int | None = None
    ) -> dict[str, float]:
        """The loss, without regularisation, and the metrics on these data, in evaluation mode.

        Args:
            X, y: samples and their targets, as for `fit`. A `Batches` is taken in order and not augmented.
            sample_weight: how much each sample counts, as for `fit`.
            batch_size: samples at a time, to save memory; None for all.

        Returns:
            `{"loss": ..., "accuracy": ...}`: means over all samples, weighted ones if there are weights.

        Raises:
            ValueError, TypeError: as `fit`.
        """
        data = self._batches("evaluate", X, y, sample_weight=sample_weight, batch_size=batch_size)
        sample_shape = data.sample_shape
        check_samples("evaluate", self.network, mapped(np.shape, data.X))
        values = evaluate(self.network, self.loss, self.metrics, data)
        self._sample_shape = sample_shape
        return values

    @with_hints(FIT)
    def predict(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """What the network gives for these samples, in evaluation mode and without recording a graph.

        Args:
            X: samples, as for `fit`, or an `nn.data.Batches`, which is taken in order and not augmented.
            batch_size: samples at a time, to save memory; None for all.

        Returns:
            An array with a row for each sample. For a network with several outputs, a tuple or dict of arrays.

        Raises:
            ValueError, TypeError: no samples, or samples that do not fit the network.
        """
        data = self._batches("predict", X, batch_size=batch_size, targets=False)
        sample_shape = data.sample_shape
        check_samples("predict", self.network, mapped(np.shape, data.X))
        outputs = predict(self.network, data)
        self._sample_shape = sample_shape
        return outputs

    def predict_proba(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """Return the probability of each class for these samples.

        The model's loss says what the network's outputs stand for: their softmax for `SoftmaxCrossEntropy`, their
        sigmoid for `SigmoidBinaryCrossEntropy`, and themselves for the losses of probabilities.

        Args:
            X, batch_size: as for `predict`.

        Raises:
            TypeError: the loss is none for classes.
            ValueError, TypeError: as `predict`.

        >>> import nn, numpy as np
        >>> model = Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.SoftmaxCrossEntropy())
        >>> bool(np.allclose(model.predict_proba(np.ones((4, 2))).sum(axis=1), 1))
        True
        """
        return self._checked_loss("predict_proba").probabilities(self.predict(X, batch_size=batch_size))

    def predict_classes(self, X: Inputs, *, batch_size: int | None = None) -> Any:
        """Return the most probable class of these samples.

        Args:
            X, batch_size: as for `predict`.

        Returns:
            Class numbers `(samples,)`; for binary losses 0 and 1 in the shape of the outputs, where 1 means a
            probability above 1/2.

        Raises:
            TypeError: the loss is none for classes.
            ValueError, TypeError: as `predict`.

        >>> import nn, numpy as np
        >>> model = Model(nn.Sequential(nn.Dense(2, 3, rng=0)), loss=nn.SoftmaxCrossEntropy())
        >>> model.predict_classes(np.ones((4, 2))).shape
        (4,)
        """
        loss = self._checked_loss("predict_classes")
        return loss.classes(loss.probabilities(self.predict(X, batch_size=batch_size)))

    def summary(self, input_shape: tuple[int, ...] | None = None) -> None:
        """Print a table of the layers, the shapes they give out and their parameters.

        Args:
            input_shape: the shape of one sample, without the batch axis. Default: that of the last data seen, or what
                a first layer `Dense` takes; if neither is known, the shapes are left out.
        """
        shape = self._sample_shape if input_shape is None else input_shape
        print(in_evaluation(self.network, lambda: summary(self.network, shape)))

    # -- saving and loading -------------------------------------------------------------------------------

    def save(self, path: str | Path, *, dry_run: bool = False) -> None:
        """Write the model into a file, with all that training needs to go on as if it had not been broken off.

        That is the network and its parameters, the loss, the optimizer and its state, the metrics, the `History`, and
        the random generators: of the model, and those that layers, the loss and metrics keep as attributes. It is
        safetensors with a description in its header, and no pickle; see `nn.saving.format`. Whoever opens the file
        at any moment, even after a crash, finds the old one or the new one, whole. Parameters that layers share come
        back only if the class of a module makes them so in its `__init__`.

        Layers, losses, metrics, optimizers and schedules of your own are described by the arguments of their
        constructors, read from attributes of the same names: with `def __init__(self, width)` goes
        `self.width = width`. An argument `rng` and initialisers (`…_init`) need not be kept. Or write `settings`.

        Other attributes of layers, the loss and metrics that have changed since their constructors returned are saved
        if they are plain data: numbers, text, and lists, tuples and dicts of these. Anything else that would come back
        different is a SaveError, except arrays and tensors of the last call in attributes that were None or missing.

        In the middle of an epoch the order of the samples that are left is not saved: save between epochs, as
        `nn.ModelCheckpoint` does. Nor is the generator of an `nn.data.Batches` that was given one of its own.

        Args:
            path: the file, usually `….safetensors`. Its folder must exist.
            dry_run: whether to try everything, also that the file can be written, and leave `path` as it is.

        Raises:
            SaveError: something in the model would not come back from the file as it is. Nothing has been written.
            OSError: the file cannot be written. A file that was there is as before.

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
        parts = Parts(self.network, self.loss, self.metrics, self.rng, self.optimizer, self.history)
        save_model(path, parts, dry_run=dry_run)

    @classmethod
    def load(cls, path: str | Path, custom: Iterable[Any] = ()) -> Self:
        """The model that `save` wrote.

        Only classes of `nn` are made, and those in `custom`; nothing else in the file can run.

        Args:
            path: the file.
            custom: your own layers, losses, metrics, optimizers, schedules and functions that are in the model: the
                classes, not objects.

        Raises:
            LoadError: the file is damaged, cut short, of another kind or of a newer version, or names a class that
                is not known.
            OSError: there is no such file, or it cannot be read.

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
            for epoch in zip(*parts.epochs.values(), strict=True):
                model.history.record(dict(zip(parts.epochs, epoch)))
        except (TypeError, ValueError) as error:
            raise LoadError(f"{path}: {error}") from error
        return model

    def save_parameters(self, path: str | Path) -> None:
        """Write the network's parameters alone, as `network.state_dict()` has them.

        Args:
            path: the file, usually `….safetensors`.

        Raises:
            SaveError: a dtype that safetensors has not. Nothing has been written.
            OSError: the file cannot be written. A file that was there is as before.
        """
        save_parameters(path, self.network)

    def load_parameters(self, path: str | Path) -> None:
        """Set the network's parameters to those of a file that `save_parameters` or `save` wrote: all or none.

        Args:
            path: the file.

        Raises:
            LoadError: the file is damaged, or its tensors have other names, shapes or dtypes than the network's.
                Nothing has been changed.
            OSError: there is no such file, or it cannot be read.
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
        return model_as_html(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        from treescope import repr_lib

        shown = {"network": self.network, "loss": self.loss, "optimizer": self.optimizer, "metrics": self.metrics}
        return repr_lib.render_object_constructor(
            object_type=type(self), attributes=shown, path=path, subtree_renderer=subtree_renderer
        )

    # -- inside -------------------------------------------------------------------------------------------

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
        dtype = next((parameter.dtype for parameter in self.network.parameters()), None)
        dtype = None if takes_ids(self.network) else dtype  # as floating-point numbers, large ids would be rounded
        return as_batches(what, X, y, dtype=dtype, rng=self.rng, **options)

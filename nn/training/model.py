"""The model: a network together with what trains and judges it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.metrics import Metric
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.random import Rng, generator
from nn.training.batches import Batches, at_least_1, checked_inputs, rows_per_batch, slices
from nn.training.callbacks import Callback
from nn.training.checks import check_samples, checked_callbacks, checked_metrics, checked_optimizer
from nn.training.evaluation import LossFunction, evaluate, in_mode, rehearse
from nn.training.history import History
from nn.training.loop import Training
from nn.training.progress import progress
from nn.training.summary import summary
from tensorgrad import Tensor, is_grad_enabled, no_grad


class Model:
    """A network, the loss it is trained on, the optimizer that trains it, and metrics to read.

    Args:
        network: the module to train and use.
        loss: a function of predictions and targets that gives a scalar tensor, such as `nn.SoftmaxCrossEntropy()`.
        optimizer: made for `network.parameters()`. Only `fit` needs one.
        metrics: objects such as `nn.CategoricalAccuracy()`, with different names.
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
    """

    def __init__(
        self,
        network: Module,
        *,
        loss: LossFunction,
        optimizer: Optimizer | None = None,
        metrics: Iterable[Metric] = (),
        rng: Rng = None,
    ) -> None:
        if not isinstance(network, Module):
            raise TypeError(f"Model: network must be an nn.Module, got {network!r}.")
        if isinstance(loss, type) or not callable(loss):
            raise TypeError(f"Model: loss must be a loss object such as nn.SoftmaxCrossEntropy(), got {loss!r}.")
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"Model: optimizer must be one such as nn.Adam(network.parameters()), got {optimizer!r}.")
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = checked_metrics(metrics)
        self.rng = generator(rng)
        self.history = History()
        self.stop_training = False
        self._sample_shape: tuple[int, ...] | None = None

    # -- training -----------------------------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        shuffle: bool = True,
        callbacks: Iterable[Callback] = (),
        verbose: int | None = None,
    ) -> History:
        """Train the network. Calling it again goes on from where it is.

        Loss and metrics of a batch are measured before its update, and averaged over the samples of the epoch. The
        loss that is minimised includes the network's L1 and L2 penalties; validation leaves them out. Which layers have
        any is looked up at the start of each epoch.

        Args:
            X: samples `(samples, ...)`; converted to the network's dtype, once.
            y: a target for each, as the loss wants them.
            epochs: how often to go through all samples.
            batch_size: samples per step; None for all. The last, smaller batch is kept.
            validation_data: samples and targets to judge the network by after each epoch, in evaluation mode.
            shuffle: whether each epoch takes the samples in a new random order (one batch has no order to shuffle).
            callbacks: objects whose methods are called at certain moments; see `Callback`.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; None a bar if somebody is watching, else lines.

        Returns:
            The `History` of this training, also found in `self.history`.

        Raises:
            ValueError, TypeError: X and y of different length, empty data, samples or targets that do not fit the
                network and the loss, batch_size or epochs below 1, no optimizer, or one that holds a tensor that is
                not a parameter of the network. Found before anything is changed.
            RuntimeError: inside `tg.no_grad()`.
            FloatingPointError: the loss, a gradient (after `on_gradients` of the callbacks) or the validation loss
                became NaN or infinite. The parameters are as before that step (or, for the validation loss, as after
                the epoch), and `self.history` has the epochs before.
            KeyboardInterrupt: Ctrl-C, which waits for the running step. The model can be used and trained further.
        """
        if not is_grad_enabled():
            raise RuntimeError(
                "fit: nothing is recorded here, inside tg.no_grad(), so there would be no gradients. Call fit outside, "
                "or inside tg.enable_grad()."
            )
        training = Training(
            model=self,
            optimizer=checked_optimizer(self.optimizer, self.network),
            data=Batches.of("fit", X, y, batch_size, self._dtype()),
            validation=self._validation(validation_data, batch_size),
            epochs=at_least_1("fit: epochs", epochs),
            shuffle=shuffle,
            callbacks=checked_callbacks(callbacks),
        )
        for what, data in (("fit", training.data), ("fit: validation_data", training.validation)):
            if data is not None:
                rehearse(what, self.network, self.loss, self.metrics, data)
        self._sample_shape = training.data.inputs.shape[1:]
        training.run(progress(verbose, training.epochs, len(training.data)))
        return self.history

    # -- use ----------------------------------------------------------------------------------------------

    def evaluate(self, X: ArrayLike, y: ArrayLike, *, batch_size: int | None = None) -> dict[str, float]:
        """The loss, without regularisation, and the metrics on these data, in evaluation mode.

        Args:
            X, y: samples and their targets, as for `fit`.
            batch_size: samples at a time, to save memory; None for all.

        Returns:
            `{"loss": ..., "accuracy": ...}`: means over all samples.

        Raises:
            ValueError, TypeError: as `fit`.
        """
        data = Batches.of("evaluate", X, y, batch_size, self._dtype())
        check_samples("evaluate", self.network, data.inputs.shape)
        values = evaluate(self.network, self.loss, self.metrics, data)
        self._sample_shape = data.inputs.shape[1:]
        return values

    def predict(self, X: ArrayLike, *, batch_size: int | None = None) -> NDArray[Any]:
        """What the network gives for these samples, in evaluation mode and without recording a graph.

        Args:
            X: samples `(samples, ...)`.
            batch_size: samples at a time, to save memory; None for all.

        Raises:
            ValueError, TypeError: no samples, or samples that do not fit the network.
        """
        inputs = checked_inputs("predict: X", X, self._dtype())
        check_samples("predict", self.network, inputs.shape)
        size = rows_per_batch("predict", batch_size, len(inputs))
        with in_mode(self.network, training=False), no_grad():
            outputs = [self.network(Tensor(inputs[rows])).numpy() for rows in slices(len(inputs), size)]
        self._sample_shape = inputs.shape[1:]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def summary(self, input_shape: tuple[int, ...] | None = None) -> None:
        """Print a table of the layers, the shapes they give out and their parameters.

        Args:
            input_shape: the shape of one sample, without the batch axis. Default: that of the last data seen, or what
                a first layer `Dense` takes; if neither is known, the shapes are left out.
        """
        with in_mode(self.network, training=False):
            print(summary(self.network, self._sample_shape if input_shape is None else input_shape))

    def __repr__(self) -> str:
        parts = [
            self.network,
            f"loss={self.loss!r}",
            f"optimizer={self.optimizer!r}",
            f"metrics={list(self.metrics)!r}",
        ]
        inner = ",\n".join(map(str, parts)).replace("\n", "\n  ")
        return f"Model(\n  {inner},\n)"

    # -- inside -------------------------------------------------------------------------------------------

    def _validation(self, data: Any, batch_size: int | None) -> Batches | None:
        if data is None:
            return None
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError("fit: validation_data must be a pair (X, y).")
        X, y = data
        return Batches.of("fit: validation_data", X, y, batch_size, self._dtype())

    def _dtype(self) -> np.dtype[Any] | None:
        return next((parameter.dtype for parameter in self.network.parameters()), None)

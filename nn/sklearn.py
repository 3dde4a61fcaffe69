"""Scikit-learn estimators for use in pipelines, cross-validation and grid search.

This module requires scikit-learn. It is imported on first access to `nn.sklearn`, not by `import nn`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._hints import ESTIMATOR
from nn._rng import Rng, generator
from nn.callbacks import Callback, EarlyStopping
from nn.data import split
from nn.layers import Dense, Dropout, Sequential
from nn.layers.activations import ReLU, Softmax
from nn.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from nn.module import Module
from nn.optimizers import Adam, Optimizer, Schedule
from nn.training import History, Model
from tensorgrad import Tensor
from tensorgrad.arguments import with_hints

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import column_or_1d
    from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError('nn.sklearn needs scikit-learn 1.6 or newer: pip install "tensorgrad[examples]"') from error

__all__ = ["Classifier", "Regressor"]

FLOATS = (np.float64, np.float32)
"""The accepted dtypes of samples. Other dtypes are converted to the first one."""


class _NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Base class of the estimators: their settings, the network that the settings describe, and its training."""

    model_: Model
    history_: History
    n_iter_: int

    @with_hints(ESTIMATOR)
    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (64,),
        *,
        activation: Callable[[], Module] = ReLU,
        l2: float = 0.0,
        dropout: float = 0.0,
        network: Callable[[int, int, Rng], Module] | None = None,
        optimizer: Callable[..., Optimizer] = Adam,
        learning_rate: float | Schedule = 0.003,
        epochs: int = 100,
        batch_size: int | None = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        callbacks: Iterable[Callback] = (),
        verbose: int | None = 0,
        random_state: Rng = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.l2 = l2
        self.dropout = dropout
        self.network = network
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _train(
        self, X: NDArray[Any], y: NDArray[Any], outputs: int, loss: Loss, sample_weight: Any, epochs: int | None = None
    ) -> None:  # fmt: skip
        """Fit a new model. With `warm_start` or `epochs`, continue to train the last model if there is one.

        Set `model_`, `history_` and `n_iter_`. There is no early stopping if `epochs` is passed.
        """
        continues = hasattr(self, "model_") and (self.warm_start or epochs is not None)
        model = self.model_ if continues else self._model(X, outputs, loss)
        callbacks, options = list(self.callbacks), {"sample_weight": sample_weight}
        if self.early_stopping and epochs is None:
            X, y, options = self._with_validation(X, y, sample_weight)
            callbacks.append(EarlyStopping("val_loss", patience=self.n_iter_no_change, min_delta=self.tol))
        history = model.fit(
            X, y, epochs=self.epochs if epochs is None else epochs, batch_size=self.batch_size, callbacks=callbacks,
            verbose=self.verbose, **options,
        )  # fmt: skip
        self.history_ = _joined(self.history_, history) if continues else history
        self.n_iter_ = len(self.history_.epochs)
        self.model_ = model

    def _model(self, X: NDArray[Any], outputs: int, loss: Loss) -> Model:
        """Return a new model."""
        self._check_makers()
        rng = generator(self.random_state)
        if self.network is None:
            network: Module = Sequential(*self._layers(X.shape[1], outputs, X.dtype, rng))
        else:
            network = self.network(X.shape[1], outputs, rng)
            if not isinstance(network, Module):
                raise TypeError(f"{type(self).__name__}: network must make an nn.Module, but made {network!r}.")
        optimizer = self.optimizer(network.parameters(), learning_rate=self.learning_rate)
        return Model(network, loss=loss, optimizer=optimizer, rng=rng)

    def _with_validation(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, dict[str, Any]]:
        """Return the samples and targets for training, and the others as arguments of `Model.fit`.

        The same data are split in the same way if `random_state` is a seed, also by a warm start.
        """
        rows = np.arange(len(X))[:, None]
        try:
            train, _, held_out, _ = split(
                rows, y, self.validation_fraction, stratify=y.ndim == 1, rng=generator(self.random_state)
            )
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__}: early_stopping cannot keep validation_fraction={self.validation_fraction} of "
                f"{len(X)} samples for validation: {error}"
            ) from error
        train, held_out = train[:, 0], held_out[:, 0]
        validation = (X[held_out], y[held_out])
        if sample_weight is None:
            return X[train], y[train], {"validation_data": validation}
        check_consistent_length(X, sample_weight)
        weights = np.asarray(sample_weight)
        options = {"sample_weight": weights[train], "validation_data": (*validation, weights[held_out])}
        return X[train], y[train], options

    def _layers(self, inputs: int, outputs: int, dtype: np.dtype[Any], rng: Rng) -> Iterator[Module]:
        for neurons in np.atleast_1d(self.hidden_layer_sizes).tolist():
            yield Dense(inputs, neurons, weight_l2=self.l2, dtype=dtype, rng=rng)
            yield self.activation()
            if self.dropout:
                yield Dropout(self.dropout, rng=rng)
            inputs = neurons
        yield Dense(inputs, outputs, weight_l2=self.l2, dtype=dtype, rng=rng)

    def _outputs(self, X: ArrayLike) -> NDArray[Any]:
        """Return the outputs of the network for these samples: `(samples, outputs)`."""
        check_is_fitted(self)
        outputs: NDArray[Any] = self.model_.predict(validate_data(self, X, reset=False, dtype=FLOATS))
        return outputs

    def _check_makers(self) -> None:
        for name, example in (("activation", "nn.ReLU"), ("optimizer", "nn.Adam"), ("network", "build_network")):
            maker = getattr(self, name)
            if name == "network" and maker is None:
                continue
            if not callable(maker) or isinstance(maker, Module):
                raise TypeError(
                    f"{type(self).__name__}: {name} must be a class or function that makes one, such as {example} "
                    f"(without brackets), got {maker!r}."
                )


class Classifier(ClassifierMixin, _NetworkEstimator):  # type: ignore[misc]
    """Neural network classifier with scikit-learn's interface.

    Samples have shape `(samples, features)` and should be scaled to about -1 … 1 (`StandardScaler`). Labels are
    anything that scikit-learn supports: numbers or strings, two classes or more. The network computes in float32 if the
    samples are float32, which is faster, and otherwise in float64. It has one output per class and is trained with
    `nn.SoftmaxCrossEntropy`.

    Args:
        hidden_layer_sizes: the number of neurons in each hidden layer; `()` for none, which is logistic regression.
        activation: creates the activation after each hidden layer.
        l2: λ of the penalty λΣw² on the weights of each layer; the biases are not penalised.
        dropout: the fraction of each hidden layer's outputs that is dropped during training, in [0, 1).
        network: a function of `(inputs, outputs, rng)` that creates a custom network; the four settings above are then
            ignored.
        optimizer: creates the optimizer, called as `optimizer(parameters, learning_rate=…)`. For further settings, use
            `functools.partial(nn.SGD, momentum=0.9)`.
        learning_rate: the optimizer's learning rate, or a schedule such as `nn.CosineDecay(…)`.
        epochs: the number of passes over the samples.
        batch_size: the number of samples per step; None for all.
        class_weight: the weight of each class in the loss: a dict from labels to weights, with 1 for omitted labels;
            "balanced", for weights inversely proportional to the class frequencies; or None for equal weights. The
            weight of a sample is that of its class, multiplied by its `sample_weight`. `partial_fit` does not support
            "balanced".
        early_stopping: whether to keep a part of the samples for validation, to stop when their loss no longer
            improves, and to keep the parameters of the best epoch. The part is drawn at random, for a `Classifier` in
            proportion to the classes. `partial_fit` uses all samples.
        validation_fraction, n_iter_no_change, tol: of early stopping, as in scikit-learn's `MLPClassifier`: the
            fraction of the samples for validation, the number of epochs without improvement, and the improvement of the
            loss that counts.
        warm_start: whether `fit` continues with the network and the optimizer of the last call, for `epochs` more
            epochs. The settings that describe the network and the optimizer then have no effect.
        callbacks: objects whose methods are called during training, as in `nn.Model.fit`; see `nn.Callback`.
        verbose: as in `nn.Model.fit`.
        random_state: a seed, a `RandomState`, a `Generator`, or None for a different result each time. It determines
            the weights, the order of the samples and dropout.

    Settings are validated by `fit`, as scikit-learn requires. Each call of `fit` trains from scratch, unless
    `warm_start` is set. `partial_fit` is for data that do not fit into memory: each call trains on some of them.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_, feature_names_in_: the number of features in `fit`, and their names if X was a data frame.
        model_: the `nn.Model`. It returns logits, before the softmax.
        history_: the `nn.History` of the training. Epochs that continue a previous call are added, if they have the
            same values.
        n_iter_: the number of epochs in `history_`.

    >>> import nn
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_wine(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), nn.sklearn.Classifier(random_state=0))
    >>> bool(cross_val_score(model, X, y, cv=3).mean() > 0.95)
    True
    """

    classes_: NDArray[Any]

    @with_hints(ESTIMATOR)
    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (64,),
        *,
        activation: Callable[[], Module] = ReLU,
        l2: float = 0.0,
        dropout: float = 0.0,
        network: Callable[[int, int, Rng], Module] | None = None,
        optimizer: Callable[..., Optimizer] = Adam,
        learning_rate: float | Schedule = 0.003,
        epochs: int = 100,
        batch_size: int | None = 32,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        callbacks: Iterable[Callback] = (),
        verbose: int | None = 0,
        random_state: Rng = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            l2=l2,
            dropout=dropout,
            network=network,
            optimizer=optimizer,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            callbacks=callbacks,
            verbose=verbose,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a network on samples and labels. Return the estimator.

        Args:
            X, y: samples and labels. With `warm_start`, the labels must be among those of the last call.
            sample_weight: the weight of each sample, at least 0; default: equal weights. Only the ratios matter.

        Raises:
            ValueError, TypeError: invalid data or settings.
            FloatingPointError: training diverged, often because the learning rate is too high or X is not scaled.
        """
        continues = self.warm_start and hasattr(self, "model_")
        samples, labels = validate_data(self, X, y, dtype=FLOATS, reset=not continues)
        check_classification_targets(labels)
        classes = self.classes_ if continues else np.unique(labels)
        columns = self._columns(labels, classes)
        weights = self._weights(labels, columns, classes, sample_weight)
        self._train(samples, columns, len(classes), SoftmaxCrossEntropy(), weights)
        self.classes_ = classes
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train the network of the last call further, with one pass over these samples. Return the estimator.

        Args:
            X, y, sample_weight: as for `fit`.
            classes: all labels that may occur; required in the first call, unless `fit` was called before.

        Raises:
            ValueError, TypeError, FloatingPointError: as for `fit`; also if `classes` are missing or differ from those
                of the last call, or if `class_weight` is "balanced".
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"Classifier: partial_fit cannot use class_weight={self.class_weight!r}, because it does not see all "
                "samples. Pass a dict: class_weight=dict(zip(classes, compute_class_weight('balanced', ...)))."
            )
        continues = hasattr(self, "model_")
        samples, labels = validate_data(self, X, y, dtype=FLOATS, reset=not continues)
        check_classification_targets(labels)
        if classes is None and not continues:
            raise ValueError(
                "Classifier: the first call of partial_fit needs classes, all labels that may occur: "
                "partial_fit(X, y, classes=np.unique(all_labels))."
            )
        known = self.classes_ if classes is None else np.unique(np.asarray(classes))
        if continues and not np.array_equal(known, self.classes_):
            raise ValueError(f"Classifier: expected the classes of the first call, {self.classes_}, got {known}.")
        columns = self._columns(labels, known)
        weights = self._weights(labels, columns, known, sample_weight)
        self._train(samples, columns, len(known), SoftmaxCrossEntropy(), weights, epochs=1)
        self.classes_ = known
        return self

    def _columns(self, labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
        """Return the output that belongs to each label."""
        unknown = np.setdiff1d(labels, classes)
        if len(unknown):
            raise ValueError(
                f"Classifier: label {unknown.tolist()[0]!r} is not among the classes {classes}. A network that is "
                "trained further has one output for each class of the first call."
            )
        return np.searchsorted(classes, labels)

    def _weights(self, labels: Any, columns: Any, classes: Any, sample_weight: ArrayLike | None) -> Any:
        """Return the weights of the samples, multiplied by those of their classes; None for equal weights."""
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, str):
            weights = compute_sample_weight(self.class_weight, labels)
        else:
            weights = compute_class_weight(self.class_weight, classes=classes, y=labels)[columns]
        if sample_weight is None:
            return weights
        check_consistent_length(labels, sample_weight)
        return weights * column_or_1d(sample_weight)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each sample."""
        columns = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[columns]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Return the probability of each class, in the order of `classes_`: `(samples, classes)`."""
        probabilities: Tensor = Softmax()(self._outputs(X))
        return probabilities.numpy()


class Regressor(RegressorMixin, _NetworkEstimator):  # type: ignore[misc]
    """Neural network regressor with scikit-learn's interface.

    Samples are as for `Classifier`. Targets have shape `(samples,)` or, for several outputs, `(samples, outputs)`, and
    should be scaled as well (`TransformedTargetRegressor`). The network is trained with `nn.MeanSquaredError`.

    Args:
        hidden_layer_sizes, activation, …: as for `Classifier`.

    Attributes:
        n_features_in_, feature_names_in_, model_, history_, n_iter_: as for `Classifier`.

    >>> import nn
    >>> X, y = nn.datasets.sine(200)
    >>> model = nn.sklearn.Regressor((64, 64), random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95  # R²
    True
    """

    _target_shape: tuple[int, ...]

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a network on samples and targets. Return the estimator.

        Args:
            X, y: samples and targets.
            sample_weight: the weight of each sample, at least 0; default: equal weights. Only the ratios matter.

        Raises:
            ValueError, TypeError: invalid data or settings.
            FloatingPointError: training diverged, often because the learning rate is too high or X or y is not scaled.
        """
        return self._fit(X, y, sample_weight, continues=self.warm_start and hasattr(self, "model_"))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train the network of the last call further, with one pass over these samples. Return the estimator.

        Args:
            X, y, sample_weight: as for `fit`. The targets have the shape of those in the first call.

        Raises:
            ValueError, TypeError, FloatingPointError: as for `fit`.
        """
        return self._fit(X, y, sample_weight, continues=hasattr(self, "model_"), epochs=1)

    def _fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: Any, *, continues: bool, epochs: int | None = None
    ) -> Self:  # fmt: skip
        options: dict[str, Any] = {"dtype": FLOATS, "multi_output": True, "y_numeric": True}
        samples, targets = validate_data(self, X, y, reset=not continues, **options)
        if continues and targets.shape[1:] != self._target_shape:
            expected = ("samples", *self._target_shape)
            raise ValueError(
                f"Regressor: expected targets of shape {expected} as in the first call, got {targets.shape}."
            )
        rows = targets.reshape(len(targets), -1)
        self._train(samples, rows, rows.shape[1], MeanSquaredError(), sample_weight, epochs=epochs)
        self._target_shape = targets.shape[1:]
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the prediction for each sample, in the shape of the targets."""
        outputs = self._outputs(X)
        return outputs.reshape(len(outputs), *self._target_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _joined(before: History, after: History) -> History:
    """Return the epochs of both; only those of `after` if the metrics differ, such as by a validation loss."""
    if set(before) != set(after):
        return after
    both = History()
    for history in (before, after):
        for epoch in history.epochs:
            both.record({name: values[epoch] for name, values in history.items()})
    return both

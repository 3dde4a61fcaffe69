"""Scikit-learn estimators for use in pipelines, cross-validation and grid search.

`import nn` does not import this module, which requires scikit-learn; it is imported on first access to `nn.sklearn`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._rng import Rng, generator
from nn.layers import Dense, Dropout, Sequential
from nn.layers.activations import ReLU, Softmax
from nn.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from nn.module import Module
from nn.optimizers import Adam, Optimizer, Schedule
from nn.training import Model
from tensorgrad import Tensor

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError('nn.sklearn needs scikit-learn 1.6 or newer: pip install "tensorgrad[examples]"') from error

__all__ = ["Classifier", "Regressor"]

FLOATS = (np.float64, np.float32)
"""The dtypes of samples that are kept; other dtypes are converted to the first one."""


class _NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Base class of the estimators: their settings, the network that the settings describe, and its training."""

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
        self.verbose = verbose
        self.random_state = random_state

    def _train(self, X: NDArray[Any], y: NDArray[Any], outputs: int, loss: Loss, sample_weight: Any) -> None:
        """Create a new model and fit it; set `model_` and `history_`."""
        self._check_makers()
        rng = generator(self.random_state)
        if self.network is None:
            network: Module = Sequential(*self._layers(X.shape[1], outputs, X.dtype, rng))
        else:
            network = self.network(X.shape[1], outputs, rng)
            if not isinstance(network, Module):
                raise TypeError(f"{type(self).__name__}: network must make an nn.Module, but made {network!r}.")
        optimizer = self.optimizer(network.parameters(), learning_rate=self.learning_rate)
        model = Model(network, loss=loss, optimizer=optimizer, rng=rng)
        self.history_ = model.fit(
            X, y, sample_weight=sample_weight, epochs=self.epochs, batch_size=self.batch_size, verbose=self.verbose
        )
        self.model_ = model

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
        verbose: as in `nn.Model.fit`.
        random_state: a seed, a `RandomState`, a `Generator`, or None for a different result each time. It determines
            the weights, the order of the samples and dropout.

    Settings are validated by `fit`, as scikit-learn requires, and each call of `fit` trains from scratch.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_, feature_names_in_: the number of features in `fit`, and their names if X was a data frame.
        model_: the `nn.Model`. It returns logits, before the softmax.
        history_: the `nn.History` of the training.

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

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a new network on samples and labels. Return the estimator.

        Args:
            X, y: samples and labels.
            sample_weight: the weight of each sample, at least 0; default: equal weights. Only the ratios matter.

        Raises:
            ValueError, TypeError: invalid data or settings.
            FloatingPointError: training diverged, often because the learning rate is too high or X is not scaled.
        """
        samples, labels = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(labels)
        classes, columns = np.unique(labels, return_inverse=True)
        self._train(samples, columns, len(classes), SoftmaxCrossEntropy(), sample_weight)
        self.classes_ = classes
        return self

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
        n_features_in_, feature_names_in_, model_, history_: as for `Classifier`.

    >>> import nn
    >>> X, y = nn.datasets.sine(200)
    >>> model = nn.sklearn.Regressor((64, 64), random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95  # R²
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train a new network on samples and targets. Return the estimator.

        Args:
            X, y: samples and targets.
            sample_weight: the weight of each sample, at least 0; default: equal weights. Only the ratios matter.

        Raises:
            ValueError, TypeError: invalid data or settings.
            FloatingPointError: training diverged, often because the learning rate is too high or X or y is not scaled.
        """
        samples, targets = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        rows = targets.reshape(len(targets), -1)
        self._train(samples, rows, rows.shape[1], MeanSquaredError(), sample_weight)
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

"""Networks as scikit-learn estimators, for its pipelines, cross-validation and grid search.

`import nn` does not load this module, which needs scikit-learn; `nn.sklearn` does, when it is first used.
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
"""The dtypes of samples that stay as they are; others become the first."""


class _NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """What both estimators share: their settings, the network these describe, and its training."""

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
        """Make a new model and fit it: `model_` and `history_`."""
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
        """What the network gives for these samples: `(samples, outputs)`."""
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
    """A network that tells classes apart, as a scikit-learn classifier.

    Samples are rows of numbers `(samples, features)`, best scaled to about -1 … 1 (`StandardScaler`); labels are
    anything scikit-learn takes: numbers, strings, two classes or more. The network computes in float32 if the samples
    are float32, which is faster, and else in float64. It ends in an output for each class and is trained on
    `nn.SoftmaxCrossEntropy`.

    Args:
        hidden_layer_sizes: the neurons of each hidden layer; `()` for none, which is logistic regression.
        activation: makes what follows each hidden layer.
        l2: λ of the penalty λΣw² on the weights of each layer; the biases are free.
        dropout: the share of each hidden layer's outputs that is dropped in training, in [0, 1).
        network: a function of `(inputs, outputs, rng)` that makes another network; the four settings above are
            then not used.
        optimizer: makes the optimizer, called as `optimizer(parameters, learning_rate=…)`. For further settings, use
            `functools.partial(nn.SGD, momentum=0.9)`.
        learning_rate: the length of its steps, or a schedule for it such as `nn.CosineDecay(…)`.
        epochs: how often training goes through all samples.
        batch_size: samples per step; None for all.
        verbose: as in `nn.Model.fit`.
        random_state: a seed, a `RandomState`, a `Generator`, or None for another result each time. The weights, the
            order of the samples and dropout are drawn from it.

    Settings are checked by `fit`, as scikit-learn wants it, and `fit` always starts anew.

    Attributes:
        classes_: the labels, sorted.
        n_features_in_, feature_names_in_: of the samples seen by `fit`; the names if those were a data frame's.
        model_: the `nn.Model`. It gives logits, before the softmax.
        history_: its `nn.History`.

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
        """Train a new network on these samples and their labels. Returns itself.

        Args:
            X, y: samples and labels.
            sample_weight: how much each sample counts, at least 0; default: all the same. Only the ratios matter.

        Raises:
            ValueError, TypeError: data or settings that do not fit.
            FloatingPointError: training diverged; often the learning rate is too high, or X is not scaled.
        """
        samples, labels = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(labels)
        classes, columns = np.unique(labels, return_inverse=True)
        self._train(samples, columns, len(classes), SoftmaxCrossEntropy(), sample_weight)
        self.classes_ = classes
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each sample."""
        columns = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[columns]
        return labels

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """The probability of each class, in the order of `classes_`: `(samples, classes)`."""
        probabilities: Tensor = Softmax()(self._outputs(X))
        return probabilities.numpy()


class Regressor(RegressorMixin, _NetworkEstimator):  # type: ignore[misc]
    """A network that predicts numbers, as a scikit-learn regressor.

    Samples as for `Classifier`; targets are `(samples,)` or, for several at once, `(samples, outputs)`, best scaled,
    too (`TransformedTargetRegressor`). It is trained on `nn.MeanSquaredError`.

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
        """Train a new network on these samples and their targets. Returns itself.

        Args:
            X, y: samples and targets.
            sample_weight: how much each sample counts, at least 0; default: all the same. Only the ratios matter.

        Raises:
            ValueError, TypeError: data or settings that do not fit.
            FloatingPointError: training diverged; often the learning rate is too high, or X or y is not scaled.
        """
        samples, targets = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        rows = targets.reshape(len(targets), -1)
        self._train(samples, rows, rows.shape[1], MeanSquaredError(), sample_weight)
        self._target_shape = targets.shape[1:]
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The prediction for each sample, in the shape of the targets."""
        outputs = self._outputs(X)
        return outputs.reshape(len(outputs), *self._target_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

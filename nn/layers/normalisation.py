"""Normalisation layers: of the batch, of each sample, of groups of features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import tensorgrad as tg
from nn import functional, init
from nn._repr import counted, settings
from nn._rng import Rng
from nn._validation import as_array, whole_number
from nn._weight_layouts import Layout
from nn.layers.masks import refuse_mask
from nn.module import Module, place
from tensorgrad import Tensor


class _Normalisation(Module):
    """Base class of the normalisations, with a weight and a bias for each feature.

    Subclasses with another constructor override `settings`, so that it is known to belong to it.
    """

    weight: Tensor | None
    bias: Tensor | None
    features: int
    has_bias: ClassVar[bool] = True

    def __init__(
        self, features: int, *, epsilon: float = 1e-5, affine: bool = True, bias: bool = True,
        weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        self.features = whole_number(f"{name}: features", features)
        if not (math.isfinite(epsilon) and epsilon >= 0):
            raise ValueError(f"{name}: epsilon must be a finite number of at least 0, got {epsilon!r}.")
        self.epsilon, self.affine = float(epsilon), bool(affine)
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"{name}: expected a floating-point dtype, got {np.dtype(dtype)}.")
        self.dtype = str(np.dtype(dtype))
        self.weight = self.bias = None
        if affine:
            initializer = init.constant(1.0) if weight_init is None else weight_init
            values = as_array(initializer((self.features,), rng, dtype)).astype(dtype, copy=False)
            if values.shape != (self.features,):
                raise ValueError(f"{name}: weight_init gave shape {values.shape}, expected {(self.features,)}.")
            self.weight = Tensor(values, requires_grad=True)
        if affine and bias:
            self.bias = Tensor(np.zeros(self.features, dtype), requires_grad=True)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = settings(self)
        if shown.get("dtype") == "float32":
            del shown["dtype"]
        if self.affine and self.bias is None and self.has_bias:
            shown["bias"] = False
        return shown

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        dtype = np.float32 if self.weight is None else self.weight.dtype
        yield np.zeros((1, self.features), dtype)

    def _checked(self, x: ArrayLike) -> ArrayLike:
        """Return `x` if its last axis has the features.

        Raises:
            ValueError: it does not, with a hint for channels-first arrays.
        """
        shape = np.shape(x)
        if shape[-1:] == (self.features,):
            return x
        features = counted(self.features, "feature")
        message = f"expected x with {features} along the last axis, got an array of shape {shape}."
        if len(shape) > 2 and shape[1] == self.features:
            message += " Axis 1 seems to have the features: pass np.moveaxis(x, 1, -1)."
        raise ValueError(f"{place(self)}: {message}")


class BatchNorm(_Normalisation):
    """Batch normalisation: each feature is normalised over all other axes.

    Training uses the mean and the variance of the batch and updates the running statistics. Evaluation uses the running
    statistics.

    Args:
        features: the length of the last axis of x, at least 1.
        momentum: the fraction of the running statistics that each batch keeps: running = momentum·running +
            (1 - momentum)·batch, as in Keras. PyTorch's momentum is 1 minus this. With None, the running statistics
            are the averages over all batches so far. The variance in them is the unbiased one, as in PyTorch.
        epsilon: added to the variance.
        affine: whether there are a weight and a bias.
        bias: whether there is a bias; it needs `affine`.
        frozen: whether to use the running statistics in training too, without updating them.
        weight_init: an initialiser from `nn.init`; default ones. The bias starts at 0.
        dtype, rng: as in `Dense`.

    Attributes:
        weight, bias: `(features,)`, or None.
        running_mean, running_variance: `(features,)`; saved, and not trained. They start at 0 and 1.
        batches: the number of batches so far, if `momentum` is None; saved.

    x is `(samples, …, features)`: `(samples, features)` after a dense layer, `(batch, height, width, channels)` for
    images. `Model.fit` adds a last batch of a single sample to the batch before.

    Raises:
        ValueError: an argument out of range; when called, x with other features, or, in training, a single number
            for each feature, which has no variance.
        TypeError: `features` that is not an integer, or a dtype that is not floating-point.

    References:
        Ioffe and Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
        Shift*, 2015.

    >>> layer = BatchNorm(2)
    >>> layer([[1.0, 10.0], [3.0, 10.0]]).data.round(2)
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> layer.running_mean  # 0.9 · 0 + 0.1 · the mean of the batch
    Tensor([0.2, 1. ], dtype=float32)
    >>> layer.eval()([[1.2, 1.0]]).data.round(2)
    array([[0.95, 0.  ]])
    """

    state_names = ("running_mean", "running_variance", "batches")

    keras_layout = Layout(
        {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_variance": "moving_variance"},
        name="batch_normalization",
    )

    def __init__(
        self, features: int, *, momentum: float | None = 0.9, epsilon: float = 1e-5, affine: bool = True,
        bias: bool = True, frozen: bool = False, weight_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"BatchNorm: momentum must be in [0, 1], or None for an average, got {momentum!r}.")
        super().__init__(
            features, epsilon=epsilon, affine=affine, bias=bias, weight_init=weight_init, dtype=dtype, rng=rng
        )
        self.momentum = None if momentum is None else float(momentum)
        self.frozen = bool(frozen)
        self.running_mean = Tensor(np.zeros(self.features, dtype))
        self.running_variance = Tensor(np.ones(self.features, dtype))
        self.batches = Tensor(np.zeros((), np.int64)) if momentum is None else None

    def forward(self, x: ArrayLike, *, mask: ArrayLike | None = None) -> Tensor:
        """Return x normalised, scaled and shifted.

        Args:
            x: `(samples, …, features)`.
            mask: `(samples, …)` booleans, False for padding of sequences, which does not influence the statistics.
        """
        x = self._checked(x)
        if not self.training or self.frozen:
            return functional.batch_norm_with(
                x, self.running_mean, self.running_variance, self.weight, self.bias, epsilon=self.epsilon
            )
        if mask is not None:
            real = as_array(mask)
            if real.dtype != bool or real.shape != np.shape(x)[:-1]:
                raise ValueError(
                    f"{place(self)}: expected a mask of booleans of shape {np.shape(x)[:-1]}, got {real.dtype} "
                    f"{real.shape}."
                )
            return self._normalised_steps(x if isinstance(x, Tensor) else Tensor(x), real)
        count = math.prod(np.shape(x)[:-1])
        if count < 2:
            raise ValueError(
                f"{place(self)}: training needs at least 2 numbers for each feature, got x of shape {np.shape(x)}. "
                "Use a batch_size of at least 2, or call eval()."
            )
        result: Any = functional.batch_norm(x, self.weight, self.bias, epsilon=self.epsilon)
        self._follow(result.mean.array, result.variance.array * (count / (count - 1)))
        output: Tensor = result.output
        return output

    def _normalised_steps(self, x: Tensor, real: Any) -> Tensor:
        """Return x normalised by the statistics of the steps that are not padding; 0 for padding."""
        count = np.sum(real)
        if isinstance(real, np.ndarray) and count < 2:
            raise ValueError(
                f"{place(self)}: training needs at least 2 numbers for each feature that are not padding, got {count}."
            )
        real, axes = real[..., None], tuple(range(x.ndim - 1))
        mean = tg.sum(tg.where(real, x, 0), axis=axes) / count
        centred = tg.where(real, x - mean, 0)
        variance = tg.sum(centred * centred, axis=axes) / count
        self._follow(mean.array, variance.array * (count / (count - 1)))
        result = functional.batch_norm_with(x, mean, variance, self.weight, self.bias, epsilon=self.epsilon)
        output: Tensor = tg.where(real, result, 0)
        return output

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and their mask."""
        return self(x, mask=mask), mask

    def freeze(self, frozen: bool = True) -> Self:
        """Freeze the statistics, the weight and the bias, or unfreeze them if `frozen` is False.

        Useful for fine-tuning, where small batches would distort the statistics of a trained network. Return the layer.

        >>> layer = BatchNorm(2).freeze()
        >>> list(layer.parameters())
        []
        """
        self.frozen = bool(frozen)
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                parameter.requires_grad = not frozen
        return self

    def _follow(self, mean: Any, variance: Any) -> None:
        """Move the running statistics towards those of a batch."""
        kept: Any = self.momentum
        if self.batches is not None:
            self.batches.data = self.batches.array + 1
            kept = 1 - 1 / self.batches.array
        dtype = self.running_mean.dtype
        self.running_mean.data = (kept * self.running_mean.array + (1 - kept) * mean).astype(dtype)
        self.running_variance.data = (kept * self.running_variance.array + (1 - kept) * variance).astype(dtype)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.momentum is None:
            shown["momentum"] = None
        return shown

    @property
    def pytorch_layout(self) -> Layout:
        """Return the names in PyTorch. Its count of batches is read if this layer has one."""
        if self.batches is None:
            return Layout({"running_variance": "running_var"}, ignored=["num_batches_tracked"])
        return Layout({"running_variance": "running_var", "batches": "num_batches_tracked"})


class LayerNorm(_Normalisation):
    """Layer normalisation: the features of each sample, or of each time step, are normalised together.

    Args:
        features: the length of the last axis of x, at least 1.
        epsilon: added to the variance.
        affine, bias, weight_init, dtype, rng: as in `BatchNorm`.

    Attributes:
        weight, bias: `(features,)`, or None.

    x is `(…, features)`.

    Raises:
        ValueError: an argument out of range; when called, x with other features.
        TypeError: `features` that is not an integer, or a dtype that is not floating-point.

    References:
        Ba, Kiros, Hinton, *Layer Normalization*, 2016.

    >>> LayerNorm(2)([[1.0, 3.0], [10.0, 30.0]]).data.round(2)
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    keras_layout = Layout({"weight": "gamma", "bias": "beta"}, name="layer_normalization")

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.layer_norm` of x."""
        return functional.layer_norm(self._checked(x), self.weight, self.bias, epsilon=self.epsilon)


class RMSNorm(_Normalisation):
    """Root-mean-square normalisation: the features of each sample are divided by their root mean square.

    Args:
        features: the length of the last axis of x, at least 1.
        epsilon: added to the mean of the squares.
        affine: whether there is a weight.
        weight_init, dtype, rng: as in `BatchNorm`.

    Attributes:
        weight: `(features,)`, or None.

    x is `(…, features)`.

    Raises:
        ValueError, TypeError: as `LayerNorm`.

    References:
        Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019.

    >>> RMSNorm(2)([3.0, -3.0]).data.round(2)
    array([ 1., -1.])
    """

    has_bias = False
    keras_layout = Layout({"weight": "scale"}, name="rms_normalization")

    def __init__(
        self, features: int, *, epsilon: float = 1e-5, affine: bool = True,
        weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        super().__init__(
            features, epsilon=epsilon, affine=affine, bias=False, weight_init=weight_init, dtype=dtype, rng=rng
        )

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.rms_norm` of x."""
        return functional.rms_norm(self._checked(x), self.weight, epsilon=self.epsilon)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return super().settings()


class GroupNorm(_Normalisation):
    """Group normalisation: each group of features of a sample is normalised over all its pixels.

    Args:
        features: the length of the last axis of x, at least 1.
        groups: the number of groups, a divisor of `features`.
        epsilon: added to the variance.
        affine, bias, weight_init, dtype, rng: as in `BatchNorm`.

    Attributes:
        weight, bias: `(features,)`, or None.

    x is `(samples, …, features)`.

    Raises:
        ValueError: `features` is not a multiple of `groups`; otherwise as `LayerNorm`.
        TypeError: a number that is not an integer, or a dtype that is not floating-point.

    References:
        Wu and He, *Group Normalization*, 2018.

    >>> GroupNorm(4, 2)([[1.0, 3.0, 10.0, 30.0]]).data.round(2)
    array([[-1.,  1., -1.,  1.]])
    """

    with_mask = refuse_mask

    keras_layout = Layout({"weight": "gamma", "bias": "beta"}, name="group_normalization")

    def __init__(
        self, features: int, groups: int, *, epsilon: float = 1e-5, affine: bool = True, bias: bool = True,
        weight_init: init.Initializer | None = None, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        self.groups = whole_number("GroupNorm: groups", groups)
        if whole_number("GroupNorm: features", features) % self.groups:
            raise ValueError(f"GroupNorm: features must be a multiple of groups, got {features} and {groups}.")
        super().__init__(
            features, epsilon=epsilon, affine=affine, bias=bias, weight_init=weight_init, dtype=dtype, rng=rng
        )

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.group_norm` of x."""
        return functional.group_norm(self._checked(x), self.groups, self.weight, self.bias, epsilon=self.epsilon)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return super().settings()


class InstanceNorm(_Normalisation):
    """Instance normalisation: each feature of each sample is normalised over its pixels.

    It has no running statistics; evaluation computes the same as training.

    Args:
        features: the length of the last axis of x, at least 1.
        epsilon: added to the variance.
        affine, bias, weight_init, dtype, rng: as in `BatchNorm`.

    Attributes:
        weight, bias: `(features,)`, or None.

    x is `(samples, …, features)`.

    Raises:
        ValueError: as `LayerNorm`; when called, samples of a single pixel, whose mean is itself.
        TypeError: as `LayerNorm`.

    References:
        Ulyanov, Vedaldi, Lempitsky, *Instance Normalization*, 2016.

    >>> InstanceNorm(2)([[[1.0, 10.0], [3.0, 30.0]]]).data.round(2)
    array([[[-1., -1.],
            [ 1.,  1.]]])
    """

    with_mask = refuse_mask

    keras_layout = Layout({"weight": "gamma", "bias": "beta"}, name="group_normalization")

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        for x in super().example_inputs():
            yield np.repeat(x[:, None], 2, axis=1)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.instance_norm` of x."""
        x = self._checked(x)
        if math.prod(np.shape(x)[1:-1]) == 1:
            raise ValueError(
                f"{place(self)}: expected x of shape (samples, …, features) with several pixels, got {np.shape(x)}. "
                "The mean of a single pixel is the pixel itself, so the result would be 0."
            )
        return functional.instance_norm(x, self.weight, self.bias, epsilon=self.epsilon)

"""JAX arrays behind NumPy's protocols: as small as it can be, to see that the rules run under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class JaxArray:
    """A JAX array, or what stands for one while JAX traces."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: Any) -> None:
        self.value = value

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: np.dtype(self.value.dtype))
    T = property(lambda self: JaxArray(self.value.T))

    def astype(self, dtype: Any, copy: bool = True) -> JaxArray:
        return JaxArray(self.value.astype(dtype))

    def reshape(self, *shape: Any) -> JaxArray:
        return JaxArray(self.value.reshape(*shape))

    def __getitem__(self, index: Any) -> JaxArray:
        return JaxArray(self.value[plain(index)])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not all(isinstance(each, KNOWN) for each in inputs):
            return NotImplemented
        function = getattr(jnp, ufunc.__name__)
        function = function if method == "__call__" else getattr(function, method)
        if dtype is not None and method != "__call__":
            kwargs["dtype"] = dtype
        operands = [jnp.asarray(i, dtype) if method == "__call__" and dtype else i for i in plain(inputs)]
        return lifted(function(*operands, **plain(kwargs)))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not all(issubclass(each, KNOWN) for each in types):
            return NotImplemented
        args, kwargs = plain(args), plain(kwargs)
        if function is np.lib.stride_tricks.sliding_window_view:
            numbers = np.arange(args[0].size).reshape(args[0].shape)
            return JaxArray(args[0].reshape(-1)[function(numbers, *args[1:], **kwargs)])
        if function is np.bincount:  # JAX has to know the length of the result while it traces
            places, weights, length = (*args, None, None)[:3]
            return lifted(jnp.bincount(places, weights, length=kwargs.get("minlength", length)))
        module = jnp.linalg if function.__module__.endswith("linalg") else jnp
        return lifted(getattr(module, function.__name__)(*args, **kwargs))


KNOWN = (JaxArray, np.ndarray, np.generic, int, float)
"""What it computes with; a tensor among the operands is left to answer itself."""


def plain(value: Any) -> Any:
    """Return `value` with the JAX array in place of every JaxArray in it."""
    if isinstance(value, JaxArray):
        return value.value
    if isinstance(value, (tuple, list)):
        return type(value)(plain(item) for item in value)
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def lifted(value: Any) -> Any:
    """Return `value` with a JaxArray in place of every JAX array in it."""
    if isinstance(value, jax.Array):
        return JaxArray(value)
    return type(value)(lifted(item) for item in value) if isinstance(value, (tuple, list)) else value


def _operator(name: str) -> Callable[..., Any]:
    def method(self: JaxArray, *others: Any) -> Any:
        if not all(isinstance(other, KNOWN) for other in others):
            return NotImplemented
        result = getattr(self.value, name)(*plain(others))
        return result if result is NotImplemented else lifted(result)

    return method


for _name in (
    "add", "sub", "mul", "truediv", "pow", "matmul", "and", "or", "radd", "rsub", "rmul", "rtruediv", "rpow",
    "rmatmul", "rand", "ror", "lt", "le", "gt", "ge", "eq", "ne", "neg", "abs", "invert",
):  # fmt: skip
    setattr(JaxArray, f"__{_name}__", _operator(f"__{_name}__"))

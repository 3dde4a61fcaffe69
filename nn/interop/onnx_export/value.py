"""Arrays that represent tensors of an ONNX graph. NumPy's functions add nodes when they are called with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.sizes import Shape
from tensorgrad import Tensor

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
"""Implementations of NumPy's ufuncs for `Value`s, registered by the modules in `functions`."""

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""Implementations of NumPy's other functions, with the same parameters."""


@dataclass(frozen=True)
class Wire:
    """A tensor of the ONNX graph, as it is stored there."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]


class Value(NDArrayOperatorsMixin):
    """Array without values. Functions called with it are recorded as nodes of an ONNX graph.

    It implements NumPy's protocols, so `forward` methods run on it as on arrays of other libraries. Its layout is that
    of tensorgrad, with the channels along the last axis. In the ONNX graph, it exists in this layout, with the channels
    along axis 1, or in both. A missing layout is added when a node needs it; see `Graph.channels_last`.

    Attributes:
        graph: the `Graph`.
        shape, dtype: as of an array. Lengths that depend on free axes are a `sizes.Size`.
        in_channels_last, in_channels_first: the tensors of the ONNX graph; one of them may be None.
    """

    __hash__ = object.__hash__

    def __init__(
        self, graph: Any, shape: Shape, dtype: np.dtype[Any], *,
        channels_last: Wire | None = None, channels_first: Wire | None = None,
    ) -> None:  # fmt: skip
        self.graph, self.shape, self.dtype = graph, shape, dtype
        self.in_channels_last, self.in_channels_first = channels_last, channels_first

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        count = 1
        for length in self.shape:
            count = count * length
        return count

    @property
    def T(self) -> Any:
        """The array with its axes reversed."""
        return np.transpose(self)

    def astype(self, dtype: Any, copy: bool = True) -> Value:
        """Return the array in another dtype."""
        result: Value = FUNCTIONS[np.astype](self, dtype)
        return result

    def reshape(self, *shape: Any) -> Any:
        """Return the array in another shape."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def __getitem__(self, index: Any) -> Any:
        return FUNCTIONS[Value.__getitem__](self, index)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(each, Tensor) for each in inputs):
            return NotImplemented  # the tensor answers
        if method == "reduce" and ufunc in REDUCTIONS:
            axis = options.get("axis", 0)
            return FUNCTIONS[REDUCTIONS[ufunc]](inputs[0], axis, keepdims=options.get("keepdims", False))
        if method != "__call__" or ufunc not in UFUNCS or options.get("out") is not None:
            raise ExportError(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} is not supported")
        return UFUNCS[ufunc](*inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if any(issubclass(each, Tensor) for each in types):
            return NotImplemented
        if function not in FUNCTIONS or options.get("out") is not None:
            raise ExportError(f"np.{getattr(function, '__name__', function)} is not supported")
        try:
            return FUNCTIONS[function](*args, **options)
        except TypeError as error:
            if "unexpected keyword argument" in str(error) or "positional argument" in str(error):
                raise ExportError(f"np.{function.__name__} is not supported with these arguments ({error})") from error
            raise

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise ExportError("it reads the values of an array, which do not exist in an export")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __iter__ = __setitem__ = _refuse

    def __len__(self) -> int:
        return self.shape[0]


REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
}
"""The functions for `ufunc.reduce`."""


def function_of(*functions: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the implementation of NumPy's functions for `Value`s."""

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            if isinstance(function, np.ufunc):
                UFUNCS[function] = compute
            else:
                FUNCTIONS[function] = compute
        return compute

    return register

"""JAX arrays that implement NumPy's protocols, so that the engine's operations and rules run on them unchanged."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from tensorgrad.xla import _refusals
from tensorgrad.xla._functions import call_function
from tensorgrad.xla._products import is_of_ones, sum_by_product, transposed_product
from tensorgrad.xla._ufuncs import call_ufunc

KNOWN = frozenset({np.ndarray, int, float, bool})
"""Types that an array can be combined with, besides `Array` and NumPy's scalars. Tensors implement the operators."""


class Array:
    """XLA array on any device, or the placeholder of one while a function is traced.

    It implements NumPy's protocols: `np.exp(a)`, `a + b`, `a[1:]` and `a.sum()` return XLA arrays. `np.asarray(a)`,
    `float(a)` and `a.item()` copy the values to NumPy, which is an error while a function is traced, because there are
    no values yet. Arrays of dtype float64 stay float64, whatever the setting of JAX.

    In-place operators and `out=` make this object refer to a new XLA array; other objects are unaffected.

    Args:
        values: a JAX array, a NumPy array, numbers, or another `Array`.

    >>> import numpy as np
    >>> from tensorgrad import xla
    >>> a = xla.Array([1.0, 2.0])
    >>> np.exp(a).sum() > 10
    xla.Array(True)
    >>> np.asarray(a * 2)
    array([2., 4.])
    """

    __slots__ = ("__weakref__", "owner", "transpose_of", "value")

    value: Any
    """The JAX array, or the tracer of one."""
    owner: str | None
    """The reason why this array must not be written into; None if it may."""
    transpose_of: Any
    """The tracer whose transpose this is, if it was made by `T`; else None."""

    def __init__(self, values: Any) -> None:
        if isinstance(values, Array):
            values = values.value
        if not isinstance(values, jax.Array):
            with jax.enable_x64(True):
                values = jax.numpy.array(values)
        self.value = values
        self.owner = self.transpose_of = None

    # -- description --------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.value.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type."""
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    @property
    def T(self) -> Array:
        """The array with its axes in reverse order."""
        transposed = self.transpose()
        if isinstance(self.value, jax.core.Tracer):
            transposed.transpose_of = self.value
        return transposed

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __repr__(self) -> str:
        if isinstance(self.value, jax.core.Tracer):
            return f"xla.Array(traced, shape={self.shape}, dtype={self.dtype})"
        return np.array2string(np.asarray(self.value), separator=", ", prefix="xla.Array(").join(("xla.Array(", ")"))

    # -- NumPy's protocols --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if not all(map(_is_known, inputs)):
            return NotImplemented
        with jax.enable_x64(True):
            result = _special_product(*inputs) if ufunc is np.matmul and method == "__call__" and not options else None
            if result is None:
                result = call_ufunc(ufunc, method, plain(inputs), plain(options))
        return lifted(result) if out is None else _written(result, out)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not all(issubclass(each, (Array, np.ndarray, np.generic)) for each in types):
            return NotImplemented
        out = kwargs.pop("out", None)
        if function in WRITERS:
            return WRITERS[function](*args, **kwargs)
        with jax.enable_x64(True):
            result = call_function(function, plain(args), plain(kwargs))
        return lifted(result) if out is None else _written(result, out)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if isinstance(self.value, jax.core.Tracer):
            raise _refusals.values_needed(self.shape)
        return np.array(np.asarray(self.value), dtype, copy=True if copy is None else copy)

    # -- values -------------------------------------------------------------------------------------------

    def _known(self, asker: str) -> Any:
        if isinstance(self.value, jax.core.Tracer):
            raise _refusals.value_needed(asker, self.shape)
        return self.value

    def block_until_ready(self) -> Array:
        """Wait until the values have been computed, for timing. XLA computes asynchronously."""
        self._known("block_until_ready").block_until_ready()
        return self

    def item(self) -> Any:
        """Return the single element as a Python number."""
        return np.asarray(self._known("item")).item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return np.asarray(self._known("tolist")).tolist()

    def __bool__(self) -> bool:
        return bool(self._known("a condition"))

    def __float__(self) -> float:
        return float(self._known("float"))

    def __int__(self) -> int:
        return int(self._known("int"))

    def __index__(self) -> int:
        return operator.index(self._known("an index or a count"))

    def __iter__(self) -> Iterator[Array]:
        return (self[index] for index in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__

    # -- items --------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Array:
        places = _index(index)
        _refusals.refuse_masks(places)
        with jax.enable_x64(True):
            item = Array(self.value[places])
        item.owner = self.owner or "it was taken out of another array by indexing"
        return item

    def __setitem__(self, index: Any, values: Any) -> None:
        places = _index(index)
        with jax.enable_x64(True):
            if isinstance(places, jax.Array) and places.dtype == bool:
                self._rebind(jax.numpy.where(_stretched(places, self.ndim), plain(values), self.value))
            else:
                _refusals.refuse_masks(places)
                numbers = jax.numpy.asarray(plain(values)).astype(self.dtype)
                self._rebind(self.value.at[places].set(numbers))

    def _rebind(self, value: Any) -> None:
        if self.owner is not None:
            raise _refusals.written(self.owner)
        with jax.enable_x64(True):
            self.value = jax.numpy.broadcast_to(value, self.shape).astype(self.dtype)

    # -- methods ------------------------------------------------------------------------------------------

    def astype(self, dtype: Any, copy: bool = True) -> Array:
        """Return the array converted to `dtype`."""
        with jax.enable_x64(True):
            return Array(self.value.astype(np.dtype(dtype)))

    def reshape(self, *shape: Any, order: str = "C") -> Array:
        """Return the array with another shape."""
        lengths = shape[0] if len(shape) == 1 else shape
        with jax.enable_x64(True):
            return _view(jax.numpy.reshape(self.value, lengths, order=order), self)

    def transpose(self, *axes: Any) -> Array:
        """Return the array with its axes permuted, by default reversed."""
        order = axes[0] if len(axes) == 1 else axes or None
        return _view(jax.numpy.transpose(self.value, order), self)

    def scattered(self, index: Any, shape: tuple[int, ...]) -> Array:
        """Return zeros of the given shape with this array added at `index`: the gradient of indexing."""
        with jax.enable_x64(True):
            zeros = jax.numpy.zeros(shape, self.dtype)
            item, pull = jax.vjp(lambda whole: whole[_index(index)], zeros)
            return Array(pull(jax.numpy.broadcast_to(self.value, item.shape))[0])

    def with_item(self, index: Any, value: Any) -> Array:
        """Return a copy with `value` at `index`."""
        with jax.enable_x64(True):
            return Array(self.value.at[_index(index)].set(jax.numpy.asarray(plain(value)).astype(self.dtype)))

    def copy(self) -> Array:
        """Return another object with the same values, which may be written into."""
        return Array(self.value)


def plain(value: Any) -> Any:
    """Return `value` with the JAX array in place of every `Array`, also inside tuples, lists and dicts."""
    if isinstance(value, Array):
        return value.value
    if isinstance(value, (tuple, list)):
        items = [plain(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def lifted(value: Any) -> Any:
    """Return `value` with an `Array` in place of every JAX array, also inside tuples and lists."""
    if isinstance(value, jax.Array):
        return Array(value)
    if isinstance(value, (tuple, list)):
        items = [lifted(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _index(index: Any) -> Any:
    """Return an index in the form that JAX accepts: with arrays in place of lists."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if not isinstance(index, list):
        return plain(index)
    holds_arrays = any(isinstance(each, Array) for each in index)
    return jax.numpy.asarray(plain(index)) if holds_arrays else np.asarray(index)


def _is_known(value: Any) -> bool:
    return value.__class__ is Array or value.__class__ in KNOWN or isinstance(value, (np.generic, np.ndarray))


def _special_product(a: Any, b: Any) -> Any:
    """Return `a @ b` for a matrix of a program, if there is a faster form of it; else None."""
    traced = b if isinstance(b, Array) else a
    if not isinstance(traced.value, jax.core.Tracer) or traced.ndim < 2 or _dtype(a) != _dtype(b):
        return None
    if isinstance(a, Array) and isinstance(b, Array):
        is_transposed = a.transpose_of is not None and a.ndim == b.ndim == 2
        return transposed_product(a.transpose_of, b.value) if is_transposed else None
    ones, axis = (a, -2) if traced is b else (b, -1)
    return sum_by_product(traced.value, axis) if is_of_ones(ones, traced.shape[axis]) else None


def _dtype(value: Any) -> Any:
    return getattr(value, "dtype", None)


def _view(value: Any, of: Array) -> Array:
    view = Array(value)
    view.owner = of.owner or "NumPy would make it a view of another array, which would change too"
    return view


def _stretched(mask: Any, ndim: int) -> Any:
    """Return `mask` with trailing axes of length 1, as indexing aligns it."""
    return mask.reshape(mask.shape + (1,) * (ndim - mask.ndim))


def _written(result: Any, out: Any) -> Any:
    """Make `out` refer to `result`, and return it."""
    results, places = (result, out) if isinstance(result, tuple) else ((result,), out if type(out) is tuple else (out,))
    for value, place in zip(results, places):
        if place is not None:
            _fill(place, value)
    return places[0] if not isinstance(result, tuple) else places


def _fill(place: Any, value: Any) -> None:
    if not isinstance(place, Array):
        raise _refusals.written("it is a NumPy array, and the result is only known when the program runs")
    place._rebind(plain(value))  # noqa: SLF001


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    with jax.enable_x64(True):
        _fill(dst, plain(src) if where is True else jax.numpy.where(plain(where), plain(src), plain(dst)))


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise _refusals.written(f"np.{name} writes into its argument")

    return refuse


WRITERS: dict[Callable[..., Any], Callable[..., Any]] = {np.copyto: _copyto} | {
    function: _refuse(function.__name__)
    for function in (np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal)
}
"""NumPy's functions that write into an argument."""


def _operator(ufunc: np.ufunc, *, swapped: bool = False) -> Callable[..., Any]:
    def method(self: Array, *others: Any) -> Any:
        if not all(map(_is_known, others)):
            return NotImplemented
        return self.__array_ufunc__(ufunc, "__call__", *((*others, self) if swapped else (self, *others)))

    return method


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, f"Return `np.{name}` of this array."
    return method


_BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "divmod": np.divmod, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
}  # fmt: skip
_COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
_UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
for _name, _ufunc in (_BINARY | _COMPARISONS | _UNARY).items():
    setattr(Array, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in _BINARY.items():
    setattr(Array, f"__r{_name}__", _operator(_ufunc, swapped=True))
for _name in (
    "all", "any", "argmax", "argmin", "argsort", "clip", "cumprod", "cumsum", "diagonal", "max", "mean", "min", "prod",
    "ravel", "repeat", "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var",
):  # fmt: skip
    setattr(Array, _name, _method(_name))

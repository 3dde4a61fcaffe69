"""The tensor: a NumPy array with the graph of the operations that computed it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from sys import getrefcount
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tensorgrad import _messages, anomaly, numpy_dispatch
from tensorgrad._arrays import as_array, is_foreign, on_device_of, read_only
from tensorgrad._hints import Hint
from tensorgrad._tensor_methods import Methods
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.backward import backpropagate
from tensorgrad.modes import current_mode
from tensorgrad.node import CHANGED, Node, leaf_node

OF_LEAF = 3
"""Number of references to the node of a leaf that was not used: of the leaf, a local variable and `getrefcount`."""

DEEPEST = 64
"""Maximum number of axes of an array."""
views: dict[int, dict[int, weakref.ref[Any]]] = {}
"""Live views of leaves' arrays, keyed by the ids of the array and of the view; see `_views`."""


class HookHandle:
    """Function that removes a hook, as returned by `Tensor.register_hook`."""

    __slots__ = ("_hook", "_hooks")

    def __init__(self, hooks: list[Any], hook: Callable[[Any], Any]) -> None:
        self._hooks, self._hook = hooks, hook

    def __call__(self) -> None:
        """Remove the hook, unless it has been removed already."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    remove = __call__


class Tensor(Methods):
    """Array with a gradient and a link to the operation that computed it.

    Args:
        data: anything `np.asarray` accepts: numbers, nested lists, an array, or a tensor that requires no gradient. Not
            copied, except for a view of another array when `requires_grad` is True.
        requires_grad: whether `backward` should accumulate into `grad`. Floating-point data only.
        dtype: element type; default: inferred from the data by NumPy.
        name: a label for drawings and error messages.

    Raises:
        TypeError: for complex, object or text data, for tensors that require a gradient, and for integers or booleans
            with `requires_grad=True`.
        ValueError: for a masked array with masked entries.

    Operators and NumPy's methods are the operations of `tensorgrad.ops`, listed in `tensorgrad._tensor_methods`.
    Tensors behave as values: slices do not alias, `t += u` rebinds the name (inside `no_grad`, it is an error for a
    leaf that requires a gradient, because it would not update the leaf), and `t[i] = v` creates a new value.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4.])
    """

    __slots__ = ("__weakref__", "_grad", "_name", "array", "node")

    array: NDArray[Any]
    """Values, for operations and optimizers. Other code reads and assigns `data`."""
    node: Node | None
    """Node of this tensor in the graph; None if it requires no gradient."""

    def __init__(
        self,
        data: ArrayLike,
        *,
        requires_grad: bool = False,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        self.array = checked_array(data, dtype)
        self.node = None
        self._grad = None
        self._name = name
        if requires_grad:
            self.requires_grad = True

    # -- attributes ---------------------------------------------------------------------------------------

    @property
    def data(self) -> NDArray[Any]:
        """Values as an array.

        A leaf returns its array itself. Assignment replaces the values by a copy of the new ones, in this tensor's
        dtype; if the leaf requires a gradient, `backward` then raises an error for every graph recorded with the old
        values. Results of operations, and views of another tensor's array, are returned read-only.

        A CuPy array stays on the GPU: NumPy values that are assigned to it are copied there.

        Writes into the array (`w.data[0] = 1`) between forward and backward are not detected. Call `mark_changed` after
        writing into a leaf that requires a gradient. `detect_anomaly` detects such writes, including writes into
        constants, for which `mark_changed` has no effect.

        Raises:
            RuntimeError: assigning to a tensor that an operation made.
            ValueError: assigning another shape, or a masked array with masked entries.

        >>> w = Tensor([1.0, 2.0], requires_grad=True)
        >>> w.data -= 0.5
        >>> w
        Tensor([0.5, 1.5], requires_grad=True)
        """
        if self.is_leaf and (is_foreign(self.array) or self.array.flags.owndata):
            return self.own_array()
        return read_only(self.array)  # type: ignore[no-any-return]

    @data.setter
    def data(self, values: ArrayLike) -> None:
        if not self.is_leaf:
            raise RuntimeError(
                "data: this tensor is the result of an operation, so its values follow from its inputs. "
                "Assign to a leaf, or take detach() first."
            )
        array = checked_array(plain(values), self.dtype)
        if self.array.__class__ is not np.ndarray:
            array = on_device_of(array, self.array)
        if array.shape != self.shape:
            raise ValueError(f"data: expected shape {self.shape}, got {array.shape}. Make a new tensor instead.")
        self._change(array if array is self.array else np.copy(array))  # it is its own in `w.data -= …`

    def own_array(self) -> NDArray[Any]:
        """Return the writable array of this leaf. Results that are views of it, such as `w.T`, keep their values.

        For optimizers: write, then call `mark_changed`. If such a view is alive, the array is first replaced by a copy.
        """
        if views and id(self.array) in views:
            self.array = np.copy(self.array)
            if self.node is not None:
                self.node.array = self.array
        return self.array

    def mark_changed(self) -> None:
        """Mark the array of this leaf as changed, as optimizers do after writing into it.

        `backward` then raises an error for every graph recorded with the old values. Assigning `data` does the same.

        >>> w = Tensor([1.0, 2.0], requires_grad=True)
        >>> loss = (w * w).sum()
        >>> w.data[0] = 5.0
        >>> w.mark_changed()
        >>> loss.backward()
        Traceback (most recent call last):
        RuntimeError: backward: the data of leaf (2,) changed after it was used ...
        """
        if self.node is not None and self.node.operation is not None:  # `is_leaf`, without its call
            raise RuntimeError(
                "mark_changed: this tensor is the result of an operation; its values belong to the graph."
            )
        self._change(self.array)

    def rebind(self, array: Any, grad: Any) -> None:
        """Replace the array of this leaf and its gradient, without copies and checks, as compiled functions do."""
        node = self.node
        if node is not None and getrefcount(node) == OF_LEAF:  # no graph uses it, so it need not be replaced
            self.array = node.array = array
        elif array is not self.array:
            self._change(array)
        self._grad = grad

    def _change(self, array: Any) -> None:
        old = self.node
        if old is None:
            self.array = array
        else:
            node = leaf_node(weakref.ref(self), array, self._name)
            node.hooks = old.hooks
            # In one statement without calls, which Python does not interrupt: the leaf is as before or as after.
            self.array, self.node, old.state, old.array = array, node, CHANGED, None

    @property
    def grad(self) -> NDArray[Any] | None:
        """Gradient accumulated by `backward`; None before the first pass.

        It can be assigned: an array of this tensor's shape, which is converted to its dtype, or None. The result of an
        operation has a gradient only after `retain_grad()`; without it, reading `grad` warns.

        Raises:
            ValueError: assigning another shape.
            TypeError: assigning anything but real numbers, or to a tensor of integers or booleans.
        """
        grad, node = self._grad, self.node
        if grad is None and node is not None and node.operation is not None and not node.collects:
            _messages.warn_of_result(node.operation.name)
        return grad

    @grad.setter
    def grad(self, gradient: ArrayLike | None) -> None:
        self._grad = None if gradient is None else checked_gradient(gradient, self)

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient for this tensor. Can be set on leaves.

        Raises:
            TypeError: set on integers or booleans.
            RuntimeError: cleared on a tensor that an operation made; use `detach`.
        """
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self.node is None:
            if self.dtype.kind != "f":
                raise TypeError(
                    f"tensor: only floating-point data can require a gradient, got {self.dtype}. "
                    "Pass floats, or dtype=np.float32."
                )
            if isinstance(self.array, np.ndarray) and not self.array.flags.owndata:  # optimizers write into it
                self.array = self.array.copy()
            self.node = leaf_node(weakref.ref(self), self.array, self._name)
        elif not wanted and self.node is not None:
            if not self.is_leaf:
                raise RuntimeError("requires_grad: this tensor is the result of an operation. Use detach() instead.")
            self.node.state, self.node = CHANGED, None

    @property
    def is_leaf(self) -> bool:
        """True unless a recorded operation made this tensor."""
        return self.node is None or self.node.operation is None

    @property
    def name(self) -> str | None:
        """Label for drawings and error messages."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name
        if self.node is not None:
            self.node.tensor, self.node.name = weakref.ref(self), name

    @property
    def shape(self) -> Shape:
        """Length of each axis."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type."""
        return self.array.dtype

    # -- gradients ----------------------------------------------------------------------------------------

    def backward(self, gradient: ArrayLike | None = None, *, retain_graph: bool = False) -> None:
        """Add the derivative of this tensor to the `grad` of every leaf it was computed from.

        Args:
            gradient: the gradient to start from, of this tensor's shape; default 1, for a single number.
            retain_graph: keep the saved arrays, so that another pass can follow.

        Raises:
            RuntimeError: this tensor has no graph, its graph was released by an earlier pass, or a leaf's data
                changed since. No `grad` is changed then.
            ValueError: no `gradient` for a tensor of several elements, or one of the wrong shape.

        >>> x = Tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        array(6.)
        """
        seed = self.seed_gradient(gradient)
        assert self.node is not None
        call = anomaly.checking(None) if current_mode().anomalies else None
        found = backpropagate({self.node: seed}, release=not retain_graph, call=call)
        self.node.seed = seed
        for node, arrived in found.items():
            tensor = node.tensor() if node.tensor is not None else None
            if tensor is not None:
                tensor.add_to_grad(arrived)

    def seed_gradient(self, gradient: ArrayLike | None = None) -> NDArray[Any]:
        """Return the gradient that a backward pass starts with: `gradient`, checked, or 1 for a single number."""
        if self.node is None:
            raise RuntimeError(
                "backward: this tensor has no graph. It was made without recording (no_grad, detach, .data, numpy(), a "
                "compiled function), or none of the tensors it was made from has requires_grad=True."
            )
        if gradient is None:
            if self.size != 1:
                raise ValueError(
                    f"backward: a tensor of shape {self.shape} is not a single number. Reduce it first "
                    "(sum or mean), or pass gradient=, an array of that shape."
                )
            array = self.array
            if array.__class__ is np.ndarray:
                return np.array(1, array.dtype, ndmin=array.ndim)  # `np.ones` takes 1 µs longer
            return np.ones_like(array)
        seed = on_device_of(checked_array(plain(gradient), self.dtype), self.array)
        if seed.shape != self.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.shape}, got {seed.shape}.")
        return seed  # type: ignore[no-any-return]

    def detach(self) -> Tensor:
        """Return a tensor with the same values and no graph. It shares memory and is read-only; its `copy()` is not.

        If this is a leaf that an optimizer writes into, the detached tensor changes too.
        """
        return Tensor(read_only(self.array), name=self._name)

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the values as a NumPy array, without the graph. Values on a GPU are copied to the CPU."""
        array: Any = self.array
        return np.copy(array) if isinstance(array, np.ndarray) else np.array(array)

    def item(self) -> Any:
        """Return the single element as a Python number.

        Raises:
            ValueError: there is not exactly one element.
        """
        return self.array.item()

    def add_to_grad(self, arrived: Any) -> None:
        """Accumulate a gradient computed by a backward pass."""
        self._grad = arrived if self._grad is None else as_array(self._grad + arrived)

    def zero_grad(self) -> None:
        """Reset the accumulated gradient to None."""
        self._grad = None

    def retain_grad(self) -> None:
        """Accumulate `grad` for this tensor too, although it is not a leaf.

        Raises:
            RuntimeError: this tensor requires no gradient.
        """
        node = self._tracked("retain_grad")
        node.tensor = weakref.ref(self)
        node.collects = True

    def register_hook(self, hook: Callable[[Any], Any]) -> HookHandle:
        """Call `hook(gradient)` when the complete gradient of this tensor has been computed.

        If the hook does not return None, its result replaces the gradient. Its argument is read-only.

        Returns:
            A handle. Calling it, or its method `remove`, removes the hook.

        Raises:
            RuntimeError: this tensor requires no gradient.

        >>> w = Tensor([3.0, 4.0], requires_grad=True)
        >>> handle = w.register_hook(lambda g: g * 10)
        >>> w.sum().backward()
        >>> w.grad
        array([10., 10.])
        >>> handle.remove()
        """
        hooks = self._tracked("register_hook").hooks
        if hooks is None:
            hooks = self._tracked("register_hook").hooks = []
        if not callable(hook):
            raise TypeError(f"register_hook: expected a function of the gradient, got {hook!r}.")
        hooks.append(hook)
        return HookHandle(hooks, hook)

    def become(self, other: Tensor) -> None:
        """Take the value of `other` and its node in the graph, as item assignment does.

        The old value keeps its node and hooks. This tensor keeps its name and `retain_grad`.
        """
        if not isinstance(other, Tensor):
            raise TypeError(f"become: expected a tensor, got {type(other).__name__}.")
        old = self.node
        self.array, self.node = other.array, other.node
        if old is not None and old.tensor is not None:
            old.tensor, old.name, retained, old.collects = None, None, old.collects, False
            if self.node is not None:
                self.node.tensor, self.node.name, self.node.collects = weakref.ref(self), self._name, retained

    def _tracked(self, asker: str) -> Node:
        if self.node is None:
            raise RuntimeError(f"{asker}: this tensor requires no gradient, so it receives none.")
        return self.node

    # -- Python -------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        parts = [np.array2string(self.array, separator=", ", prefix="Tensor(")]
        if self.dtype not in (np.dtype(float), np.dtype(int), np.dtype(bool)):
            parts.append(f"dtype={self.dtype}")
        if self.node is not None and self.node.operation is not None:
            parts.append(f"op={self.node.operation.name}")
        elif self.node is not None:
            parts.append("requires_grad=True")
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        return f"Tensor({', '.join(parts)})"

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len: a 0-d tensor has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iter: a 0-d tensor cannot be iterated over.")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __float__(self) -> float:
        """Return the single element as a Python number outside the graph, as `item()` does.

        `math.sin(t)`, `np.float64(t)`, and `a[i] = t` for an element of a NumPy array call this method.
        """
        return float(self.array)

    def __index__(self) -> int:
        return self.array.__index__()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __iadd__(self, other: ArrayLike) -> Self:
        return self._rebindable("+") + other

    def __isub__(self, other: ArrayLike) -> Self:
        return self._rebindable("-") - other

    def __imul__(self, other: ArrayLike) -> Self:
        return self._rebindable("*") * other

    def __itruediv__(self, other: ArrayLike) -> Self:
        return self._rebindable("/") / other

    def _rebindable(self, operator: str) -> Self:
        """Return this tensor. Raise an error if the statement would update a leaf in place in PyTorch."""
        if self.node is not None and self.node.operation is None and not current_mode().recording:
            raise RuntimeError(
                f"{operator}=: inside no_grad, this would create a new tensor and leave the leaf unchanged. "
                f"To update the leaf, write t.data {operator}= u; for a new tensor, t = t {operator} u."
            )
        return self

    def __contains__(self, value: object) -> bool:
        return bool((self.array == value).any())

    def __eq__(self, other: object) -> Any:
        return self.array == plain(other)

    def __ne__(self, other: object) -> Any:
        return self.array != plain(other)

    def __lt__(self, other: ArrayLike) -> NDArray[np.bool]:
        return self.array < plain(other)  # type: ignore[no-any-return]

    def __le__(self, other: ArrayLike) -> NDArray[np.bool]:
        return self.array <= plain(other)  # type: ignore[no-any-return]

    def __gt__(self, other: ArrayLike) -> NDArray[np.bool]:
        return self.array > plain(other)  # type: ignore[no-any-return]

    def __ge__(self, other: ArrayLike) -> NDArray[np.bool]:
        return self.array >= plain(other)  # type: ignore[no-any-return]

    __hash__ = object.__hash__  # by identity: == compares element by element

    def __reduce__(self) -> tuple[Any, ...]:
        """Support copying and pickling of leaves: their values, `requires_grad`, name and `grad`.

        Raises:
            TypeError: this tensor was computed by an operation; a copy would not be part of its graph.
        """
        if not self.is_leaf:
            raise _messages.not_copied()
        return _rebuilt, (self.array.copy(), self.requires_grad, self._name, self.grad)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not isinstance(vars(Tensor).get(name), Hint)]

    # -- notebooks --------------------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        from tensorgrad._html import tensor_as_html

        return tensor_as_html(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        from treescope import repr_lib

        shown = {"data": self.array, "requires_grad": self.requires_grad, "name": self._name}
        return repr_lib.render_object_constructor(
            object_type=type(self), attributes=shown, path=path, subtree_renderer=subtree_renderer
        )

    # -- NumPy's protocols --------------------------------------------------------------------------------

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the values, for `np.asarray(t)` and the functions of NumPy, SciPy and Matplotlib that call it.

        Raises:
            TypeError: this tensor requires a gradient, which would be lost.
        """
        if self.node is not None:
            raise _messages.leaves_graph("np.asarray")
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        """Return the values as a DLPack capsule, for `torch.from_dlpack(t)` and the like: in the same memory.

        Raises:
            TypeError: this tensor requires a gradient, which would be lost.
            BufferError: its array is read-only, and the caller's version of DLPack does not know that; take `copy()`.
        """
        if self.node is not None:
            raise _messages.leaves_graph("__dlpack__")
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return numpy_dispatch.answer_ufunc(ufunc, method, inputs, kwargs, plain)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return numpy_dispatch.answer_function(function, args, kwargs, plain)


def tensor(
    data: ArrayLike, *, requires_grad: bool = False, dtype: DTypeLike | None = None, name: str | None = None
) -> Tensor:
    """Return a tensor with a copy of `data`.

    Args:
        data: numbers, nested lists, an array, or a tensor that requires no gradient.
        requires_grad: whether `backward` should accumulate into `grad`. Floating-point data only.
        dtype: element type; default: inferred from the data by NumPy (Python floats are float64).
        name: a label for drawings and error messages.

    Raises:
        TypeError: for complex, object or text data, for tensors that require a gradient (use `detach()`, or `tg.stack`
            for several), and for integers or booleans with `requires_grad=True`.
        ValueError: for a masked array with masked entries.

    >>> tensor([[1, 2], [3, 4]], dtype=np.float32, requires_grad=True, name="w")
    Tensor([[1., 2.],
            [3., 4.]], dtype=float32, requires_grad=True, name='w')
    """
    return Tensor(np.copy(checked_array(data, dtype)), requires_grad=requires_grad, name=name)


def tensor_at(array: Any, node: Node | None) -> Tensor:
    """Return a tensor for an array that an operation computed or saved, connected to its node."""
    tensor = object.__new__(Tensor)  # what `Tensor` would check was checked when the operation was recorded
    tensor.array, tensor.node = array, node
    tensor._grad = tensor._name = None
    return tensor


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with every tensor replaced by its array, also inside tuples, lists and dicts.

    The graph is deliberately not recorded: use it for orderings, comparisons and shifts that no gradient depends on.

    Raises:
        ValueError: lists are nested more deeply than an array has axes, or one is inside itself.
    """
    if isinstance(value, Tensor):
        return value.array
    if depth > DEEPEST:
        raise ValueError(f"expected lists nested at most {DEEPEST} deep, as an array has no more axes.")
    if isinstance(value, (tuple, list)):
        items = [plain(item, depth + 1) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return value


def checked_array(data: ArrayLike, dtype: DTypeLike | None = None) -> Any:
    """Return `data` as an array that a tensor can hold, converted to `dtype` if one is given."""
    if isinstance(data, Tensor) and data.node is not None:
        raise _messages.leaves_graph("tensor")
    array = data.array if isinstance(data, Tensor) else as_array(data)
    if array.dtype.kind in "fiub" and dtype is not None:
        array = array.astype(dtype, copy=False) if is_foreign(array) else np.asarray(data, dtype)
    if array.dtype.kind not in "fiub":
        raise _messages.not_real(array.dtype, "tensor")
    return array


def checked_gradient(gradient: Any, of: Tensor) -> Any:
    """Return `gradient` as an array that fits the tensor, for assignments to `grad`."""
    if of.dtype.kind != "f":
        raise TypeError(f"grad: only floating-point tensors have a gradient; this one has dtype {of.dtype}.")
    array = on_device_of(checked_array(gradient, of.dtype), of.array)
    if array.shape != of.shape:
        raise ValueError(
            f"grad: expected a gradient of shape {of.shape}, got {array.shape}. To clear the gradient, assign None."
        )
    return array


def _rebuilt(array: NDArray[Any], requires_grad: bool, name: str | None, grad: NDArray[Any] | None = None) -> Tensor:
    tensor = Tensor(array, requires_grad=requires_grad, name=name)
    tensor.grad = None if grad is None else np.copy(grad)
    return tensor

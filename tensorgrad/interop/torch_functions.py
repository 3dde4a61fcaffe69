"""Functions of tensorgrad in PyTorch, and functions of PyTorch in tensorgrad, sharing memory on the CPU."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.interop._calls import array_of, of_arrays, recorded
from tensorgrad.modes import enable_grad, no_grad
from tensorgrad.node import leaf_node
from tensorgrad.tensor import Tensor
from tensorgrad.transforms.functional import vjp
from tensorgrad.transforms.gradient import gradient
from tensorgrad.transforms.trees import leaves, mapped, rebuilt


def _torch(name: str) -> ModuleType:
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{name} needs PyTorch: pip install torch") from error
    module: ModuleType = torch  # without types, if it is not installed
    return module


def _checked_array(tensor: Any, name: str) -> NDArray[Any]:
    """Return the values of a PyTorch tensor as an array in the same memory."""
    if tensor.device.type != "cpu" or tensor.layout != _torch(name).strided:
        raise TypeError(
            f"{name}: expected dense PyTorch tensors on the CPU, got a {tensor.layout} tensor on {tensor.device}. Move "
            "it with tensor.cpu(), or make it dense with tensor.to_dense()."
        )
    try:
        array: NDArray[Any] = tensor.detach().resolve_neg().numpy()
    except TypeError as error:
        raise TypeError(
            f"{name}: expected a dtype that NumPy has, got {tensor.dtype}. Convert the tensor first: tensor.float()."
        ) from error
    return array


def _as_torch(array: NDArray[Any], name: str) -> Any:
    """Return a PyTorch tensor in the memory of an array, or of a copy if PyTorch does not support the array."""
    torch = _torch(name)
    if not array.flags.writeable or any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = np.array(array)
    return torch.from_numpy(array)


# -- functions of tensorgrad in PyTorch --------------------------------------------------------------------


def torch_function(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f`, a function of tensorgrad tensors, as a function of PyTorch tensors with a backward pass.

    Args:
        f: called with a tensorgrad tensor in place of each PyTorch tensor among its arguments, also in tuples, lists
            and dicts. Other arguments are passed unchanged. It returns a tensor, or a container of tensors. It must not
            have side effects. Tensors that it uses without receiving them as arguments are constants, which receive no
            gradient.

    Returns:
        A function that returns PyTorch tensors in the same containers as `f`. Derivatives of any order are supported;
        above the first order, `f` is called again. `torch.func` and forward mode are not supported.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: a PyTorch tensor is not on the CPU, not dense, or of a dtype that NumPy lacks.

    Examples:
        norm = torch_function(tg.linalg.norm)
        x = torch.tensor([3.0, 4.0], requires_grad=True)
        norm(x).backward()  # x.grad is tensor([0.6000, 0.8000])
    """
    torch = _torch("torch_function")
    function = _function_class()

    @functools.wraps(f, updated=())
    def of_torch_tensors(*args: Any, **kwargs: Any) -> Any:
        tensors, of_tensors = of_arrays(f, args, kwargs, torch.Tensor)
        shape: list[Any] = []
        results = function.apply(of_tensors, shape, *tensors)
        return rebuilt(shape[0], iter(results))

    return of_torch_tensors


@functools.cache
def _function_class() -> Any:
    """Return the `autograd.Function` that calls a function of tensorgrad tensors."""
    torch = _torch("torch_function")

    class TensorgradFunction(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, f: Callable[..., Any], shape: list[Any], *inputs: Any) -> Any:
            wanted = ctx.needs_input_grad[2:]
            tensors = [_view(_checked_array(i, "torch_function"), need) for i, need in zip(inputs, wanted)]
            with enable_grad() if any(wanted) else no_grad():
                result = f(*tensors)
            shape.append(result)
            outputs = [each if isinstance(each, Tensor) else Tensor(each) for each in leaves(result)]
            arrays = [output.array for output in outputs]
            if any(np.may_share_memory(array, tensor.array) for array in arrays for tensor in tensors):
                arrays = [array.copy() for array in arrays]  # PyTorch does not know that they are views
            results = [_as_torch(array, "torch_function") for array in arrays]
            ctx.mark_non_differentiable(*(r for r, o in zip(results, outputs) if not o.requires_grad))
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*inputs, *results)  # PyTorch detects when one of them is changed in place
            ctx.f, ctx.tensors, ctx.outputs = f, tensors, outputs
            return tuple(results)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            inputs = ctx.saved_tensors[: len(ctx.tensors)]
            wanted = ctx.needs_input_grad[2:]
            arrived = [o.requires_grad and g is not None for o, g in zip(ctx.outputs, upstream)]
            used = [place for place, yes in enumerate(arrived) if yes]
            if not used:
                return (None,) * len(ctx.needs_input_grad)
            given = [upstream[place] for place in used]
            if torch.is_grad_enabled():  # backward(create_graph=True)
                found = list(torch_function(_pullback(ctx.f, wanted, used))(*inputs, *given))
            else:
                found = gradient(
                    [ctx.outputs[place] for place in used],
                    [tensor for tensor, need in zip(ctx.tensors, wanted) if need],
                    grad_outputs=[_checked_array(g, "torch_function") for g in given],
                    retain_graph=True,
                    allow_unused=True,
                )
                found = [None if g is None else _as_torch(g, "torch_function") for g in found]
            return (None, None, *(found.pop(0) if need else None for need in wanted))

    return TensorgradFunction


def _view(array: NDArray[Any], requires_grad: bool) -> Tensor:
    """Return a leaf that shares the memory of `array`, which the constructor of a leaf would copy for optimizers."""
    tensor = Tensor(array)
    if requires_grad:
        tensor.node = leaf_node(weakref.ref(tensor), array)
    return tensor


def _pullback(f: Callable[..., Any], wanted: Sequence[bool], used: Sequence[int]) -> Callable[..., Any]:
    """Return a function of inputs and upstream gradients: the gradients of `f` with respect to the wanted inputs."""
    count = len(wanted)

    def pullback(*inputs_and_upstream: Any) -> list[Any]:
        inputs, upstream = inputs_and_upstream[:count], inputs_and_upstream[count:]
        moving = [each for each, need in zip(inputs, wanted) if need]

        def of_moving(*moved: Any) -> list[Any]:
            rest = iter(moved)
            results = leaves(f(*(next(rest) if need else each for each, need in zip(inputs, wanted))))
            return [results[place] for place in used]

        _, pull = vjp(of_moving, *moving)
        return list(pull(list(upstream)))

    return pullback


# -- functions of PyTorch in tensorgrad --------------------------------------------------------------------


def from_torch(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f`, a function of PyTorch tensors, as a function of tensorgrad tensors with derivatives of any order.

    Args:
        f: called with a PyTorch tensor in place of each tensorgrad tensor and each array among its arguments, also in
            tuples, lists and dicts. Other arguments are passed unchanged. It returns a PyTorch tensor on the CPU, or a
            container of them. A `torch.nn.Module` is such a function. Its parameters, like all tensors that are not
            among the arguments, receive no gradient. `f` must not write to its arguments, which share the memory of the
            tensorgrad tensors.

    Returns:
        A function that returns tensorgrad tensors in the same containers as `f`.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: `f` returns something that is not a PyTorch tensor on the CPU.

    Examples:
        softplus = from_torch(torch.nn.functional.softplus)
        x = tg.tensor([1.0, -2.0], requires_grad=True)
        softplus(x).sum().backward()  # x.grad is array([0.73105858, 0.11920292])
    """
    _torch("from_torch")

    @functools.wraps(f, updated=())
    def of_tensors(*args: Any, **kwargs: Any) -> Any:
        inputs, of_torch_tensors = of_arrays(f, args, kwargs, (Tensor, np.ndarray))
        call = _TorchCall(of_torch_tensors, inputs)
        return rebuilt(call.result, iter(recorded(inputs, call)))

    return of_tensors


class _TorchCall:
    """One call of a PyTorch function, and its graph."""

    def __init__(self, f: Callable[..., Any], inputs: list[Any]) -> None:
        torch = _torch("from_torch")
        self.f = f
        self.inputs = [_as_torch(array_of(each), "from_torch").detach() for each in inputs]
        for each, tensor in zip(inputs, self.inputs):
            tensor.requires_grad_(isinstance(each, Tensor) and each.requires_grad)
        with torch.enable_grad():
            self.result = f(*self.inputs)
        self.tensors = leaves(self.result)
        for tensor in self.tensors:
            if not isinstance(tensor, torch.Tensor):
                raise TypeError(f"from_torch: the function must return PyTorch tensors, got {type(tensor).__name__}.")
        arrays = [_checked_array(tensor, "from_torch") for tensor in self.tensors]
        views = any(np.may_share_memory(array, array_of(each)) for array in arrays for each in inputs)
        self.outputs = [array.copy() for array in arrays] if views else arrays

    def gradients(self, upstream: list[Any], wanted: Sequence[bool]) -> list[Any]:
        torch = _torch("from_torch")
        used = [(t, g) for t, g in zip(self.tensors, upstream) if t.requires_grad]
        found = _torch_gradients(
            [t for t, _ in used],
            [tensor for tensor, need in zip(self.inputs, wanted) if need],
            [torch.as_tensor(np.array(g)) for _, g in used],
            create_graph=False,
        )
        arrays = iter(mapped(lambda g: _checked_array(g, "from_torch"), found))
        return [next(arrays) if need else None for need in wanted]

    def again(self, wanted: Sequence[bool]) -> Callable[..., Any]:
        count = len(self.inputs)
        f = self.f

        def pulled_back(*inputs_and_upstream: Any) -> tuple[Any, ...]:
            inputs, upstream = inputs_and_upstream[:count], inputs_and_upstream[count:]
            inputs = tuple(
                each if each.requires_grad or not need else each.detach().requires_grad_()
                for each, need in zip(inputs, wanted)
            )
            used = [(t, g) for t, g in zip(leaves(f(*inputs)), upstream) if t.requires_grad]
            moving = [each for each, need in zip(inputs, wanted) if need]
            return tuple(_torch_gradients([t for t, _ in used], moving, [g for _, g in used], create_graph=True))

        return from_torch(pulled_back)


def _torch_gradients(outputs: list[Any], inputs: list[Any], upstream: list[Any], *, create_graph: bool) -> list[Any]:
    """Return the gradients of PyTorch tensors; zeros for inputs on which the outputs do not depend."""
    torch = _torch("from_torch")
    if not outputs:
        return [torch.zeros_like(each) for each in inputs]
    found = torch.autograd.grad(
        outputs, inputs, upstream, retain_graph=True, create_graph=create_graph, allow_unused=True
    )
    return [torch.zeros_like(each) if g is None else g for each, g in zip(inputs, found)]

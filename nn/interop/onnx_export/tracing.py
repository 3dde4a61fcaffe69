"""Run a network on `Value`s, so that its layers and operations are recorded as nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import tensorgrad as tg
from nn.interop.onnx_export import functions as functions  # fills the tables of NumPy's functions
from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.value import Value
from nn.module import Module, in_mode
from tensorgrad import Tensor

CONVERTERS: dict[type[Module], Callable[..., Any]] = {}
"""Functions of the graph, a layer and its inputs that add the layer's nodes, registered by the modules in `nodes`."""


def converts(*layers: type[Module]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that adds the nodes of these layers.

    The function returns what `forward` returns, with `Value`s in place of tensors. If it returns NotImplemented,
    `forward` is traced.
    """

    def register(convert: Callable[..., Any]) -> Callable[..., Any]:
        CONVERTERS.update(dict.fromkeys(layers, convert))
        return convert

    return register


FUSED: dict[Any, Callable[..., Any]] = {}
"""Functions that add the nodes of fused operations of `nn.functional`, whose forward rules need NumPy arrays."""

_ONE_AT_A_TIME = threading.RLock()


def trace(network: Module, graph: Graph, call: Callable[[Any], Any], x: Any) -> Any:
    """Return the result of `call(x)`, which applies the network to `Value`s, in evaluation mode.

    Raises:
        ExportError: something cannot be exported.
    """
    with _ONE_AT_A_TIME, in_mode(network, training=False), tg.no_grad(), _recording(network, graph):
        return arrays_of(call(tensors_of(x)))


def tensors_of(x: Any) -> Any:
    """Return `x` with tensors in place of `Value`s, in tuples, lists and dicts too."""
    return _mapped(x, Value, Tensor)


def arrays_of(x: Any) -> Any:
    """Return `x` with `Value`s and arrays in place of tensors, in tuples, lists and dicts too."""
    return _mapped(x, Tensor, lambda tensor: tensor.array)


def _mapped(x: Any, kind: type[Any], function: Callable[[Any], Any]) -> Any:
    if isinstance(x, kind):
        return function(x)
    if isinstance(x, (tuple, list)):
        items = [_mapped(each, kind, function) for each in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return {name: _mapped(each, kind, function) for name, each in x.items()} if isinstance(x, dict) else x


@contextmanager
def _recording(network: Module, graph: Graph) -> Iterator[None]:
    """Let modules and fused operations record their nodes. Calls with arrays, as in other threads, are not affected."""
    with ExitStack() as stack:
        for function, convert in FUSED.items():
            operation = function.operation
            answer = _answered(operation.on_foreign, convert)
            stack.enter_context(_replaced(operation, "on_foreign", answer))
        for path, module in network.named_modules():
            forward = _recorded(module, tuple(path.split(".")) if path else (), graph)
            stack.enter_context(_replaced(module, "forward", forward))
        yield


@contextmanager
def _replaced(thing: Any, method: str, replacement: Callable[..., Any]) -> Iterator[None]:
    """Replace a method of one object in the `with` block."""
    attributes = vars(thing)
    held = {method: attributes[method]} if method in attributes else {}
    attributes[method] = replacement
    try:
        yield
    finally:
        del attributes[method]
        attributes.update(held)


def _answered(otherwise: Callable[..., Any], convert: Callable[..., Any]) -> Callable[..., Any]:
    def answer(x: Any, *args: Any, **options: Any) -> Any:
        array = arrays_of(x)
        if not isinstance(array, Value):
            return otherwise(x, *args, **options)
        return tensors_of(convert(array, *args, **options))

    return answer


def _recorded(module: Module, path: tuple[str, ...], graph: Graph) -> Callable[..., Any]:
    forward, convert = module.forward, converter_of(module)

    def recorded(*inputs: Any, **options: Any) -> Any:
        arrays, named = arrays_of(inputs), arrays_of(options)
        if not _holds_value((*arrays, *named.values())):
            return forward(*inputs, **options)
        before, graph.path = graph.path, path
        try:
            result = NotImplemented if convert is None else convert(graph, module, *arrays, **named)
            return forward(*inputs, **options) if result is NotImplemented else tensors_of(result)
        except Exception as error:
            if isinstance(error, ExportError) and error.is_located:
                raise
            raise _located(module, path, error) from error
        finally:
            graph.path = before

    return recorded


def _holds_value(x: Any) -> bool:
    if isinstance(x, dict):
        x = tuple(x.values())
    return any(map(_holds_value, x)) if isinstance(x, (tuple, list)) else isinstance(x, Value)


def converter_of(module: Module) -> Callable[..., Any] | None:
    """Return the function that adds the nodes of a module, or None if its `forward` is traced.

    This is the method `to_onnx`, or the function registered for the class, unless a subclass defines `forward`.
    """
    for cls in type(module).__mro__:
        if "to_onnx" in vars(cls):
            return lambda graph, layer, *inputs, **options: layer.to_onnx(graph, *inputs, **options)
        if cls in CONVERTERS:
            return CONVERTERS[cls]
        if "forward" in vars(cls):
            break
    return None


def _located(module: Module, path: tuple[str, ...], error: Exception) -> ExportError:
    """Return the error with the layer, its path and what to do."""
    who = f"layer {'.'.join(path)}: {type(module).__name__}" if path else type(module).__name__
    problem = str(error).partition(" Operands:")[0].rstrip(".")  # operations of tensorgrad add their operands
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ExportError):
        cause = cause.__cause__
    if cause is None:
        problem = f"running it without values failed ({type(error).__name__}: {problem})"
    located = ExportError(
        f"{who} cannot be exported to ONNX: {problem}. Replace it by layers of nn, or define to_onnx(self, graph, x) "
        "in its class; see docs/onnx.md."
    )
    located.is_located = True
    return located

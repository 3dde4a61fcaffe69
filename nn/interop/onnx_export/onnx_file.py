"""Write a network as an ONNX file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from itertools import count, zip_longest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import tensorgrad as tg
from nn._hints import EXPORT
from nn._validation import whole_number
from nn.data import Standardizer
from nn.interop.onnx_export import nodes as nodes  # fills the table of converters
from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.graph import Graph, onnx_package
from nn.interop.onnx_export.sizes import STEP, Size, is_dynamic
from nn.interop.onnx_export.tracing import trace
from nn.interop.onnx_export.value import Value
from nn.layers import Embedding
from nn.module import Module, in_mode
from nn.saving.format import replace_file
from tensorgrad.arguments import with_hints

SMALLEST_OPSET = 18
LARGEST_FILE = 2**31 - 1
"""The size limit of the format, in bytes."""

BATCHES = Size(2, 3), Size(5, 7)
"""Two batch sizes for which the network is recorded, each with a second size to find the lengths that depend on it."""

LONGER = (1, 2, 3, 601)
"""Lengths of free axes in further recordings of the network, minus those in the example."""

FreeAxes: TypeAlias = Mapping[int, str] | Mapping[str, Mapping[int, str]]
"""Names of free axes by the number of the axis; for several inputs, a dict of these by the name of the input."""


@with_hints(EXPORT)
def export_onnx(
    network: Module, path: str | os.PathLike[str], example: Any = None, *,
    preprocessing: Callable[[Any], Any] | None = None, free_axes: FreeAxes | None = None, opset: int = 18,
    ir_version: int = 10,
) -> None:  # fmt: skip
    """Write a network as an ONNX file, for runtimes such as ONNX Runtime. Needs the package onnx.

    The file computes what the network computes in evaluation mode, for any batch size. Nodes and weights are named
    after the modules. Arrays have tensorgrad's layout, with the channels last; inside, images have the channels first,
    and transposes between layers are omitted. The export is atomic, and the result is checked with `onnx.checker`.

    Layers of `nn` become ONNX's operators. The `forward` of other modules is traced: the functions of NumPy and
    tensorgrad that it calls become operators too. If it cannot be traced, define `to_onnx(self, graph, *inputs)` in the
    class of the module; see docs/onnx.md.

    Args:
        network: the network.
        path: the file, usually `….onnx`.
        example: one sample or more, with the batch along the first axis, for the shapes and dtypes of the inputs. For
            several inputs, a tuple or dict of arrays. The values do not matter. Integers of a single input, such as the
            bytes of images, are converted as by `Model`. Default: rows, for a network that begins with a layer of a
            fixed width, such as `Dense`.
        preprocessing: a function that is applied to the input first and becomes part of the file: a `Standardizer`, a
            module, or arithmetic such as `lambda x: (x - 127.5) / 127.5`.
        free_axes: axes that, like the batch, may have any length, with a name for each: `{1: "time"}`. Negative axes
            count from the end. For several inputs, a dict for each:
            `{"source": {1: "source_time"}, "target": {1: "target_time"}}`. Axes of the same name have the same length.
            Default: none. All other lengths are those of the example.
        opset: the version of ONNX's operators, at least 18. GELU is a single node from 20, RMSNorm and attention
            from 23.
        ir_version: the version of the file format.

    Raises:
        ExportError: a layer or an operation cannot be exported, or the result depends on the batch size or on the
            length of a free axis in a way that ONNX cannot express. The message names the layer and its path. No file
            is written.
        ImportError: onnx is not installed.
        ValueError, TypeError: an argument is invalid.
        OSError: the file cannot be written. An existing file is unchanged.

    >>> import tempfile, nn
    >>> network = nn.Sequential(nn.Dense(4, 8, rng=0), nn.ReLU(), nn.Dense(8, 3, rng=1))
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     nn.interop.export_onnx(network, f"{folder}/classifier.onnx")
    """
    if not isinstance(network, Module):
        raise TypeError(
            f"export_onnx: expected an nn.Module, got {network!r}. For an nn.Model, use model.export(path)."
        )
    content = onnx_model(
        network, example, preprocessing=preprocessing, free_axes=free_axes, opset=opset, ir_version=ir_version
    ).SerializeToString()
    replace_file(path, [content], check=_check)


def onnx_model(
    network: Module, example: Any = None, *, preprocessing: Any = None, free_axes: FreeAxes | None = None,
    opset: int = 18, ir_version: int = 10,
) -> Any:  # fmt: skip
    """Return the network as ONNX's `ModelProto`. The arguments and errors are those of `export_onnx`."""
    onnx = onnx_package()
    whole_number("export_onnx: opset", opset, SMALLEST_OPSET, highest=onnx.defs.onnx_opset_version())
    whole_number("export_onnx: ir_version", ir_version, 8, highest=onnx.IR_VERSION)
    example = _default_example(network) if example is None else example
    proto = onnx.helper.make_model(
        _recorded(network, example, preprocessing, free_axes, opset),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=ir_version,
        producer_name="tensorgrad",
        producer_version=tg.__version__,
    )
    if proto.ByteSize() > LARGEST_FILE:
        raise ExportError("export_onnx: the weights exceed 2 GiB, the limit of an ONNX file.")
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _recorded(network: Module, example: Any, preprocessing: Any, free_axes: FreeAxes | None, opset: int) -> Any:
    """Return the graph of the network.

    The graph must be the same for all batch sizes and for all lengths of free axes. The network is therefore recorded
    for two batch sizes and several lengths, and the graphs are compared.
    """
    is_several = isinstance(example, (tuple, Mapping))
    if is_several and preprocessing is not None:
        raise TypeError("export_onnx: preprocessing is for a network with a single input; define it in forward.")

    def call(x: Mapping[str, Any]) -> Any:
        values = x if is_several else {name: _prepared(each, network, preprocessing) for name, each in x.items()}
        return network(**values) if isinstance(example, Mapping) else network(*values.values())

    named = _named_inputs(network, example)
    free = _checked_axes(named, free_axes)
    with in_mode(network, training=False), tg.no_grad(), np.errstate(all="ignore"):
        call({name: tg.tensor(each) for name, each in named.items()})  # raises the network's own errors

    def proto(batch: Size, longer: int) -> Any:
        lengths = {"batch": batch, **_lengths(named, free, longer)}
        graph = Graph(opset, lengths)
        inputs = {}
        for name, each in named.items():
            shape = tuple(lengths[free[name][axis]] if axis in free[name] else n for axis, n in enumerate(each.shape))
            inputs[name] = graph.add_input(name, shape, each.dtype)
        return graph.proto(type(network).__name__, _named_outputs(trace(network, graph, call, inputs)))

    first = proto(BATCHES[0], 0)
    _check_same(
        first, proto(BATCHES[1], 0), "the batch size",
        "for all batch sizes. Pass x.shape[0] to reshape only, and use means in place of sums divided by it.",
    )  # fmt: skip
    for longer in LONGER if any(len(axes) > 1 for axes in free.values()) else ():
        _check_same(
            first, proto(BATCHES[0], longer), "the length of a free axis",
            "for all lengths. Without free_axes, it can be exported for the length of the example.",
        )  # fmt: skip
    return first


def _lengths(named: Mapping[str, Any], free: Mapping[str, Mapping[int, str]], longer: int) -> dict[str, Size]:
    """Return a length for each free axis except the batch, by name. No two are equal.

    Raises:
        ValueError: axes of the same name have different lengths in the example.
    """
    found: dict[str, tuple[int, Size]] = {}
    for input, axes in free.items():
        for axis, name in axes.items():
            length, number = named[input].shape[axis], len(found)
            if axis and found.setdefault(name, (length, _size(length, longer, number)))[0] != length:
                raise ValueError(
                    f"export_onnx: the axes named {name!r} in free_axes have different lengths in the example."
                )
    return {name: each for name, (_, each) in found.items()}


def _size(length: int, longer: int, number: int) -> Size:
    value = length + longer + 7 * number
    return Size(value, value + (number + 1) * STEP)


def _check_same(first: Any, second: Any, what: str, consequence: str) -> None:
    """Reject a network that uses a free length as a number, so that the graph depends on it.

    Raises:
        ExportError: the graphs differ.
    """
    constants = {each.name: each for each in second.initializer}
    changed = {each.name for each in first.initializer if each != constants.get(each.name)}
    for one, other in zip_longest(first.node, second.node):
        if one is None or one != other or changed & set(one.input):
            where = "" if one is None else f" by node {one.name}, {one.op_type}"
            raise ExportError(
                f"export_onnx: {what} is used as a number{where}, so the network cannot be exported {consequence}"
            )


def _check(path: Any) -> None:
    onnx_package().checker.check_model(os.fspath(path))


# -- inputs --------------------------------------------------------------------------------------------------


def _default_example(network: Module) -> NDArray[Any]:
    """Return rows of the width that the network accepts, if that is known."""
    example = next(network.example_inputs(), None)
    if example is None or example.ndim != 2 or example.dtype.kind != "f":
        raise ValueError(
            "export_onnx: the shape of the input is not known. Pass one sample, with the batch axis, as "
            "example=np.zeros((1, 28, 28, 1), np.float32)."
        )
    return example


def _named_inputs(network: Module, example: Any) -> dict[str, Any]:
    """Return the examples by name: those of a dict, or the parameters of `forward`."""
    if isinstance(example, Mapping):
        return {str(name): _checked(network, each) for name, each in example.items()}
    if not isinstance(example, tuple):
        return {"input": _checked(network, example)}
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(network.forward).parameters.values()
    names = [each.name for each in parameters if each.kind in positional]
    names += [f"input_{number}" for number in range(len(names), len(example))]
    return {name: _checked(network, each) for name, each in zip(names, example)}


def _checked_axes(named: Mapping[str, Any], free_axes: FreeAxes | None) -> dict[str, dict[int, str]]:
    """Return the names of the free axes of each input, including the batch.

    Raises:
        TypeError, ValueError: `free_axes` is invalid.
    """
    if not isinstance(free_axes, Mapping | None):
        raise TypeError(f'export_onnx: expected free_axes such as {{1: "time"}}, got {free_axes!r}.')
    by_input: Mapping[Any, Any] = free_axes or {}
    if not any(isinstance(axes, Mapping) for axes in by_input.values()):
        if by_input and len(named) > 1:
            raise ValueError(
                f"export_onnx: the network has several inputs, {list(named)}. Pass free_axes by input, such as "
                f"free_axes={{{next(iter(named))!r}: {by_input}}}."
            )
        by_input = dict.fromkeys(named, by_input)
    found: dict[str, dict[int, str]] = {name: {0: "batch"} for name in named}
    for input, axes in by_input.items():
        if input not in named:
            raise ValueError(f"export_onnx: free_axes names the input {input!r}, but the inputs are {list(named)}.")
        if not isinstance(axes, Mapping):
            raise TypeError(f'export_onnx: expected free_axes[{input!r}] such as {{1: "time"}}, got {axes!r}.')
        for axis, name in axes.items():
            axis = _checked_axis(axis, named[input].ndim)
            if not isinstance(name, str) or not name.isidentifier() or name == "batch":
                raise ValueError(
                    f'export_onnx: the name of a free axis must be an identifier other than "batch", got {name!r}.'
                )
            if found[input].setdefault(axis, name) != name:
                raise ValueError(
                    f"export_onnx: expected one name for each axis, got {found[input][axis]!r} and {name!r} for axis "
                    f"{axis} in free_axes. Leave one of them out."
                )
    return found


def _checked_axis(axis: Any, ndim: int) -> int:
    """Return an axis of `free_axes`, which may be negative, as a non-negative integer.

    Raises:
        TypeError, ValueError: there is no such axis, or it is the batch axis.
    """
    number = whole_number("export_onnx: an axis in free_axes", axis, -ndim, highest=ndim - 1) % ndim
    if number == 0:
        raise ValueError(
            f"export_onnx: axis {axis} in free_axes is the batch axis, which may have any size in every export. "
            "Leave it out."
        )
    return number


def _checked(network: Module, example: Any) -> NDArray[Any]:
    """Return an example as an array; floats in the network's dtype."""
    array = np.asarray(example)
    if array.dtype.kind not in "fiub":
        hint = " The order is export_onnx(network, path, example)." if isinstance(example, (str, os.PathLike)) else ""
        raise TypeError(f"export_onnx: expected an example of real numbers, got dtype {array.dtype}.{hint}")
    if array.ndim < 1:
        raise ValueError(f"export_onnx: expected an example with the batch along the first axis, got {example!r}.")
    return array.astype(_dtype_of(network), copy=False) if array.dtype.kind == "f" else array


def _dtype_of(network: Module) -> np.dtype[Any]:
    dtypes = (tensor.dtype for _, tensor in network.named_state() if tensor.dtype.kind == "f")
    return next(dtypes, np.dtype(np.float32))


def _prepared(x: Any, network: Module, preprocessing: Any) -> Any:
    """Return the only input as the network takes it: integers are converted, unless the network has an `Embedding`."""
    takes_ids = any(isinstance(module, Embedding) for module in network.modules())
    if x.dtype.kind != "f" and not takes_ids:
        x = tg.astype(x, _dtype_of(network))
    if preprocessing is None:
        return x
    if isinstance(preprocessing, Standardizer):
        return (x - preprocessing.mean.astype(x.dtype)) / preprocessing.deviation.astype(x.dtype)
    try:
        return tg.astype(preprocessing(x), _dtype_of(network))
    except Exception as error:
        raise ExportError(
            f"export_onnx: preprocessing cannot be exported: {error} Use arithmetic and functions of tensorgrad, as in "
            "lambda x: (x - 127.5) / 127.5."
        ) from error


# -- outputs -------------------------------------------------------------------------------------------------


def _named_outputs(result: Any) -> dict[str, Any]:
    """Return the results by name: "output", or numbered, or those of a dict."""
    if isinstance(result, Value):
        outputs = {"output": result}
    elif isinstance(result, Mapping):
        outputs = {str(name): each for name, each in result.items()}
    else:
        numbers = count()
        outputs = {f"output_{next(numbers)}": each for each in _leaves(result)}
    for name, each in outputs.items():
        if not isinstance(each, Value) or not each.shape or not is_dynamic(each.shape[0]):
            raise ExportError(
                f"export_onnx: {name} does not have the batch along its first axis. Does forward read the batch size "
                "as a number, in a loop or for an array? Use -1 in reshape, and functions that broadcast."
            )
    return outputs


def _leaves(result: Any) -> list[Any]:
    return [leaf for each in result for leaf in _leaves(each)] if isinstance(result, (tuple, list)) else [result]

"""The ONNX graph under construction: nodes, constants, names, and the shape of every tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.sizes import Shape, Size, described, is_dynamic, other, size
from nn.interop.onnx_export.value import Value, Wire

LARGEST_KNOWN = 64
"""Size of the largest constants whose values are passed to ONNX's shape inference: shapes, axes, pads."""

HELPERS = ("Cast", "Transpose")
"""Operators whose nodes have their own name after that of the layer."""


def onnx_package() -> ModuleType:
    """Return the module `onnx`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import onnx
        import onnx.shape_inference
    except ImportError as error:
        raise ImportError('the export to ONNX needs the package onnx: pip install "tensorgrad[onnx]"') from error
    module: ModuleType = onnx  # without types, if it is not installed
    return module


class Graph:
    """ONNX graph under construction.

    The method `to_onnx(self, graph, *inputs)` of a layer builds the layer's part of the graph: with `add`, by calling
    NumPy's functions with its inputs, or by calling other layers.

    Args:
        opset: the version of ONNX's operators.
        lengths: the lengths of the free axes, by name.

    Attributes:
        opset: the version of ONNX's operators.
        lengths: the lengths of the free axes, by name.
        path: the path of the module whose nodes are being added.
        nodes: the nodes so far.
    """

    def __init__(self, opset: int, lengths: Mapping[str, Size]) -> None:
        self.onnx: Any = onnx_package()
        self.opset = opset
        self.lengths = lengths
        self.path: tuple[str, ...] = ()
        self.nodes: list[Any] = []
        self.inputs: list[Wire] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._names: set[str] = set()
        self._transposed: dict[str, tuple[Wire, list[int]]] = {}
        self._lengths: dict[tuple[int, int], Wire] = {}
        self._positions: dict[tuple[int, int], Value] = {}

    # -- for layers ---------------------------------------------------------------------------------------

    def add(
        self, operator: str, *inputs: Any, results: int = 1, channels_first: bool = False, **attributes: Any
    ) -> Any:
        """Add a node and return its result, which has the shape and dtype that ONNX infers.

        Args:
            operator: the name of the operator, such as "Celu".
            *inputs: results of other nodes; arrays, which become constants of the graph; None for an omitted input.
            results: the number of results. Several are returned as a tuple.
            channels_first: whether the operator takes and returns images or sequences with the channels along axis 1,
                as ONNX's convolutions do. Arrays are passed as they are. Transposes between such nodes are omitted.
            **attributes: the attributes of the node.

        Raises:
            ExportError: ONNX does not accept the inputs or the attributes.
        """
        wires = [self._wire(each, channels_first) for each in inputs]
        outputs = self.emit(operator, wires, attributes, results)
        values = tuple(self.value(each, channels_first) for each in outputs)
        return values if results > 1 else values[0]

    def constant(self, array: Any, name: str = "constant") -> Wire:
        """Return a constant of the graph, named from the layer's path. The same array is stored once."""
        array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
        full = ".".join([*self.path, name])
        number = 0
        while True:
            candidate = full if not number else f"{full}_{number}"
            known = self._constants.get(candidate)
            if known is None and candidate not in self._names:
                self._constants[candidate] = array
                self._names.add(candidate)
                break
            if known is not None and known.dtype == array.dtype and np.array_equal(known, array, equal_nan=False):
                break
            number += 1
        return Wire(candidate, array.shape, array.dtype)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Name the nodes that are added in the `with` block after a part of the layer."""
        before = self.path
        self.path = (*before, name)
        try:
            yield
        finally:
            self.path = before

    # -- free lengths -------------------------------------------------------------------------------------

    def reshaped(self, value: Value, shape: Shape) -> Value:
        """Return the array in a shape with any number of free lengths.

        Raises:
            ExportError: a length depends on a free axis, but no axis of the array or of an input has this length.
        """
        wire = self.channels_last(value)
        parts = [self._length(each, wire) if is_dynamic(each) else self.constant(np.array([each])) for each in shape]
        inputs = [wire, self.emit("Concat", parts, {"axis": 0})[0]]
        return self.value(self.emit("Reshape", inputs, {}, known=(shape, value.dtype))[0])

    def positions(self, value: Value, axis: int) -> Value:
        """Return the indices along a free axis of the array: 0, 1, …, length − 1."""
        length = value.shape[axis]
        key = int(length), other(length)
        if key not in self._positions:
            whole = self._length(length, self.channels_last(value))
            with self._at_the_top():
                zero, one = (self.constant(np.array(number)) for number in (0, 1))
                limit = self.emit("Squeeze", [whole], {})[0]
                found = self.emit("Range", [zero, limit, one], {}, known=((length,), np.dtype(np.int64)))[0]
            self._positions[key] = self.value(found)
        return self._positions[key]

    def first(self, rows: Wire, value: Value, axis: int) -> Value:
        """Return the first rows of a constant: as many as `value` has elements along a free axis."""
        length = value.shape[axis]
        zero, end = self.constant(np.array([0]), "start"), self._length(length, self.channels_last(value))
        known = (length, *rows.shape[1:]), rows.dtype
        return self.value(self.emit("Slice", [rows, zero, end], {}, known=known)[0])

    def _length(self, length: int, wire: Wire) -> Wire:
        """Return a tensor of one element: this length, read from the shape of an input or of `wire`."""
        key = int(length), other(length)
        if key not in self._lengths:
            axes = ((each, axis, n) for each in (*self.inputs, wire) for axis, n in enumerate(each.shape))
            source = next(((each, axis) for each, axis, n in axes if (int(n), other(n)) == key), None)
            if source is None:
                raise ExportError(
                    f"the length {described((length,))[1:-2]} is needed as a number, but no axis of an input has it"
                )
            with self._at_the_top():
                shape = {"start": source[1], "end": source[1] + 1}
                self._lengths[key] = self.emit("Shape", [source[0]], shape)[0]
        return self._lengths[key]

    @contextmanager
    def _at_the_top(self) -> Iterator[None]:
        """Name nodes added in the `with` block without the path of a module, because several modules may use them."""
        before, self.path = self.path, ()
        try:
            yield
        finally:
            self.path = before

    # -- layouts ------------------------------------------------------------------------------------------

    def value(self, wire: Wire, channels_first: bool = False) -> Value:
        """Return the array that a tensor of the graph holds."""
        if channels_first and len(wire.shape) > 2:
            return Value(self, (wire.shape[0], *wire.shape[2:], wire.shape[1]), wire.dtype, channels_first=wire)
        return Value(self, wire.shape, wire.dtype, channels_last=wire)

    def channels_last(self, value: Value) -> Wire:
        """Return the tensor that holds the array in tensorgrad's layout. It is transposed at most once."""
        if value.in_channels_last is None:
            axes = [0, *range(2, value.ndim), 1]
            value.in_channels_last = self.emit("Transpose", [value.in_channels_first], {"perm": axes})[0]
        return value.in_channels_last

    def channels_first(self, value: Value) -> Wire:
        """Return the tensor that holds the array with the channels along axis 1. It is transposed at most once."""
        if value.ndim < 3:
            return self.channels_last(value)
        if value.in_channels_first is None:
            axes = [0, value.ndim - 1, *range(1, value.ndim - 1)]
            value.in_channels_first = self.emit("Transpose", [value.in_channels_last], {"perm": axes})[0]
        return value.in_channels_first

    def _wire(self, value: Any, channels_first: bool) -> Wire | None:
        if value is None or isinstance(value, Wire):
            return value
        if isinstance(value, Value):
            return self.channels_first(value) if channels_first else self.channels_last(value)
        return self.constant(value)

    # -- nodes --------------------------------------------------------------------------------------------

    def emit(
        self, operator: str, inputs: Sequence[Wire | None], attributes: dict[str, Any], results: int = 1,
        known: tuple[Shape, np.dtype[Any]] | None = None,
    ) -> list[Wire]:  # fmt: skip
        """Add a node between tensors of the graph and return its results.

        `known` is the shape and dtype of the result, if ONNX cannot infer them because they depend on values.
        """
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        if operator == "Transpose" and inputs[0] is not None and inputs[0].name in self._transposed:
            source, before = self._transposed[inputs[0].name]
            order = [before[axis] for axis in attributes["perm"]]  # that of both transposes
            in_place = order == sorted(order)
            return [source] if in_place else self.emit("Transpose", [source], {"perm": order})
        name = self._new_name(operator)
        outputs = [f"{name}.out" if results == 1 else f"{name}.out{number}" for number in range(results)]
        names = ["" if each is None else each.name for each in inputs]
        node = self.onnx.helper.make_node(operator, names, outputs, name=name, **attributes)
        if known is not None:
            wires = [Wire(outputs[0], *known)]
        else:
            one, two = self._inferred(node, inputs, first=True), self._inferred(node, inputs, first=False)
            wires = []
            for output in outputs:
                (shape, dtype), (second, _) = one[output], two[output]
                lengths = tuple(size(int(a), int(b)) for a, b in zip(shape, second, strict=True))
                wires.append(Wire(output, lengths, dtype))
        self.nodes.append(node)
        if operator == "Transpose" and inputs[0] is not None:
            self._transposed[outputs[0]] = (inputs[0], attributes["perm"])
        return wires

    def _inferred(self, node: Any, inputs: Sequence[Wire | None], *, first: bool) -> dict[str, tuple[Shape, Any]]:
        """Return the shape and dtype of each result, for the first or the second value of the free lengths."""
        onnx = self.onnx
        types, data = {}, {}
        for wire in inputs:
            if wire is None:
                continue
            shape = [int(length) if first else other(length) for length in wire.shape]
            types[wire.name] = onnx.helper.make_tensor_type_proto(self.element_type(wire.dtype), shape)
            array = self._constants.get(wire.name)
            if array is not None and array.size <= LARGEST_KNOWN:
                data[wire.name] = onnx.numpy_helper.from_array(array, wire.name)
        try:
            schema = onnx.defs.get_schema(node.op_type, self.opset, "")
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, types, data, opset_imports=[onnx.helper.make_opsetid("", self.opset)]
            )
            return {name: self._shape_of(found[name].tensor_type) for name in node.output}
        except Exception as error:
            free = "The batch size" if len(self.lengths) == 1 else "The length of a free axis"
            shapes = ", ".join("none" if each is None else f"{each.dtype} {described(each.shape)}" for each in inputs)
            raise ExportError(
                f"{node.op_type} of opset {self.opset} does not accept the inputs {shapes} "
                f"({str(error).strip() or type(error).__name__})"
                + ("" if first else f". {free} seems to be used as a number")
            ) from error

    def _shape_of(self, tensor: Any) -> tuple[Shape, Any]:
        if not tensor.HasField("shape") or not all(each.HasField("dim_value") for each in tensor.shape.dim):
            raise ValueError("the shape of the result depends on values")
        shape = tuple(each.dim_value for each in tensor.shape.dim)
        return shape, np.dtype(self.onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))

    def element_type(self, dtype: np.dtype[Any]) -> int:
        """Return ONNX's code of a dtype."""
        code: int = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return code

    def _new_name(self, operator: str) -> str:
        """Return an unused name: the path of the module for its first node, with the operator for the others."""
        path, number = ".".join(self.path), 0
        candidate = f"{path}/{operator}" if path and operator in HELPERS else path or operator
        while candidate in self._names:
            candidate = f"{path}/{operator}" if path else operator
            candidate += f"_{number}" if number else ""
            number += 1
        self._names.add(candidate)
        return candidate

    # -- the finished graph -------------------------------------------------------------------------------

    def add_input(self, name: str, shape: Shape, dtype: np.dtype[Any]) -> Value:
        """Return an input of the graph."""
        self._names.add(name)
        wire = Wire(name, shape, dtype)
        self.inputs.append(wire)
        return self.value(wire)

    def proto(self, name: str, outputs: dict[str, Value]) -> Any:
        """Return the graph as ONNX's `GraphProto`, with these outputs by name.

        If an output has the name of an input, `_output` is appended to it.
        """
        fixed = {each.name for each in self.inputs} | self._constants.keys()
        results: dict[str, Wire] = {}
        for output, wire in [(output, self.channels_last(value)) for output, value in outputs.items()]:
            if wire.name in fixed or wire in results.values():  # it cannot be renamed
                wire = self.emit("Identity", [wire], {})[0]
            results[f"{output}_output" if output in fixed else output] = wire
        for output, wire in results.items():
            self._rename(wire.name, output)
        wires = [Wire(output, wire.shape, wire.dtype) for output, wire in results.items()]
        helper, nodes = self.onnx.helper, self._needed({each.name for each in wires})
        used = {each for node in nodes for each in node.input}
        return helper.make_graph(
            nodes, name, [self._typed(each) for each in self.inputs], [self._typed(each) for each in wires],
            initializer=[
                self.onnx.numpy_helper.from_array(array, name)
                for name, array in self._constants.items()
                if name in used
            ],
        )  # fmt: skip

    def _needed(self, names: set[str]) -> list[Any]:
        """Return the nodes on which these tensors depend, in order."""
        kept = []
        for node in reversed(self.nodes):
            if names & set(node.output):
                names = names | set(node.input)
                kept.append(node)
        return kept[::-1]

    def _rename(self, old: str, new: str) -> None:
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [new if each == old else each for each in names]

    def _typed(self, wire: Wire) -> Any:
        names = {(int(length), length.other): name for name, length in self.lengths.items()}
        shape = [
            names.get((int(length), other(length)), f"{wire.name}_{axis}") if is_dynamic(length) else int(length)
            for axis, length in enumerate(wire.shape)
        ]
        return self.onnx.helper.make_tensor_value_info(wire.name, self.element_type(wire.dtype), shape)

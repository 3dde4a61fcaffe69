"""The cases: those that onnx computes with NumPy, in memory, and those that PyTorch computed, in files."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx.helper import get_attribute_value
from onnx.numpy_helper import to_array

FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")


class Vector(NamedTuple):
    """A graph, usually of one operator, with inputs and expected outputs."""

    name: str
    model: Any
    inputs: list[Any]
    outputs: list[Any]

    @property
    def operators(self) -> list[str]:
        """The operators of the graph."""
        return [node.op_type for node in self.model.graph.node]

    def run(self, operators: Mapping[str, Callable[..., Any]]) -> list[Any]:
        """Return the graph's outputs, computed by functions; None where an operator does not return one."""
        graph = self.model.graph
        versions = {each.domain: each.version for each in self.model.opset_import}
        values = {each.name: to_array(each) for each in graph.initializer}
        values |= zip((each.name for each in graph.input if each.name not in values), self.inputs)
        for node in graph.node:
            attributes = {each.name: get_attribute_value(each) for each in node.attribute}
            attributes |= {"opset": versions[node.domain], "outputs": sum(map(bool, node.output))}
            results = operators[node.op_type](attributes, *(values[name] if name else None for name in node.input))
            results = results if isinstance(results, (tuple, list)) else [results]
            named = [(name, result) for name, result in zip(node.output, results, strict=False) if name]
            values |= {name: None if result is None else np.asarray(_plain(result)) for name, result in named}
        return [values[each.name] for each in graph.output]


def _plain(result: Any) -> Any:
    """Return a tensor's array."""
    return getattr(result, "data", result) if not isinstance(result, np.ndarray) else result


@functools.cache
def vectors() -> list[Vector]:
    """Return every case but the expanded ones, which repeat the case of an operator with simpler operators."""
    return [vector for vector in [*_in_memory(), *_in_files()] if "_expanded" not in vector.name]


def _in_memory() -> Iterator[Vector]:
    from onnx.backend.test.case.node import collect_testcases  # only where cases are needed: it is slow

    before = np.random.get_state()  # noqa: NPY002 - onnx draws from NumPy's global generator
    np.random.seed(0)  # noqa: NPY002
    with warnings.catch_warnings(action="ignore"):
        cases = collect_testcases(None)
    np.random.set_state(before)  # noqa: NPY002
    for case in cases:
        for inputs, outputs in case.data_sets or ():
            yield Vector(case.name, case.model, inputs, outputs)


def _in_files() -> Iterator[Vector]:
    root = Path(onnx.__file__).parent / "backend/test/data"
    for folder in [folder for kind in FOLDERS for folder in sorted((root / kind).glob("test_*"))]:
        model = onnx.load(folder / "model.onnx")
        graph = model.graph
        if all(each.type.HasField("tensor_type") for each in [*graph.input, *graph.output]):
            data = folder / "test_data_set_0"
            yield Vector(folder.name, model, _read(data, "input"), _read(data, "output"))


def _read(data: Path, what: str) -> list[Any]:
    files = sorted(data.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [to_array(onnx.load_tensor(path)) for path in files]

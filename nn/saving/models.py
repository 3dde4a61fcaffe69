"""Save and load whole models: the network and everything needed to resume training."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.metrics import Metric
from nn.module import Module
from nn.optimizers import Optimizer
from nn.saving.attributes import changed_attributes, restore_attributes
from nn.saving.build import MOST_OBJECTS, Builder, check_objects, check_same, shared_parameters
from nn.saving.config import Describer, with_custom
from nn.saving.format import LoadError, SaveError, read, write
from nn.saving.state import RandomSource, as_numpy, section, set_parameters
from tensorgrad import Tensor

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class Parts:
    """The parts of a model.

    Attributes:
        network, loss, metrics, rng, optimizer: as `nn.Model` takes them.
        epochs: the values of its `History`: one list for each name.
        columns: the names of the columns of each input in training; see `nn.data.arrays.columns_of`.
    """

    network: Module
    loss: Any
    metrics: tuple[Metric, ...]
    rng: RandomSource
    optimizer: Optimizer | None
    epochs: Mapping[str, list[float]]
    columns: Mapping[str, tuple[str, ...]]


DESCRIBED = ("network", "loss", "metrics", "rng", "optimizer")
"""The parts that are objects, in the order in which they are described and built."""


def save_model(path: str | Path, parts: Parts, *, dry_run: bool = False) -> None:
    """Write a model to a file, after checking that it can be rebuilt from the content to be written.

    Args:
        path: the file.
        parts: the model.
        dry_run: whether to run all checks without changing `path`.

    Raises:
        SaveError: a part cannot be described, or would differ after loading. No file has been written.
        OSError: the file cannot be written. An existing file is unchanged.
    """
    try:
        document, arrays, custom = _written(parts)
        again = _made(document, arrays, with_custom(custom))
        if changed := changed_attributes(_all_holders(parts), _all_holders(again)):
            again = _made(document | {"attributes": changed}, arrays, with_custom(custom))
        check_same(parts.network, again.network)
        if json.dumps(_written(again)[0]) != json.dumps(document) or changed_attributes(
            _all_holders(parts), _all_holders(again)
        ):
            raise ValueError("its settings would be different.")
    except (ValueError, RecursionError) as error:
        raise SaveError(
            f"{path}: a file cannot restore this model as it is: {error} {shared_parameters(parts.network)}"
            "(save_parameters saves the parameters without a description of the layers.)"
        ) from error
    if changed:
        document["attributes"] = changed
    write(path, arrays, document, dry_run=dry_run)


def load_model(path: str | Path, custom: Iterable[Any] = ()) -> Parts:
    """Read a model written by `save_model`.

    Raises:
        LoadError: the file is invalid, or names an unknown class.
        OSError: there is no such file, or it cannot be read.
        TypeError, ValueError: `custom` has an item that is not a class or function, or two of the same name.
    """
    known = with_custom(custom)
    arrays, document = read(path, most_objects=MOST_OBJECTS)
    if document.get("content") != "model":
        raise LoadError(f"{path}: contains only parameters. Create the model, then call model.load_parameters(path).")
    try:
        return _made(document, arrays, known)
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: {error}") from error


def _written(parts: Parts) -> tuple[dict[str, Any], Arrays, list[Any]]:
    """Return the document and the tensors of the file, and the classes and functions that the user defined."""
    tensors = dict(parts.network.named_state())
    optimizer = parts.optimizer
    for number, parameter in enumerate(() if optimizer is None else optimizer.parameters):
        if not any(parameter is tensor for tensor in tensors.values()):
            raise SaveError(f"parameter {number} of the optimizer is not a parameter of the network.")
    state = {} if optimizer is None else optimizer.state_dict()
    state_arrays = {key: as_numpy(value) for key, value in state.items() if hasattr(value, "__array_function__")}

    describer = Describer(tensors)
    document = {
        "content": "model",
        "objects": {name: describer.describe(name, getattr(parts, name)) for name in DESCRIBED},
        "optimizer_state": {
            key: describer.describe(f"optimizer.{key}", value)
            for key, value in state.items()
            if key not in state_arrays
        },
        "generators": {
            name: {key: describer.describe(f"{name}.{key}", source) for key, source in _generators(thing).items()}
            for name, thing in _holders(parts.network, parts.loss, parts.metrics).items()
            if _generators(thing)
        },
        "metric_names": [metric.name for metric in parts.metrics],
        "history": list(parts.epochs),
        "frozen": [name for name, tensor in tensors.items() if not tensor.requires_grad],
    }
    if parts.columns:
        document["columns"] = {index: list(names) for index, names in parts.columns.items()}
    arrays = (
        {f"network.{name}": as_numpy(tensor.array) for name, tensor in tensors.items()}
        | {f"optimizer.{key}": array for key, array in state_arrays.items()}
        | {f"history.{name}": np.array(values, np.float64) for name, values in parts.epochs.items()}
        | describer.arrays
    )
    return document, arrays, describer.custom


def _made(document: Mapping[str, Any], arrays: Arrays, known: Mapping[str, Any]) -> Parts:
    """Return the model described by a document.

    Raises:
        ValueError: the parts are inconsistent.
    """
    check_objects(document)
    weights = section(arrays, "network")
    builder = Builder(known, arrays, elements=sum(array.size for array in weights.values()))
    builder.tensors = weights
    try:
        objects = document["objects"]
        network = _checked(builder.build(objects["network"]), "network", Module)
        set_parameters(network, weights)
        builder.tensors = tensors = dict(network.named_state())
        _set_trained(tensors, frozen=())  # an optimizer accepts only trainable tensors
        loss, metrics, rng, optimizer = (builder.build(objects[name]) for name in DESCRIBED[1:])
        _set_trained(tensors, frozen=document["frozen"])

        for metric, name in zip(_checked(metrics, "metrics", tuple), document["metric_names"], strict=True):
            if _checked(metric, "metric", Metric).name != name:
                metric.name = _checked(name, "name of a metric", str)
        state = {key: builder.build(value) for key, value in document["optimizer_state"].items()}
        if optimizer is not None:
            _checked(optimizer, "optimizer", Optimizer).load_state_dict(state | section(arrays, "optimizer"))
        epochs = {name: arrays[f"history.{name}"].tolist() for name in document["history"]}
        columns = {index: _names(names) for index, names in document.get("columns", {}).items()}
        holders = _holders(network, loss, metrics)
        for name, described in document["generators"].items():
            _set_generators(name, holders[name], {key: builder.build(value) for key, value in described.items()})
        restore_attributes(holders, _built(builder, document.get("attributes", {})))
        builder.settle()
    except ValueError:
        raise
    except Exception as error:  # an invalid description can raise any exception
        raise ValueError(f"the description is malformed ({type(error).__name__}: {error}).") from error
    belonging = builder.used | {f"history.{name}" for name in epochs}
    sections = ("network.",) if optimizer is None else ("network.", "optimizer.")  # checked by their owners
    if strangers := [name for name in arrays if not name.startswith(sections) and name not in belonging]:
        raise ValueError(f"tensor {strangers[0]!r} does not belong to the model.")
    return Parts(network, loss, metrics, _checked(rng, "rng", RandomSource), optimizer, epochs, columns)


def _checked(thing: Any, what: str, kind: Any) -> Any:
    if not isinstance(thing, kind):
        raise ValueError(f"the {what} is a {type(thing).__name__}.")
    return thing


def _names(names: Any) -> tuple[str, ...]:
    return tuple(_checked(name, "name of a column", str) for name in _checked(names, "list of columns", list))


def _holders(network: Module, loss: Any, metrics: Iterable[Metric]) -> dict[str, Any]:
    """Return the objects that may hold generators and data: all modules, the loss and the metrics."""
    modules = {f"network.{path}": module for path, module in network.named_modules()}
    return modules | {"loss": loss} | {f"metrics.{number}": metric for number, metric in enumerate(metrics)}


def _all_holders(parts: Parts) -> dict[str, Any]:
    return _holders(parts.network, parts.loss, parts.metrics)


def _built(builder: Builder, described: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {path: {key: builder.build(each) for key, each in values.items()} for path, values in described.items()}


def _generators(thing: Any) -> dict[str, RandomSource]:
    attributes = getattr(thing, "__dict__", {})  # a loss may be a built-in function
    return {key: value for key, value in attributes.items() if isinstance(value, RandomSource)}


def _set_generators(name: str, thing: Any, generators: Mapping[str, Any]) -> None:
    own = _generators(thing)
    for key, source in generators.items():
        if key not in own or not isinstance(source, RandomSource):
            raise ValueError(f"{name}.{key} is not a random generator.")
        setattr(thing, key, source)


def _set_trained(tensors: Mapping[str, Tensor], frozen: Collection[str]) -> None:
    for name, tensor in tensors.items():
        tensor.requires_grad = tensor.dtype.kind == "f" and name not in frozen

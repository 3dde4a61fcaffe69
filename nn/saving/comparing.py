"""Whether a network that was made again is the one that it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nn.module import Module
from nn.saving.describing import Describer
from tensorgrad import Tensor


def check_same(network: Module, again: Module) -> None:
    """Refuse a network that was made again and is not what it was.

    That is, a layer inside has another class or other settings, or an array that a layer makes when it is made and that
    is no part of its state has other values. What a layer keeps of its last call, to look at, is not there yet when it
    is made, and does not matter.

    Raises:
        ValueError: naming the layer.
    """
    first, second = _layers(network), _layers(again)
    for path in {**first, **second}:
        now, then = (layers.get(path, "not there") for layers in (first, second))
        if now != then:
            raise ValueError(f"{f'layer {path}' if path else 'the network'} is {now} and would be {then}.")
    state = {id(tensor) for _, tensor in again.named_state()}
    modules = dict(network.named_modules())
    for path, module in again.named_modules():
        for name, made in vars(module).items():
            is_constant = isinstance(made, (Tensor, np.ndarray)) and id(made) not in state
            if is_constant and not _same(vars(modules[path]).get(name), made):
                raise ValueError(
                    f"{type(module).__name__}.{name} would have other values. Make it a tensor and name it in "
                    "state_names, or make it from the constructor's arguments."
                )


def shared_parameters(network: Module) -> str:
    """What to say if a parameter occurs twice, else nothing: layers that are made one by one have one each."""
    first: dict[int, str] = {}
    for path, module in network.named_modules():
        for name, tensor in module.own_state():
            place = f"{path}.{name}".lstrip(".")
            if first.setdefault(id(tensor), place) != place:
                return (
                    f"{first[id(tensor)]} and {place} are one parameter; a file of the model gives it back only if "
                    "the class of a module makes it so in its __init__. "
                )
    return ""


def _layers(network: Module) -> dict[str, str]:
    """The class and the settings of each module inside, in JSON, by path."""
    describer = Describer(dict(network.named_state()))
    return {
        path: f"{type(module).__name__} {json.dumps(describer.describe(path, dict(module.settings())))}"
        for path, module in network.named_modules()
    }


def _same(held: Any, made: Any) -> bool:
    first, second = (each.data if isinstance(each, Tensor) else np.asarray(each) for each in (held, made))
    return np.array_equal(first, second, equal_nan=second.dtype.kind == "f")

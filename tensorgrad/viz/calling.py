"""Find the tensors to draw: those that are passed, or those that a function or a module returns."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.modes import enable_grad
from tensorgrad.tensor import DEEPEST, Tensor
from tensorgrad.viz.recording import Recording


def outputs_of(asker: str, subject: Any, arguments: Sequence[Any]) -> list[Tensor]:
    """Return the tensors that `subject` is, holds or returns.

    Args:
        asker: the function that was called, for error messages.
        subject: a tensor; a sequence or a dict of tensors; an object with a method `__graph__`, such as an `nn.Module`,
            which returns its outputs for the arguments, or for an example if there are none; or a function.
        arguments: the arguments of the function. Numbers and arrays of floats become leaves, named after the
            parameters, so that the graph shows what the function does with them.

    Raises:
        TypeError: there is no tensor, there is something other than tensors, or arguments are given for a tensor.
        ValueError: containers are nested too deeply, or one is inside itself.
    """
    has_graph = hasattr(type(subject), "__graph__")
    if has_graph or (callable(subject) and not isinstance(subject, Tensor)):
        with enable_grad():
            result = subject.__graph__(*arguments) if has_graph else subject(*_as_leaves(subject, arguments))
        outputs = list(_tensors(result))
        if not outputs:
            raise TypeError(
                f"{asker}: expected {_name(subject)} to return a Tensor, got {type(result).__name__}. "
                "Is one of its arguments a Tensor or an array of floats?"
            )
        return outputs
    if arguments:
        hint = " To draw several tensors, pass a list: draw([y1, y2])." if asker == "draw" else ""
        raise TypeError(
            f"{asker}: got {len(arguments)} arguments after a {type(subject).__name__}, which takes none.{hint}"
        )
    outputs = list(_tensors(subject))
    if not outputs:
        raise TypeError(
            f"{asker}: expected a Tensor, a list of tensors, a module or a function, got {type(subject).__name__}."
        )
    return outputs


def without_results(recording: Recording) -> Recording:
    """Return the recording of a call with an example as its input: only leaves keep their values and gradients."""
    boxes = (box if box.kind == "leaf" else replace(box, value=None, gradient=None) for box in recording.boxes)
    return replace(recording, boxes=tuple(boxes))


def _tensors(value: Any, depth: int = 0) -> Iterator[Tensor]:
    """Yield the tensors in nested sequences and dicts.

    Raises:
        TypeError: there is something else in a sequence or a dict.
        ValueError: they are nested too deeply, or one is inside itself.
    """
    if depth > DEEPEST:
        raise ValueError(f"draw: expected tensors in containers at most {DEEPEST} deep. Does one contain itself?")
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            if not isinstance(item, (Tensor, list, tuple, Mapping)):
                raise TypeError(f"draw: expected tensors only, got {type(item).__name__} among them.")
            yield from _tensors(item, depth + 1)


def _as_leaves(function: Any, arguments: Sequence[Any]) -> list[Any]:
    names = _parameter_names(function, len(arguments))
    return [
        Tensor(argument, requires_grad=True, name=name) if _is_floating(argument) else argument
        for argument, name in zip(arguments, names)
    ]


def _is_floating(argument: Any) -> bool:
    if isinstance(argument, (float, np.floating)):
        return True
    return isinstance(argument, np.ndarray) and argument.dtype.kind == "f"


def _parameter_names(function: Any, count: int) -> list[str | None]:
    try:
        bound = inspect.signature(function).bind(*range(count)).arguments
    except (TypeError, ValueError):  # no signature, or wrong arguments, which the call reports
        return [None] * count
    names: list[str | None] = []
    for name, value in bound.items():
        names += [name] if isinstance(value, int) else [f"{name}[{place}]" for place in range(len(value))]
    return names


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)

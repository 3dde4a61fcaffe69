"""What a picture is made from: a graph as plain data, readable without the engine and written as JSON.

A `Recording` holds what was true at one moment. It refers to no tensor and no node, so that a picture can be made
later, elsewhere, or by another program, and every output is a function of it alone.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

VERSION = 1

Kind = Literal["leaf", "constant", "operation"]
Missing = Literal["not computed", "released", "dropped", "changed", "unrepeatable"]
"""Why there is no number: no gradient was computed yet; what it depends on was released after the backward pass, was
held by nobody, or was changed since; or computing it again might give something else."""


@dataclass(frozen=True)
class Summary:
    """What is shown of an array.

    Attributes:
        numbers: all elements in row order, if there are few; else empty. Booleans stay booleans.
        mean, std, min, max: over all elements; NaN for an empty array.
    """

    numbers: tuple[float | bool, ...]
    mean: float
    std: float
    min: float
    max: float


Reading = Summary | Missing | None
"""A summary, why there is none, or None where there is nothing to read (a constant has no gradient)."""


@dataclass(frozen=True)
class Operand:
    """One use of a box by an operation: `a * a` has two.

    Attributes:
        box: the id of the box that is used.
        name: which argument of the operation it is: `x`, `y`; `arrays[0]` in a sequence.
    """

    box: int
    name: str


@dataclass(frozen=True)
class Box:
    """One value of the graph and how it was made.

    Attributes:
        id: its place in the recording. Operands have smaller ids than what was made from them.
        kind: a leaf (made by the user, wants a gradient), a constant (wants none), or an operation's result.
        op: the operation's name; None unless there was one.
        name: the tensor's name, if it has one.
        options: the other arguments that differ from their defaults, as (name, text).
        operands: what it was made from, in the order of the arguments.
        shape: None if it is not known any more.
        dtype: likewise; "" for a Python number.
        value: the values.
        gradient: ∂output/∂value, or the accumulated `.grad` where the tensor keeps one.
    """

    id: int
    kind: Kind
    op: str | None
    name: str | None
    options: tuple[tuple[str, str], ...]
    operands: tuple[Operand, ...]
    shape: tuple[int, ...] | None
    dtype: str | None
    value: Reading
    gradient: Reading


@dataclass(frozen=True)
class Recording:
    """A graph at one moment: its boxes in the order they were made. The last one is the output.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.capture import capture
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> recording = capture(x * x)
    >>> [box.op or box.name for box in recording.boxes]
    ['x', 'multiply']
    >>> Recording.from_json(recording.to_json()) == recording
    True
    """

    boxes: tuple[Box, ...]
    version: int = VERSION

    def to_json(self) -> str:
        """The recording as JSON text. Numbers that JSON lacks are the strings "nan", "inf" and "-inf"."""
        return json.dumps(_plain(asdict(self)), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """The recording that `to_json` wrote.

        Raises:
            ValueError: the text is from another version.
        """
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"recording: expected version {VERSION}, got {data['version']}. Record the graph again.")
        return cls(tuple(_box(box) for box in data["boxes"]))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _box(data: dict[str, Any]) -> Box:
    read = {
        "options": tuple((name, text) for name, text in data["options"]),
        "operands": tuple(Operand(**operand) for operand in data["operands"]),
        "shape": None if data["shape"] is None else tuple(data["shape"]),
        "value": _reading(data["value"]),
        "gradient": _reading(data["gradient"]),
    }
    return Box(**{**data, **read})


def _reading(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    extremes = {key: float(number) for key, number in data.items() if key != "numbers"}
    numbers = (number if isinstance(number, bool) else float(number) for number in data["numbers"])
    return Summary(tuple(numbers), **extremes)

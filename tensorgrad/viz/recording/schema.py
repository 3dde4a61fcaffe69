"""What a picture is made from: a graph as plain data, readable without the engine and written as JSON.

A `Recording` holds what was true at one moment. It refers to no tensor and no node, so that a picture can be made
later, elsewhere, or by another program, and every output is a function of it alone.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal

VERSION = 3

Kind = Literal["leaf", "constant", "operation", "folded"]
Missing = Literal["not computed", "released", "dropped", "changed", "unrepeatable"]
"""Why there is no number: no gradient was computed yet; what it depends on was released after the backward pass, was
held by nobody, or was changed since; or computing it again might give something else."""


@dataclass(frozen=True)
class Summary:
    """What is shown of an array.

    Attributes:
        numbers: all elements in row order, if there are few; else empty. Booleans stay booleans.
        mean, std, min, max: over all elements; NaN for an empty array.
        zeros: the share of elements that are 0, from 0 to 1; NaN for an empty array.
        nans: how many elements are NaN.
        detail: more of it, if more was asked for and there are many elements.
    """

    numbers: tuple[float | bool, ...]
    mean: float
    std: float
    min: float
    max: float
    zeros: float
    nans: int
    detail: Detail | None = None


@dataclass(frozen=True)
class Detail:
    """A large array seen from afar.

    Attributes:
        histogram: how many finite elements lie in each of equal bins from the smallest to the largest of them.
        rows, columns: of the heatmap. An array of one axis is one row; of more than two, all but the last are rows.
        tile: how many rows and columns of the array each cell of the heatmap is the mean of.
        levels: the heatmap's cells row by row, a byte each, in base64: 0 is `low`, 254 is `high`, 255 is NaN.
        low, high: what the first and the last colour mean.
        smallest, largest: the finite elements between which the histogram lies; NaN if there is none.
    """

    histogram: tuple[int, ...]
    rows: int
    columns: int
    tile: tuple[int, int]
    levels: str
    low: float
    high: float
    smallest: float = math.nan
    largest: float = math.nan


Reading = Summary | Missing | None
"""A summary, why there is none, or None where there is nothing to read (a constant has no gradient)."""


@dataclass(frozen=True)
class Operand:
    """One use of a box by an operation: `a * a` has two.

    Attributes:
        box: the id of the box that is used.
        name: which argument of the operation it is: `x`, `y`; `arrays[0]` in a sequence. For a result of a call that
            has several: which result it is, `eigenvalues` or `[0]`.
    """

    box: int
    name: str


@dataclass(frozen=True)
class Box:
    """One value of the graph and how it was made.

    Attributes:
        id: its place in the recording. Operands have smaller ids than what was made from them.
        kind: a leaf (made by the user, wants a gradient), a constant (wants none), an operation's result, or many
            boxes folded into one, whose result it shows.
        op: the operation's name; None unless there was one.
        name: the tensor's name, if it has one.
        options: the other arguments that differ from their defaults, as (name, text).
        operands: what it was made from, in the order of the arguments.
        shape: None if it is not known any more, and for a call with several results.
        dtype: likewise; "" for a Python number.
        value: the values.
        gradient: ∂output/∂value, or the accumulated `.grad` where the tensor keeps one.
        group: the id of the innermost group it belongs to; None if it stands outside all of them.
        stands_for: how many boxes of the whole graph it stands for.
        check: for a leaf, whether finite differences agree with its gradient, if that was asked for.
        results: the names of the results, if this is a call with several; each that is used has its own box.
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
    group: int | None = None
    stands_for: int = 1
    check: Check | None = None
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Boxes that belong together: what one call of a module made, or what repeats.

    Attributes:
        id: its place among the groups. Outer groups have smaller ids than those inside.
        parent: the id of the group around it, if any.
        name: the module's name in the module around it, such as `encoder` or `0`; "" for the outermost.
        kind: the module's class, such as `Dense`; "" for operations that repeat outside any module.
        times: how often it occurs in a row; only the first is drawn.
    """

    id: int
    parent: int | None
    name: str
    kind: str
    times: int = 1


@dataclass(frozen=True)
class Check:
    """What finite differences say of a leaf's gradient.

    Attributes:
        verdict: "agrees", "differs" or "not checked".
        reason: in words: how many elements were tried and how far apart they were, or why none was.
    """

    verdict: Literal["agrees", "differs", "not checked"]
    reason: str


@dataclass(frozen=True)
class Contribution:
    """What one operand of an operation receives in the backward pass.

    Attributes:
        operand: its position among the operands of the box.
        rule: the derivative rule as the operation declares it, such as `g * y`; "" if its source is not there.
        formula: the same with the names of this graph, such as `∂L/∂c · b`, or `xᵀ @ dY`.
        local: ∂result/∂operand in the names of this graph, such as `b`; "" unless all are scalars.
        slope: its number, if all are scalars.
        given_shape: the shape of what the rule gave. If it is not the operand's, unbroadcasting sums it down.
        given: what the rule gave, if it had to be summed down.
        value: what arrives at the operand.
        total: what has arrived there so far, this included.
    """

    operand: int
    rule: str
    formula: str
    local: str
    slope: float | None
    given_shape: tuple[int, ...]
    given: Reading
    value: Reading
    total: Reading


@dataclass(frozen=True)
class Event:
    """One step of a backward pass: a box hands its gradient on to its operands.

    Attributes:
        box: whose rules run.
        upstream: the gradient it had then.
        contributions: one for each operand that wants a gradient, in their order.
    """

    box: int
    upstream: Reading
    contributions: tuple[Contribution, ...]


PassKind = Literal["right", "naive order", "overwritten", "not zeroed"]


@dataclass(frozen=True)
class Pass:
    """A backward pass, done right or with a mistake that people make.

    Attributes:
        kind: "right"; "naive order", each box as soon as it is first reached; "overwritten", where a contribution
            replaces what had arrived before; "not zeroed", a second right pass onto the gradients of a first.
        events: in the order they happened.
        early: the boxes whose rules ran before all contributions to them had arrived.
        gradients: what each box ended with, by id; None for a box that no gradient reached.
    """

    kind: PassKind
    events: tuple[Event, ...]
    early: tuple[int, ...]
    gradients: tuple[Reading, ...]


@dataclass(frozen=True)
class Recording:
    """A graph at one moment: its boxes in the order they were made. The last one is the output.

    Attributes:
        boxes: in topological order; a box's id is its place.
        groups: the modules that made them.
        passes: backward passes step by step, the right one first; none unless they were asked for.
        folded: what is not drawn, in words.
        version: of this format.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.recording.capture import capture
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> recording = capture(x * x)
    >>> [box.op or box.name for box in recording.boxes]
    ['x', 'multiply']
    >>> Recording.from_json(recording.to_json()) == recording
    True
    """

    boxes: tuple[Box, ...]
    groups: tuple[Group, ...] = ()
    passes: tuple[Pass, ...] = ()
    folded: tuple[str, ...] = ()
    version: int = VERSION

    def to_json(self) -> str:
        """The recording as JSON text. Numbers that JSON lacks are the strings "nan", "inf" and "-inf"."""
        return json.dumps(_plain(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """The recording that `to_json` wrote.

        Raises:
            ValueError: the text is from another version.
        """
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"recording: expected version {VERSION}, got {data['version']}. Record the graph again.")
        return cls(
            boxes=tuple(_box(box) for box in data["boxes"]),
            groups=tuple(Group(**group) for group in data["groups"]),
            passes=tuple(_pass(each) for each in data["passes"]),
            folded=tuple(data["folded"]),
        )


def _plain(value: Any) -> Any:
    """What `json` can write. `dataclasses.asdict` would copy everything once more, in three times the time."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return {name: _plain(item) for name, item in vars(value).items()} if is_dataclass(value) else value


def _box(data: dict[str, Any]) -> Box:
    read = {
        "options": tuple((name, text) for name, text in data["options"]),
        "operands": tuple(Operand(**operand) for operand in data["operands"]),
        "results": tuple(data["results"]),
        "shape": None if data["shape"] is None else tuple(data["shape"]),
        "value": _reading(data["value"]),
        "gradient": _reading(data["gradient"]),
        "check": None if data["check"] is None else Check(**data["check"]),
    }
    return Box(**{**data, **read})


def _pass(data: dict[str, Any]) -> Pass:
    return Pass(
        kind=data["kind"],
        events=tuple(_event(event) for event in data["events"]),
        early=tuple(data["early"]),
        gradients=tuple(_reading(gradient) for gradient in data["gradients"]),
    )


def _event(data: dict[str, Any]) -> Event:
    contributions = tuple(_contribution(each) for each in data["contributions"])
    return Event(data["box"], _reading(data["upstream"]), contributions)


def _contribution(data: dict[str, Any]) -> Contribution:
    read = {
        "slope": None if data["slope"] is None else float(data["slope"]),
        "given_shape": tuple(data["given_shape"]),
        "given": _reading(data["given"]),
        "value": _reading(data["value"]),
        "total": _reading(data["total"]),
    }
    return Contribution(**{**data, **read})


def _reading(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    floats = {key: float(data[key]) for key in ("mean", "std", "min", "max", "zeros")}
    numbers = tuple(number if isinstance(number, bool) else float(number) for number in data["numbers"])
    return Summary(numbers, **floats, nans=data["nans"], detail=_detail(data["detail"]))


def _detail(data: dict[str, Any] | None) -> Detail | None:
    if data is None:
        return None
    read = {
        "histogram": tuple(data["histogram"]),
        "tile": tuple(data["tile"]),
        **{key: float(data[key]) for key in ("low", "high", "smallest", "largest")},
    }
    return Detail(**{**data, **read})

"""Data model of pictures: a graph as plain data, readable without the engine and serialized as JSON.

A `Recording` is a snapshot of a graph. It holds no references to tensors or nodes, so a picture can be made later, on
another machine, or by another program. Every output depends on the recording alone.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal

VERSION = 4

Kind = Literal["leaf", "constant", "operation", "folded"]
Missing = Literal["not computed", "released", "dropped", "changed", "unrepeatable"]
"""Why there is no number: no gradient was computed yet; what it depends on was released after the backward pass, was
held by nobody, or was changed since; or computing it again might give something else."""


@dataclass(frozen=True)
class Summary:
    """Summary of an array.

    Attributes:
        numbers: all elements in row order if there are few, otherwise empty. Booleans stay booleans.
        mean, std, min, max: over all elements; NaN for an empty array.
        zeros: the fraction of elements that are 0, from 0 to 1; NaN for an empty array.
        nans: number of elements that are NaN.
        detail: histogram and heatmap, if requested and there are many elements.
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
    """Histogram and heatmap of a large array.

    Attributes:
        histogram: number of finite elements in each of several equal bins from the smallest to the largest.
        rows, columns: size of the heatmap. A one-dimensional array is one row. With more than two axes, all but the
            last are combined into rows.
        tile: numbers of rows and columns of the array that are averaged in each cell of the heatmap.
        levels: the heatmap's cells row by row, a byte each, in base64: 0 is `low`, 254 is `high`, 255 is NaN.
        low, high: the values of the first and the last colour.
        smallest, largest: the smallest and largest finite element, the range of the histogram; NaN if there is none.
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
    """One use of a box by an operation. `a * a` has two.

    Attributes:
        box: the id of the box that is used.
        name: the argument of the operation, such as `x` or `y`, or `arrays[0]` in a sequence. For one of several
            results of a call, the name of the result, such as `eigenvalues` or `[0]`.
    """

    box: int
    name: str


@dataclass(frozen=True)
class Box:
    """One value of the graph and how it was computed.

    Attributes:
        id: index in the recording. Operands have smaller ids than their results.
        kind: a leaf (created by the user, requires a gradient), a constant (requires none), an operation's result, or
            several boxes folded into one, which shows their result.
        op: the operation's name, or None.
        name: the tensor's name, if it has one.
        options: the other arguments that differ from their defaults, as (name, text).
        operands: the operands, in the order of the arguments.
        shape: None if it is not available, and for a call with several results.
        dtype: likewise; "" for a Python number.
        value: the values.
        gradient: ∂output/∂value, or the accumulated `.grad` where the tensor keeps one.
        group: the id of the innermost group that contains it, or None.
        stands_for: number of boxes of the whole graph that it represents.
        check: for a leaf, the result of the finite-difference check, if requested.
        results: the names of the results, for a call with several. Each result that is used has a separate box.
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
    """Boxes that belong together: those of one module call, or those that repeat.

    Attributes:
        id: index among the groups. Outer groups have smaller ids than inner groups.
        parent: the id of the enclosing group, if any.
        name: the module's name in the enclosing module, such as `encoder` or `0`; "" for the outermost.
        kind: the module's class, such as `Dense`; "" for operations that repeat outside any module.
        times: number of consecutive occurrences; only the first is drawn.
    """

    id: int
    parent: int | None
    name: str
    kind: str
    times: int = 1


@dataclass(frozen=True)
class Check:
    """Result of the finite-difference check of a leaf's gradient.

    Attributes:
        verdict: "agrees", "differs" or "not checked".
        reason: how many elements were checked and the largest difference, or why none was checked, as text.
        expected: the gradient by finite differences, if it differs and the leaf has few elements.
    """

    verdict: Literal["agrees", "differs", "not checked"]
    reason: str
    expected: tuple[float, ...] = ()


@dataclass(frozen=True)
class Contribution:
    """Gradient that one operand of an operation receives in the backward pass.

    Attributes:
        operand: the position among the operands of the box.
        rule: the derivative rule as the operation declares it, such as `g * y`; "" if its source is not available.
        formula: the rule with the names of this graph, such as `∂L/∂c · b`, or `xᵀ @ dY`.
        local: ∂result/∂operand in the names of this graph, such as `b`; "" unless all are scalars.
        slope: the value of `local`, if all are scalars.
        given_shape: the shape of the rule's result. If it differs from the operand's, the result is summed to that
            shape.
        given: the rule's result, if it had to be summed.
        value: the gradient that the operand receives.
        total: the operand's accumulated gradient, including this contribution.
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
    """One step of a backward pass: a box passes its gradient on to its operands.

    Attributes:
        box: the box whose rules are called.
        upstream: the gradient of the box at that time.
        contributions: one for each operand that requires a gradient, in order.
    """

    box: int
    upstream: Reading
    contributions: tuple[Contribution, ...]


PassKind = Literal["right", "naive order", "overwritten", "not zeroed"]


@dataclass(frozen=True)
class Pass:
    """Backward pass, correct or with a common mistake.

    Attributes:
        kind: "right"; "naive order", each box as soon as it is first reached; "overwritten", where each contribution
            replaces the previous gradient; "not zeroed", a second correct pass that adds to the gradients of the first.
        events: the steps in order.
        early: the boxes whose rules ran before all contributions to them had arrived.
        gradients: the final gradient of each box, by id; None for a box that no gradient reached.
    """

    kind: PassKind
    events: tuple[Event, ...]
    early: tuple[int, ...]
    gradients: tuple[Reading, ...]


@dataclass(frozen=True)
class Recording:
    """Graph at one moment: its boxes in the order they were created.

    Attributes:
        boxes: the boxes in topological order; a box's id is its index.
        groups: the modules that created them.
        passes: backward passes step by step, the correct one first; empty unless requested.
        folded: what is not drawn, as text.
        outputs: the ids of the outputs, if there are several. Otherwise the last box is the output.
        version: version of this format.

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
    outputs: tuple[int, ...] = ()
    version: int = VERSION

    def is_output(self, box: Box) -> bool:
        """Return whether the graph was drawn from this box."""
        return box.id in self.outputs if self.outputs else box is self.boxes[-1]

    def to_json(self) -> str:
        """Return the recording as JSON text. NaN and infinities are written as the strings "nan", "inf" and "-inf"."""
        return json.dumps(_plain(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """Return the recording that `to_json` wrote.

        Raises:
            ValueError: the text has another format version.
        """
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"recording: expected version {VERSION}, got {data['version']}. Record the graph again.")
        return cls(
            boxes=tuple(_box(box) for box in data["boxes"]),
            groups=tuple(Group(**group) for group in data["groups"]),
            passes=tuple(_pass(each) for each in data["passes"]),
            folded=tuple(data["folded"]),
            outputs=tuple(data["outputs"]),
        )


def _plain(value: Any) -> Any:
    """Return an object that `json` can write. `dataclasses.asdict` copies everything again and takes three times as
    long.
    """
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
        "check": _check(data["check"]),
    }
    return Box(**{**data, **read})


def _check(data: dict[str, Any] | None) -> Check | None:
    return None if data is None else Check(**{**data, "expected": tuple(map(float, data["expected"]))})


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

"""Formulas with arrays in place of names: numbers of small arrays, heatmaps of larger ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tensorgrad.viz.lesson.equations import Notation
from tensorgrad.viz.recording import Box, Contribution, Event, Reading, Recording, Summary, labels
from tensorgrad.viz.recording.grids import blocks

COLUMNS = 8
"""Maximum number of elements of an array on a line in a formula."""

What = Literal["value", "gradient"]


@dataclass(frozen=True)
class Figure:
    """Array in a formula.

    Attributes:
        symbol: its name.
        box: the id of the box it belongs to.
        what: whether it is the value of the box or a gradient.
        reading: the array at this step.
        shape: its shape.
    """

    symbol: str
    box: int
    what: What
    reading: Reading
    shape: tuple[int, ...] | None


Board = tuple[str | Figure, ...]
"""Formula in pieces, the result first."""


def forward_board(notation: Notation, box: Box) -> Board:
    """Return how a box is computed, or () if it has several results or neither it nor its operands are arrays."""
    ids = [box.id, *(operand.box for operand in box.operands)]
    if box.op is None or box.results or all(map(notation.is_scalar, ids)):
        return ()
    call, _ = notation.call(box)
    return (_figure(notation, box, "value", box.value), " = ", *_pieces(notation, call, {}))


def rule_board(
    notation: Notation, event: Event, given: Contribution, arrived: Mapping[int, Reading], sign: str
) -> Board:
    """Return what a rule computes, in arrays.

    Args:
        notation: the names of the boxes.
        event, given: the rule's call, and what it contributes.
        arrived: the gradients so far, by the ids of the boxes.
        sign: "=" if the contribution replaces the previous gradient.
    """
    box = notation.recording.boxes[event.box]
    target = notation.recording.boxes[box.operands[given.operand].box]
    formula = _pieces(notation, notation.formula(event, given), {**arrived, event.box: event.upstream})
    if given.given_shape != target.shape:
        whole = Figure("the rule's result", target.id, "gradient", given.given, given.given_shape)
        return (whole, " = ", *formula)
    return (_figure(notation, target, "gradient", given.value), f" {sign} ", *formula)


def sum_board(notation: Notation, event: Event, given: Contribution, sign: str, words: str) -> Board:
    """Return how the result of a rule is summed to the shape of the operand."""
    target = notation.recording.boxes[notation.recording.boxes[event.box].operands[given.operand].box]
    whole = Figure("the rule's result", target.id, "gradient", given.given, given.given_shape)
    return (_figure(notation, target, "gradient", given.value), f" {sign} ", f"{words} ", whole)


def total_board(notation: Notation, target: Box, before: Reading, given: Contribution) -> Board:
    """Return how a contribution is added to an array's gradient, or () for the first contribution."""
    if before is None or target.shape == ():
        return ()
    total = Figure(notation.held(target.id), target.id, "gradient", given.total, target.shape)
    parts = [Figure(name, target.id, "gradient", each, target.shape) for name, each in _sum(before, given)]
    return (total, " = ", parts[0], " + ", parts[1])


def _sum(before: Reading, given: Contribution) -> list[tuple[str, Reading]]:
    return [("before", before), ("arrives", given.value)]


def _figure(notation: Notation, box: Box, what: What, reading: Reading) -> Figure:
    names = notation.symbols if what == "value" else notation.gradients
    return Figure(names[box.id], box.id, what, reading, box.shape)


def _pieces(notation: Notation, formula: str, arrived: Mapping[int, Reading]) -> Board:
    """Return a formula in pieces: text, and a figure for each name."""
    pieces: list[str | Figure] = []
    at = 0
    for found in notation.words.finditer(formula):
        if found.start() > at:
            pieces.append(formula[at : found.start()])
        box, what = notation.boxes_by_name[found[1]]
        reading = box.value if what == "value" else arrived.get(box.id)
        pieces.append(Figure(found[1], box.id, what, reading, box.shape))
        at = found.end()
    return (*pieces, formula[at:]) if at < len(formula) else tuple(pieces)


def plain(recording: Recording, board: Board) -> list[Any]:
    """Return a board as plain data. Final values and gradients of boxes are references; others are written out."""
    return [piece if isinstance(piece, str) else _plain_figure(recording, piece) for piece in board]


def _plain_figure(recording: Recording, figure: Figure) -> dict[str, Any]:
    box = recording.boxes[figure.box]
    shape = "" if figure.shape == () else "?" if figure.shape is None else str(figure.shape)
    found: dict[str, Any] = {"symbol": figure.symbol, "shape": shape}
    held = box.value if figure.what == "value" else recording.passes[0].gradients[box.id]
    numbers = cells(figure.reading, figure.shape)
    if numbers:
        return {**found, "cells": numbers}
    if isinstance(held, Summary) and held.detail is not None and _alike(held, figure.reading):
        return {"symbol": figure.symbol, "box": box.id, "what": figure.what}
    return {**found, "text": labels.one_line(figure.reading, box) or "?"}


def _alike(held: Summary, shown: Reading) -> bool:
    return isinstance(shown, Summary) and (held.mean, held.std, held.min, held.max) == (
        shown.mean,
        shown.std,
        shown.min,
        shown.max,
    )


def cells(reading: Reading, shape: tuple[int, ...] | None) -> list[tuple[str, list[list[str]]]]:
    """Return the numbers of a small array as blocks of rows, each with its leading indices; none if there are too many
    or they are not known.
    """
    if not isinstance(reading, Summary) or not reading.numbers:
        return []
    texts = [labels.number(each) for each in reading.numbers]
    found = blocks((len(texts),) if shape is None else shape, COLUMNS)
    return [(block.index, [[texts[each] for each in line] for line in block.lines]) for block in found]

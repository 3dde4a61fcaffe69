"""Complete content of a walkthrough's page as plain data: the layout and every step."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.viz.layout import Direction
from tensorgrad.viz.layout.theme import SHAPES
from tensorgrad.viz.lesson import board, boxes
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.diagram import right_words, stage
from tensorgrad.viz.lesson.equations import Notation
from tensorgrad.viz.lesson.flow import flow_words, norm
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.lesson.steps import Change, Step
from tensorgrad.viz.recording import Box, PassKind, Recording, labels

PASSES: dict[PassKind, tuple[str, str]] = {
    "right": ("done right", ""),
    "naive order": (
        "mistake: naive order",
        "Here each box passes its gradient on as soon as it is first reached. Where paths meet, that is too early: "
        "what arrives later is never passed on. Topological order prevents it.",
    ),
    "overwritten": (
        "mistake: overwritten",
        "Here each contribution replaces what had arrived before: = instead of +=. "
        "A value that is used twice loses all but the last.",
    ),
    "not zeroed": (
        "mistake: forgot zero_grad",
        "Here a second backward pass runs without zero_grad(): its gradients are added to those of the first.",
    ),
}
"""What each pass is called, and what is wrong with it, if anything."""

CHIP = 16
"""Characters of the numbers that travel along an edge."""


def lesson(recording: Recording, direction: Direction, title: str) -> dict[str, Any]:
    """Return the data that the page's scripts read; see `page/lesson.js`."""
    placed = stage(recording, direction)
    return {
        "title": title,
        "notes": _notes(recording),
        "direction": direction,
        "width": placed.width,
        "height": placed.height,
        "styles": {style: {**vars(shape), "inset": shape.inset} for style, shape in SHAPES.items()},
        "boxes": boxes.boxes(recording, placed),
        "routes": boxes.routes(recording, placed),
        "parents": [group.parent for group in recording.groups],
        "frames": boxes.frames(recording, placed),
        "forward": [_step(recording, step) for step in forward_steps(recording)],
        "passes": [
            {
                "key": each.kind.replace(" ", "-"),
                "title": PASSES[each.kind][0],
                "words": PASSES[each.kind][1],
                "early": each.early,
                "steps": [_step(recording, step) for step in backward_steps(recording, number)],
            }
            for number, each in enumerate(recording.passes)
        ],
        "flow": flow_words(recording, Notation(recording).symbols),
    }


def _notes(recording: Recording) -> list[str]:
    """Return notes about what the page omits and the meaning of symbols shown instead of values."""
    missing = {box.value for box in recording.boxes if isinstance(box.value, str)}
    signs = [labels.NOTES[why] for why in labels.NOTES if why in missing]
    return [*map(labels.printable, recording.folded), *signs, *labels.remedies(recording)]


def _step(recording: Recording, step: Step) -> dict[str, Any]:
    moved, chip, size = "", "", None
    if step.moved is not None and step.operand is not None:
        target = recording.boxes[recording.boxes[step.box].operands[step.operand].box]
        moved, size = labels.one_line(step.moved, target), norm(step.moved, target.shape)
        chip = _chip(moved, target)
    question = None
    if step.question is not None:
        answer = step.question.answer
        question = {
            "prompt": step.question.prompt,
            "answer": _plain(answer),
            "hint": step.question.hint,
            "guesses": [(_plain(guess), why) for guess, why in step.question.guesses],
        }
    return {
        "kind": step.kind,
        "box": step.box,
        "operand": step.operand,
        "line": step.line,
        "words": step.words,
        "equations": () if step.boards else step.equations,
        "boards": [board.plain(recording, each) for each in step.boards],
        "changes": [_change(recording, change) for change in step.changes],
        "question": question,
        "moved": moved,
        "chip": chip,
        "size": None if size is None else _finite(size),
    }


def _chip(moved: str, target: Box) -> str:
    """Return the label that moves along an edge: numbers if they are short enough, otherwise the shape."""
    if len(moved) > CHIP:
        return f"+ {target.shape}"
    return f"+ {moved}" if target.shape == () and not moved.startswith("-") else f"+ ({moved})"


def _change(recording: Recording, change: Change) -> dict[str, Any]:
    box = recording.boxes[change.box]
    found: dict[str, Any] = {
        "box": change.box,
        "what": change.what,
        "lines": labels.lines(change.reading, box),
        "final": change.final,
    }
    if change.right is not None:
        found |= {"right": right_words(recording, box.id), "rightLines": labels.lines(change.right, box)}
    return found


def _plain(answer: float | tuple[int, ...]) -> float | str | tuple[int, ...]:
    return _finite(answer) if isinstance(answer, float) else answer


def _finite(number: float) -> float | str:
    """Replace NaN and infinities, which JSON lacks, by text."""
    return number if math.isfinite(number) else str(number)

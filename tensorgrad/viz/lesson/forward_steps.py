"""Describe the forward pass of a recording step by step."""

from __future__ import annotations

from collections import Counter

from tensorgrad.viz.lesson.board import forward_board
from tensorgrad.viz.lesson.equations import Equation, Notation, on_one_line
from tensorgrad.viz.lesson.guesses import forward_guesses, shape_guesses
from tensorgrad.viz.lesson.steps import Change, Question, Step
from tensorgrad.viz.recording import Recording, Summary, labels


def forward_steps(recording: Recording) -> tuple[Step, ...]:
    """Return one step for each box, in the order they were created.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.recording.capture import capture
    >>> a = tg.tensor(2.0, requires_grad=True, name="a")
    >>> for step in forward_steps(capture(a * 3)):
    ...     print(step.line)
    a = 2
    3
    L = a * 3 = 2 * 3 = 6
    """
    notation = Notation(recording)
    users: list[list[int]] = [[] for _ in recording.boxes]
    for box in recording.boxes:
        for operand in box.operands:
            users[operand.box].append(box.id)
    return tuple(_step(recording, notation, id, used_by) for id, used_by in enumerate(users))


def _step(recording: Recording, notation: Notation, id: int, used_by: list[int]) -> Step:
    box = recording.boxes[id]
    symbol, shown = notation.symbols[id], labels.one_line(box.value, box)
    changes = (Change(id, "value", box.value),)
    if box.op is None:
        named = not labels.is_number(box)
        equations: tuple[Equation, ...] = (((symbol, shown),),) if named else ()
        words = "A constant: it requires no gradient."
        if box.kind == "leaf":
            words = f"A leaf: it requires a gradient. {_uses(notation, used_by)}"
        return Step("value", id, None, f"{symbol} = {shown}" if named else shown, words, equations, changes)
    call, inserted = notation.call(box)
    if box.results:
        names = ", ".join(box.results)
        equation = ((names, f"{len(box.results)} results"), ("=", "←"), (call, inserted))
        words = f"One call returns {len(box.results)} results"
        unused = len(box.results) - len(used_by)
        words += f", of which this graph uses {', '.join(notation.symbols[id] for id in used_by)}." if unused else "."
        return Step("value", id, None, on_one_line(equation), words, (equation,), changes)
    question = None
    if notation.is_scalar(id) and isinstance(box.value, Summary):
        hint = f"Compute {call} with the numbers of its operands."
        question = Question(f"{symbol} = ", float(box.value.numbers[0]), hint, forward_guesses(notation, box))
        equation = ((symbol, shown), ("=", "="), (call, inserted))
    else:
        shapes = [(recording.boxes[operand.box].shape, notation.symbols[operand.box]) for operand in box.operands]
        if box.shape is not None:
            hint = f"What is the shape of {call}, given the shapes of its operands?"
            question = Question(f"shape of {symbol}: ", box.shape, hint, shape_guesses(box.shape, shapes))
        equation = ((symbol, labels.shape(box)), ("=", "←"), (call, inserted))
    words = "It depends on constants alone: it requires no gradient."
    if labels.requires_gradient(box):
        words = _uses(notation, used_by)
    line, board = on_one_line(equation), forward_board(notation, box)
    return Step("value", id, None, line, words, (equation,), changes, question, boards=(board,) if board else ())


def _uses(notation: Notation, used_by: list[int]) -> str:
    """Describe where a result is used. Its gradient will receive one contribution per use."""
    counts = Counter(notation.symbols[id] for id in used_by)
    uses = len(used_by)
    if uses > 1:
        names = ", ".join(name if count == 1 else f"{name} ({count} times)" for name, count in counts.items())
        return f"It is used {uses} times, by {names}: its gradient will be the sum of {uses} contributions."
    return f"Next, {next(iter(counts))} will use it." if used_by else "This is the output."

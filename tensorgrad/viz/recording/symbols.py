"""Names of boxes in formulas: short, and the same on the boxes, in the equations and in the text."""

from __future__ import annotations

from collections import Counter

from tensorgrad.viz.recording import Box, Recording, Summary, labels

VALUE, PARAMETER, INPUT, LABELS = "v", "w", "x", "y"
"""Letters of unnamed results, leaves, constants and integer constants. Several are numbered: v₁, v₂."""

OUTPUT = "L"
"""For an output without a name: the loss."""


def symbols(recording: Recording) -> tuple[str, ...]:
    """Return the symbol of each box, by id.

    A tensor keeps its name. A dotted path such as `encoder.0.weight` is shortened to the end that makes it unique, and
    very long names are cut. Python numbers are written as digits. A call with several results has the name of its
    operation, and the results have the field names of its named tuple. Other boxes get a letter for their kind, and a
    number if there are several: v₁, v₂. Symbols are unique except for equal numbers: a second tensor with the same
    name gets a subscript.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.recording.capture import capture
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> symbols(capture(tg.exp(x * 2) * x))
    ('x', '2', 'v₁', 'v₂', 'L')
    """
    endings = Counter(ending for box in recording.boxes for ending in _endings(labels.name(box)))
    found: dict[int, str] = {}
    taken: set[str] = set()
    for box in recording.boxes:
        if labels.is_number(box) and isinstance(box.value, Summary):
            found[box.id] = labels.number(box.value.numbers[0])
        elif name := labels.name(box):
            shortest = next((ending for ending in _endings(name) if endings[ending] == 1), name)
            found[box.id] = _untaken(labels.shortened(shortest), taken)
            taken.add(found[box.id])

    for box in recording.boxes:
        if box.id not in found and (called := _of_several(recording, box)):
            found[box.id] = _untaken(called, taken)
            taken.add(found[box.id])

    nameless = [box.id for box in recording.boxes if box.id not in found]
    if nameless and nameless[-1] == len(recording.boxes) - 1:
        found[nameless.pop()] = output = _untaken(OUTPUT, taken)
        taken.add(output)
    letters = {id: _letter(recording.boxes[id]) for id in nameless}
    counts, so_far = Counter(letters.values()), Counter[str]()
    for id, letter in letters.items():
        so_far[letter] += 1
        numbered = letter + str(so_far[letter]).translate(_SUBSCRIPTS) if counts[letter] > 1 else letter
        while numbered in taken:
            so_far[letter] += 1
            numbered = letter + str(so_far[letter]).translate(_SUBSCRIPTS)
        found[id] = numbered
        taken.add(numbered)
    return tuple(found[id] for id in range(len(recording.boxes)))


def gradient_symbols(recording: Recording) -> tuple[str, ...]:
    """Return the symbol of the gradient of the output with respect to each box: `∂L/∂x` for scalars, `dW` for arrays.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.recording.capture import capture
    >>> w = tg.tensor([1.0, 2.0], requires_grad=True, name="W")
    >>> gradient_symbols(capture(tg.sum(w)))
    ('dW', '∂L/∂L')
    """
    names = symbols(recording)
    return tuple(
        f"∂{names[-1]}/∂{name}" if box.shape == () else f"d{name}" if _is_word(name) else f"d({name})"
        for name, box in zip(names, recording.boxes)
    )


def _is_word(name: str) -> bool:
    """Return whether a name needs no parentheses: an identifier, with or without a subscript."""
    return name.rstrip("₀₁₂₃₄₅₆₇₈₉").isidentifier()


def _letter(box: Box) -> str:
    """Return the letter for a box without a name."""
    if box.kind == "constant":
        return LABELS if (box.dtype or "").startswith(("int", "uint")) else INPUT
    return PARAMETER if box.kind == "leaf" else VALUE


def _of_several(recording: Recording, box: Box) -> str:
    """Return the symbol of a call with several results, or of one of its results; "" for other boxes."""
    if box.results:
        return labels.printable(box.op or "")
    source = recording.boxes[box.operands[0].box] if len(box.operands) == 1 else None
    which = box.operands[0].name if source is not None and source.results else ""
    return which if which.isidentifier() else ""


def _endings(name: str) -> list[str]:
    """Return the endings of a dotted path, the shortest first: `weight`, `0.weight`, `encoder.0.weight`."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def _untaken(name: str, taken: set[str]) -> str:
    """Return `name`, or the first of name₂, name₃, … that is not taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = name + str(number).translate(_SUBSCRIPTS)
    return candidate


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

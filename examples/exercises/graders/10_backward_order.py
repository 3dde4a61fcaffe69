"""The order of the backward pass. Any order in which no value comes too early is accepted."""

from grading import Wrong

import tensorgrad as tg

HINTS = (
    "First find everything that the loss was made from. Only users among these count.",
    "Count how often each value is used. A value that is used twice by the same operation counts twice.",
    "Start with the loss. When a value is processed, lower the counts of its sources. At 0, a source is ready.",
)


def grade(answer):
    """Grade with paths of different length, a value used twice by one operation, and one that the loss does not use."""
    diamond = {"x": [], "y": ["x", "x"], "z": ["y"], "sum": ["x", "z"], "loss": ["sum", "y"], "unused": ["y"]}
    mirrored = {name: sources[::-1] for name, sources in diamond.items()}
    for made_from in ({"loss": []}, {"loss": ["x", "y"], "y": ["x", "x"], "x": []}, diamond, mirrored):
        order = answer.backward_order({name: list(sources) for name, sources in made_from.items()}, "loss")
        problem = _problem(order, made_from)
        if problem:
            diagnosis, reason = problem
            raise Wrong(diagnosis, f"{reason}\nmade_from = {made_from}\ngot {order}", {"": walkthrough})


def walkthrough():
    """Return a walkthrough of the largest graph, with numbers."""
    x = tg.tensor(0.5, requires_grad=True, name="x")
    y = x * x
    z = tg.exp(y)
    both = x + z
    loss = both * y
    y.name, z.name, both.name, loss.name = "y", "z", "sum", "loss"
    return tg.walkthrough(loss)


def _problem(order, made_from):
    """Return the name of the mistake and an explanation; None if there is none."""
    if not isinstance(order, (list, tuple)):
        return "not a list", f"expected a list of names, got {type(order).__name__}."
    needed = {"loss"}
    while sources := {source for name in needed for source in made_from[name]} - needed:
        needed |= sources
    for name in order:
        if order.count(name) > 1:
            return (
                "counted twice",
                f"{name!r} occurs {order.count(name)} times, so it would pass on its gradient as often.",
            )
        if name not in needed:
            return "too many", f"{name!r} is not part of the loss."
    for name in sorted(needed):
        if name not in order:
            return "blocked", f"{name!r} does not occur, so it receives no gradient."
    for position, name in enumerate(order):
        for user in sorted(needed):
            if name in made_from[user] and order.index(user) > position:
                return "too early", f"{name!r} comes before {user!r}, from which it receives a part of its gradient."
    return None

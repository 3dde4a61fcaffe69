"""Any order will do in which nothing has its turn too early."""

from grading import Wrong

import tensorgrad as tg

HINTS = (
    "First find all that the loss was made from. Only users among these count.",
    "Count how often each value is used. A value that is used twice by the same operation counts twice.",
    "Start with the loss. Whenever a value gets its turn, lower the counts of its sources; at 0 a source follows.",
)


def grade(answer):
    """Short and long ways to the same value, a value used twice at once, and one that the loss does not need."""
    diamond = {"x": [], "y": ["x", "x"], "z": ["y"], "sum": ["x", "z"], "loss": ["sum", "y"], "unused": ["y"]}
    mirrored = {name: sources[::-1] for name, sources in diamond.items()}
    for made_from in ({"loss": []}, {"loss": ["x", "y"], "y": ["x", "x"], "x": []}, diamond, mirrored):
        order = answer.backward_order({name: list(sources) for name, sources in made_from.items()}, "loss")
        problem = _problem(order, made_from)
        if problem:
            diagnosis, reason = problem
            raise Wrong(diagnosis, f"{reason}\nmade_from = {made_from}\ngot {order}", {"": walkthrough})


def walkthrough():
    """The page for the largest of them, with numbers."""
    x = tg.tensor(0.5, requires_grad=True, name="x")
    y = x * x
    z = tg.exp(y)
    both = x + z
    loss = both * y
    y.name, z.name, both.name, loss.name = "y", "z", "sum", "loss"
    return tg.walkthrough(loss)


def _problem(order, made_from):
    """The name of the mistake and what shows it; None if there is none."""
    if not isinstance(order, (list, tuple)):
        return "not a list", f"expected a list of names, got {type(order).__name__}."
    needed = {"loss"}
    while sources := {source for name in needed for source in made_from[name]} - needed:
        needed |= sources
    for name in order:
        if order.count(name) > 1:
            return (
                "counted twice",
                f"{name!r} has its turn {order.count(name)} times, and would pass on its gradient as often.",
            )
        if name not in needed:
            return "too many", f"{name!r} is no part of the loss."
    for name in sorted(needed):
        if name not in order:
            return "blocked", f"{name!r} never has its turn, so it gets no gradient."
    for position, name in enumerate(order):
        for user in sorted(needed):
            if name in made_from[user] and order.index(user) > position:
                return "too early", f"{name!r} has its turn before {user!r}, from which a part of its gradient comes."
    return None

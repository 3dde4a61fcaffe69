"""Rectangles and lines of a picture."""

import numpy as np


def sides(each):
    """Left, top, right and bottom of a placed box or a frame."""
    size = getattr(each, "card", each)
    return each.x, each.y, each.x + size.width, each.y + size.height


def apart(a, b):
    return a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def inside(a, b, by):
    return b[0] + by <= a[0] and b[1] + by <= a[1] and a[2] + by <= b[2] and a[3] + by <= b[3]


def touches(point, rectangle, direction, far):
    """Return whether `point` is on the side where edges arrive, or on the far one, where they leave."""
    left, top, right, bottom = rectangle
    x, y = point
    if direction == "LR":
        return abs(x - (right if far else left)) < 0.2 and top < y < bottom
    return abs(y - (bottom if far else top)) < 0.2 and left < x < right


def line(route, drawn):
    """Points along a route, a few pixels apart."""
    for here, there in zip(route.points[::2], route.points[1::2]):
        steps = int(np.hypot(there[0] - here[0], there[1] - here[1]) / 4) + 2
        yield from np.linspace(here, there, steps)
    u = np.linspace(1, 0, 30)[:, None]
    for start, end in zip(route.points[1::2], route.points[2::2]):
        a, b, c = (np.array(point) for point in drawn.curve(start, end))
        yield from u**3 * start + 3 * u * u * (1 - u) * a + 3 * u * (1 - u) ** 2 * b + (1 - u) ** 3 * c

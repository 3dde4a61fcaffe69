"""Operations with several results, a joint rule, kept values and a composed form, as small as they can be."""

from typing import Any, NamedTuple

import numpy as np

import tensorgrad as tg


class Polar(NamedTuple):
    """Results of `polar`."""

    radius: Any
    angle: Any


@tg.op(
    x=lambda g, x, y, out: g.radius * x / out.radius - g.angle * y / out.radius**2,
    y=lambda g, x, y, out: g.radius * y / out.radius + g.angle * x / out.radius**2,
    results=Polar,
)
def polar(x, y):
    """Radius and angle of the point (x, y)."""
    return Polar(np.hypot(x, y), np.arctan2(y, x))


def _damped_gradients(g, wanted, x, rate, decay):
    shared = g * decay
    return (shared if wanted[0] else None), (-shared * x if wanted[1] else None)


@tg.op(
    joint=_damped_gradients,
    inputs=["x", "rate"],
    keep=["decay"],
    composed=lambda x, rate: tg.multiply(x, tg.exp(tg.negative(rate))),
)
def damped(x, rate):
    """x · exp(-rate), with one rule for both operands."""
    decay = np.exp(-np.asarray(rate))
    return x * decay, (decay,)

"""Learning-rate schedules: the learning rate as a function of the number of finished steps.

A schedule stands in the place of an optimizer's `learning_rate`. It remembers nothing, so a training that is saved
and resumed goes on exactly where it was. Steps are batches: ten epochs of 469 batches are 4690 steps. The
book's own decay, learning_rate / (1 + decay·t), is the optimizers' argument `decay`; given both, it divides the
schedule's value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from nn._repr import described, settings
from nn._validation import whole_number
from nn.optimizers.setting import Setting


class Schedule:
    """Base class: `schedule(step)` is the learning rate after `step` finished steps. Subclasses write `rate`.

    Raises, when called:
        TypeError: the rate is not a number.
        ValueError: the rate is negative or not finite.

    >>> import nn, tensorgrad as tg
    >>> class SquareRootDecay(Schedule):
    ...     def __init__(self, learning_rate):
    ...         self.learning_rate = learning_rate
    ...
    ...     def rate(self, step):
    ...         return self.learning_rate / (step + 1) ** 0.5
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = nn.SGD([w], learning_rate=SquareRootDecay(0.1))
    >>> optimizer.iterations = 3
    >>> optimizer.current_learning_rate
    0.05
    """

    def rate(self, step: int) -> float:
        """Compute the learning rate. Subclasses write this; users call the schedule itself.

        Raises:
            NotImplementedError: the subclass has no `rate`.
        """
        raise NotImplementedError(f"{type(self).__name__}: a schedule needs a rate(self, step) method.")

    def __call__(self, step: int) -> float:
        """The result of `rate`, checked."""
        try:
            given: Any = self.rate(step)
            if not hasattr(given, "__float__"):
                raise TypeError(f"{self!r}: the learning rate of step {step} must be a number, got {given!r}.")
            rate = float(given)
        except OverflowError:  # Python's powers raise where NumPy's are infinite
            rate = math.inf
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(f"{self!r}: the learning rate of step {step} must be finite and at least 0, got {rate}.")
        return rate

    def __repr__(self) -> str:
        return described(self, settings(self))


class LearningRate(Setting):
    """A learning rate that was given: a number as `Setting` checks it, or a `Schedule`."""

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type) -> Any: ...

    def __set__(self, instance: object, value: float | Schedule) -> None:
        super().__set__(instance, cast(Any, value))

    def checked(self, owner: str, value: Any) -> Any:
        """A schedule as it is, a number as Python's."""
        if callable(value) and not isinstance(value, Schedule):
            raise TypeError(f"{owner}: {self.name} must be a number or an nn.Schedule object, got {value!r}.")
        return value if isinstance(value, Schedule) else super().checked(owner, value)


def rate_at(step: int, learning_rate: float | Schedule) -> float:
    """What a number or a schedule says for this step."""
    return learning_rate(step) if isinstance(learning_rate, Schedule) else learning_rate


class StepDecay(Schedule):
    """Constant for `steps` steps, then multiplied by `factor`, and so on: learning_rate · factor^⌊t/steps⌋.

    Raises:
        TypeError: `steps` is not a whole number, or another argument no number.
        ValueError: `steps` below 1, or another argument negative or not finite.

    >>> schedule = StepDecay(0.1, steps=100, factor=0.5)
    >>> schedule(99), schedule(100), schedule(200)
    (0.1, 0.05, 0.025)
    """

    learning_rate = Setting()
    factor = Setting()

    def __init__(self, learning_rate: float, steps: int, factor: float = 0.1) -> None:
        self.learning_rate = learning_rate
        self.steps = whole_number("StepDecay: steps", steps)
        self.factor = factor

    def rate(self, step: int) -> float:
        """See the class."""
        return float(self.learning_rate * self.factor ** (step // self.steps))


class ExponentialDecay(Schedule):
    """Multiplied by `factor` over `steps` steps, smoothly: learning_rate · factor^(t/steps).

    Raises:
        TypeError, ValueError: as `StepDecay`.

    >>> schedule = ExponentialDecay(0.1, steps=100, factor=0.25)
    >>> schedule(0), schedule(50), schedule(100)
    (0.1, 0.05, 0.025)
    """

    learning_rate = Setting()
    factor = Setting()

    def __init__(self, learning_rate: float, steps: int, factor: float = 0.1) -> None:
        self.learning_rate = learning_rate
        self.steps = whole_number("ExponentialDecay: steps", steps)
        self.factor = factor

    def rate(self, step: int) -> float:
        """See the class."""
        return float(self.learning_rate * self.factor ** (step / self.steps))


class CosineDecay(Schedule):
    """From `learning_rate` down to `lowest` along half a cosine in `steps` steps, and constant from there.

    lowest + (learning_rate − lowest) · (1 + cos(π·t/steps)) / 2. Loshchilov and Hutter, "SGDR: Stochastic Gradient
    Descent with Warm Restarts" (2017), equation 5, without the restarts.

    Raises:
        TypeError, ValueError: as `StepDecay`.

    >>> schedule = CosineDecay(0.1, steps=100)
    >>> schedule(0), round(schedule(50), 9), schedule(100), schedule(1000)
    (0.1, 0.05, 0.0, 0.0)
    """

    learning_rate = Setting()
    lowest = Setting()

    def __init__(self, learning_rate: float, steps: int, lowest: float = 0.0) -> None:
        self.learning_rate = learning_rate
        self.steps = whole_number("CosineDecay: steps", steps)
        self.lowest = lowest

    def rate(self, step: int) -> float:
        """See the class."""
        share = (1 + math.cos(math.pi * min(step / self.steps, 1.0))) / 2
        return self.lowest + (self.learning_rate - self.lowest) * share


class WarmUp(Schedule):
    """Up in `steps` equal steps to where `then` begins, and on with `then`, whose step 0 is step `steps` of the whole.

    (t + 1)/(steps + 1) of the first rate of `then`, for t < steps. Goyal et al., "Accurate, Large Minibatch SGD"
    (2017), section 2.2.

    Args:
        steps: how many steps are smaller, at least 1.
        then: a schedule, or a number for a constant rate.

    Raises:
        TypeError, ValueError: as `StepDecay`.

    >>> schedule = WarmUp(3, then=CosineDecay(0.5, steps=100))
    >>> [schedule(step) for step in range(4)]
    [0.125, 0.25, 0.375, 0.5]
    """

    then = LearningRate()

    def __init__(self, steps: int, then: float | Schedule) -> None:
        self.steps = whole_number("WarmUp: steps", steps)
        self.then = then

    def rate(self, step: int) -> float:
        """See the class."""
        if step < self.steps:
            return rate_at(0, self.then) * (step + 1) / (self.steps + 1)
        return rate_at(step - self.steps, self.then)

    def __repr__(self) -> str:
        return f"WarmUp({self.steps}, {self.then!r})"

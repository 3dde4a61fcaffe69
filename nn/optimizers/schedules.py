"""Learning-rate schedules: the learning rate as a function of the number of finished steps.

A schedule can be passed wherever an optimizer takes a `learning_rate`. It has no state, so saved training resumes
exactly. Steps are batches: ten epochs of 469 batches are 4690 steps. The book's own decay,
learning_rate / (1 + decay·t), is the optimizers' argument `decay`; with both, it divides the schedule's value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from nn._hints import SCHEDULE
from nn._repr import described, settings
from nn._validation import whole_number
from nn.optimizers._setting import Setting
from tensorgrad.arguments import with_hints


class Schedule:
    """Base class: `schedule(step)` is the learning rate after `step` finished steps. Subclasses implement `rate`.

    A number times a schedule is a scaled schedule, for example with a lower rate for some parameters:
    `nn.Adam([{"params": head}, {"params": body, "learning_rate": 0.1 * schedule}], learning_rate=schedule)`.

    Raises, when called:
        TypeError: If the rate is not a number.
        ValueError: If the rate is negative or not finite.

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

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_hints(SCHEDULE)(vars(cls)["__init__"])  # type: ignore[method-assign]

    def rate(self, step: int) -> float:
        """Return the learning rate. Subclasses implement this; users call the schedule itself.

        Raises:
            NotImplementedError: If the subclass has no `rate`.
        """
        raise NotImplementedError(f"{type(self).__name__}: a schedule needs a rate(self, step) method.")

    def __call__(self, step: int) -> float:
        """Return the result of `rate`, after checking it."""
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

    def __rmul__(self, factor: float) -> Schedule:
        return ScaledSchedule(self, factor)

    __mul__ = __rmul__

    def __repr__(self) -> str:
        return described(self, settings(self))


class LearningRate(Setting):
    """A learning rate: a number, checked as by `Setting`, or a `Schedule`."""

    if TYPE_CHECKING:

        def __get__(self, instance: object, owner: type) -> Any: ...

    def __set__(self, instance: object, value: float | Schedule) -> None:
        super().__set__(instance, cast(Any, value))

    def checked(self, owner: str, value: Any) -> Any:
        """Return a schedule unchanged, and a number as a Python number."""
        if callable(value) and not isinstance(value, Schedule):
            raise TypeError(f"{owner}: {self.name} must be a number or an nn.Schedule object, got {value!r}.")
        return value if isinstance(value, Schedule) else super().checked(owner, value)

    def changed(self, of_group: Any, old: Any, new: Any) -> Any:
        """Return a group's learning rate after the optimizer's changed: their ratio is kept if it is known."""
        if of_group is old or of_group == old:
            return new
        if isinstance(of_group, ScaledSchedule) and of_group.schedule is old:
            return of_group.factor * new
        numbers = not isinstance(of_group, Schedule) and not isinstance(old, Schedule) and old > 0
        return of_group / old * new if numbers else new


def rate_at(step: int, learning_rate: float | Schedule) -> float:
    """Return the value of a number or a schedule at this step."""
    return learning_rate(step) if isinstance(learning_rate, Schedule) else learning_rate


def decayed_rate(step: int, learning_rate: float | Schedule, decay: float) -> float:
    """Return the learning rate at this step with the book's decay: learning_rate / (1 + decay · step)."""
    rate = learning_rate(step) if isinstance(learning_rate, Schedule) else learning_rate
    return rate / (1.0 + decay * step)


class ScaledSchedule(Schedule):
    """Another schedule times a constant: `factor * schedule`.

    >>> schedule = 0.1 * StepDecay(0.5, steps=100)
    >>> schedule
    ScaledSchedule(StepDecay(0.5, 100), 0.1)
    >>> schedule(99)
    0.05
    """

    factor = Setting()

    def __init__(self, schedule: Schedule, factor: float) -> None:
        if not isinstance(schedule, Schedule):
            raise TypeError(f"ScaledSchedule: schedule must be an nn.Schedule object, got {schedule!r}.")
        self.schedule = schedule
        self.factor = factor

    def rate(self, step: int) -> float:
        """See the class."""
        return self.factor * self.schedule(step)

    def __repr__(self) -> str:
        return f"ScaledSchedule({self.schedule!r}, {self.factor!r})"


class StepDecay(Schedule):
    """Learning rate that is multiplied by `factor` after every `steps` steps: learning_rate · factor^⌊t/steps⌋.

    Raises:
        TypeError: If `steps` is not an integer, or another argument not a number.
        ValueError: If `steps` is below 1, or another argument negative or not finite.

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
    """Learning rate that decays continuously by `factor` in every `steps` steps: learning_rate · factor^(t/steps).

    Raises:
        TypeError, ValueError: As `StepDecay`.

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
    """Half a cosine from `learning_rate` down to `lowest` in `steps` steps, constant afterwards.

    lowest + (learning_rate − lowest) · (1 + cos(π·t/steps)) / 2. Loshchilov and Hutter, "SGDR: Stochastic Gradient
    Descent with Warm Restarts" (2017), equation 5, without the restarts.

    Raises:
        TypeError, ValueError: As `StepDecay`.

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
        return _along_cosine(self.learning_rate, self.lowest, step / self.steps)


class WarmUp(Schedule):
    """Linear increase over `steps` steps to the first rate of another schedule, which follows.

    For t < steps, the rate is (t + 1)/(steps + 1) times the first rate of `then`. After that it is the rate of `then`
    at t − steps. Goyal et al., "Accurate, Large Minibatch SGD"
    (2017), section 2.2.

    Args:
        steps: The number of steps with a smaller rate, at least 1.
        then: A schedule, or a number for a constant rate.

    Raises:
        TypeError, ValueError: As `StepDecay`.

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


class WarmUpCosine(Schedule):
    """Linear increase over `warm_up` steps, then half a cosine down to `lowest`: `steps` steps in all.

    It is `WarmUp(warm_up, CosineDecay(learning_rate, steps - warm_up, lowest))`.

    Args:
        learning_rate: The highest rate, which is that of step `warm_up`.
        steps: The number of steps in all. The rate is `lowest` afterwards.
        warm_up: The number of steps with an increasing rate, less than `steps`.
        lowest: The last rate.

    Raises:
        TypeError, ValueError: As `StepDecay`, and if `warm_up` is not less than `steps`.

    >>> schedule = WarmUpCosine(0.5, steps=103, warm_up=3)
    >>> [schedule(step) for step in (0, 1, 2, 3, 103)]
    [0.125, 0.25, 0.375, 0.5, 0.0]
    """

    learning_rate = Setting()
    lowest = Setting()

    def __init__(self, learning_rate: float, steps: int, warm_up: int, lowest: float = 0.0) -> None:
        self.learning_rate = learning_rate
        self.steps = whole_number("WarmUpCosine: steps", steps)
        self.warm_up = whole_number("WarmUpCosine: warm_up", warm_up, lowest=0)
        self.lowest = lowest
        if self.warm_up >= self.steps:
            raise ValueError(f"WarmUpCosine: warm_up must be less than steps, got {warm_up} of {steps} steps.")

    def rate(self, step: int) -> float:
        """See the class."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / (self.warm_up + 1)
        return _along_cosine(self.learning_rate, self.lowest, (step - self.warm_up) / (self.steps - self.warm_up))


class OneCycle(Schedule):
    """Half a cosine up to `learning_rate`, then half a cosine down to almost 0: `steps` steps in all.

    The rate rises from initial · learning_rate at step 0 to learning_rate at step rise · steps − 1, and falls to
    final · learning_rate at step steps − 1. Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks
    Using Large Learning Rates" (2018), in the form of PyTorch's `OneCycleLR`. The momentum is not changed.

    Args:
        learning_rate: The highest rate.
        steps: The number of steps in all. The rate stays at its last value afterwards.
        rise: The fraction of the steps in which the rate increases, in [0, 1).
        initial: The first rate, as a fraction of `learning_rate`.
        final: The last rate, as a fraction of `learning_rate`.

    Raises:
        TypeError, ValueError: As `StepDecay`.

    >>> schedule = OneCycle(0.5, steps=100)
    >>> [round(schedule(step), 6) for step in (0, 29, 99, 1000)]
    [0.02, 0.5, 2e-06, 2e-06]
    """

    learning_rate = Setting()
    rise = Setting(below=1.0)
    initial = Setting()
    final = Setting()

    def __init__(
        self, learning_rate: float, steps: int, *, rise: float = 0.3, initial: float = 0.04, final: float = 4e-6
    ) -> None:
        self.learning_rate = learning_rate
        self.steps = whole_number("OneCycle: steps", steps)
        self.rise = rise
        self.initial = initial
        self.final = final

    def rate(self, step: int) -> float:
        """See the class."""
        peak, end = self.rise * self.steps - 1, self.steps - 1
        if step < peak:
            return self.learning_rate * _along_cosine(self.initial, 1.0, step / peak)
        return self.learning_rate * _along_cosine(1.0, self.final, (step - peak) / (end - peak))


def _along_cosine(first: float, last: float, fraction: float) -> float:
    """Return a value on half a cosine from `first`, at the fraction 0, to `last`, at the fraction 1 and above."""
    return last + (first - last) * (1 + math.cos(math.pi * min(fraction, 1.0))) / 2

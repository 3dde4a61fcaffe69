"""L-BFGS, an optimizer that evaluates the loss several times per step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nn._libraries import in_library_of
from nn._validation import whole_number
from nn.optimizers._arrays import assign
from nn.optimizers._groups import Parameters
from nn.optimizers._setting import Setting
from nn.optimizers.line_search import Point, strong_wolfe
from nn.optimizers.optimizer import Optimizer
from nn.optimizers.schedules import Schedule
from tensorgrad import Tensor, enable_grad, interrupts

Flat = NDArray[Any]
"""A flat array with an element for each element of the parameters."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Curvature of the loss, as observed in the last iterations.

    Attributes:
        step: The step of the last iteration.
        gradient: The gradient before that step.
        iterations: The number of iterations so far.
        steps: The steps s of the last iterations that showed positive curvature, oldest first.
        changes: The change y of the gradient in each of them.
        scale: s·y / y·y of the last of them, which estimates the inverse of the curvature.
    """

    step: Flat
    gradient: Flat
    iterations: int = 0
    steps: tuple[Flat, ...] = ()
    changes: tuple[Flat, ...] = ()
    scale: float = 1.0

    def updated(self, gradient: Flat, size: int) -> Memory:
        """Return the memory with the last step, after which the gradient is `gradient`, of at most `size` steps."""
        change = gradient - self.gradient
        product = float(change @ self.step)
        if not self.iterations or product <= 1e-10:
            return self
        steps, changes = (*self.steps, self.step)[-size:], (*self.changes, change)[-size:]
        return replace(self, steps=steps, changes=changes, scale=product / float(change @ change))

    def moved_to(self, gradient: Flat) -> Memory:
        """Return a copy whose arrays belong to the library of `gradient`, NumPy or CuPy."""
        steps, changes = (
            tuple(in_library_of(each, gradient) for each in arrays) for arrays in (self.steps, self.changes)
        )
        step, before = in_library_of(self.step, gradient), in_library_of(self.gradient, gradient)
        return replace(self, step=step, gradient=before, steps=steps, changes=changes)

    def direction(self, gradient: Flat) -> Flat:
        """Return −H·gradient, where H approximates the inverse Hessian. Nocedal and Wright, algorithm 7.4."""
        pairs = [(s, y, 1.0 / float(y @ s)) for s, y in zip(self.steps, self.changes)]
        direction, factors = -gradient, []
        for s, y, weight in reversed(pairs):
            factors.append(float(s @ direction) * weight)
            direction -= factors[-1] * y
        direction *= self.scale
        for s, y, weight in pairs:
            direction += (factors.pop() - float(y @ direction) * weight) * s
        return direction


class LBFGS(Optimizer):
    """Newton's method with a Hessian estimated from the last steps, for small problems without noise.

    A step consists of several iterations, each of which computes the loss and the gradients again. So `step` takes a
    function that does this, and `Model.fit` cannot be used. All parameters share their settings and must be NumPy
    or CuPy arrays.

        d = −H·g         H: inverse Hessian, from the steps s and gradient changes y of the last iterations
        w += t·d         t: lr, or found by a line search

    Args:
        parameters: The tensors to train.
        learning_rate: The length t of a step, or with a line search the first length to try; or a `Schedule` of it.
            In the very first iteration, it is multiplied by min(1, 1 / Σ|g|).
        decay: Decay of the learning rate.
        max_iterations: The number of iterations in a step, at least 1.
        max_evaluations: The number of evaluations of the loss after which a step begins no further iteration; default
            5/4 of `max_iterations`.
        gradient_tolerance: A step ends when no element of the gradient is larger than this.
        change_tolerance: A step ends when an iteration changes the loss, or each weight, by less than this.
        history_size: The number of iterations that H is estimated from, at least 1.
        line_search: "strong_wolfe" for a line search in each iteration, None for a fixed length.

    Raises:
        TypeError, ValueError: As `Optimizer`; for several groups, an integer below 1, or another line search.

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989). The iterations are
    those of PyTorch's `LBFGS`.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([-1.5, 2.0], requires_grad=True)
    >>> optimizer = LBFGS([w], max_iterations=100, line_search="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    12.5
    >>> w.data.round(3)
    array([1., 1.])
    """

    needs_closure = True
    gradient_tolerance = Setting()
    change_tolerance = Setting()

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Schedule = 1.0,
        *,
        decay: float = 0.0,
        max_iterations: int = 20,
        max_evaluations: int | None = None,
        gradient_tolerance: float = 1e-7,
        change_tolerance: float = 1e-9,
        history_size: int = 100,
        line_search: Literal["strong_wolfe"] | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, decay=decay)
        if len(self.groups) > 1:
            raise ValueError("LBFGS: all parameters share their settings, got several groups.")
        for each in self.parameters:
            if not isinstance(each.array, np.ndarray) and not hasattr(each.array, "alike"):
                kind = type(each.array)
                raise TypeError(
                    "LBFGS: expected parameters with NumPy or CuPy arrays, because it reads their values, got "
                    f"{kind.__module__}.{kind.__qualname__}. Use another optimizer, such as nn.Adam."
                )
        if line_search not in ("strong_wolfe", None):
            raise ValueError(f'LBFGS: line_search must be "strong_wolfe" or None, got {line_search!r}.')
        self.max_iterations = whole_number("LBFGS: max_iterations", max_iterations)
        default = max(1, self.max_iterations * 5 // 4)
        self.max_evaluations = whole_number(
            "LBFGS: max_evaluations", default if max_evaluations is None else max_evaluations
        )
        self.gradient_tolerance = gradient_tolerance
        self.change_tolerance = change_tolerance
        self.history_size = whole_number("LBFGS: history_size", history_size)
        self.line_search = line_search
        self._trained: list[bool] = []
        nothing = np.zeros(sum(parameter.size for parameter in self.parameters), np.result_type(*self._dtypes))
        self._memory = Memory(nothing, nothing)

    def step(self, closure: Callable[[], Any] | None = None) -> float:  # type: ignore[override]
        """Minimise the loss along several directions, and return its value before the first.

        Parameters without a gradient (None), and frozen ones, keep their value.

        Args:
            closure: A function without arguments that clears the gradients, computes the loss, calls `backward` and
                returns the loss. It must return the same loss for the same parameters, so dropout must be off, and
                the batch the same.

        Warns:
            UserWarning: Once, if no parameter has a gradient.

        Raises:
            TypeError: There is no closure, or it does not return a number.
            FloatingPointError: The loss or the gradient is NaN or infinite. The parameters are those before the
                iteration that led there. They are also restored if the closure raises an error.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS.step: expected a function that clears the gradients, computes the loss, calls backward and "
                f"returns the loss, got {closure!r}. See nn.LBFGS for an example."
            )
        trained = [parameter.requires_grad for parameter in self.parameters]
        if trained != self._trained:  # the observed curvature is that of other parameters
            self._memory, self._trained = Memory(self._memory.step, self._memory.gradient), trained
        first, gradient = self._evaluated(closure)
        self._memory = self._memory.moved_to(gradient)
        self._check_finite(first, gradient)
        if all(parameter.grad is None for parameter in self.parameters):
            self._warn_once("the closure computed no gradient, so nothing was changed. Call loss.backward() in it.")
        loss, evaluations, learning_rate = first, 1, self.current_learning_rate
        for iteration in range(1, self.max_iterations + 1):
            if np.abs(gradient).max(initial=0) <= self.gradient_tolerance:
                break
            memory = self._memory.updated(gradient, self.history_size)
            direction, length = memory.direction(gradient), learning_rate
            if not memory.iterations:
                length *= min(1.0, 1.0 / float(np.abs(gradient).sum()))
            start = Point(0.0, loss, gradient, float(gradient @ direction))
            if start.slope > -self.change_tolerance or start.slope >= 0:
                break
            is_last = iteration == self.max_iterations
            point, used = self._moved(closure, start, direction, length, self.max_evaluations - evaluations, is_last)
            step, change = point.length * direction, point.loss - loss
            self._memory = replace(memory, step=step, gradient=gradient, iterations=memory.iterations + 1)
            loss, gradient, evaluations = point.loss, point.gradient, evaluations + used
            is_small = np.abs(step).max() <= self.change_tolerance or abs(change) < self.change_tolerance
            if is_small or evaluations >= self.max_evaluations:
                break
        self._count_step()
        return first

    def _moved(
        self, closure: Callable[[], Any], start: Point, direction: Flat, length: float, evaluations: int, is_last: bool
    ) -> tuple[Point, int]:
        """Move the parameters along the direction. Return the point, and the number of evaluations.

        With a fixed length, the last iteration of a step does not evaluate the loss, which would not be used.
        """
        weights = [parameter.array.copy() for parameter in self.parameters]

        def evaluate(length: float) -> Point:
            self._place(weights, length * direction)
            loss, gradient = self._evaluated(closure)
            return Point(length, math.inf if math.isnan(loss) else loss, gradient, float(gradient @ direction))

        try:
            if self.line_search is None:
                if is_last:
                    self._place(weights, length * direction)
                    return Point(length, math.inf, start.gradient, start.slope), 0
                point, used = evaluate(length), 1
                self._check_finite(point.loss, point.gradient)
            else:
                smallest = self.change_tolerance / float(np.abs(direction).max())
                point, used = strong_wolfe(evaluate, start, length, evaluations=evaluations, smallest=smallest)
                self._place(weights, point.length * direction)
        except BaseException:
            self._place(weights, np.zeros_like(direction))
            raise
        return point, used

    def _evaluated(self, closure: Callable[[], Any]) -> tuple[float, Flat]:
        """Return the loss and the gradient."""
        with enable_grad():
            loss = closure()
        value = loss.item() if isinstance(loss, Tensor) and loss.size == 1 else loss
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise TypeError(f"LBFGS.step: expected the closure to return the loss, a number, got {loss!r}.")
        found = self._gradients()
        flat = [
            found[number].reshape(-1) if number in found else np.zeros(parameter.size)
            for number, parameter in enumerate(self.parameters)
        ]
        return float(value), np.concatenate(flat).astype(self._memory.step.dtype, copy=False)

    @interrupts.uninterrupted
    def _place(self, weights: list[Any], step: Flat) -> None:
        """Set the trained parameters to these weights plus the step."""
        start = 0
        for parameter, array in zip(self.parameters, weights):
            part = step[start : start + parameter.size].reshape(parameter.shape)
            start += parameter.size
            if parameter.requires_grad:
                assign(parameter, array + part)

    def _check_finite(self, loss: float, gradient: Flat) -> None:
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            what = "gradient has elements that are NaN or infinite" if math.isfinite(loss) else f"loss became {loss}"
            raise FloatingPointError(
                f"LBFGS.step: the {what}. The parameters have been restored. Try a lower learning_rate, or "
                'line_search="strong_wolfe".'
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the settings, `iterations`, and the fields of `Memory` under names such as `"memory.steps"`."""
        memory = self._memory
        return super().state_dict() | {
            "memory.step": np.array(memory.step),
            "memory.gradient": np.array(memory.gradient),
            "memory.iterations": memory.iterations,
            "memory.steps": np.array(memory.steps, memory.step.dtype).reshape(-1, memory.step.size),
            "memory.changes": np.array(memory.changes, memory.step.dtype).reshape(-1, memory.step.size),
            "memory.scale": memory.scale,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Optimizer`."""
        names = {f"memory.{name}": name for name in Memory.__slots__}
        if missing := [name for name in names if name not in state]:
            raise ValueError(f"LBFGS.load_state_dict: missing {missing}. Was it saved by another optimizer?")
        fields = {name: self._checked(key, state[key]) for key, name in names.items()}
        if len(fields["steps"]) != len(fields["changes"]):
            raise ValueError("LBFGS.load_state_dict: memory.steps and memory.changes have different lengths.")
        super().load_state_dict({key: value for key, value in state.items() if key not in names})
        self._memory = Memory(**fields)
        self._trained = [parameter.requires_grad for parameter in self.parameters]

    def _checked(self, name: str, value: Any) -> Any:
        """Return a field of a saved memory: the arrays copied, and those of several steps as tuples."""
        owner = f"LBFGS.load_state_dict: {name}"
        if name == "memory.iterations":
            return whole_number(owner, value, lowest=0)
        if name == "memory.scale":
            if not isinstance(value, float) or not 0 < value < math.inf:
                raise ValueError(f"{owner} must be a finite number above 0, got {value!r}.")
            return value
        array, like = np.array(value), self._memory.step
        axes = 2 if name in ("memory.steps", "memory.changes") else 1
        if array.ndim != axes or array.shape[-1] != like.size or array.dtype != like.dtype:
            shape = f"(steps, {like.size})" if axes == 2 else str(like.shape)
            raise ValueError(f"{owner} must be {like.dtype} of shape {shape}, got {array.dtype} of {array.shape}.")
        return array if axes == 1 else tuple(array)

"""Comparison of the Jacobian from the derivative rules with the Jacobian from finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad._typing import Shape
from tensorgrad.gradcheck.diagnosis import Finding, find
from tensorgrad.gradcheck.differences import EPSILON, Slopes, Steps, Verdict, judge, slopes
from tensorgrad.modes import enable_grad
from tensorgrad.tensor import Tensor
from tensorgrad.transforms.gradient import gradient

SMALL = 64
"""Maximum number of elements for which every entry of the Jacobian is compared from the start."""

DIRECTIONS = 3
"""Number of random directions tried in each larger input."""


class GradcheckError(AssertionError):
    """A derivative is wrong, or cannot be checked at the given point.

    Attributes:
        finding: machine-readable details: input, indices, expected, got, ratio, diagnosis. None if no
            entry could be compared (f is not finite or not deterministic, the backward pass fails).
    """

    def __init__(self, message: str, finding: Finding | None = None) -> None:
        super().__init__(f"gradcheck: {message}")
        self.finding = finding

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self).removeprefix("gradcheck: "), self.finding)


class GradcheckWarning(UserWarning):
    """The point is at a kink, where there is no derivative to check."""


@dataclass(frozen=True)
class Settings:
    """Step, tolerances and random generator; see `gradcheck`."""

    eps: float
    rtol: float
    atol: float
    random: np.random.Generator | np.random.RandomState


@dataclass
class Comparison:
    """Comparison of the derivatives of the tensors returned by `call()` with respect to `leaves`.

    Attributes:
        call: recomputes the outputs from the current values of the leaves.
        leaves: float64 leaf tensors. Their arrays are replaced during the check and always restored.
        inputs: the names of the leaves.
        outputs: the names of the outputs.
        settings: step and tolerances.
        recorded: the outputs with their graph.
        here: the values of all outputs, concatenated.
        connected: whether a gradient arrived at any leaf.
    """

    call: Callable[[], list[Tensor]]
    leaves: list[Tensor]
    inputs: list[str]
    outputs: Callable[[int], str]
    settings: Settings
    recorded: list[Tensor] = field(init=False)
    here: NDArray[Any] = field(init=False)
    connected: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        with enable_grad():
            self.recorded = self.call()
        self.here = _row(self.recorded)

    def check(self, *, fast: bool) -> None:
        """Raise a `GradcheckError` unless every derivative is right."""
        self._check_point()
        small = sum(leaf.size for leaf in self.leaves) <= SMALL and self.here.size <= SMALL
        positions = self._suspects() if fast and not small else range(len(self.leaves))
        if positions:
            self._compare_entries(positions)

    def _check_point(self) -> None:
        """Raise an error if f is not finite at the point or not deterministic."""
        if not np.isfinite(self.here).all():
            raise GradcheckError(f"{self._first_not_finite(self.here)} for the given inputs.")
        again = self._values()
        rounding = 1e-12 * max(1.0, np.abs(self.here).max(initial=0.0))  # differences between threads
        if again.shape != self.here.shape or not np.allclose(again, self.here, rtol=0.0, atol=rounding):
            raise GradcheckError(
                "f is not deterministic: two calls with the same inputs returned different values. Does it use dropout "
                "or other random numbers? Call eval() on the network, or create a generator with a fixed seed inside f."
            )

    # -- the two kinds of derivative ----------------------------------------------------------------------

    def _gradients(self, weights: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the flattened gradient of the weighted sum of all outputs for each leaf, from the rules."""
        starts = [weights[block].reshape(output.shape) for _, output, block in self._blocks()]
        found = backward(self.recorded, self.leaves, starts, create_graph=False)
        self.connected = self.connected or any(each is not None for each in found)
        return [
            np.zeros(leaf.size, np.float64) if each is None else np.asarray(each).ravel()
            for leaf, each in zip(self.leaves, found)
        ]

    def _slopes(self, leaf: Tensor, direction: NDArray[Any], step: float) -> Slopes:
        """Return the slopes of all outputs from differences when `leaf` moves in `direction`.

        Raises:
            Exception: f fails, or its outputs have another shape.
        """
        origin = leaf.array

        def values(distance: float) -> NDArray[Any]:
            leaf.array = origin + distance * direction
            try:
                return self._values()
            finally:
                leaf.array = origin

        return slopes(values, self.here, step)

    def _slopes_or_nan(self, leaf: Tensor, direction: NDArray[Any], step: float) -> Slopes:
        """Return `_slopes`, or NaN where f fails. A step out of the domain is no error if smaller ones stay inside."""
        try:
            return self._slopes(leaf, direction, step)
        except Exception:  # whatever f raises
            nowhere = np.full(self.here.shape, np.nan)
            return Slopes(nowhere, nowhere, nowhere)

    def _values(self) -> NDArray[Any]:
        with enable_grad():  # f may differentiate inside
            values = _row(self.call())
        if values.shape != self.here.shape:
            raise GradcheckError("an output of f does not have the same shape in every call.")
        return values

    # -- comparing ----------------------------------------------------------------------------------------

    def _suspects(self) -> list[int]:
        """Return the leaves whose derivative along some random direction is wrong or has a kink."""
        suspects = set()
        for _ in range(DIRECTIONS):
            weights = self.settings.random.standard_normal(self.here.size)
            for position, got in enumerate(self._gradients(weights)):
                verdict = self._judge_along_random(position, weights, got)
                if verdict.wrong.any() or verdict.kink.any():
                    suspects.add(position)
        return sorted(suspects)

    def _judge_along_random(self, position: int, weights: NDArray[Any], got: NDArray[Any]) -> Verdict:
        """Judge the derivative of the weighted sum of all outputs along a random direction of unit length."""
        leaf = self.leaves[position]
        direction = np.asarray(self.settings.random.standard_normal(leaf.shape))
        array = np.asarray(leaf.array)
        size = np.maximum(np.abs(array), _typical(array))
        direction *= np.where(size > 0, size, 1.0) / (float(np.linalg.norm(direction)) or 1.0)
        return judge(
            lambda step: self._slopes_or_nan(leaf, direction, step).weighted(weights),
            Steps.at(1.0, eps=self.settings.eps),
            np.array([got @ direction.ravel()]),
            rtol=self.settings.rtol,
            atol=self.settings.atol,
            scale=np.zeros(1),
        )

    def _compare_entries(self, positions: Sequence[int]) -> None:
        """Compare the whole Jacobian with respect to the leaves at `positions`."""
        jacobians = self._jacobians(positions)
        self._check_linear(jacobians)

        for position, got in jacobians.items():
            if not got.size:
                continue
            array = np.asarray(self.leaves[position].array)
            typical = _typical(array)
            sizes = np.maximum(np.abs(array.ravel()), typical)
            influence = (np.abs(got) * np.where(sizes > 0, sizes, 1.0)).max(axis=1)  # of the strongest element
            verdicts = [
                self._judge_element(position, element, got[:, element], typical, influence)
                for element in range(got.shape[1])
            ]
            wrong = np.stack([verdict.wrong for verdict in verdicts], axis=1)
            kink = np.stack([verdict.kink for verdict in verdicts], axis=1)
            if wrong.any():
                expected = np.stack([verdict.expected for verdict in verdicts], axis=1)
                wrong &= kink | ~(np.abs(got - expected) <= 16 * self._rounding(position, got))
            if wrong.any():
                raise self._error(position, expected, got, wrong)
            if kink.any():
                self._warn(position, kink)

    def _jacobians(self, positions: Sequence[int], factor: float = 1.0) -> dict[int, NDArray[Any]]:
        """Return the Jacobian from the rules for each leaf at `positions`, with upstream gradients of `factor`."""
        jacobians = {position: np.empty((self.here.size, self.leaves[position].size)) for position in positions}
        for row in range(self.here.size):
            gradients = self._gradients(factor * _unit(self.here.shape, row))
            for position in positions:
                jacobians[position][row] = gradients[position] / factor
        return jacobians

    def _rounding(self, position: int, got: NDArray[Any]) -> NDArray[Any]:
        """Measure the rounding error of the rules: the change when all numbers are rounded differently.

        It matters where large parts cancel to a derivative of 0, as those of sum(x - mean(x)) do.
        """
        recorded, leaf = self.recorded, self.leaves[position]
        origin = leaf.array
        changes = []
        for factor in (1.1, 1.3, 1.7):
            nudges = self.settings.random.choice([-EPSILON, 0.0, EPSILON], leaf.shape)
            try:
                leaf.array = origin * (1 + nudges)
                with enable_grad():
                    self.recorded = self.call()
                changes.append(np.abs(self._jacobians([position], factor)[position] - got))
            finally:
                leaf.array, self.recorded = origin, recorded
        return np.asarray(np.max(changes, axis=0))

    def _check_linear(self, jacobians: dict[int, NDArray[Any]]) -> None:
        """Check that rules multiply by the upstream gradient: a rule that ignores it looks correct where it is 1."""
        weights = self.settings.random.standard_normal(self.here.size)
        found, scaled = self._gradients(weights), self._gradients(-4 * weights)  # a power of 2 adds no rounding
        largest = max((np.abs(each).max(initial=0.0) for each in found), default=0.0)
        for position, jacobian in jacobians.items():
            expected, got = -4 * found[position], scaled[position]
            if np.isfinite(jacobian).all() and not np.allclose(got, expected, rtol=1e-6, atol=1e-9 * largest):
                raise GradcheckError(
                    f"the gradient with respect to {self.inputs[position]} is not proportional to the upstream "
                    "gradient. A derivative rule ignores g, or does not use it as a factor. By the chain rule, it must "
                    "return g times the derivative."
                )

    def _judge_element(
        self, position: int, element: int, got: NDArray[Any], typical: float, influence: NDArray[Any]
    ) -> Verdict:
        """Judge the derivatives of all outputs with respect to one element."""
        leaf = self.leaves[position]
        direction = _unit(leaf.shape, element)
        x = float(leaf.array.ravel()[element])
        steps = Steps.at(abs(x), typical=typical, eps=self.settings.eps)
        verdict = judge(
            lambda step: self._slopes_or_nan(leaf, direction, (x + step) - x),  # a step that x + step does not round
            steps,
            got,
            rtol=self.settings.rtol,
            atol=self.settings.atol,
            scale=influence / steps.scale,
        )
        if np.isnan(verdict.expected).any():
            self._explain_not_finite(position, element, direction, steps)
        return verdict

    def _explain_not_finite(self, position: int, element: int, direction: NDArray[Any], steps: Steps) -> None:
        """Raise the error for a point so close to the edge of the domain that too few steps stay inside."""
        leaf = self.leaves[position]
        for step in steps.ladder():
            found = self._slopes(leaf, direction, float(step))
            for side, sign in ((found.before, "-"), (found.after, "+")):
                if not np.isfinite(side).all():
                    raise GradcheckError(
                        f"{self._first_not_finite(side)} when {self.inputs[position]} is changed by {sign}{step:.2g} "
                        f"at index {_index(element, leaf.shape)}. Check a point farther inside the domain of f."
                    )

    # -- reporting ----------------------------------------------------------------------------------------

    def _blocks(self) -> Iterator[tuple[str, Tensor, slice]]:
        """Yield each output with its name and its slice of the concatenated values."""
        start = 0
        for position, output in enumerate(self.recorded):
            yield self.outputs(position), output, slice(start, start + output.size)
            start += output.size

    def _first_not_finite(self, row: NDArray[Any]) -> str:
        first = int(np.argmin(np.isfinite(row)))
        name, output, block = next(each for each in self._blocks() if first < each[2].stop)
        return f"f is not finite: {name} is NaN or infinite at index {_index(first - block.start, output.shape)}"

    def _error(
        self, position: int, expected: NDArray[Any], got: NDArray[Any], wrong: NDArray[np.bool_]
    ) -> GradcheckError:
        name, output, block = next(each for each in self._blocks() if wrong[each[2]].any())
        operands = [*zip(self.inputs, self.leaves), *((name, output) for name, output, _ in self._blocks())]
        finding = find(
            expected[block],
            got[block],
            wrong[block],
            input=(self.inputs[position], self.leaves[position].shape),
            output=(name, output.shape),
            lengths={
                f"axis {axis} of {operand}": length
                for operand, each in operands
                for axis, length in enumerate(each.shape)
            },
        )
        return GradcheckError(finding.message, finding)

    def _warn(self, position: int, kink: NDArray[np.bool_]) -> None:
        shape = self.leaves[position].shape
        elements = np.flatnonzero(kink.any(axis=0))
        warnings.warn(
            f"gradcheck: {self.inputs[position]} {shape} is at a kink in {len(elements)} of {kink.shape[1]} elements, "
            f"the first at index {_index(int(elements[0]), shape)}: the one-sided slopes differ. The gradient lies "
            "between them and was accepted. Move the point away from the kink to check a derivative.",
            GradcheckWarning,
            stacklevel=5,  # _warn, _compare_entries, check, gradcheck, the user's line
        )


def backward(outputs: list[Tensor], leaves: list[Tensor], starts: Sequence[Any], *, create_graph: bool) -> list[Any]:
    """Return the gradients with respect to `leaves`; None where there is no path.

    Raises:
        GradcheckError: a derivative rule fails.
    """
    tracked = [(output, start) for output, start in zip(outputs, starts) if output.requires_grad]
    if not tracked:
        return [None] * len(leaves)
    try:
        return list(
            gradient(
                [output for output, _ in tracked],
                leaves,
                grad_outputs=[start for _, start in tracked],
                create_graph=create_graph,
                retain_graph=True,
                allow_unused=True,
            )
        )
    except Exception as error:
        kind = "the backward pass with create_graph=True" if create_graph else "the backward pass"
        raise GradcheckError(f"{kind} failed in a derivative rule: {type(error).__name__}: {error}") from error


def _row(outputs: list[Tensor]) -> NDArray[Any]:
    return np.concatenate([np.asarray(output.array).ravel() for output in outputs])


def _unit(shape: Shape, element: int) -> NDArray[Any]:
    unit = np.zeros(shape, np.float64)
    unit.flat[element] = 1.0
    return unit


def _index(element: int, shape: Shape) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(element, shape))


def _typical(array: NDArray[Any]) -> float:
    """Return the median of the absolute values that are not 0; 0 if there are none."""
    sizes = np.abs(array[array != 0])
    return float(np.median(sizes)) if sizes.size else 0.0

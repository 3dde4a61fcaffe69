"""gradcheck of every operation at points from 1e-8 to 1e8: right rules pass, and wrong ones do not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.gradcheck import GradcheckError, gradcheck
from tensorgrad.op import registry
from tests.ops.samples import BUILT_IN, Sample, samples_of

SCALES = [1e-8, 1e-4, 1.0, 1e4, 1e8]
LARGEST = 12  # elements
SAMPLES = 2  # of each operation, with different options
JUMPS = {("tensorgrad.ops.elementwise.rounding.spacing", scale) for scale in (1e-8, 1e-4)}
"""Where finite differences step over jumps of the function: those of spacing are at the powers of 2."""

CLIPPED = {"nn.losses.cross_entropy.binary_cross_entropy", "nn.losses.cross_entropy.categorical_cross_entropy"}
"""Operations that clip probabilities, and whose rules are not the derivative where they do."""

WRONG: dict[str, Callable[[Any], Any]] = {
    "1 % too large": lambda g: 1.01 * g,
    "the wrong sign": lambda g: -g,
    "a constant added": lambda g: g + 0.01 * np.mean(np.abs(g)),
    "shifted by one": lambda g: np.roll(g, 1),
}

OF_SCIPY = {name for name in BUILT_IN if name.startswith("tensorgrad.ops.scipy.")}
"""SciPy's functions: far below 0, the time that `scipy.special.zeta` takes is proportional to its argument."""

COMPOSED = {name for name, operation in BUILT_IN.items() if not operation.saves}
"""Operations without rules."""

every_operation = pytest.mark.parametrize("name", sorted(set(BUILT_IN) - CLIPPED - OF_SCIPY - COMPOSED))
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _clean_registry() -> Iterator[None]:
    """The operations declared here, wrong on purpose, must not reach the tests that walk the registry."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


class Point:
    """A sample with its differentiable operands scaled.

    Attributes:
        inputs: these operands.
        finite: whether the operation and its derivatives are finite here.
        values: the outputs in one row.
        jacobian: by the rules, with respect to the first of the inputs.
    """

    def __init__(self, sample: Sample, scale: float) -> None:
        self.sample = sample
        self.positions = sample.differentiable
        self.inputs = [np.asarray(sample.arrays[position]) * scale for position in self.positions]
        self.finite = False
        leaves = [tg.tensor(array, requires_grad=True) for array in self.inputs]
        with np.errstate(all="ignore"):
            try:
                outputs = self(*leaves)
            except ValueError:  # outside the domain; also LinAlgError
                return
            self.values = np.concatenate([output.data.ravel() for output in outputs])
            rows = [row for output in outputs for row in self._rows(output, leaves[0])]
        self.jacobian = np.array(rows).reshape(self.values.size, leaves[0].size)
        self.finite = bool(np.isfinite(self.values).all() and np.isfinite(self.jacobian).all())

    def __call__(self, *inputs: Any) -> list[tg.Tensor]:
        arrays: list[Any] = list(self.sample.arrays)
        for position, value in zip(self.positions, inputs):
            arrays[position] = value
        return [output for output in self.sample.outputs(arrays) if output.dtype == np.float64]

    @staticmethod
    def _rows(output: tg.Tensor, leaf: tg.Tensor) -> list[Any]:
        rows = []
        for unit in np.eye(output.size):
            upstream = unit.reshape(output.shape)
            found = None
            if output.requires_grad:
                (found,) = tg.gradient(output, [leaf], grad_outputs=upstream, retain_graph=True, allow_unused=True)
            rows.append(np.zeros(leaf.size) if found is None else found.ravel())
        return rows

    def shows(self, rule: Callable[[Any], Any]) -> bool:
        """Return whether a wrong rule changes a derivative by more than rounding errors of f hide."""
        x = self.inputs[0]
        wrong = np.array([rule(row.reshape(x.shape)).ravel() for row in self.jacobian]).reshape(self.jacobian.shape)
        change = np.abs(wrong - self.jacobian)
        hidden = 1e-8 * np.abs(self.values)[:, None]
        step = np.maximum(np.abs(x.ravel()), 1.0)
        return bool(((change > 5e-3 * np.abs(self.jacobian)) & (change * step > hidden) & (change > 0)).any())


def cost(sample: Sample) -> tuple[bool, int]:
    """Sort key: the total number of elements.

    Samples whose first differentiable array has fewer than two elements come last, because the mistake `shifted by one`
    does not show in them.
    """
    return min(sample.arrays[p].size for p in sample.differentiable[:1] or [0]) < 2, sum(a.size for a in sample.arrays)


def points(name: str) -> Iterator[tuple[Point, str]]:
    """Where to check an operation, and what to call it."""
    small: dict[str, Sample] = {}
    for sample in sorted(samples_of(BUILT_IN[name]), key=cost):
        usable = sample.differentiable and all(array.size for array in sample.arrays)
        if usable and sum(array.size for array in sample.arrays) <= LARGEST:
            small.setdefault(repr(sample.options), sample)
    for sample in list(small.values())[:SAMPLES]:
        for scale in SCALES:
            point = Point(sample, scale)
            if point.finite and point.values.size and (name, scale) not in JUMPS:
                yield point, f"{sample} times {scale}"


@every_operation
def test_gradcheck_accepts_right_rules_at_every_scale(name: str) -> None:
    for point, where in points(name):
        try:
            assert gradcheck(point, point.inputs)
        except GradcheckError as error:
            pytest.fail(f"{where}: {error}")


@every_operation
def test_gradcheck_refuses_wrong_rules_at_every_scale(name: str) -> None:
    def same(x: Any) -> Any:
        return x * 1

    passes = {mistake: tg.op(x=rule)(same) for mistake, rule in WRONG.items()}
    for point, where in points(name):
        for mistake, wrong_pass in passes.items():
            if not point.shows(WRONG[mistake]):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a kink elsewhere
                assert refused(behind(wrong_pass, point), point.inputs), f"{where}: {mistake}, and it passed"


def behind(wrong_pass: Callable[..., Any], f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda first, *rest: f(wrong_pass(first), *rest)


def refused(f: Callable[..., Any], inputs: Any) -> bool:
    try:
        return not gradcheck(f, inputs)
    except GradcheckError:
        return True

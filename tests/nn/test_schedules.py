"""Learning-rate schedules: their formulas, inside optimizers, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from nn.optimizers import ScaledSchedule

FORMULAS: list[tuple[nn.Schedule, Callable[[int], float]]] = [
    (nn.StepDecay(0.3, 7, 0.5), lambda t: 0.3 * 0.5 ** math.floor(t / 7)),
    (nn.ExponentialDecay(0.3, 7, 0.5), lambda t: 0.3 * math.exp(math.log(0.5) * t / 7)),
    (nn.CosineDecay(0.3, 7, 0.1), lambda t: 0.1 + 0.2 * math.cos(math.pi * t / 14) ** 2 if t < 7 else 0.1),
    (nn.WarmUp(4, 0.5), lambda t: min(0.5, 0.1 * (t + 1))),
    (nn.WarmUpCosine(0.3, 12, 5, 0.1), lambda t: nn.WarmUp(5, nn.CosineDecay(0.3, 7, 0.1))(t)),
    (
        nn.OneCycle(0.5, 21, rise=2 / 7, initial=0.2, final=0.1),
        lambda t: (
            0.1 + 0.4 * math.sin(math.pi * t / 10) ** 2
            if t <= 5
            else 0.05 + 0.45 * math.cos(math.pi * (min(t, 20) - 5) / 30) ** 2
        ),
    ),
    (0.5 * nn.StepDecay(0.3, 7, 0.5), lambda t: 0.15 * 0.5 ** math.floor(t / 7)),
    (nn.WarmUp(4, 2 * nn.StepDecay(0.5, 7)), lambda t: 0.2 * (t + 1) if t < 4 else 0.1 ** ((t - 4) // 7)),
    (nn.WarmUp(4, nn.StepDecay(0.5, 7)), lambda t: 0.1 * (t + 1) if t < 4 else 0.5 * 0.1 ** ((t - 4) // 7)),
]


@given(st.integers(0, 100))
@pytest.mark.parametrize(("schedule", "formula"), FORMULAS)
def test_schedule_follows_its_formula(schedule: nn.Schedule, formula: Callable[[int], float], step: int) -> None:
    assert schedule(step) == pytest.approx(formula(step), rel=1e-12)


def test_schedule_sets_the_rate_of_each_step() -> None:
    w = tg.tensor([10.0], requires_grad=True)
    optimizer = nn.SGD([w], nn.StepDecay(1.0, 2, 0.5), decay=0.25)
    steps = []
    for _ in range(5):
        before = w.data.item()
        w.grad = np.ones(1)
        optimizer.step()
        steps.append(before - w.data.item())
    assert steps == pytest.approx([1.0 / 1, 1.0 / 1.25, 0.5 / 1.5, 0.5 / 1.75, 0.25 / 2])
    assert "learning_rate=StepDecay(1.0, 2, factor=0.5), decay=0.25" in repr(optimizer)


def test_history_has_the_rate_of_each_epochs_last_step() -> None:
    network = nn.Dense(1, 1)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), nn.StepDecay(0.4, 3)))
    history = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=3, batch_size=2, verbose=0)
    assert history["learning_rate"] == pytest.approx([0.4, 0.04, 0.04])


def test_state_dict_has_the_schedule() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    first, second = nn.Adam([w], nn.WarmUp(10, 0.1)), nn.Adam([w], 0.5)
    first.iterations = 4
    second.load_state_dict(first.state_dict())
    assert second.current_learning_rate == first.current_learning_rate == pytest.approx(0.1 * 5 / 11)
    second.learning_rate = 0.3
    assert second.current_learning_rate == 0.3


class Wrong(nn.Schedule):
    def __init__(self, value: Any) -> None:
        self.value = value

    def rate(self, step: int) -> Any:
        return self.value


def test_schedule_refuses_wrong_arguments() -> None:
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"Wrong.*learning rate of step 3 must be finite and at least 0"):
            Wrong(value)(3)
        with pytest.raises(ValueError, match="StepDecay: learning_rate must be finite"):
            nn.StepDecay(value, 3)
    for growing in (nn.StepDecay(0.1, 1, factor=2), nn.ExponentialDecay(0.1, 1, factor=2)):
        with pytest.raises(ValueError, match=r"factor=2.0\).*learning rate of step 5000 must be finite"):
            growing(5000)
    with pytest.raises(ValueError, match="StepDecay: learning_rate must be finite"):
        nn.StepDecay(10**400, 3)
    with pytest.raises(NotImplementedError, match="Schedule: a schedule needs a rate"):
        nn.Schedule()(0)
    with pytest.raises(TypeError, match=r"CosineDecay: steps must be an integer, got 1.5"):
        nn.CosineDecay(0.1, 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ExponentialDecay: steps must be at least 1, got 0"):
        nn.ExponentialDecay(0.1, 0)
    with pytest.raises(ValueError, match="WarmUpCosine: warm_up must be less than steps, got 5 of 5 steps"):
        nn.WarmUpCosine(0.1, 5, 5)
    with pytest.raises(ValueError, match="OneCycle: rise must be finite, at least 0 and less than 1"):
        nn.OneCycle(0.1, 5, rise=1.0)
    with pytest.raises(TypeError, match="WarmUp: then must be a number, got 'x'"):
        nn.WarmUp(3, "x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ScaledSchedule: factor must be finite"):
        -1.0 * nn.StepDecay(0.1, 2)
    with pytest.raises(TypeError, match="ScaledSchedule: factor must be a number"):
        nn.StepDecay(0.1, 2) * nn.StepDecay(0.1, 2)
    with pytest.raises(TypeError, match=r"ScaledSchedule: schedule must be an nn\.Schedule object, got 0\.1"):
        ScaledSchedule(0.1, 0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        nn.SGD([tg.tensor([1.0], requires_grad=True)], lambda step: 0.1)  # type: ignore[arg-type]


def test_schedule_with_a_bad_rate_changes_no_weight() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = nn.Adam([w], Wrong(math.nan))
    w.grad = np.ones(1)
    with pytest.raises(ValueError, match="learning rate of step 0"):
        optimizer.step()
    assert w.data == 1.0
    assert optimizer.iterations == 0


@pytest.mark.parametrize("rate", [None, "0.1", [0.1]])
def test_schedule_refuses_a_rate_that_is_not_a_number(rate: Any) -> None:
    class Odd(nn.Schedule):
        def rate(self, step: int) -> Any:
            return rate

    with pytest.raises(TypeError, match=r"Odd\(\): the learning rate of step 3 must be a number, got"):
        Odd()(3)


@pytest.mark.parametrize("rate", [lambda step: 0.1, nn.StepDecay])
def test_learning_rate_refuses_functions(rate: Any) -> None:
    with pytest.raises(TypeError, match=r"SGD: learning_rate must be a number or an nn\.Schedule object, got"):
        nn.SGD([tg.tensor([1.0], requires_grad=True)], rate)

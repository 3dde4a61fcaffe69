"""Optimizers and schedules against PyTorch's, in float64 over 50 steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

torch = pytest.importorskip("torch")

STEPS = 50


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    """Make float64 PyTorch's default, in which it also keeps numbers such as NAdam's product of momenta."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


BETAS = {"beta_1": 0.8, "beta_2": 0.95}
CASES: list[tuple[Any, dict[str, Any], str, dict[str, Any]]] = [
    (nn.SGD, {}, "SGD", {}),
    (nn.SGD, {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    (nn.SGD, {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
    (nn.Adagrad, {"decay": 0.1}, "Adagrad", {"lr_decay": 0.1}),
    (nn.RMSprop, {"rho": 0.9}, "RMSprop", {"alpha": 0.9}),
    (nn.RMSprop, {"rho": 0.9, "momentum": 0.7}, "RMSprop", {"alpha": 0.9, "momentum": 0.7}),
    (nn.RMSprop, {"rho": 0.9, "centered": True}, "RMSprop", {"alpha": 0.9, "centered": True}),
    (
        nn.RMSprop,
        {"rho": 0.9, "centered": True, "momentum": 0.7},
        "RMSprop",
        {"alpha": 0.9, "centered": True, "momentum": 0.7},
    ),
    (nn.Adam, BETAS, "Adam", {"betas": (0.8, 0.95)}),
    (nn.Adam, BETAS | {"amsgrad": True}, "Adam", {"betas": (0.8, 0.95), "amsgrad": True}),
    (nn.AdamW, BETAS, "AdamW", {"betas": (0.8, 0.95)}),
    (nn.AdamW, BETAS | {"amsgrad": True}, "AdamW", {"betas": (0.8, 0.95), "amsgrad": True}),
    (nn.NAdam, BETAS, "NAdam", {"betas": (0.8, 0.95)}),
    (nn.NAdam, {"momentum_decay": 0.1}, "NAdam", {"momentum_decay": 0.1}),
]


def start(rng: np.random.Generator) -> tuple[list[tg.Tensor], list[Any]]:
    arrays = [rng.normal(size=shape) for shape in ((4, 3), (3,), ())]
    return [tg.tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("kind", "options", "name", "theirs"), CASES)
def test_step_equals_pytorch(
    kind: Any, options: dict[str, Any], name: str, theirs: dict[str, Any], weight_decay: float, rng: np.random.Generator
) -> None:
    ours, other = start(rng)
    epsilon = {} if name == "SGD" else {"eps": 1e-7}
    optimizer = kind(ours, 0.05, weight_decay=weight_decay, **options)
    reference = getattr(torch.optim, name)(other, lr=0.05, weight_decay=weight_decay, **epsilon, **theirs)
    for _ in range(STEPS):
        for w, t in zip(ours, other):
            w.grad = rng.normal(size=w.shape)
            t.grad = torch.tensor(w.grad)
        optimizer.step()
        reference.step()
    for w, t in zip(ours, other):
        np.testing.assert_allclose(w.data, t.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("steps", [2, 7, 30])
@pytest.mark.parametrize("options", [{}, {"rise": 0.45, "initial": 0.1, "final": 0.01}])
def test_one_cycle_equals_pytorch(steps: int, options: dict[str, float]) -> None:
    schedule = nn.OneCycle(0.3, steps, **options)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD([torch.zeros(1)], lr=1.0),
        max_lr=0.3,
        total_steps=steps,
        pct_start=schedule.rise,
        div_factor=1 / schedule.initial,
        final_div_factor=schedule.initial / schedule.final,
        cycle_momentum=False,
    )
    assert_same_rates(schedule, reference, steps)


def test_warm_up_cosine_equals_pytorch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    parts = [
        torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 6, total_iters=5),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.01),
    ]
    reference = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[5])
    assert_same_rates(nn.WarmUpCosine(0.3, 25, 5, 0.01), reference, 25)


def assert_same_rates(schedule: nn.Schedule, reference: Any, steps: int) -> None:
    for step in range(steps):
        assert schedule(step) == pytest.approx(reference.get_last_lr()[0], rel=1e-12)
        reference.optimizer.step()
        if step < steps - 1:
            reference.step()

"""Every public layer, loss and metric in a compiled program: results, gradients and buffers as computed by NumPy."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.nn.test_every_layer import LAYERS
from tests.nn.test_strict_arrays import LOSSES

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.slow

RANDOM = {"Dropout", "GaussianNoise", "SpatialDropout"}
"""Layers that draw other numbers in a program, and are compared in evaluation mode."""


def assert_close(ours: Any, theirs: Any, what: str, scale: float = 1) -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-4, atol=1e-5 * scale, err_msg=what)


@pytest.mark.parametrize("name", LAYERS)
def test_layer_has_the_results_gradients_and_buffers_of_numpy(name: str) -> None:
    make, shape = LAYERS[name]
    eager = make()
    if name in RANDOM:
        eager.eval()
    compiled = copy.deepcopy(eager)
    rng = np.random.default_rng(0)
    ids = name == "Embedding"
    x = rng.integers(0, 7, (2, *shape)) if ids else rng.normal(size=(2, *shape)).astype(np.float32)

    def step(layer: nn.Module) -> Any:
        def run(x: Any) -> Any:
            inputs = tg.tensor(x, requires_grad=not ids)
            result = layer(inputs)
            tg.sum(result * tg.sin(result)).backward()
            return result.detach(), inputs.grad

        return run

    for ours, theirs in zip(tg.compile(step(compiled))(x), step(eager)(x)):
        if theirs is not None:
            assert_close(ours, theirs, name)
    # The rounding errors of a small gradient are as large as those of the gradients from which it is computed.
    scale = max([1, *(np.abs(state.grad).max() for _, state in eager.named_state() if state.grad is not None)])
    for (path, one), (_, other) in zip(compiled.named_state(), eager.named_state(), strict=True):
        assert one.dtype == other.dtype
        assert_close(one.numpy(), other.numpy(), path)
        if other.grad is not None:
            assert_close(one.grad, other.grad, f"gradient of {path}", scale)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_has_the_value_and_gradient_of_numpy(name: str) -> None:
    loss, last, targets = LOSSES[name]
    scores = np.random.default_rng(1).normal(size=(6, 3))

    def value_and_gradient(scores: Any, targets: Any) -> Any:
        return tg.value_and_grad(lambda s: loss(last(s), targets))(tg.tensor(scores))

    for ours, theirs in zip(tg.compile(value_and_gradient)(scores, targets), value_and_gradient(scores, targets)):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)

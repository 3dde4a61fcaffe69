"""Every operation on the arrays of another library: NumPy's numbers, in that library's arrays."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.samples import BUILT_IN, Sample, samples_of
from tests.strict_array import StrictArray, plain

every_operation = pytest.mark.parametrize("name", sorted(BUILT_IN))


def everything(sample: Sample, kind: Any) -> list[Any]:
    """Return results, gradients, their gradients and forward-mode derivatives as arrays; `kind` makes the operands."""
    rng = np.random.default_rng(3)
    operands = [
        tg.Tensor(kind(a), requires_grad=True) if position in sample.differentiable else kind(a)
        for position, a in enumerate(sample.arrays)
    ]
    outputs = sample.outputs(operands)
    recorded = [o for o in outputs if o.requires_grad]
    upstream = [kind(rng.uniform(0.5, 1.5, o.shape)) for o in recorded]
    points = [operands[p] for p in sample.differentiable]
    for output, seed in zip(recorded, upstream):
        output.backward(seed, retain_graph=True)
    gradients = [point.grad for point in points]
    found = [o.array for o in outputs] + gradients

    again = tg.gradient(recorded, points, grad_outputs=[tg.Tensor(u) for u in upstream], create_graph=True)
    found += [g.array for g in again]
    second = [g for g in again if g.requires_grad]
    if second:
        directions = [kind(rng.uniform(0.5, 1.5, g.shape)) for g in second]
        found += [
            g for g in tg.gradient(second, points, grad_outputs=directions, allow_unused=True) if g is not None
        ]

    def function(*moving: Any) -> list[tg.Tensor]:
        moved = list(operands)
        for position, each in zip(sample.differentiable, moving):
            moved[position] = each
        return [o for o in sample.outputs(moved) if o.requires_grad]

    _, moves = tg.jvp(function, [p.array for p in points], [kind(rng.normal(size=p.shape)) for p in points])
    return found + [m.array for m in moves]


@every_operation
def test_strict_array_gives_numpys_numbers(name: str) -> None:
    operation = BUILT_IN[name]
    if operation.numpy_only:
        pytest.skip("declared numpy_only")
    for sample in samples_of(operation):
        expected = everything(sample, np.array)
        got = everything(sample, StrictArray)
        assert all(isinstance(each, StrictArray) for each in got), f"{sample}: {[type(g) for g in got]}"
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected):
            assert ours.dtype == theirs.dtype, str(sample)
            np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-13, err_msg=str(sample))


@every_operation
def test_numpy_only_operations_say_so(name: str) -> None:
    operation = BUILT_IN[name]
    if not operation.numpy_only:
        pytest.skip("works with every library's arrays")
    for sample in samples_of(operation)[:3]:
        message = f"^{operation.name}: expected NumPy arrays, because {re.escape(operation.numpy_only)}; got an array of another"
        with pytest.raises(TypeError, match=message):
            sample.with_arrays([StrictArray(a) for a in sample.arrays])()

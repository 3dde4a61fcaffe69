"""Every operation of the registry in a compiled program: NumPy's values, gradients and second-order products."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.samples import BUILT_IN, Sample, samples_of

jax = pytest.importorskip("jax")

from tensorgrad import xla  # noqa: E402

DOCS = Path(tg.__file__).parent.parent / "docs"

TOLERANCES: dict[Any, dict[str, float]] = {
    np.float64: {"rtol": 1e-12, "atol": 1e-13},
    np.float32: {"rtol": 2e-5, "atol": 2e-6},
}


SLOW = ("nn.", "tensorgrad.ops.linalg.", "tensorgrad.ops.elementwise.interpolation.", "tensorgrad.ops.reductions.")
"""Operations whose programs take long to compile."""


def different_samples(name: str, dtype: Any) -> list[Sample]:
    """Return the first sample. In float64, if programs compile fast, also one that differs in ranks or options."""
    first, *others = samples_of(BUILT_IN[name])
    if dtype is np.float32 or name.startswith(SLOW):
        return [first]
    return [first, *(s for s in others if kind(s) != kind(first))][:2]


def kind(sample: Sample) -> str:
    return repr(([a.ndim for a in sample.arrays], sample.options))


def program(samples: list[Sample]) -> Callable[..., Any]:
    """Return a function that computes everything for these samples."""

    def everything(arrays: Any, upstream: Any, directions: Any) -> list[Any]:
        return [of_sample(*each) for each in zip(samples, arrays, upstream, directions)]

    return everything


def of_sample(sample: Sample, arrays: Any, upstream: Any, directions: Any) -> dict[str, Any]:
    """Return the results, their gradients along `upstream`, and the gradients of these along `directions`."""
    operands = [tg.Tensor(a, requires_grad=True) if p in sample.differentiable else a for p, a in enumerate(arrays)]
    points = [operands[p] for p in sample.differentiable]
    outputs = sample.outputs(operands)
    recorded = [o for o in outputs if o.requires_grad]
    gradients = tg.gradient(
        recorded, points, grad_outputs=[tg.Tensor(u) for u in upstream], create_graph=True, allow_unused=True
    )
    second = [(g, d) for g, d in zip(gradients, directions) if g is not None and g.requires_grad]
    products: Any = [None] * len(points)
    if second:
        starts = [d for _, d in second]
        products = tg.gradient([g for g, _ in second], points, grad_outputs=starts, allow_unused=True)
    return {
        "results": [o.detach() for o in outputs],
        "gradients": [np.zeros_like(p.array) if g is None else g.detach() for g, p in zip(gradients, points)],
        "products": [np.zeros_like(p.array) if g is None else g for g, p in zip(products, points)],
    }


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_operation_computes_in_a_program_what_numpy_computes(name: str, dtype: Any) -> None:
    samples = [s.as_dtype(dtype) for s in different_samples(name, dtype)]
    rng = np.random.default_rng(3)

    def numbers(like: Any) -> Any:
        return rng.uniform(0.5, 1.5, like.shape).astype(like.dtype)

    arrays = [s.arrays for s in samples]
    upstream = [[numbers(o) for o in s.outputs(s.tracked()) if o.requires_grad] for s in samples]
    directions = [[numbers(s.arrays[p]) for p in s.differentiable] for s in samples]
    expected = program(samples)(arrays, upstream, directions)
    compiled = tg.compile(program(samples))
    if BUILT_IN[name].numpy_only:
        with pytest.raises(xla.TraceError, match="cannot be traced, because"):
            compiled(arrays, upstream, directions)
        return
    got = compiled(arrays, upstream, directions)
    for sample, of_ours, of_theirs in zip(samples, got, expected, strict=True):
        for part, theirs in of_theirs.items():
            for ours, array in zip(of_ours[part], theirs, strict=True):
                ours, array = np.asarray(ours), np.asarray(array)
                assert ours.dtype == array.dtype, f"{sample}: {part}"
                np.testing.assert_allclose(ours, array, **TOLERANCES[dtype], err_msg=f"{sample}: {part}")


def test_docs_list_what_cannot_be_compiled() -> None:
    script = runpy.run_path(str(DOCS / "xla.py"))
    written = (DOCS / "xla.md").read_text(encoding="utf-8")
    assert script["with_list"](written) == written, "run `python docs/xla.py`"

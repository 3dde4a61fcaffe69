"""Values and gradients beside PyTorch's, operation by operation, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.samples import BUILT_IN, Sample, samples_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its values and gradients are not compared")


def _dims(options: dict[str, Any]) -> dict[str, Any]:
    return {{"axis": "dim", "keepdims": "keepdim"}.get(key, key): value for key, value in options.items()}


def reduced(function: Any) -> Callable[..., Any]:
    """Return a reduction of PyTorch's called with NumPy's options, of which it knows `axis` and `keepdims`."""
    return lambda a, axis=None, keepdims=False: function(
        a, dim=tuple(range(a.ndim)) if axis is None else axis, keepdim=keepdims
    )


def along(function: Any) -> Callable[..., Any]:
    return lambda x, **options: function(x, **{"dim": -1, **_dims(options)})


def scanned(function: Any) -> Callable[..., Any]:
    return lambda a, axis=None: function(a.reshape(-1), 0) if axis is None else function(a, axis)


SAME_NAME = [
    "absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "ceil",
    "copysign", "cos", "cosh", "divide", "dot", "erf", "erfc", "exp", "exp2", "expm1", "float_power", "floor",
    "fmax", "fmin", "fmod", "hypot", "i0", "log", "log10", "log1p", "log2", "logaddexp", "logit", "maximum",
    "minimum", "multiply", "negative", "positive", "power", "reciprocal", "remainder", "sigmoid", "sign",
    "sin", "sinc", "sinh", "softplus", "sqrt", "square", "subtract", "tan", "tanh", "tril", "triu", "trunc",
    "kron", "outer", "inner", "matmul", "where", "moveaxis",
]  # fmt: skip
OF_TORCH: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in SAME_NAME if hasattr(torch, name)},
    "fabs": torch.abs,
    "logaddexp2": torch.logaddexp2,
    "degrees": torch.rad2deg,
    "radians": torch.deg2rad,
    "softplus": torch.nn.functional.softplus,
    "relu": torch.relu,
    "elu": torch.nn.functional.elu,
    "leaky_relu": lambda x: torch.nn.functional.leaky_relu(x),
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "i1": torch.special.i1,
    "softmax": along(torch.softmax),
    "log_softmax": along(torch.log_softmax),
    "logsumexp": reduced(torch.logsumexp),
    "sum": reduced(torch.sum),
    "mean": reduced(torch.mean),
    "max": reduced(torch.amax),
    "min": reduced(torch.amin),
    "nansum": reduced(torch.nansum),
    "nanmean": reduced(torch.nanmean),
    "var": lambda a, axis=None, ddof=0, keepdims=False: torch.var(a, axis, correction=ddof, keepdim=keepdims),
    "std": lambda a, axis=None, ddof=0, keepdims=False: torch.std(a, axis, correction=ddof, keepdim=keepdims),
    "cumsum": scanned(torch.cumsum),
    "cumprod": scanned(torch.cumprod),
    "matmul": torch.matmul,
    "linear": lambda x, weight, bias: torch.nn.functional.linear(x, weight.T, bias),
    "concatenate": lambda arrays, axis=0: torch.cat(arrays, axis),
    "stack": lambda arrays, axis=0: torch.stack(arrays, axis),
    "flip": lambda m, axis=None: torch.flip(m, tuple(range(m.ndim)) if axis is None else tuple(np.atleast_1d(axis))),
    "roll": lambda a, shift, axis=None: torch.roll(a, shift, axis),
    "rot90": lambda m, k=1, axes=(0, 1): torch.rot90(m, k, axes),
    "reshape": lambda a, shape: torch.reshape(a, tuple(np.atleast_1d(shape).tolist())),
    "swapaxes": lambda a, axis1, axis2: torch.swapaxes(a, axis1, axis2),
    "sort": lambda a, axis=-1: torch.sort(a, dim=axis).values,
    "det": torch.linalg.det,
    "inv": torch.linalg.inv,
    "pinv": torch.linalg.pinv,
    "svdvals": torch.linalg.svdvals,
    "matrix_power": torch.linalg.matrix_power,
    "einsum": lambda operands, subscripts: torch.einsum(subscripts, *operands),
    "diff": lambda a, n=1, axis=-1: torch.diff(a, n, axis),
}
"""What PyTorch calls each operation, or how it is written there. Options it does not know are left to the other tests.

`cholesky` and `eigvalsh` are not here: PyTorch spreads their gradient over both triangles; NumPy reads one, and so
do we.
"""

LEAST = 60
"""So many operations are really compared: the table cannot go stale unnoticed."""

compared = sorted(
    name for name, operation in BUILT_IN.items() if operation.name in OF_TORCH and operation.name != "where"
)


def theirs(sample: Sample) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """PyTorch's result and gradients; None for a call that it does not have."""
    leaves = [torch.tensor(a, requires_grad=p in sample.differentiable) for p, a in enumerate(sample.arrays)]
    call = sample.with_arrays(leaves)
    try:
        result = OF_TORCH[sample.operation.name](*call.inputs.values(), **call.options)
    except (TypeError, RuntimeError, IndexError, ValueError):
        return None
    tracked = [leaves[p] for p in sample.differentiable]
    if not result.requires_grad:
        return None
    gradients = torch.autograd.grad(result, tracked, torch.tensor(upstream(result.shape)), allow_unused=True)
    return result.detach().numpy(), [
        np.zeros(leaf.shape) if g is None else g.numpy() for leaf, g in zip(tracked, gradients)
    ]


def upstream(shape: Any) -> np.ndarray:
    return np.cos(np.arange(float(np.prod(tuple(shape), dtype=int)))).reshape(tuple(shape))


@pytest.mark.parametrize("name", compared)
def test_values_and_gradients_are_pytorchs(name: str) -> None:
    count = 0
    for sample in samples_of(BUILT_IN[name]):
        expected = theirs(sample)
        operands = sample.tracked()
        output = sample.outputs(operands)[0]
        if expected is None or expected[0].shape != output.shape:
            continue
        value, gradients = expected
        np.testing.assert_allclose(output.data, value, rtol=1e-10, atol=1e-12, err_msg=str(sample))
        points = [operands[p] for p in sample.differentiable]
        got = tg.gradient(output, points, grad_outputs=upstream(output.shape))
        for ours, other in zip(got, gradients, strict=True):
            np.testing.assert_allclose(ours, other, rtol=1e-8, atol=1e-10, err_msg=str(sample))
        count += 1
    assert count > 0, f"PyTorch has none of the calls of {name}"


def test_most_operations_are_compared() -> None:
    assert len(compared) >= LEAST
    assert not set(OF_TORCH) - {o.name for o in BUILT_IN.values()}, "names of no operation"

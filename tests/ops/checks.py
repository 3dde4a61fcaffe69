"""What must hold for every call of every operation; each check raises AssertionError where it does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad._typing import Shape
from tensorgrad.backward import call_rules
from tensorgrad.node import Result
from tensorgrad.tensor import plain
from tests.ops.numeric import jacobian
from tests.ops.samples import Sample

TOLERANCE: dict[str, float] = {"rtol": 1e-6, "atol": 1e-7}
WAYS = 2
"""Number of random directions for each variable. A wrong entry changes the slope along every one of them."""


def values(sample: Sample) -> None:
    """The result is NumPy's, or that of the declared reference, for arrays, tensors and tracked tensors.

    NumPy's functions return it for tensors.
    """
    operation = sample.operation
    tensors = [tg.Tensor(a) for a in sample.arrays]
    expected = _numpys(sample, operation.numpy[0] if operation.numpy else operation.reference)
    for operands in (sample.arrays, tensors, sample.tracked()):
        for expected_one, got in zip(expected, _listed(sample.with_arrays(operands)()), strict=True):
            _same_array(got, expected_one)
    for function in operation.numpy:
        for expected_one, got in zip(
            _numpys(sample, function), _listed(sample.with_arrays(tensors)(function)), strict=True
        ):
            plain_value = np.ndim(expected_one) == 0 or np.result_type(expected_one).kind == "i"
            assert isinstance(got, tg.Tensor) or plain_value, f"{function}: {type(got)}"
            _same_array(got, expected_one)


def _numpys(sample: Sample, function: Callable[..., Any]) -> list[Any]:
    """Return the results of a NumPy function, which may be deprecated, for the arrays of a sample.

    From NumPy 2.5 on, `eig` returns complex numbers for all matrices.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        results = _listed(sample(function))
    return [each.real if np.iscomplexobj(each) and not np.any(each.imag) else each for each in results]


def composed_form_agrees(sample: Sample) -> None:
    """The composed form has the result and the first gradients of the forward rule and its fast rules."""
    operation = sample.operation
    leaves, others = sample.tracked(), sample.tracked()
    ours = _listed(sample.with_arrays(leaves)())
    theirs = _listed(sample.with_arrays(others)(operation.composed))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(plain(a), plain(b), rtol=1e-10, atol=1e-12, err_msg=str(sample))
    for results in (ours, theirs):
        for result in (each for each in results if each.requires_grad):
            result.backward(np.linspace(0.5, 1.5, result.size).reshape(result.shape), retain_graph=True)
    for position in sample.differentiable:
        np.testing.assert_allclose(
            leaves[position].grad, others[position].grad, rtol=1e-9, atol=1e-11, err_msg=f"{sample}, operand {position}"
        )


def first_gradient(sample: Sample) -> None:
    """Every entry of the Jacobian with respect to every operand agrees with finite differences."""
    operands = sample.tracked()
    outputs = sample.outputs(operands)
    for number, output in enumerate(outputs):
        for position in sample.differentiable:
            expected = jacobian(_by(sample, position, number), sample.arrays[position])
            got = np.zeros(expected.shape)
            for index in np.ndindex(output.shape):
                upstream = np.zeros(output.shape)
                upstream[index] = 2.0  # not 1, which a rule that forgets to multiply by it would give as well
                gradient = _gradient_or_none(output, operands[position], upstream)
                got[index] = 0.0 if gradient is None else gradient / 2
            np.testing.assert_allclose(got, expected, **TOLERANCE, err_msg=f"{sample}, operand {position}")


def second_gradient(sample: Sample) -> None:
    """The derivatives of the gradient with respect to operands and upstream gradient agree with differences.

    Both are directional: each gradient is projected onto a random direction, and each variable is moved along `WAYS`
    random directions.
    """
    rng = np.random.default_rng(7)
    operands = sample.tracked()
    outputs = [o for o in sample.outputs(operands) if o.requires_grad]
    upstream = [tg.Tensor(rng.uniform(0.5, 1.5, o.shape), requires_grad=True) for o in outputs]
    points = [operands[p] for p in sample.differentiable]
    variables = [*points, *upstream]
    gradients = tg.gradient(outputs, points, grad_outputs=upstream, create_graph=True)
    plain_gradients = _gradients(sample, [v.data for v in variables])
    directions = [rng.uniform(0.5, 1.5, gradient.shape) for gradient in gradients]
    ways = [_directions(rng, v.shape) for v in variables]
    expected = [
        _slopes_of_gradients(sample, [v.data for v in variables], by, ways[by], directions)
        for by in range(len(variables))
    ]
    for of, (gradient, plain_gradient, direction) in enumerate(zip(gradients, plain_gradients, directions)):
        np.testing.assert_allclose(gradient.data, plain_gradient, rtol=1e-12, atol=1e-14, err_msg=str(sample))
        if gradient.requires_grad:
            got = tg.gradient(gradient, variables, grad_outputs=direction, retain_graph=True, allow_unused=True)
        else:
            got = (None,) * len(variables)
        for by, variable in enumerate(variables):
            assert got[by] is None or got[by].shape == variable.shape, f"{sample}: {got[by].shape}"
            found = np.zeros(WAYS) if got[by] is None else ways[by].reshape(WAYS, -1) @ got[by].ravel()
            np.testing.assert_allclose(
                found, expected[by][of], **TOLERANCE, err_msg=f"{sample}, gradient {of} by variable {by}"
            )


def _directions(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Return `WAYS` random directions without zeros, of a length close to 1."""
    signs = rng.choice([-1.0, 1.0], (WAYS, *shape))
    return signs * rng.uniform(0.5, 1.5, (WAYS, *shape)) / np.sqrt(max(1.0, np.prod(shape)))


def _slopes_of_gradients(
    sample: Sample, variables: list[np.ndarray], by: int, ways: np.ndarray, directions: list[np.ndarray]
) -> np.ndarray:
    """Return the derivatives of each gradient, projected onto its direction, along `ways` of one of the variables."""

    def along(lengths: np.ndarray) -> np.ndarray:
        moved = [*variables[:by], variables[by] + np.tensordot(lengths, ways, 1), *variables[by + 1 :]]
        return np.array([np.sum(d * g) for d, g in zip(directions, _gradients(sample, moved))])

    return jacobian(along, np.zeros(WAYS))


def single_precision(sample: Sample) -> None:
    """float32 in: float32 out, a float32 gradient, and no rule that computes in float64 on the way."""
    sample = sample.as_dtype(np.float32)
    widened = np.float64 if sample.operation.name == "float_power" else np.float32
    dtype = np.dtype(sample.options.get("dtype", widened))
    operands = sample.tracked()
    for output in sample.outputs(operands):
        assert output.dtype == dtype, f"{sample}: {output.dtype}"
        if sample.operation.saves:
            _rules_stay_single(sample, output, dtype)
        if output.requires_grad:
            output.backward(np.ones(output.shape), retain_graph=True)
    for position in sample.differentiable:
        assert operands[position].grad.dtype == np.float32, f"{sample}: operand {position}"


def _rules_stay_single(sample: Sample, output: tg.Tensor, dtype: np.dtype[Any]) -> None:
    node = output.node
    assert node is not None
    gradient: Any = np.ones(output.shape, dtype)
    if isinstance(node, Result):
        gradient = [gradient if index == node.index else None for index in range(len(node.inputs[0].shape))]
        node = node.inputs[0]
    for position, contribution in call_rules(node, gradient):
        assert contribution.dtype == dtype, f"{sample}: the rule of operand {position} gives {contribution.dtype}"


def layouts(sample: Sample) -> None:
    """Only the numbers count, not how the operands lie in memory: nor may they need to be writable."""
    for layout in (_backwards, _fortran, _read_only, _stretched):
        arranged = [layout(a) for a in sample.arrays]
        packed = [np.array(a, order="C") for a in arranged]
        if layout is _stretched and _singular(sample, packed):
            continue
        for got, expected in zip(_outputs_and_gradients(sample, arranged), _outputs_and_gradients(sample, packed)):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14, err_msg=f"{sample}, {layout.__name__}")


def linear_in_upstream(sample: Sample) -> None:
    """A derivative rule is a linear map of the upstream gradient."""
    rng = np.random.default_rng(11)
    points = [sample.arrays[p] for p in sample.differentiable]
    shapes = [o.shape for o in sample.outputs(sample.tracked()) if o.requires_grad]
    u, v = ([rng.normal(size=s) for s in shapes] for _ in range(2))
    of_u, of_v = _gradients(sample, [*points, *u]), _gradients(sample, [*points, *v])
    both = _gradients(sample, [*points, *(2.5 * a - b for a, b in zip(u, v))])
    for a, b, ab in zip(of_u, of_v, both):
        np.testing.assert_allclose(ab, 2.5 * a - b, rtol=1e-10, atol=1e-12, err_msg=str(sample))


def forward_mode_is_the_adjoint(sample: Sample) -> None:
    """⟨v, Jᵀw⟩ = ⟨Jv, w⟩, with Jᵀw from the derivative rules and Jv from `tg.jvp`."""
    rng = np.random.default_rng(13)
    points = [sample.arrays[p] for p in sample.differentiable]

    def function(*moving: Any) -> list[tg.Tensor]:
        operands: list[Any] = list(sample.arrays)
        for position, operand in zip(sample.differentiable, moving):
            operands[position] = operand
        return [o for o in sample.outputs(operands) if o.requires_grad]

    v = [rng.normal(size=point.shape) for point in points]
    out, moved = tg.jvp(function, points, v)
    w = [rng.normal(size=o.shape) for o in out]
    pulled = _gradients(sample, [*points, *w])
    _, pullback = tg.vjp(function, *points)
    for ours, theirs in zip(pulled, pullback(w), strict=True):
        np.testing.assert_allclose(theirs.data, ours, rtol=1e-12, atol=1e-14, err_msg=str(sample))
    left = sum(np.sum(a * b) for a, b in zip(v, pulled))
    right = sum(np.sum(a.data * b) for a, b in zip(moved, w))
    size = sum(np.sum(np.abs(a * b)) for a, b in zip(v, pulled)) + sum(
        np.sum(np.abs(a.data * b)) for a, b in zip(moved, w)
    )
    assert abs(left - right) <= 1e-12 * size + 1e-300, f"{sample}: {left} and {right}"


STRANGE = (np.nan, np.inf, -np.inf)
NAN_ONLY = frozenset({
    "cofactors", "cond", "det", "eigh", "eigvalsh", "expm", "inv", "lstsq", "matrix_norm", "matrix_power", "norm",
    "pinv", "qr", "qr_factors", "slogdet", "solve", "solve_triangular", "svd", "svd_factors", "svdvals", "eig",
    "eigvals", "polyfit", "roots",
    "geomspace",  # complex for ends of different sign
    "tensorinv", "tensorsolve",  # whatever LAPACK stops at, warnings included
    "median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile",  # NumPy's interpolation has 0·∞
})  # fmt: skip
"""For an infinity, what NumPy gives for these follows from how it computes, not from mathematics."""


def strange_numbers_pass_through(sample: Sample) -> None:
    """NaN or an infinity in any element: NumPy's result, or its refusal; going back never fails.

    The rules may not even warn about NaN. An infinity may give NaN (0·∞), of which NumPy warns.
    """
    operation = sample.operation
    numpys = operation.numpy[0] if operation.numpy else operation.apply if operation.keep else operation.forward
    for position in sample.differentiable:
        size = sample.arrays[position].size
        for element in sorted({0, size // 2, size - 1} if size else ()):
            for number in STRANGE[:1] if operation.name in NAN_ONLY else STRANGE:
                arrays = [a.copy() for a in sample.arrays]
                arrays[position].reshape(-1)[element] = number
                strange = sample.with_arrays(arrays)
                with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                    expected = _result_or_refusal(strange, numpys)
                    operands = strange.tracked()
                    got = _result_or_refusal(strange.with_arrays(operands), operation.function)
                where = f"{sample}: {number} in element {element} of operand {position}"
                if isinstance(expected, np.linalg.LinAlgError) and not isinstance(got, Exception):
                    # np.linalg.cond stopped at NaN before NumPy 2.5
                    assert all(np.isnan(plain(o)).any() for o in _listed(got)), f"{where}: {got!r}"
                elif isinstance(expected, Exception) or isinstance(got, Exception):
                    assert isinstance(got, type(expected)), f"{where}: {got!r} instead of {expected!r}"
                    continue
                else:
                    for ours, theirs in zip(_listed(got), _listed(expected), strict=True):
                        np.testing.assert_allclose(
                            np.asarray(plain(ours)), plain(theirs), rtol=1e-12, atol=1e-14, err_msg=where
                        )
                outputs = [o for o in _listed(got) if isinstance(o, tg.Tensor) and o.requires_grad]
                quiet = "warn" if operation.name not in NAN_ONLY and np.isnan(number) else "ignore"
                with np.errstate(all=quiet):  # type: ignore[call-overload]
                    for output in outputs:
                        output.backward(np.ones(output.shape), retain_graph=True)


def _result_or_refusal(sample: Sample, function: Callable[..., Any]) -> Any:
    try:
        return sample(function)
    except (ValueError, ArithmeticError) as error:
        return error


def leaves_its_arguments_alone(sample: Sample) -> None:
    """Operands and the upstream gradient keep their values, and no two gradients share memory with anything."""
    operands = sample.tracked()
    outputs = sample.outputs(operands)
    upstream = [np.full(o.shape, 0.5) for o in outputs]
    for output, seed in zip(outputs, upstream):
        if output.requires_grad:
            output.backward(seed, retain_graph=True)
    for before, after in zip(sample.arrays, operands):
        np.testing.assert_array_equal(before, plain(after), err_msg=str(sample))
    assert all((seed == 0.5).all() for seed in upstream), f"{sample} wrote into the upstream gradient"

    gradients = [operands[p].grad for p in sample.differentiable]
    others = [*(plain(o) for o in operands), *upstream, *(o.array for o in outputs)]
    for position, gradient in enumerate(gradients):
        for other in [*others, *gradients[:position]]:
            assert not np.shares_memory(gradient, other), f"{sample}: a gradient shares memory"


def _outputs_and_gradients(sample: Sample, arrays: list[np.ndarray]) -> list[np.ndarray]:
    leaves = [tg.Tensor(a, requires_grad=True) if p in sample.differentiable else a for p, a in enumerate(arrays)]
    outputs = sample.outputs(leaves)
    for output in (o for o in outputs if o.requires_grad):
        output.backward(np.linspace(0.5, 1.5, output.size).reshape(output.shape), retain_graph=True)
    return [*(o.data for o in outputs), *(leaves[p].grad for p in sample.differentiable)]


def _gradients(sample: Sample, variables: list[np.ndarray]) -> list[np.ndarray]:
    """First-order gradients at `variables`: the differentiable operands, then the upstream gradients."""
    operands: list[Any] = list(sample.arrays)
    points = [tg.Tensor(variables[k], requires_grad=True) for k in range(len(sample.differentiable))]
    for position, point in zip(sample.differentiable, points):
        operands[position] = point
    outputs = [o for o in sample.outputs(operands) if o.requires_grad]
    return list(tg.gradient(outputs, points, grad_outputs=variables[len(points) :]))


def _gradient_or_none(output: tg.Tensor, by: tg.Tensor, upstream: np.ndarray) -> np.ndarray | None:
    """None where one of several outputs does not depend on the operand."""
    if not output.requires_grad:
        return None
    return tg.gradient(output, by, grad_outputs=upstream, retain_graph=True, allow_unused=True)


def _singular(sample: Sample, arrays: list[np.ndarray]) -> bool:
    """Return whether the operation rejects a matrix of equal numbers."""
    try:
        _outputs_and_gradients(sample, arrays)
    except np.linalg.LinAlgError:
        return True
    except Warning:
        if sample.operation.name not in ("corrcoef", "polyfit"):  # NumPy warns too
            raise
        return True
    return False


def _by(sample: Sample, position: int, number: int) -> Callable[[np.ndarray], np.ndarray]:
    """Output `number` as a function of the operand at `position`, without recording."""

    def function(point: np.ndarray) -> np.ndarray:
        operands = [tg.Tensor(a) for a in sample.arrays]
        operands[position] = tg.Tensor(point)
        return sample.outputs(operands)[number].array

    return function


def _listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _same_array(got: Any, expected: Any) -> None:
    if isinstance(got, tg.Tensor):
        assert got.dtype == np.asarray(expected).dtype
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(np.asarray(plain(got)), expected, rtol=1e-13, atol=1e-15)


def _backwards(a: np.ndarray) -> np.ndarray:
    every_axis = (slice(None, None, -1),) * a.ndim
    return np.array(a[every_axis])[every_axis]


def _fortran(a: np.ndarray) -> np.ndarray:
    return np.array(a, order="F")


def _read_only(a: np.ndarray) -> np.ndarray:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


def _stretched(a: np.ndarray) -> np.ndarray:
    """One element in every place: all strides are 0."""
    return np.broadcast_to(a.reshape(-1)[:1].reshape((1,) * a.ndim) if a.size else a, a.shape)

"""What fused operations declare: joint rules, several results, kept values and a composed form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import gradcheck, numpy_dispatch
from tensorgrad.node import Result
from tensorgrad.op import registry
from tensorgrad.record import record
from tests.ops import checks
from tests.ops.samples import samples_of


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


@pytest.fixture(autouse=True)
def registries_restored() -> Iterator[None]:
    """Declarations made in a test are forgotten again."""
    names, answers = dict(registry), dict(numpy_dispatch.answers)
    yield
    for kept, before in ((registry, names), (numpy_dispatch.answers, answers)):
        kept.clear()  # type: ignore[attr-defined]
        kept.update(before)  # type: ignore[attr-defined]


# -- four declarations ----------------------------------------------------------------------------------------------


def cross_entropy_composed(logits: Any, targets: Any) -> Any:
    return -tg.sum(targets * tg.log_softmax(logits, axis=-1)) / targets.shape[0]


@tg.op(
    logits=lambda g, probabilities, targets: (probabilities - targets) * (g / len(targets)),
    targets=None,
    keep=["probabilities"],
    composed=cross_entropy_composed,
)
def cross_entropy(logits: Any, targets: Any) -> Any:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=-1, keepdims=True)
    return np.sum(targets * (np.log(total) - shifted)) / len(targets), (powers / total,)


def layer_norm_composed(x: Any, scale: Any, shift: Any, epsilon: float = 1e-5) -> Any:
    centred = x - tg.mean(x, axis=-1, keepdims=True)
    variance = tg.mean(centred * centred, axis=-1, keepdims=True)
    return centred / tg.sqrt(variance + epsilon) * scale + shift


def layer_norm_gradients(g: Any, wanted: Any, scale: Any, normalised: Any, inverse: Any) -> Any:
    x_gradient = scale_gradient = shift_gradient = None
    product = g * normalised
    if wanted[1]:
        scale_gradient = product.reshape(-1, g.shape[-1]).sum(axis=0)
    if wanted[2]:
        shift_gradient = g.reshape(-1, g.shape[-1]).sum(axis=0)
    if wanted[0]:
        x_gradient = g * scale
        np.multiply(x_gradient, normalised, out=product)
        across = product.mean(axis=-1, keepdims=True)
        x_gradient -= x_gradient.mean(axis=-1, keepdims=True)
        np.multiply(normalised, across, out=product)
        x_gradient -= product
        x_gradient *= inverse
    return x_gradient, scale_gradient, shift_gradient


@tg.op(
    joint=layer_norm_gradients,
    inputs=["x", "scale", "shift"],
    keep=["normalised", "inverse"],
    composed=layer_norm_composed,
)
def layer_norm(x: Any, scale: Any, shift: Any, epsilon: float = 1e-5) -> Any:
    normalised = x - x.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(np.square(normalised).mean(axis=-1, keepdims=True) + epsilon)
    normalised *= inverse
    return normalised * scale + shift, (normalised, inverse)


class LSTMResult(NamedTuple):
    h: Any
    c: Any


def lstm_composed(x: Any, h: Any, c: Any, w: Any) -> LSTMResult:
    n = c.shape[-1]
    z = tg.concatenate([x, h], axis=-1) @ w
    i, f, o = (tg.sigmoid(z[:, k * n : (k + 1) * n]) for k in range(3))
    c = f * c + i * tg.tanh(z[:, 3 * n :])
    return LSTMResult(o * tg.tanh(c), c)


def lstm_gradients(g: Any, wanted: Any, c: Any, w: Any, gates: Any, tanh_c: Any, joined: Any) -> Any:
    i, f, o, u = np.split(gates, 4, axis=-1)
    n = c.shape[-1]
    g_c = g.h * o * (1 - tanh_c**2) + g.c
    z = np.empty_like(gates)
    z[:, :n] = g_c * u * i * (1 - i)
    z[:, n : 2 * n] = g_c * c * f * (1 - f)
    z[:, 2 * n : 3 * n] = g.h * tanh_c * o * (1 - o)
    z[:, 3 * n :] = g_c * i * (1 - u * u)
    g_joined = z @ w.T
    inputs = w.shape[0] - n
    return g_joined[:, :inputs], g_joined[:, inputs:], g_c * f, joined.T @ z


@tg.op(
    joint=lstm_gradients,
    inputs=["x", "h", "c", "w"],
    results=LSTMResult,
    keep=["gates", "tanh_c", "joined"],
    composed=lstm_composed,
)
def lstm_cell(x: Any, h: Any, c: Any, w: Any) -> Any:
    n = c.shape[-1]
    joined = np.concatenate([x, h], axis=-1)
    gates = joined @ w
    gates[:, : 3 * n] = 1 / (1 + np.exp(-gates[:, : 3 * n]))
    gates[:, 3 * n :] = np.tanh(gates[:, 3 * n :])
    i, f, o, u = np.split(gates, 4, axis=-1)
    new_c = f * c + i * u
    tanh_c = np.tanh(new_c)
    return (o * tanh_c, new_c), (gates, tanh_c, joined)


class MeanAndSpread(NamedTuple):
    mean: Any
    spread: Any


@tg.op(
    x=lambda g, x, out: (
        np.expand_dims(g.mean, -1) / x.shape[-1]
        + np.expand_dims(g.spread / out.spread, -1) * (x - np.expand_dims(out.mean, -1)) / x.shape[-1]
    ),
    results=MeanAndSpread,
)
def mean_and_spread(x: Any) -> Any:
    return x.mean(axis=-1), x.std(axis=-1)


TARGETS = np.eye(4)[[0, 2, 1]]
ROWS = (random(5, 6), random(6), random(7)[:6])
CELL = (random(3, 2), random(3, 4), random(3, 4) + 0.5, random(6, 16))


# -- kept values and the composed form ------------------------------------------------------------------------------


def test_op_with_a_kept_value_has_right_derivatives_of_every_order() -> None:
    assert gradcheck(lambda x: cross_entropy(x, TARGETS), [random(3, 4)], order=2)


@pytest.mark.slow
def test_op_with_a_kept_value_is_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its derivatives are not compared")
    x = random(3, 4)
    other = torch.tensor(x, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(other, torch.tensor(TARGETS))
    theirs.backward()
    t = leaf(x)
    cross_entropy(t, TARGETS).backward()
    np.testing.assert_allclose(t.grad, other.grad.numpy(), rtol=1e-12)
    hessian = torch.autograd.functional.hessian(
        lambda v: torch.nn.functional.cross_entropy(v, torch.tensor(TARGETS)), torch.tensor(x)
    )
    np.testing.assert_allclose(tg.hessian(lambda v: cross_entropy(v, TARGETS))(x).data, hessian.numpy(), atol=1e-13)


def test_op_with_a_kept_value_does_not_take_it_for_a_constant() -> None:
    @tg.op(x=lambda g, s: g * s * (1 - s), keep=["s"], composed=lambda x: tg.sigmoid(x))
    def logistic(x: Any) -> Any:
        s = 1 / (1 + np.exp(-x))
        return s, (s,)

    def second(f: Any) -> float:
        return float(tg.grad(lambda x: tg.exp(tg.grad(lambda x: f(x) * f(x))(x)))(0.3))

    assert second(logistic) == pytest.approx(second(tg.sigmoid), rel=1e-12)
    curvature = float(tg.grad(tg.grad(logistic))(0.3))
    s = 1 / (1 + np.exp(-0.3))
    assert curvature == pytest.approx(s * (1 - s) * (1 - 2 * s), rel=1e-12)  # 0 if `s` were a constant


def test_op_whose_composed_form_differs_fails_the_registrys_check() -> None:
    def declare(composed: Any) -> Any:
        @tg.op(x=lambda g, s: g * s * (1 - s), keep=["s"], composed=composed)
        def logistic(x: Any) -> Any:
            s = 1 / (1 + np.exp(-np.asarray(x)))
            return s, (s,)

        return logistic.operation

    def check(composed: Any) -> None:
        for sample in samples_of(declare(composed)):
            checks.composed_form_agrees(sample)

    check(lambda x: tg.sigmoid(x))
    for wrong in (lambda x: tg.sigmoid(x) + 0.1, lambda x: tg.sigmoid(2.0 * x), lambda x: tg.sigmoid(x.detach())):
        with pytest.raises((AssertionError, TypeError)):
            check(wrong)


def test_op_frees_kept_values_with_the_graph() -> None:
    loss = cross_entropy(leaf(random(3, 4)), TARGETS)
    assert loss.node is not None
    assert len(loss.node.saved) == 3  # for the two inputs, and the operands for the composed form
    loss.backward()
    assert loss.node.saved == ()


def test_op_apply_leaves_kept_values_out() -> None:
    assert np.ndim(cross_entropy.apply(random(3, 4), TARGETS)) == 0
    assert [type(each) for each in layer_norm.apply(*ROWS)[:1]] == [np.ndarray]
    assert type(lstm_cell.apply(*CELL)) is LSTMResult


# -- joint rules ----------------------------------------------------------------------------------------------------


def test_op_with_a_joint_rule_has_right_derivatives() -> None:
    assert gradcheck(layer_norm, list(ROWS), order=2)


def test_op_with_a_joint_rule_and_one_tensor_as_several_inputs() -> None:
    assert gradcheck(lambda x: layer_norm(x, x[0], x[0]), [ROWS[0]], order=2)


def test_op_asks_a_joint_rule_for_what_is_wanted_only() -> None:
    seen: list[tuple[bool, ...]] = []

    def gradients(g: Any, wanted: tuple[bool, ...], x: Any, y: Any) -> Any:
        seen.append(wanted)
        return g * y, g * x, None

    @tg.op(joint=gradients, inputs=["x", "y"], z=None)
    def product(x: Any, y: Any, z: Any = 0.0) -> Any:
        return x * y

    a, b = leaf([2.0]), leaf([3.0])
    product(a, b, leaf([1.0])).backward()
    product(a, [3.0]).backward()
    product(2.0, b).backward()
    tg.gradient(product(a, b), b)
    assert [each[:2] for each in seen] == [(True, True), (True, False), (False, True), (False, True)]
    assert (a.grad.tolist(), b.grad.tolist()) == ([6.0], [4.0])
    assert gradcheck(lambda x, y: product(x, y), [random(3), random(3)], order=2)


def test_op_with_a_joint_rule_and_a_first_input_that_is_not_differentiable() -> None:
    @tg.op(mask=None, joint=lambda g, wanted, mask, x, y: (None, g * mask * y, g * mask * x), inputs=["x", "y"])
    def masked_product(mask: Any, x: Any, y: Any) -> Any:
        return mask * x * y

    mask = np.array([1.0, 0.0, 1.0])
    assert gradcheck(lambda x, y: masked_product(mask, x, y), [random(3), random(3) + 1], order=2)
    moving, x, y = leaf(mask), leaf(random(3)), leaf(random(3))
    masked_product(moving, x, y).sum().backward()
    assert moving.grad is None
    np.testing.assert_array_equal(x.grad, mask * y.data)


def test_op_with_a_joint_rule_for_a_sequence() -> None:
    def gradients(g: Any, wanted: tuple[bool, ...], parts: Any, scale: Any) -> Any:
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return (np.sum(g * total), *(g * scale for _ in parts))

    @tg.op(joint=gradients, inputs=["scale", "parts"], sequence="parts")
    def scaled_sum(scale: Any, parts: Any) -> Any:
        return scale * sum(parts)

    assert gradcheck(lambda s, a, b: scaled_sum(s, [a, b, a]), [np.array(1.5), random(3), random(3) + 1], order=2)
    a, constant = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0])
    scaled_sum(2.0, [constant, a]).sum().backward()
    np.testing.assert_array_equal(a.grad, [2.0, 2.0])


# -- several results ------------------------------------------------------------------------------------------------


def test_op_with_several_results_is_one_node() -> None:
    t = leaf(random(2, 3))
    mean, spread = mean_and_spread(t)
    assert isinstance(mean.node, Result)
    assert isinstance(spread.node, Result)
    assert mean.node.inputs[0] is spread.node.inputs[0]
    assert mean.node.inputs[0].inputs == (t.node,)


def test_op_with_several_results_sends_zeros_for_those_that_are_not_used() -> None:
    x = random(2, 3)
    assert gradcheck(lambda t: mean_and_spread(t).mean, [x], order=2)
    assert gradcheck(lambda t: mean_and_spread(t).spread, [x], order=2)
    assert gradcheck(lambda t: list(mean_and_spread(t)), [x], order=2)
    assert gradcheck(lambda t: (lambda r: r.mean * r.spread + tg.exp(r.mean))(mean_and_spread(t)), [x], order=2)


def test_op_with_several_results_runs_its_rule_once() -> None:
    calls = []

    def rule(g: Any, x: Any) -> Any:
        calls.append(tuple(np.shape(each) for each in g))
        return g.mean * x + g.spread * 2

    @tg.op(x=rule, results=MeanAndSpread)
    def pair(x: Any) -> Any:
        return x * x / 2, 2 * x

    first, second = pair(leaf([1.0, 2.0]))
    (first.sum() + (second * first).sum() + second.sum()).backward()
    assert calls == [((2,), (2,))]


def test_lstm_cell_has_right_derivatives() -> None:
    assert gradcheck(lambda *args: list(lstm_cell(*args)), list(CELL), order=2)
    assert gradcheck(lambda *args: lstm_cell(*args).c, list(CELL), order=2)


def test_lstm_cell_unrolled_has_right_derivatives() -> None:
    def unrolled(x: Any, h: Any, c: Any, w: Any) -> Any:
        for _ in range(3):
            h, c = lstm_cell(x, h, c, w)
        return (h * h).sum() + c.sum()

    assert gradcheck(unrolled, list(CELL), order=2)


# -- all of them through every transform ----------------------------------------------------------------------------

FUSED = {
    "cross_entropy": (lambda x: cross_entropy(x, TARGETS), lambda x: cross_entropy_composed(x, TARGETS), random(3, 4)),
    "layer_norm": (lambda x: layer_norm(x, *ROWS[1:]), lambda x: layer_norm_composed(x, *ROWS[1:]), ROWS[0]),
    "lstm_cell": (
        lambda w: lstm_cell(*CELL[:3], w).h,
        lambda w: lstm_composed(*map(tg.tensor, CELL[:3]), w).h,
        CELL[3],
    ),
}
every_fused = pytest.mark.parametrize(("fused", "composed", "x"), list(FUSED.values()), ids=list(FUSED))


@every_fused
def test_fused_operation_in_forward_mode(fused: Any, composed: Any, x: np.ndarray) -> None:
    direction = random(*x.shape[::-1]).T
    for ours, theirs in zip(tg.jvp(fused, (x,), (direction,)), tg.jvp(composed, (x,), (direction,))):
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-10, atol=1e-12)


@every_fused
def test_fused_operation_third_derivative_is_that_of_its_composed_form(
    fused: Any, composed: Any, x: np.ndarray
) -> None:
    def third(f: Any) -> Any:
        first = tg.grad(lambda t: (f(t) ** 2).sum())
        second = tg.grad(lambda t: (first(t) ** 2).sum())
        return tg.grad(lambda t: (second(t) ** 2).sum())(x)

    ours, theirs = third(fused), third(composed)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-8, atol=1e-10 * float(np.abs(theirs.data).max()))


@every_fused
def test_fused_operation_in_a_checkpoint(fused: Any, composed: Any, x: np.ndarray) -> None:
    assert gradcheck(tg.checkpoint(lambda t: (fused(t) ** 2).sum()), [x], order=2)


@every_fused
def test_fused_operation_in_anomaly_mode(fused: Any, composed: Any, x: np.ndarray) -> None:
    expected = tg.grad(lambda t: (composed(t) ** 2).sum())(x)
    with tg.detect_anomaly():
        t = leaf(x)
        (fused(t) ** 2).sum().backward()
    np.testing.assert_allclose(t.grad, expected.data, rtol=1e-10, atol=1e-12)


# -- bad declarations -----------------------------------------------------------------------------------------------


def twice(x: Any) -> Any:
    return 2 * x


def writes_items(g: Any, x: Any) -> Any:
    result = 2 * g
    result[0] = g[0] * 2
    return result


@pytest.mark.parametrize(
    "declared",
    [
        {"x": lambda g, p: g * p, "keep": ["p"]},
        {"x": lambda g, x: np.multiply(g, 2, out=x)},
        {"x": writes_items},
        {"joint": lambda g, wanted, x: (np.multiply(g, 2, out=x),), "inputs": ["x"]},
    ],
    ids=["keep", "out=", "item assignment", "a joint rule with out="],
)
def test_op_requires_a_composed_form_where_rules_cannot_be_differentiated(declared: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"^op twice: .*Declare composed="):
        tg.op(**declared)(twice)
    tg.op(**declared, composed=lambda x: 2 * x)(twice)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"joint": lambda g, wanted: (g,)}, "at least one"),
        ({"inputs": ["x"]}, "Declare both, or neither"),
        ({"joint": lambda g, wanted: (g,), "inputs": ["x"], "x": lambda g: g}, "Declare both, or neither"),
        ({"joint": lambda g, x: (g,), "inputs": ["x"]}, "takes g and wanted first"),
        ({"joint": lambda g, wanted, z: (g,), "inputs": ["x"]}, "takes g and wanted first"),
        ({"joint": lambda g, wanted: (g,), "inputs": ["z"]}, "derivative rules for"),
        ({"x": lambda g: g, "keep": ["out"], "composed": twice}, "are reserved"),
        ({"x": lambda g: g, "sequence": "parts"}, "derivative rules for"),
    ],
)
def test_op_refuses_declarations_that_do_not_fit_together(declared: dict[str, Any], message: str) -> None:
    before = dict(registry)
    with pytest.raises(TypeError, match=rf"^op twice: .*{message}"):
        tg.op(**declared)(twice)
    assert registry == before


# -- arrays of other libraries and views ----------------------------------------------------------------------------


class Foreign:
    """An array of another library, as far as NumPy's protocols show."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape, self.dtype, self.ndim, self.size = array.shape, array.dtype, array.ndim, array.size

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise AssertionError(f"{function.__name__} was called on an array of another library")


def test_op_refuses_a_tracked_tensor_for_a_parameter_without_a_rule_with_the_reason() -> None:
    @tg.op(x=lambda g: g, no_rule="it is only rounded")
    def rounded(x, digits):
        return np.asarray(x)

    digits = tg.tensor(1.0, requires_grad=True)
    for call in (rounded, lambda x, digits: record(rounded.operation, (x, digits), {})):
        with pytest.raises(TypeError, match=r"rounded: the argument 'digits' .* because it is only rounded; e"):
            call(tg.tensor(1.0), digits)


def test_op_that_is_numpy_only_refuses_other_arrays_with_the_reason() -> None:
    @tg.op(x=lambda g: g, numpy_only="its values are sorted in compiled code")
    def sorted_in_c(x: Any) -> Any:
        return x

    assert float(sorted_in_c(1.0)) == 1.0
    with pytest.raises(TypeError, match=r"^sorted_in_c: expected NumPy arrays, because its values are sorted"):
        sorted_in_c(Foreign(np.ones(2)))


def test_op_composed_of_one_operation_is_not_computed_again_for_higher_derivatives() -> None:
    calls: list[str] = []

    @tg.op(x=lambda g, x: g * 3 * x**2)
    def cube_again(x: Any) -> Any:
        calls.append("again")
        return x**3

    @tg.op(x=lambda g, square, x: g * 3 * square, keep=["square"], composed=cube_again)
    def cube(x: Any) -> Any:
        calls.append("once")
        return x**3, (x**2,)

    x = leaf([2.0, -1.0])
    slope = tg.gradient(cube(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(slope.data, [12.0, 3.0])
    np.testing.assert_allclose(tg.gradient(slope.sum(), x), [12.0, -6.0])
    assert calls == ["once"]


def test_op_uses_its_composed_form_on_other_arrays() -> None:
    seen = []

    @tg.op(x=lambda g, kept: g * kept, keep=["kept"], composed=lambda x, by=2.0: seen.append((type(x), by)))
    def fast(x: Any, by: float = 2.0) -> Any:
        raise AssertionError("the fast rule was called")

    fast(Foreign(np.ones(2)), by=3.0)
    assert seen == [(Foreign, 3.0)]


def test_op_that_returns_a_view_keeps_its_result_when_the_leaf_is_written_into() -> None:
    @tg.op(x=lambda g: g[::-1], view=True)
    def backwards(x: Any) -> Any:
        return x[::-1]

    t = leaf([1.0, 2.0])
    result = backwards(t)
    t.data = np.array([5.0, 6.0])
    np.testing.assert_array_equal(result.data, [2.0, 1.0])

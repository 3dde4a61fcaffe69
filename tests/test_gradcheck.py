"""gradcheck: right derivatives pass, and each usual mistake is found and called by its name."""

from __future__ import annotations

import contextlib
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad.gradcheck import GradcheckError, GradcheckWarning, gradcheck
from tensorgrad.op import registry


@pytest.fixture(autouse=True)
def _clean_registry() -> Iterator[None]:
    """The operations declared here, wrong on purpose, must not reach the tests that walk the registry."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape)


def finding(f: Callable[..., Any], inputs: Any, **options: Any) -> Any:
    """Return the finding of a check that must fail."""
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, inputs, **options)
    assert caught.value.finding is not None
    assert caught.value.finding.diagnosis in str(caught.value)
    return caught.value.finding


# -- right derivatives pass -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda x: x**3, [()]),
        (lambda x, y: x * y, [(2, 3), (3,)]),
        (lambda x, y: tg.tanh(x @ y), [(2, 3), (3, 2)]),
        (lambda x: tg.log_softmax(x, axis=-1), [(2, 4)]),
        (lambda x: x[[0, 0, 1]] * 2.0, [(3,)]),
        (lambda x: (tg.sum(x), x.T, x), [(2, 2)]),
        (lambda x, y: [x + y, y * y], [(2,), (2,)]),
        (lambda x: tg.sum(x * x), [(0,)]),
        (lambda x: x * x, [(0, 3)]),
        (lambda x: x, [(3,)]),
        (lambda x: tg.mean(tg.tanh(x)), [(20, 10)]),
        (lambda x, y: tg.tanh(x @ y), [(5, 15), (15, 4)]),
        (lambda x: x + 1e9, [(3,)]),
        (lambda x: tg.std(x, axis=0), [(2, 3)]),
        (lambda x: tg.sin(50.0 * x), [(3,)]),
    ],
)
def test_gradcheck_accepts_right_derivatives(f: Callable[..., Any], shapes: list[tuple[int, ...]], order: int) -> None:
    assert gradcheck(f, [normal(*shape, seed=i) for i, shape in enumerate(shapes)], order=order) is True


def test_gradcheck_without_fast_compares_every_entry() -> None:
    assert gradcheck(lambda x: tg.sum(tg.sin(x)), normal(10, 9), fast=False)


@pytest.mark.parametrize("value", [0.5, np.array(0.5), tg.tensor(0.5, requires_grad=True)])
def test_gradcheck_accepts_a_single_input(value: Any) -> None:
    assert gradcheck(tg.exp, value)


def test_gradcheck_treats_integers_booleans_and_untracked_tensors_as_constants() -> None:
    taken = []

    def f(x: Any, index: Any, mask: Any, constant: Any) -> Any:
        taken.append((index, mask, constant))
        return tg.where(mask, x[index] * constant, 0.0)

    constants = (np.array([1, 0]), np.array([True, False]), tg.tensor([1.0, 2.0], dtype=np.float32))
    assert gradcheck(f, [normal(3), *constants])
    assert all(given is constant for given, constant in zip(taken[0], constants))


def test_gradcheck_takes_longer_steps_at_large_inputs() -> None:
    assert gradcheck(tg.square, np.array([1e12, 3e8, 2.0]))
    assert finding(lambda x: x * x.detach(), np.array([1e12])).diagnosis == "missing factor 2"


def test_gradcheck_accepts_views_of_arrays() -> None:
    assert gradcheck(lambda x: x * np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), normal(2, 3).T)


# -- every scale ------------------------------------------------------------------------------------------------

SCALES = [1e-8, 1e-5, 1e-2, 1.0, 1e3, 1e6, 1e8]


def refused(f: Callable[..., Any], inputs: Any) -> bool:
    """Return whether the check fails."""
    try:
        return not gradcheck(f, inputs)
    except GradcheckError:
        return True


def after(first: Callable[..., Any], f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: f(first(x))


def wrong_pass(rule: Callable[[Any], Any]) -> Any:
    """Return the identity with a wrong rule. Applied before f, it makes a right gradient wrong."""

    def same(x: Any) -> Any:
        return x * 1

    return tg.op(x=rule)(same)


WRONG: dict[str, Callable[[Any], Any]] = {
    "1 % too large": lambda g: 1.01 * g,
    "the wrong sign": lambda g: -g,
    "a constant added": lambda g: g + 0.01 * np.mean(np.abs(g)),
    "shifted by one": lambda g: np.roll(g, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1 / x,
        lambda x: x**3,
        tg.log,
        tg.sin,
        lambda x: tg.sum(x * x),
        lambda x: tg.prod(x),
        lambda x: tg.sqrt(tg.sum(x * x)),
        lambda x: x % 1.0 if x.data.max() > 1 else x * 2.0,
    ],
    ids=["inverse", "cube", "log", "sin", "square", "product", "norm", "remainder"],
)
def test_gradcheck_tells_right_from_wrong_at_every_scale(f: Callable[..., Any], scale: float) -> None:
    x = scale * np.array([np.pi / 4, np.sqrt(2), np.e])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcheck(f, x)
    gradient = tg.gradient(tg.sum(f(leaf := tg.tensor(x, requires_grad=True))), leaf)
    for name, rule in WRONG.items():
        if np.allclose(rule(gradient), gradient, rtol=1e-3, atol=0):  # equal slopes may be shifted
            continue
        assert refused(after(wrong_pass(rule), f), x), f"{name} passed"


def test_gradcheck_takes_elements_of_very_different_size() -> None:
    x = 10.0 ** np.linspace(-8, 8, 9)
    assert gradcheck(tg.log, x)
    assert gradcheck(lambda x: tg.sum(tg.log(x)), np.repeat(x, 10))

    def logarithm(x: Any) -> Any:
        return np.log(x)

    found = finding(wrong_op(logarithm, x=lambda g, x: np.where(x < 1e-7, 0.9, 1.0) * g / x), x)
    assert (found.input_index, found.wrong) == ((0,), 1)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: tg.sum(tg.softmax(x)),
        lambda x: tg.sum(x - tg.mean(x)),
        lambda x: tg.sum((x - tg.mean(x)) / tg.std(x)),
        lambda x: 0.1 * x + 0.2 * x - 0.3 * x,
        lambda x: tg.sigmoid(x + 30.0),
    ],
)
def test_gradcheck_allows_for_rounding_where_a_derivative_cancels(f: Callable[..., Any], order: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(3):
            assert gradcheck(f, normal(5, seed=seed), order=order)


def test_gradcheck_sees_the_local_slope_of_a_staircase() -> None:
    def staircase(x: Any) -> Any:
        return np.floor(x)

    assert gradcheck(tg.floor, np.array([1e8 + 0.4]))
    found = finding(wrong_op(staircase, x=lambda g: g), np.array([1e8 + 0.4]))
    assert (found.expected, found.got) == (0, 1)


# -- closures -------------------------------------------------------------------------------------------------


def test_gradcheck_of_a_closure_changes_its_leaves() -> None:
    weight = tg.tensor(normal(3, 2), requires_grad=True, name="weight")
    bias = tg.tensor(normal(2), requires_grad=True)
    x = normal(4, 3, seed=1)
    assert gradcheck(lambda: tg.mean(tg.tanh(x @ weight + bias)), iter([weight, bias]), order=2)
    found = finding(lambda: tg.sum(weight * weight.detach()), [bias, weight])
    assert (found.input, found.diagnosis) == ("input 1 'weight'", "missing factor 2")


def test_gradcheck_of_a_large_closure_uses_directions() -> None:
    weight = tg.tensor(normal(40, 30), requires_grad=True)
    calls = []

    def loss() -> tg.Tensor:
        calls.append(1)
        return tg.mean(tg.tanh(weight) ** 2)

    assert gradcheck(loss, [weight])
    assert len(calls) < 20


def test_gradcheck_changes_nothing_even_after_an_error() -> None:
    given = normal(3)
    leaf = tg.tensor(given, requires_grad=True)
    leaf.grad = np.ones(3)
    array, before = leaf.data, given.copy()
    pending = tg.sum(leaf * leaf)
    for f in (lambda: tg.sum(leaf**3), lambda: tg.sum(leaf * leaf.detach())):
        with contextlib.suppress(GradcheckError):
            gradcheck(f, [leaf], order=2)
        assert leaf.data is array
        assert leaf.data.tobytes() == before.tobytes()
        np.testing.assert_array_equal(leaf.grad, np.ones(3))
    gradcheck(lambda x, y: x * y, [given, leaf])
    assert given.tobytes() == before.tobytes()
    pending.backward()  # a graph that was recorded before is still good
    np.testing.assert_array_equal(leaf.grad, 1 + 2 * before)


def test_gradcheck_restores_values_if_f_fails() -> None:
    leaf = tg.tensor([1.0, 2.0], requires_grad=True)
    array = leaf.data

    def f() -> tg.Tensor:
        if leaf.data is not array:
            raise KeyError("moved")
        return leaf * 1.0

    with pytest.raises(KeyError, match="moved"):
        gradcheck(f, leaf)
    assert leaf.data is array


def test_gradcheck_keeps_random_state_and_recording() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    with tg.no_grad():
        assert gradcheck(tg.sin, normal(100), order=2)
        assert not tg.is_grad_enabled()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# -- each mistake by its name ---------------------------------------------------------------------------------


def wrong_op(forward: Callable[..., Any], **rules: Any) -> Any:
    return tg.op(**rules)(forward)


def sine(x: Any) -> Any:
    return np.sin(x)


def product(x: Any, y: Any) -> Any:
    return x @ y


def mean(x: Any) -> Any:
    return np.mean(x)


def total(x: Any) -> Any:
    return np.sum(x)


def add_bias(x: Any, b: Any) -> Any:
    return x + b


def tripled(x: Any) -> Any:
    return np.stack([x, x, x])


@pytest.mark.parametrize(
    ("operation", "rules", "shapes", "diagnosis", "ratio"),
    [
        (sine, {"x": lambda g, x: -g * np.cos(x)}, [(3,)], "wrong sign", -1),
        (sine, {"x": lambda g, x: 2 * g * np.cos(x)}, [(3,)], "counted twice", 2),
        (sine, {"x": lambda g, x: g * np.cos(x) / 2}, [(3,)], "missing factor 2", 0.5),
        (sine, {"x": lambda g, x: -2 * g * np.cos(x)}, [(3,)], "wrong sign, and counted twice", -2),
        (sine, {"x": lambda g, x: 1.7 * g * np.cos(x)}, [(3,)], "constant factor", 1.7),
        (sine, {"x": lambda g, x: 0 * g}, [(3,)], "disconnected", 0),
        (sine, {"x": lambda g, x: g * np.sin(x)}, [(3,)], "wrong formula", None),
        (sine, {"x": lambda g, x: g * np.nan}, [(3,)], "not finite", None),
        (mean, {"x": lambda g, x_shape: g * np.ones(x_shape)}, [(5, 3)], "missing mean", 15),
        (total, {"x": lambda g, x: g * np.ones_like(x) / x.size}, [(5,)], "extra mean", 0.2),
        (product, {"x": lambda g, y: g @ y, "y": lambda g, x: x.T @ g}, [(2, 3), (3, 3)], "transposed", None),
        (product, {"x": lambda g, y: g @ y.T, "y": lambda g, x: x @ g}, [(3, 3), (3, 2)], "transposed", None),
        (np.transpose, {"x": lambda g, x_shape: g.reshape(x_shape)}, [(2, 3)], "transposed", None),
        (add_bias, {"x": lambda g: g, "b": lambda g: g[0]}, [(4, 3), (3,)], "wrong unbroadcasting", 0),
        (add_bias, {"x": lambda g: g, "b": lambda g: g.mean(axis=0)}, [(4, 3), (3,)], "extra mean", 0.25),
        (sine, {"x": lambda g, x: (g * np.cos(x)).sum(axis=0) + 0 * g}, [(4, 3)], "wrong unbroadcasting", None),
        (sine, {"x": lambda g, x: (g * np.cos(x)).sum() + 0 * g}, [(4, 3)], "wrong unbroadcasting", None),
        (tripled, {"x": lambda g: 3 * g.sum(axis=0)}, [(2,)], "missing mean", 3),
        (sine, {"x": lambda g, x: np.where(x > 0.5, g, 0.0) * np.cos(x)}, [(6,)], "partly disconnected", 0),
        (total, {"x": lambda g, x: g * np.where(x > 0.5, 2.0, 1.0)}, [(6,)], "counted twice", 2),
        (np.floor, {"x": lambda g: g}, [(3,)], "unexpected gradient", np.inf),
    ],
)
def test_gradcheck_names_mistakes(
    operation: Callable[..., Any], rules: Any, shapes: list[tuple[int, ...]], diagnosis: str, ratio: float | None
) -> None:
    def forward_x(x: Any) -> Any:
        return operation(x)

    def forward_xy(x: Any, y: Any) -> Any:
        return operation(x, y)

    def forward_xb(x: Any, b: Any) -> Any:
        return operation(x, b)

    forward = forward_x if len(shapes) == 1 else forward_xb if "b" in rules else forward_xy
    f = wrong_op(forward, **rules)
    found = finding(f, [normal(*shape, seed=3 + i) for i, shape in enumerate(shapes)])
    assert found.diagnosis == diagnosis
    assert 0 < found.wrong <= found.entries
    if ratio is not None:
        assert found.ratio == pytest.approx(ratio, rel=1e-4, abs=1e-12)


def test_gradcheck_message_in_full() -> None:
    @tg.op(x=lambda g, y: g * y, y=lambda g, x: g * x / 3)
    def scaled(x: Any, y: Any) -> Any:
        return np.sum(x * y)

    x, y = np.array([[1.0, 2.0, 4.0]]), tg.tensor([1.0, 1.0, 1.0], requires_grad=True, name="y")
    with pytest.raises(GradcheckError) as caught:
        gradcheck(scaled, [x, y])
    assert str(caught.value).splitlines() == [
        "gradcheck: the derivative of output 0 () with respect to input 1 'y' (3,) is wrong: 3 of 3 entries differ.",
        "",
        "    output index   input index   expected         got   got / expected",
        "              ()          (2,)          4    1.333333        0.3333333",
        "              ()          (1,)          2   0.6666667        0.3333333",
        "              ()          (0,)          1   0.3333333        0.3333333",
        "",
        "Usually this means: extra mean. The gradient is 3 times too small: the rule divides by 3 although f",
        "takes a sum, or it takes the mean over a broadcast axis instead of the sum. (3 is the length of axis",
        "1 of input 0, axis 0 of input 1 'y'.) Every entry has this ratio.",
    ]
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value)
    assert copied.finding == caught.value.finding


def test_gradcheck_names_the_wrong_output() -> None:
    found = finding(lambda x: (x * 2.0, tg.sum(x), tg.exp(x.detach())), normal(2, 2))
    assert (found.output, found.diagnosis) == ("output 2", "disconnected")
    assert found.input_index == found.output_index


def test_gradcheck_finds_the_wrong_entry_of_a_large_input() -> None:
    @tg.op(x=lambda g, x: g * np.where(np.arange(200) == 123, -2.0, 2.0) * x)
    def nearly_square(x: Any) -> Any:
        return np.square(x)

    found = finding(lambda x: tg.sum(nearly_square(x)), 1 + np.abs(normal(200)))
    assert (found.input_index, found.wrong, found.diagnosis) == ((123,), 1, "wrong sign")


@pytest.mark.parametrize("size", [3, 100])
def test_gradcheck_along_directions_misses_a_small_entry_beside_a_huge_one(size: int) -> None:
    weights = np.ones(size)
    weights[0] = 1e9

    def f(x: tg.Tensor) -> tg.Tensor:
        return tg.sum(weights[:-1] * x[:-1]) + x[-1].detach()

    assert finding(f, np.zeros(size), fast=False).input_index == (size - 1,)
    if size == 3:
        assert finding(f, np.zeros(size)).input_index == (size - 1,)
    else:
        assert gradcheck(f, np.zeros(size))


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 150),
    factor=st.floats(-5, 5, allow_subnormal=False).filter(lambda factor: abs(factor - 1) > 0.01),
    data=st.data(),
)
def test_gradcheck_finds_one_wrong_entry(size: int, factor: float, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, size - 1))
    weights = np.where(np.arange(size) == place, factor, 1.0)

    def f(x: tg.Tensor) -> tg.Tensor:
        return tg.sum(tg.sin(weights * x + (1 - weights) * x.detach()))

    found = finding(f, np.linspace(-1, 1, size))
    assert (found.input_index, found.wrong) == ((place,), 1)
    assert found.ratio == pytest.approx(factor, rel=1e-4, abs=1e-4)


def test_gradcheck_reports_a_gradient_that_is_almost_zero() -> None:
    with pytest.raises(GradcheckError, match="is wrong"):
        gradcheck(lambda x: tg.sum(tg.sin(4e-311 * x + (1 - 4e-311) * x.detach())), np.array([0.5]))


def test_gradcheck_rejects_a_rule_that_ignores_the_upstream_gradient() -> None:
    @tg.op(x=lambda g, x: np.cos(x))
    def wrong_sine(x: Any) -> Any:
        return np.sin(x)

    for f, shape in ((wrong_sine, ()), (wrong_sine, (3,)), (lambda x: 3.0 * tg.sum(wrong_sine(x)), (80,))):
        with pytest.raises(GradcheckError):
            gradcheck(f, normal(*shape))
    with pytest.raises(GradcheckError, match="ignores g"):
        gradcheck(wrong_sine, 0.5)


def test_gradcheck_reports_a_rule_that_fails() -> None:
    @tg.op(x=lambda g, x: g, b=lambda g: g[:, :2])
    def biased(x: Any, b: Any) -> Any:
        return x + b

    with pytest.raises(GradcheckError, match=r"failed in a derivative rule: ValueError: biased: .* shape \(3,\)"):
        gradcheck(biased, [normal(4, 3), normal(3)])


# -- second derivatives ---------------------------------------------------------------------------------------


def test_gradcheck_of_order_2_rejects_a_rule_that_leaves_the_graph() -> None:
    @tg.op(x=lambda g, x: g * np.cos(getattr(x, "data", x)))
    def sine_once(x: Any) -> Any:
        return np.sin(x)

    assert gradcheck(sine_once, normal(3))
    found = finding(sine_once, normal(3), order=2)
    assert found.output == "the gradient with respect to input 0"
    assert (found.input, found.diagnosis, found.ratio) == ("input 0", "disconnected", 0)


def test_gradcheck_of_order_2_rejects_a_rule_that_detaches_the_upstream_gradient() -> None:
    @tg.op(x=lambda g, x: getattr(g, "data", g) * np.cos(x))
    def sine_once(x: Any) -> Any:
        return np.sin(x)

    found = finding(sine_once, normal(3), order=2)
    assert (found.input, found.diagnosis) == ("the upstream gradient of output 0", "disconnected")


def test_gradcheck_rejects_a_wrong_second_derivative() -> None:
    @tg.op(x=lambda g, x: -g * np.sin(x))
    def wrong_cosine_of_rule(x: Any) -> Any:
        return np.cos(x)

    @tg.op(x=lambda g, x: -g * wrong_sine.apply(x))
    def cosine(x: Any) -> Any:
        return np.cos(x)

    @tg.op(x=lambda g, x: -g * np.cos(x))
    def wrong_sine(x: Any) -> Any:
        return np.sin(x)

    assert gradcheck(wrong_cosine_of_rule, normal(3), order=2)
    assert gradcheck(cosine, normal(3))
    assert finding(cosine, normal(3), order=2).diagnosis == "wrong sign"


def test_gradcheck_reports_a_rule_that_cannot_be_recorded() -> None:
    @tg.op(x=lambda g, x: g * np.sort_complex(x).real)
    def odd(x: Any) -> Any:
        return x * x / 2

    message = r"create_graph=True failed in a derivative rule: TypeError: np\.sort_complex"
    with pytest.raises(GradcheckError, match=message):
        gradcheck(odd, np.array([1.5]), order=2)


def test_gradcheck_accepts_linear_functions_at_order_2() -> None:
    assert gradcheck(lambda x: 3.0 * x, normal(3), order=2)


# -- kinks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "point", "index"),
    [
        (tg.abs, [1.0, 0.0, -1.0], r"\(1,\)"),
        (lambda x: tg.maximum(x, 0.0), [1.0, 0.0], r"\(1,\)"),
        (lambda x: tg.max(x), [2.0, 1.0, 2.0], r"\(0,\)"),
        (lambda x: tg.clip(x, -1.0, 1.0), [0.0, 0.0, 1.0], r"\(2,\)"),
        (lambda x: tg.sum(tg.abs(x)), [*range(1, 100), 0.0], r"\(99,\)"),
    ],
)
def test_gradcheck_warns_at_a_kink(f: Callable[..., Any], point: list[float], index: str) -> None:
    with pytest.warns(GradcheckWarning, match=rf"input 0 \(\d+,\) is at a kink .* the first at index {index}") as seen:
        assert gradcheck(f, np.array(point))
    assert seen[0].filename == __file__


def test_gradcheck_rejects_a_value_outside_the_slopes_at_a_kink() -> None:
    @tg.op(x=lambda g, x: g * np.where(x == 0, 1.5, np.sign(x)))
    def magnitude(x: Any) -> Any:
        return np.abs(x)

    found = finding(magnitude, np.array([0.0, 1.0]))
    assert (found.input_index, found.expected, found.got) == ((0,), 0.0, 1.5)


def test_gradcheck_warns_at_a_kink_of_the_gradient() -> None:
    with pytest.warns(GradcheckWarning, match="kink"):
        assert gradcheck(lambda x: tg.maximum(x, 0.0) ** 2, np.array([0.0, 1.0]), order=2)


@pytest.mark.parametrize("distance", [1e-6, 3e-6, 1e-4])
def test_gradcheck_does_not_warn_near_a_kink(distance: float) -> None:
    assert gradcheck(tg.abs, np.array([distance, -distance]))


def test_gradcheck_does_not_take_curvature_for_a_kink() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcheck(lambda x: tg.exp(200.0 * x), np.array([0.0, 0.01]))
        assert gradcheck(tg.log, np.array([1e-3, 1.0]))


# -- what cannot be checked -----------------------------------------------------------------------------------


def test_gradcheck_rejects_float32() -> None:
    for narrow in (np.ones(2, np.float32), tg.tensor([1.0], dtype=np.float32, requires_grad=True)):
        with pytest.raises(TypeError, match=r"need float64, but input 1 is float32\. Check a float64 version"):
            gradcheck(lambda x, y: x * y, [normal(1), narrow])
    with pytest.raises(TypeError, match="output 0 of f is float32, expected float64"):
        gradcheck(lambda x: x.astype(np.float32), normal(2))


def test_gradcheck_rejects_inputs_without_anything_to_check() -> None:
    for inputs in ([], [np.arange(3)], [tg.tensor([1.0])]):
        with pytest.raises(ValueError, match="nothing to check"):
            gradcheck(lambda x: x, inputs)
    with pytest.raises(
        ValueError, match=r"integers are constants\. Input 0 is int64: pass np\.float64\(x\) to check it"
    ):
        gradcheck(tg.sin, np.array([1, 2, 3]))
    weight = tg.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="f does not use any of the inputs, so nothing was checked"):
        gradcheck(lambda *_: weight * 2.0, [weight])


@pytest.mark.parametrize(
    "options", [{"order": 0}, {"order": 3}, {"eps": 0.0}, {"eps": np.nan}, {"rtol": -1.0}, {"atol": np.inf}]
)
def test_gradcheck_rejects_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="gradcheck: "):
        gradcheck(tg.sin, 1.0, **options)


def test_gradcheck_of_a_closure_requires_leaves() -> None:
    weight = tg.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="input 0 is an array"):
        gradcheck(lambda: weight * 1.0, [np.ones(2)])
    with pytest.raises(ValueError, match="input 0 is the result of an operation"):
        gradcheck(lambda: weight * 1.0, [weight * 1.0])


def test_gradcheck_rejects_outputs_that_are_not_tensors() -> None:
    with pytest.raises(TypeError, match="output 1 of f is a ndarray, expected a Tensor"):
        gradcheck(lambda x: (x, x.numpy()), 1.0)
    with pytest.raises(ValueError, match="no output"):
        gradcheck(lambda x: (), 1.0)


def test_gradcheck_rejects_functions_that_are_not_deterministic() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: x * (rng.random(3) < 0.5), normal(3))


def test_gradcheck_rejects_values_that_are_not_finite() -> None:
    with pytest.raises(GradcheckError, match=r"output 0 is NaN or infinite at index \(1,\) for the given inputs"):
        gradcheck(tg.log, np.array([1.0, -1.0]))
    with pytest.raises(GradcheckError, match=r"index \(2,\) when input 0 is changed by -\S+ at index \(2,\)\. Check"):
        gradcheck(tg.sqrt, np.array([1.0, 2.0, 0.0]))
    with pytest.raises(GradcheckError, match=r"when input 0 is changed by \+\S+ at index \(70,\)"):
        gradcheck(lambda x: tg.sum(tg.arccos(x)), np.where(np.arange(90) == 70, 1.0, 0.5))
    with pytest.raises(GradcheckError, match=r"when input 0 is changed by \+\S+ at index \(0,\)"):
        gradcheck(tg.arcsin, np.array([1 - 1e-13]))


def test_gradcheck_accepts_points_near_the_end_of_the_domain() -> None:
    assert gradcheck(tg.log, np.array([1.0, 2.0, 1e-6]))
    assert gradcheck(lambda x: tg.sum(tg.log(x)), np.where(np.arange(90) == 70, 1e-9, 1.0))
    assert gradcheck(tg.arcsin, np.array([1 - 1e-9, 0.0]))
    assert gradcheck(lambda x: x[x.data > 0], np.array([1.0, 1e-9]))  # another shape for steps above 1e-9


def test_gradcheck_ignores_errors_outside_the_domain() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        if x.data.max() > 1:
            raise ValueError("outside")
        return tg.sum(x**2) + 1e3

    assert gradcheck(f, np.array([1 - 1e-9, 0.5]))
    with pytest.raises(ValueError, match="outside"):
        gradcheck(f, np.array([1.0, 0.5]))


def test_gradcheck_rejects_shapes_that_change() -> None:
    with pytest.raises(GradcheckError, match="does not have the same shape in every call"):
        gradcheck(lambda x: x[x.data >= 0], np.array([1.0, 0.0]))


def test_gradcheck_draws_directions_from_the_generator() -> None:
    for rng in (0, None, np.random.default_rng(1), np.random.RandomState(1)):
        assert gradcheck(tg.sin, normal(70), rng=rng)


def test_gradcheck_accepts_a_function_that_differentiates_inside() -> None:
    def penalty(x: Any) -> Any:
        y = (x**3).sum()
        return (tg.gradient(y, x, create_graph=True) ** 2).sum()

    assert gradcheck(penalty, np.array([1.0, 2.0]))

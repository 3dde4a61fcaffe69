"""The badge of a leaf: whether finite differences agree with its gradient."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz.recording.capture import capture


def check_of(output, **options):
    (check,) = [box.check for box in capture(output, checks=True, **options).boxes if box.kind == "leaf"]
    return check


def leaf(value, **options):
    return tg.tensor(value, requires_grad=True, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_check_accepts_right_rules(dtype):
    x = leaf(np.linspace(-1, 1, 6), dtype=dtype)
    check = check_of(tg.sum(tg.tanh(x) * x))
    assert check.verdict == "agrees"
    assert check.reason.startswith("all 6 elements, largest difference ")
    assert float(check.reason.rsplit(" ", 1)[1]) < 1e-8, "it is taken in float64"
    assert check_of(tg.exp(leaf(1.0))).reason.startswith("1 element, ")


def test_check_of_many_elements_tries_some_and_a_direction():
    x = leaf(np.linspace(-1, 1, 4000).reshape(40, 100))
    check = check_of(tg.mean(tg.tanh(x)))
    assert check.verdict == "agrees"
    assert check.reason.startswith("10 of 4,000 elements and a direction, largest difference ")
    assert check == check_of(tg.mean(tg.tanh(x))), "it is the same every time"


def test_check_explains_a_wrong_rule():
    @tg.op(x=lambda g, x: g * x)
    def squared(x):
        return x * x

    check = check_of(squared(leaf(3.0)))
    assert check.verdict == "differs"
    assert check.reason.startswith(
        "1 element: 1 differ, most: differences give 6, the rules 3. Usually this means: missing factor 2"
    )
    check = check_of(tg.sum(squared(leaf([1.0, 3.0]))))
    assert "at index (1,): differences give 6, the rules 3" in check.reason


def test_check_explains_a_wrong_rule_by_its_operation_alone():
    """The gradient of the output cannot show that a square matrix should have been transposed."""
    rng = np.random.default_rng(0)

    @tg.op(x=lambda g, w: g @ w, w=lambda g, x: x.T @ g)
    def product(x, w):
        return x @ w

    x, w = tg.tensor(rng.normal(size=(4, 3)), requires_grad=True), tg.tensor(rng.normal(size=(3, 3)))
    check = check_of(tg.sum(product(tg.tanh(x), w) * rng.normal(size=(4, 3))))
    assert check.verdict == "differs"
    assert "Usually this means: transposed." in check.reason
    assert check.reason.endswith("(This is the rule of product.)")
    assert check.expected == ()


def test_check_records_right_numbers_beside_wrong_ones():
    @tg.op(x=lambda g, x: g * x)
    def squared(x):
        return x * x

    check = check_of(tg.sum(squared(leaf([1.0, 3.0]))))
    np.testing.assert_allclose(check.expected, [2.0, 6.0])
    recording = capture(tg.sum(squared(leaf([1.0, 3.0]))), checks=True)
    assert type(recording).from_json(recording.to_json()) == recording


def test_check_finds_a_mistake_in_one_of_many_elements():
    @tg.op(x=lambda g, x: g * np.where(np.arange(x.size) == 7, 20.0, 1.0))
    def copied(x):
        return x + 0.0

    check = check_of(tg.sum(copied(leaf(np.zeros(500)))))
    assert check.verdict == "differs"
    assert check.reason.startswith("10 of 500 elements and a direction: 1 differ, most: ")


def test_check_accepts_any_slope_between_at_a_kink():
    x = leaf(0.0)
    check = check_of(nn.ReLU()(x))
    assert check.verdict == "agrees"
    assert check.reason == "1 element; 1 at a kink, where any slope between those of the two sides is right"

    @tg.op(x=lambda g: 3 * g)
    def bent(x):
        return np.absolute(x)

    x = leaf(0.0)
    assert check_of(bent(x)).verdict == "differs"


def test_check_accepts_an_initial_gradient():
    x = leaf([1.0, 2.0])
    assert check_of(x * x, gradient=[1.0, -3.0]).verdict == "agrees"


def test_check_reports_what_cannot_be_checked():
    @tg.op(x=lambda g: g)
    def noisy(x, rng):
        return x + rng.normal()

    reasons = {
        "a value it depends on no longer exists": _forgotten,
        "a value it depends on cannot be computed again": lambda x: tg.exp(noisy(x, np.random.default_rng(0))),
        "astype returns float32, which is too coarse for differences": lambda x: tg.astype(x, np.float32),
        "the function is not finite nearby": lambda x: tg.log(x - 1.0),
    }
    for reason, function in reasons.items():
        x = leaf(1.0)
        with np.errstate(divide="ignore"):
            check = check_of(function(x))
        assert check.verdict == "not checked"
        assert check.reason.startswith(reason)
    assert check_of(tg.sum(leaf(np.zeros((0, 2))))).reason == "it is empty"


def _forgotten(x):
    return tg.mean(x + tg.tensor(np.ones(200)))  # more than 1 KiB, so the node refers to it weakly


def test_check_skips_a_large_graph():
    leaves = [leaf(float(i)) for i in range(600)]
    output = leaves[0]
    for each in leaves[1:]:
        output = output + each
    assert {box.check.reason for box in capture(output, checks=True).boxes if box.kind == "leaf"} == {
        "the graph is too large"
    }


def test_check_runs_only_on_request():
    assert capture(leaf(1.0) * 2).boxes[0].check is None

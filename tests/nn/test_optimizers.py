"""Optimizers: the formulas, one element at a time and at every size; state; wrong input."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from nn.optimizers import Setting
from nn.optimizers.blocks import BLOCK, Slab
from nn.optimizers.optimizer import FLUSH_EVERY

Rule = Callable[[Any, Any, dict[str, Any], int], Any]

LR, DECAY, EPSILON = 0.1, 0.25, 1e-7


def rate(t: int) -> float:
    return LR / (1 + DECAY * t)


def sgd(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    return w - rate(t) * g


def momentum(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) - rate(t) * g
    return w + s["v"]


def nesterov(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) - rate(t) * g
    return w + 0.9 * s["v"] - rate(t) * g


def adagrad(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["c"] = s.get("c", 0) + g**2
    return w - rate(t) * g / (np.sqrt(s["c"]) + EPSILON)


def rmsprop(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["c"] = 0.8 * s.get("c", 0) + 0.2 * g**2
    return w - rate(t) * g / (np.sqrt(s["c"]) + EPSILON)


def adam(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.7 * s.get("m", 0) + 0.3 * g
    s["c"] = 0.95 * s.get("c", 0) + 0.05 * g**2
    m, c = s["m"] / (1 - 0.7 ** (t + 1)), s["c"] / (1 - 0.95 ** (t + 1))
    return w - rate(t) * m / (np.sqrt(c) + EPSILON)


def adamw(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    return adam(w * (1 - rate(t) * 0.3), g, s, t)


CASES: list[tuple[Any, dict[str, Any], Rule]] = [
    (nn.SGD, {}, sgd),
    (nn.SGD, {"momentum": 0.9}, momentum),
    (nn.SGD, {"momentum": 0.9, "nesterov": True}, nesterov),
    (nn.Adagrad, {}, adagrad),
    (nn.RMSprop, {"rho": 0.8}, rmsprop),
    (nn.Adam, {"beta_1": 0.7, "beta_2": 0.95}, adam),
    (nn.AdamW, {"beta_1": 0.7, "beta_2": 0.95, "weight_decay": 0.3}, adamw),
]
every_case = pytest.mark.parametrize(("kind", "options", "rule"), CASES, ids=lambda c: getattr(c, "__name__", ""))
every_kind = pytest.mark.parametrize("kind", [nn.SGD, nn.Adagrad, nn.RMSprop, nn.Adam, nn.AdamW])


def parameters(rng: np.random.Generator, *shapes: tuple[int, ...], dtype: Any = np.float64) -> list[tg.Tensor]:
    return [tg.tensor(rng.normal(size=shape), dtype=dtype, requires_grad=True) for shape in shapes]


def give_gradients(tensors: list[tg.Tensor], rng: np.random.Generator) -> None:
    for tensor in tensors:
        tensor.grad = rng.normal(size=tensor.shape).astype(tensor.dtype)


@every_case
def test_follows_the_formula(kind: Any, options: dict[str, Any], rule: Rule, rng: np.random.Generator) -> None:
    shapes = [(3, 4), (), (BLOCK + 5,), (7,), (0, 2), (2, BLOCK)]
    tensors = parameters(rng, *shapes)
    expected = [tensor.numpy() for tensor in tensors]
    states: list[dict[str, Any]] = [{} for _ in tensors]
    optimizer = kind(tensors, LR, decay=DECAY, **options)
    for t in range(5):
        assert optimizer.current_learning_rate == rate(t)
        give_gradients(tensors, rng)
        optimizer.step()
        expected = [rule(w, p.grad, s, t) for w, p, s in zip(expected, tensors, states)]
    for tensor, w in zip(tensors, expected):
        np.testing.assert_allclose(tensor.data, w, rtol=1e-12, atol=1e-12)
    assert optimizer.iterations == 5


@every_case
def test_float32_stays_float32_and_a_missing_gradient_leaves_everything_alone(
    kind: Any, options: dict[str, Any], rule: Rule, rng: np.random.Generator
) -> None:
    first, idle, last = tensors = parameters(rng, (4, 3), (5,), (2,), dtype=np.float32)
    alone = [tg.tensor(first.numpy(), requires_grad=True), tg.tensor(last.numpy(), requires_grad=True)]
    before = idle.numpy()
    optimizer, without = kind(tensors, LR, **options), kind(alone, LR, **options)
    for _ in range(3):
        give_gradients([first, last], rng)
        for own, other in zip([first, last], alone):
            other.grad = own.grad
        optimizer.step()
        without.step()
    assert all(tensor.data.dtype == np.float32 for tensor in tensors)
    np.testing.assert_array_equal(idle.data, before)
    np.testing.assert_array_equal(first.data, alone[0].data)
    np.testing.assert_array_equal(last.data, alone[1].data)
    state = optimizer.state_dict()
    assert all(not state[f"{name}.1"].any() and state[f"{name}.1"].dtype == np.float32 for name in kind.state_names)

    idle.grad = np.ones_like(idle.data)
    optimizer.step()
    assert np.isfinite(idle.data).all()
    assert (idle.data != before).all()


@given(sizes=st.lists(st.integers(0, 3 * BLOCK), min_size=1, max_size=6), data=st.data())
def test_blocks_cover_every_element_once(sizes: list[int], data: st.DataObject) -> None:
    slab = Slab(dict(enumerate(sizes)), ["s"], np.float32)
    present = data.draw(st.sets(st.sampled_from(range(len(sizes)))))
    for number in present:
        slab.state("s", number)[:] = number + 1
    seen = {number: np.zeros(sizes[number], int) for number in present}
    weights = {number: np.full(sizes[number], number, np.float32) for number in present}
    for block in slab.blocks(weights):
        assert len(block.room) == len(block.state[0]) <= BLOCK
        for piece in block.pieces:
            seen[piece.parameter][piece.elements] += 1
            assert np.shares_memory(piece.weights, weights[piece.parameter]) or not piece.weights.size
            assert (piece.weights == piece.parameter).all()
            assert (block.state[0][piece.place] == piece.parameter + 1).all()
    assert all((counts == 1).all() for counts in seen.values())


def test_dtypes_may_be_mixed(rng: np.random.Generator) -> None:
    single, double = parameters(rng, (3,), dtype=np.float32) + parameters(rng, (3,))
    optimizer = nn.Adam([double, single, *parameters(rng, (2,), dtype=np.float16)], 0.1)
    before = single.numpy(), double.numpy()
    give_gradients([single, double], rng)
    optimizer.step()
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single.data, before[0] - 0.1 * np.sign(single.grad), rtol=1e-5)
    np.testing.assert_allclose(double.data, before[1] - 0.1 * np.sign(double.grad), rtol=1e-5)


@every_kind
def test_a_graph_recorded_with_the_old_values_is_refused(kind: Any) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = kind([w])
    old = (w * w).sum()
    (w * w).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed after"):
        old.backward()


def test_a_rule_that_fails_half_way_has_announced_the_change() -> None:
    class Fails(nn.SGD):
        def update(self, *arrays: Any, **by_name: Any) -> None:
            raise ArithmeticError

    w = tg.tensor([1.0, 2.0], requires_grad=True)
    old = (w * w).sum()
    w.grad = np.ones(2)
    with pytest.raises(ArithmeticError):
        Fails([w]).step()
    with pytest.raises(RuntimeError, match="changed after"):
        old.backward()


@every_kind
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
@pytest.mark.parametrize("of_model", [True, False])
def test_copies_go_on_as_the_original_does(kind: Any, clone: Any, of_model: bool, rng: np.random.Generator) -> None:
    w = parameters(rng, (BLOCK + 5,), (3,))
    network = nn.Module()
    network.w = w
    original: Any = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=kind(w)) if of_model else kind(w)
    optimizers = [original.optimizer if of_model else original]
    give_gradients(w, rng)
    optimizers[0].step()
    twin = clone(original)
    optimizers.append(twin.optimizer if of_model else twin)
    for tensors in zip(*(optimizer.parameters for optimizer in optimizers)):
        gradient = rng.normal(size=tensors[0].shape)
        for tensor in tensors:
            tensor.grad = gradient
    for optimizer in optimizers:
        optimizer.step()
        optimizer.step()
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    for a, b in zip(*(optimizer.parameters for optimizer in optimizers)):
        assert a is not b
        np.testing.assert_array_equal(a.data, b.data)
    if of_model:
        assert all(a is b for a, b in zip(twin.optimizer.parameters, twin.network.parameters()))


def test_held_views_see_the_step_and_rebinding_is_followed() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    view, optimizer = w.data[:1], nn.SGD([w], 0.5)
    w.grad = np.ones(2)
    optimizer.step()
    assert view[0] == 0.5
    w.data = [10.0, 20.0]
    optimizer.step()
    np.testing.assert_array_equal(w.data, [9.5, 19.5])
    assert view[0] == 0.5


@pytest.mark.parametrize("size", [3, 300])
def test_arrays_that_cannot_be_written_flat(size: int) -> None:
    transposed, constant = np.zeros((size, 2)).T, np.broadcast_to(np.float64(1.0), (size,))
    tensors = [tg.Tensor(transposed, requires_grad=True), tg.Tensor(constant, requires_grad=True)]
    optimizer = nn.SGD(tensors, 1.0)
    tensors[0].grad, tensors[1].grad = np.arange(2.0 * size).reshape(size, 2).T, np.ones(size)
    optimizer.step()
    np.testing.assert_array_equal(tensors[0].data, -np.arange(2.0 * size).reshape(size, 2).T)
    np.testing.assert_array_equal(tensors[1].data, np.zeros(size))
    assert constant[0] == 1.0


def test_a_gradient_of_another_shape_changes_nothing() -> None:
    w, b = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0], requires_grad=True, name="bias")
    optimizer = nn.Adam([w, b])
    w.grad, b.grad = np.ones(2), np.ones((1, 1))
    with pytest.raises(ValueError, match=r"parameter 1 'bias' has shape \(1, 1\), expected \(1,\)"):
        optimizer.step()
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    assert optimizer.iterations == 0
    assert not optimizer.state_dict()["sum.0"].any()


def test_without_gradients_nothing_happens() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = nn.Adam([w])
    optimizer.step()
    assert (w.item(), optimizer.iterations) == (1.0, 0)


@pytest.mark.parametrize("kind", [nn.RMSprop, nn.Adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_never_becomes_subnormal(kind: Any, dtype: Any) -> None:
    w = tg.tensor([1.0], requires_grad=True, dtype=dtype)
    optimizer = kind([w])
    w.grad = np.ones(1, dtype)
    optimizer.step()
    w.grad = np.zeros(1, dtype)
    for step in range(8000):
        optimizer.step()
        if step % 10 == 0:
            state = [abs(optimizer.state_dict()[f"{name}.0"].item()) for name in kind.state_names]
            assert all(value == 0 or value >= np.finfo(dtype).tiny for value in state)
    assert state[0] == 0


def test_zero_grad() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    w.grad = np.ones(1)
    nn.SGD([w]).zero_grad()
    assert w.grad is None


@every_case
def test_going_on_from_a_saved_state_is_exact(
    kind: Any, options: dict[str, Any], rule: Rule, rng: np.random.Generator
) -> None:
    tensors = parameters(rng, (3, 2), (BLOCK + 1,), (2,), dtype=np.float32)
    optimizer = kind(tensors, LR, decay=DECAY, **options)
    give_gradients(tensors, rng)
    optimizer.step()

    copies = [tg.tensor(tensor.numpy(), requires_grad=True) for tensor in tensors]
    resumed = kind(copies, 0.7, **({"momentum": 0.1, "nesterov": True} if "nesterov" in options else {}))
    state = optimizer.state_dict()
    resumed.load_state_dict(state)
    assert resumed.iterations == 1
    for array in (value for value in state.values() if isinstance(value, np.ndarray)):
        array.fill(np.nan)  # neither optimizer may hold on to these
    for _ in range(2):
        give_gradients(tensors, rng)
        for original, other in zip(tensors, copies):
            other.grad = original.grad
        optimizer.step()
        resumed.step()
    for original, other in zip(tensors, copies):
        np.testing.assert_array_equal(original.data, other.data)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sum.0": None}, ValueError, r"missing \['sum.0'\]"),
        ({"velocity.0": np.zeros(2)}, ValueError, r"unknown \['velocity.0'\]"),
        ({"square_sum.0": np.zeros(3)}, ValueError, r"square_sum.0 must be float64 of shape \(2,\)"),
        ({"square_sum.0": np.zeros(2, np.float32)}, ValueError, "got float32"),
        ({"iterations": -1}, ValueError, "iterations"),
        ({"iterations": 1.5}, ValueError, "iterations"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate must be finite"),
        ({"beta_1": "0.9"}, TypeError, "beta_1 must be a number"),
    ],
)
def test_a_wrong_state_is_refused_whole(change: dict[str, Any], error: type[Exception], message: str) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = nn.Adam([w], 0.5)
    w.grad = np.ones(2)
    optimizer.step()
    before = optimizer.state_dict()
    wrong = {key: value for key, value in (nn.Adam([w], 0.1).state_dict() | change).items() if value is not None}
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(wrong)
    after = optimizer.state_dict()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[key], after[key]) for key in before)


BAD = [-1.0, math.nan, math.inf, -math.inf]


@every_kind
@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    "name", ["learning_rate", "decay", "momentum", "epsilon", "rho", "beta_1", "beta_2", "weight_decay"]
)
def test_settings_are_checked(kind: Any, name: str, value: float) -> None:
    w = tg.tensor([1.0], requires_grad=True)
    if not hasattr(kind, name):
        with pytest.raises(TypeError):
            kind([w], **{name: value})
        return
    with pytest.raises(ValueError, match=f"{kind.__name__}: {name} must be finite"):
        kind([w], **{name: value})
    optimizer = kind([w])
    before = getattr(optimizer, name)
    with pytest.raises(ValueError, match=name):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before


@pytest.mark.parametrize(
    ("kind", "name"), [(nn.SGD, "momentum"), (nn.RMSprop, "rho"), (nn.Adam, "beta_1"), (nn.Adam, "beta_2")]
)
def test_shares_are_below_1(kind: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be finite, at least 0 and less than 1"):
        kind([tg.tensor([1.0], requires_grad=True)], **{name: 1.0})


@pytest.mark.parametrize("value", ["0.1", None, True, 1j, [0.1]])
def test_settings_are_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        nn.SGD([tg.tensor([1.0], requires_grad=True)], value)


def test_numpy_numbers_as_settings_widen_nothing() -> None:
    w = tg.tensor([1.0], requires_grad=True, dtype=np.float32)
    optimizer = nn.Adam([w], np.float64(0.1), decay=np.float64(0.1), epsilon=np.float64(1e-7))
    optimizer.learning_rate = np.float64(0.2)
    assert type(optimizer.learning_rate) is float
    w.grad = np.ones(1, np.float32)
    optimizer.step()
    assert w.data.dtype == np.float32
    np.testing.assert_allclose(w.data, 0.8, rtol=1e-6)


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        nn.SGD([tg.tensor([1.0], requires_grad=True)], nesterov=True)


def test_parameters_are_checked() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="no parameters"):
        nn.SGD([])
    with pytest.raises(TypeError, match=r"such as network\.parameters"):
        nn.SGD(w)
    with pytest.raises(TypeError, match="parameter 1 is a ndarray"):
        nn.SGD([w, np.ones(1)])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="parameter 0 does not require a gradient"):
        nn.SGD([tg.tensor([1.0])])
    with pytest.raises(ValueError, match="parameter 0 is the result of an operation"):
        nn.SGD([w * 2])
    with pytest.raises(ValueError, match="listed twice"):
        nn.SGD([w, w])


def test_repr_shows_the_settings() -> None:
    optimizer = nn.RMSprop([tg.tensor([1.0], requires_grad=True)], rho=0.5)
    assert repr(optimizer) == (
        "RMSprop(1 parameter, learning_rate=0.001, decay=0, epsilon=1e-07, rho=0.5, iterations=0)"
    )


def test_momentum_in_float16_outlasts_the_hundredth_step() -> None:
    w = tg.tensor(np.ones(3, np.float16), requires_grad=True)
    optimizer = nn.SGD([w], 1e-3, momentum=0.9)
    for _ in range(FLUSH_EVERY):
        w.grad = np.ones(3, np.float16)
        optimizer.step()
    np.testing.assert_allclose(optimizer.state_dict()["velocity.0"], -0.01, rtol=0.05)  # -0.001 / (1 - 0.9)


def test_a_frozen_parameter_stays_where_it_is(rng: np.random.Generator) -> None:
    frozen, trained = parameters(rng, (3,), (3,))
    optimizer = nn.Adam([frozen, trained], 0.1)
    give_gradients([frozen, trained], rng)
    optimizer.step()
    frozen.requires_grad = False
    before = frozen.numpy(), trained.numpy()
    optimizer.step()
    np.testing.assert_array_equal(frozen.data, before[0])
    assert (trained.data != before[1]).all()


@pytest.mark.parametrize("change", [None, 0.5, np.ones(2)])
def test_an_update_that_returns_no_change_is_refused(change: Any, rng: np.random.Generator) -> None:
    class Wrong(nn.Optimizer):
        def update(self, *arrays: Any) -> Any:
            return change

    (w,) = parameters(rng, (3,))
    give_gradients([w], rng)
    before = w.numpy()
    with pytest.raises(ValueError, match=r"Wrong.update: expected it to return the change, an array of shape \(3,\)"):
        Wrong([w], 0.1).step()
    np.testing.assert_array_equal(w.data, before)


def test_state_names_are_a_tuple(rng: np.random.Generator) -> None:
    class Wrong(nn.Optimizer):
        state_names = "momentum"  # type: ignore[assignment]

    with pytest.raises(TypeError, match=r"Wrong: state_names must be a tuple, such as \('momentum',\)"):
        Wrong(parameters(rng, (3,)), 0.1)


def test_an_array_in_another_order_is_trained_too() -> None:
    w = tg.tensor(np.zeros((3, 2), order="F"), requires_grad=True)  # its own array, but its flat form is a copy
    w.grad = np.arange(6.0).reshape(3, 2)
    nn.SGD([w], 1.0).step()
    np.testing.assert_array_equal(w.data, -np.arange(6.0).reshape(3, 2))


def test_an_array_made_read_only_between_steps_is_not_written_into() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    optimizer, held = nn.SGD([w], 1.0), w.data
    w.grad = np.ones(1)
    optimizer.step()
    held.flags.writeable = False
    optimizer.step()
    assert (held[0], w.item()) == (0.0, -1.0)


def test_a_parameter_may_lose_its_gradient_again() -> None:
    first, second = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = nn.SGD([first, second], 1.0)
    first.grad, second.grad = np.ones(1), np.ones(1)
    optimizer.step()
    second.grad = None
    optimizer.step()
    assert (first.item(), second.item()) == (-1.0, 0.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_numbers_of_a_step_come_in_the_dtype_of_the_weights(dtype: Any) -> None:
    class Seen(nn.SGD):
        def update(self, *arrays: Any) -> Any:
            assert {array.dtype for array in arrays} == {np.dtype(dtype)}
            return super().update(*arrays)

    w = tg.tensor(np.ones(3, dtype), requires_grad=True)
    w.grad = np.ones(3, dtype)
    Seen([w], 0.1, momentum=0.9, nesterov=True).step()


def test_a_name_survives_a_step() -> None:
    w = tg.tensor([1.0], requires_grad=True, name="weight")
    optimizer = nn.SGD([w], 1.0)
    w.grad = np.ones(1)
    optimizer.step()
    loss = (w * w).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="leaf 'weight'"):
        loss.backward()


def test_a_setting_that_was_not_set_is_named() -> None:
    class Forgetful(nn.SGD):
        beta = Setting()

        def factors(self) -> Any:
            return self.beta, *super().factors()

    w = tg.tensor([1.0], requires_grad=True)
    w.grad = np.ones(1)
    optimizer = Forgetful([w], 0.1)
    for use in (repr, nn.Optimizer.state_dict):
        with pytest.raises(AttributeError, match=r"Forgetful: \['beta'\] not set\. Assign each Setting in __init__"):
            use(optimizer)
    with pytest.raises(TypeError, match=r"Forgetful\.factors: expected .* a tuple of numbers, got \(<Setting 'beta'>"):
        optimizer.step()
    assert (w.item(), optimizer.iterations) == (1.0, 0)


@pytest.mark.parametrize("factors", [0.5, ("x",), None])
def test_factors_are_a_tuple_of_numbers(factors: Any) -> None:
    class Wrong(nn.SGD):
        def factors(self) -> Any:
            return factors

    w = tg.tensor([1.0], requires_grad=True)
    w.grad = np.ones(1)
    with pytest.raises(TypeError, match=r"Wrong\.factors: expected it to return a tuple of numbers, got"):
        Wrong([w], 0.1).step()
    assert w.item() == 1.0


@pytest.mark.parametrize("size", [1, BLOCK + 1])
def test_a_rule_cannot_write_into_the_gradient(size: int) -> None:
    class Careless(nn.SGD):
        def update(self, g: Any, *others: Any) -> Any:
            g *= 2
            return super().update(g, *others)

    w = tg.tensor(np.zeros(size), requires_grad=True)
    w.grad = np.ones(size)
    with pytest.raises(ValueError, match="read-only"):
        Careless([w], 1.0).step()
    assert (w.grad == 1).all()
    assert (w.data == 0).all()

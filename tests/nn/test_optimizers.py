"""Optimizers: formulas, fused and plain steps, groups, dtypes, state, files, wrong input."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from nn.optimizers import Setting
from nn.optimizers._fused import BLOCK, FusedStep
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


def penalized(rule: Rule) -> Rule:
    """Return the rule with L2 weight decay."""
    return lambda w, g, s, t: rule(w, g + 0.3 * w, s, t)


def rmsprop_with_momentum(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = 0.9 * s.get("v", 0) + rmsprop(w, g, s, t) - w
    return w + s["v"]


def rmsprop_centered(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["c"] = 0.8 * s.get("c", 0) + 0.2 * g**2
    s["m"] = 0.8 * s.get("m", 0) + 0.2 * g
    s["v"] = 0.9 * s.get("v", 0) - rate(t) * g / (np.sqrt(s["c"] - s["m"] ** 2) + EPSILON)
    return w + s["v"]


def amsgrad(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.7 * s.get("m", 0) + 0.3 * g
    s["c"] = 0.95 * s.get("c", 0) + 0.05 * g**2
    s["largest"] = np.maximum(s.get("largest", 0), s["c"])
    return w - rate(t) * s["m"] / (1 - 0.7 ** (t + 1)) / (np.sqrt(s["largest"] / (1 - 0.95 ** (t + 1))) + EPSILON)


def nadam(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    mu = [0.7 * (1 - 0.5 * 0.96 ** (i * 0.5)) for i in range(1, t + 3)]
    s["m"] = 0.7 * s.get("m", 0) + 0.3 * g
    s["c"] = 0.95 * s.get("c", 0) + 0.05 * g**2
    m = mu[-1] * s["m"] / (1 - math.prod(mu)) + (1 - mu[-2]) * g / (1 - math.prod(mu[:-1]))
    return w - rate(t) * m / (np.sqrt(s["c"] / (1 - 0.95 ** (t + 1))) + EPSILON)


def lion(w: Any, g: Any, s: dict[str, Any], t: int) -> Any:
    direction = np.sign(0.7 * s.get("m", 0) + 0.3 * g)
    s["m"] = 0.95 * s.get("m", 0) + 0.05 * g
    return w - rate(t) * (direction + 0.3 * w)


CASES: list[tuple[Any, dict[str, Any], Rule]] = [
    (nn.SGD, {}, sgd),
    (nn.SGD, {"momentum": 0.9}, momentum),
    (nn.SGD, {"momentum": 0.9, "nesterov": True}, nesterov),
    (nn.Adagrad, {}, adagrad),
    (nn.RMSprop, {"rho": 0.8}, rmsprop),
    (nn.Adam, {"beta_1": 0.7, "beta_2": 0.95}, adam),
    (nn.AdamW, {"beta_1": 0.7, "beta_2": 0.95, "weight_decay": 0.3}, adamw),
    (nn.SGD, {"momentum": 0.9, "weight_decay": 0.3}, penalized(momentum)),
    (nn.Adagrad, {"weight_decay": 0.3}, penalized(adagrad)),
    (nn.RMSprop, {"rho": 0.8, "momentum": 0.9, "weight_decay": 0.3}, penalized(rmsprop_with_momentum)),
    (nn.RMSprop, {"rho": 0.8, "momentum": 0.9, "centered": True}, rmsprop_centered),
    (nn.Adam, {"beta_1": 0.7, "beta_2": 0.95, "weight_decay": 0.3, "amsgrad": True}, penalized(amsgrad)),
    (nn.NAdam, {"beta_1": 0.7, "beta_2": 0.95, "momentum_decay": 0.5, "weight_decay": 0.3}, penalized(nadam)),
    (nn.Lion, {"beta_1": 0.7, "beta_2": 0.95, "weight_decay": 0.3}, lion),
]
STRUCTURE = ("nesterov", "centered", "amsgrad")
"""Options that are no settings: they decide which arrays are kept, or cannot change."""
every_case = pytest.mark.parametrize(("kind", "options", "rule"), CASES, ids=lambda c: getattr(c, "__name__", ""))
every_kind = pytest.mark.parametrize("kind", [nn.SGD, nn.Adagrad, nn.RMSprop, nn.Adam, nn.AdamW, nn.NAdam, nn.Lion])


def parameters(rng: np.random.Generator, *shapes: tuple[int, ...], dtype: Any = np.float64) -> list[tg.Tensor]:
    return [tg.tensor(rng.normal(size=shape), dtype=dtype, requires_grad=True) for shape in shapes]


def give_gradients(tensors: list[tg.Tensor], rng: np.random.Generator) -> None:
    for tensor in tensors:
        tensor.grad = rng.normal(size=tensor.shape).astype(tensor.dtype)


@every_case
@pytest.mark.parametrize("form", ["fused", "plain"])
def test_update_follows_the_formula(
    kind: Any, options: dict[str, Any], rule: Rule, form: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "plain":
        monkeypatch.setattr(FusedStep, "sections", lambda *arguments: None)
    shapes = [(3, 4), (), (BLOCK + 5,), (7,), (0, 2), (2, 3)]
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
def test_step_keeps_float32_and_skips_parameters_without_gradient(
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
    present = data.draw(st.sets(st.sampled_from(range(len(sizes)))))
    groups = [data.draw(st.integers(0, 1)) for _ in sizes]
    states = [{"s": np.full(size, number + 1, np.float32)} for number, size in enumerate(sizes)]
    seen = {number: np.zeros(sizes[number], int) for number in present}
    weights = {number: np.full(sizes[number], number, np.float32) for number in present}
    gradients = {number: np.arange(sizes[number], dtype=np.float32) for number in present}
    for section in FusedStep().sections(weights, states, groups) or ():
        for block in section.blocks:
            assert len(block.buffer) == len(block.state[0]) <= BLOCK
            for piece in block.pieces:
                assert groups[piece.number] == section.group
                seen[piece.number][piece.elements] += 1
                assert np.shares_memory(piece.weights, weights[piece.number]) or not piece.weights.size
                assert np.shares_memory(block.state[0], states[piece.number]["s"]) or not piece.weights.size
                assert (piece.weights == piece.number).all()
                assert (block.state[0][piece.place] == piece.number + 1).all()
                expected = gradients[piece.number][piece.elements]
                np.testing.assert_array_equal(block.gradient(gradients)[piece.place], expected)
    assert all((counts == 1).all() for counts in seen.values())


def test_step_takes_mixed_dtypes(rng: np.random.Generator) -> None:
    single, double = parameters(rng, (3,), dtype=np.float32) + parameters(rng, (3,))
    optimizer = nn.Adam([double, single, *parameters(rng, (2,), dtype=np.float16)], 0.1)
    before = single.numpy(), double.numpy()
    give_gradients([single, double], rng)
    optimizer.step()
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single.data, before[0] - 0.1 * np.sign(single.grad), rtol=1e-5)
    np.testing.assert_allclose(double.data, before[1] - 0.1 * np.sign(double.grad), rtol=1e-5)


@every_kind
def test_step_makes_backward_refuse_older_graphs(kind: Any) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = kind([w])
    old = (w * w).sum()
    (w * w).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed after"):
        old.backward()


def test_update_that_fails_changes_nothing() -> None:
    class Fails(nn.SGD):
        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            if gradient[0] == 2:
                raise ArithmeticError
            return super().update(gradient, state, settings)

    tensors = [tg.tensor([1.0, 2.0], requires_grad=True) for _ in range(2)]
    optimizer = Fails(tensors, 0.5, momentum=0.9)
    for tensor, value in zip(tensors, (1.0, 2.0)):
        tensor.grad = np.full(2, value)
    with pytest.raises(ArithmeticError):
        optimizer.step()
    assert all((tensor.data == [1.0, 2.0]).all() for tensor in tensors)
    assert optimizer.iterations == 0
    assert not optimizer.state_dict()["velocity.0"].any()


@every_kind
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
@pytest.mark.parametrize("of_model", [True, False])
def test_copies_continue_as_the_original_does(kind: Any, clone: Any, of_model: bool, rng: np.random.Generator) -> None:
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


def test_step_is_seen_by_views_and_follows_rebinding() -> None:
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
def test_step_takes_arrays_that_cannot_be_written_flat(size: int) -> None:
    transposed, constant = np.zeros((size, 2)).T, np.broadcast_to(np.float64(1.0), (size,))
    tensors = [tg.Tensor(transposed, requires_grad=True), tg.Tensor(constant, requires_grad=True)]
    optimizer = nn.SGD(tensors, 1.0)
    tensors[0].grad, tensors[1].grad = np.arange(2.0 * size).reshape(size, 2).T, np.ones(size)
    optimizer.step()
    np.testing.assert_array_equal(tensors[0].data, -np.arange(2.0 * size).reshape(size, 2).T)
    np.testing.assert_array_equal(tensors[1].data, np.zeros(size))
    assert constant[0] == 1.0


def test_step_refuses_a_gradient_of_another_shape() -> None:
    w, b = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0], requires_grad=True, name="bias")
    optimizer = nn.Adam([w, b])
    w.grad = np.ones(2)
    b._grad = np.ones((1, 1))  # `grad` itself refuses this
    with pytest.raises(ValueError, match=r"parameter 1 'bias' has shape \(1, 1\), expected \(1,\)"):
        optimizer.step()
    np.testing.assert_array_equal(w.data, [1.0, 2.0])
    assert optimizer.iterations == 0
    assert not optimizer.state_dict()["sum.0"].any()


def test_step_without_gradients_does_nothing_and_warns_once() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = nn.Adam([w])
    with pytest.warns(UserWarning, match=r"Adam\.step: no parameter has a gradient.* Call loss\.backward\(\) first"):
        optimizer.step()
    optimizer.step()
    assert (w.item(), optimizer.iterations) == (1.0, 0)


def test_step_warns_once_of_float64_data_for_a_float32_network() -> None:
    network = nn.Sequential(nn.Dense(2, 4, rng=0), nn.ReLU(), nn.Dense(4, 1, rng=1))
    optimizer, loss = nn.SGD(network.parameters(), 0.1), nn.MeanSquaredError()
    X, y = np.ones((3, 2)), np.ones((3, 1))
    loss(network(X), y).backward()
    expected = r"SGD\.step: layer 0: Dense\(2, 4\) has parameters of float32, .* X = X\.astype\(np\.float32\)"
    with pytest.warns(UserWarning, match=expected):
        optimizer.step()
    for samples in (X, X.astype(np.float32)):
        optimizer.zero_grad()
        loss(network(samples), y).backward()
        optimizer.step()


def test_step_does_not_warn_of_float64_where_it_is_meant() -> None:
    for dtype, samples in ((np.float64, np.ones((3, 2))), (np.float32, np.ones((3, 2), np.float32))):
        network = nn.Sequential(nn.Dense(2, 4, rng=0, dtype=dtype), nn.Dense(4, 1, rng=1, dtype=dtype))
        nn.MeanSquaredError()(network(samples), np.ones((3, 1))).backward()
        nn.SGD(network.parameters(), 0.1).step()
    other = nn.Dense(2, 1, rng=0)
    other(np.ones((1, 2)))  # of no concern to an optimizer of another network
    network.zero_grad()
    network(samples).sum().backward()
    nn.SGD(network.parameters(), 0.1).step()
    nn.SGD(other.parameters(), 0.1)


@pytest.mark.slow
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
def test_state_dict_resumes_exactly(kind: Any, options: dict[str, Any], rule: Rule, rng: np.random.Generator) -> None:
    tensors = parameters(rng, (3, 2), (BLOCK + 1,), (2,), dtype=np.float32)
    optimizer = kind(tensors, LR, decay=DECAY, **options)
    give_gradients(tensors, rng)
    optimizer.step()

    copies = [tg.tensor(tensor.numpy(), requires_grad=True) for tensor in tensors]
    structure = {name: options[name] for name in STRUCTURE if name in options}
    resumed = kind(copies, 0.7, **structure, **({"momentum": 0.1} if "nesterov" in structure else {}))
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
def test_load_state_dict_refuses_a_wrong_state_without_changes(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
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
    "name",
    ["learning_rate", "decay", "momentum", "epsilon", "rho", "beta_1", "beta_2", "weight_decay", "momentum_decay"],
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
def test_settings_that_are_fractions_are_below_1(kind: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be finite, at least 0 and less than 1"):
        kind([tg.tensor([1.0], requires_grad=True)], **{name: 1.0})


@pytest.mark.parametrize("value", ["0.1", None, True, 1j, [0.1]])
def test_settings_are_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        nn.SGD([tg.tensor([1.0], requires_grad=True)], value)


def test_settings_that_are_numpy_numbers_widen_nothing() -> None:
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
        "RMSprop(1 parameter, learning_rate=0.001, decay=0, epsilon=1e-07, rho=0.5, momentum=0, weight_decay=0, "
        "iterations=0)"
    )


def test_float16_momentum_is_not_flushed() -> None:
    w = tg.tensor(np.ones(3, np.float16), requires_grad=True)
    optimizer = nn.SGD([w], 1e-3, momentum=0.9)
    for _ in range(FLUSH_EVERY):
        w.grad = np.ones(3, np.float16)
        optimizer.step()
    np.testing.assert_allclose(optimizer.state_dict()["velocity.0"], -0.01, rtol=0.05)  # -0.001 / (1 - 0.9)


def test_step_skips_frozen_parameters(rng: np.random.Generator) -> None:
    frozen, trained = parameters(rng, (3,), (3,))
    optimizer = nn.Adam([frozen, trained], 0.1)
    give_gradients([frozen, trained], rng)
    optimizer.step()
    frozen.requires_grad = False
    before = frozen.numpy(), trained.numpy()
    optimizer.step()
    np.testing.assert_array_equal(frozen.data, before[0])
    assert (trained.data != before[1]).all()


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (None, TypeError, "the change and a dict with the new state, got None"),
        (np.ones(3), TypeError, "the change and a dict"),
        ((np.ones(3), np.ones(3)), TypeError, "the change and a dict"),
        ((None, {"a": np.ones(3)}), ValueError, r"the change, an array of shape \(3,\) like the gradient, got None"),
        ((0.5, {"a": np.ones(3)}), ValueError, r"the change, an array of shape \(3,\)"),
        ((np.ones(2), {"a": np.ones(3)}), ValueError, r"the change, an array of shape \(3,\)"),
        ((np.ones(3), {}), ValueError, r"the state \['a'\], got \[\]"),
        ((np.ones(3), {"a": np.ones(3), "b": np.ones(3)}), ValueError, r"the state \['a'\], got \['a', 'b'\]"),
        ((np.ones(3), {"a": 0.5}), ValueError, r"the state 'a' in the gradient's shape \(3,\), got 0.5"),
    ],
)
def test_update_that_returns_something_else_is_refused(
    result: Any, error: type[Exception], message: str, rng: np.random.Generator
) -> None:
    class Wrong(nn.Optimizer):
        state_names = ("a",)

        def update(self, *arrays: Any) -> Any:
            return result

    (w,) = parameters(rng, (3,))
    give_gradients([w], rng)
    before = w.numpy()
    with pytest.raises(error, match=f"Wrong.update: expected .*{message}"):
        Wrong([w], 0.1).step()
    np.testing.assert_array_equal(w.data, before)


def test_optimizer_without_update_is_refused(rng: np.random.Generator) -> None:
    (w,) = parameters(rng, (3,))
    give_gradients([w], rng)
    with pytest.raises(NotImplementedError, match=r"Optimizer: an optimizer needs update\(self, gradient, state, set"):
        nn.Optimizer([w], 0.1).step()


def test_optimizer_with_the_former_interface_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Old: optimizers define update\(self, gradient, state, settings\)"):

        class Old(nn.Optimizer):
            def update(self, gradient: Any, velocity: Any, room: Any, factor: Any, momentum: Any) -> Any:
                return room

    with pytest.raises(TypeError, match=r"Factors: optimizers define .*factors\(\) and updates in place"):

        class Factors(nn.SGD):
            def factors(self) -> Any:
                return (0.1,)


def test_state_names_are_a_tuple(rng: np.random.Generator) -> None:
    class Wrong(nn.Optimizer):
        state_names = "momentum"  # type: ignore[assignment]

    with pytest.raises(TypeError, match=r"Wrong: state_names must be a tuple, such as \('momentum',\)"):
        Wrong(parameters(rng, (3,)), 0.1)


def test_step_takes_arrays_in_fortran_order() -> None:
    w = tg.tensor(np.zeros((3, 2), order="F"), requires_grad=True)  # its own array, but its flat form is a copy
    w.grad = np.arange(6.0).reshape(3, 2)
    nn.SGD([w], 1.0).step()
    np.testing.assert_array_equal(w.data, -np.arange(6.0).reshape(3, 2))


def test_step_does_not_write_into_an_array_made_read_only() -> None:
    w = tg.tensor([1.0], requires_grad=True)
    optimizer, held = nn.SGD([w], 1.0), w.data
    w.grad = np.ones(1)
    optimizer.step()
    held.flags.writeable = False
    optimizer.step()
    assert (held[0], w.item()) == (0.0, -1.0)


def test_step_takes_parameters_that_lose_their_gradient() -> None:
    first, second = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = nn.SGD([first, second], 1.0)
    first.grad, second.grad = np.ones(1), np.ones(1)
    optimizer.step()
    second.grad = None
    optimizer.step()
    assert (first.item(), second.item()) == (-1.0, 0.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_update_gets_arrays_of_at_least_float32(dtype: Any) -> None:
    class Seen(nn.SGD):
        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            assert gradient.dtype == state["velocity"].dtype == max(np.dtype(dtype), np.dtype(np.float32))
            return super().update(gradient, state, settings)

    w = tg.tensor(np.ones(3, dtype), requires_grad=True)
    w.grad = np.ones(3, dtype)
    Seen([w], 0.1, momentum=0.9, nesterov=True).step()
    assert w.dtype == dtype


def test_step_keeps_names() -> None:
    w = tg.tensor([1.0], requires_grad=True, name="weight")
    optimizer = nn.SGD([w], 1.0)
    w.grad = np.ones(1)
    optimizer.step()
    loss = (w * w).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="leaf 'weight'"):
        loss.backward()


def test_settings_that_were_not_set_are_named() -> None:
    class Forgetful(nn.SGD):
        beta = Setting()

        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            return settings.beta * gradient, state

    w = tg.tensor([1.0], requires_grad=True)
    w.grad = np.ones(1)
    optimizer = Forgetful([w], 0.1)
    for use in (repr, nn.Optimizer.state_dict):
        with pytest.raises(AttributeError, match=r"Forgetful: \['beta'\] not set\. Assign each Setting in __init__"):
            use(optimizer)
    with pytest.raises(
        AttributeError, match=r"no 'beta', only learning_rate, decay, momentum, weight_decay, iterations\. Declare"
    ):
        optimizer.step()
    assert (w.item(), optimizer.iterations) == (1.0, 0)


def test_settings_may_be_assigned_before_the_base_class_is_set_up() -> None:
    class Early(nn.Optimizer):
        scale = Setting()

        def __init__(self, parameters: Any, scale: float) -> None:
            self.scale = scale
            super().__init__(parameters, 1.0)

        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            return settings.scale * gradient, state

    first, second = (tg.tensor([0.0], requires_grad=True) for _ in range(2))
    for groups, expected in [
        ([first, second], [0.5, 0.5]),
        ([{"params": first}, {"params": second, "scale": 2}], [1.0, 2.5]),
    ]:
        optimizer = Early(groups, 0.5)
        first.grad, second.grad = np.ones(1), np.ones(1)
        optimizer.step()
        assert [first.item(), second.item()] == expected
    optimizer.scale = 3
    assert [group.scale for group in optimizer.groups] == [3, 3]


@pytest.mark.parametrize("size", [1, BLOCK + 1])
def test_update_cannot_write_into_the_gradient(size: int) -> None:
    class Careless(nn.SGD):
        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            gradient *= 2
            return super().update(gradient, state, settings)

    w = tg.tensor(np.zeros(size), requires_grad=True)
    w.grad = np.ones(size)
    with pytest.raises(ValueError, match="read-only"):
        Careless([w], 1.0).step()
    assert (w.grad == 1).all()
    assert (w.data == 0).all()


def test_state_that_is_the_gradient_does_not_follow_it() -> None:
    class Last(nn.Optimizer):
        state_names = ("last",)

        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            return -settings.learning_rate * gradient, {"last": gradient}

    w = tg.tensor([1.0, 2.0], requires_grad=True)
    w.grad = np.ones(2)
    optimizer = Last([w], 0.1)
    optimizer.step()
    w.grad[:] = 5
    np.testing.assert_array_equal(optimizer.state_dict()["last.0"], [1.0, 1.0])


# -- the fused step and the plain one ------------------------------------------------------------------------------

OPTIONS: list[tuple[Any, dict[str, Any]]] = [
    *((kind, options) for kind, options, _ in CASES),
    (nn.Adagrad, {"epsilon": 1e-3}),
    (nn.RMSprop, {"epsilon": 0.0, "rho": 0.0}),
    (nn.Adam, {}),
    (nn.Adam, {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 1e-2}),
    (nn.AdamW, {}),
    (nn.AdamW, {"weight_decay": 0.0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options"), OPTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_step_equals_the_plain_one(
    kind: Any, options: dict[str, Any], dtype: Any, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, but for Adam's change, whose corrections are applied in another order: 4 roundings of the change."""
    monkeypatch.setattr("nn.optimizers.optimizer.FLUSH_EVERY", 20)
    shapes = [(3, 4), (), (BLOCK + 5,), (7,), (0, 2), (2, 3)]
    fused = parameters(rng, *shapes, dtype=dtype)
    plain = [tg.tensor(tensor.numpy(), requires_grad=True) for tensor in fused]
    optimizers = []
    for tensors in (fused, plain):
        groups = [{"params": tensors[:3]}, {"params": tensors[3:], "learning_rate": LR / 3, "decay": 0.0}]
        optimizers.append(kind(groups, LR, decay=DECAY, **options))
    plain_updates = []
    unbound = type(optimizers[1]).update

    def counted(self: Any, *arrays: Any) -> Any:
        plain_updates.append(self)
        return unbound(self, *arrays)

    monkeypatch.setattr(optimizers[1], "update", counted.__get__(optimizers[1]))
    for step in range(21):
        give_gradients(fused, rng)
        for tensor, other in zip(fused, plain):
            other.grad = tensor.grad
            if step % 3 == 0:
                tensor.grad = other.grad = None if tensor.shape == (7,) else tensor.grad
        before = [tensor.numpy() for tensor in fused]
        for optimizer in optimizers:
            optimizer.step()
        for old, tensor, other in zip(before, fused, plain):
            if isinstance(optimizers[0], nn.Adam):
                limit = np.finfo(dtype).eps * (4 * np.abs(other.data - old) + np.abs(other.data))
                assert (np.abs(tensor.data - other.data) <= limit).all()
                tensor.data = other.numpy()  # so that the differences do not add up
            else:
                np.testing.assert_array_equal(tensor.data, other.data)
        if step < 5 or step >= FLUSH_EVERY - 1:
            first, second = (optimizer.state_dict() for optimizer in optimizers)
            for name in first:
                np.testing.assert_array_equal(first[name], second[name])
    assert len(plain_updates) > 21  # it did run the plain form


def test_fused_step_and_plain_step_can_alternate(rng: np.random.Generator) -> None:
    single, half = parameters(rng, (4,), dtype=np.float32) + parameters(rng, (4,), dtype=np.float16)
    alone = tg.tensor(single.numpy(), requires_grad=True)
    mixed, reference = nn.SGD([single, half], 0.1, momentum=0.9), nn.SGD([alone], 0.1, momentum=0.9)
    for step in range(6):
        give_gradients([single, half], rng)
        alone.grad = single.grad
        if step % 2:
            half.grad = None  # then all that is updated is float32, and the step is the fused one
        mixed.step()
        reference.step()
    np.testing.assert_array_equal(single.data, alone.data)


@every_case
def test_overriding_update_replaces_the_fused_form(kind: Any, options: dict[str, Any], rule: Rule) -> None:
    class Still(kind):  # type: ignore[misc]
        def update(self, gradient: Any, state: Any, settings: Any) -> Any:
            return 0 * gradient + 1, state

    w = tg.tensor([1.0], requires_grad=True)
    w.grad = np.ones(1)
    optimizer = Still([w], 0.1, **(options | ({"weight_decay": 0.0} if "weight_decay" in options else {})))
    optimizer.step()
    assert w.item() == 2.0


def test_rmsprop_momentum_may_be_assigned_and_comes_back(rng: np.random.Generator) -> None:
    first, second = parameters(rng, (3,), (3,))
    second.data = first.data
    optimizer, resumed = nn.RMSprop([first], 0.1), nn.RMSprop([second], 0.1)

    def steps(*optimizers: nn.Optimizer) -> None:
        gradient = rng.normal(size=3)
        for each in optimizers:
            each.parameters[0].grad = gradient
            each.step()

    steps(optimizer, resumed)
    assert "velocity.0" not in optimizer.state_dict()
    optimizer.momentum = 0.9
    steps(optimizer)
    optimizer.momentum = 0.0
    state = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"missing \['cache.0'\]"):
        resumed.load_state_dict({name: value for name, value in state.items() if name != "cache.0"})
    assert "velocity.0" not in resumed.state_dict()
    resumed.load_state_dict(state)
    second.data = first.data
    optimizer.momentum = resumed.momentum = 0.5
    steps(optimizer, resumed)
    np.testing.assert_array_equal(first.data, second.data)


# -- arrays of other libraries -------------------------------------------------------------------------------------


class Strict(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that only has NumPy's protocols: no conversion, no truth value, no `out`, no assignment."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)
        self.shape, self.dtype = self.values.shape, self.values.dtype

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("converted")

    def __bool__(self) -> bool:
        raise TypeError("truth value")

    __float__ = __bool__  # type: ignore[assignment]

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        assert method == "__call__"
        assert not options
        return Strict(function(*(each.values if isinstance(each, Strict) else each for each in inputs)))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return Strict(function(*(each.values if isinstance(each, Strict) else each for each in arguments), **options))


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_update_needs_only_numpy_protocols(kind: Any, options: dict[str, Any], rng: np.random.Generator) -> None:
    w = tg.tensor(rng.normal(size=5).astype(np.float32), requires_grad=True)
    optimizer = kind([w], LR, decay=DECAY, **options)
    optimizer.step_settings(optimizer.groups[0])  # RMSprop keeps a velocity from the first step on
    state = {name: np.zeros(5, np.float32) for name in optimizer.state_names}
    strict = {name: Strict(array) for name, array in state.items()}
    for _ in range(3):
        gradient = rng.normal(size=5).astype(np.float32)
        held = gradient.copy(), {name: array.copy() for name, array in state.items()}
        settings = optimizer.step_settings(optimizer.groups[0])
        change, new = optimizer.update(gradient, state, settings)
        strict_change, strict = optimizer.update(Strict(gradient), strict, settings)
        assert change.dtype == np.float32
        np.testing.assert_array_equal(strict_change.values, change)
        np.testing.assert_array_equal(gradient, held[0])
        for name in state:
            np.testing.assert_array_equal(state[name], held[1][name])  # pure
            np.testing.assert_array_equal(strict[name].values, new[name])
        state = new
        optimizer.iterations += 1


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_update_takes_the_numbers_of_a_step_as_arrays(
    kind: Any, options: dict[str, Any], rng: np.random.Generator
) -> None:
    """As a compiled step passes them: the learning rate, and what `step_settings` adds to the group's settings."""
    w = tg.tensor(rng.normal(size=5).astype(np.float32), requires_grad=True)
    optimizer = kind([w], LR, decay=DECAY, **options)
    optimizer.iterations = 7
    gradient = rng.normal(size=5).astype(np.float32)
    settings, group = optimizer.step_settings(optimizer.groups[0]), optimizer.groups[0]
    state = {name: rng.random(5, np.float32) for name in optimizer.state_names}
    expected, _ = optimizer.update(gradient, state, settings)
    for name, value in vars(settings).copy().items():
        if name == "learning_rate" or name not in group.settings:
            setattr(settings, name, Strict(np.float32(value)))
    change, _ = optimizer.update(Strict(gradient), {name: Strict(array) for name, array in state.items()}, settings)
    np.testing.assert_allclose(change.values, expected, rtol=1e-6)


# -- float16 -------------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("scale", [1e-4, 1e-6, 300.0])
def test_float16_parameters_follow_float32(kind: Any, options: dict[str, Any], rule: Rule, scale: float) -> None:
    """Gradients whose squares are 0 or infinite in float16, and an epsilon that is 0 there."""
    half, single = (tg.tensor(np.linspace(0.5, 1.5, 6, dtype=dtype), requires_grad=True) for dtype in "ef")
    single.data = half.data.astype(np.float32)
    optimizers = [kind([tensor], 1e-3, decay=DECAY, **options) for tensor in (half, single)]
    for step in range(5):
        half.grad = (np.linspace(-1, 1, 6) * scale * (step + 1)).astype(np.float16)
        single.grad = half.grad.astype(np.float32)
        for optimizer in optimizers:
            optimizer.step()
        np.testing.assert_array_equal(half.data, single.data.astype(np.float16))
        single.data = half.data.astype(np.float32)  # the weights themselves are rounded to float16 after each step
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    assert half.dtype == np.float16
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    assert all(first[f"{name}.0"].dtype == np.float32 for name in kind.state_names)


def test_float16_state_of_older_files_is_loaded() -> None:
    w = tg.tensor(np.ones(2, np.float16), requires_grad=True)
    optimizer = nn.SGD([w], 1.0, momentum=0.5)
    optimizer.load_state_dict(optimizer.state_dict() | {"velocity.0": np.array([1.0, -2.0], np.float16)})
    w.grad = np.zeros(2, np.float16)
    optimizer.step()
    np.testing.assert_array_equal(w.data, [1.5, 0.0])


# -- parameter groups ----------------------------------------------------------------------------------------------


@every_case
def test_groups_have_their_own_settings(
    kind: Any, options: dict[str, Any], rule: Rule, rng: np.random.Generator
) -> None:
    tensors = parameters(rng, (3,), (BLOCK + 1,), (2, 2), (4,))
    alone = [tg.tensor(tensor.numpy(), requires_grad=True) for tensor in tensors]
    own = {"learning_rate": nn.StepDecay(0.3, 2), "decay": 0.125}
    own |= {name: value / 2 for name, value in options.items() if name not in STRUCTURE}
    together = kind([{"params": tensors[:2]}, {"params": iter(tensors[2:]), **own}], LR, decay=DECAY, **options)
    first, second = kind(alone[:2], LR, decay=DECAY, **options), kind(alone[2:], **(options | own))
    for _ in range(4):
        give_gradients(tensors, rng)
        for tensor, other in zip(tensors, alone):
            other.grad = tensor.grad
        for optimizer in (together, first, second):
            optimizer.step()
    for tensor, other in zip(tensors, alone):
        np.testing.assert_array_equal(tensor.data, other.data)
    assert together.parameters == tuple(tensors)
    assert [len(group.parameters) for group in together.groups] == [2, 2]
    assert repr(together).startswith(f"{kind.__name__}(4 parameters in 2 groups, learning_rate=0.1, decay=0.25, ")


def two_groups(**of_second: Any) -> nn.Adam:
    first, second = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    return nn.Adam([{"params": first}, {"params": [second], **of_second}], 0.25)


def rates(optimizer: nn.Optimizer) -> list[float]:
    return [optimizer.step_settings(group).learning_rate for group in optimizer.groups]


def test_groups_assigning_a_setting_sets_it_in_all() -> None:
    optimizer = two_groups(beta_1=0.5)
    assert [group.beta_1 for group in optimizer.groups] == [0.9, 0.5]
    optimizer.beta_1 = 0.75
    assert [group.beta_1 for group in optimizer.groups] == [0.75, 0.75]
    optimizer.groups[0].beta_1 = 0.25
    assert [optimizer.beta_1, *(group.beta_1 for group in optimizer.groups)] == [0.75, 0.25, 0.75]
    with pytest.raises(ValueError, match="Adam: beta_1 must be finite, at least 0 and less than 1"):
        optimizer.beta_1 = 1.0
    with pytest.raises(ValueError, match="Adam: beta_1 must be finite, at least 0 and less than 1"):
        optimizer.groups[1].beta_1 = 1.0
    assert [optimizer.beta_1, *(group.beta_1 for group in optimizer.groups)] == [0.75, 0.25, 0.75]


def test_groups_keep_the_ratio_of_their_learning_rates() -> None:
    optimizer = two_groups(learning_rate=0.125)
    assert rates(optimizer) == [0.25, 0.125]
    optimizer.learning_rate *= 2
    assert rates(optimizer) == [0.5, 0.25]
    schedule = nn.StepDecay(1.0, 2)
    optimizer.learning_rate = schedule
    assert rates(optimizer) == [1.0, 0.5]
    optimizer.iterations = 2
    assert rates(optimizer) == pytest.approx([0.1, 0.05], rel=1e-12)
    optimizer.learning_rate = 4.0
    assert rates(optimizer) == [4.0, 2.0]
    optimizer.groups[1].learning_rate = nn.StepDecay(1.0, 1)  # a separate schedule has no ratio
    optimizer.learning_rate = 0.5
    assert rates(optimizer) == [0.5, 0.5]
    optimizer.learning_rate, optimizer.groups[0].learning_rate = 0.0, 1.0
    optimizer.learning_rate = 0.5
    assert rates(optimizer) == [0.5, 0.5]


def test_groups_wrong_ones_are_refused() -> None:
    w, b = (tg.tensor([1.0], requires_grad=True) for _ in range(2))
    for groups, error, message in [
        ([{"params": [w]}, b], TypeError, "Adam: expected either tensors or groups, got both"),
        ({"params": [w]}, TypeError, "Adam: expected the tensors to train, .* or a list of groups, .* got dict"),
        ([{"parameters": [w]}], ValueError, "Adam: group 0: expected .* under \"params\", got only 'parameters'"),
        ([{"params": [w], "lr": 0.1}], ValueError, "group 0 has the unknown setting 'lr'. Use learning_rate"),
        ([{"params": [w]}, {"params": []}], ValueError, "Adam: group 1 has no parameters to train"),
        ([{"params": [w]}, {"params": [w]}], ValueError, "Adam: a parameter is listed twice"),
        ([{"params": [w]}, {"params": [b * 2]}], ValueError, "parameter 1 is the result of an operation"),
        ([{"params": [w], "beta_1": 1.0}], ValueError, "Adam: beta_1 must be finite"),
        ([{"params": [w], "decay": "0.1"}], TypeError, "Adam: decay must be a number"),
    ]:
        with pytest.raises(error, match=message):
            nn.Adam(groups)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"Adam: groups have no setting 'lr', only learning_rate, decay, epsilon"):
        nn.Adam([w]).groups[0].lr = 0.1
    with pytest.raises(
        AttributeError, match=r"ParameterGroup: no setting 'lr'\. The settings are learning_rate, decay"
    ):
        _ = nn.Adam([w]).groups[0].lr


def test_groups_are_part_of_the_state() -> None:
    optimizer = two_groups(learning_rate=0.125, beta_1=0.5)
    state = optimizer.state_dict()
    assert {name: state[name] for name in state if name.startswith("groups")} == {
        "groups.1.learning_rate": 0.125,
        "groups.1.beta_1": 0.5,
    }
    other = two_groups(decay=0.5)
    other.load_state_dict(state)
    assert [group.settings for group in other.groups] == [group.settings for group in optimizer.groups]
    with pytest.raises(ValueError, match=r"unknown \['groups.2.decay'\]"):
        other.load_state_dict(state | {"groups.2.decay": 0.5})
    with pytest.raises(ValueError, match="load_state_dict: beta_1 must be finite"):
        other.load_state_dict(state | {"groups.0.beta_1": 1.0})
    assert [group.settings for group in other.groups] == [group.settings for group in optimizer.groups]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_groups_are_copied(clone: Any) -> None:
    optimizer = two_groups(learning_rate=0.125)
    twin = clone(optimizer)
    twin.groups[1].learning_rate = 0.5
    assert rates(twin) == [0.25, 0.5]
    assert rates(optimizer) == [0.25, 0.125]
    assert [group.parameters[0] for group in twin.groups] == list(twin.parameters)


@pytest.mark.parametrize(
    "options", [{}, {"learning_rate": 0.125}, {"learning_rate": 2 * nn.WarmUp(2, 0.5), "beta_1": 0.5}]
)
def test_groups_are_saved_with_a_model(options: dict[str, Any], tmp_path: Any) -> None:
    network = nn.Dense(3, 2, rng=0)
    groups = [{"params": [network.weight]}, {"params": [network.bias], **options}]
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.Adam(groups, nn.StepDecay(0.1, 2)))
    X, y = np.arange(12.0).reshape(4, 3), np.ones((4, 2))
    model.fit(X, y, epochs=3, verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = nn.Model.load(tmp_path / "model.safetensors")
    for each in (model, again):
        each.fit(X, y, epochs=3, verbose=0)
    assert again.optimizer is not None
    assert len(again.optimizer.groups) == 2
    assert repr(again.optimizer.groups) == repr(model.optimizer.groups)  # type: ignore[union-attr]
    np.testing.assert_array_equal(again.network.weight.data, network.weight.data)
    np.testing.assert_array_equal(again.network.bias.data, network.bias.data)


# -- files ---------------------------------------------------------------------------------------------------------

FILES = Path(__file__).parent / "saved_before_groups"


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "adagrad"])
def test_files_saved_before_there_were_groups_resume_bit_for_bit(name: str) -> None:
    """Each pair was written by the version before: a model after 3 epochs, and the same after 6."""
    X, y = np.arange(12, dtype=np.float32).reshape(4, 3) / 8, np.arange(4) % 2
    model, later = (nn.Model.load(FILES / f"{name}_{epochs}.safetensors") for epochs in (3, 6))
    assert model.optimizer is not None
    assert later.optimizer is not None
    assert model.optimizer.iterations == 6
    model.fit(X, y, epochs=3, batch_size=2, verbose=0)
    first, second = model.optimizer.state_dict(), later.optimizer.state_dict()
    assert first.keys() == second.keys()
    for key in first:
        if isinstance(first[key], nn.Schedule):
            assert repr(first[key]) == repr(second[key])
        else:
            np.testing.assert_array_equal(first[key], second[key])
    for one, other in zip(model.network.parameters(), later.network.parameters()):
        np.testing.assert_array_equal(one.data, other.data)

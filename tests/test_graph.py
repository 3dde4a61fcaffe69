"""The graph: order, accumulation, release, hooks, memory, threads; and random programs against a naive judge."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad.backward import backpropagate, topological_order
from tensorgrad.node import Node, leaf_node
from tests.ops.numeric import jacobian
from tests.strict_array import StrictArray


def leaf(*numbers: float, name: str | None = None) -> tg.Tensor:
    return tg.tensor(numbers, requires_grad=True, name=name)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only reference counts free memory; what is left for the collector is a cycle."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_leaf_node_is_what_the_constructor_makes() -> None:
    w = leaf(1.0, 2.0, name="w")
    made = leaf_node(weakref.ref(w), w.array, "w")
    expected = Node(None, (), {}, (), w.shape, w.dtype)
    expected.tensor, expected.array, expected.name, expected.collects = made.tensor, w.array, "w", True
    for slot in set(Node.__slots__) - {"__weakref__", "number", "array", "tensor"}:
        assert getattr(made, slot) == getattr(expected, slot), slot
    assert made.array is w.array
    assert made.tensor() is w
    assert expected.number == made.number + 1


# -- order ------------------------------------------------------------------------------------------------


def test_backward_order_has_children_before_their_parents() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    z = (y + x) * tg.sin(y)
    assert z.node is not None
    order = topological_order([z.node])
    position = {node: i for i, node in enumerate(order)}
    assert len(order) == len(set(order)) == 5
    for node in order:
        assert all(position[parent] > position[node] for parent in node.parents)


def test_node_has_a_parent_for_each_operand() -> None:
    x = leaf(3.0)
    product = (x * x).node
    assert product is not None
    assert product.parents == (x.node, x.node)
    assert repr(product).startswith("<Node")
    assert "multiply" in repr(product)
    assert "leaf" in repr(x.node)


def test_backward_visits_each_node_of_a_diamond_once() -> None:
    x = tg.tensor(1.0, requires_grad=True)
    y, calls = x, 0

    def count(gradient: np.ndarray) -> None:
        nonlocal calls
        calls += 1

    for _ in range(60):  # 2⁶⁰ paths
        y = y * 0.5 + y * 0.5
        y.register_hook(count)
    y.backward()
    assert x.grad == 1.0
    assert calls == 60


def test_backward_stores_gradients_on_leaves_only() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    z.backward()
    with pytest.warns(
        UserWarning, match=r"^grad: this tensor is the result of multiply, .*retain_grad.*w\.data -= step"
    ):
        assert y.grad is None
    with pytest.warns(UserWarning, match="the result of sum"):
        assert z.grad is None
    np.testing.assert_array_equal(x.grad, [8.0, 16.0])


def test_backward_gives_constants_no_gradient() -> None:
    x, c = leaf(1.0, 2.0), tg.tensor([3.0, 4.0])
    (x * c).sum().backward()
    assert c.grad is None


# -- accumulation -----------------------------------------------------------------------------------------


def test_backward_accumulates_on_leaves_only() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(x.grad, [4.0, 8.0])
    y.backward()
    np.testing.assert_array_equal(x.grad, [6.0, 12.0])
    x.zero_grad()
    assert x.grad is None
    (x * 3).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 3.0])


def test_backward_accumulates_without_changing_returned_gradients() -> None:
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    np.testing.assert_array_equal(first, [3.0, 3.0])
    np.testing.assert_array_equal(x.grad, [6.0, 6.0])


def test_gradients_share_memory_with_nothing() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (a + b).backward(seed)
    a.grad[0] = 99.0
    np.testing.assert_array_equal(b.grad, [1.0, 1.0])
    np.testing.assert_array_equal(seed, [1.0, 1.0])
    c = leaf(5.0, 6.0)
    c.backward(seed)
    assert not np.shares_memory(c.grad, seed)
    d = tg.tensor(np.ones((2, 3)), requires_grad=True)
    d.T.reshape(6).sum().backward()
    assert d.grad.flags.writeable


def test_backward_from_a_leaf() -> None:
    x = tg.tensor(3.0, requires_grad=True)
    x.backward()
    x.backward()
    assert x.grad == 2.0


# -- bad requests -----------------------------------------------------------------------------------------


def test_backward_needs_a_number_or_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(ValueError, match=r"shape \(2,\) is not a single number.*gradient="):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
        (x * 2).backward(np.ones(3))
    for wrong in (["a", "b"], np.array([1j, 1j]), [None, None]):
        with pytest.raises(TypeError, match="real numbers"):
            (x * 2).backward(wrong)
    assert x.grad is None
    (x * 2).backward([1.0, 10.0])
    np.testing.assert_array_equal(x.grad, [2.0, 20.0])
    x[:1].backward()
    np.testing.assert_array_equal(x.grad, [3.0, 20.0])


def test_backward_casts_the_upstream_gradient_to_the_dtype_of_the_tensor() -> None:
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    (x * 2).backward(np.ones(2, np.float64))
    assert x.grad.dtype == np.float32


def test_backward_without_a_graph() -> None:
    x = leaf(1.0)
    with tg.no_grad():
        untracked = (x * 2).sum()
    for t in (tg.tensor(1.0), x.detach(), untracked):
        with pytest.raises(RuntimeError, match=r"^backward: this tensor has no graph.*requires_grad"):
            t.backward()


def test_backward_names_a_released_graph() -> None:
    x = leaf(1.0, 2.0)
    y = tg.exp(x)
    loss = y.sum()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"released.*retain_graph=True"):
        loss.backward()
    with pytest.raises(RuntimeError, match=r"graph of this exp was released"):
        (y * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, np.exp([1.0, 2.0]))


def test_backward_that_fails_leaves_the_graph_unchanged() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    shared = tg.exp(x)
    fresh = tg.exp(y)
    shared.sum().backward()
    x.zero_grad()
    with pytest.raises(RuntimeError, match="released"):
        (shared * fresh).sum().backward()
    assert x.grad is None
    assert y.grad is None
    fresh.sum().backward()
    np.testing.assert_array_equal(y.grad, np.exp([3.0, 4.0]))


def test_backward_names_a_rule_that_returns_the_wrong_shape() -> None:
    @tg.op(x=lambda g: np.ones(7))
    def crooked(x: Any) -> Any:
        return x * 1.0

    with pytest.raises(ValueError, match=r"crooked: a derivative rule returned.*\(7,\).*\(2,\)"):
        crooked(leaf(1.0, 2.0)).sum().backward()


# -- retain_grad and hooks --------------------------------------------------------------------------------


def test_retain_grad_accumulates_on_results_too() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    z = (y * y).sum()
    z.backward(retain_graph=True)
    np.testing.assert_array_equal(y.grad, [4.0, 8.0])
    z.backward()
    np.testing.assert_array_equal(y.grad, [8.0, 16.0])
    with pytest.raises(RuntimeError, match=r"^retain_grad"):
        tg.tensor(1.0).retain_grad()


def test_name_alone_does_not_retain_a_gradient() -> None:
    x = leaf(1.0)
    y = x * 2
    y.name = "y"
    y.sum().backward()
    with pytest.warns(UserWarning, match="the result of multiply"):
        assert y.grad is None


def test_hooks_run_in_order_and_replace_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y.retain_grad()
    seen: list[Any] = []
    y.register_hook(lambda g: seen.append(("first", g.copy())))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(("third", g.copy())))
    (y * 3).sum().backward()
    assert [label for label, _ in seen] == ["first", "third"]
    np.testing.assert_array_equal(seen[0][1], [3.0, 3.0])
    np.testing.assert_array_equal(seen[1][1], [30.0, 30.0])
    np.testing.assert_array_equal(x.grad, [30.0, 30.0])
    np.testing.assert_array_equal(y.grad, [30.0, 30.0])


def test_hook_receives_the_complete_gradient_once_per_pass() -> None:
    x = leaf(2.0)
    y = x * 1
    seen: list[float] = []
    y.register_hook(lambda g: seen.append(g.item()))
    loss = (y * y + 3 * y).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert seen == [7.0, 7.0]


def test_hooks_can_be_removed_and_survive_an_update() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 2)
    x.data = x.data + 1
    x.sum().backward()
    assert x.grad == 2.0
    handle.remove()
    handle()  # a second removal has no effect
    x.zero_grad()
    x.sum().backward()
    assert x.grad == 1.0
    with pytest.raises(RuntimeError, match=r"^register_hook"):
        tg.tensor(1.0).register_hook(lambda g: g)


@pytest.mark.parametrize("wrong", [np.ones(3), 1.0, "ab", np.array([1j, 1j])])
def test_hook_that_returns_something_else_is_named(wrong: Any) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: wrong)
    with pytest.raises((ValueError, TypeError), match=r"^hook: expected a gradient of shape \(2,\)"):
        x.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("on_leaf", [True, False])
@pytest.mark.parametrize(
    "replace", [lambda g: g.astype(np.float64), lambda g: [5.0, 6.0], lambda g: tg.clip(g, 0, 9), lambda g: g * 1]
)
def test_hook_results_are_cast_to_the_right_dtype(replace: Callable[[Any], Any], on_leaf: bool) -> None:
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    y = x if on_leaf else x * 1
    y.register_hook(replace)
    (y * np.array([5, 6], np.float32)).sum().backward()
    assert type(x.grad) is np.ndarray
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [5.0, 6.0])


def test_hooks_take_part_in_second_derivatives() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * 10)
    slope = tg.gradient(y.sum(), x, create_graph=True)
    np.testing.assert_array_equal(slope.data, [60.0])
    np.testing.assert_array_equal(tg.gradient(slope.sum(), x), [20.0])


# -- depth and memory -------------------------------------------------------------------------------------


def chain(length: int) -> tuple[tg.Tensor, tg.Tensor]:
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    return x, y


@pytest.mark.slow
def test_backward_of_a_deep_chain_does_not_recurse() -> None:
    x, y = chain(200_000)
    y.backward()
    assert x.grad == 1.0
    del x, y


def test_backward_calls_each_rule_once(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = tg.add.operation
    calls = 0

    def counted(g: Any) -> Any:
        nonlocal calls
        calls += 1
        return g

    for length in (100, 1000):
        _, y = chain(length)
        calls = 0
        with monkeypatch.context() as patched:
            patched.setattr(operation, "rules", (counted, counted))
            y.backward()
        assert calls == length


@pytest.mark.usefixtures("no_collector")  # Hypothesis registers callbacks with the collector
def test_backward_takes_linear_time() -> None:
    def lines_run(length: int) -> int:
        _, y = chain(length)
        count = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()  # of a debugger, or of what measures the coverage
        sys.settrace(trace)
        try:
            y.backward()
        finally:
            sys.settrace(before)
        return count

    lines_run(1)  # the first call writes the code that later ones run
    small, middle, large = lines_run(100), lines_run(200), lines_run(400)
    assert large - middle == 2 * (middle - small)


def train_once(w: tg.Tensor, b: tg.Tensor, x: np.ndarray) -> None:
    loss = tg.mean(tg.square(tg.tanh(x @ w + b) - 0.5))
    w.zero_grad()
    b.zero_grad()
    loss.backward()
    w.data -= 0.1 * w.grad
    b.data -= 0.1 * b.grad


@pytest.mark.slow
@pytest.mark.usefixtures("no_collector")
def test_graph_of_a_training_step_has_no_reference_cycles() -> None:
    w, b, x = tg.tensor(np.ones((3, 2)), requires_grad=True), leaf(0.0, 0.0), np.ones((4, 3))
    train_once(w, b, x)
    gc.collect()
    for _ in range(5):
        train_once(w, b, x)
        slope = tg.gradient((w**3).sum(), w, create_graph=True)
        tg.gradient(slope.sum(), w)
        y = w * 2
        y.retain_grad()
        y.register_hook(lambda g: g)
        y[0] = 1.0
        y.sum().backward()
        del slope, y
    assert gc.collect() == 0


@pytest.mark.usefixtures("no_collector")
def test_graph_is_freed_with_its_last_reference() -> None:
    x = leaf(1.0, 2.0)
    y = tg.exp(x)
    big = tg.exp(y)
    array = weakref.ref(big.array)
    loss = big.sum()
    del big
    assert array() is not None, "exp saves its result"
    del loss
    assert array() is None


@pytest.mark.usefixtures("no_collector")
def test_node_keeps_only_what_rules_need() -> None:
    x = leaf(1.0, 2.0)
    doubled = x * 2.0
    array = weakref.ref(doubled.array)
    total = (doubled + 1.0).sum()
    del doubled
    assert array() is None
    total.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 2.0])


@pytest.mark.slow
def test_graph_memory_stays_flat_over_a_thousand_steps() -> None:
    w, b, x = tg.tensor(np.ones((3, 2)), requires_grad=True), leaf(0.0, 0.0), np.ones((4, 3))
    tracemalloc.start()
    try:
        for _ in range(3000):  # Python's own free lists fill up first
            train_once(w, b, x)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            train_once(w, b, x)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes more after 1,000 steps"


def test_backward_releases_saved_arrays_during_the_pass() -> None:
    x = leaf(0.1, 0.2)
    kept: list[weakref.ref[Any]] = []
    alive: list[int] = []
    y = x
    for _ in range(4):
        y = tg.tanh(y)
        kept.append(weakref.ref(y.array))
        y.register_hook(lambda g: alive.append(sum(r() is not None for r in kept)))
    y = y.sum()
    y.backward()
    assert alive == sorted(alive, reverse=True)
    assert alive[-1] <= 2, "those of the node at work and of the one before it"


# -- threads ----------------------------------------------------------------------------------------------


def test_threads_record_and_run_backward_at_the_same_time() -> None:
    shared = tg.tensor(np.linspace(0.1, 1.0, 8), requires_grad=True)
    results: dict[int, np.ndarray] = {}
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(50):
                loss = tg.sum(tg.exp(shared * number) * shared)
                results[number] = tg.gradient(loss, shared)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for number, result in results.items():
        s = shared.data
        np.testing.assert_allclose(result, np.exp(s * number) * (1 + s * number))


# -- random programs --------------------------------------------------------------------------------------

SHAPES = [(), (1,), (3,), (2, 3), (2, 1)]


def step_unary(choice: int, v: Any) -> Any:
    functions: list[Callable[[Any], Any]] = [
        np.sin,
        np.tanh,
        np.negative,
        np.square,
        np.copy,
        np.transpose,
        np.mean,
        np.ravel,
        lambda t: np.exp(0.3 * t),
        lambda t: t * t,
        lambda t: np.log1p(np.square(t)),
        lambda t: t[..., ::-1] if t.ndim else t,
        lambda t: t[[0, 0, -1]] if t.ndim else t,
        lambda t: np.sum(t, axis=0, keepdims=True) if t.ndim else t,
    ]
    return functions[choice % len(functions)](v)


def step_binary(choice: int, u: Any, v: Any) -> Any:
    functions: list[Callable[[Any, Any], Any]] = [
        np.add,
        np.multiply,
        np.subtract,
        lambda a, b: a / (2 + np.square(b)),
        lambda a, b: np.concatenate([np.ravel(a), np.ravel(b)])[:3],
        lambda a, b: np.where(np.asarray(choice % 3 == 0), a, b),
        lambda a, b: np.stack([np.sum(a), np.sum(b)]),
    ]
    return functions[choice % len(functions)](u, v)


def step_assign(choice: int, u: Any, v: Any) -> Any:
    """`u` with its first row replaced: in place for arrays and tensors alike."""
    if not u.ndim:
        return u
    changed = np.copy(u)
    changed[choice % u.shape[0]] = np.sum(v)
    return changed


def run(program: list[tuple[str, int, int, int]], inputs: list[Any]) -> Any:
    """Both the engine and the judge run this, the one on tensors, the other on arrays."""
    values = list(inputs)
    for kind, choice, i, j in program:
        u, v = values[i % len(values)], values[j % len(values)]
        if kind == "unary":
            values.append(step_unary(choice, u))
        elif kind == "assign":
            values.append(step_assign(choice, u, v))
        elif fits(u, v):
            values.append(step_binary(choice, u, v))
    total = 0.0
    for position, value in enumerate(values):
        total = total + np.sum(np.sin(value + position))
    return total


def fits(u: Any, v: Any) -> bool:
    try:
        np.broadcast_shapes(u.shape, v.shape)
    except ValueError:
        return False
    return True


numbers = st.integers(0, 20)
programs = st.lists(
    st.tuples(st.sampled_from(["unary", "binary", "binary", "assign"]), numbers, numbers, numbers), max_size=10
)


@settings(max_examples=150)
@given(programs, st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.integers(0, 1000))
def test_random_programs_agree_with_differences(
    program: list[tuple[str, int, int, int]], shapes: list[tuple[int, ...]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(-1.0, 1.0, shape) for shape in shapes]
    leaves = [tg.tensor(a, requires_grad=True) for a in arrays]
    total = run(program, leaves)
    assert float(total) == pytest.approx(float(run(program, arrays)), rel=1e-12)
    total.backward(retain_graph=True)
    total.backward()
    for position, each in enumerate(leaves):

        def by(point: np.ndarray, position: int = position) -> Any:
            return run(program, [*arrays[:position], point, *arrays[position + 1 :]])

        np.testing.assert_allclose(each.grad, 2 * jacobian(by, arrays[position]), rtol=1e-6, atol=1e-6)


@settings(max_examples=40)
@given(programs, st.integers(0, 1000))
def test_second_derivatives_of_random_programs(program: list[tuple[str, int, int, int]], seed: int) -> None:
    point = np.random.default_rng(seed).uniform(-1.0, 1.0, 3)
    x = tg.tensor(point, requires_grad=True)
    slope = tg.gradient(run(program, [x]), x, create_graph=True)
    got = tg.gradient(slope.sum(), x)

    def slopes(at: np.ndarray) -> Any:
        y = tg.tensor(at, requires_grad=True)
        return np.sum(tg.gradient(run(program, [y]), y))

    np.testing.assert_allclose(got, jacobian(slopes, point), rtol=1e-5, atol=1e-5)


def test_nodes_are_numbered_in_the_order_they_are_made() -> None:
    x = leaf(1.0)
    y = x + 1
    z = y + 1
    numbers = [t.node.number for t in (x, y, z) if t.node is not None]
    assert numbers == sorted(numbers)
    assert isinstance(x.node, Node)


def test_hook_that_removes_itself_does_not_hide_the_next() -> None:
    x = leaf(1.0)
    seen = []
    remove = x.register_hook(lambda g: (seen.append("first"), remove())[0])
    x.register_hook(lambda g: seen.append("second"))
    (x * 2).backward()
    assert seen == ["first", "second"]
    remove()  # a second time does nothing


def test_hook_cannot_write_into_a_gradient() -> None:
    x = leaf(1.0, 2.0)

    def in_place(g: Any) -> None:
        g *= 10

    x.register_hook(in_place)
    with pytest.raises(ValueError, match="read-only"):
        x.sum().backward()


def test_hooks_run_once_around_a_checkpoint() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g * 2)
    tg.checkpoint(lambda x: x * 3)(x).backward()
    np.testing.assert_array_equal(x.grad, [6.0])


def test_loss_that_is_kept_does_not_keep_its_batch() -> None:
    w = tg.tensor(np.ones(200), requires_grad=True)
    batch = np.full(200, 3.0)  # more than a node keeps for pictures
    remembered = weakref.ref(batch)
    loss = (w * batch).sum()
    del batch
    loss.backward()
    assert remembered() is None


def test_operand_that_is_small_is_kept_without_its_tensor() -> None:
    w = leaf(1.0, 2.0)
    batch = tg.tensor([3.0, 4.0], name="batch")
    remembered = weakref.ref(batch)
    loss = (w * batch).sum()
    del batch
    loss.backward()
    assert remembered() is None
    kept = loss.node.parents[0].inputs[1]
    assert kept.name == "batch"
    np.testing.assert_array_equal(kept.array, [3.0, 4.0])


def test_operands_without_weak_references_are_kept() -> None:
    class WithoutWeakReferences:
        """As much of an array as an operand needs."""

        __slots__ = ("values",)

        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        shape = property(lambda self: self.values.shape)
        ndim = property(lambda self: self.values.ndim)
        size = property(lambda self: self.values.size)
        dtype = property(lambda self: self.values.dtype)

        def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
            return NotImplemented

        def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
            return ufunc(*(each.values if isinstance(each, WithoutWeakReferences) else each for each in inputs))

    w = tg.Tensor(np.ones(1000), requires_grad=True)
    constant = WithoutWeakReferences(np.full(1000, 3.0))
    result = tg.multiply(w, constant)
    assert result.node is not None
    assert result.node.inputs[1] is constant
    tg.sum(result).backward()


@pytest.mark.parametrize("kind", [np.array, StrictArray])
def test_operands_up_to_a_kilobyte_are_kept_and_larger_ones_are_not(kind: Any) -> None:
    w = tg.tensor(np.ones((2, 64)), requires_grad=True)
    for size, kept in ((128, True), (129, False)):
        constant = kind(np.ones((size, 1, 1)))
        remembered = weakref.ref(constant)
        loss = (w * constant).sum()
        del constant
        loss.backward()
        assert loss.node is not None
        assert (remembered() is not None) is kept


@pytest.mark.parametrize("kind", [np.array, StrictArray])
def test_small_operands_keep_their_names(kind: Any) -> None:
    w = leaf(1.0, 2.0)
    result = w * tg.Tensor(kind([3.0, 4.0]), name="batch")
    assert result.node is not None
    kept = result.node.inputs[1]
    assert kept.name == "batch"
    assert isinstance(kept.array, type(kind([3.0])))


def test_observer_of_a_pass_may_keep_each_contribution() -> None:
    seen: list[Any] = []

    def observe(node: Node, gradient: Any, wanted: Any) -> Any:
        for position, contribution in node.operation.call(node, gradient, wanted):
            yield position, contribution
            if node.operation.name == "multiply":
                seen.append(contribution)

    x = leaf(1.0, 2.0)
    y = (x * 1.0 + x * 2.0 + x * 3.0 + x * 4.0).sum()
    assert y.node is not None
    found = backpropagate({y.node: np.ones(())}, release=True, call=observe)
    assert [contribution[0] for contribution in seen] == [4.0, 3.0, 2.0, 1.0]
    np.testing.assert_array_equal(found[x.node], [10.0, 10.0])


def test_recorded_gradients_may_be_sums_of_arrays_and_tensors() -> None:
    @tg.op(x=lambda g, x_shape: np.ones(x_shape))
    def linear_once(x: Any) -> Any:
        return x * 1.0

    x = leaf(1.0, 2.0)
    y = (x * x + linear_once(x) + linear_once(x)).sum()  # the two arrays arrive first, then two tensors
    slope = tg.gradient(y, x, create_graph=True)
    np.testing.assert_array_equal(slope.data, [4.0, 6.0])
    np.testing.assert_array_equal(tg.gradient(slope.sum(), x), [2.0, 2.0])


# -- several passes at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("retain_graph", [False, True])
@pytest.mark.parametrize("again", ["the result", "an intermediate result", "gradient"])
def test_backward_from_a_hook_of_the_same_graph_is_refused(again: str, retain_graph: bool) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    y = (h * h).sum()

    def hook(g: Any) -> None:
        if again == "gradient":
            tg.gradient(y, [x])
        elif again == "the result":
            y.backward(retain_graph=retain_graph)
        else:
            h.backward(g, retain_graph=retain_graph)

    remove = h.register_hook(hook)
    with pytest.raises(RuntimeError, match=r"^backward: another backward pass through this graph is running"):
        y.backward(retain_graph=True)
    assert x.grad is None
    remove()
    y.backward()
    np.testing.assert_array_equal(x.grad, [4.0, 32.0])


def test_backward_of_another_graph_from_a_hook_is_possible() -> None:
    x, w = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    h = x * w
    h.register_hook(lambda g: (w * w).backward())  # they have a leaf in common
    (h * h).backward()
    assert x.grad is not None
    assert w.grad is not None
    assert (x.grad.item(), w.grad.item()) == (2 * 6 * 3, 2 * 6 * 2 + 2 * 3)


def test_backward_in_two_threads_on_one_graph_is_refused() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    h = x * x
    y = h * h
    errors: list[RuntimeError] = []

    def second() -> None:
        try:
            y.backward()
        except RuntimeError as error:
            errors.append(error)

    def hook(g: Any) -> None:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    h.register_hook(hook)
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 4 * 2**3
    assert len(errors) == 1
    assert "another backward pass" in str(errors[0])
    with pytest.raises(RuntimeError, match="released by an earlier"):
        y.backward()

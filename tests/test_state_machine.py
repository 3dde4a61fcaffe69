"""Random graphs grow beside a naive engine: after every step both hold the same values and the same gradients.

The machine does with tensors whatever a user can do, in any order: mostly sensible things, sometimes things that
must be refused. Everything is done twice, here with a tensor and there with a `naive.Value`, and compared.
"""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import tensorgrad as tg
from tensorgrad.node import Node
from tensorgrad.tensor import plain
from tests import naive

pytestmark = pytest.mark.filterwarnings("ignore:grad. this tensor is the result of")  # every `grad` is read

SHAPES: list[naive.Shape] = [(3,), (2, 3), (), (2, 1), (3, 2), (1, 3), (1,)]

ELEMENTWISE: list[Callable[[Any], Any]] = [np.sin, np.cos, np.tanh, np.square]

LINEAR: list[Callable[[Any], Any]] = [
    np.negative,
    np.copy,
    np.transpose,
    np.ravel,
    np.sum,
    np.mean,
    lambda a: a * 0.5,
    lambda a: 1.5 * a,
    lambda a: np.sum(a, axis=0),
    lambda a: np.mean(a, axis=-1, keepdims=True),
    lambda a: np.reshape(a, (3, -1)),
    lambda a: np.broadcast_to(a, (2, 3)),
]

TAKING: list[Callable[[Any], Any]] = [
    lambda a: a[None],
    lambda a: a[..., ::-1],
    lambda a: a[1:],
    lambda a: a[..., 0],
    lambda a: a[[0, 0, -1]],
    lambda a: a[[0, 1], [1, 1]],
    lambda a: a[np.arange(a.size).reshape(a.shape) % 3 != 1],
    lambda a: a[5],  # refused by every shape here
]

LINEAR_PAIRS: list[Callable[[Any, Any], Any]] = [
    np.add,
    np.subtract,
    lambda a, b: np.where(np.array([True, False, True]), a, b),
    lambda a, b: np.concatenate([np.ravel(a), np.ravel(b)])[:4],
    lambda a, b: np.stack([np.sum(a), np.sum(b), np.sum(a)]),
]

PRODUCTS: list[Callable[[Any, Any], Any]] = [np.multiply, np.matmul, np.multiply]

PLACES: list[Any] = [0, ..., slice(None, None, 2), (..., -1), [0, -1, 0], np.array([True, False, True]), 7]


def assigning(place: Any) -> Callable[[Any, Any], Any]:
    def assigned(a: Any, b: Any) -> Any:
        result = np.array(a)
        result[place] = b
        return result

    return assigned


ASSIGNMENTS = [assigning(place) for place in PLACES]

COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]

MOST_ELEMENTS = 12
LARGEST_NUMBER = 100.0
MOST_PAIRS = 16
MOST_TO_DIFFERENTIATE_AGAIN = 40
"""Keep arrays, pools and derivatives of derivatives small: what is rare in small graphs is not commoner in large."""


@dataclass
class Hook:
    """One registered hook, and what the two engines showed to it."""

    factor: float | None
    seen: list[np.ndarray] = field(default_factory=list)
    expected: list[np.ndarray] = field(default_factory=list)

    def on_gradient(self, gradient: Any) -> Any:
        self.seen.append(np.array(plain(gradient)))
        return None if self.factor is None else gradient * self.factor

    def on_value(self, gradient: naive.Value) -> naive.Value | None:
        self.expected.append(gradient.array)
        return None if self.factor is None else naive.linear(SCALES[self.factor], gradient)


SCALES: dict[float, Callable[[Any], Any]] = {-1.0: lambda g: g * -1.0, 0.5: lambda g: g * 0.5, 2.0: lambda g: g * 2.0}


@dataclass
class Pair:
    """A tensor and what it must be."""

    tensor: tg.Tensor
    value: naive.Value
    grad: np.ndarray | None = None
    retains: bool = False
    shares: bool = False  # its memory, maybe, with another: then it must not be written to in place
    hooks: list[tuple[Hook, Callable[[], None]]] = field(default_factory=list)

    def compare(self) -> None:
        same(self.tensor.data, self.value.array)
        assert self.tensor.requires_grad == self.value.requires_grad
        assert self.tensor.is_leaf == self.value.is_leaf
        assert (self.tensor.grad is None) == (self.grad is None)
        if self.grad is not None:
            assert type(self.tensor.grad) is np.ndarray
            same(self.tensor.grad, self.grad)
        for hook, _ in self.hooks:
            assert len(hook.seen) == len(hook.expected)
            for seen, expected in zip(hook.seen, hook.expected):
                same(seen, expected)


def same(got: Any, expected: np.ndarray) -> None:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    scale = np.max(np.abs(expected), initial=1e-3)  # what cancels to 0 keeps its rounding error
    assert np.max(np.abs(got - expected), initial=0.0) <= 1e-9 * scale, f"{got} is not {expected}"


def outcome(action: Callable[[], Any]) -> tuple[Any, type[Exception] | None, str]:
    """What `action` gives, or the type and the words of the error it is refused with: an error that is kept
    keeps the tensors in its traceback alive, and so does `pytest.raises`."""
    try:
        return action(), None, ""
    except (ValueError, IndexError, TypeError, RuntimeError, naive.Refused) as error:
        return None, type(error), str(error)


def both(real: Callable[[], Any], model: Callable[[], Any]) -> tuple[Any, Any] | None:
    """Return the results of doing it in both engines; None if both refused for the same reason."""
    expected, refusal, reasons = outcome(model)
    got, error, words = outcome(real)
    if refusal is None:
        assert error is None, f"refused, but should not be: {words}"
        return got, expected
    assert error is not None, f"not refused, but should be: {reasons}"
    if refusal is naive.Refused:
        assert error is RuntimeError
        assert any(reason in words for reason in reasons.split(", ")), f"not refused for {reasons}, but: {words}"
    else:
        assert issubclass(error, refusal), f"not refused with {refusal}, but: {words}"
    return None


def refused(action: Callable[[], Any], error: type[Exception], words: str) -> None:
    _, raised, message = outcome(action)
    assert raised is error, f"not refused with {error}, but: {message}"
    assert words in message


def alive() -> int:
    """How many tensors and nodes there are."""
    return sum(type(each) in (Node, tg.Tensor) for each in gc.get_objects())


def is_tracked(pair: Pair) -> bool:
    return pair.value.requires_grad


def is_result(pair: Pair) -> bool:
    return not pair.value.is_leaf


def is_assignable(pair: Pair) -> bool:
    return is_result(pair) or not is_tracked(pair)


def is_single(pair: Pair) -> bool:
    return pair.value.array.size == 1


numbers = st.integers(0, 127)
"""Which tensor, which function, which shape: taken modulo how many there are."""


class Graphs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[Pair] = []
        self.made = 0
        gc.collect()
        self.alive_before = alive()  # nothing, unless a failed run before this one left a traceback

    def pick(self, number: int, usual: Callable[[Pair], bool] = lambda pair: True) -> Pair:
        """One of the pairs; seven times out of eight one of the `usual` kind, with which there is more to see."""
        pairs = [pair for pair in self.pairs if usual(pair) or number % 8 == 0] or self.pairs
        return pairs[number // 8 % len(pairs)]

    def numbers_for(self, shape: naive.Shape) -> np.ndarray:
        self.made += 1
        return np.cos(7.0 * self.made + np.arange(int(np.prod(shape)))).reshape(shape)

    def keep(
        self, tensor: tg.Tensor, value: naive.Value, *, shares: bool = False, grad: np.ndarray | None = None
    ) -> None:
        """Take a new pair in, and let an old one go when there are many: its tensor dies, its graph may live on."""
        if not 0 < value.array.size <= MOST_ELEMENTS or np.max(np.abs(value.array)) > LARGEST_NUMBER:
            return
        pair = Pair(tensor, value, shares=shares, grad=grad)
        pair.compare()
        self.pairs.append(pair)
        if len(self.pairs) > MOST_PAIRS:
            self.pairs.pop(self.made % MOST_PAIRS).compare()
            self.made += 1

    def do(
        self, function: Callable[..., Any], model: Callable[..., naive.Value], *operands: Pair, shares: bool = False
    ) -> None:
        results = both(
            lambda: function(*[pair.tensor for pair in operands]),
            lambda: model(function, *[pair.value for pair in operands]),
        )
        if results is not None:
            self.keep(*results, shares=shares)

    # -- new tensors --------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for shape in SHAPES[:3]:
            array = self.numbers_for(shape)
            self.keep(tg.tensor(array, requires_grad=True), naive.Value(array, requires_grad=True))

    @rule(shape=numbers, tracked=st.booleans())
    def leaf(self, shape: int, tracked: bool) -> None:
        array = self.numbers_for(SHAPES[shape % len(SHAPES)])
        self.keep(tg.tensor(array, requires_grad=tracked), naive.Value(array, requires_grad=tracked))

    @rule(choice=numbers, a=numbers)
    def elementwise(self, choice: int, a: int) -> None:
        self.do(ELEMENTWISE[choice % len(ELEMENTWISE)], naive.elementwise, self.pick(a, is_tracked))

    @rule(choice=numbers, a=numbers)
    def linear(self, choice: int, a: int) -> None:
        pair = self.pick(a, is_tracked)
        pair.shares = True
        self.do(LINEAR[choice % len(LINEAR)], naive.linear, pair, shares=True)

    @rule(choice=numbers, a=numbers)
    def take(self, choice: int, a: int) -> None:
        pair = self.pick(a, is_tracked)
        pair.shares = True
        self.do(TAKING[choice % len(TAKING)], naive.linear, pair, shares=True)

    @rule(choice=numbers, a=numbers, b=numbers)
    def linear_pair(self, choice: int, a: int, b: int) -> None:
        self.do(LINEAR_PAIRS[choice % len(LINEAR_PAIRS)], naive.linear, self.pick(a), self.pick(b))

    @rule(choice=numbers, a=numbers, b=numbers)
    def product(self, choice: int, a: int, b: int) -> None:
        self.do(PRODUCTS[choice % len(PRODUCTS)], naive.bilinear, self.pick(a), self.pick(b))

    @rule(choice=numbers, a=numbers, b=numbers)
    def diamond(self, choice: int, a: int, b: int) -> None:
        """Two ways from `a` to one result."""
        function = ELEMENTWISE[choice % len(ELEMENTWISE)]
        one, other = self.pick(a), self.pick(b)
        results = both(
            lambda: function(one.tensor) * other.tensor + one.tensor,
            lambda: naive.linear(
                np.add,
                naive.bilinear(np.multiply, naive.elementwise(function, one.value), other.value),
                one.value,
            ),
        )
        if results is not None:
            self.keep(*results)

    @rule(choice=numbers, a=numbers, again=st.booleans())
    def island(self, choice: int, a: int, again: bool) -> None:
        """Computed under no_grad, maybe with recording switched on again inside."""
        function, pair = ELEMENTWISE[choice % len(ELEMENTWISE)], self.pick(a)
        with tg.no_grad():
            with tg.enable_grad() if again else nullcontext():
                tensor = function(pair.tensor)
            assert not tg.is_grad_enabled()
        value = naive.elementwise(function, pair.value)
        self.keep(tensor, value if again else naive.Value(value.array))

    @rule(a=numbers)
    def detach(self, a: int) -> None:
        pair = self.pick(a)
        pair.shares = True
        self.keep(pair.tensor.detach(), naive.Value(pair.value.array), shares=True)

    @rule(choice=numbers, a=numbers)
    def copy(self, choice: int, a: int) -> None:
        pair = self.pick(a)
        duplicating = COPIES[choice % len(COPIES)]
        if not pair.value.is_leaf:
            refused(lambda: duplicating(pair.tensor), TypeError, "copy: this tensor is the result of an operation")
            return
        duplicate = duplicating(pair.tensor)
        assert not np.shares_memory(duplicate.data, pair.tensor.data)
        value = naive.Value(pair.value.array, requires_grad=pair.value.requires_grad)
        self.keep(duplicate, value, grad=pair.grad)

    # -- tensors that change ------------------------------------------------------------------------------

    @rule(place=numbers, a=numbers, b=numbers)
    def assign_items(self, place: int, a: int, b: int) -> None:
        """`a[place] = b`: only `a` changes, whatever was made from it stays; a pass right behind shows where `a` is."""
        pair, other = self.pick(a, is_assignable), self.pick(b, is_single)
        if pair.value.is_leaf and pair.value.requires_grad:
            refused(lambda: pair.tensor.__setitem__(0, other.tensor), RuntimeError, "setitem: this tensor is a leaf")
            return
        assigned = ASSIGNMENTS[place % len(ASSIGNMENTS)]
        results = both(
            lambda: pair.tensor.__setitem__(PLACES[place % len(PLACES)], other.tensor),
            lambda: naive.linear(assigned, pair.value, other.value),
        )
        if results is not None:
            pair.value, pair.hooks = results[1], []
            self.go_back(pair, self.numbers_for(pair.value.array.shape), retain=True)

    @rule(a=numbers, in_place=st.booleans())
    def assign_data(self, a: int, in_place: bool) -> None:
        pair = self.pick(a)
        if not pair.value.is_leaf:
            refused(
                lambda: setattr(pair.tensor, "data", pair.value.array), RuntimeError, "data: this tensor is the result"
            )
        elif pair.value.requires_grad:
            new = naive.Value(self.numbers_for(pair.value.array.shape), requires_grad=True)
            if in_place and not pair.shares:
                pair.tensor.data -= 0.25
                new.array = pair.value.array - 0.25
            else:
                pair.tensor.data = new.array.copy()
                pair.shares = False
            pair.value.mark, new.hooks = "changed", pair.value.hooks
            pair.value = new
            pair.compare()

    @rule(a=numbers)
    def require_grad(self, a: int) -> None:
        pair = self.pick(a)
        if not pair.value.requires_grad:
            pair.tensor.requires_grad = True
            pair.value = naive.Value(pair.value.array, requires_grad=True)
            pair.compare()

    @rule(a=numbers)
    def forget(self, a: int) -> None:
        """The user's last name for a tensor goes."""
        if len(self.pairs) > 3:
            self.pairs.pop(a % len(self.pairs)).compare()

    # -- gradients ----------------------------------------------------------------------------------------

    @rule(a=numbers)
    def retain_grad(self, a: int) -> None:
        pair = self.pick(a, is_result)
        if pair.value.requires_grad:
            pair.tensor.retain_grad()
            pair.retains = True
        else:
            refused(pair.tensor.retain_grad, RuntimeError, "retain_grad: this tensor requires no gradient")

    @rule(a=numbers, factor=st.sampled_from([None, *SCALES]))
    def add_hook(self, a: int, factor: float | None) -> None:
        pair, hook = self.pick(a, is_tracked), Hook(factor)
        if pair.value.requires_grad:
            pair.hooks.append((hook, pair.tensor.register_hook(hook.on_gradient)))
            pair.value.hooks.append(hook.on_value)
        else:
            refused(
                lambda: pair.tensor.register_hook(hook.on_gradient),
                RuntimeError,
                "register_hook: this tensor requires no gradient",
            )

    @rule(a=numbers, which=numbers)
    def remove_hook(self, a: int, which: int) -> None:
        pair = self.pick(a)
        if pair.hooks:
            hook, remove = pair.hooks.pop(which % len(pair.hooks))
            remove()
            pair.value.hooks.remove(hook.on_value)

    @rule(a=numbers)
    def zero_grad(self, a: int) -> None:
        pair = self.pick(a)
        pair.tensor.zero_grad()
        pair.grad = None

    @rule(a=numbers)
    def write_into_grad(self, a: int) -> None:
        """A gradient is the user's own: what they do to it shows nowhere else."""
        pair = self.pick(a)
        if pair.grad is not None:
            pair.tensor.grad[...] = 0.125
            pair.grad = np.full_like(pair.grad, 0.125)

    @rule(a=numbers, retain=st.booleans())
    def backward(self, a: int, retain: bool) -> None:
        """From a single number, mostly made here, without a seed."""
        pair = self.pick(a, is_tracked)
        if pair.value.array.size != 1:
            if pair.value.requires_grad:
                refused(pair.tensor.backward, ValueError, "not a single number")
            total = both(lambda: np.sum(pair.tensor), lambda: naive.linear(np.sum, pair.value))
            assert total is not None
            pair = Pair(*total)
        self.go_back(pair, None, retain)

    @rule(a=numbers, retain=st.booleans())
    def backward_from_seed(self, a: int, retain: bool) -> None:
        pair = self.pick(a, is_tracked)
        self.go_back(pair, self.numbers_for(pair.value.array.shape), retain)

    def go_back(self, pair: Pair, seed: np.ndarray | None, retain: bool) -> None:
        model_seed = np.ones(pair.value.array.shape) if seed is None else seed.copy()
        results = both(
            lambda: pair.tensor.backward(seed, retain_graph=retain),
            lambda: naive.gradients(pair.value, model_seed, retain=retain),
        )
        found: dict[naive.Value, naive.Value] = {} if results is None else results[1]
        for each in self.pairs:
            if each.value in found and (each.retains or each.value.is_leaf):
                arrived = found[each.value].array
                each.grad = arrived if each.grad is None else each.grad + arrived
            each.compare()
        if seed is not None:
            assert np.array_equal(seed, model_seed)

    @rule(a=numbers, b=numbers, retain=st.booleans())
    def gradient_towards(self, a: int, b: int, retain: bool) -> None:
        """Of one tensor by another, leaf or not. No `grad` changes."""
        one, other = self.pick(a, is_result), self.pick(b, is_tracked)
        if other.value.requires_grad:
            seed = self.numbers_for(one.value.array.shape)
            results = both(
                lambda: tg.gradient(one.tensor, other.tensor, grad_outputs=seed, retain_graph=retain),
                lambda: naive.gradients(one.value, seed, retain=retain, towards=other.value)[other.value],
            )
            if results is not None:
                same(results[0], results[1].array)

    @rule(a=numbers, b=numbers)
    def gradient_to_go_on_with(self, a: int, b: int) -> None:
        """A gradient that is itself recorded joins the other tensors."""
        one, other = self.pick(a, is_result), self.pick(b, is_tracked)
        small = len(naive.consumers_in(one.value)) <= MOST_TO_DIFFERENTIATE_AGAIN
        if other.value.requires_grad and small:
            seed = self.numbers_for(one.value.array.shape)
            results = both(
                lambda: tg.gradient(one.tensor, other.tensor, grad_outputs=seed, create_graph=True),
                lambda: naive.gradients(one.value, seed, retain=True, towards=other.value)[other.value],
            )
            if results is not None:
                self.keep(*results, shares=True)

    # -- the end ------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # else a traceback keeps tensors alive, and there is something else to report
            for pair in self.pairs:
                pair.compare()
            del pair
            self.pairs.clear()
            assert alive() <= self.alive_before, "reference counts alone must free the graph"


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The collector does not run, and `gc.get_objects` shows only what was made since."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("examples", "steps"), [pytest.param(5, 30, id="few"), pytest.param(100, 60, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("no_collector")
def test_random_graphs_agree_with_the_naive_engine(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Graphs,
        settings=settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck)),
    )


# -- threads and depth ------------------------------------------------------------------------------------


def random_steps(seed: int, count: int) -> list[np.ndarray]:
    """What the tensors and their gradients are after `count` steps of a machine that `seed` alone decides."""
    rng = np.random.default_rng(seed)
    graphs = Graphs()
    graphs.begin()
    steps: list[Callable[[int, int, bool], None]] = [
        lambda a, b, yes: graphs.leaf(a, tracked=True),
        lambda a, b, yes: graphs.elementwise(a + b, a),
        lambda a, b, yes: graphs.linear(a + b, a),
        lambda a, b, yes: graphs.product(a + b, a, b),
        lambda a, b, yes: graphs.diamond(a + b, a, b),
        lambda a, b, yes: graphs.island(a + b, a, again=yes),
        lambda a, b, yes: graphs.assign_items(a + b, a, b),
        lambda a, b, yes: graphs.assign_data(a, in_place=yes),
        lambda a, b, yes: graphs.add_hook(a, 0.5),
        lambda a, b, yes: graphs.backward_from_seed(a, retain=yes),
        lambda a, b, yes: graphs.gradient_to_go_on_with(a, b),
    ]
    for _ in range(count):
        which, a, b, yes = (int(n) for n in rng.integers([len(steps), 64, 64, 2]))
        steps[which](a, b, bool(yes))
    return [array for pair in graphs.pairs for array in (pair.tensor.data, pair.tensor.grad) if array is not None]


@pytest.mark.slow
def test_eight_threads_at_once_compute_what_one_computes() -> None:
    expected = random_steps(seed=1, count=300)
    start = threading.Barrier(8)
    results: list[list[np.ndarray]] = []
    errors: list[BaseException] = []

    def work() -> None:
        start.wait()
        try:
            results.append(random_steps(seed=1, count=300))
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert len(results) == 8
    for result in results:
        assert len(result) == len(expected) > 10
        assert all(np.array_equal(got, wanted) for got, wanted in zip(result, expected))


@pytest.mark.slow
def test_a_chain_of_a_million_goes_back_and_is_freed() -> None:
    x = tg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad == 1.0
    del y

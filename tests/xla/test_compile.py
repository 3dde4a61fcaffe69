"""`tg.compile`: the numbers of eager NumPy, from programs that notice every change of what a function uses."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

jax = pytest.importorskip("jax")

from tensorgrad import xla  # noqa: E402
from tensorgrad.xla import _program  # noqa: E402

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
LABELS = np.array([0, 2, 1, 1, 0, 2])


def network(dtype: Any = np.float64) -> nn.Sequential:
    return nn.Sequential(
        nn.Dense(4, 5, dtype=dtype, rng=1), nn.BatchNorm(5, dtype=dtype), nn.Tanh(), nn.Dense(5, 3, dtype=dtype, rng=2)
    )


def training_step(made: nn.Sequential) -> Callable[..., Any]:
    loss = nn.SoftmaxCrossEntropy()

    def step(x: Any, y: Any, rate: float) -> Any:
        value = loss(made(x), y)
        made.zero_grad()
        value.backward()
        for parameter in made.parameters():
            parameter.data = parameter.data - rate * parameter.grad
        return value

    return step


def state(made: nn.Module) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in made.state_dict().items()}


def assert_same_state(one: nn.Module, other: nn.Module) -> None:
    for (name, ours), theirs in zip(state(one).items(), state(other).values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14, err_msg=name)


# -- the numbers of eager NumPy ---------------------------------------------------------------------------


def test_training_step_updates_parameters_and_buffers_as_eager_steps_do() -> None:
    eager, compiled = network(), network()
    theirs, ours = training_step(eager), tg.compile(training_step(compiled))
    for rate in (0.1, 0.2, 0.05):
        np.testing.assert_allclose(ours(X, LABELS, rate).item(), theirs(X, LABELS, rate).item(), rtol=1e-12)
    assert_same_state(compiled, eager)
    assert ours.traces == 2  # without gradients, and with those of the first call
    assert all(isinstance(p.array, xla.Array) for p in compiled.parameters())
    for p, q in zip(compiled.parameters(), eager.parameters()):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-12, atol=1e-14)


def cube(v: Any) -> tg.Tensor:
    return tg.sum(v**3)


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "value_and_grad": lambda x: tg.value_and_grad(lambda p: cube(p["w"]) * p["b"][0])({"w": x, "b": [x[0, 0]]}),
    "hvp": lambda x: tg.hvp(cube, x, 2 * x),
    "jvp": lambda x: tg.jvp(lambda v: v**3, (x,), (x + 1,)),
    "vjp": lambda x: tg.vjp(tg.exp, x)[1](x),
    "hessian": lambda x: tg.hessian(cube)(x[0]),
    "grad of grad": lambda x: tg.grad(lambda v: tg.sum(tg.grad(cube)(v)))(x),
    "checkpoint": lambda x: tg.grad(lambda v: tg.sum(tg.checkpoint(lambda u: tg.exp(u) * u)(v)))(x),
    "numbers and strings": lambda x: [tg.sum(x, axis=1), "a", 3, None, {"again": (tg.mean(x), x)}],
}


INDICES: dict[str, Any] = {
    "slices": (slice(1, None), slice(None, None, -2)), "integers": (1, 2), "rows": np.array([0, 2, 0]),
    "new axis": (None, ..., 1), "mask": X > 0, "pairs": (np.array([0, 3, 3]), np.array([1, 1, 1])),
    "rows of slices": (slice(2), np.array([2, 0])), "list": [0, 0], "boolean axis": (slice(None), np.arange(4) > 1),
}  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_items_and_their_gradients(name: str) -> None:
    index = INDICES[name]

    def items(x: Any) -> Any:
        def loss(t: Any) -> Any:
            changed = t * 2
            changed[index] = tg.sin(t)[index] * 3
            return tg.sum(t[index] ** 3) + tg.sum(changed**2)

        return tg.value_and_grad(loss)(x), tg.hvp(loss, x, x + 1)

    for ours, theirs in zip(jax.tree.leaves(tg.compile(items)(X)), jax.tree.leaves(items(X)), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_and_containers_inside(name: str) -> None:
    expected, got = TRANSFORMS[name](X), tg.compile(TRANSFORMS[name])(X)
    assert str(jax.tree.structure(got)) == str(jax.tree.structure(expected))
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected)):
        assert type(ours) is type(theirs) or isinstance(ours, xla.Array)
        if isinstance(theirs, (tg.Tensor, np.ndarray)):
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-12)
        else:
            assert ours == theirs


def test_methods_modules_and_compiled_functions_inside_compiled_ones() -> None:
    made = network().eval()
    expected = made(X).numpy()
    for function in (made, made.forward, tg.compile(made), lambda x: tg.compile(made)(x)):
        np.testing.assert_allclose(tg.compile(function)(X).numpy(), expected, rtol=1e-12)


def test_methods_can_be_compiled_in_their_class() -> None:
    class Line:
        def __init__(self, slope: float) -> None:
            self.slope, self.offset = slope, tg.tensor(1.0)

        @tg.compile
        def at(self, x: Any) -> Any:
            return x * self.slope + self.offset

    first, second = Line(2.0), Line(3.0)
    second.offset.data = 5.0
    np.testing.assert_allclose(first.at(X).numpy(), 2 * X + 1)
    np.testing.assert_allclose(second.at(X).numpy(), 3 * X + 5)
    first.slope = 3.0
    np.testing.assert_allclose(first.at(X).numpy(), 3 * X + 1)
    assert Line.at.traces == 2


def test_attributes_that_are_computed_once_are_kept() -> None:
    class Lazy(nn.Module):
        def forward(self, x: Any) -> Any:
            if not hasattr(self, "width"):
                self.width, self.table = x.shape[-1], np.arange(x.shape[-1])
            return x * self.width + self.table

    layer = Lazy()
    compiled = tg.compile(layer)
    for _ in range(3):
        np.testing.assert_allclose(compiled(tg.tensor(X)).numpy(), 4 * X + np.arange(4))
    assert layer.width == 4
    assert compiled.traces <= 2


def test_replaced_buffers_are_updated() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            self.count = tg.tensor(0.0)

        def forward(self, x: Any) -> Any:
            self.count = self.count + 1
            return x * self.count

    layer = Counting()
    compiled = tg.compile(layer)
    for number in (1, 2, 3):
        np.testing.assert_allclose(np.asarray(compiled(tg.tensor(X)).array), number * X)
    assert layer.count.item() == 3


def test_tensors_may_be_arguments_twice_and_used_besides() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    def step(first: Any, second: Any) -> Any:
        tg.sum(first * second * w).backward()
        first.data = first.data + 1
        return first

    assert tg.compile(step)(w, w) is w
    np.testing.assert_allclose(np.asarray(w.data), [2.0, 3.0])
    np.testing.assert_allclose(np.asarray(w.grad), [3.0, 12.0])
    other = tg.tensor([5.0, 6.0], requires_grad=True)
    compiled = tg.compile(step)
    assert compiled(other, w) is other
    assert compiled(w, other) is w
    np.testing.assert_allclose(np.asarray(w.data), [3.0, 4.0])


def test_compiled_functions_can_be_copied() -> None:
    compiled = tg.compile(cube)
    compiled(X)
    copied = copy.deepcopy(compiled)
    assert (copied.traces, copied.function) == (0, cube)
    assert pickle.loads(pickle.dumps(compiled))(X).item() == pytest.approx(np.sum(X**3))
    assert repr(compiled) == "<compiled cube, traces=1>"


def test_masked_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="masked"):
        tg.compile(lambda x: x * 2)(np.ma.masked_array(X, X > 0))


def test_results_that_are_parameters_are_the_same_objects() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    first, second = tg.compile(lambda x: (w, x * 2))(X)
    assert first is w
    assert isinstance(second, xla.Array)


# -- changes between calls --------------------------------------------------------------------------------


def test_every_change_between_calls_has_its_effect() -> None:
    made = network()
    scale = {"factor": 1.0, "schedule": nn.ExponentialDecay(0.5, steps=10)}
    factors = np.ones(3)

    def forward(x: Any, step: int) -> Any:
        return made(x) * scale["factor"] * scale["schedule"](step) * factors

    compiled = tg.compile(forward)

    def check(*, programs: int) -> None:
        before = state(made)
        expected = forward(X, 1).numpy()
        made.load_state_dict(before)
        np.testing.assert_allclose(compiled(X, 1).numpy(), expected, rtol=1e-12)
        made.load_state_dict(before)
        assert compiled.traces == programs

    check(programs=1)
    made[0].weight.data = made[0].weight.data * 2  # a parameter
    check(programs=1)
    made[1].running_mean.data = made[1].running_mean.data + 1  # a buffer, which evaluation uses
    made.eval()
    check(programs=2)
    made[1].running_mean.data = made[1].running_mean.data + 1
    check(programs=2)
    made.train()
    check(programs=2)
    made[0].weight = tg.tensor(np.ones((4, 5)), requires_grad=True)  # another parameter
    check(programs=2)
    scale["factor"] = 3.0
    check(programs=3)
    scale["schedule"] = nn.ExponentialDecay(0.25, steps=10)
    check(programs=4)
    made.layers = (*made.layers[:2], nn.ReLU(), made.layers[3])  # another layer
    check(programs=5)
    made[0].weight.requires_grad = False
    check(programs=6)
    factors = np.full(3, 2.0)  # another constant
    check(programs=7)


def test_shapes_dtypes_and_static_arguments_need_programs_of_their_own() -> None:
    compiled = tg.compile(lambda x, p=2, flag=True: x**p if flag else x, static="p")
    for x in (X, X[:2], X, X[:2], X.astype(np.float32)):
        np.testing.assert_allclose(np.asarray(compiled(x)), x**2, rtol=1e-6)
    assert compiled.traces == 3
    np.testing.assert_allclose(np.asarray(compiled(X, 3.0)), X**3, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(compiled(X, p=3.0)), X**3, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(compiled(X, flag=False)), X)
    assert compiled.traces == 6
    with pytest.raises(ValueError, match="has no argument 'q'"):
        tg.compile(lambda x: x, static="q")


def test_floats_have_the_precision_of_the_arrays() -> None:
    compiled = tg.compile(lambda x, factor: x * factor)
    for dtype in (np.float32, np.float64, np.float32, np.float64):
        result = np.asarray(compiled(X.astype(dtype), 0.1))
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, X.astype(dtype) * dtype(0.1))
    assert compiled.traces == 2


@pytest.mark.parametrize("is_fast", [True, False])
def test_assigned_arrays_change_the_leaf_and_invalidate_graphs(is_fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    @tg.compile
    def double() -> None:
        w.data = w.array * 2

    double()
    if not is_fast:
        monkeypatch.setattr(_program.Plan, "_rebound", lambda *_: False)
    number, place = w.node.number, id(w.array)
    double()
    assert w.node.number == number  # no graph has the leaf
    if is_fast:
        assert id(w.array) == place  # nothing else refers to the array
    assert w.node.array is w.array
    held = tg.sum(w * w)
    double()
    with pytest.raises(RuntimeError, match="changed"):
        held.backward()
    tg.sum(w * w).backward()
    np.testing.assert_array_equal(np.asarray(w.grad), [16.0, 32.0])


def test_arrays_that_others_refer_to_are_replaced() -> None:
    w, mean = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0])

    @tg.compile
    def double() -> None:
        w.data = w.array * 2
        mean.data = mean.array * 2

    double()
    array, same_as_mean, square = w.array, mean.detach(), tg.sum(w.detach() * mean)
    for _ in range(2):
        double()
    np.testing.assert_array_equal(np.asarray(array), [2.0, 4.0])
    np.testing.assert_array_equal(np.asarray(same_as_mean.array), [6.0])
    assert square.item() == 36.0
    np.testing.assert_array_equal(np.asarray(w.array), [8.0, 16.0])
    np.testing.assert_array_equal(np.asarray(mean.array), [24.0])
    del array, same_as_mean, square

    tg.sum(w * w).backward()  # the released graph has removed the array from the node
    w.grad, detached = None, w.detach()
    double()
    np.testing.assert_array_equal(np.asarray(detached.array), [8.0, 16.0])
    assert w.node is not None
    assert w.node.array is w.array


def test_arrays_that_were_views_can_be_written_into_after_a_program_has_changed_them() -> None:
    w = tg.Tensor(xla.Array([[1.0, 2.0]]).T)

    @tg.compile
    def double() -> None:
        w.data = w.array * 2

    double()
    w.array[0] = 5.0
    np.testing.assert_array_equal(np.asarray(w.array), [[5.0], [4.0]])


@pytest.mark.parametrize(("rows", "columns", "narrow"), [(7, 40, 3), (7, 40, 33), (5, 3, 4), (1, 9, 1), (0, 9, 2)])
def test_products_with_a_transpose_equal_numpys(rows: int, columns: int, narrow: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, columns)), rng.standard_normal((rows, narrow))
    product = np.asarray(tg.compile(lambda a, b: a.T @ b)(a, b))
    np.testing.assert_allclose(product, a.T @ b, rtol=1e-12, atol=1e-12)
    single = tg.compile(lambda a, b: np.matmul(a.T, b, dtype=np.float32))(a, b)
    assert single.dtype == np.float32


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (0, 4), (3, 0)])
def test_products_with_ones_equal_sums_on_every_device(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal(shape)

    def products(x: Any) -> Any:
        return np.ones(shape[-2]) @ x, x @ np.ones(shape[-1])

    for _ in ("as on a CPU", "as on other devices"):
        of_rows, of_columns = tg.compile(products)(x)
        np.testing.assert_allclose(np.asarray(of_rows), x.sum(axis=-2), rtol=1e-12)
        np.testing.assert_allclose(np.asarray(of_columns), x.sum(axis=-1), rtol=1e-12)
        monkeypatch.setattr(jax.lax, "platform_dependent", lambda values, cpu, default: default(values))


def test_products_with_ones_of_another_length_are_refused() -> None:
    x = np.zeros((3, 4))
    for product in (lambda x: np.ones(4) @ x, lambda x: x @ np.ones(3), lambda x: np.ones(5) @ x):
        with pytest.raises((ValueError, TypeError)):
            tg.compile(product)(x)


def test_many_programs_are_warned_about_once() -> None:
    compiled = tg.compile(lambda x, n: x + n)
    for n in range(15):
        compiled(X, n)
    with pytest.warns(UserWarning, match="was traced 16 times"):
        compiled(X, 15)
    compiled(X, 16)


def test_captured_arrays_are_constants() -> None:
    constant = np.ones(4)
    compiled = tg.compile(lambda x: x * constant)
    compiled(X)
    constant[:] = 5.0
    np.testing.assert_array_equal(np.asarray(compiled(X)), X)


# -- what stays as it was ---------------------------------------------------------------------------------


def test_no_array_of_the_user_is_changed() -> None:
    made = network()
    arrays = [*(p.array for p in made.parameters()), X.copy(), LABELS.copy()]
    before = [a.copy() for a in arrays]
    step = tg.compile(training_step(made))
    for _ in range(3):
        result = step(arrays[-2], arrays[-1], 0.1)
    old = [p.array for p in made.parameters()]
    values = [np.asarray(a) for a in old]
    step(arrays[-2], arrays[-1], 0.1)
    for array, expected in [*zip(arrays, before), *zip(old, values)]:
        np.testing.assert_array_equal(array, expected)
    assert result.node is None


def test_a_failed_trace_leaves_everything_as_it_was() -> None:
    made = network()
    made.seen, kept = [], {"last": None}
    before = [(t, t.array, t.node, t.grad) for _, t in made.named_state()]

    def failing(x: Any) -> Any:
        made.last_input = made(x)
        made.seen.append(made.last_input)
        kept["last"] = made.last_input
        made.last_input.sum().backward()
        made[0].weight.data = made[0].weight.data * 2
        if made.last_input.sum() > 0:
            return 1
        return 2

    with pytest.raises(xla.TraceError, match="a condition needs the values"):
        tg.compile(failing)(X)
    assert all((t.array, t.node, t.grad) == (array, node, grad) for t, array, node, grad in before)
    assert not hasattr(made, "last_input")
    assert made.seen == []
    assert kept == {"last": None}
    assert tg.compile(lambda x: x * 2)(X) is not None


def test_placeholders_are_removed_from_attributes_after_a_trace() -> None:
    class Remembering(nn.Module):
        def forward(self, x: Any) -> Any:
            self.last = x * 2
            return self.last

    layer = Remembering()
    tg.compile(layer)(tg.tensor(X))
    assert not hasattr(layer, "last")


def test_float32_programs_have_no_float64_and_x64_is_on_inside_only() -> None:
    made = nn.Sequential(
        nn.Dense(4, 5, rng=1), nn.BatchNorm(5), nn.GELU(), nn.Dropout(0.2, rng=4), nn.Dense(5, 3, rng=2)
    )
    step = tg.compile(training_step(made))
    step(X.astype(np.float32), LABELS, 0.1)
    step(X.astype(np.float32), LABELS, 0.1)
    assert "f64" not in step.hlo
    assert "f32" in step.hlo
    assert jax.numpy.ones(3).dtype == np.float32
    assert made(X.astype(np.float32)).dtype == np.float32
    assert step.flops > 100
    assert step.bytes_accessed > 100
    with pytest.raises(RuntimeError, match="has not been called"):
        tg.compile(made).hlo  # noqa: B018


# -- random numbers ---------------------------------------------------------------------------------------


def test_random_layers_draw_other_numbers_in_each_call_and_the_same_in_each_run() -> None:
    runs = []
    for _ in range(2):
        layers = nn.Sequential(nn.Dropout(0.5, rng=5), nn.GaussianNoise(0.1, rng=6), nn.SpatialDropout(0.2, rng=7))
        compiled = tg.compile(layers)
        runs.append([compiled(np.ones((50, 40))).numpy() for _ in range(3)])
        compiled.iteration = 1
        np.testing.assert_array_equal(compiled(np.ones((50, 40))).numpy(), runs[-1][1])
        assert compiled.traces == 1
    np.testing.assert_array_equal(*runs)
    first, second, _ = runs[0]
    assert 0.5 < np.mean(np.abs(first) < 0.6) < 0.7  # dropped by the first layer, or by the third: 0.6 of all
    assert not np.array_equal(first, second)


def test_numbers_inside_a_program_have_their_distribution() -> None:
    layer = nn.Dropout(0.25, rng=0)

    def draw(n: int) -> Any:
        rng = tg.randomness.source(layer.rng)
        return rng.random((n,)), rng.normal(3.0, 2.0, (n,)), rng.uniform(-1.0, 1.0, n), rng.integers(2, 5, n)

    uniform, normal, between, integers = map(np.asarray, tg.compile(draw)(20_000))
    assert abs(uniform.mean() - 0.5) < 0.02
    assert 0 <= uniform.min() < uniform.max() < 1
    assert abs(normal.mean() - 3) < 0.1
    assert abs(normal.std() - 2) < 0.1
    assert abs(between.mean()) < 0.03
    assert set(integers) == {2, 3, 4}


# -- what cannot be traced --------------------------------------------------------------------------------

CAPTURED = np.zeros((6, 4))
STRANGER = tg.tensor(X[0], requires_grad=True, name="stranger")
HIDDEN = weakref.ref(STRANGER)
GENERATOR = np.random.default_rng(0)


def branch(x: Any) -> Any:
    return x if x.sum() > 0 else -x


def masked(x: Any) -> Any:
    return tg.tensor(x)[x > 0]


def masked_array(x: Any) -> Any:
    return x[x > 0]


def counted(x: Any) -> Any:
    return np.unique(x)


def written(x: Any) -> Any:
    CAPTURED[:] = x


def written_by_out(x: Any) -> Any:
    return np.add(x, 1, out=CAPTURED)


def written_argument(x: Any) -> Any:
    x[0] = 1.0


def written_view(x: Any) -> Any:
    y = np.exp(x)
    y[0][1] = 0.0


def converted(x: Any) -> Any:
    return float(np.sum(x))


def drawn(x: Any) -> Any:
    return x * GENERATOR.normal()


def drawn_globally(x: Any) -> Any:
    return x * np.random.normal()  # noqa: NPY002


def drawn_by_a_new_generator(x: Any) -> Any:
    return nn.Dropout(0.5, rng=0)(tg.tensor(x)).array


def chosen(x: Any) -> Any:
    return np.compress(x[0] > 0, x, axis=1)


def hidden() -> tg.Tensor:
    return HIDDEN()  # type: ignore[return-value]


def unknown_tensor(x: Any) -> Any:
    return hidden() * x


def unknown_tensor_without_recording(x: Any) -> Any:
    with tg.no_grad():
        return hidden() * x


def counter(x: Any) -> Any:
    counter_state["calls"] += 1
    return x


counter_state = {"calls": 0}

REFUSED: dict[Callable[..., Any], str] = {
    branch: r"a condition needs the values of an array of shape \(\).*return x if x.sum\(\) > 0.*\n.*tg.where.*static",
    masked: r"getitem cannot be traced, because the shape.*mask.*return tg.tensor\(x\)\[x > 0\]\n.*tg.where",
    masked_array: r"the shape of x\[mask\] depends on the values.*return x\[x > 0\]\n.*tg.where",
    counted: r"the shape of the result of np.unique depends on values.*return np.unique\(x\)\n.*outside",
    written: r"cannot hold an array of shape \(6, 4\).*CAPTURED\[:\] = x\n.*np.where",
    written_by_out: r"cannot be written into: it is a NumPy array.*out=CAPTURED\)\n.*new array",
    written_argument: r"it is an argument.*x\[0\] = 1.0\n.*new array",
    written_view: r"it was taken out of another array.*y\[0\]\[1\] = 0.0\n.*new array",
    converted: r"float needs the values.*return float\(np.sum\(x\)\)\n",
    drawn: "a NumPy random generator drew numbers",
    drawn_globally: "a NumPy random generator drew numbers",
    drawn_by_a_new_generator: "a random generator was made inside the compiled function",
    chosen: "the shape of the result of np.compress depends on values",
    unknown_tensor: r"the tensor 'stranger' \(4,\) requires a gradient.*not found.*\(\) \* x\n.*argu",
    unknown_tensor_without_recording: r"the tensor 'stranger' \(4,\) requires a gradient, but was not found",
    counter: "'calls' changed from 0 to 1 while",
}


@pytest.mark.parametrize("function", REFUSED)
def test_what_cannot_be_traced_names_the_line_and_the_remedy(function: Callable[..., Any]) -> None:
    with pytest.raises(xla.TraceError) as caught:
        tg.compile(function)(X)
    assert str(caught.value).startswith("compile: ")
    assert re.search(REFUSED[function], str(caught.value)), str(caught.value)
    np.testing.assert_array_equal(CAPTURED, 0.0)
    assert counter_state == {"calls": 0}


def test_lost_graphs_are_refused() -> None:
    w = tg.tensor(X, requires_grad=True)
    with pytest.raises(xla.TraceError, match="its graph would be lost"):
        tg.compile(lambda w: tg.sum(w * w))(w)
    with pytest.raises(xla.TraceError, match="its graph would be lost"):
        tg.grad(tg.compile(lambda w: tg.sum(w * w)))(X)
    with tg.no_grad():
        assert tg.compile(lambda w: tg.sum(w * w))(w).item() == pytest.approx(np.sum(X**2))
    y = w * 2
    with pytest.raises(xla.TraceError, match="the result of an operation outside"):
        tg.compile(lambda x: tg.sum(y * x).backward())(X)


def test_missing_jax_is_named_with_the_extra() -> None:
    code = "import sys; sys.modules['jax'] = None; import tensorgrad as tg; tg.compile(abs)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "ModuleNotFoundError: tensorgrad.xla requires JAX: pip install 'tensorgrad[xla]'" in done.stderr


def test_other_errors_are_noted_with_the_line() -> None:
    with pytest.raises(TypeError, match="cannot reshape") as caught:
        tg.compile(lambda x: tg.tensor(x).reshape(5, 5))(X)
    assert any("was traced, at" in note and "reshape(5, 5)" in note for note in caught.value.__notes__)

"""Rules as text: found in the source, written in the graph's names, and true: evaluated they give what rules give."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import linecache
import operator
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.op import Operation, registry
from tensorgrad.viz.formulas.algebra import constant, is_simple, several, symbol
from tensorgrad.viz.formulas.pretty import mathematics
from tensorgrad.viz.formulas.rules import as_declared, expression
from tensorgrad.viz.formulas.substitute import worked_out
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.symbols import gradient_symbols, symbols
from tests.ops.samples import BUILT_IN, Sample, samples_of


def told(output: tg.Tensor) -> dict[str, tuple[str, str]]:
    """For each gradient that arrives its formula and its local derivative; the last one that arrives at a box."""
    recording = capture(output, passes=True)
    names = gradient_symbols(recording)
    return {
        names[recording.boxes[event.box].operands[each.operand].box]: (each.formula, each.local)
        for event in recording.passes[0].events
        for each in event.contributions
    }


def scalar(value: float, name: str) -> tg.Tensor:
    return tg.tensor(value, requires_grad=True, name=name)


# -- as declared ------------------------------------------------------------------------------------------


def test_rules_are_shown_as_in_the_source() -> None:
    """Whatever is found is the text of the declaration: the same rule, if it is compiled."""
    for name, operation in BUILT_IN.items():
        for position, input in enumerate(operation.inputs if operation.rules else ()):
            rule = operation.rules[position]
            if rule is not None:
                shown = as_declared(rule)
                assert shown, f"{name} {input}"
                if rule.__name__ == "<lambda>":
                    body = expression(rule)
                    assert body is not None
                    again = eval(f"lambda {', '.join(inspect.signature(rule).parameters)}: {shown}", rule.__globals__)
                    for part in ("co_consts", "co_varnames"):
                        assert getattr(again.__code__, part) == getattr(rule.__code__, part), f"{name} {input}: {shown}"
                    assert set(again.__code__.co_names) == set(rule.__code__.co_names), f"{name} {input}: {shown}"


def test_rules_on_one_line_are_distinguished() -> None:
    rules = [lambda g, x: g * x, lambda g, x: g + (lambda x: x)(x), lambda g: g]  # fmt: skip
    assert [as_declared(rule) for rule in rules] == ["g * x", "g + (lambda x: x)(x)", "g"]


def test_rules_without_source_have_no_text() -> None:
    rule = eval("lambda g, x: g * x")
    assert as_declared(rule) == ""
    assert expression(rule) is None

    @tg.op(x=rule)
    def doubtful(x):
        return x * x

    x = scalar(3.0, "x")
    assert told(doubtful(x)) == {"∂L/∂x": ("", "")}


def test_helpers_are_shown_by_their_docstring_or_result() -> None:
    def said(x):
        """`2 * x`, slowly."""
        return x + x

    def returns(x):
        """`x` is not code for itself here."""
        return 3 * x

    def does_more(x):
        y = 3 * x
        return y

    texts = [None if (found := expression(f)) is None else ast.unparse(found) for f in (said, returns, does_more, len)]
    assert texts == ["2 * x", "3 * x", None, None]


# -- in the graph's names ---------------------------------------------------------------------------------


def test_formulas_of_common_rules_read_as_in_a_book() -> None:
    a, b = scalar(2.0, "a"), scalar(3.0, "b")
    cases = {
        "b": a * b, "1": a + b, "1 / b": a / b, "2 · a": a**2, "3 · a²": a**3, "-1": 1 - a, "1 - L²": tg.tanh(a),
        "L": tg.exp(a), "1 / a": tg.log(a), "L - L²": tg.sigmoid(a), "L > 0": nn.ReLU()(a), "cos(a)": tg.sin(a),
        "-sin(a)": tg.cos(a), "1 / (2 · L)": tg.sqrt(a), "sign(a)": abs(a), "b · a^(b - 1)": a**b, "0": tg.floor(a),
        "a ≥ 1": tg.clip(a, 1, None), "(a > b) + (a = b) / 2": tg.maximum(a, b), "-L / a": 1 / a,
    }  # fmt: skip
    for local, output in cases.items():
        assert told(output)["∂L/∂a"][1] == local


def test_formulas_of_matrix_rules_show_transposes() -> None:
    x = tg.tensor(np.ones((4, 3)), name="x")
    w = tg.tensor(np.ones((3, 2)), requires_grad=True, name="W")
    y = tg.matmul(x, w)
    y.name = "Y"
    assert told(tg.mean(y)) == {"dY": ("broadcast_to(∂L/∂L / 8, (4, 2))", ""), "dW": ("xᵀ @ dY", "")}
    h = tg.tanh(w)
    assert told(tg.sum(h)) == {"dv": ("broadcast_to(∂L/∂L, (3, 2))", ""), "dW": ("dv · (1 - v²)", "")}


def test_formulas_of_layers_and_losses_read_as_in_the_book() -> None:
    network = nn.Sequential(nn.Dense(3, 5, rng=0), nn.ReLU(), nn.Dense(5, 2, rng=1))
    x = tg.tensor(np.ones((4, 3), np.float32), name="x")
    formulas = {
        name: formula for name, (formula, _) in told(nn.SoftmaxCrossEntropy()(network(x), [0, 1, 1, 0])).items()
    }
    assert formulas == {
        "dv₃": "∂L/∂L · (softmax(v₃) - one_hot(y)) / samples",
        "dv₂": "dv₃ @ 2.weightᵀ",
        "d(2.weight)": "v₂ᵀ @ dv₃",
        "d(2.bias)": "sum(dv₃, axis=0)",
        "dv₁": "dv₂ · (v₂ > 0)",
        "d(0.weight)": "xᵀ @ dv₁",
        "d(0.bias)": "sum(dv₁, axis=0)",
    }


def test_formulas_of_convolution_and_pooling_name_their_functions() -> None:
    image = tg.tensor(np.ones((1, 4, 4, 1)), requires_grad=True, name="x")
    weight = tg.tensor(np.ones((2, 2, 1, 1)), requires_grad=True, name="w")
    functional = nn.functional
    for result, formulas in (
        (functional.conv2d(image, weight), ["conv_transpose(dv, w)", "windows(x)ᵀ @ dv"]),
        (functional.conv_transpose2d(image, weight), ["conv(dv, w)", "windows(dv)ᵀ @ x"]),
        (functional.max_pool2d(image, 2), ["at_largest(dv, x)"]),
        (functional.average_pool2d(image, 2), ["spread(dv, 2)"]),
    ):
        event = capture(tg.sum(result), passes=True).passes[0].events[-1]
        assert [given.formula for given in event.contributions] == formulas


def test_formulas_of_user_defined_operations() -> None:
    def _slope(x):
        """`3 * x**2`, or so."""
        return x + x

    @tg.op(x=lambda g, x: g * _slope(x), y=None)
    def cube(x, y):
        return x**3

    assert told(cube(scalar(2.0, "x"), 1.0)) == {"∂L/∂x": ("∂L/∂L · 3 · x²", "3 · x²")}


def test_formulas_never_use_an_omitted_operand() -> None:
    def _weighted(g, x, weights):
        """`g * 2 * x * weights`, if there are any."""
        slope = 2 * x
        return g * slope if weights is None else g * slope * weights

    @tg.op(x=_weighted, weights=None)
    def squares(x, weights=None):
        return x * x if weights is None else x * x * weights

    x, weights = scalar(3.0, "x"), tg.tensor(5.0, name="w")
    assert told(squares(x, weights)) == {"∂L/∂x": ("∂L/∂L · 2 · x · w", "2 · x · w")}
    assert told(squares(x)) == {"∂L/∂x": ("weighted(∂L/∂L, x, None)", "")}


class Window(NamedTuple):
    """Result of a helper that is an object, not a tuple of numbers."""

    size: int
    stride: int


def window_of(shape):
    size = len(shape)
    return Window(size, 1)


def twice_in(x, window):
    factor = 2 * window.stride
    return factor * x


def test_helpers_that_return_a_named_tuple_are_shown_as_calls() -> None:
    @tg.op(x=lambda g, x: g * twice_in(x, window_of(x.shape)))
    def squared(x):
        return x * x

    assert told(squared(scalar(3.0, "x")))["∂L/∂x"][1] == "twice_in(x, window_of(()))"


def test_kept_values_are_not_confused_with_a_tensor_of_the_same_name() -> None:
    @tg.op(x=lambda g, factor: g * factor, keep=["factor"], composed=lambda x: 3 * x)
    def tripled(x):
        return 3 * x, (3.0,)

    x, other = scalar(2.0, "x"), scalar(5.0, "factor")
    assert told(tripled(x))["∂L/∂x"] == ("∂L/∂L · factor", "factor")
    assert told(tripled(x) * other)["∂L/∂x"] == ("∂L/∂v · tripled.factor", "tripled.factor")


ODD = [
    lambda g, x: g * sum(x for x in (x, x)),
    lambda g, x: g * (lambda x: 2 * x)(x),
    lambda g, x: g * max(*(x, x)) * 2,
    lambda g, x: g * np.sum(**{"a": [x, x]}),
    lambda g, x: g * (x if x in (1, 2) else x + x) if None in (None,) else g,
    lambda g, x: g * np.broadcast_to(x, shape=()) * 2,
    lambda g, x: g * np.where(x > 0, *(x, x)) * 2,
    lambda g, x: g * x * (1, 2)[1],
    lambda g, x: g * x * {"a": 2}["a"],
    lambda g, x: g * operator.itemgetter(0)([x]) * 2,
    lambda g, x: g * x * len("ab"),
    lambda g, x: g * x * 2 if not () else g,
    lambda g, x: (y := g * x) + y,
    lambda g, x: g * x * (5 // 2) + 0 * ~1,
    lambda g, x: g * x * 2.0 ** (not isinstance(x, str)),
    lambda g, x: g * TWICE(x),
    lambda g, x: g * tg.sum.apply(x + x, **{"axis": None}),
]
TWICE = functools.partial(np.multiply, 2)


@pytest.mark.parametrize("rule", ODD, ids=map(str, range(len(ODD))))
def test_formulas_accept_any_syntax_in_a_rule(rule: Any) -> None:
    @tg.op(x=rule)
    def odd(x):
        return x * x

    x = scalar(3.0, "x")
    recording = capture(odd(x), passes=True, checks=True)
    (given,) = recording.passes[0].events[0].contributions
    assert given.rule == as_declared(rule) != ""
    assert given.slope == 6.0
    assert recording.boxes[0].check.verdict == "agrees"
    if given.local:
        assert eval(as_python(given.local), {**NAMES, "x": 3.0, "TWICE": TWICE, "operator": operator}) == 6.0


def test_formulas_ignore_a_source_that_has_changed(tmp_path, monkeypatch) -> None:
    path = tmp_path / "changing.py"
    path.write_text("rule = lambda g, x: g * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    rule = importlib.import_module("changing").rule
    path.write_text("rule = lambda g, y: g + y\n")
    linecache.checkcache(str(path))
    assert as_declared(rule) == ""


def test_symbols_follow_names_and_are_distinct() -> None:
    x, again = scalar(1.0, "x"), scalar(2.0, "x")
    weight = tg.tensor([1.0], name="net.0.weight")
    recording = capture(tg.exp(x * again) * 0.5 + weight)
    assert symbols(recording) == ("x", "x₂", "v₁", "v₂", "0.5", "v₃", "weight", "L")
    paths = [tg.tensor([1.0], name=name) for name in ("net.0.weight", "net.1.weight")]
    assert symbols(capture(x * paths[0] + paths[1]))[1:4] == ("0.weight", "v", "1.weight")
    y = x
    for _ in range(30):
        y = tg.sin(y)
    found = symbols(capture(y))
    assert (found[:3], found[-1]) == (("x", "v₁", "v₂"), "L")
    unnamed = tg.tensor([1.0], requires_grad=True) * np.ones(1) + np.ones(1) + np.ones(1, int)
    assert symbols(capture(unnamed)) == ("w", "x₁", "v₁", "x₂", "v₂", "y", "L")
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "text",
    ["a - (b - c)", "a / (b · c)", "(a + b) · c", "a · (-b)", "(a @ b) · c", "a @ b @ c", "a @ (b @ c)",
     "(a · b) @ c", "(a + b)²", "-a²", "(-a)²", "a^(b - 1)", "√(a + b)", "|a - b|", "(a + b)ᵀ", "(a > b) · c", "a⁻¹",
     "where(a > b, a, 0)"],
)  # fmt: skip
def test_formulas_have_brackets_only_where_needed(text: str) -> None:
    assert mathematics(ast.parse(as_python(text), mode="eval").body) == text


def as_python(text: str) -> str:
    """Return a formula as Python would write it."""
    text = re.sub(
        r"([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "**" + m[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), text
    )
    text = re.sub(
        r"\|([^|]+)\|", r"absolute(\1)", re.sub(r"√(\w+|\()", r"sqrt\1" if "√(" in text else r"sqrt(\1)", text)
    )
    text = re.sub(r"(\w|\([^()]+\))ᵀ", r"transpose(\1)", text)
    for sign, python in (
        ("·", "*"),
        ("^", "**"),
        ("≥", ">="),
        ("≤", "<="),
        ("≠", "!="),
    ):
        text = text.replace(sign, python)
    return text.replace(" = ", " == ")


# -- true -------------------------------------------------------------------------------------------------

NAMES = {function.__name__: function for function in registry.values()} | vars(np) | {"π": np.pi}

MATRICES_ONLY = {"matmul", "dot", "linear"}
"""Written for matrices, which is what one wants to read; vectors and stacks have their axes arranged differently."""

AXES_IN_MIND = {"sum", "prod", "mean", "var", "std", "max", "min", "logsumexp"}
"""Reductions leave out the axes; the formula thinks them back."""


def contributions(sample: Sample) -> Iterator[tuple[Any, Any, Any, dict[str, Any]]]:
    """For each operand: the rule's result, the formula for it, and what its names mean."""
    operation = sample.operation
    output = sample.with_arrays(sample.tracked())()
    results = output if operation.results else (output,)
    node = results[0].node
    if node is None or "where" in sample.options or "mean" in sample.inputs:  # names of functions too
        return
    node = node.inputs[0] if operation.results else node
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=result.shape) for result in results]
    arrays = [result.data for result in results]
    g = operation.results(*gradients) if operation.results else gradients[0]
    out = operation.results(*arrays) if operation.results else arrays[0]
    meaning: dict[str, Any] = {**NAMES, **node.options, "g": g, "out": out}
    names: dict[str, ast.expr] = {name: _option(name, value) for name, value in node.options.items()}
    for name, each in {"g": g, "out": out}.items():
        names[name] = _results(name, each, meaning) if operation.results else symbol(name, each.shape)
    for name in operation.inputs:
        given = sample.inputs.get(name)
        if isinstance(given, list):
            return  # formulas of sequences name their items; tests of text are enough
        if given is not None:
            meaning[name] = given
        names[name] = constant(None) if given is None else symbol(name, given.shape)
        names.setdefault(f"{name}_shape", constant(np.shape(given)))
    for position, (rule, saved) in enumerate(zip(operation.rules, node.saved)):
        if saved is not None:
            yield rule(g, *saved), worked_out(rule, names), position, meaning


def _results(name: str, values: Any, meaning: dict[str, Any]) -> ast.expr:
    """Return the parts of a named tuple as symbols, whose values are added to `meaning`."""
    parts = {field: symbol(f"{name}_{field}", value.shape) for field, value in values._asdict().items()}
    meaning |= {part.id: value for part, value in zip(parts.values(), values)}
    return several(parts, name)


def _option(name: str, value: Any) -> ast.expr:
    return constant(value) if is_simple(value) else symbol(name, None)


def evaluated(formula: ast.expr, meaning: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return eval(compile(ast.fix_missing_locations(ast.Expression(formula)), "<formula>", "eval"), dict(meaning))


def is_true(formula: ast.expr, wanted: Any, meaning: dict[str, Any], excused: bool) -> bool | None:
    """Return whether a formula gives what the rule gave; None if it cannot be evaluated."""
    try:
        got = evaluated(formula, meaning)
        same = np.allclose(np.broadcast_to(got, wanted.shape), wanted, equal_nan=True)
    except NameError:
        return None  # it names what is only described, such as `samples`, or a helper in its file
    except ValueError:
        return None if excused else False
    return None if excused and not same else bool(same)


CLOSED = sorted(name for name, operation in BUILT_IN.items() if operation.rules and not operation.sequence)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_formulas_are_true(name: str) -> None:
    operation = BUILT_IN[name]
    excused = operation.name in MATRICES_ONLY | AXES_IN_MIND
    found = set()
    for sample in samples_of(operation):
        for wanted, formula, _, meaning in contributions(sample):
            if formula is not None:
                answer = is_true(formula, wanted, meaning, excused)
                assert answer is not False, f"{sample}: {ast.unparse(formula)}"
                found.add(answer)
    assert not excused or True in found, f"{name}: no sample shows that the formula is true"


@pytest.mark.slow
def test_formulas_can_mostly_be_evaluated() -> None:
    """The test above would be empty if formulas named what nobody knows."""
    names = [name for name in CLOSED if any(_is_closed(sample) for sample in samples_of(BUILT_IN[name])[:3])]
    assert len(names) > 90


def _is_closed(sample: Sample) -> bool:
    return any(
        formula is not None and is_true(formula, wanted, meaning, True)
        for wanted, formula, _, meaning in contributions(sample)
    )


def scalar_samples(operation: Operation) -> Iterator[Sample]:
    """Calls with numbers only; none of `std`, which is 0 for one number, where its formula would be 0 / 0."""
    if operation.name != "std":
        yield from (sample for sample in samples_of(operation) if all(array.shape == () for array in sample.arrays))


ON_THE_LINE = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


@pytest.mark.parametrize("name", [n for n in CLOSED if any(True for _ in scalar_samples(BUILT_IN[n]))])
def test_local_derivatives_as_text_give_the_slope(name: str) -> None:
    for sample in scalar_samples(BUILT_IN[name]):
        arrays = sample.tracked()
        output = sample.with_arrays(arrays)()
        if output.shape != () or output.node is None:
            continue
        recording = capture(output, passes=True)
        values = {
            symbol.translate(ON_THE_LINE): box.value.numbers[0]
            for symbol, box in zip(symbols(recording), recording.boxes)
            if symbol.translate(ON_THE_LINE).isidentifier()
        }
        for event in recording.passes[0].events:
            for each in event.contributions:
                if each.local:
                    try:
                        got = eval(as_python(each.local).translate(ON_THE_LINE), {**NAMES, **values})
                    except NameError:
                        continue
                    except ValueError:
                        if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
                            raise
                        continue  # NumPy 2.0 refuses clip without bounds
                    assert got == pytest.approx(each.slope, rel=1e-3), f"{sample}: {each.local}"
                    assert each.value.numbers[0] == pytest.approx(each.slope)


def test_formulas_of_operations_with_sequences() -> None:
    x, y = scalar(1.0, "x"), scalar(2.0, "y")
    assert told(tg.sum(tg.stack([x, y])))["∂L/∂y"][0] == "dv[1]"
    rows = [tg.tensor(np.ones((2, 2)), requires_grad=True, name=name) for name in "vw"]
    assert told(tg.sum(tg.stack(rows, axis=2)))["dw"][0] == "dv₂[:, :, 1]"
    assert told(tg.sum(tg.concatenate(rows)))["dw"][0] == "part(dv₂, 1, [(2, 2), (2, 2)], 0)"

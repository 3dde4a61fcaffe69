"""Each derivative rule of the registry has a sentence that explains it, and no other rule has the same one."""

from __future__ import annotations

import string
from collections.abc import Iterator

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.op import Operation
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.sentences import LIKE, SENTENCES, sentence
from tensorgrad.viz.recording.capture import capture
from tests.ops.samples import BUILT_IN

DECLARED = {operation.name: operation for operation in BUILT_IN.values() if operation.saves}


def rules() -> Iterator[tuple[Operation, str]]:
    """Each operation with each differentiable argument."""
    for operation in DECLARED.values():
        yield from ((operation, name) for name, saves in zip(operation.inputs, operation.saves) if saves is not None)


def test_every_rule_of_the_registry_has_a_sentence() -> None:
    missing = [
        f"{operation.name}.{argument}" for operation, argument in rules() if not sentence(operation.name, argument)
    ]
    assert missing == []


def test_every_sentence_belongs_to_a_rule_and_names_what_the_rule_has() -> None:
    used = {LIKE.get(operation.name, operation.name) for operation, _ in rules()}
    arguments = {
        name: set(operation.inputs) | {"target", "result", "up", "count"} for name, operation in DECLARED.items()
    }
    for key, text in SENTENCES.items():
        name, _, argument = key.partition(".")
        assert name in used, key
        assert not argument or argument in DECLARED[name].inputs, key
        assert {field for _, field, _, _ in string.Formatter().parse(text) if field} <= arguments[name], key
        assert text.endswith("."), key


def test_sentences_differ_unless_an_operation_is_declared_like_another() -> None:
    seen: dict[str, str] = {}
    for operation, argument in rules():
        name = LIKE.get(operation.name, operation.name)
        assert seen.setdefault(sentence(operation.name, argument) or "", name) == name, f"{operation.name}.{argument}"
    assert set(LIKE) | set(LIKE.values()) <= set(DECLARED)


def words(output: tg.Tensor, op: str) -> dict[str, str]:
    """Return the walkthrough's sentences for the rules of an operation, by argument."""
    recording = capture(output, passes=True)
    found = {}
    for step in backward_steps(recording):
        box = recording.boxes[step.box]
        if step.kind == "rule" and box.op == op and step.operand is not None:
            found[box.operands[step.operand].name] = step.words
    return found


def test_attention_explains_queries_keys_and_values() -> None:
    q, k, v = (
        tg.tensor(np.eye(2) * size, requires_grad=True, name=name) for size, name in ((1, "q"), (2, "k"), (3, "v"))
    )
    found = words(nn.functional.attention(q, k, v).sum(), "attention")
    assert "sum of the keys" in found["q"]
    assert "sum of all queries" in found["k"]
    assert "weightsᵀ @ dv" in found["v"]


@pytest.mark.parametrize(
    ("layer", "op", "expected"),
    [
        (lambda: nn.GELU(), "gelu", "Φ(x) + x · φ(x)"),
        (lambda: nn.LayerNorm(2), "layer_norm", "the parts of the gradient that shift or scale a row cancel"),
        (lambda: nn.LSTM(2, 2, rng=0), "lstm", "the three gates and the candidate return through"),
        (lambda: nn.Dropout(0.5, rng=0), "multiply", "x was multiplied by"),
    ],
)  # fmt: skip
def test_layers_with_joint_rules_explain_the_gradient_of_their_input(layer, op: str, expected: str) -> None:
    x = tg.tensor(np.arange(6.0).reshape(1, 3, 2), requires_grad=True, name="x")
    assert expected in words(layer()(x).sum(), op)["x"]


def test_a_scalar_whose_slope_has_no_formula_is_explained() -> None:
    x = tg.tensor(0.5, requires_grad=True, name="x")
    assert words(nn.functional.gelu(x) * 2, "gelu")["x"].endswith("and its density φ.")


def test_operations_of_users_quote_their_rule() -> None:
    def _slope(g, x):
        y = 3 * x
        return g * y * x

    @tg.op(x=lambda g, x: g * 3 * x**2)
    def cube(x):
        return x**3

    @tg.op(x=_slope)
    def cube_with_a_function(x):
        return x**3

    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    assert words(cube(x).sum(), "cube")["x"] == "cube declares this rule for its argument x: g * 3 * x ** 2."
    assert "its argument x in _slope" in words(cube_with_a_function(x).sum(), "cube_with_a_function")["x"]

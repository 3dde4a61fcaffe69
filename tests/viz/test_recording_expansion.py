"""Expanded graphs: fused operations drawn as the operations they consist of, with the same values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import domains
from tensorgrad.op import Operation, operation_of, registry
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.recording import Recording, Summary
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.expansion import expanded

FUSED = [operation_of(function) for name, function in registry.items() if name.startswith(("nn.", "tensorgrad."))]
FUSED = [each for each in FUSED if each.composed is not None or each.forward.__module__.startswith("nn.losses")]
FUSED = [each for each in FUSED if each.name != "embedding"]  # a single look-up


def titles(recording: Recording, group: str) -> list[str]:
    """Return the operations in the groups of this kind, and in those inside them."""
    inside: set[int | None] = set()
    for each in recording.groups:
        if each.kind == group or each.parent in inside:
            inside.add(each.id)
    return [box.op for box in recording.boxes if box.group in inside and box.op]


def called(operation: Operation) -> tuple[tg.Tensor, list[tg.Tensor]]:
    """Return the first result of an operation on the first of its examples, and the operands with a gradient."""
    rng = np.random.default_rng(0)
    case = operation.examples[0] if operation.examples else domains.case((2, 3))
    operands: list[Any] = []
    for name, shape in zip(operation.inputs, case.shapes):
        values = None if shape is None else operation.domain[name].sample(rng, shape)
        operands.append(None if values is None else tg.tensor(values, requires_grad=name != "targets", name=name))
    result = operation.function(**dict(zip(operation.inputs, operands)), **case.options)
    first = result[0] if operation.results else result
    return first, [each for each in operands if each is not None and each.requires_grad]


@pytest.mark.parametrize("operation", FUSED, ids=lambda operation: operation.name)
def test_expanded_graphs_have_the_values_and_gradients_of_the_fused_operation(operation: Operation) -> None:
    result, operands = called(operation)
    [again] = expanded("draw", [result], operation.name)
    recording = capture(again)
    assert len(titles(recording, operation.name)) > 1
    assert operation.name not in {box.op for box in recording.boxes}
    assert all(isinstance(box.value, Summary) for box in recording.boxes if not box.results)
    last = recording.boxes[-1]
    assert last.value.mean == pytest.approx(np.mean(result.data), rel=1e-12)
    seed = np.random.default_rng(1).normal(size=result.shape)
    gradients = []
    for each in (result, again):
        each.backward(seed)
        gradients.append([operand.grad for operand in operands])
        for operand in operands:
            operand.zero_grad()
    for fused, composed in zip(*gradients):
        np.testing.assert_allclose(composed, fused, rtol=1e-9, atol=1e-12)


def network_loss(time: int = 2, batch: int = 2, units: int = 4) -> tuple[nn.Module, tg.Tensor]:
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.LSTM(3, units, rng=0, dtype="f8"), nn.Dense(units, 3, rng=1, dtype="f8"))
    x = tg.tensor(rng.normal(size=(batch, time, 3)), name="x")
    return network, nn.SoftmaxCrossEntropy()(network(x), rng.integers(3, size=batch))


def test_draw_expands_a_named_operation_inside_a_frame_of_its_layer() -> None:
    _, loss = network_loss()
    recording = tg.draw(loss, expand="lstm").recording
    frame = next(group for group in recording.groups if group.kind == "lstm")
    layer = recording.groups[frame.parent]
    assert (layer.name, layer.kind) == ("0", "LSTM")
    assert titles(recording, "lstm").count("tanh") == 4  # two in each step
    names = {box.name: box.group for box in recording.boxes}
    assert names["0.weight"] == names["0.recurrent_weight"] == layer.id  # operands are outside the frame
    assert names["x"] is None
    assert {"linear", "softmax_cross_entropy"} <= {box.op for box in recording.boxes}
    assert {box.op for box in tg.draw(loss).recording.boxes} >= {"lstm"}  # the graph itself is unchanged


def test_draw_folds_the_steps_of_an_expanded_sequence() -> None:
    _, loss = network_loss(time=12)
    groups = [(group.kind, group.times) for group in tg.draw(loss, expand="lstm").recording.groups]
    assert groups == [("Sequential", 1), ("LSTM", 1), ("lstm", 1), ("Step", 1), ("Step", 11), ("Dense", 1)]


def test_draw_expands_all_fused_operations_or_several_names() -> None:
    _, loss = network_loss()
    everything = {group.kind for group in tg.draw(loss, expand=True).recording.groups}
    assert everything == {"Sequential", "LSTM", "lstm", "Step", "Dense", "linear", "softmax_cross_entropy"}
    some = tg.draw(loss, expand=["lstm", "linear"]).recording
    assert {group.kind for group in some.groups} == everything - {"softmax_cross_entropy"}
    assert tg.draw(loss, expand=False).recording == tg.draw(loss, expand=[]).recording == tg.draw(loss).recording


def test_draw_expands_fused_operations_inside_composed_forms() -> None:
    x = tg.tensor([0.5, -1.0], requires_grad=True)
    assert [box.op for box in tg.draw(nn.functional.silu(x), expand=True).recording.boxes] == [
        None, "sigmoid", "multiply"
    ]  # fmt: skip
    kinds = {group.kind for group in tg.draw(nn.functional.silu(x), expand=["silu", "sigmoid"]).recording.groups}
    assert kinds == {"silu", "sigmoid"}


def test_expanded_pictures_show_gradients_names_and_large_constants() -> None:
    network, loss = network_loss(time=3, batch=40, units=16)  # initial states of 5 kB, which the graph does not keep
    loss.name = "loss"
    loss.backward(retain_graph=True)
    recording = tg.draw(loss, expand=True).recording
    assert [box.op for box in recording.boxes if box.value == "dropped"] == []
    assert all(isinstance(box.gradient, Summary) for box in recording.boxes if box.kind == "operation")
    assert recording.boxes[-1].name == "loss"
    weight = next(box for box in recording.boxes if box.name == "0.weight")
    assert weight.gradient.mean == pytest.approx(network[0].weight.grad.mean())


def test_expanded_losses_of_many_samples_show_all_values() -> None:
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.normal(size=(300, 20)), requires_grad=True)
    loss = nn.SoftmaxCrossEntropy(label_smoothing=0.1)(x, rng.integers(20, size=300))
    [output] = expanded("draw", [loss], True)
    recording = capture(output)  # the largest logit of each sample takes 2.4 kB
    assert all(isinstance(box.value, Summary) for box in recording.boxes)
    assert recording.boxes[-1].value.mean == pytest.approx(loss.item())


def test_expanded_graphs_show_the_steps_that_depend_on_constants_alone() -> None:
    layer = nn.Sequential(nn.LayerNorm(3, dtype="f8"))
    x = tg.tensor([[1.0, 2.0, 6.0]], name="x")
    loss = tg.sum((layer(x) + x) ** 2)
    loss.backward(retain_graph=True)
    for recording in (tg.draw(loss, expand=True).recording, tg.walkthrough(loss, expand=True).recording):
        assert titles(recording, "layer_norm") == [
            "mean", "subtract", "multiply", "mean", "add", "sqrt", "divide", "multiply", "add"
        ]  # fmt: skip
        x_boxes = [box for box in recording.boxes if box.name == "x"]
        assert [(box.kind, box.group, box.gradient) for box in x_boxes] == [("constant", None, None)]
        values = {box.op: box.value for box in recording.boxes[::-1]}  # of the first of each kind
        assert (values["mean"].mean, values["subtract"].numbers) == (3.0, (-2.0, -1.0, 3.0))
        without = [box.op for box in recording.boxes if box.op and box.gradient is None]
        assert without == ["mean", "subtract", "multiply", "mean", "add", "sqrt", "divide"]
        weight = next(box for box in recording.boxes if box.name == "0.weight")
        assert weight.gradient.mean == pytest.approx(layer[0].weight.grad.mean())


def test_walkthrough_follows_no_gradient_into_constants() -> None:
    loss = tg.sum(nn.LayerNorm(3, dtype="f8")(np.array([[1.0, 2.0, 6.0]])) ** 2)
    recording = tg.walkthrough(loss, expand=True).recording
    [right, *_] = recording.passes
    targets = {recording.boxes[e.box].operands[c.operand].box for e in right.events for c in e.contributions}
    assert {recording.boxes[id].kind for id in targets if recording.boxes[id].op is None} == {"leaf"}
    words = {step.words for step in forward_steps(recording) if recording.boxes[step.box].op == "mean"}
    assert words == {"It depends on constants alone: it requires no gradient."}
    assert [box.check.verdict for box in recording.boxes if box.check] == ["agrees", "agrees"]


def test_expanded_graphs_keep_random_operations_and_several_layers() -> None:
    rng = np.random.default_rng(0)
    network = nn.Sequential(
        nn.GRU(3, 4, layers=2, dropout=0.5, rng=0),
        nn.Dropout(0.5, rng=1),
        nn.Residual(nn.LayerNorm(4), nn.Dense(4, 4, rng=2)),
    )
    loss = tg.sum(network(rng.normal(size=(2, 2, 3)).astype("f4")))
    recording = tg.draw(loss, expand=True).recording
    kinds = [group.kind for group in recording.groups]
    assert kinds.count("gru") == 2
    assert {"layer_norm", "linear"} <= set(kinds)
    assert recording.boxes[-1].value.mean == pytest.approx(loss.item(), abs=1e-5)


def test_walkthrough_explains_expanded_operations() -> None:
    _, loss = network_loss(time=1)
    shown = tg.walkthrough(loss, expand="softmax_cross_entropy").recording
    assert "log" in titles(shown, "softmax_cross_entropy")
    right, plain = shown.passes[0], tg.walkthrough(loss).recording.passes[0]
    boxes = {box.name: box.id for box in shown.boxes if box.kind == "leaf"}
    for box in tg.walkthrough(loss).recording.boxes:
        if box.kind == "leaf":
            found, wanted = right.gradients[boxes[box.name]], plain.gradients[box.id]
            assert (found.mean, found.std) == pytest.approx((wanted.mean, wanted.std))
    assert all(box.check.verdict == "agrees" for box in shown.boxes if box.kind == "leaf")


@pytest.mark.parametrize(
    ("expand", "error", "message"),
    [
        ("lstn", ValueError, "draw: expand='lstn' is not an operation of this graph, which has .*Did you mean 'lstm'"),
        ("LSTM", ValueError, "draw: expand='LSTM' is not an operation of this graph, .*Did you mean 'lstm'"),
        ("softmax", ValueError, "Did you mean 'softmax_cross_entropy'"),
        ("gelu", ValueError, "If gelu was called on constants, it was not recorded: make its input a tensor"),
        ("tanh", ValueError, "draw: tanh cannot be expanded: it does not consist of simpler operations"),
        (["lstm", "exp"], ValueError, "draw: expand='exp' is not an operation of this graph"),
        ("nothing", ValueError, r"which has linear, lstm, softmax_cross_entropy, tanh\.$"),
        (1, TypeError, "draw: expected expand to be True, or the name of an operation such as 'lstm', got 1"),
        ([1], TypeError, r"got \[1\]"),
    ],
)
def test_draw_rejects_operations_that_it_cannot_expand(expand: Any, error: type[Exception], message: str) -> None:
    _, loss = network_loss()
    with pytest.raises(error, match=message):
        tg.draw(tg.tanh(loss), expand=expand)


def test_draw_rejects_expanding_a_released_graph() -> None:
    x = tg.tensor(np.ones((2, 3)), requires_grad=True)
    loss = tg.sum(tg.softmax(x * np.full((2, 3), 2.0)) * np.ones((2, 3)))
    loss.backward()
    assert {group.kind for group in tg.draw(loss, expand=True).recording.groups} == {"softmax"}  # computed again
    loss = tg.sum(tg.softmax(x + np.ones((200, 2, 3))))
    loss.backward()
    with pytest.raises(RuntimeError, match=r"draw: softmax cannot be expanded, because one of its operands no longer"):
        tg.draw(loss, expand=True)


def test_draw_expands_nothing_in_a_constant() -> None:
    assert len(tg.draw(tg.tensor([1.0]), expand=True).recording.boxes) == 1


def test_several_outputs_are_expanded_together() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    hidden = tg.softmax(x)
    first, second, constant = expanded("draw", [hidden * 2, tg.exp(hidden), tg.tensor([1.0])], "softmax")
    np.testing.assert_array_equal(second.data, np.exp(hidden.data))
    assert constant.node is None
    assert first.node is not None
    assert second.node is not None
    assert first.node.inputs[0] is second.node.inputs[0]


def test_draw_expands_graphs_whose_result_is_rounded_to_another_value() -> None:
    array = np.random.default_rng(0).standard_normal((2, 50, 8)).astype(np.float32)
    decoder = nn.TransformerDecoder(nn.TransformerBlock(8, 2, causal=True, rng=0), 2)
    with pytest.raises(RuntimeError, match=r"no longer exists\. Keep it in a variable: x = tg\.tensor\(X\)"):
        tg.draw(decoder(array).sum(), expand=True)
    x = tg.tensor(array)
    loss = decoder(x).sum()  # of normalised numbers: 0 up to rounding
    recording = tg.draw(loss, expand=True).recording
    assert "softmax" not in [box.op for box in recording.boxes]
    assert all(isinstance(box.value, Summary) for box in recording.boxes)

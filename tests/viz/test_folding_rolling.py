"""Repetitions are folded into the first of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz.folding import fold
from tensorgrad.viz.recording import Operand, Recording
from tensorgrad.viz.recording.capture import capture
from tests.viz.recordings import a_box, a_chain, folded_groups

X = np.ones((2, 8), np.float32)


def test_rolling_shows_a_hundred_layers_as_one_with_a_count():
    network = nn.Sequential(*[nn.Dense(8, 8, rng=0) for _ in range(100)])
    groups, folded = folded_groups(network(X))
    assert groups == ["Sequential", "0–99 · Dense ×100"]
    assert folded.folded == ("297 of 301 boxes are not drawn", "Dense: 100 alike in a row, the first is drawn")
    assert sorted(box.stands_for for box in folded.boxes) == [1, 100, 100, 100]


def test_rolling_handles_rounds_of_several_layers():
    layers = [layer for _ in range(12) for layer in (nn.Dense(8, 8, rng=0), nn.ReLU())]
    network = nn.Sequential(nn.Dense(8, 8, rng=0), *layers, nn.Dense(8, 3, rng=0))
    groups, folded = folded_groups(network(X).sum())
    assert groups == ["Sequential", "0 · Dense", "1–24 ×12", "1 · Dense", "2 · ReLU", "25 · Dense"]
    operations = [box for box in folded.boxes if box.op]
    assert [box.op for box in operations] == ["linear", "linear", "relu", "linear", "sum"]
    assert all(after.operands[0].box == before.id for before, after in pairwise(operations))


def test_rolling_handles_repeated_modules_with_operations_between():
    class Residual(nn.Module):
        def __init__(self):
            self.blocks = [nn.Sequential(nn.Dense(8, 8, rng=0), nn.Tanh()) for _ in range(12)]

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x)
            return x

    network = Residual()
    groups, folded = folded_groups(network(X))
    assert groups[:3] == ["Residual", "×12", "blocks.0 · Sequential"]
    assert folded.boxes[-1].op == "add"
    assert folded.boxes[-1].stands_for == 12


def test_rolling_handles_nested_repetitions():
    network = nn.Sequential(*[nn.Sequential(*[nn.Dense(8, 8, rng=0) for _ in range(6)]) for _ in range(6)])
    groups, folded = folded_groups(network(X))
    assert groups == ["Sequential", "0–5 · Sequential ×6", "0–5 · Dense ×6"]
    assert folded.boxes[-1].stands_for == 36


def test_rolling_distinguishes_layers_of_other_shapes_or_kinds():
    widening = nn.Sequential(*[nn.Dense(8 + i, 9 + i, rng=0) for i in range(12)])
    assert folded_groups(widening(X))[1].folded == ()

    class Linear(nn.Dense):
        pass

    network = nn.Sequential(*[(nn.Dense, Linear)[i % 2](8, 8, rng=0) for i in range(12)])
    assert folded_groups(network(X))[0] == ["Sequential", "0–11 ×6", "0 · Dense", "1 · Linear"]
    boxes = [replace(box, shape=(box.id,)) for box in a_chain(*["exp"] * 400).boxes]
    assert fold(Recording(tuple(boxes))).groups == ()


def test_rolling_keeps_the_first_input_outside():
    network = nn.Sequential(*[nn.Dense(8, 8, rng=0) for _ in range(12)])
    x = tg.tensor(X, name="x")
    _, folded = folded_groups(network(x))
    dense = {box.group for box in folded.boxes if box.stands_for == 12}
    assert len(dense) == 1
    assert dense.isdisjoint({box.group for box in folded.boxes if box.name == "x"})


@pytest.mark.slow
def test_rolling_keeps_a_weight_shared_by_a_loop_outside():
    w = tg.tensor(np.eye(8), requires_grad=True, name="w")
    b = tg.tensor(np.ones((4, 8)), requires_grad=True, name="b")
    x = tg.tensor(np.ones((4, 8)), name="x")
    h = x
    for _ in range(2500):
        h = tg.tanh(h @ w + b)
    loss = h.sum()
    groups, folded = folded_groups(loss)
    assert groups == ["×2500"]
    assert [(box.op or box.name, box.group, box.stands_for) for box in folded.boxes] == [
        ("x", None, 1),
        ("w", None, 1),
        ("matmul", 0, 2500),
        ("b", None, 1),
        ("add", 0, 2500),
        ("tanh", 0, 2500),
        ("sum", None, 1),
    ]
    assert fold(capture(h + 1, values=False), most=10_000).folded == ()


def test_rolling_handles_a_sum_after_separate_rounds():
    w = tg.tensor(np.eye(8), requires_grad=True, name="w")
    h, losses, data = tg.tensor(np.ones((4, 8))), [], []
    for step in range(300):
        data.append(tg.tensor(np.full((4, 8), float(step))))
        h = tg.tanh(data[-1] @ w + h)
        losses.append((h**2).sum())
    groups, folded = folded_groups(sum(losses))
    assert groups == ["×300", "×300"]
    per_round = [box for box in folded.boxes if box.kind == "constant" and box.stands_for == 300]
    assert {box.group for box in per_round} == {0}


def test_rolling_handles_leaves_with_other_uses_or_shapes():
    boxes = [a_box(i, None) for i in range(401)]
    boxes += [a_box(i, "add", [i - 1 if i > 401 else 400, i - 401]) for i in range(401, 801)]
    folded = fold(Recording((*boxes, a_box(801, "stack", [800, *range(400)]))))
    assert [(box.op, box.stands_for, box.group) for box in folded.boxes] == [
        (None, 1, None),
        (None, 400, None),
        ("add", 400, 0),
        ("stack", 1, None),
    ]
    boxes[:400] = [replace(box, shape=(1,) * (box.id % 7)) for box in boxes[:400]]
    assert [group.times for group in fold(Recording(tuple(boxes))).groups] == [57]


def test_rolling_shows_the_value_of_an_output_within_a_round():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    y = x
    for _ in range(400):
        y = y * 1.001
    y.name = "y"
    y.backward()
    folded = fold(capture(y))
    last = folded.boxes[-1]
    assert (last.op, last.name, last.stands_for) == ("multiply", "y", 400)
    assert last.value.numbers == (y.item(),)
    assert last.gradient.numbers == (1.0,)


def test_rolling_draws_one_edge_to_a_stack_of_all_rounds():
    h, steps = tg.tensor(np.ones(3), requires_grad=True), []
    for _ in range(400):
        h = tg.tanh(h)
        steps.append(h)
    _, folded = folded_groups(tg.stack(steps))
    assert [(box.op, box.operands) for box in folded.boxes[1:]] == [
        ("tanh", (Operand(0, "x"),)),
        ("stack", (Operand(1, "×400"),)),
    ]
    twice = [h] * 9
    assert len(folded_groups(tg.stack(twice), depth=0)[1].boxes[-1].operands) == 9


def test_rolling_excludes_a_first_round_with_other_connections():
    whole = a_chain("exp", ("add", 1, 2), *["exp", ("add", 1, 1)] * 5)
    assert [(box.op, box.stands_for) for box in fold(whole, most=6).boxes[1:]] == [
        ("exp", 1),
        ("add", 1),
        ("exp", 5),
        ("add", 5),
    ]


def test_rolling_handles_repetitions_that_share_an_operation():
    whole = a_chain(*["exp", "sin"] * 4, *["cos", "sin"] * 4)
    folded = fold(whole, most=8)
    assert [(box.op, box.stands_for) for box in folded.boxes[1:]] == [("exp", 4), ("sin", 4), ("cos", 4), ("sin", 4)]
    assert [group.times for group in folded.groups] == [4, 4]

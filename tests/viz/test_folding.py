"""A folded recording is the same graph with fewer boxes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.viz.folding import fold
from tensorgrad.viz.recording import Group, Operand, Recording, labels
from tensorgrad.viz.recording.capture import capture
from tests.viz.recordings import a_box, folded_groups, random_recording, uses, whole_id

X = np.ones((2, 8), np.float32)
recordings = st.builds(random_recording, st.integers(0, 10_000), st.integers(1, 120))


@given(whole=recordings, depth=st.none() | st.integers(0, 3), most=st.integers(2, 60))
@settings(max_examples=150)
@pytest.mark.slow
def test_folding_preserves_the_graph(whole, depth, most):
    folded = fold(whole, depth=depth, most=most)
    assert len(folded.boxes) <= most
    assert [box.id for box in folded.boxes] == list(range(len(folded.boxes)))
    assert all(operand.box < box.id for box in folded.boxes for operand in box.operands)
    assert sum(box.stands_for for box in folded.boxes) == len(whole.boxes)
    assert whole_id(folded.boxes[-1]) == len(whole.boxes) - 1
    assert fold(folded, depth=depth, most=most) is folded
    assert (folded is whole) or (folded.passes == () and folded.folded != ())
    inhabited = {box.group for box in folded.boxes} | {group.parent for group in folded.groups}
    assert [group.id for group in folded.groups] == list(range(len(folded.groups)))
    assert set(range(len(folded.groups))) <= inhabited
    assert all(group.parent is None or group.parent < group.id for group in folded.groups)
    for box in folded.boxes[:-1]:
        if box.kind != "folded":
            before = whole.boxes[whole_id(box)]
            assert (box.op, box.shape, uses(box)) == (before.op, before.shape, len(before.operands))
            for now, then in zip(box.operands, before.operands if uses(box) == len(box.operands) else ()):
                source, was = folded.boxes[now.box], whole.boxes[then.box]
                assert now.name == then.name
                assert source.kind == "folded" or (source.op, source.shape) == (was.op, was.shape)


@given(whole=recordings, depth=st.integers(0, 3))
@settings(max_examples=60)
def test_folding_keeps_edges_between_modules(whole, depth):
    folded = fold(whole, depth=depth, most=1000)
    around = {None: ()}
    for group in whole.groups:
        around[group.id] = (*around[group.parent], group.id)

    def module_of(box):
        path = around[box.group]
        return labels.group(whole.groups[path[depth]]) if len(path) > depth else box.id

    def now(box):
        return box.op if box.kind == "folded" else whole_id(box)

    edges = [(module_of(whole.boxes[o.box]), module_of(box), o.box) for box in whole.boxes for o in box.operands]
    sources = Counter((start, end) for start, end, _ in set(edges))
    expected = {
        (start, end): 1 if times > 4 and (isinstance(end, str) or sources[start, end] > 1) else times
        for (start, end), times in Counter(edge[:2] for edge in edges).items()
        if start != end
    }
    assert Counter((now(folded.boxes[o.box]), now(box)) for box in folded.boxes for o in box.operands) == expected
    counts = Counter(module_of(box) for box in whole.boxes)
    assert {now(box): box.stands_for for box in folded.boxes} == counts


@pytest.mark.parametrize("depth", [2, 4])
def test_folding_leaves_a_small_network_whole(depth):
    network = nn.Sequential(*[layer for _ in range(depth) for layer in (nn.Dense(8, 8, rng=0), nn.ReLU())])
    recording = capture(nn.SoftmaxCrossEntropy()(network(X), np.array([0, 1])))
    assert fold(recording) is recording


def test_folding_with_a_depth_shows_every_layer():
    network = nn.Sequential(*[nn.Dense(8, 8, rng=0) for _ in range(12)])
    groups, folded = folded_groups(network(X), depth=1)
    assert groups == ["Sequential"]
    assert [box.op for box in folded.boxes if box.kind == "folded"] == [f"{i} · Dense" for i in range(12)]
    groups, folded = folded_groups(network(X).sum(), depth=0)
    assert groups == []
    assert [box.op for box in folded.boxes][-2:] == ["Sequential", "sum"]


def test_folding_keeps_several_results_of_a_module():
    class Halves(nn.Module):
        def forward(self, x):
            return tg.exp(x[:, :4]), x[:, 4:] * 2

    x = tg.tensor(np.ones((2, 8)), requires_grad=True, name="x")
    left, right = Halves()(x * 1)
    _, folded = folded_groups((left - right) + left, depth=0)
    halves = next(box for box in folded.boxes if box.kind == "folded")
    assert (halves.shape, halves.options) == (None, (("results", "(2, 4), (2, 4)"),))
    assert [operand.box for box in folded.boxes for operand in box.operands].count(halves.id) == 3
    assert len(halves.operands) == 2


def test_folding_merges_and_counts_edges_to_one_box():
    boxes = [a_box(0, None), a_box(1, None), a_box(2, "add", [0, 1], 0)]
    boxes += [a_box(i, "multiply", [i - 1, 0], 0) for i in range(3, 8)]
    recording = Recording((*boxes, a_box(8, "add", [7, 0, 1])), (Group(0, None, "", "Loop"),))
    (loop,) = [box for box in fold(recording, depth=0).boxes if box.kind == "folded"]
    assert loop.operands == (Operand(0, "×6"), Operand(1, ""))


@pytest.mark.slow
def test_folding_handles_ten_thousand_irregular_operations():
    rng = np.random.default_rng(0)
    boxes = [a_box(i, None) for i in range(50)]
    for i in range(50, 10_000):
        name = f"named {i}" if i % 1000 == 0 else None
        operands = [i - 1, i - 50 if i < 100 else int(rng.integers(i - 300, i)) % i]
        boxes.append(a_box(i, ["add", "tanh"][rng.integers(2)], operands, name=name))
    folded = fold(Recording(tuple(boxes)))
    assert len(folded.boxes) <= 300
    assert [box.name for box in folded.boxes if box.name] == [f"named {i}" for i in range(1000, 10_000, 1000)]
    assert [whole_id(box) for box in folded.boxes[-70:]] == list(range(9930, 10_000))
    assert folded.folded[0] == f"{10_000 - len(folded.boxes):,} of 10,000 boxes are not drawn"


@pytest.mark.slow
def test_folding_starts_with_modules_and_never_removes_all():
    network = nn.Sequential(*[nn.Dense(8 + i, 9 + i, rng=0) for i in range(120)])
    _, folded = folded_groups(network(X).sum())
    assert [box.op for box in folded.boxes if box.kind == "folded"] == [f"{i} · Dense" for i in range(120)]
    network = nn.Sequential(*[nn.Dense(8 + i, 9 + i, rng=0) for i in range(400)])
    groups, folded = folded_groups(network(X).sum())
    assert groups == ["Sequential"]
    assert 20 < len(folded.boxes) <= 300
    assert folded.boxes[-2].op == "399 · Dense"


def test_folding_ignores_side_computations_of_a_module():
    groups = (Group(0, None, "", "Outer"),)
    x, first, aside, last = a_box(0, None), a_box(1, "exp", [0], 0), a_box(2, "sum", [1]), a_box(3, "sin", [1], 0)
    recording = Recording((x, first, aside, last, a_box(4, "add", [2, 3])), groups)
    arranged = fold(recording)
    assert [box.op for box in arranged.boxes] == [None, "exp", "sin", "sum", "add"]
    assert arranged.folded == ()
    folded = fold(recording, depth=0)
    assert [(box.op, box.stands_for, len(box.operands)) for box in folded.boxes] == [
        (None, 1, 0),
        ("Outer", 2, 1),
        ("sum", 1, 1),
        ("add", 1, 2),
    ]


def test_folding_keeps_leaves_used_outside_visible():
    shared, own = a_box(0, None, group=0), a_box(1, None, group=0)
    early = a_box(2, "exp", [0])
    boxes = (shared, own, early, a_box(3, "add", [0, 1], 0), a_box(4, "add", [2, 3]))
    folded = fold(Recording(boxes, (Group(0, None, "", "Dense"),)), depth=0)
    assert sorted((box.op or "", box.stands_for) for box in folded.boxes) == [
        ("", 1),
        ("Dense", 2),
        ("add", 1),
        ("exp", 1),
    ]


def test_folding_leaves_modules_that_depend_on_each_other():
    groups = (Group(0, None, "", "One"), Group(1, None, "", "Other"))
    chain = [a_box(i, "exp", [i - 1], i % 2) for i in range(1, 5)]
    folded = fold(Recording((a_box(0, None), *chain), groups), depth=0)
    assert [box.op for box in folded.boxes] == [None, "exp", "exp", "exp", "exp"]
    assert folded.groups == ()
    assert fold(folded, depth=0) is folded


def test_folding_distinguishes_modules_that_differ_inside():
    boxes, groups = [a_box(0, None)], []
    for block in range(40):
        groups += [Group(2 * block, None, "", "Block"), Group(2 * block + 1, 2 * block, "", "Inner")]
        for bit in range(10):
            boxes.append(a_box(len(boxes), f"{bit} {block >> bit & 1}", [len(boxes) - 1], 2 * block + 1))
    folded = fold(Recording(tuple(boxes), tuple(groups)))
    assert [box.op for box in folded.boxes] == [None] + ["Inner"] * 40
    assert fold(folded) is folded

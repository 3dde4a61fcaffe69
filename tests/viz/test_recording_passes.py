"""Backward passes step by step: the right one is the engine's, the wrong ones go wrong as people do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.backward import topological_order
from tensorgrad.viz.recording import Recording, Summary
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.summaries import SIDE, summary
from tensorgrad.viz.recording.symbols import symbols
from tests.viz import lessons


def leaf(value, name):
    return tg.tensor(value, requires_grad=True, name=name)


def passes(output, **options):
    """Return the recording, and its passes by kind."""
    recording = capture(output, passes=True, **options)
    return recording, {told.kind: told for told in recording.passes}


def final(recording, told):
    """Return the numbers of each gradient by the symbol of its box."""
    return {
        name: reading.numbers
        for name, reading in zip(symbols(recording), told.gradients)
        if isinstance(reading, Summary)
    }


def diamond():
    """L = (a·b)·(a·b + a): the product is used twice, and so is a."""
    a, b = leaf(2.0, "a"), leaf(3.0, "b")
    c = a * b
    c.name = "c"
    return c * (c + a), a, b


def test_right_pass_has_every_step():
    output, a, b = diamond()
    recording, told = passes(output)
    names = symbols(recording)
    steps = [
        (names[event.box], names[recording.boxes[event.box].operands[each.operand].box], each.slope, each.value.numbers,
         each.total.numbers)
        for event in told["right"].events
        for each in event.contributions
    ]  # fmt: skip
    last = names[-2]
    assert steps == [
        ("L", "c", 8.0, (8.0,), (8.0,)),
        ("L", last, 6.0, (6.0,), (6.0,)),
        (last, "c", 1.0, (6.0,), (14.0,)),
        (last, "a", 1.0, (6.0,), (6.0,)),
        ("c", "a", 3.0, (42.0,), (48.0,)),
        ("c", "b", 2.0, (28.0,), (28.0,)),
    ]
    assert [event.upstream.numbers for event in told["right"].events] == [(1.0,), (6.0,), (14.0,)]
    assert (a.grad, b.grad) == (None, None)
    output.backward()
    assert final(recording, told["right"])["a"] == (a.grad,)
    assert final(recording, told["right"])["b"] == (b.grad,)


def test_passes_are_the_same_before_and_after_backward():
    output, a, _ = diamond()
    before = capture(output, passes=True).passes
    output.backward()
    grad = a.grad.copy()
    assert capture(output, passes=True).passes == before
    assert a.grad == grad


def test_naive_order_shows_where_it_is_wrong():
    output, _, _ = diamond()
    recording, told = passes(output)
    wrong = told["naive order"]
    names = symbols(recording)
    assert [names[box] for box in wrong.early] == ["c"]
    # c is reached first over the product, and hands on 8 of its 14.
    assert [event.upstream.numbers for event in wrong.events if names[event.box] == "c"] == [(8.0,)]
    assert final(recording, wrong) == {**final(recording, told["right"]), "a": (30.0,), "b": (16.0,)}


def test_overwritten_pass_keeps_the_last_contribution():
    output, _, _ = diamond()
    recording, told = passes(output)
    assert final(recording, told["overwritten"]) == {
        **final(recording, told["right"]),
        "c": (6.0,),
        "a": (18.0,),
        "b": (12.0,),
    }


def test_pass_without_zero_grad_starts_from_old_gradients():
    output, _, _ = diamond()
    recording, told = passes(output)
    right, twice = final(recording, told["right"]), final(recording, told["not zeroed"])
    assert {name: numbers for name, numbers in twice.items() if numbers != right[name]} == {"a": (96.0,), "b": (56.0,)}
    first = next(c for event in told["not zeroed"].events for c in event.contributions if c.total.numbers == (54.0,))
    assert first.value.numbers == (6.0,)


def test_passes_without_a_difference_are_omitted():
    x = leaf(0.5, "x")
    assert set(passes(tg.sin(tg.exp(x)))[1]) == {"right", "not zeroed"}  # a chain
    assert set(passes(x * x)[1]) == {"right", "overwritten", "not zeroed"}  # no order could be wrong
    assert set(passes(x)[1]) == {"right", "not zeroed"}
    y = x
    for _ in range(200):
        y = y + x
    assert set(passes(y)[1]) == {"right"}  # too large to see the mistake in


def test_passes_have_a_contribution_for_each_use():
    x = leaf(3.0, "x")
    (event,) = passes(x * x)[1]["right"].events
    assert [(each.operand, each.value.numbers, each.total.numbers) for each in event.contributions] == [
        (0, (3.0,), (3.0,)),
        (1, (3.0,), (6.0,)),
    ]


def test_passes_show_unbroadcasting():
    w, b = leaf(np.ones((3, 2)), "w"), leaf(np.arange(2.0), "b")
    _, told = passes(tg.sum(w * 2 + b))
    given_to_b = [each for event in told["right"].events for each in event.contributions if each.given is not None]
    (each,) = given_to_b
    assert (each.given_shape, each.given.numbers, each.value.numbers) == ((3, 2), (1.0,) * 6, (3.0, 3.0))
    assert each.slope is None
    assert each.local == ""


def test_passes_ignore_omitted_operands():
    x, high = leaf(3.0, "x"), leaf(2.0, "high")
    recording, told = passes(tg.clip(x, None, high))
    (event,) = told["right"].events
    assert [recording.boxes[recording.boxes[event.box].operands[c.operand].box].name for c in event.contributions] == [
        "x",
        "high",
    ]


def test_passes_start_from_the_given_gradient():
    x = leaf([1.0, 2.0], "x")
    recording, told = passes(x * x, gradient=[10.0, 100.0])
    assert final(recording, told["right"])["x"] == (20.0, 400.0)
    with pytest.raises(ValueError, match="not a single number"):
        capture(x * x, passes=True)
    with pytest.raises(ValueError, match="shape"):
        capture(x * x, passes=True, gradient=[1.0, 2.0, 3.0])
    with pytest.raises(RuntimeError, match="no graph"):
        capture(tg.tensor(1.0), passes=True)


def test_passes_report_what_cannot_be_recomputed():
    x = leaf([1.0, 2.0], "x")
    output = tg.sum(tg.exp(x * np.ones((100, 2))))
    output.backward()
    released = r"The input y of multiply was released .* or call backward\(retain_graph=True\)\. Then compute"
    with pytest.raises(RuntimeError, match=released):
        capture(output, passes=True)
    y = tg.sum(x * 2)
    x.data = [5.0, 6.0]
    with pytest.raises(RuntimeError, match=r"x \(2,\) has changed since\. Then compute"):
        capture(y, passes=True)


def of_a_loss():
    return lessons.forgotten()


def of_joined_arrays():
    x = leaf([1.0, 2.0], "x")
    y = np.concatenate([x, np.ones(200)])
    return tg.sum(y * y), [x]


def of_blocks():
    x = leaf([[1.0, 2.0]], "x")
    y = np.block([[x], [np.ones((100, 2))]])
    return tg.sum(tg.exp(y)), [x]


def of_a_checkpoint():
    x = leaf(0.5, "x")
    return tg.checkpoint(lambda x: tg.sin(tg.exp(x)))(x) * x, [x]


@pytest.mark.parametrize("graph", [of_a_loss, of_joined_arrays, of_blocks, of_a_checkpoint])
def test_passes_ignore_missing_values_that_no_rule_needs(graph):
    output, keep = graph()
    recording, told = passes(output)
    assert any(isinstance(box.value, str) for box in recording.boxes), "nothing is gone"
    assert capture(output, passes=True).passes == recording.passes
    output.backward()  # nothing was released
    leaves = {node: node.tensor() for node in topological_order([output.node]) if node.operation is None}
    boxes = [box for box in recording.boxes if box.kind == "leaf"]
    assert len(boxes) == len(leaves)
    for tensor in leaves.values():
        (box,) = [box for box in boxes if box.name == tensor.name]
        assert told["right"].gradients[box.id] == summary(tensor.grad)
    with pytest.raises(RuntimeError, match="the backward pass cannot be shown"):
        capture(output, passes=True)
    del keep


def test_passes_report_modified_constants():
    x, c = leaf([1.0, 2.0], "x"), np.array([3.0, 4.0])
    output = tg.sum(x * c)
    c[0] = 9.0
    with pytest.raises(RuntimeError, match=r"multiply \(2,\) has changed since"):
        capture(output, passes=True)


def test_passes_need_large_arrays_in_variables_if_hooks_exist():
    x = leaf([1.0, 2.0], "x")
    calls = []
    y = x - np.ones((100, 2))
    y.register_hook(calls.append)
    with pytest.raises(RuntimeError, match=r"The input y of subtract no longer exists\. Assign it"):
        capture(tg.sum(y * y), passes=True)
    assert calls == []


def test_passes_report_hooks_and_do_not_call_them():
    x = leaf(2.0, "x")
    y = tg.exp(x)
    calls = []
    y.register_hook(calls.append)
    recording, told = passes(y * y)
    assert calls == []
    assert recording.folded == ("The hooks of 1 tensor are not called here, so backward() may give other gradients.",)
    assert final(recording, told["right"])["x"][0] == pytest.approx(2 * np.exp(4.0))


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), count=st.integers(1, 25))
@settings(max_examples=30, deadline=None)
def test_pass_contributions_sum_to_the_gradients_of_the_engine(random_graph, seed, count):
    output, leaves = random_graph(seed, count)
    recording, told = passes(output)
    right = told["right"]
    sums = {recording.boxes[-1].id: np.ones(1)}
    for event in right.events:
        assert event.upstream == right.gradients[event.box], "every box was complete when its turn came"
        for each in event.contributions:
            box = recording.boxes[event.box].operands[each.operand].box
            sums[box] = sums.get(box, 0.0) + np.array(each.value.numbers)
            assert each.total.numbers == pytest.approx(tuple(np.atleast_1d(sums[box])))
    assert {box.id for box in recording.boxes if right.gradients[box.id] is not None} == set(sums)
    for id, total in sums.items():
        assert right.gradients[id].numbers == pytest.approx(tuple(total))
    fired = [event.box for event in right.events]
    assert len(fired) == len(set(fired)) == sum(box.kind == "operation" for box in recording.boxes)

    output.backward()
    for value in leaves[:3]:
        for box in recording.boxes:
            if box.name == value.name:
                assert right.gradients[box.id].numbers == pytest.approx(tuple(value.grad))
    for kind, wrong in told.items():
        if kind in ("naive order", "overwritten"):
            assert any(
                a is not None and not np.allclose(a.numbers, b.numbers)
                for a, b in zip(right.gradients, wrong.gradients)
            ), kind
            assert bool(wrong.early) == (kind == "naive order")


def test_passes_of_a_training_step():
    network = nn.Sequential(nn.Dense(20, 30, rng=0, weight_l2=1e-3), nn.ReLU(), nn.Dense(30, 3, rng=1))
    x = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    loss = nn.SoftmaxCrossEntropy()(network(x), np.arange(50) % 3) + network.regularization_loss()
    nodes = topological_order([loss.node])
    state = [(n, n.inputs, n.saved, n.tensor, n.collects, n.hooks, n.seed) for n in nodes]
    recording = capture(loss, passes=True, detail=True, checks=True)
    assert state == [(n, n.inputs, n.saved, n.tensor, n.collects, n.hooks, n.seed) for n in nodes]
    loss.backward()
    for name, parameter in network.named_parameters():
        (box,) = [box for box in recording.boxes if box.name == name]
        assert recording.passes[0].gradients[box.id] == summary(parameter.grad, SIDE)
        assert box.check.verdict == "agrees", box.check
        assert parameter.grad.dtype == np.float32
    text = recording.to_json()
    assert len(text) < 300_000
    assert Recording.from_json(text).to_json() == text

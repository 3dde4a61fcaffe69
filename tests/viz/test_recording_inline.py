"""Small arrays that no variable holds are drawn with their values, gradients and names, before and after backward."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz.recording import Summary
from tensorgrad.viz.recording.capture import capture


def leaf(value, name):
    return tg.tensor(value, requires_grad=True, name=name)


def mean_of_squares():
    w, x = leaf([0.5, 1.0], "w"), tg.tensor([1.0, 2.0], name="x")
    return ((w * x - np.array([2.0, 4.0])) ** 2).mean(), [w]


def loss_of_network():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    return nn.MeanSquaredError()(network(np.ones((1, 2))), np.array([[1.0]])), [network]


def function_with_local_arrays():
    w = leaf([0.5, 1.0, -1.0], "w")

    def loss(w):
        x = tg.tensor([1.0, 2.0, 3.0], name="x")
        b = np.ones(3)
        return tg.tanh(w * x + b).sum()

    return loss(w), [w]


def rebound_name():
    w, h = leaf([[0.5, -1.0], [2.0, 0.1]], "W"), tg.tensor([[1.0, 2.0]], name="h0")
    for _ in range(3):
        h = tg.tanh(h @ w)
    return h.sum(), [w]


def joined_and_chosen():
    w = leaf([1.0, 2.0], "w")
    joined = np.concatenate([w, np.array([3.0, 4.0])])
    return tg.where(np.array([True, False, True, False]), joined, np.zeros(4)).sum(), [w]


GRAPHS = [mean_of_squares, loss_of_network, function_with_local_arrays, rebound_name, joined_and_chosen]


@pytest.mark.parametrize("graph", GRAPHS)
def test_inline_arrays_are_shown_before_and_after_backward(graph):
    loss, keep = graph()
    before = capture(loss, passes=True, checks=True)
    loss.backward()
    after = capture(loss, passes=True, checks=True)
    for recording in (before, after):
        assert all(isinstance(box.value, Summary) for box in recording.boxes)
        assert {box.check.verdict for box in recording.boxes if box.kind == "leaf"} == {"agrees"}
    assert [box.value for box in before.boxes] == [box.value for box in after.boxes]
    assert before.passes == after.passes
    assert all(isinstance(box.gradient, Summary) for box in after.boxes if box.kind != "constant")
    for text in (str(tg.draw(loss)), tg.draw(loss).svg, tg.draw(loss).dot):
        assert "?" not in text.removeprefix('<?xml version="1.0"?>')
    assert len(tg.walkthrough(loss).html) > 10_000
    del keep


@pytest.mark.parametrize(("graph", "name"), [(function_with_local_arrays, "x"), (rebound_name, "h0")])
def test_inline_tensors_keep_their_names(graph, name):
    loss, keep = graph()
    loss.backward()
    assert name in [box.name for box in capture(loss).boxes]
    del keep


def test_input_of_network_keeps_its_name():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    output = network(tg.tensor([[1.0, 2.0]], name="x"))
    for repeat in range(2):
        (box,) = [box for box in capture(output).boxes if box.kind == "constant"]
        assert (box.name, box.value.numbers) == ("x", (1.0, 2.0))
        if repeat == 0:
            output.backward()


def test_large_array_in_a_variable_is_shown_after_backward():
    w, x, y = leaf([0.5, 1.0], "w"), np.ones((200, 2)), np.zeros((200, 2))
    loss = ((w * x - y) ** 2).mean()
    loss.backward()
    assert all(isinstance(box.value, Summary) for box in capture(loss, passes=True).boxes)

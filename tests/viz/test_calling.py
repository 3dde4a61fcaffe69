"""What `draw` accepts: tensors, functions and networks."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz import draw
from tensorgrad.viz.recording import Recording, Summary, labels


def boxes(drawing):
    return {labels.full_title(box): box for box in drawing.recording.boxes}


def leaf(value, name):
    return tg.tensor(value, requires_grad=True, name=name)


def test_draw_shows_several_outputs_with_the_sum_of_their_gradients():
    a = leaf(2.0, "a")
    square, more = a * a, a + 1
    square.backward(retain_graph=True)
    more.backward()
    drawing = draw([square, more])
    assert repr(drawing) == "<Drawing: Graph of 2 outputs: 4 boxes>"
    styles = {title: labels.style(drawing.recording, box) for title, box in boxes(drawing).items()}
    assert styles == {"a": "leaf", "multiply": "output", "1": "constant", "add": "output"}
    assert boxes(drawing)["a"].gradient.numbers == (5.0,)
    assert Recording.from_json(drawing.recording.to_json()) == drawing.recording


def test_draw_of_several_outputs_where_one_feeds_the_other():
    a = leaf(3.0, "a")
    inner = a * a
    outer = tg.exp(inner)
    drawing = draw({"inner": inner, "both": (outer, inner)})
    assert drawing.recording.outputs == (1, 2)


def test_draw_of_several_outputs_includes_one_without_a_graph():
    drawing = draw([leaf(3.0, "a") * 2, tg.tensor(1.0, name="constant")])
    assert [labels.full_title(box) for box in drawing.recording.boxes] == ["a", "2", "multiply", "constant"]
    assert drawing.recording.outputs == (2, 3)


def test_draw_of_several_outputs_keeps_each_when_it_folds():
    value = leaf(0.5, "a")
    outputs = []
    for turn in range(900):
        value = tg.tanh(value)
        if turn % 300 == 0:
            outputs.append(value)
    recording = draw([*outputs, value]).recording
    assert len(recording.outputs) == 4
    assert len(recording.boxes) < 300
    assert sum(box.stands_for for box in recording.boxes) == 901


def test_draw_of_a_function_makes_leaves_of_its_arguments():
    drawing = draw(lambda x, *more: x * more[0], 3.0, np.array([1.0, 2.0]))
    assert list(boxes(drawing)) == ["x", "more[0]", "multiply"]
    assert boxes(drawing)["multiply"].value.numbers == (3.0, 6.0)


def test_draw_of_a_function_keeps_tensors_and_integers():
    a = leaf(2.0, "a")
    drawing = draw(lambda x, n: x**n, a, 3)
    assert list(boxes(drawing)) == ["a", "3", "power"]
    assert a.grad is None


def test_draw_of_a_network_shows_structure_and_parameters():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dropout(0.5), nn.Tanh(), nn.Dense(3, 1, rng=0))
    nn.MeanSquaredError()(network(np.ones((1, 2))), np.array([[1.0]])).backward()
    drawing = draw(network)
    assert network.training
    found = boxes(drawing)
    assert found["x"].shape == (1, 2)
    assert found["0.weight"].value.numbers == tuple(network[0].weight.numpy().ravel().tolist())
    assert isinstance(found["3.bias"].gradient, Summary)
    assert {box.value for box in found.values() if box.kind != "leaf"} == {None}


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (lambda: nn.Sequential(nn.Conv2D(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Dense(2 * 26 * 26, 10)), (1, 10)),
        (lambda: nn.Sequential(nn.Flatten(), nn.Dense(12, 4)), (1, 4)),
        (lambda: nn.Sequential(nn.Embedding(5, 4), nn.LSTM(4, 3), nn.Dense(3, 1)), (1, 1)),
        (lambda: nn.Sequential(nn.BatchNorm(3), nn.ReLU()), (1, 3)),
    ],
    ids=["convolution", "flatten", "embedding", "normalisation"],
)
def test_draw_of_a_network_finds_an_input(network, shape):
    assert draw(network()).recording.boxes[-1].shape == shape


def test_draw_of_a_network_takes_an_input():
    network = nn.Sequential(nn.Dense(2, 1, rng=0))
    drawing = draw(network, np.ones((4, 2), np.float32))
    assert drawing.recording.boxes[-1].shape == (4, 1)
    assert drawing.recording.boxes[-1].value.numbers == tuple(network(np.ones((4, 2))).numpy().ravel().tolist())


def test_draw_of_a_model_draws_its_network():
    network = nn.Sequential(nn.Dense(2, 1, rng=0))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    assert draw(model).recording == draw(network).recording


def test_draw_unfolds_identical_layers():
    network = nn.Sequential(*[layer for _ in range(10) for layer in (nn.Dense(3, 3, rng=0), nn.Sigmoid())])
    assert len(draw(network).recording.boxes) == 5
    assert len(draw(network, unfold=True).recording.boxes) == 41


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3,), "expected a Tensor, a list of tensors, a module or a function, got int"),
        (([],), "expected a Tensor, a list of tensors, a module or a function, got list"),
        (([leaf(1.0, "a"), 3],), "expected tensors only, got int among them"),
        ((leaf(1.0, "a"), 2), "takes none. To draw several tensors, pass a list"),
        ((lambda x: x + 1, 3), "to return a Tensor, got int"),
    ],
)
def test_draw_rejects_objects_without_a_tensor(arguments, message):
    with pytest.raises(TypeError, match=message):
        draw(*arguments)


def test_draw_of_a_network_with_unknown_input_shape_requires_an_input():
    with pytest.raises(ValueError, match=r"Pass an input, as in tg.draw\(network, x\)"):
        draw(nn.Sequential(nn.Flatten()))

"""The picture of a network as neurons and weights."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.plots.neurons.diagram import diagram
from nn.plots.neurons.layout import place
from nn.plots.neurons.page import lesson
from nn.plots.neurons.raster import PIXELS_PER_INCH, figure
from nn.plots.style import DOTS_PER_INCH

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</script><script>window.hacked = 1</script>"


def small():
    return nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))


def by_hand(network, x, y):
    """Values and gradients of a 2-3-1 network with the squared error, written out in NumPy."""
    w1, b1, w2, b2 = (parameter.numpy().astype(float) for parameter in network.parameters())
    hidden = np.tanh(x @ w1 + b1)
    output = hidden @ w2 + b2
    d_output = 2 * (output - y)
    d_hidden = d_output @ w2.T
    d_z = d_hidden * (1 - hidden**2)
    return hidden, output, d_output, d_hidden, d_z, np.outer(x, d_z), d_z @ w1.T


def test_network_values_and_gradients_are_those_by_hand():
    network, x = small(), np.array([[1.0, -0.5]])
    shown = diagram(network, x, np.array([[0.3]]), nn.MeanSquaredError())
    hidden, output, d_output, d_hidden, d_z, d_w, d_x = by_hand(network, x[0], 0.3)
    source, first, last = shown.layers
    for found, expected in (
        (first.value, hidden), (last.value, output), (last.gradient, d_output), (first.gradient, d_hidden),
        (first.before_gradient, d_z), (first.weight_gradient, d_w), (source.gradient, d_x),
    ):  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert shown.result == pytest.approx(float(((output - 0.3) ** 2).item()), rel=1e-5)
    assert (first.activations, first.path, last.path) == (["Tanh"], "0", "2")


def test_network_changes_nothing():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.BatchNorm(3), nn.Dropout(0.5, rng=0), nn.Dense(3, 1, rng=1))
    before = network.state_dict()
    nn.plots.network(network, np.ones((4, 2)))
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_network_svg_shows_each_neuron_and_weight():
    root = ElementTree.fromstring(nn.plots.network(small(), x=np.ones((1, 2))).svg)
    assert [each.get("data-unit") for each in root.iter() if each.get("data-unit")] == [
        "0-0", "0-1", "1-0", "1-1", "1-2", "2-0",
    ]  # fmt: skip
    assert sum(each.get("data-line") is not None for each in root.iter()) == 2 * 3 + 3 * 1
    weights = [float(p.numpy()[0, 0]) for p in small().parameters() if p.ndim == 2]
    titles = [each.text for each in root.iter(f"{SVG}title")]
    assert any(title.startswith(f"0.weight[0, 0] = {weights[0]:.3g}".replace("-", "−")) for title in titles)


def test_network_without_a_sample_shows_weights_only():
    drawing = nn.plots.network(small())
    assert drawing.diagram.result is None
    assert 'class="value"' not in drawing.svg
    assert '"steps":[]' in drawing.html
    assert repr(drawing) == "<NetworkDrawing: Sequential as neurons and weights: 2-3-1, 13 parameters>"


def test_network_wider_lines_are_larger_weights():
    layer = nn.Dense(1, 3, rng=0)
    layer.weight.data = np.array([[0.5, -1.0, 0.0]], np.float32)
    lines = nn.plots.network(nn.Sequential(layer)).placed.lines
    assert [line.width for line in lines] == [2.5, 4.5, 0.5]
    colours = re.findall(r'data-line="1".*?stroke:(#\w+)', nn.plots.network(nn.Sequential(layer)).svg)
    assert colours == ["#0072b2", "#d55e00", "#0072b2"]  # the thinnest first: 0, 0.5, -1


def test_network_summarises_large_layers():
    network = nn.Sequential(nn.Flatten(), nn.Dense(784, 128, rng=0), nn.ReLU(), nn.Dense(128, 10, rng=1))
    drawing = nn.plots.network(network, x=np.ones((1, 28, 28)), y=np.array([3]), loss=nn.SoftmaxCrossEntropy())
    page = drawing.html
    assert "775 more" in drawing.svg
    assert "119 more" in drawing.svg
    assert len(drawing.placed.units) == 9 + 9 + 10
    assert drawing.placed.height < 800
    assert len(page) < 200_000


def test_network_of_other_layers_draws_a_box():
    network = nn.Sequential(nn.Conv2D(1, 2, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Dense(2 * 26 * 26, 4, rng=0))
    drawing = nn.plots.network(network, x=np.ones((1, 28, 28, 1)))
    assert [layer.size for layer in drawing.diagram.layers] == [784, 0, 4]
    assert "Conv2D" in drawing.svg
    words = nn.Sequential(nn.Embedding(5, 4, rng=0), nn.LSTM(4, 3, rng=0), nn.Dense(3, 1, rng=0))
    assert "input-Embedding-LSTM-1" in repr(nn.plots.network(words, x=np.array([[1, 2, 3]])))


def test_network_takes_the_loss_of_a_model():
    X, y = nn.datasets.spiral(20, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 3, rng=0))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    shown = nn.plots.network(model, X, y).diagram
    p = np.exp(network(X[:1]).numpy()[0].astype(float))
    p /= p.sum()
    np.testing.assert_allclose(shown.layers[-1].gradient, p - np.eye(3)[y[0]], rtol=1e-4)


def test_network_explains_softmax_without_a_slope():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 2, rng=1), nn.Softmax())
    drawing = nn.plots.network(network, x=[1.0, 1.0])
    data = json.loads(re.search(r'id="lesson">(.*?)</script>', drawing.html, re.S)[1])
    words = [step["words"] for step in data["steps"]]
    assert "Times the slope of Tanh, it is dz." in words[-2]
    assert "The derivative of Softmax turns it into dz." in words[-3]
    hidden, output = data["units"]["1-0"], data["units"]["2-0"]
    assert "dz = gradient × slope of Tanh = " in hidden["backward"][-1]
    assert hidden["forward"][-1].startswith("Tanh(z) = ")
    assert output["backward"][-1].startswith("dz, before Softmax = ")
    assert output["forward"][-1].startswith("Softmax over all z = ")


def test_network_saves_svg_and_html(tmp_path):
    drawing = nn.plots.network(small(), x=[1.0, 1.0])
    drawing.save(tmp_path / "network.svg")
    drawing.save(str(tmp_path / "network.html"))
    ElementTree.fromstring((tmp_path / "network.svg").read_text(encoding="utf-8"))
    assert (tmp_path / "network.html").read_text(encoding="utf-8") == drawing.html
    with pytest.raises(ValueError, match=r"cannot save as 'network.gif'. Use one of .svg, .html"):
        drawing.save("network.gif")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        drawing.save(tmp_path / "none" / "network.svg")
    assert "srcdoc" in drawing._repr_mimebundle_()["text/html"]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_network_saves_png_and_pdf(theme, tmp_path):
    network = nn.Sequential(nn.Dense(2, 13, rng=0), nn.LayerNorm(13), nn.Dense(13, 1, rng=1))
    drawing = nn.plots.network(network, x=np.array([[1.0, -0.5]]), theme=theme)
    drawing.save(tmp_path / "network.pdf")
    drawing.save(tmp_path / "network.png")
    image = (255 * mpl.image.imread(tmp_path / "network.png")).round().astype(int)
    root = ElementTree.fromstring(drawing.svg)
    scale = DOTS_PER_INCH / PIXELS_PER_INCH
    assert image.shape[:2] == (int(drawing.placed.height * scale), int(drawing.placed.width * scale))
    found = figure(drawing.svg)
    written = [(text.get_text(), *text.get_position()) for text in found.axes[0].texts]
    texts = [each for each in root.iter(f"{SVG}text") if each.text]
    assert written == [(each.text, float(each.get("x")), float(each.get("y"))) for each in texts]
    assert len(found.axes[0].lines) == len([*root.iter(f"{SVG}path")])
    assert tuple(image[0, 0, :3]) == (18, 22, 28) if theme == "dark" else (255, 255, 255)
    for colour in ((213, 94, 0), (0, 114, 178)) if theme == "light" else ((240, 146, 59), (86, 180, 233)):
        assert (np.abs(image[..., :3] - colour).max(axis=-1) < 3).sum() > 20  # the lines of the legend


def test_network_escapes_hostile_names():
    hostile = type(HOSTILE, (nn.Sequential,), {})
    activation = type(HOSTILE, (nn.Tanh,), {})
    drawing = nn.plots.network(hostile(nn.Dense(2, 2, rng=0), activation(), nn.Dense(2, 1, rng=0)), x=[1.0, 1.0])
    assert HOSTILE not in drawing.html
    assert drawing.html.count("</script>") == 2
    ElementTree.fromstring(drawing.svg)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.plots.network(3), TypeError, "expected an nn.Module or an nn.Model, got int"),
        (lambda: nn.plots.network(small(), "x"), TypeError, "expected x to hold numbers"),
        (lambda: nn.plots.network(small(), np.ones((0, 2))), ValueError, "expected at least one sample"),
        (lambda: nn.plots.network(small(), np.ones((1, 3))), ValueError, "expected inputs of width 2"),
        (lambda: nn.plots.network(small(), [1.0, 1.0], y=1.0), ValueError, "the target y needs loss"),
        (lambda: nn.plots.network(nn.Sequential(nn.Flatten())), ValueError, "Pass a sample"),
        (lambda: nn.plots.network(small(), theme="sepia"), ValueError, "'light', 'dark', got 'sepia'"),
    ],
)
def test_network_refuses_what_it_cannot_draw(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_network_of_numbers_that_are_not_finite():
    layer = nn.Dense(1, 2, rng=0)
    layer.weight.data = np.array([[np.nan, np.inf]], np.float32)
    with np.errstate(all="ignore"):
        drawing = nn.plots.network(nn.Sequential(layer), x=[1.0])
    ElementTree.fromstring(drawing.svg)
    assert "nan" in drawing.svg


def test_network_under_no_grad():
    with tg.no_grad():
        assert nn.plots.network(small(), x=[1.0, 1.0]).diagram.layers[1].gradient is not None


GOLDEN = Path(__file__).parent / "golden_network.json"


def test_network_page_is_golden():
    """Every step and formula of a 2-2-1 network whose numbers are exact on every machine."""
    network = nn.Sequential(nn.Dense(2, 2), nn.ReLU(), nn.Dense(2, 1))
    for parameter, values in zip(network.parameters(), ([[1, -2], [0.5, 4]], [0.5, -0.5], [[2], [-0.25]], [1])):
        parameter.data = np.array(values, np.float32)
    found = diagram(network, np.array([[1.0, -0.5]]), np.array([[2.0]]), nn.MeanSquaredError())
    text = json.dumps(lesson(found, place(found)), indent=1, ensure_ascii=False) + "\n"
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "the page has changed. If this is intended, read the new one, and replace tests/nn/golden_network.json"
    )

"""The interactive page of a network as neurons and weights, in a real browser."""

import numpy as np
import pytest

import nn
from nn.plots.neurons.equations import short


def drawing():
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    return nn.plots.network(network, x=np.array([[1.0, -0.5]]), y=np.array([[1.0]]), loss=nn.MeanSquaredError())


def visible(page, kind):
    found = """(texts) => texts.filter((text) => text.checkVisibility({ visibilityProperty: true }))
      .map((text) => text.textContent)"""
    return page.page.locator(f"[data-unit] .{kind}").evaluate_all(found)


@pytest.mark.slow
def test_network_page_steps_through_both_passes(open_page):
    shown = drawing()
    page = open_page(shown.html)
    layers = shown.diagram.layers
    counts = [(len(visible(page, "value")), len(visible(page, "gradient")))]
    for _ in range(page.step()[1] - 1):
        page.press("ArrowRight")
        counts.append((len(visible(page, "value")), len(visible(page, "gradient"))))
    assert counts == [(2, 0), (5, 0), (6, 0), (6, 0), (6, 1), (6, 4), (6, 6)]
    assert visible(page, "value") == [short(value) for layer in layers for value in layer.value]
    assert visible(page, "gradient") == [short(value) for layer in layers for value in layer.gradient]
    page.press("Home")
    assert page.step()[0] == 1
    page.page.locator("#forward").click()
    assert "z = x @ W + b" in page.text("#words")


@pytest.mark.slow
def test_network_page_explains_a_neuron_by_keyboard(open_page):
    page = open_page(drawing().html)
    page.page.locator('[data-unit="1-2"]').focus()
    page.press("Enter")
    assert page.text("#details h2") == "layer 1 (Dense), number 3"
    assert page.texts("#details h3") == ["Forward", "Backward", "Weights"]
    assert page.page.locator("#details tbody tr").count() == 3
    assert page.page.locator("[data-line].chosen").count() == 3
    page.press("Enter")
    assert page.page.locator("#details h2").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "dark"), (768, 1024, "light"), (390, 844, "dark")])
def test_network_page_fits(width, height, scheme, open_page):
    network = nn.Sequential(nn.Flatten(), nn.Dense(784, 128, rng=0), nn.ReLU(), nn.Dense(128, 10, rng=1))
    page = open_page(
        nn.plots.network(network, x=np.ones((1, 28, 28))).html, width=width, height=height, color_scheme=scheme
    )
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.press("End")
    for unit in page.page.locator("[data-unit].now").all():
        box = unit.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@pytest.mark.slow
def test_network_page_without_a_sample_has_no_steps(open_page):
    page = open_page(nn.plots.network(nn.Sequential(nn.Dense(2, 2, rng=0))).html)
    assert page.page.locator("#player").is_hidden()
    page.page.locator('[data-unit="1-0"]').click()
    assert page.page.locator("#details tbody tr").count() == 3

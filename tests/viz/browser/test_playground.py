"""The playground's page in a real browser: the numbers of the engine, by keyboard, at every size."""

import numpy as np
import pytest

import nn

X, y = nn.datasets.spiral(30, 3, rng=0)

OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll(".neuron")].map((each) => each.getBoundingClientRect());
  let count = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    count += a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  }));
  return count;
}"""

CLIPPED = """() => [...document.querySelectorAll("h1, h2, .heading, dt, dd, .legend, #state, #place, #scale, button")]
  .filter((each) => each.offsetParent !== null && each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.textContent)"""


@pytest.fixture(scope="module")
def recorder():
    network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 8, rng=1), nn.ReLU(), nn.Dense(8, 3, rng=2))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()), rng=0)
    found = nn.plots.Playground(X, y, names=["first", "$x^2$", "</script><img src=x onerror=window.hacked=1>"])
    model.fit(X, y, epochs=5, callbacks=[found], verbose=0)
    return found


def opened(open_page, recorder, fragment="", **settings):
    page = open_page(recorder.html, fragment, **settings)
    page.page.locator("body[data-ready]").wait_for()
    return page


def shown(number):
    """Return a number as the page formats it."""
    text = f"{float(f'{number:.4g}'):.10f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


@pytest.mark.slow
def test_playground_shows_the_numbers_of_the_engine_by_keyboard(open_page, recorder):
    page = opened(open_page, recorder, "#epoch=3")
    film = recorder.film()
    assert page.text("#place") == "epoch 3 of 5"
    assert page.text("#state") == f"loss {shown(film.history['loss'][2])}"
    assert page.texts("#charts .legend b")[0] == shown(film.history["loss"][2])
    page.press("ArrowRight")
    assert page.page.url.endswith("#epoch=4")
    assert page.text("#live").startswith(f"Epoch 4: loss {shown(film.history['loss'][3])}")
    page.press("End", "ArrowRight")
    assert page.text("#place") == "epoch 5 of 5"
    page.press("Home")
    assert page.text("#state") == "before training"

    page.press(*["ArrowDown"] * 11, "Enter")  # the third neuron of the second layer
    assert page.text("#caption") == "Layer 2, Dense, ReLU: neuron 2"
    layer = film.layers[1]
    numbers = [layer.bias[0, 2], *layer.weights[0, :, 2]]
    assert page.texts("#numbers dd") == [shown(number) for number in numbers]
    assert "from neuron 7" in page.text("#live")
    largest = np.abs(layer.pictures[0, 2]).max()
    assert page.texts("#scale span") == [shown(-largest), shown(largest)]
    assert page.page.url.endswith("#epoch=0&neuron=2.2")
    page.press("Escape")
    assert page.text("#caption").startswith("Decision boundary")
    assert page.texts("#scale span") == film.names
    assert page.page.evaluate("window.hacked") is None


@pytest.mark.slow
def test_playground_paints_the_pictures_of_the_engine(open_page, recorder):
    page = opened(open_page, recorder, "#epoch=5", color_scheme="light")
    film = recorder.film()
    found = page.page.evaluate(
        """() => drawn.neurons.map(({ canvas }) => {
             const { width, height } = canvas;
             return [width, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
           })"""
    )
    pictures = [picture for layer in film.layers for picture in layer.pictures[-1]]
    for (width, pixels), picture in zip(found, pictures, strict=True):
        part = picture / np.abs(picture).max()
        ends = np.where(part[..., None] < 0, [0, 114, 178], [213, 94, 0])
        expected = 255 + (ends - 255) * np.abs(part)[..., None]
        painted = np.reshape(pixels, (width, width, 4))[..., :3]
        assert np.abs(painted - expected).max() < 255 / 63 + 1


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (768, 1024), (340, 640)])
def test_playground_fits_every_window(open_page, recorder, width, height, theme):
    page = opened(open_page, recorder, "#epoch=2&neuron=2.3", width=width, height=height, color_scheme=theme)
    assert page.page.evaluate(OVERLAPS) == 0
    assert page.page.evaluate(CLIPPED) == []
    for element in ("document.documentElement", "find('network')"):
        assert page.page.evaluate(f"{element}.scrollWidth <= {element}.clientWidth")
    page.page.locator("#theme").click()
    assert page.page.evaluate("document.documentElement.dataset.theme") != theme


@pytest.mark.slow
def test_playground_of_a_history_shows_all_curves_and_the_last_epoch(open_page, recorder):
    model = recorder.model
    page = opened(open_page, nn.plots.playground(model, model.history, X, y))
    assert page.text("#place") == "epoch 5 of 5"
    assert page.text("#state") == f"loss {shown(model.history['loss'][-1])}"
    assert page.page.locator("#player :disabled").count() == 6
    losses, *gradients = page.page.locator("#charts polyline").all()
    points = [tuple(map(float, point.split(","))) for point in losses.get_attribute("points").split()]
    assert len(points) == 5
    assert points[0][0] == pytest.approx(56)  # from the left edge of the chart to the right one
    assert points[-1][0] == pytest.approx(410)
    assert page.page.locator("#charts circle").count() == len(gradients) == 3
    page.press("ArrowLeft", " ")
    assert page.text("#place") == "epoch 5 of 5"


@pytest.mark.slow
def test_playground_plays_and_lists_every_epoch(open_page, recorder):
    page = opened(open_page, recorder, "#epoch=5")
    page.page.locator("#speed").select_option("50")
    page.page.locator("#play").click()
    page.page.locator("#play:text-is('Play')").wait_for()
    assert page.text("#place") == "epoch 5 of 5"
    page.page.locator("summary").click()
    rows = page.texts("#table tbody tr")
    assert len(rows) == 6
    page.page.locator("#table tbody a").nth(1).click()
    page.page.wait_for_timeout(30)
    assert page.text("#place") == "epoch 1 of 5"
    assert page.texts("#table tr[aria-current] th") == ["1"]

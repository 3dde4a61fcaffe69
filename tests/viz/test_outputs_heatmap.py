"""Heatmaps in the boxes of a drawing."""

import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import tensorgrad as tg
from tensorgrad.viz import draw
from tensorgrad.viz.outputs.heatmap import NEGATIVE, POSITIVE, ZERO, colours, png
from tensorgrad.viz.recording.summaries import summary
from tests.viz.geometry import sides


def image(detail):
    return np.asarray(Image.open(io.BytesIO(png(colours(detail)))))


def test_heatmap_is_orange_where_positive_blue_where_negative_and_white_at_zero():
    array = np.linspace(-2.0, 2.0, 25).reshape(5, 5)
    pixels = image(summary(array, 24).detail)
    assert pixels.shape == (5, 5, 3)
    assert (tuple(pixels[0, 0]), tuple(pixels[2, 2]), tuple(pixels[4, 4])) == (NEGATIVE, ZERO, POSITIVE)
    positive = image(summary(np.arange(25.0).reshape(5, 5), 24).detail)
    assert tuple(positive[0, 0]) == ZERO
    array[1, 1] = np.nan
    assert tuple(image(summary(array, 24).detail)[1, 1]) == (0, 0, 0)
    assert (image(summary(np.zeros((5, 5)), 24).detail) == ZERO).all()


@pytest.mark.slow
def test_heatmaps_are_drawn_for_arrays_without_numbers(tmp_path):
    x = tg.tensor(np.linspace(-1, 1, 60).reshape(6, 10), requires_grad=True, name="x")
    wide = tg.tensor(np.ones((2, 9)), requires_grad=True, name="wide")
    small = tg.tensor(np.ones((2, 2)), requires_grad=True, name="small")
    loss = tg.tanh(x).sum() + wide.sum() + small.sum()
    loss.backward()
    drawing = draw(loss, heatmaps=True)
    images = {box.id: box.card.heatmaps for box in drawing.picture.boxes if box.card.heatmaps}
    titles = {drawing.recording.boxes[id].name or drawing.recording.boxes[id].op for id in images}
    assert titles == {"x", "tanh", "wide"}
    for box in drawing.picture.boxes:
        left, top, right, bottom = sides(box)
        for each in box.card.heatmaps:
            assert left < box.x + each.x < box.x + each.x + each.width < right
            assert top < box.y + each.y < box.y + each.y + each.height < bottom
    root = ElementTree.fromstring(drawing.svg)
    links = [each.get("href") for each in root.iter("{http://www.w3.org/2000/svg}image")]
    assert len(links) == 6
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(links[0].partition(",")[2]))))
    assert pixels.shape == (6, 10, 3)
    drawing.save(tmp_path / "heatmaps.png")
    shown = np.asarray(Image.open(tmp_path / "heatmaps.png").convert("RGB")).reshape(-1, 3)
    for colour in (NEGATIVE, POSITIVE):
        assert (np.abs(shown.astype(int) - colour).max(1) < 6).sum() > 100
    assert "<image" not in draw(loss).svg


@pytest.mark.parametrize("style", ["compact", "full"])
def test_heatmaps_leave_a_graph_of_scalars_as_it_is(style):
    x = tg.tensor(2.0, requires_grad=True, name="x")
    assert draw(x * x, heatmaps=True, style=style).svg == draw(x * x, style=style).svg

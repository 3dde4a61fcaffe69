"""The page of an animation in a real browser."""

import pytest
from matplotlib.figure import Figure

import nn


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_animation_page_plays_by_keyboard(open_page, width):
    hostile = "<img src=x onerror=window.hacked=1>"
    figures = [Figure(figsize=(6, 3)) for _ in range(3)]
    page = open_page(nn.plots.Animation(figures, captions=["one", "two", hostile], seconds=0.05).html, width=width)
    assert page.text("#place") == "one"
    page.press("ArrowRight")
    assert (page.text("#place"), page.text("#live")) == ("two", "two")
    page.press("End", "ArrowRight")
    assert page.text("#place") == hostile
    assert page.page.get_attribute("#frame", "alt") == hostile
    page.press("Home", " ")
    page.page.locator("#play:text-is('Play')").wait_for()
    assert page.text("#place") == hostile
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.page.evaluate("window.hacked") is None

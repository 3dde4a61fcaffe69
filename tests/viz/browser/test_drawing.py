"""The HTML page of a drawing in a real browser."""

import pytest

import tensorgrad as tg

SHOWN = "[...document.querySelectorAll('main')].filter((each) => each.checkVisibility()).map((each) => each.className)"
GROUND = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawing_page_follows_the_readers_theme(theme, scheme, expression, tmp_path, open_page):
    tg.draw(expression.loss, theme=theme).save(tmp_path / "graph.html")
    page = open_page(tmp_path / "graph.html", width=390, height=844, color_scheme=scheme).page
    expected = "dark" if "dark" in (theme, scheme) else "light"
    assert page.evaluate(SHOWN) == [expected]
    assert page.evaluate(GROUND) == ("rgb(18, 22, 28)" if expected == "dark" else "rgb(255, 255, 255)")

"""Chinese, Japanese and Korean characters in PNG and PDF files."""

import matplotlib as mpl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

import tensorgrad as tg
from tensorgrad.viz import draw
from tensorgrad.viz.outputs import fonts


@pytest.fixture
def installed(tmp_path):
    """A font with one Chinese character, a square, as if the system had it."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord("重"): "square"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Noto Sans CJK SC", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "cjk.ttf")
    before = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "cjk.ttf")
    fonts._installed.cache_clear()
    yield
    fontManager.ttflist[:] = before
    fonts._installed.cache_clear()


def black_pixels(path):
    image = mpl.image.imread(path)
    return int((image[..., :3].max(-1) < 0.3).sum())


def test_characters_come_from_a_font_of_the_system(installed, tmp_path):
    x = tg.tensor(1.0, requires_grad=True, name="重重重重")
    drawing = draw(x)
    drawing.save(tmp_path / "with.png")
    fontManager.ttflist[:] = [entry for entry in fontManager.ttflist if entry.name != "Noto Sans CJK SC"]
    fonts._installed.cache_clear()
    drawing.save(tmp_path / "without.png")
    assert black_pixels(tmp_path / "with.png") > 1.5 * black_pixels(tmp_path / "without.png")


def test_fonts_that_are_not_installed_are_not_asked_for(installed):
    assert fonts.family(mono=True) == ["monospace", "Noto Sans CJK SC", *fonts.family(mono=False)[2:]]
    assert set(fonts.family(mono=False)[1:]) <= {entry.name for entry in fontManager.ttflist}

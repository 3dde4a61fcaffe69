"""Chinese, Japanese and Korean characters in figures."""

import shutil
import warnings

import matplotlib as mpl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.font_manager import fontManager

import nn
import tensorgrad as tg
from tensorgrad.viz import draw, fonts

NAME = "重み 权重 가중치"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A font with one Chinese character, a square, which the system has but Matplotlib's list of fonts has not."""
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
    path = tmp_path / "cjk.ttf"
    builder.save(path)
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"not a font")
    before = list(fontManager.ttflist)
    fontManager.ttflist[:] = [entry for entry in before if entry.name not in fonts.FALLBACKS]
    found = [str(path), str(broken)]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: found)
    fonts._installed.cache_clear()
    yield found
    fontManager.ttflist[:] = before
    fonts._installed.cache_clear()


def remove_fonts(system):
    system.clear()
    fontManager.ttflist[:] = [entry for entry in fontManager.ttflist if entry.name not in fonts.FALLBACKS]
    fonts._installed.cache_clear()


def black_pixels(path):
    image = mpl.image.imread(path)
    return int((image[..., :3].max(-1) < 0.3).sum())


def test_drawing_takes_characters_from_a_font_of_the_system(system, tmp_path):
    x = tg.tensor(1.0, requires_grad=True, name="重重重重")
    draw(x).save(tmp_path / "with.png")
    remove_fonts(system)
    draw(x).save(tmp_path / "without.png")
    draw(x).save(tmp_path / "without.pdf")
    assert black_pixels(tmp_path / "with.png") > 1.5 * black_pixels(tmp_path / "without.png")


def test_plots_take_characters_from_a_font_of_the_system(system, tmp_path):
    def picture():
        return nn.plots.confusion_matrix([0, 1, 1], [0, 1, 0], names=["重重重重", "重重"])

    picture().savefig(tmp_path / "with.png")
    remove_fonts(system)
    picture().savefig(tmp_path / "without.png")
    nn.plots.confusion_matrix([0, 1, 1], [0, 1, 0], names=["重", "b"], path=tmp_path / "without.pdf")
    assert black_pixels(tmp_path / "with.png") > black_pixels(tmp_path / "without.png") + 500


def test_fallbacks_are_only_used_for_characters_that_need_them(system):
    assert fonts.fallbacks("重み") == ["Noto Sans CJK SC"]
    assert fonts.fallbacks("‖∂w‖ = x² · Σ") == fonts.fallbacks("") == []
    remove_fonts(system)
    assert fonts.fallbacks("重み") == []


@pytest.mark.slow
def test_fonts_that_are_installed_have_the_characters(tmp_path):
    fonts._installed.cache_clear()
    if not fonts.fallbacks(NAME):
        pytest.skip("no font with Chinese, Japanese and Korean characters is installed (fonts-noto-cjk)")
    loss = tg.tensor(1.0, requires_grad=True, name=NAME) * 2
    drawing = draw(loss)
    with warnings.catch_warnings(record=True) as caught, pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("always")
        patch.setattr(warnings, "filterwarnings", lambda *args, **options: None)  # nothing is suppressed
        for kind in ("png", "pdf"):
            drawing.save(tmp_path / f"drawing.{kind}")
            nn.plots.confusion_matrix([0, 1], [0, 1], names=[NAME, "b"], path=tmp_path / f"plot.{kind}")
    assert [str(each.message) for each in caught] == []
    if shutil.which("dot"):
        dot = draw(loss, renderer="dot")
        dot.save(tmp_path / "dot.pdf")
        dot.save(tmp_path / "dot.png")
        assert b"CJK" in (tmp_path / "dot.pdf").read_bytes()

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.layout.theme import SHAPES
from tensorgrad.viz.recording import Check, Recording, labels
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.labels import number

GOLDEN = Path(__file__).parent / "golden.svg"
SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = 'a|b{c}<d>&"e"\\l\n\t\x00\x1b\ud800 é 重み 𝑤 <b>&amp;</b> $x_1$'


def texts(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def titles(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter(f"{SVG}title")]


def test_outputs_match_the_golden_files(expression):
    expression.loss.backward()
    drawn = draw(expression.loss).svg
    assert drawn == GOLDEN.read_text(encoding="utf-8"), (
        "the picture changed. If it was meant to, look at the new one, and save it over tests/viz/golden.svg"
    )


def test_svg_shows_a_missing_gradient_as_a_dash(expression):
    before = texts(draw(expression.loss))
    assert before.count("–") == 7
    assert "0" not in before
    expression.loss.backward()
    after = texts(draw(expression.loss))
    assert "–" not in after
    assert {number(float(expression.w.grad)), number(float(expression.b.grad))} <= set(after)


def test_svg_shows_unknown_values_as_question_marks(expression):
    expression.w.data = 2.0
    shown = texts(draw(expression.loss))
    assert shown.count("?") == 5
    assert [text for text in shown if text.startswith("? ")] == ["? changed since"]
    assert titles(draw(expression.loss))[0] == "w\nleaf, shape ()\nvalue changed since\ngradient not computed yet"


def test_legend_explains_missing_arrays():
    x = tg.tensor(np.ones(200), requires_grad=True)  # arrays of more than 1 KiB are not kept for pictures
    y = x * tg.tensor(np.ones(200))
    y.backward(np.ones(200))
    assert "? depends on an array that backward released" in texts(draw(y))
    released = (
        "? The input y of multiply was released by backward(). Assign it to a variable, or call "
        "backward(retain_graph=True)."
    )
    assert released in " ".join(texts(draw(y)))
    assert released in str(draw(y))
    y = x + tg.tensor(np.ones(200))
    assert "? depends on an array that no longer exists" in texts(draw(y))
    assert "? The input y of add no longer exists. Assign it to a variable" in " ".join(texts(draw(y)))
    network = nn.Sequential(nn.Dense(2, 1, rng=0))
    loss = network(np.ones((100, 2)))
    loss.backward(np.ones((100, 1), loss.dtype))
    assert "? The input x of linear (in Sequential / 0 · Dense) was released by backward()." in str(draw(loss))
    several = x + np.ones(200) + np.ones(200) + np.ones(200) + np.ones(200) + np.ones(200)
    assert str(draw(several)).endswith("2 more arrays are gone in the same way.")


def test_legend_explains_other_missing_values():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    assert "? cannot be computed again" in texts(draw(tg.exp(tg.checkpoint(tg.sin)(x))))


def test_svg_scales_and_has_a_description(expression):
    element = ElementTree.fromstring(draw(expression.loss).svg)
    assert element.get("viewBox") == f"0 0 {element.get('width')} {element.get('height')}"
    assert element.get("style") == f"max-width:100%;min-width:{0.6 * int(element.get('width')):g}px;height:auto"
    assert element.get("role") == "img"
    assert element.get("aria-label") == "Graph of loss = power: 10 boxes"
    assert len(titles(draw(expression.loss))) == 9
    assert len(titles(draw(expression.loss, style="full"))) == 10
    assert titles(draw(expression.loss))[0] == "w\nleaf, shape ()\nvalue -1.2\ngradient not computed yet"


def test_svg_labels_operands_whose_order_matters(expression):
    shown = texts(draw(expression.loss, values=False, style="full"))
    assert [text for text in shown if text in ("x", "y", "left", "right", "exponent")] == [
        "x",
        "y",
        "left",
        "right",
        "exponent",
    ]
    weight = tg.tensor(np.ones((2, 1)), requires_grad=True, name="w")
    linear = nn.functional.linear(tg.tensor(np.ones((1, 2)), name="x"), weight, np.ones(1))
    shown = texts(draw(linear))
    assert (shown.count("x"), "weight" in shown, "bias" in shown) == (1, True, True)
    one = tg.tensor(1.0, requires_grad=True, name="one")
    assert [text for text in texts(draw(one - tg.exp(one))) if text in ("x", "y")] == ["x", "y"]
    x = tg.tensor(1.0, requires_grad=True, name="one")
    assert not {"x", "y"} & set(texts(draw(x * 2 + 3)))
    again = nn.functional.linear(linear, np.ones((1, 1)), np.ones(1))  # its input is another box than the one named x
    assert [text for text in texts(draw(again)) if text in ("x", "weight", "bias")] == ["x", *["weight", "bias"] * 2]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("direction", ["LR", "TB"])
@given(name=st.text(max_size=20))
@settings(max_examples=15, deadline=None)
def test_svg_is_valid_xml_for_any_name(name, theme, direction):
    x = tg.tensor(1.0, requires_grad=True, name=name)
    drawing = draw(x * 2, theme=theme, direction=direction)
    assert texts(drawing)[0] == (name if name.isprintable() and name.strip() else texts(drawing)[0])
    assert all(text is None or text.isprintable() for text in texts(drawing))


def test_outputs_accept_unusual_names(tmp_path):
    x = tg.tensor(1.0, requires_grad=True, name=AWKWARD)
    drawing = draw(x * 2)
    tooltip = next(ElementTree.fromstring(drawing.svg).iter(f"{SVG}title")).text
    assert tooltip.startswith(r'a|b{c}<d>&"e"\l\n\t\x00\x1b\ud800 é 重み 𝑤 <b>&amp;</b> $x_1$')
    for suffix in (".svg", ".html", ".dot", ".png", ".pdf"):
        drawing.save(tmp_path / f"graph{suffix}")
    assert "重み" in draw(x, values=False).dot + str(draw(tg.tensor(1.0, name="重み")))


def test_svg_distinguishes_leaves_by_more_than_colour():
    w = tg.tensor(2.0, requires_grad=True, name="w")
    x, data, five = tg.tensor(3.0, name="x"), tg.tensor(np.ones(2)), tg.tensor(5.0)
    loss = w * x + data + 4.0 * w * five
    styles = {box.card.texts[0].text: box.card.style for box in draw(loss.sum(), style="full").picture.boxes}
    assert {title: style for title, style in styles.items() if style not in ("operation", "output")} == {
        "w": "leaf",
        "x": "input",
        "input": "input",
        "4": "constant",
        "constant": "constant",
    }
    assert len(set(SHAPES.values())) == len(SHAPES)
    assert {"parameter: a leaf that requires a gradient", "input", "constant"} <= set(texts(draw(loss)))


def test_svg_draws_folded_boxes_as_a_stack(expression):
    whole = capture(expression.loss)
    sentences = (" ".join(["Many words about what is not drawn."] * 9), "<b>")
    (middle,) = [box for box in whole.boxes if box.op == "add"]
    boxes = list(whole.boxes)
    boxes[middle.id] = replace(middle, kind="folded", op="Block", stands_for=37)
    drawing = Drawing(replace(whole, boxes=tuple(boxes), folded=sentences))
    shown = texts(drawing)
    assert {"Block", "37 boxes in one", "boxes folded into one"} <= set(shown)
    assert " ".join(shown).endswith(" ".join(sentences))
    assert sentences[0] not in shown
    assert titles(drawing)[middle.id].startswith("Block\n37 boxes in one, shape ()")
    assert len(rectangles(drawing, middle.id)) == 2
    assert len(rectangles(drawing, middle.id + 1)) == 1
    assert "boxes folded into one" not in texts(draw(expression.loss))


def rectangles(drawing, box):
    (group,) = [each for each in ElementTree.fromstring(drawing.svg).iter() if each.get("data-box") == str(box)]
    return group.findall(f"{SVG}rect")


def test_svg_shows_checks(expression):
    whole = capture(expression.loss)
    (id,) = [box.id for box in whole.boxes if box.name == "w"]
    boxes = list(whole.boxes)
    boxes[id] = replace(boxes[id], check=Check("differs", "3 of 4 elements, by 0.5"))
    drawing = Drawing(replace(whole, boxes=tuple(boxes)))
    assert {"check", "differs"} <= set(texts(drawing))
    assert "finite differences: differs, 3 of 4 elements, by 0.5" in titles(drawing)[id]


@pytest.mark.slow
def test_png_accepts_letters_of_any_script(tmp_path):
    names = ["שלום עולם", "مرحبا", "नमस्ते", "สวัสดี", "வணக்கம்", "👩🏽‍🚀🇫🇷", "한국어 中文 日本語", "e\u0301\u0323", "\ufdfd"]
    total = sum(tg.tensor(1.0, requires_grad=True, name=name) for name in names)
    draw(total).save(tmp_path / "graph.png")
    draw(total).save(tmp_path / "graph.pdf")


def test_svg_shows_options_of_operations():
    x = tg.tensor(np.ones((2, 3)), requires_grad=True)
    assert "axis=0, keepdims=True" in texts(draw(x.sum(axis=0, keepdims=True)))


def test_svg_shows_small_arrays_and_summarises_large_ones():
    x = tg.tensor([[1.0, 2.0], [3.0, 1 / 3]], dtype=np.float32)
    assert {"1, 2", "3, 0.3333", "(2, 2) float32"} <= set(texts(draw(x)))
    assert "49.5 ± 28.87" in texts(draw(tg.tensor(np.arange(100.0))))
    assert "empty" in texts(draw(tg.tensor(np.zeros((0, 3)))))


def test_svg_shows_lines_only_in_matrices():
    six = np.arange(6.0)
    assert "0, 1, 2, 3, 4, 5" in texts(draw(tg.tensor(six)))
    assert {"0, 1, 2", "3, 4, 5"} <= set(texts(draw(tg.tensor(six.reshape(2, 3)))))
    assert "0, 1, 2, 3, 4, 5" in texts(draw(tg.tensor(six.reshape(1, 6))))
    assert {"0", "1", "2", "3", "4", "5"} <= set(texts(draw(tg.tensor(six.reshape(6, 1)))))


def test_svg_does_not_round_a_spread_around_zero_to_zero():
    around_zero = draw(tg.tensor(np.arange(100.0) - 49.5 + 1e-9))
    assert {"±28.87", "mean ± standard deviation"} <= set(texts(around_zero))
    assert "±28.87 (mean ± standard deviation), from -49.5 to 49.5" in titles(around_zero)[0]
    equal = draw(tg.tensor(np.full(100, 0.1)))
    assert "all 0.1" in texts(equal)
    assert "mean ± standard deviation" not in texts(equal)
    assert "nan ± nan" in texts(draw(tg.tensor([np.nan] * 20)))
    assert "nan ± nan" in texts(draw(tg.tensor([np.inf, -np.inf] * 10)))


def test_svg_shows_booleans():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    assert {"True, False", "False"} <= set(texts(draw(tg.where(np.array([True, False]), x, False))))
    assert "30% True" in texts(draw(tg.tensor(np.arange(20) < 6)))


def test_svg_shows_class_labels_as_a_range():
    assert "0 … 9" in texts(draw(tg.tensor(np.arange(40) % 10)))
    assert "\u00a04, \u00a05, \u00a06, \u00a07" in texts(draw(tg.tensor(np.arange(16).reshape(4, 4) * 1)))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 2, 2), ["[0] 0, 1", "    2, 3", "[1] 4, 5", "    6, 7"]),
        ((2, 1, 2, 2), ["[0, 0] 0, 1", "       2, 3", "[1, 0] 4, 5", "       6, 7"]),
        ((2, 2, 2, 1), ["[0] 0, 1", "    2, 3", "[1] 4, 5", "    6, 7"]),
        ((2, 5), ["[0] 0, 1, 2", "    3, 4", "[1] 5, 6, 7", "    8, 9"]),
        ((8, 1), ["0", "1", "2", "3", "4", "5", "6", "7"]),
        ((9, 1), ["0, 1, 2", "3, 4, 5", "6, 7, 8"]),
    ],
    ids=str,
)
def test_small_arrays_of_any_shape_show_all_numbers_in_blocks_with_their_indices(shape, expected):
    found = draw(tg.tensor(np.arange(float(np.prod(shape))).reshape(shape)))
    [box] = found.recording.boxes
    assert [line.replace("\u00a0", " ") for line in labels.lines(box.value, box)] == expected
    assert set(labels.lines(box.value, box)) <= set(texts(found))


@pytest.mark.parametrize("name", ["", " "])
def test_svg_ignores_invisible_names(name):
    x = tg.tensor(1.0, requires_grad=True, name=name)
    y = x * 2
    y.name = name
    shown = texts(draw(y, style="full"))
    assert [text for text in shown if text in ("leaf", "multiply", "2")] == ["leaf", "2", "multiply", "2"]
    assert [line.split("  ")[0] for line in str(draw(y)).splitlines()[1:]] == ["#0 (leaf)", "#2 = multiply(#0, 2)"]
    assert "leaf" in draw(x).dot


@pytest.mark.slow
def test_outputs_do_not_depend_on_the_run():
    program = """
import sys
import nn
import tensorgrad as tg
from tensorgrad.viz import draw
for _ in range(int(sys.argv[1])):
    tg.tensor(1.0, requires_grad=True)  # moves the engine's own numbering on
w = tg.tensor([1.0, 2.0], requires_grad=True, name="w")
c = tg.tensor([3.0, 4.0])
loss = (tg.where(w.data > 1, w * c, c) / w + tg.tanh(w)).sum(axis=0)
loss.backward()
drawing = draw(loss)
sys.stdout.buffer.write((drawing.svg + drawing.dot + str(drawing) + drawing.recording.to_json()).encode())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, extra],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed, extra in (("0", "0"), ("1", "7"), ("2", "23"))
    ]
    assert runs[0]
    assert runs[0] == runs[1] == runs[2]


def test_outputs_are_functions_of_the_recording(expression):
    drawing = draw(expression.loss)
    again = Drawing(Recording.from_json(drawing.recording.to_json()))
    assert (again.svg, again.dot, str(again)) == (drawing.svg, drawing.dot, str(drawing))


def test_dot_has_an_edge_for_each_operand():
    a = tg.tensor(2.0, requires_grad=True, name="a")
    source = draw(a * a).dot
    assert re.findall(r"\d -> \d", source) == ["0 -> 1", "0 -> 1"]
    assert "peripheries=2" in source


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot (Graphviz) is not installed")
def test_dot_accepts_the_source(expression, random_graph):
    expression.loss.name = AWKWARD
    expression.w.name = "<not html>"
    for output in (expression.loss, random_graph(5, 20)[0]):
        drawing = draw(output)
        done = subprocess.run(["dot", "-Tsvg"], input=drawing.dot.encode(), capture_output=True, check=True, timeout=60)
        assert done.stderr == b""
        made = ElementTree.fromstring(done.stdout)
        groups = [group.get("class") for group in made.iter(f"{SVG}g")]
        assert groups.count("node") == len(drawing.shown.boxes)
        assert groups.count("edge") == sum(len(box.operands) for box in drawing.shown.boxes)
    assert (
        "&lt;not html&gt;"
        in subprocess.run(
            ["dot", "-Tsvg"], input=draw(expression.loss).dot, capture_output=True, check=True, text=True, timeout=60
        ).stdout
    )


@pytest.mark.slow
def test_save_writes_the_format_of_the_suffix(expression, tmp_path):
    drawing = draw(expression.loss)
    starts = {".svg": b"<svg", ".html": b"<!DOCTYPE html>", ".dot": b"digraph", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for suffix, start in starts.items():
        drawing.save(tmp_path / f"graph{suffix}")
        first = (tmp_path / f"graph{suffix}").read_bytes()
        assert first.startswith(start)
        drawing.save(str(tmp_path / f"graph{suffix.upper()}"))
        assert (tmp_path / f"graph{suffix.upper()}").read_bytes() == first
    page = (tmp_path / "graph.html").read_text(encoding="utf-8")
    assert drawing.svg in page
    assert '<html lang="en">' in page
    assert "<title>Graph of loss = power: 10 boxes</title>" in page
    assert ":root { color-scheme: light; background: #ffffff; }" in page
    assert not re.findall(r"(?:src|href)=", page)


@pytest.mark.slow
def test_png_has_the_pictures_proportions_and_ink(expression, tmp_path):
    from matplotlib.image import imread

    drawing = draw(expression.loss, theme="dark")
    drawing.save(tmp_path / "graph.png")
    pixels = imread(tmp_path / "graph.png")[..., :3]
    assert pixels.shape[0] == pytest.approx(2 * drawing.picture.height, abs=1.5)
    assert pixels.shape[1] == pytest.approx(2 * drawing.picture.width, abs=1.5)
    assert len(np.unique((pixels * 255).round().reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("name", ["graph.jpg", "graph", "graph.svgz"])
def test_save_rejects_an_unknown_suffix(expression, tmp_path, name):
    with pytest.raises(ValueError, match=r"unknown suffix .* of '.*'. Use one of .svg, .html, .dot, .png, .pdf"):
        draw(expression.loss).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_save_rejects_a_missing_folder(expression, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"save: there is no folder .*missing"):
        draw(expression.loss).save(tmp_path / "missing" / "graph.svg")


def test_text_shows_values_and_gradients(expression):
    expression.loss.backward()
    lines = str(draw(expression.loss)).splitlines()
    assert lines[0].split() == ["shape", "value", "grad"]
    assert ["w", "(leaf)", "()", "-1.2", number(float(expression.w.grad))] in [line.split() for line in lines]
    assert [line.split("  ")[0] for line in lines[-2:]] == ["#7 = subtract(#5, y)", "loss = power(#7, 2)"]
    assert len(lines) == 10


def test_text_distinguishes_equal_names():
    a, b = (tg.tensor(1.0, requires_grad=True, name="w") for _ in range(2))
    assert "multiply(w#0, w#1)" in str(draw(a * b))


def test_drawing_is_shown_in_notebooks(expression):
    drawing = draw(expression.loss)
    assert drawing._repr_mimebundle_() == {"image/svg+xml": drawing.svg, "text/plain": str(drawing)}
    assert repr(drawing) == "<Drawing: Graph of loss = power: 10 boxes>"


@pytest.mark.parametrize("wrong", [3.0, None, np.ones(2), "loss"])
def test_draw_rejects_other_objects_than_tensors(wrong):
    with pytest.raises(TypeError, match=f"draw: expected a Tensor, .* got {type(wrong).__name__}"):
        draw(wrong)


def test_draw_rejects_unknown_options(expression):
    with pytest.raises(ValueError, match="direction to be one of 'LR', 'TB', got 'RL'"):
        draw(expression.loss, direction="RL")
    with pytest.raises(ValueError, match="theme to be one of 'light', 'dark', got 'sepia'"):
        draw(expression.loss, theme="sepia")


def test_draw_does_not_release_the_graph(expression):
    draw(expression.loss).svg.encode()
    expression.loss.backward()
    w, b, x, y = -1.2, 0.3, 0.5, 1.0
    t = np.tanh(x * w + b)
    assert expression.w.grad == pytest.approx(2 * (t - y) * (1 - t * t) * x)


def test_draw_of_a_leaf_is_a_single_box():
    drawing = draw(tg.tensor([1.0, 2.0], name="data"))
    assert repr(drawing) == "<Drawing: Graph of data: 1 box>"
    assert texts(drawing) == ["data", "shape", "(2,)", "value", "1, 2", "input"]
    assert len(drawing.picture.routes) == 0


@pytest.mark.slow
def test_draw_of_a_long_chain_does_not_recurse():
    w = tg.tensor(0.99, requires_grad=True, name="w")
    x = w
    for _ in range(500):
        x = tg.sin(x) * w
    x.backward()
    drawing = Drawing(capture(x))
    assert len(drawing.recording.boxes) == 1001
    assert len(drawing.svg) < 2_000_000  # edges that run together share their pieces
    assert len(str(drawing).splitlines()) == 1002
    assert drawing.dot.count("->") == 1500


def test_drawing_loads_nothing_heavy():
    program = "import sys, tensorgrad.viz; print([m for m in ('matplotlib', 'graphviz') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout == "[]\n"

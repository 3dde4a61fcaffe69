"""The Graphviz source is valid: the real program reads it without a word, and finds every box, edge and module."""

import re
import shutil
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.recording import Group, Recording
from tensorgrad.viz.recording.capture import capture

SVG = "{http://www.w3.org/2000/svg}"
AWKWARD = 'a|b{c}<d>&"e"\\l\\N\n\t\x00\x1b\ud800 é 重み 𝑤 <b>&amp;</b> $x_1$ \\'
WORDS = [
    "",
    " ",
    "\\",
    "\\N",
    '"',
    "<",
    "<b>x</b>",
    "<not html>",
    "&amp;",
    "a|b{c}",
    "graph",
    "0",
    "-1",
    "\n",
    "重み\u0301",
]

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot (Graphviz) is not installed")


def through_dot(source):
    """What Graphviz makes of it; any complaint is a failure."""
    done = subprocess.run(["dot", "-Tsvg"], input=source.encode(), capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return ElementTree.fromstring(done.stdout)


def parts(made, kind):
    return [group for group in made.iter(f"{SVG}g") if group.get("class") == kind]


def texts(made):
    """All that is written, as one reads it: Graphviz writes spaces that do not break."""
    return [(element.text or "").replace("\xa0", " ") for element in made.iter(f"{SVG}text")]


@pytest.fixture
def network():  # kept by the test, as a graph knows the names of its modules only as long as they live
    return nn.Sequential(nn.Dense(4, 3, rng=0), nn.ReLU(), nn.Sequential(nn.Dense(3, 2, rng=1)))


@pytest.fixture
def loss(network):
    loss = nn.SoftmaxCrossEntropy()(network(np.ones((2, 4), np.float32)), np.array([0, 1]))
    loss.backward(retain_graph=True)
    return loss


@needs_dot
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("depth", [None, 0, 1])
def test_dot_contains_every_box_edge_and_module(loss, theme, direction, depth):
    drawing = draw(loss, theme=theme, direction=direction, depth=depth)
    made, recording = through_dot(drawing.dot), drawing.recording
    assert len(parts(made, "node")) == len(recording.boxes)
    assert len(parts(made, "edge")) == sum(len(box.operands) for box in recording.boxes)
    assert len(parts(made, "cluster")) == len(recording.groups) == {None: 5, 0: 0, 1: 1}[depth]


@needs_dot
def test_dot_nests_modules(loss):
    source = draw(loss).dot
    nested = re.findall(r"^(\t*)subgraph (cluster_\d)", source, re.MULTILINE)
    assert [(len(tabs), name) for tabs, name in nested] == [
        (1, "cluster_0"),
        (2, "cluster_1"),
        (2, "cluster_2"),
        (2, "cluster_3"),
        (3, "cluster_4"),
    ]
    assert {"Sequential", "0 · Dense", "1 · ReLU", "2 · Sequential"} <= set(texts(through_dot(source)))


@pytest.mark.slow
@needs_dot
@given(name=st.text(max_size=12) | st.lists(st.sampled_from(WORDS), max_size=4).map("".join))
@settings(max_examples=40)
def test_dot_escapes_any_name(name):
    x = tg.tensor(1.0, requires_grad=True, name=name)
    y = x * 2
    y.name = name
    recording = capture(y)
    group = Group(0, None, name, name or "Module")
    recording = Recording(tuple(replace(box, group=0) for box in recording.boxes), (group,))
    made = through_dot(Drawing(recording, style="full").dot)
    counts = [len(parts(made, kind)) for kind in ("node", "edge", "cluster")]
    assert counts == [3, 2, 1]
    if name.isprintable() and name.strip() == name != "" and "  " not in name:
        assert name in texts(made)


@needs_dot
def test_dot_shows_unusual_names():
    x = tg.tensor(1.0, requires_grad=True, name=AWKWARD)
    shown = texts(through_dot(draw(x * 2).dot))
    assert AWKWARD[:10] in "".join(shown)


def test_dot_orders_and_separates_operands():
    a = tg.tensor(2.0, requires_grad=True, name="a")
    b = tg.tensor(3.0, requires_grad=True, name="b")
    source = draw((a * a) - b).dot
    assert re.findall(r"^\t(\d -> \d)(?: \[(.*)\])?$", source, re.MULTILINE) == [
        ("0 -> 2", ""),
        ("0 -> 2", ""),
        ("2 -> 3", "headlabel=x"),
        ("1 -> 3", "headlabel=y"),
    ]


@needs_dot
def test_dot_folds_large_graphs():
    x, h = (tg.tensor(np.ones(3), requires_grad=True) for _ in range(2))
    for _ in range(400):
        h = tg.tanh(h) + x
    made = through_dot(draw(h.sum()).dot)
    assert len(parts(made, "node")) == 5
    assert "×400" in texts(made)

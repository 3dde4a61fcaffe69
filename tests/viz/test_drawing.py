"""`draw`: what may be asked of it, what it says as text, and Graphviz, which may be missing, slow or broken."""

import os
import shutil
import stat
import subprocess
import sys
import warnings

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.outputs import renderer
from tensorgrad.viz.recording import Recording

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot (Graphviz) is not installed")


@pytest.fixture
def network():
    return nn.Sequential(nn.Dense(4, 3, rng=0), nn.ReLU(), nn.Dense(3, 2, rng=1))


@pytest.fixture
def loss(network):
    loss = nn.SoftmaxCrossEntropy()(network(tg.tensor(np.ones((2, 4), np.float32), name="X")), np.array([0, 1]))
    loss.name = "loss"
    return loss


# -- what may be asked of it ------------------------------------------------------------------------------


def test_draw_depth_folds_modules(loss):
    counts = [len(draw(loss, depth=depth).recording.boxes) for depth in (0, 1, 2, None)]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < counts[2] == counts[3]
    assert len(draw(loss, depth=np.int64(0)).recording.boxes) == counts[0]


@pytest.mark.parametrize("wrong", [1.0, "1", True, [0]])
def test_draw_rejects_a_depth_that_is_not_an_integer(loss, wrong):
    with pytest.raises(TypeError, match="draw: expected depth to be an integer or None, got"):
        draw(loss, depth=wrong)


def test_draw_rejects_a_negative_depth(loss):
    with pytest.raises(ValueError, match=r"draw: expected depth to be at least 0, .* got -1"):
        draw(loss, depth=-1)


def test_draw_rejects_an_unknown_renderer(loss):
    with pytest.raises(ValueError, match="draw: expected renderer to be one of 'tensorgrad', 'dot', got 'neato'"):
        draw(loss, renderer="neato")


def test_drawing_returns_the_format_that_a_notebook_requests(loss):
    drawing = draw(loss)
    both = drawing._repr_mimebundle_()
    assert both == {"image/svg+xml": drawing.svg, "text/plain": str(drawing)}
    assert drawing._repr_mimebundle_(include={"text/plain"}) == {"text/plain": str(drawing)}
    assert drawing._repr_mimebundle_(exclude={"text/plain"}) == {"image/svg+xml": drawing.svg}
    assert drawing._repr_mimebundle_(include=["image/png"]) == {}


def test_description_lists_folded_parts():
    x = tg.tensor(2.0, requires_grad=True)
    y = x
    for _ in range(400):
        y = tg.sin(y)
    assert repr(draw(y)) == "<Drawing: Graph of sin: 2 boxes for 401>"
    assert 'aria-label="Graph of sin: 2 boxes for 401"' in draw(y).svg


# -- as text ----------------------------------------------------------------------------------------------


def test_text_is_indented_by_module(loss):
    lines = [line.split("  (")[0].rstrip() for line in str(draw(loss, values=False)).splitlines()]
    assert [line for line in lines if line.strip()[0].isdigit() and "·" in line] == [
        "  0 · Dense",
        "  1 · ReLU",
        "  2 · Dense",
    ]
    named = {line.strip(): len(line) - len(line.lstrip()) for line in lines}
    assert named["Sequential"] == 0
    assert named["0.weight (leaf)"] == 4
    assert next(indent for line, indent in named.items() if line.startswith("loss = softmax_cross_entropy(")) == 0


def test_text_defines_names_before_their_use(loss):
    seen = set()
    for line in str(draw(loss)).splitlines()[1:]:
        if " = " in line:
            arguments = line.split("(")[1].split(")")[0].split(", ")
            assert set(arguments) <= seen
        if " = " in line or " (" in line:
            seen.add(line.split(" = ")[0].split(" (")[0].strip())


def test_text_fits_a_terminal():
    x = tg.tensor(np.linspace(-1e-5, 1, 6), requires_grad=True, name="重み" * 30)
    data = tg.tensor(np.linspace(0, 1, 6), name="a name that is a rather long one")
    y = tg.concatenate([x * 1e-9, x, data + x])
    y.backward(np.ones(18))
    lines = str(draw(y)).splitlines()
    wide = [len(line) + sum(character in "重み" for character in line) for line in lines]
    assert 90 < max(wide) <= 100
    assert len(lines) == 1 + 5


def test_text_lists_folded_parts():
    layers = nn.Sequential(*[nn.Dense(4, 4, rng=0) for _ in range(12)])
    lines = str(draw(layers(np.ones((1, 4), np.float32)))).splitlines()
    assert lines[-3:] == ["", "33 of 37 boxes are not drawn", "Dense: 12 alike in a row, the first is drawn"]
    assert "  0–11 · Dense ×12" in lines


def test_text_shows_folded_boxes(network):
    x = tg.tensor(np.ones((2, 4), np.float32), requires_grad=True, name="x")
    out = network(x * 2).sum()
    assert [line.split("  ")[0] for line in str(draw(out, depth=0)).splitlines()[2:5]] == [
        "#2 = multiply(x, 2)",
        "#3 = [Sequential](#2)",
        "#4 = sum(#3)",
    ]


# -- Graphviz ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_dot
def test_dot_draws_every_kind(loss, tmp_path):
    drawing = draw(loss, renderer="dot")
    assert "Generated by graphviz" not in drawing.svg
    assert drawing.svg.startswith('<svg style="max-width:100%;height:auto" role="img" aria-label="Graph of loss')
    assert drawing.svg != draw(loss).svg
    assert 'class="graph"' in drawing.svg
    for suffix, start in ((".svg", b"<svg"), (".html", b"<!DOCTYPE"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        drawing.save(tmp_path / f"graph{suffix}")
        assert (tmp_path / f"graph{suffix}").read_bytes().startswith(start)
    assert b"Matplotlib" not in (tmp_path / "graph.png").read_bytes()


@pytest.fixture
def no_pygraphviz(monkeypatch):
    find = renderer.importlib.util.find_spec
    monkeypatch.setattr(renderer.importlib.util, "find_spec", lambda name: None if name == "pygraphviz" else find(name))


def test_drawing_without_graphviz_warns_and_uses_the_built_in_layout(loss, monkeypatch, no_pygraphviz, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    drawing = draw(loss, renderer="dot")
    with pytest.warns(UserWarning, match=r"draw: Graphviz is not installed .*; tensorgrad's own layout is used"):
        assert drawing.svg == draw(loss).svg
    with pytest.warns(UserWarning, match="not installed"):
        drawing.save(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.dot == draw(loss).dot


@pytest.mark.skipif(os.name == "nt", reason="the replacement of dot is a shell script")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exec sleep 60", "Graphviz was not done after 0.2 s"),
        ("echo first >&2; echo 'syntax error' >&2; exit 1", r"Graphviz failed \(syntax error\)"),
        ("exit 3", r"Graphviz failed \(exit status 3\)"),
        ("cat > /dev/null", "Graphviz failed"),
    ],
)
def test_drawing_with_a_failing_dot_warns_and_uses_the_built_in_layout(loss, monkeypatch, tmp_path, script, why):
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.warns(UserWarning, match=why):
        assert renderer.render(draw(loss).dot, "svg", time_limit=0.2 if "sleep" in script else 30) is None


def test_pygraphviz_runs_in_a_separate_process(monkeypatch, tmp_path):
    """Replace the package, and record the calls."""
    (tmp_path / "pygraphviz.py").write_text(
        "class AGraph:\n"
        "    def __init__(self, string): self.string, self.graph_attr = string, {}\n"
        "    def draw(self, format, prog): return f'{prog} {format} {self.graph_attr} {self.string}'.encode()\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert renderer.render("digraph é", "pdf") == "dot pdf {} digraph é".encode()
        assert renderer.render("digraph", "png") == b"dot png {'dpi': '192'} digraph"


@pytest.mark.slow
def test_drawing_bytes_do_not_depend_on_hash_seeds():
    program = """
import sys, numpy as np, nn, tensorgrad as tg
from tensorgrad.viz import draw
network = nn.Sequential(*[nn.Dense(4, 4, rng=0) for _ in range(60)], nn.Dense(4, 3, rng=0))
x = tg.tensor(np.ones((2, 4), np.float32), name="x")
outputs = [network(x)]
rng, values = np.random.default_rng(0), [tg.tensor(1.0, requires_grad=True)]
for _ in range(400):
    values.append(values[-1] * values[rng.integers(len(values))] + 1)
for output in (network(x), values[-1]):
    for depth in (None, 0, 1):
        drawing = draw(output, depth=depth)
        sys.stdout.buffer.write((drawing.recording.to_json() + drawing.dot + str(drawing)).encode())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert len(runs[0]) > 10_000
    assert runs[0] == runs[1]


def test_drawing_of_a_folded_recording_can_be_read_back(network):
    drawing = draw(network(np.ones((2, 4), np.float32)), depth=1)
    again = Drawing(Recording.from_json(drawing.recording.to_json()))
    assert (again.svg, again.dot, str(again)) == (drawing.svg, drawing.dot, str(drawing))

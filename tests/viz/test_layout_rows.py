"""Wide pictures wrapped into rows."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.viz import draw
from tensorgrad.viz.layout import picture, wrapped
from tensorgrad.viz.recording.capture import capture
from tests.viz.geometry import apart, inside, line, sides, touches
from tests.viz.graphs import random_recording
from tests.viz.test_layout_frames import label_of


def deep(layers):
    network = nn.Sequential(*[layer for _ in range(layers) for layer in (nn.Dense(3, 3, rng=0), nn.Sigmoid())])
    return capture(network(tg.tensor(np.ones((1, 3), np.float32), name="x")))


def crossings_of_boxes(drawn):
    """Straight horizontal and vertical parts of turns that run through a box."""
    for route in drawn.routes:
        for turn in route.turns:
            for (x1, y1), (x2, y2) in pairwise(turn):
                for box in drawn.boxes:
                    left, top, right, bottom = sides(box)
                    if max(x1, x2) > left and min(x1, x2) < right and max(y1, y2) > top and min(y1, y2) < bottom:
                        yield route, box.id


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), count=st.integers(10, 40), most=st.integers(300, 900))
@settings(max_examples=30, deadline=None)
def test_rows_keep_boxes_apart_and_edges_connected(seed, count, most):
    recording = random_recording(seed, count)
    whole = picture(recording, "LR")
    drawn = wrapped(recording, whole, most)
    for a, b in combinations(map(sides, drawn.boxes), 2):
        assert apart(a, b)
    for box in drawn.boxes:
        left, top, right, bottom = sides(box)
        assert min(left, top) > 10
        assert right < drawn.width
        assert bottom < drawn.height
    assert list(crossings_of_boxes(drawn)) == []
    entered = set()
    for route, original in zip(drawn.routes, whole.routes):
        points = (*route.before, route.points)
        start = points[0][0]
        entered |= {(route.source, turn[-1]) for turn in route.turns}
        assert touches(start, sides(drawn.boxes[route.source]), "LR", far=True) or (route.source, start) in entered
        assert touches(route.tip, sides(drawn.boxes[route.target]), "LR", far=False)
        assert len(route.turns) == len(route.before)
        for before, turn, after in zip(points, route.turns, points[1:]):
            assert (before[-1], after[0]) == (turn[0], turn[-1])
        assert (route.source, route.target, route.label) == (original.source, original.target, original.label)


def test_rows_are_at_most_as_wide_as_asked():
    recording = deep(10)
    whole = picture(recording, "LR")
    assert whole.width > 3000
    for most in (900, 1280, 1920):
        assert wrapped(recording, whole, most).width <= most
    assert wrapped(recording, whole, whole.width) is whole
    assert wrapped(recording, picture(recording, "TB"), 100).width > 100


def test_rows_leave_out_empty_space():
    value = start = tg.tensor(0.5, requires_grad=True, name="x")
    for _ in range(100):
        value = value * start  # the chain sinks lower and lower below the line of x
    recording = capture(value)
    drawn = wrapped(recording, picture(recording, "LR"))
    assert drawn.height < 16 * 220


def test_rows_split_frames_around_their_boxes():
    recording = deep(6)
    drawn = wrapped(recording, picture(recording, "LR"))
    parts = [frame for frame in drawn.frames if frame.group == 0]
    assert len(parts) > 1
    assert [part.label for part in parts] == ["Sequential"] + ["… Sequential"] * (len(parts) - 1)
    for box in recording.boxes[1:]:
        around = [frame for frame in drawn.frames if inside(sides(drawn.boxes[box.id]), sides(frame), 3)]
        assert 0 in {frame.group for frame in around} or (box.op is None and box.name == "x")


def crossed_frame_labels(drawn):
    """Yield the labels of frames that a line touches."""
    for frame in drawn.frames:
        left, top, right, bottom = label_of(frame)
        for route in drawn.routes:
            for points in (*route.before, route.points, *route.turns):
                x, y = np.array(list(line(replace(route, points=points), drawn))).T
                if ((left < x) & (x < right) & (top < y) & (y < bottom)).any():
                    yield frame.label


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2])
def test_rows_keep_lines_off_the_labels_of_frames(seed):
    recording = random_recording(seed, 30)
    assert list(crossed_frame_labels(wrapped(recording, picture(recording, "LR"), 600))) == []


def test_rows_keep_shortcuts_inside_the_frames_they_enter():
    blocks = (nn.Residual(nn.Dense(16, 16, rng=rng), nn.ReLU()) for rng in range(2))
    network = nn.Sequential(nn.Dense(2, 16, rng=2), *blocks, nn.Dense(16, 1, rng=3))
    drawn = draw(network(tg.tensor(np.ones((1, 2)), name="x"))).picture
    assert any(route.turns for route in drawn.routes)
    assert list(crossed_frame_labels(drawn)) == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_rows_are_drawn_in_every_format(theme, tmp_path):
    network = nn.Sequential(*[layer for _ in range(3) for layer in (nn.Dense(3, 3, rng=0), nn.Sigmoid())])
    drawing = draw(network, width=700, theme=theme)
    assert drawing.picture.width <= 700
    assert "Q" in drawing.svg
    for suffix in ("png", "pdf"):
        drawing.save(tmp_path / f"rows.{suffix}")
        assert (tmp_path / f"rows.{suffix}").stat().st_size > 10_000
    assert draw(network, width=None).picture.height < drawing.picture.height


@pytest.mark.parametrize("wrong", [0, 199.9, "wide"])
def test_rows_of_an_impossible_width_are_rejected(wrong):
    with pytest.raises(ValueError, match="expected width to be at least 200 pixels or None"):
        draw(tg.tensor(1.0), width=wrong)

"""Groups are frames: each around exactly what belongs to it, and out of everything else's way."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorgrad.viz.layout import picture
from tensorgrad.viz.layout.cards import TEXT_SIZE, frame_label_width
from tensorgrad.viz.layout.theme import THEMES
from tensorgrad.viz.outputs.svg import svg
from tensorgrad.viz.recording import Group, Recording
from tensorgrad.viz.recording.nesting import nesting
from tests.viz.geometry import apart, inside, line, sides, touches
from tests.viz.graphs import leaf, operation, random_recording

GOLDEN = Path(__file__).parent / "golden_groups.svg"
SVG = "{http://www.w3.org/2000/svg}"

grouped = given(
    seed=st.integers(0, 10_000), count=st.integers(1, 40), direction=st.sampled_from(["LR", "TB"]), mixed=st.booleans()
)


def groups_around(recording, framed):
    """Return the framed groups around each box."""
    around = {None: frozenset()}
    for group in recording.groups:
        own = {group.id} if group.id in framed else set()
        around[group.id] = around[group.parent] | own
    return [around[box.group] for box in recording.boxes]


@pytest.mark.slow
@grouped
@settings(max_examples=60, deadline=None)
def test_frames_contain_their_boxes_and_no_others(seed, count, direction, mixed):
    recording = random_recording(seed, count, entangled=mixed)
    drawn = picture(recording, direction)
    framed = {frame.group: sides(frame) for frame in drawn.frames}
    around = groups_around(recording, framed)
    if not mixed:
        assert framed.keys() == frozenset().union(*groups_around(recording, {group.id for group in recording.groups}))
    for placed, groups in zip(drawn.boxes, around):
        for group, frame in framed.items():
            assert inside(sides(placed), frame, by=4) if group in groups else apart(sides(placed), frame)


@pytest.mark.slow
@grouped
@settings(max_examples=60, deadline=None)
def test_frames_are_nested_or_apart_and_boxes_keep_apart(seed, count, direction, mixed):
    recording = random_recording(seed, count, entangled=mixed)
    drawn = picture(recording, direction)
    whole = (0, 0, drawn.width, drawn.height)
    parent = {group.id: group.parent for group in recording.groups}
    for outer, inner in combinations(drawn.frames, 2):
        above = parent[inner.group]
        while above is not None and above != outer.group:
            above = parent[above]
        assert inside(sides(inner), sides(outer), by=4) if above is not None else apart(sides(outer), sides(inner))
    for a, b in combinations(map(sides, drawn.boxes), 2):
        assert apart(a, b)
    assert all(inside(sides(each), whole, by=10) for each in (*drawn.boxes, *drawn.frames))


@pytest.mark.slow
@grouped
@settings(max_examples=40, deadline=None)
def test_edges_stay_out_of_other_boxes_frames_and_labels(seed, count, direction, mixed):
    recording = random_recording(seed, count, entangled=mixed)
    drawn = picture(recording, direction)
    around = groups_around(recording, {frame.group for frame in drawn.frames})
    labels = [label_of(frame) for frame in drawn.frames]
    uses = [(operand.box, box.id, at) for box in recording.boxes for at, operand in enumerate(box.operands)]
    assert [(route.source, route.target, route.operand) for route in drawn.routes] == uses
    for route in drawn.routes:
        assert touches(route.points[0], sides(drawn.boxes[route.source]), direction, far=True)
        assert touches(route.tip, sides(drawn.boxes[route.target]), direction, far=False)
        x, y = np.array(list(line(route, drawn))).T
        foreign = [sides(box) for box in drawn.boxes if box.id not in (route.source, route.target)]
        visited = around[route.source] | around[route.target]
        foreign += [sides(frame) for frame in drawn.frames if frame.group not in visited]
        for left, top, right, bottom in [*foreign, *labels]:
            assert not ((left < x) & (x < right) & (top < y) & (y < bottom)).any()


def label_of(frame):
    x, baseline = frame.label_place
    return x, baseline - TEXT_SIZE, x + frame_label_width(frame.label), baseline + 2


@grouped
@settings(max_examples=30, deadline=None)
def test_frame_labels_are_inside_their_frame_and_on_no_box(seed, count, direction, mixed):
    drawn = picture(random_recording(seed, count, entangled=mixed), direction)
    for frame in drawn.frames:
        assert inside(label_of(frame), sides(frame), by=4)
        assert all(apart(label_of(frame), sides(box)) for box in drawn.boxes)
        assert all(apart(label_of(frame), label_of(other)) for other in drawn.frames if other is not frame)


@grouped
@settings(max_examples=20, deadline=None)
def test_frame_elements_have_data_attributes(seed, count, direction, mixed):
    recording = random_recording(seed, count, entangled=mixed)
    drawn = picture(recording, direction)
    element = ElementTree.fromstring(svg(drawn, THEMES["dark"], ""))
    marked = {
        mark: [each.get(f"data-{mark}") for each in element.iter() if each.get(f"data-{mark}")]
        for mark in ("box", "group", "edge")
    }
    assert marked["box"] == [str(box.id) for box in recording.boxes]
    assert marked["group"] == [str(frame.group) for frame in drawn.frames]
    edges = [f"{box.id}:{at}" for box in recording.boxes for at in range(len(box.operands))]
    named = [f"{route.target}:{route.operand}" for route in drawn.routes if route.label]
    assert marked["edge"] == edges + edges + named


def test_frames_match_the_golden_file():
    drawn = svg(picture(nested_and_folded(), "TB"), THEMES["dark"], "Groups")
    assert drawn == GOLDEN.read_text(encoding="utf-8"), (
        "the picture changed. If it was meant to, look at the new one, and save it over tests/viz/golden_groups.svg"
    )


def nested_and_folded():
    """x + head(block(x)), where the block is one of three in a network."""
    groups = (Group(0, None, "", "Net"), Group(1, 0, "block", "Block", times=3), Group(2, 0, "head", "Dense"))
    boxes = [leaf(0, "x"), operation(1, 0, op="tanh"), operation(2, 0, 1, op="power"), leaf(3)]
    boxes += [operation(4, 2, 3, op="matmul"), operation(5, 0, 4)]
    boxes[4] = replace(boxes[4], kind="folded", op="Dense", stands_for=4)
    home = [None, 1, 1, 2, 2, 0]
    return Recording(
        tuple(replace(box, group=group) for box, group in zip(boxes, home)), groups, folded=("3 boxes are not drawn",)
    )


def test_frames_have_ports_for_values():
    # 0 goes to 1 and to 2, in a group, and 1 to 3, outside
    boxes = [leaf(0), operation(1, 0), operation(2, 0, 1), operation(3, 2, 1)]
    recording = Recording(
        tuple(replace(box, group=0 if box.id in (1, 2) else None) for box in boxes), (Group(0, None, "", "Block"),)
    )
    inner, outer = nesting(recording).insides[0], nesting(recording).insides[None]
    assert inner.vertices == [("entry", 0), ("box", 1), ("box", 2), ("exit", 2), ("exit", 1)]
    assert outer.vertices == [("box", 0), ("group", 0), ("box", 3)]


def test_frames_are_omitted_for_interleaved_groups():
    # 1 and 3 are in group 0, around 2
    boxes = [leaf(0), operation(1, 0), operation(2, 1), operation(3, 2)]
    recording = Recording(
        tuple(replace(box, group=0 if box.id in (1, 3) else None) for box in boxes), (Group(0, None, "", "Block"),)
    )
    assert list(nesting(recording).insides) == [None]
    assert picture(recording, "LR").frames == ()


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_frames_of_a_chain_are_straight(direction):
    boxes = [leaf(0)] + [replace(operation(id, id - 1, op="tanh"), group=id - 1) for id in range(1, 6)]
    groups = tuple(Group(id, None if id < 3 else 2, f"{id}", "Tanh") for id in range(5))
    across = 1 if direction == "LR" else 0
    for route in picture(Recording(tuple(boxes), groups), direction).routes:
        assert len({point[across] for point in (*route.points, route.tip)}) == 1


def test_frames_show_how_often_a_group_occurs():
    recording = Recording((replace(leaf(0), group=0),), (Group(0, None, "a|<b>\n", "Block", times=12),))
    (frame,) = picture(recording, "LR").frames
    assert frame.label == r"a|<b>\n · Block ×12"
    assert r"a|&lt;b&gt;\n · Block ×12" in svg(picture(recording, "LR"), THEMES["light"], "")


@pytest.mark.slow
def test_frames_do_not_depend_on_hash_seeds():
    program = """
import sys
from tensorgrad.viz.layout import picture
from tensorgrad.viz.outputs.svg import svg
from tensorgrad.viz.layout.theme import THEMES
from tests.viz.graphs import random_recording
for direction in ("LR", "TB"):
    for mixed in (False, True):
        drawn = picture(random_recording(3, 30, entangled=mixed), direction)
        sys.stdout.buffer.write(svg(drawn, THEMES["light"], "").encode())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    ]
    assert runs[0]
    assert runs[0] == runs[1]

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

import tensorgrad as tg
from tensorgrad.viz import crossings
from tensorgrad.viz.capture import capture
from tensorgrad.viz.cards import TEXT_SIZE, text_width
from tensorgrad.viz.layers import Edge, layered
from tensorgrad.viz.layout import picture
from tensorgrad.viz.positions import least_squares

graphs = given(seed=st.integers(0, 10_000), count=st.integers(0, 40), direction=st.sampled_from(["LR", "TB"]))


def laid_out(random_graph, seed, count, direction):
    recording = capture(random_graph(seed, count)[0])
    return recording, picture(recording, direction)


def sides(box):
    return box.x, box.y, box.x + box.card.width, box.y + box.card.height


@graphs
@settings(max_examples=40, deadline=None)
def test_boxes_keep_apart_and_inside(random_graph, seed, count, direction):
    _, drawn = laid_out(random_graph, seed, count, direction)
    rectangles = [sides(box) for box in drawn.boxes]
    for left, top, right, bottom in rectangles:
        assert left >= 10
        assert top >= 10
        assert right <= drawn.width - 10
        assert bottom <= drawn.height - 10
    for a, b in combinations(rectangles, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
    for entry in drawn.legend:
        assert max(bottom for *_, bottom in rectangles) < entry.swatch_top
        assert entry.baseline < drawn.height


@graphs
@settings(max_examples=40, deadline=None)
def test_one_line_per_operand_from_box_to_box_through_none(random_graph, seed, count, direction):
    recording, drawn = laid_out(random_graph, seed, count, direction)
    operands = [(operand.box, box.id) for box in recording.boxes for operand in box.operands]
    assert len(drawn.routes) == len(operands)
    for route, (source, target) in zip(drawn.routes, operands):
        assert _touches(route.points[0], sides(drawn.boxes[source]), direction, far=True)
        assert _touches(route.tip, sides(drawn.boxes[target]), direction, far=False)
        line = list(_line(route, drawn))
        for number, box in enumerate(drawn.boxes):
            if number not in (source, target):
                left, top, right, bottom = sides(box)
                assert not any(left < x < right and top < y < bottom for x, y in line)


def _touches(point, rectangle, direction, far):
    left, top, right, bottom = rectangle
    x, y = point
    if direction == "LR":
        return abs(x - (right if far else left)) < 0.2 and top < y < bottom
    return abs(y - (bottom if far else top)) < 0.2 and left < x < right


def _line(route, drawn):
    """Points along a route, a few pixels apart."""
    for here, there in pairwise(route.points):
        yield from (
            (np.array(here) + (np.array(there) - here) * t) for t in np.linspace(0, 1, 20) if here[1] == there[1]
        )
    for start, end in zip(route.points[1::2], route.points[2::2]):
        a, b, c = (np.array(point) for point in drawn.curve(start, end))
        for t in np.linspace(0, 1, 30):
            u = 1 - t
            yield u**3 * np.array(start) + 3 * u * u * t * a + 3 * u * t * t * b + t**3 * c


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_operands_end_in_their_order_and_apart(direction):
    a = tg.tensor(2.0, requires_grad=True)
    drawn = picture(capture(a * a), direction)
    first, second = (route.tip[1 if direction == "LR" else 0] for route in drawn.routes)
    assert second - first > 15


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_labels_of_many_operands_do_not_meet(direction):
    a = tg.tensor([2.0], requires_grad=True)
    drawn = picture(capture(tg.where(tg.concatenate([a] * 12).data > 1, tg.concatenate([a] * 12), 1.0)), direction)
    places = [(*drawn.label_place(route), text_width(route.label, TEXT_SIZE, mono=True)) for route in drawn.routes]
    for (x, y, width), (other_x, other_y, other_width) in combinations(places, 2):
        if direction == "LR":  # ends at x
            beside = x <= other_x - other_width or other_x <= x - width
        else:
            beside = x + width <= other_x or other_x + other_width <= x
        assert beside or abs(y - other_y) >= TEXT_SIZE


def test_operands_stand_in_reading_order():
    a, b, c, d = (tg.tensor(float(i), requires_grad=True) for i in range(4))
    boxes = picture(capture((a - b) * (c - d)), "LR").boxes
    assert boxes[0].y < boxes[1].y < boxes[2].y < boxes[3].y
    assert boxes[4].y < boxes[5].y


def test_edges_from_one_box_share_their_waypoints():
    # 0 is used by 1, by 3, and twice by 4
    graph = layered(5, [Edge(0, 1, 0, 1), Edge(1, 2, 0, 1), Edge(2, 3, 0, 2), Edge(0, 3, 1, 2), Edge(3, 4, 0, 3),
                        Edge(0, 4, 1, 3), Edge(0, 4, 2, 3)])  # fmt: skip
    assert [graph.layer_of[box] for box in range(5)] == [0, 1, 2, 3, 4]
    assert graph.waypoints == {0: [5, 6, 7], 1: [], 2: [], 3: [], 4: []}
    assert [len(layer) for layer in graph.layers] == [1, 2, 2, 2, 1]
    assert [len(links) for links in graph.links] == [2, 2, 3, 3]


def test_crossings_are_counted_and_removed():
    # 0→3 and 1→2 cross if both layers are in order of their numbers; 4 uses 3 and then 2
    graph = layered(5, [Edge(1, 2, 0, 1), Edge(0, 3, 0, 1), Edge(2, 4, 0, 2), Edge(3, 4, 1, 2)])
    graph.layers[:] = [[0, 1], [2, 3], [4]]
    assert crossings.crossings(graph) == 1
    crossings.order(graph)
    assert crossings.crossings(graph) == 0
    assert graph.layers == [[1, 0], [2, 3], [4]]


@given(seed=st.integers(0, 10_000), count=st.integers(5, 40))
@settings(max_examples=25, deadline=None)
def test_ordering_only_rearranges_and_never_adds_crossings(random_graph, seed, count):
    recording = capture(random_graph(seed, count)[0], values=False)
    edges = [Edge(o.box, b.id, i, len(b.operands)) for b in recording.boxes for i, o in enumerate(b.operands)]
    graph = layered(len(recording.boxes), edges)
    layers, before = [sorted(layer) for layer in graph.layers], crossings.crossings(graph)
    crossings.order(graph)
    assert [sorted(layer) for layer in graph.layers] == layers
    assert crossings.crossings(graph) <= before


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.1, 9), st.floats(0, 3)), min_size=1, max_size=8))
def test_least_squares_is_feasible_and_optimal(rows):
    wanted, weights, apart = zip(*rows)
    found = np.array(least_squares(wanted, weights, apart[1:]))
    room = np.diff(found) - apart[1:]
    assert (room >= -1e-9).all()

    def cost(x):
        return float(np.sum(np.array(weights) * (x - wanted) ** 2))

    for start in range(len(rows)):  # moving any feasible end of the row does not help
        for step in (1e-4, -1e-4):
            moved = found.copy()
            moved[start:] += step
            if (np.diff(moved) - apart[1:] >= 0).all():
                assert cost(moved) >= cost(found) - 1e-9
            moved = found.copy()
            moved[: start + 1] += step
            if (np.diff(moved) - apart[1:] >= 0).all():
                assert cost(moved) >= cost(found) - 1e-9


def test_a_row_of_operations_is_straight():
    x = tg.tensor(1.0, requires_grad=True)
    y = tg.sin(tg.cos(tg.exp(x)))
    for route in picture(capture(y), "LR").routes:
        assert len({across for _, across in (*route.points, route.tip)}) == 1


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), st.sampled_from(["bold", "normal"]))
@settings(max_examples=60, deadline=None)
def test_text_fits_in_the_widest_usual_font(text, weight):
    measure = TextToPath().get_text_width_height_descent
    for mono in (False, True):
        font = FontProperties(family="monospace" if mono else "sans-serif", weight=weight, size=100)
        assert measure(text, font, False)[0] <= text_width(text, 100, mono=mono) + 1

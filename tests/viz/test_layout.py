import unicodedata
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath

import tensorgrad as tg
from tensorgrad.viz.layout import crossings, picture
from tensorgrad.viz.layout.cards import TEXT_SIZE, text_width
from tensorgrad.viz.layout.layers import Edge, layered
from tensorgrad.viz.layout.positions import least_squares
from tensorgrad.viz.recording.capture import capture
from tests.viz.geometry import apart, line, sides, touches

graphs = given(seed=st.integers(0, 10_000), count=st.integers(0, 40), direction=st.sampled_from(["LR", "TB"]))


def laid_out(random_graph, seed, count, direction):
    recording = capture(random_graph(seed, count)[0])
    return recording, picture(recording, direction)


@pytest.mark.slow
@graphs
@settings(max_examples=40, deadline=None)
def test_layout_keeps_boxes_apart_and_inside(random_graph, seed, count, direction):
    _, drawn = laid_out(random_graph, seed, count, direction)
    rectangles = [sides(box) for box in drawn.boxes]
    for left, top, right, bottom in rectangles:
        assert left >= 10
        assert top >= 10
        assert right <= drawn.width - 10
        assert bottom <= drawn.height - 10
    for a, b in combinations(rectangles, 2):
        assert apart(a, b)
    for entry in drawn.legend:
        assert max(bottom for *_, bottom in rectangles) < entry.swatch_top
        assert entry.baseline < drawn.height


@pytest.mark.slow
@graphs
@settings(max_examples=40, deadline=None)
def test_layout_draws_a_line_per_operand_through_no_box(random_graph, seed, count, direction):
    recording, drawn = laid_out(random_graph, seed, count, direction)
    operands = [(operand.box, box.id) for box in recording.boxes for operand in box.operands]
    assert len(drawn.routes) == len(operands)
    for route, (source, target) in zip(drawn.routes, operands):
        assert touches(route.points[0], sides(drawn.boxes[source]), direction, far=True)
        assert touches(route.tip, sides(drawn.boxes[target]), direction, far=False)
        x, y = np.array(list(line(route, drawn))).T
        for number, box in enumerate(drawn.boxes):
            if number not in (source, target):
                left, top, right, bottom = sides(box)
                assert not ((left < x) & (x < right) & (top < y) & (y < bottom)).any()


def crossed_labels(drawn):
    """Yield the labels of operands that a line touches, in a picture from left to right."""
    points = np.concatenate([np.array(list(line(route, drawn))) for route in drawn.routes])
    for route in drawn.routes:
        right, baseline = drawn.label_place(route)
        apart = np.array([text_width(route.label, TEXT_SIZE, mono=True), 0.75 * TEXT_SIZE])
        inside = (points > np.array([right, baseline]) - apart) & (points < [right, baseline])
        if route.label and inside.all(axis=1).any():
            yield route.label


@pytest.mark.parametrize("seed", [1, 5])
def test_layout_draws_no_line_through_a_label(random_graph, seed):
    assert list(crossed_labels(picture(capture(random_graph(seed, 20)[0]), "LR"))) == []


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_layout_orders_and_separates_the_ends_of_operands(direction):
    a = tg.tensor(2.0, requires_grad=True)
    drawn = picture(capture(a * a), direction)
    first, second = (route.tip[1 if direction == "LR" else 0] for route in drawn.routes)
    assert second - first > 15


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_layout_separates_labels_of_many_operands(direction):
    a = tg.tensor([2.0], requires_grad=True)
    drawn = picture(capture(tg.where(tg.concatenate([a] * 12).data > 1, tg.concatenate([a] * 12), 1.0)), direction)
    places = [(*drawn.label_place(route), text_width(route.label, TEXT_SIZE, mono=True)) for route in drawn.routes]
    for (x, y, width), (other_x, other_y, other_width) in combinations(places, 2):
        if direction == "LR":  # ends at x
            beside = x <= other_x - other_width or other_x <= x - width
        else:
            beside = x + width <= other_x or other_x + other_width <= x
        assert beside or abs(y - other_y) >= TEXT_SIZE


def test_layout_places_operands_in_reading_order():
    a, b, c, d = (tg.tensor(float(i), requires_grad=True) for i in range(4))
    boxes = picture(capture((a - b) * (c - d)), "LR").boxes
    assert boxes[0].y < boxes[1].y < boxes[2].y < boxes[3].y
    assert boxes[4].y < boxes[5].y


def edges(uses):
    """Edges between boxes; each use is a source, a target, which operand it is, and of how many."""
    return [Edge(a, b, signal=a, leaves=0.5, enters=(at + 1) / (of + 1), result=True) for a, b, at, of in uses]


def test_layout_shares_waypoints_of_edges_from_one_box():
    # 0 is used by 1, by 3, and twice by 4
    graph = layered(5, edges([(0, 1, 0, 1), (1, 2, 0, 1), (2, 3, 0, 2), (0, 3, 1, 2), (3, 4, 0, 3), (0, 4, 1, 3),
                              (0, 4, 2, 3)]))  # fmt: skip
    assert [graph.layer_of[box] for box in range(5)] == [0, 1, 2, 3, 4]
    assert graph.waypoints == {0: [5, 6, 7], 1: [], 2: [], 3: []}
    assert [len(layer) for layer in graph.layers] == [1, 2, 2, 2, 1]
    assert [len(links) for links in graph.links] == [2, 2, 3, 3]


def test_layout_counts_and_removes_crossings():
    # 0→3 and 1→2 cross if both layers are in order of their numbers; 4 uses 3 and then 2
    graph = layered(5, edges([(1, 2, 0, 1), (0, 3, 0, 1), (2, 4, 0, 2), (3, 4, 1, 2)]))
    graph.layers[:] = [[0, 1], [2, 3], [4]]
    assert crossings.crossings(graph) == 1
    crossings.order(graph)
    assert crossings.crossings(graph) == 0
    assert graph.layers == [[1, 0], [2, 3], [4]]


@given(seed=st.integers(0, 10_000), count=st.integers(5, 40))
@settings(max_examples=25, deadline=None)
def test_layout_ordering_never_adds_crossings(random_graph, seed, count):
    recording = capture(random_graph(seed, count)[0], values=False)
    uses = [(o.box, b.id, at, len(b.operands)) for b in recording.boxes for at, o in enumerate(b.operands)]
    graph = layered(len(recording.boxes), edges(uses))
    layers, before = [sorted(layer) for layer in graph.layers], crossings.crossings(graph)
    crossings.order(graph)
    assert [sorted(layer) for layer in graph.layers] == layers
    assert crossings.crossings(graph) <= before


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.1, 9), st.floats(0, 3)), min_size=1, max_size=8))
def test_layout_least_squares_is_feasible_and_optimal(rows):
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


def test_layout_of_a_chain_is_straight():
    x = tg.tensor(1.0, requires_grad=True)
    y = tg.sin(tg.cos(tg.exp(x)))
    for route in picture(capture(y), "LR").routes:
        assert len({across for _, across in (*route.points, route.tip)}) == 1


LETTERS = [chr(code) for code in get_font(findfont("DejaVu Sans")).get_charmap() if chr(code).isprintable()]
LETTERS = [letter for letter in LETTERS if not unicodedata.combining(letter)]


@pytest.mark.slow
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from(LETTERS), max_size=40))
@settings(max_examples=100, deadline=None)
def test_layout_text_fits_in_the_widest_usual_font(text):
    measure = TextToPath().get_text_width_height_descent
    for mono, weight in ((False, "bold"), (False, "normal"), (True, "normal")):
        font = FontProperties(family="monospace" if mono else "sans-serif", weight=weight, size=100)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that one of the fonts lacks
            assert measure(text, font, False)[0] <= text_width(text, 100, mono=mono) + 1


def test_layout_text_width_is_the_same_on_every_python():
    assert text_width("loss = tanh", 12.5) == 96.5  # summed with compensation or not, the digits differ
    assert text_width("\U0001fae8", 10.0) == 16.0  # a face of Unicode 15, which Python 3.11 does not know

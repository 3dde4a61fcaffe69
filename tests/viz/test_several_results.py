"""Operations with several results, and with one rule for all operands, in every kind of picture."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.viz.folding import fold
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.boxes import boxes
from tensorgrad.viz.lesson.diagram import stage
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.recording import Recording, Summary
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.summaries import summary
from tests.viz import lessons
from tests.viz.several import damped, polar


def leaf(value, name):
    return tg.tensor(value, requires_grad=True, name=name)


@pytest.fixture
def point():
    return leaf(3.0, "x"), leaf(4.0, "y")


def contributions(recording, number=0):
    return [given for event in recording.passes[number].events for given in event.contributions]


def test_call_with_several_results_is_one_box_and_each_used_result_another(point):
    radius, angle = polar(*point)
    loss = radius * angle
    loss.backward(retain_graph=True)
    recording = capture(loss)
    call, first, second = recording.boxes[2:5]
    assert (call.op, call.results, call.shape, call.value, call.gradient) == (
        "polar", ("radius", "angle"), None, None, None,
    )  # fmt: skip
    assert [(box.op, box.operands[0].box, box.operands[0].name) for box in (first, second)] == [
        ("polar.radius", 2, "radius"),
        ("polar.angle", 2, "angle"),
    ]
    assert first.value.numbers == (5.0,)
    assert second.gradient.numbers == (5.0,)
    assert [box.op for box in capture(angle).boxes[2:]] == ["polar", "polar.angle"]
    assert Recording.from_json(recording.to_json()) == recording


def test_walkthrough_titles_calls_by_their_operation_and_number(point):
    (radius, angle), (again, _) = polar(*point), polar(*point)
    recording = capture(radius * angle * again, passes=True)
    titles = [box["title"] for box in boxes(recording, stage(recording, "LR")) if "polar" in box["title"]]
    assert titles == ["polar", "radius = polar.radius", "angle = polar.angle", "polar₂", "radius₂ = polar₂.radius"]


def test_text_svg_and_dot_of_several_results(point):
    radius, angle = polar(*point)
    drawing = tg.draw(radius * angle)
    assert str(drawing).splitlines()[3:6] == [
        "#2 = polar(x, y)",
        "#3 = #2.radius         ()     5       –",
        "#4 = #2.angle          ()     0.9273  –",
    ]
    assert ">polar<" in drawing.svg
    assert ">polar.radius<" in drawing.svg
    assert "returns radius, angle" in drawing.svg
    assert "?" not in drawing.svg
    assert "2 -> 3" in drawing.dot
    assert "2 [label=polar " in drawing.dot


def test_shared_rules_have_formulas_in_the_names_of_the_results(point):
    radius, angle = polar(*point)
    recording = capture(radius * angle, passes=True)
    assert [given.formula for given in contributions(recording)[2:]] == [
        "∂L/∂radius · x / radius - ∂L/∂angle · y / radius²",
        "∂L/∂radius · y / radius + ∂L/∂angle · x / radius²",
    ]
    only_radius = capture(polar(*point).radius * 2, passes=True)
    assert [given.formula for given in contributions(only_radius)[1:]] == [
        "∂L/∂radius · x / radius",
        "∂L/∂radius · y / radius",
    ]


def test_joint_rule_is_called_by_name_and_never_as_a_formula_of_one_operand(point):
    x, rate = leaf([3.0, 1.0], "x"), leaf([4.0, 2.0], "rate")
    recording = capture(tg.sum(damped(x, rate)), passes=True)
    assert [(given.rule, given.formula) for given in contributions(recording)[1:]] == [
        ("_damped_gradients", "damped_gradients(dv, x, rate, decay)[0]"),
        ("_damped_gradients", "damped_gradients(dv, x, rate, decay)[1]"),
    ]


def test_recording_reads_large_operands_from_the_composed_form():
    @tg.op(x=lambda g: g, y=lambda g, y, x: g + 0 * (x + y), composed=lambda x, y: tg.add(x, y))
    def added(x, y):
        return x + y

    recording = capture(tg.sum(added(leaf(np.ones(500), "x"), np.full(500, 2.0))))  # only the node holds the 2.0s
    (operand,) = [box for box in recording.boxes if box.kind == "constant"]
    assert operand.value.mean == 2.0


def test_slope_of_a_rule_that_returns_a_larger_array_is_its_sum():
    @tg.op(x=lambda g, of: g * np.ones(of))
    def times(x, of):
        return x * of

    recording = capture(times(leaf(2.0, "x"), 3), passes=True)
    assert [given.slope for given in contributions(recording)] == [3.0]


def test_walkthrough_of_several_results_in_numbers(point):
    radius, angle = polar(*point)
    recording = capture(radius * angle, passes=True, checks=True)
    forward = [(step.line, step.words) for step in forward_steps(recording)]
    assert forward[2] == ("radius, angle = polar(x, y)   polar((), ()) → 2 results", "One call returns 2 results.")
    assert forward[3][0] == "radius = polar.radius = 5"
    steps = backward_steps(recording)
    ready = next(step for step in steps if step.kind == "ready")
    assert ready.line == "∂L/∂radius = 0.9273  ·  ∂L/∂angle = 5"
    rules = [step.line.split(";")[0] for step in steps if step.kind == "rule" and step.box == 2]
    assert rules[0] == (
        "∂L/∂x += ∂L/∂radius · x / radius - ∂L/∂angle · y / radius² = 0.9273 · 3 / 5 - 5 · 4 / 5² = -0.2436"
    )
    assert {box.check.verdict for box in recording.boxes[:2]} == {"agrees"}
    assert len(tg.walkthrough(radius * angle).html) > 10_000


def test_walkthrough_says_which_results_have_no_gradient(point):
    recording = capture(polar(*point).radius * 2, passes=True)
    assert forward_steps(recording)[2].words == "One call returns 2 results, of which this graph uses radius."
    ready = next(step for step in backward_steps(recording) if step.kind == "ready")
    assert "For angle, which this graph does not use, the gradient is 0." in ready.words


@pytest.mark.parametrize("use", [
    lambda radius, angle: radius * angle,
    lambda radius, angle: radius * (radius + angle) + tg.sin(angle),
    lambda radius, angle: angle,
])  # fmt: skip
def test_passes_over_several_results_give_the_engines_gradients(point, use):
    loss = use(*polar(*point))
    recording = capture(loss, passes=True, checks=True)
    loss.backward(retain_graph=True)
    for each, tensor in zip(recording.boxes, point):
        assert recording.passes[0].gradients[each.id] == summary(tensor.grad)
        assert each.check.verdict == "agrees"
    assert capture(loss, passes=True).passes == recording.passes
    by_kind = {told.kind: told for told in recording.passes}
    assert by_kind["not zeroed"].gradients[0].numbers == pytest.approx((2 * point[0].grad,))


def test_naive_order_calls_the_rules_before_all_results_have_their_gradients(point):
    radius, angle = polar(*point)
    recording = capture(angle * tg.exp(tg.exp(radius / 10)), passes=True)
    number = [told.kind for told in recording.passes].index("naive order")
    told = recording.passes[number]
    call = next(box.id for box in recording.boxes if box.results)
    assert call in told.early
    early = next(step for step in backward_steps(recording, number) if step.kind == "early" and step.box == call)
    assert early.words.startswith("Too early! Not all gradients of the results of polar have arrived")
    assert told.gradients[0].numbers != recording.passes[0].gradients[0].numbers


def test_results_of_many_calls_are_folded():
    x, y = leaf(3.0, "x"), leaf(4.0, "y")
    for _ in range(200):
        radius, angle = polar(x, y)
        x, y = radius * 0.5, angle * 0.5
    recording = fold(capture(x + y))
    assert len(recording.boxes) < 100
    assert all(isinstance(box.value, Summary) for box in recording.boxes if not box.results)
    drawing = tg.draw(x + y)
    assert len(drawing.svg) > 1000
    assert "polar" in str(drawing)


def test_several_results_of_a_checkpoint_are_drawn(point):
    product, sine = tg.checkpoint(lambda x, y: (x * y, tg.sin(x)))(*point)
    loss = product * sine
    drawing = tg.draw(loss)
    assert [line.split("  ")[0] for line in str(drawing).splitlines()[3:6]] == [
        "#2 = checkpoint(x, y)", "#3 = #2[0]", "#4 = #2[1]",
    ]  # fmt: skip
    recording = capture(loss, passes=True)
    loss.backward()
    assert recording.passes[0].gradients[0] == summary(point[0].grad)


@pytest.mark.parametrize("function", [
    lambda a: tg.linalg.slogdet(a).logabsdet,
    lambda a: sum(tg.sum(each * each * (1.0 + np.arange(each.size).reshape(each.shape))) for each in tg.linalg.eigh(a)),
    lambda a: tg.sum(tg.linalg.svd(a).S * [1.0, 2.0]),
])  # fmt: skip
def test_decompositions_are_drawn_and_walked_through(function):
    a = leaf([[2.0, 0.5], [0.5, 1.0]], "A")
    loss = function(a)
    recording = capture(loss, passes=True, checks=True)
    loss.backward()
    assert recording.boxes[0].check.verdict == "agrees"
    assert np.allclose(recording.passes[0].gradients[0].numbers, a.grad.ravel())
    assert all(isinstance(box.value, Summary) for box in capture(loss).boxes if not box.results)
    assert len(tg.walkthrough(loss).html) > 10_000


def test_layer_with_several_results_is_noted_once(point):
    class Polar:
        def __call__(self, x, y):
            start = tg.scopes.enter()
            return tg.scopes.leave(start, self, (x, y), polar(x, y))

    layer = Polar()
    radius, angle = layer(*point)
    recording = capture(radius * angle)
    assert [group.kind for group in recording.groups] == ["Polar"]
    assert [box.group for box in recording.boxes[2:5]] == [0, 0, 0]


def test_boxes_of_calls_with_several_results_list_the_results_without_a_shape():
    loss, keep = lessons.several_results()
    recording = capture(loss, passes=True)
    [call] = [box for box in boxes(recording, stage(recording, "LR")) if box["call"]]
    assert call["facts"] == [("returns", "radius, angle")]
    assert "shape" not in call["tooltip"]
    del keep

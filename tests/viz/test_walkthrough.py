import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tensorgrad.viz.layout.theme import THEMES
from tensorgrad.viz.lesson.backward_steps import backward_steps
from tensorgrad.viz.lesson.flow import flow_words
from tensorgrad.viz.lesson.forward_steps import forward_steps
from tensorgrad.viz.lesson.steps import same
from tensorgrad.viz.recording import Recording
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.summaries import summary
from tensorgrad.viz.recording.symbols import symbols
from tensorgrad.viz.walkthrough import WRONG, Walkthrough, walkthrough
from tests.viz import lessons


def recorded(lesson):
    loss, keep = lesson()
    recording = capture(loss, detail=True, passes=True, checks=True)
    del keep
    return recording


def lines(recording, kind="right"):
    number = [each.kind for each in recording.passes].index(kind)
    return [step.line for step in backward_steps(recording, number)]


def test_walkthrough_of_scalars_writes_the_chain_rule():
    a, b = tg.tensor(2.0, requires_grad=True, name="a"), tg.tensor(3.0, requires_grad=True, name="b")
    loss = a * b + a
    recording = capture(loss, passes=True)
    assert [step.line for step in forward_steps(recording)] == [
        "a = 2",
        "b = 3",
        "v = a * b = 2 * 3 = 6",
        "L = v + a = 6 + 2 = 8",
    ]
    assert lines(recording) == [
        "∂L/∂L = 1",
        "∂L/∂v += ∂L/∂L · ∂L/∂v = 1 × 1 = 1;  ∂L/∂v: – → 1",
        "∂L/∂a += ∂L/∂L · ∂(v + a)/∂a = 1 × 1 = 1;  a.grad: – → 1",
        "∂L/∂a += ∂L/∂v · ∂v/∂a = 1 × 3 = 3;  a.grad: 1 → 4",
        "∂L/∂b += ∂L/∂v · ∂v/∂b = 1 × 2 = 2;  b.grad: – → 2",
        "a.grad = 4  ·  b.grad = 2",
    ]
    assert lines(recording, "not zeroed")[-1] == "a.grad = 8  ·  b.grad = 4"
    assert "∂L/∂a = ∂L/∂v · ∂v/∂a = 1 × 3 = 3;  a.grad: 1 → 3" in lines(recording, "overwritten")


def test_walkthrough_writes_a_derivative_for_each_use_of_an_operand():
    """They add up to ∂L/∂a, so neither may be called that."""
    a = tg.tensor(1.5, requires_grad=True, name="a")
    assert lines(capture(a * a, passes=True))[1:3] == [
        "∂L/∂a += ∂L/∂L · ∂L/∂a⁽¹⁾ = 1 × 1.5 = 1.5;  a.grad: – → 1.5",
        "∂L/∂a += ∂L/∂L · ∂L/∂a⁽²⁾ = 1 × 1.5 = 1.5;  a.grad: 1.5 → 3",
    ]
    _, first, second, _ = backward_steps(capture(a**a, passes=True))
    assert first.words.startswith("L = a ** a, so ∂L/∂a⁽¹⁾ = a · a^(a - 1) = ")
    assert second.words.startswith("L = a ** a, so ∂L/∂a⁽²⁾ = L · log(a) = ")


def test_walkthrough_of_arrays_writes_products_and_shapes():
    recording = recorded(lessons.broadcast)
    told = lines(recording)
    assert any(line.startswith("dW += xᵀ @ dv₁   (4, 3)ᵀ @ (4, 2) → (3, 2);  W.grad: – → ") for line in told)
    at = next(i for i, line in enumerate(told) if line == "the rule's result = dY   (4, 2) → (4, 2)")
    assert told[at + 1] == "db += sum over axis 0   (4, 2) → (2,);  b.grad: – → 5.08, 1.28"


def test_walkthrough_shows_scalars_of_arrays_as_arrays():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x")
    y = tg.tensor([5.0, 6.0], name="y")
    loss = tg.vdot(x[0], y)
    step = forward_steps(capture(loss))[-1]
    assert step.line == "L = vdot(v, y) = vdot([1, 2], [5, 6]) = 17"
    [(result, equals, *formula)] = step.boards
    assert (result.symbol, result.shape, equals) == ("L", (), " = ")
    assert [piece if isinstance(piece, str) else (piece.symbol, piece.shape) for piece in formula] == [
        "vdot(",
        ("v", (2,)),
        ", ",
        ("y", (2,)),
        ")",
    ]


def test_walkthrough_explains_unbroadcasting():
    def words(bias):
        x = tg.tensor(np.ones((4, 2)), name="x")
        b = tg.tensor(bias, requires_grad=True, name="b")
        recording = capture((x * b).sum(), passes=True)
        (step,) = [step for step in backward_steps(recording) if step.kind == "sum down"]
        return step.words.strip()

    assert words([1.0, 2.0]) == "Each element of b was used 4 times, so its 4 gradients are added up."
    assert words([[1.0], [2.0], [3.0], [4.0]]).startswith("Each element of b was used 2 times")
    assert words(3.0) == "b was used 8 times, so its 8 gradients are added up."


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.__name__)
def test_walkthrough_steps_have_the_numbers_of_the_engine(lesson):
    loss, keep = lesson()
    recording = capture(loss, passes=True)
    loss.backward(retain_graph=True)
    engine = capture(loss)
    written = {change.box: change.reading for step in forward_steps(recording) for change in step.changes}
    assert all(same(written[box.id], box.value) for box in engine.boxes)
    last = {change.box: change for step in backward_steps(recording) for change in step.changes}
    for box in engine.boxes:
        if box.kind == "leaf":
            assert same(last[box.id].reading, box.gradient)
    assert all(change.final and change.right is None for change in last.values())
    del keep


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), count=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_walkthrough_accepts_any_graph(random_graph, seed, count):
    output, values = random_graph(seed, count)
    recording = capture(output, passes=True)
    for number, told in enumerate(recording.passes):
        steps = backward_steps(recording, number)
        last = {change.box: change for step in steps for change in step.changes}
        for box, ended, right in zip(recording.boxes, told.gradients, recording.passes[0].gradients):
            if ended is not None:
                assert same(last[box.id].reading, ended)
                assert (last[box.id].right is None) == same(ended, right)
        moved = Counter(step.kind for step in steps if step.moved is not None)
        assert moved.total() == sum(len(event.contributions) for event in told.events)
        summed = sum(
            each.given_shape != recording.boxes[recording.boxes[event.box].operands[each.operand].box].shape
            for event in told.events
            for each in event.contributions
        )
        assert moved["sum down"] == summed
    del values


def test_walkthrough_marks_a_box_processed_too_early():
    recording = recorded(lessons.expression)
    told = [each.kind for each in recording.passes].index("naive order")
    early = [step for step in backward_steps(recording, told) if step.kind == "early"]
    assert [step.box for step in early] == list(recording.passes[told].early)
    assert all(step.changes[0].right is not None and "Too early! Only 1 of 2" in step.words for step in early)
    ends = backward_steps(recording, told)[-1].words
    assert re.fullmatch(r"Both gradients of leaves are wrong: .*\.|The gradient of \w is wrong\.", ends)


def test_walkthrough_names_a_wrong_rule_at_the_end():
    assert backward_steps(recorded(lessons.wrong_rule))[-1].words.startswith("✗ Finite differences disagree at x:")


def test_walkthrough_reports_vanishing_and_exploding_gradients():
    x = tg.tensor(2.0, requires_grad=True, name="x")
    for factor, word in (
        (1e-9, "Vanishes: 1e-09 of"),
        (1e9, "Explodes: 1e+09 times"),
        (0.0, "0 everywhere"),
        (1.0, "neither"),
    ):
        recording = capture(x * factor, passes=True)
        assert word in flow_words(recording, symbols(recording))
    recording = recorded(lessons.not_a_number)
    assert "neither" not in flow_words(recording, symbols(recording))


def test_walkthrough_page_is_a_function_of_the_recording():
    recording = recorded(lessons.network)
    assert Walkthrough(Recording.from_json(recording.to_json())).html == Walkthrough(recording).html


@pytest.mark.slow
def test_walkthrough_page_does_not_depend_on_the_run():
    program = "import sys; from tests.viz import lessons as l; from tensorgrad.viz.walkthrough import walkthrough\n"
    program += "loss, keep = l.expression(); sys.stdout.buffer.write(walkthrough(loss).html.encode())"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(runs) == 1


def test_walkthrough_page_is_small_and_self_contained():
    own = [path.read_text(encoding="utf-8") for path in files("tensorgrad.viz.lesson").joinpath("page").iterdir()]
    assert len(own) >= 10
    assert sum(len(text.encode()) for text in own) <= 100_000
    assert not any(
        re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|fetch\(|\bimport\b", text) for text in own
    )


@pytest.mark.slow
def test_walkthrough_page_stays_below_two_megabytes():
    w = tg.tensor(np.random.default_rng(0).normal(size=(64, 64)), requires_grad=True, name="w")
    h = tg.tensor(np.ones((64, 64)), name="x")
    for _ in range(149):
        h = tg.tanh(h @ w) * 0.99
    page = Walkthrough(capture((h * h).mean(), detail=True, passes=True)).html
    assert 500_000 < len(page.encode()) <= 2_000_000


def test_walkthrough_escapes_names():
    page = Walkthrough(recorded(lessons.hostile_names)).html
    assert page.count("<script") == page.count("</script>") == 2
    assert "<!--" not in page
    data = re.search(r'id="lesson">(.*?)</script>', page, re.DOTALL)[1]
    assert lessons.HOSTILE[0][-9:] in json.loads(data)["boxes"][0]["title"]


def brightness(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("name", ["light", "dark"])
def test_walkthrough_has_enough_contrast(name):
    """WCAG 2.2, level AA: 4.5 for text, 3 for lines that mean something."""
    theme = THEMES[name]

    def contrast(one, other):
        darker, lighter = sorted((brightness(one), brightness(other)))
        return (lighter + 0.05) / (darker + 0.05)

    wrong, leaf = WRONG[name == "dark"], theme.outlines["leaf"]
    for ground in (theme.background, theme.card):
        for text in (theme.text, theme.muted, theme.gradient, wrong, leaf.line):
            assert contrast(text, ground) >= 4.5, (text, ground)
        for line in (theme.edge, theme.outlines["output"].line):
            assert contrast(line, ground) >= 3, (line, ground)
    for outline in theme.outlines.values():
        assert contrast(theme.title, outline.header) >= 4.5
    assert contrast(theme.card, theme.gradient) >= 4.5  # the number that travels
    assert contrast(theme.text, leaf.header) >= 4.5  # a pressed button


def test_walkthrough_is_saved_as_a_page(tmp_path):
    loss, keep = lessons.unnamed()
    walk = walkthrough(loss)
    walk.save(tmp_path / "page.HTML")
    assert (tmp_path / "page.HTML").read_text(encoding="utf-8") == walk.html
    with pytest.raises(ValueError, match=r"unknown suffix '.svg' of 'page.svg'. Save a walkthrough as .html"):
        walk.save(tmp_path / "page.svg")
    with pytest.raises(FileNotFoundError, match=r"save: there is no folder .*missing"):
        walk.save(tmp_path / "missing" / "page.html")
    assert repr(walk) == "<Walkthrough: mean, 3 boxes>"
    assert list(walk._repr_mimebundle_()) == ["text/html", "text/plain"]
    del keep


def test_walkthrough_calls_a_function_with_leaves():
    walk = walkthrough(lambda a, b: np.sin(a * b), 2.0, np.array(3.0))
    a, b, _, result = walk.recording.boxes
    assert (a.name, b.name) == ("a", "b")
    assert result.value.mean == pytest.approx(np.sin(6.0))
    assert walk.recording.passes[0].gradients[0].mean == pytest.approx(3 * np.cos(6.0))
    with pytest.raises(TypeError, match="walkthrough: expected the function to return one Tensor, got 2"):
        walkthrough(lambda a: (a, a * a), 2.0)
    with pytest.raises(TypeError, match=r"walkthrough: got 1 arguments after a Tensor, which takes none\.$"):
        walkthrough(tg.tensor(1.0, requires_grad=True), 2.0)


def test_walkthrough_rejects_what_it_cannot_show():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match="walkthrough: expected a Tensor, got float"):
        walkthrough(3.0)
    with pytest.raises(TypeError, match=r"expected a Tensor, got Dense\. Call it, and pass the loss"):
        tg.walkthrough(nn.Dense(2, 3))
    with pytest.raises(ValueError, match="not a single number"):
        walkthrough(x)
    with pytest.raises(RuntimeError, match="no graph"):
        walkthrough(tg.tensor(2.0))
    with pytest.raises(ValueError, match="direction to be one of 'LR', 'TB', got 'RL'"):
        walkthrough(x.sum(), direction="RL")
    with pytest.raises(ValueError, match="no backward pass"):
        Walkthrough(capture(x.sum()))
    y = x.sum()
    for _ in range(600):
        y = y + 1.0
    with pytest.raises(ValueError, match=r"1202 boxes, and a page shows at most 600\. Take a smaller part"):
        walkthrough(y)


def test_walkthrough_changes_no_user_object():
    loss, (x, _) = lessons.wrong_rule()
    walkthrough(loss)
    assert x.grad is None
    loss.backward()
    once = x.grad.copy()
    assert same(summary(once), summary(x.grad))
    assert float(once) == 3 * 1.5 * 2.0


GOLDEN = Path(__file__).parent / "golden_walkthrough.txt"


def test_walkthrough_text_is_golden():
    """Every pass, right and wrong, of a graph in which a value is used three times and an array is unbroadcast."""
    a, b = tg.tensor(2.0, requires_grad=True, name="a"), tg.tensor([3.0, -1.0], requires_grad=True, name="b")
    c = a * a
    c.name = "c"
    recording = capture((tg.maximum(b * c, 0.0) + a).sum() * c, passes=True)
    passes = [("forward", forward_steps(recording))]
    passes += [(each.kind, backward_steps(recording, number)) for number, each in enumerate(recording.passes)]
    text = "\n".join(
        f"{title}\n" + "".join(f"  {step.line}\n    {step.words}\n" for step in steps) for title, steps in passes
    )
    assert text == GOLDEN.read_text(encoding="utf-8"), (
        "the text has changed. If this is intended, read the new one, and replace tests/viz/golden_walkthrough.txt"
    )

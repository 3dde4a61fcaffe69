"""Arrays, mistakes and guesses on a walkthrough's page."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz.recording import labels
from tensorgrad.viz.walkthrough import walkthrough
from tests.viz import lessons


def classifier():
    X, y = np.array([[0.5, -1.0], [1.0, 2.0]]), np.array([2, 0])
    logits = tg.tensor(X, name="x") @ tg.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], requires_grad=True, name="W")
    logits.name = "z"
    return X, y, logits, nn.SoftmaxCrossEntropy()(logits, y)


@pytest.mark.slow
def test_walkthrough_of_arrays_shows_the_numbers_of_the_engine(open_page):
    X, y, logits, loss = classifier()
    page = open_page(walkthrough(loss).html)
    page.open_table()
    lines = page.texts("#all-steps td.line")
    step = next(number for number, line in enumerate(lines, 1) if line.startswith("dz +="))
    page.go(f"step={step}")
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(1, keepdims=True)
    expected = (p - np.eye(3)[y]) / 2
    assert page.texts(".board .figure:first-child td") == [labels.number(each) for each in expected.ravel()]
    assert "p − y" in page.text("#words")
    page.press("ArrowRight")
    words = page.text("#words")
    assert "input times the gradient at its output" in words
    assert page.texts(".board .figure:first-child td") == [labels.number(each) for each in (X.T @ expected).ravel()]


@pytest.mark.slow
def test_walkthrough_shows_larger_arrays_as_heatmaps(open_page):
    loss, keep = lessons.network()
    page = open_page(walkthrough(loss).html)
    page.press("End", "ArrowLeft", "ArrowLeft")
    assert page.page.locator(".board canvas").count() >= 1
    assert set(page.texts(".board .shape")) >= {"(5, 8)"}
    del keep


@pytest.mark.slow
def test_walkthrough_compares_a_wrong_pass_with_the_right_one(open_page):
    loss, keep = lessons.expression()
    walk = walkthrough(loss)
    number = [each.kind for each in walk.recording.passes].index("naive order")
    page = open_page(walk.html, f"#pass=naive-order&step={len(walk.recording.boxes) + 1}")
    symbols = page.texts(".compare tbody th")
    assert {"a", "c"} <= set(symbols)
    page.press("End")
    rows = {
        cells[0]: cells[1:]
        for cells in page.page.evaluate(
            "[...document.querySelectorAll('.compare tbody tr')].map((row) => [...row.cells].map((c) => c.textContent))"
        )
    }
    a = next(box for box in walk.recording.boxes if box.name == "a")
    wrong, right = (labels.one_line(walk.recording.passes[each].gradients[a.id], a) for each in (number, 0))
    assert rows["a"] == ["3 of 3", f"⚠ {wrong}", right]
    assert page.texts(f'[data-box="{a.id}"] .counter') == ["3 of 3"]
    page.page.locator("#pass").select_option("0")
    assert page.page.locator(".compare").count() == 0
    del keep


@pytest.mark.slow
def test_predict_explains_a_wrong_answer(open_page):
    a, b = tg.tensor(3.0, requires_grad=True, name="a"), tg.tensor(4.0, requires_grad=True, name="b")
    page = open_page(walkthrough(a * b + a * 5).html)
    page.page.locator("#predict").click()

    def answer(step, text):
        page.go(f"step={step}")
        page.page.locator("#guess").fill(text)
        page.press("Enter")
        return page.text("#verdict")

    page.open_table()
    lines = page.texts("#all-steps td.line")
    product = next(number for number, line in enumerate(lines, 1) if " = a * b = " in line)
    last = max(number for number, line in enumerate(lines, 1) if line.startswith("∂L/∂a +="))
    assert "That is a + b, but the operation is a * b." in answer(product, "7")
    assert "The sign is wrong." in answer(product, "-12")
    assert "Compute a * b with the numbers of its operands." in answer(product, "100")
    first = min(number for number, line in enumerate(lines, 1) if line.startswith("∂L/∂a +="))
    page.go(f"step={first}")
    page.page.locator("#reveal").click()
    contribution = lines[last - 1].split(" = ")[-1].split(";")[0]
    assert "That is this contribution alone." in answer(last, contribution)
    assert answer(last, "9").startswith("✓")


@pytest.mark.slow
def test_map_scrolls_a_picture_wider_than_the_window(open_page):
    loss, keep = lessons.residual()
    page = open_page(walkthrough(loss).html)
    assert page.page.locator("#map").is_visible()
    strip = page.page.locator("#map svg").bounding_box()
    page.page.mouse.click(strip["x"] + strip["width"] / 2, strip["y"] + strip["height"] / 2)
    middle = page.page.evaluate("find('stage').scrollLeft + find('stage').clientWidth / 2")
    whole = page.page.evaluate("find('stage').scrollWidth")
    assert abs(middle - whole / 2) < 0.02 * whole
    page.page.locator("#fit").click()
    assert page.page.locator("#map").is_hidden()
    del keep

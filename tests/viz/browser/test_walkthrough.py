"""The walkthrough's pages in a real browser: what a learner does, and what is read back."""

import pytest

import tensorgrad as tg
from tensorgrad.viz.recording import labels
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.walkthrough import walkthrough
from tests.viz import lessons


def page_of(lesson):
    loss, keep = lesson()
    return walkthrough(loss), loss, keep


def shown(page, box, role):
    return page.texts(f'[data-box="{box}"] text.{role}')


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.__name__)
def test_walkthrough_steps_from_first_to_last_by_keyboard(lesson, open_page):
    walk, loss, keep = page_of(lesson)
    page = open_page(walk.html)
    step, count = page.step()
    assert step == 1
    assert set(page.texts("text.gradient")) <= {"–", ""}
    seen = page.repeat("ArrowRight", count - 1, "document.getElementById('live').textContent")
    assert page.step() == (count, count)
    assert len(set(seen)) == count - 1  # the text of each step is different
    assert seen[-1].startswith(f"Step {count} of {count}.")

    loss.backward(retain_graph=True)
    engine = capture(loss)
    for box in engine.boxes:
        if not labels.is_number(box):
            assert shown(page, box.id, "value") == labels.lines(box.value, box)
        if box.kind == "leaf":
            assert shown(page, box.id, "gradient") == labels.lines(box.gradient, box)
    assert page.page.evaluate("window.hacked") is None
    del keep


@pytest.mark.slow
def test_walkthrough_moves_with_home_end_and_back_keys(open_page):
    page = open_page(page_of(lessons.expression)[0].html)
    _, count = page.step()
    page.press("End")
    assert page.step() == (count, count)
    page.press("ArrowRight")
    assert page.step() == (count, count)
    page.press("ArrowLeft")
    assert page.step() == (count - 1, count)
    page.press("Home", "ArrowLeft")
    assert page.step() == (1, count)
    page.page.locator("#scrubber").focus()
    page.press("ArrowRight")
    assert page.step() == (2, count)


@pytest.mark.slow
def test_walkthrough_writes_the_chain_rule_as_in_a_book(open_page):
    page = open_page(page_of(lessons.wrong_rule)[0].html)
    page.open_table()
    lines = page.texts("#all-steps td.line")
    assert "∂L/∂y += ∂L/∂L · ∂L/∂y = 1 × 2.25 = 2.25;  y.grad: – → 2.25" in lines
    assert len(lines) == page.step()[1]


@pytest.mark.slow
def test_walkthrough_opens_the_step_of_a_link(open_page):
    page = open_page(page_of(lessons.expression)[0].html, "#step=14")
    assert page.step()[0] == 14
    words = page.text("#words")
    page.press("ArrowRight")
    assert page.page.url.endswith("#step=15")
    page.go("step=14")
    assert (page.step()[0], page.text("#words")) == (14, words)
    page.go("step=nonsense&pass=nonsense&collapsed=99,x")
    assert page.step()[0] == 1
    page.go("step=99999")
    assert page.step()[0] == page.step()[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["naive order", "overwritten", "not zeroed"])
def test_walkthrough_of_wrong_passes_shows_right_and_wrong_numbers(kind, open_page):
    walk, _, _ = page_of(lessons.expression)
    number = [each.kind for each in walk.recording.passes].index(kind)
    told, right = walk.recording.passes[number], walk.recording.passes[0]
    page = open_page(walk.html)
    page.page.locator("#pass").select_option(str(number))
    page.page.locator("#last").click()
    assert f"pass={kind.replace(' ', '-')}" in page.page.url
    wrong = 0
    for box, ended, should in zip(walk.recording.boxes, told.gradients, right.gradients):
        if box.kind != "leaf" or ended == should:
            continue
        wrong += 1
        assert shown(page, box.id, "gradient") == [f"⚠ {labels.one_line(ended, box)}"]
        assert shown(page, box.id, "remark") == [f"right: {labels.one_line(should, box)}"]
    assert wrong
    assert page.text("#mistake").startswith("⚠")
    if kind == "naive order":
        page.open_table()
        assert any("Too early" in text for text in page.texts("#all-steps td"))


@pytest.mark.slow
def test_predict_accepts_right_and_rejects_wrong_numbers(open_page):
    walk, _, _ = page_of(lessons.expression)
    page = open_page(walk.html)
    page.page.locator("#predict").click()
    assert page.page.url.endswith("#step=1&predict")
    page = open_page(walk.html, "#step=2&predict")
    page.press("ArrowRight")
    third = walk.recording.boxes[2]
    assert page.page.locator("#question").is_visible()
    assert "-6" not in page.text("#equations") + "".join(shown(page, third.id, "value"))
    page.page.locator("#guess").fill("6")
    page.press("Enter")
    assert page.text("#verdict").startswith("✗")
    assert shown(page, third.id, "value") == [""]
    page.page.locator("#guess").fill("-5.99")
    page.press("Enter")
    assert page.text("#verdict") == "✓ Right. 0 of 1 right at the first try."
    assert shown(page, third.id, "value") == ["-6"]
    page.press("ArrowRight")
    assert page.step()[0] == 4


@pytest.mark.slow
def test_predict_asks_for_shapes_of_arrays(open_page):
    page = open_page(page_of(lessons.broadcast)[0].html)
    page.page.locator("#predict").click()
    while not page.page.locator("#question").is_visible():
        page.press("ArrowRight")
    assert page.text("#prompt") == "shape of v₁: "
    page.page.locator("#guess").fill("4 x 2")
    page.press("Enter")
    assert page.text("#verdict").startswith("✓")


@pytest.mark.slow
def test_walkthrough_shows_unbroadcasting_as_a_separate_step(open_page):
    page = open_page(page_of(lessons.broadcast)[0].html)
    page.open_table()
    assert any("sum over axis 0   (4, 2) → (2,)" in line for line in page.texts("#all-steps td.line"))


@pytest.mark.slow
def test_walkthrough_shows_checks_at_the_leaves(open_page):
    page = open_page(page_of(lessons.wrong_rule)[0].html)
    assert set(page.texts("text.remark")) == {""}
    page.press("End")
    assert sorted(page.texts("text.remark")) == ["✓ checked", "✗ should be 6"]
    assert "wrong" in page.text("#words")


@pytest.mark.slow
def test_walkthrough_collapses_and_expands_modules(open_page):
    walk, _, _ = page_of(lessons.network)
    page = open_page(walk.html)
    boxes = page.page.locator("[data-box]").count()
    width = page.page.evaluate("drawn.places.width")
    frames = page.page.locator("[data-group]").count()
    assert frames == len(walk.recording.groups)
    page.page.locator('[data-group="1"]').focus()
    page.press("Enter")
    inside = sum(box.group == 1 for box in walk.recording.boxes)
    assert page.page.locator("[data-box]").count() == boxes - inside
    assert page.page.evaluate("drawn.places.width") < width
    assert "collapsed=1" in page.page.url
    assert page.page.evaluate("document.activeElement.dataset.group") == "1"
    page.press("Enter")
    assert page.page.locator("[data-box]").count() == boxes
    page.page.locator("#level").select_option("0")
    assert page.page.locator("[data-box]").count() < boxes / 2
    page.repeat("ArrowRight", page.step()[1], "null")
    page.page.locator("#level").select_option("")
    assert page.page.locator("[data-box]").count() == boxes
    page.go("step=3&collapsed=1,2")
    assert page.page.locator(".frame.collapsed").count() >= 1


RECTANGLES = """
[...document.querySelectorAll('#stage .box .header, #stage .frame.collapsed rect')]
  .map(e => e.getBBox()).map(({ x, y, width, height }) => [x, y, x + width, y + height])
"""


@pytest.mark.slow
@pytest.mark.parametrize("collapsed", ["1", "2", "3", "1,3", "2,3", "1,2,3", "0"])
def test_walkthrough_of_collapsed_modules_has_no_overlaps(collapsed, open_page):
    page = open_page(page_of(lessons.network)[0].html, f"#collapsed={collapsed}")
    rectangles = page.page.evaluate(RECTANGLES)
    assert len(rectangles) >= 3
    for i, (left, top, right, bottom) in enumerate(rectangles):
        for other in rectangles[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize(
    "lesson", [lessons.network, lessons.residual, lessons.shared], ids=lambda lesson: lesson.__name__
)
def test_walkthrough_collapses_every_module(lesson, direction, open_page):
    loss, keep = lesson()
    page = open_page(walkthrough(loss, direction=direction).html)
    frames = page.page.evaluate("lesson.frames.map((frame) => frame.group)")
    assert len(frames) >= 2
    for group in frames:
        page.go(f"step=5&collapsed={group}")
        ends = page.page.evaluate(
            "lesson.routes.map((route) => [route.source, route.target].map((id) => hiddenIn(lesson.boxes[id].group)))"
        )
        seen = sum(start is None or start != end for start, end in ends)
        assert page.page.locator("[data-edge]").count() == seen > 0  # the others are inside it
    del keep


@pytest.mark.slow
def test_walkthrough_is_usable_by_keyboard(open_page):
    page = open_page(page_of(lessons.network)[0].html)
    reached = set()
    for _ in range(40):
        page.press("Tab")
        reached.add(page.page.evaluate("document.activeElement.id || document.activeElement.className.baseVal || ''"))
    wanted = set(
        page.page.evaluate(
            "[...document.querySelectorAll('button, select, input')].filter(e => e.offsetParent).map(e => e.id)"
        )
    )
    assert wanted <= reached
    page.page.locator('#stage [tabindex="0"]').focus()
    things = page.page.locator("[data-box], [data-edge], [data-group]").count()
    page.press("ArrowDown")
    assert page.page.evaluate("focus.at") == 1
    found = page.repeat("ArrowDown", things, "[focus.at, document.querySelector('#details h2').textContent]")
    assert [at for at, _ in found] == [*range(2, things), things - 1, things - 1]  # the focus stays on the last one
    assert all(heading for _, heading in found)
    assert page.page.locator("#stage [data-box] title").count() == page.page.locator("[data-box]").count()
    here = page.step()[0]
    page.press("ArrowRight")
    assert page.step()[0] == here + 1


@pytest.mark.slow
def test_walkthrough_shows_details_of_arrays(open_page):
    walk, _, _ = page_of(lessons.network)
    page = open_page(walk.html)
    page.press("End")
    weight = next(box for box in walk.recording.boxes if box.kind == "leaf" and box.shape == (8, 3))
    page.page.locator(f'[data-box="{weight.id}"]').hover()
    assert page.page.locator("#details canvas").count() == 2
    assert page.page.locator("#details .histogram").count() == 2
    assert {"mean", "std", "zeros", "NaN"} <= set(page.texts("#details dt"))
    pixels = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    colours = page.page.evaluate(f"[...document.querySelectorAll('#details canvas')].map({pixels})")
    assert min(colours) > 5


@pytest.mark.slow
def test_walkthrough_shows_the_gradient_flow(open_page):
    page = open_page(page_of(lessons.network)[0].html)
    assert page.page.locator(".edge.flowing").count() == 0
    page.page.locator("#flow").click()
    widths = page.page.evaluate(
        "[...document.querySelectorAll('.edge.flowing .line')].map(e => parseFloat(e.style.strokeWidth))"
    )
    assert max(widths) == 6
    assert min(widths) < max(widths)
    assert page.text("#flow-words") != ""


@pytest.mark.slow
def test_walkthrough_plays_and_respects_reduced_motion(open_page):
    page = open_page(page_of(lessons.expression)[0].html, reduced_motion="reduce")
    page.page.locator("#speed").select_option("500")
    page.press("Tab")
    page.page.locator("#stage [tabindex='0']").focus()
    page.press(" ")
    waited = 0
    while page.step()[0] < 3 and waited < 100:
        page.page.wait_for_timeout(50)
        waited += 1
    assert page.step()[0] >= 3
    page.press(" ")
    assert page.page.evaluate("playing") is None
    page.press("End", "ArrowLeft")
    assert page.page.locator(".chip.shown").count() == 0  # nothing moves
    assert any(text.startswith("● ") for text in page.texts(".marker"))


@pytest.mark.slow
def test_walkthrough_reports_hooks_that_are_not_called(open_page):
    loss, keep = lessons.expression()
    page = open_page(walkthrough(loss).html)
    assert page.page.locator("#notes").is_hidden()
    keep[0].register_hook(lambda g: 2 * g)
    page = open_page(walkthrough(loss).html)
    assert page.page.locator("#notes").is_visible()
    assert page.text("#notes").startswith("The hooks of 1 tensor are not called here")


@pytest.mark.slow
def test_walkthrough_explains_missing_values(open_page):
    page = open_page(page_of(lessons.forgotten)[0].html)
    page.press("End")
    assert "?" in page.texts("text.value")
    notes = page.text("#notes")
    assert notes.startswith("? depends on an array that no longer exists")
    assert "? The input y of subtract no longer exists. Assign it to a variable" in notes


@pytest.mark.slow
def test_walkthrough_writes_contributions_above_their_box(open_page):
    """Numbers if they are short, with brackets around what begins with a sign or is more than one; else the shape."""
    page = open_page(page_of(lessons.expression)[0].html, reduced_motion="reduce")
    texts = "[...document.querySelectorAll('.marker')].map((each) => each.textContent)"
    steps = page.repeat("ArrowRight", page.step()[1] - 1, texts)
    received = {text.partition("+ ")[2] for markers in steps for text in markers if "●" in text}
    assert {"1", "(-6)"} <= received
    page = open_page(page_of(lessons.broadcast)[0].html, "#step=16", reduced_motion="reduce")
    assert "● receives + (3, 2)" in page.texts(".marker")
    page.press("ArrowLeft")
    assert "● receives + (5.08, 1.28)" in page.texts(".marker")


@pytest.mark.slow
def test_walkthrough_moves_a_number_to_the_box_that_receives_it(open_page):
    page = open_page(page_of(lessons.expression)[0].html, "#step=13")
    page.page.evaluate(  # the number is shown for less than a second, so it is counted by the page itself
        """() => {
            window.shown = 0;
            const count = () => document.querySelectorAll(".chip.shown text").length;
            new MutationObserver(() => { window.shown = Math.max(window.shown, count()); })
                .observe(document.body, {subtree: true, childList: true, attributes: true});
        }"""
    )
    page.press("ArrowRight")
    page.page.wait_for_function("window.shown > 0")
    page.page.locator(".chip.shown").wait_for(state="detached")
    assert page.page.evaluate("window.shown") == 1


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_walkthrough_theme_follows_the_system_until_it_is_chosen(scheme, open_page):
    page = open_page(page_of(lessons.unnamed)[0].html, color_scheme=scheme)
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.page.evaluate(background)
    page.page.locator("#theme").click()
    after = page.page.evaluate(background)
    assert {before, after} == {"rgb(255, 255, 255)", "rgb(18, 22, 28)"}
    assert (before == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (800, 600)])
def test_walkthrough_is_not_wider_than_the_window(width, height, open_page):
    page = open_page(page_of(lessons.network)[0].html, "#step=20", width=width, height=height)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_walkthrough_shortens_long_names_except_in_the_panel(open_page):
    a = tg.tensor([1.0, 2.0], requires_grad=True, name="n" * 500)
    page = open_page(walkthrough((a * a).sum()).html, "#step=1")
    count = page.step()[1]
    width = "document.documentElement.scrollWidth"
    assert max([page.page.evaluate(width), *page.repeat("ArrowRight", count, width)]) <= 1280
    assert page.texts('[data-box="0"] text.title') == ["n" * 31 + "…"]
    page.page.locator('[data-box="0"]').hover()
    assert "n" * 500 in page.texts("#details dd")


@pytest.mark.slow
def test_walkthrough_is_embedded_in_a_notebook(open_page):
    bundle = page_of(lessons.unnamed)[0]._repr_mimebundle_()
    page = open_page(f"<!DOCTYPE html><title>notebook</title>{bundle['text/html']}")
    frame = page.page.frame_locator("iframe")
    frame.locator("#forward").click()
    assert frame.locator("#place").text_content().startswith("step 2 of")

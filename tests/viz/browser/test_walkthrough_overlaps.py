"""Nothing on a walkthrough's page overlaps or is cut off, at any step and in any window."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.viz.walkthrough import walkthrough
from tests.viz import lessons

WINDOWS = [(1280, 800), (768, 1024), (390, 844)]


def softmax():
    z = tg.tensor(np.array([[1.0, 2.0, 0.5]]), requires_grad=True, name="z")
    return -tg.log(tg.softmax(z)[0, 0]), [z]


def deep(count=4):
    layers = [layer for rng in range(count) for layer in (nn.Dense(3, 3, rng=rng), nn.Sigmoid())]
    network = nn.Sequential(*layers, nn.Dense(3, 1, rng=9))
    return nn.MeanSquaredError()(network(np.ones((1, 3))), np.array([[1.0]])), [network]


def blocks():
    """Arrays with four axes, whose numbers are in blocks."""
    x = tg.tensor(np.linspace(-1, 1, 16).reshape(2, 2, 2, 2), requires_grad=True, name="x")
    w = tg.tensor(np.array([-0.25, 1.5]), requires_grad=True, name="w")
    return nn.functional.gelu(x * w).sum(), [x, w]


GALLERY = [
    lessons.expression, lessons.network, lessons.residual, lessons.shared, lessons.broadcast, lessons.wrong_rule,
    lessons.several_results, softmax, deep, blocks,
]  # fmt: skip

OVERLAPS = """
(() => {
  const found = [];
  const rect = (element, kind, owner) => {
    const { x, y, width, height } = element.getBBox();
    return { kind, owner, text: element.textContent, left: x, top: y + 2, right: x + width, bottom: y + height - 2 };
  };
  const visible = (element) => element.textContent && getComputedStyle(element).visibility === "visible";
  for (let pass = 0; pass < lesson.passes.length; pass += 1) {
    state.pass = pass;
    const from = pass ? lesson.forward.length + 1 : 1;
    for (let step = from; step <= allSteps().length; step += 1) {
      goTo(step);
      const things = [];
      for (const [id, { group, marker, counter }] of drawn.boxes) {
        things.push({ ...rect(group.querySelector(".header"), "box", id), text: lesson.boxes[id].title });
        if (marker.textContent) things.push(rect(marker, "marker", id));
        if (counter.isConnected && counter.textContent) {
          things.push(rect(counter, "counter", id), rect(group.querySelector(".title"), "title", id));
        }
      }
      for (const [name, { group }] of drawn.edges) {
        const target = Number(name.split(":")[0]);
        for (const text of group.querySelectorAll("text")) if (visible(text)) things.push(rect(text, "label", name));
      }
      for (const [id, { group }] of drawn.frames) {
        things.push(rect(group.querySelector(".label"), "frame", `frame ${id}`));
      }
      const own = (a, b) => a.owner === b.owner && (a.kind === "box" || b.kind === "box");
      things.forEach((a, i) => things.slice(0, i).forEach((b) => {
        if (own(a, b)) return;
        if (a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top) return;
        found.push(`pass ${pass}, step ${step}: ${a.kind} "${a.text}" and ${b.kind} "${b.text}"`);
      }));
    }
  }
  return found;
})()
"""

OUTSIDE = """
(() => {
  const found = [];
  const stage = () => find("stage").getBoundingClientRect();
  for (let step = 1; step <= allSteps().length; step += 1) {
    goTo(step);
    const { box } = currentStep();
    const { left, right, top, bottom } = drawn.boxes.get(box).group.querySelector(".header").getBoundingClientRect();
    const outer = stage();
    const wide = right - left > outer.width;
    const between = wide || (left >= outer.left - 1 && right <= outer.right + 1);
    if (!between || top > outer.bottom || bottom < outer.top) found.push(`step ${step}: box ${box} is out of sight`);
    if (document.documentElement.scrollWidth > innerWidth) found.push(`step ${step}: wider than the window`);
    const blocks = [...document.querySelectorAll("header, #player, #now, #map, main, #all-steps")];
    const places = blocks.filter((block) => block.offsetParent !== null).map((block) => block.getBoundingClientRect());
    places.slice(1).forEach((place, i) => {
      if (place.top < places[i].bottom - 1) found.push(`step ${step}: parts of the page overlap`);
    });
    for (const block of document.querySelectorAll("button, select, #what, #words, .equation, .board")) {
      if (block.offsetParent === null) continue;
      const place = block.getBoundingClientRect();
      if (place.left >= -1 && place.right <= innerWidth + 1) continue;
      found.push(`step ${step}: ${block.id || block.className} is cut off`);
    }
  }
  return [...new Set(found)];
})()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesson", "direction"),
    [*((lesson, "LR") for lesson in GALLERY), *((lesson, "TB") for lesson in (lessons.expression, softmax))],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_walkthrough_boxes_and_labels_keep_apart(lesson, direction, open_page):
    loss, keep = lesson()
    page = open_page(walkthrough(loss, direction=direction).html, reduced_motion="reduce")
    assert page.page.evaluate(OVERLAPS) == []
    del keep


SCROLL = "scrollLeft, clientWidth, scrollWidth"

ON_THE_MAP = """
(() => {
  const found = [];
  for (let step = 1; step <= allSteps().length; step += 7) {
    goTo(step);
    drawMap();
    const [box, window] = [".now", ".window"].map((name) => find("map").querySelector(name));
    const [now, seen] = [box, window].map((each) => each.getBoundingClientRect());
    const line = parseFloat(getComputedStyle(box).strokeWidth);
    if (Math.min(now.width, now.height) + line < 3) found.push(`step ${step}: the box is too small to see`);
    else if (now.left < seen.left - 1 || now.right > seen.right + 1) found.push(`step ${step}: outside of the window`);
  }
  return found;
})()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_walkthrough_of_a_deep_graph_has_a_map(width, height, open_page):
    loss, keep = deep(12)
    page = open_page(walkthrough(loss).html, width=width, height=height, reduced_motion="reduce").page
    assert page.evaluate(ON_THE_MAP) == []
    strip = page.locator("#map").bounding_box()
    assert strip["y"] + strip["height"] < 0.6 * height
    for part in (0.1, 0.9):
        page.evaluate("find('stage').scrollTo(0, 0)")
        whole = "find('map').querySelector('rect').getBoundingClientRect()"
        left, wide = page.evaluate(f"(({{ x, width }}) => [x, width])({whole})")
        page.mouse.click(left + part * wide, strip["y"] + strip["height"] / 2)
        x, width, whole = page.evaluate(f"(({{ {SCROLL} }}) => [{SCROLL}])(find('stage'))")
        assert (x + width / 2) / whole == pytest.approx(part, abs=0.1)
    del keep


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_walkthrough_fits_the_window(width, height, scheme, open_page):
    loss, keep = lessons.network()
    page = open_page(walkthrough(loss).html, width=width, height=height, color_scheme=scheme, reduced_motion="reduce")
    assert page.page.evaluate(OUTSIDE) == []
    page.page.evaluate("find('fit').onclick()")
    scrolled = (
        "(({ scrollWidth: w, scrollHeight: h, clientWidth, clientHeight }) => [w - clientWidth, h - clientHeight])"
    )
    assert page.page.evaluate(f"{scrolled}(find('stage'))") == [0, 0]
    assert page.page.locator("#map").is_hidden()
    del keep

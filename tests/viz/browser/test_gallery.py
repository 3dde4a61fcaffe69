"""Every page of the gallery at three sizes, light and dark: nothing overlaps, is cut off, complains or is loaded."""

import importlib
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import nn

FOLDER = Path(nn.__file__).parent.parent / "examples" / "gallery"
PAGES = [
    "neurons_page", "playground", "playground_digits", "playground_history", "walkthrough", "walkthrough_network",
]  # fmt: skip
WINDOWS = [(1280, 800), (768, 1024), (390, 844)]
MOST_STEPS = 20  # of each pass: all of a walkthrough, and every fifth epoch of a playground

MEASURE = """
const OWNERS = "[data-box], [data-unit], .neuron, .chart > svg, article > *";
const BOXES = "[data-box] .header, [data-unit] circle:first-of-type, .neuron, .chart > svg, #canvas, article > *";
const NO_LABELS = "script, style, noscript, option, title, .unseen";

/** The element and its ancestors that clip their content, innermost first; `known` caches the results. */
function clips(element, known) {
  if (element === null || element === document.body || element === document.documentElement) return [];
  if (known.has(element)) return known.get(element);
  const found = [...clips(element.parentElement, known)];
  if (!(element instanceof SVGElement) || element instanceof SVGSVGElement) {
    const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
    const hides = [overflowX, overflowY].includes("hidden") && textOverflow !== "ellipsis";
    if (overflowX !== "visible") found.unshift({ element, outer: element.getBoundingClientRect(), hides });
  }
  known.set(element, found);
  return found;
}

/** The part of a rectangle that its ancestors show; what is cut off by one that neither scrolls nor ends in "…". */
function seen({ left, top, right, bottom }, ancestors) {
  let lost = "";
  for (const { element, outer, hides } of ancestors) {
    const cut = hides && (left < outer.left - 2 || right > outer.right + 2);
    if (cut) lost = element.id || element.className || element.tagName;
    [left, right] = [Math.max(left, outer.left), Math.min(right, outer.right)];
    [top, bottom] = [Math.max(top, outer.top), Math.min(bottom, outer.bottom)];
  }
  return { left, top, right, bottom, lost };
}

function things() {
  const found = [];
  const known = new Map();
  const add = (kind, node, element, rect, text) => {
    const place = seen(rect, clips(element, known));
    const margin = kind === "label" ? 0.2 * (place.bottom - place.top) : 1;
    const owner = element.closest(OWNERS);
    if (place.right - place.left > 3 && place.bottom - place.top > 3) {
      found.push({ kind, node, owner, text, ...place, top: place.top + margin, bottom: place.bottom - margin });
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || element.closest(NO_LABELS)) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) add("label", node, element, rect, node.data.trim().slice(0, 30));
  }
  for (const element of document.querySelectorAll(BOXES)) {
    if (!element.checkVisibility()) continue;
    add("box", element, element, element.getBoundingClientRect(), element.getAttribute("aria-label") ?? element.id);
  }
  return found;
}

function faults(when) {
  const found = [];
  const all = things();
  if (document.documentElement.scrollWidth > innerWidth) found.push(`${when}: wider than the window`);
  all.forEach((a, i) => {
    if (a.lost) found.push(`${when}: ${a.kind} "${a.text}" is cut off by ${a.lost}`);
    if (a.left < -1 || a.right > innerWidth + 1) found.push(`${when}: ${a.kind} "${a.text}" is outside of the window`);
    for (const b of all.slice(0, i)) {
      if (a.node === b.node || (a.owner !== null && a.owner === b.owner && a.kind !== b.kind)) continue;
      if (a.right - 1 <= b.left || b.right - 1 <= a.left || a.bottom <= b.top || b.bottom <= a.top) continue;
      found.push(`${when}: ${a.kind} "${a.text}" and ${b.kind} "${b.text}" overlap`);
    }
  });
  return found;
}

/** Faults at every step of every pass, or at about `most` of many. */
function faultsOfSteps(most) {
  const [scrubber, passes, place] = ["scrubber", "pass", "place"].map((id) => document.getElementById(id));
  const found = [];
  for (let pass = 0; pass < (passes?.options.length ?? 1); pass += 1) {
    if (passes !== null) {
      passes.selectedIndex = pass;
      passes.dispatchEvent(new Event("change"));
    }
    const [first, last] = [Number(scrubber.min), Number(scrubber.max)];
    const stride = Math.ceil((last - first) / most);
    for (let step = first; ; step = Math.min(step + stride, last)) {
      scrubber.value = step;
      scrubber.dispatchEvent(new Event("input"));
      found.push(...faults(`pass ${pass}, ${place.textContent}`));
      if (step === last) break;
    }
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """The gallery as a folder. In place of its PNG and GIF pictures, there is one that takes less time."""
    folder = tmp_path_factory.mktemp("gallery")
    sys.path.insert(0, str(FOLDER))
    try:
        made = importlib.import_module("gallery")
    finally:
        sys.path.remove(str(FOLDER))
    for shown in made.SHOWN:
        if shown.file.endswith((".svg", ".html")):
            shown.save(folder)
        else:
            Figure(figsize=(8, 5)).savefig(folder / shown.file, format="png")
    (folder / "index.html").write_text(made.index(made.TITLE, made.INTRODUCTION, made.SETUPS, folder), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_measurement_finds_overlapping_and_clipped_elements(open_page):
    html = """<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head>
      <body style="margin: 0; font: 16px sans-serif">
      <p style="margin: 0">first</p><p style="margin: 0; position: relative; top: -9px">second</p>
      <p style="width: 40px; overflow: hidden; white-space: nowrap" id="narrow">third, and more</p>
      <p style="width: 40px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">fourth, and more</p>
      <p style="width: 40px; overflow: auto; white-space: nowrap">fifth, and more</p>
      <p style="position: absolute; top: 200px; left: 370px">sixth</p><p style="visibility: hidden; margin: 0">no</p>
      </body></html>"""
    page = open_page(html, width=390).page
    assert sorted(page.evaluate(f"(() => {{ {MEASURE}; return faults('now'); }})()")) == [
        'now: label "second" and label "first" overlap',
        'now: label "sixth" is outside of the window',
        'now: label "third, and more" is cut off by narrow',
        "now: wider than the window",
    ]


def test_gallery_pages_are_all_measured():
    shows = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py"))]
    assert sum(text.count('", ".html")') for text in shows) == len(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("name", PAGES)
def test_gallery_page_has_no_overlapping_or_clipped_elements(name, window, gallery, open_page):
    html = (gallery / f"{name}.html").read_text(encoding="utf-8")
    page = open_page(html, width=window[0], height=window[1], reduced_motion="reduce").page
    if name.startswith("playground"):
        page.locator("body[data-ready]").wait_for()
    for scheme, most in (("light", MOST_STEPS), ("dark", 1)):  # in the dark theme, only the first and last step
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(f"(() => {{ {MEASURE}; return faultsOfSteps({most}); }})()")
        assert found == [], scheme


LABELS = """
const outer = document.querySelector("svg").getBoundingClientRect();
const labels = [...document.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
const found = [];
labels.forEach(([one, a], i) => {
  const inside = a.left >= outer.left && a.right <= outer.right && a.top >= outer.top && a.bottom <= outer.bottom;
  if (!inside) found.push(`${one} is outside of the picture`);
  for (const [other, b] of labels.slice(0, i)) {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 0.25 * Math.min(a.height, b.height)) found.push(`${one} and ${other} overlap`);
  }
});
return found;
"""


@pytest.mark.slow
def test_gallery_drawings_keep_their_labels_apart_and_inside(gallery, open_page):
    page = open_page("<!DOCTYPE html><title>drawings</title>").page
    page.set_content('<svg width="90" height="40"><text y="20">one</text><text x="9" y="22">other</text></svg>')
    assert page.evaluate(f"(() => {{ {LABELS} }})()") == ["other and one overlap"]
    names = [path for path in sorted(gallery.glob("*.svg")) if path.name != "graphviz.svg"]  # placed by Graphviz
    assert len(names) > 8
    for path in names:
        page.set_content(f'<body style="margin: 0; width: 1280px">{path.read_text(encoding="utf-8")}</body>')
        assert page.evaluate(f"(() => {{ {LABELS} }})()") == [], path.name


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_gallery_index_has_no_overlapping_or_clipped_elements(window, gallery, open_page):
    page = open_page(gallery / "index.html", width=window[0], height=window[1]).page
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(f"(() => {{ {MEASURE}; return faults('index'); }})()") == [], scheme

// A wrong pass compared with the right one: the numbers so far, and those at the end of the right pass.

/** The gradient that each box has at the end of a pass, as lines. */
function endOf(pass) {
  const found = new Map();
  for (const step of pass.steps) {
    for (const change of step.changes) if (change.what === "gradient") found.set(change.box, change.lines);
  }
  return found;
}

/** A table of the boxes that differ or wait for several contributions; null in the right pass. */
function comparison() {
  if (state.pass === 0 || !isBackward(state.step)) return null;
  const [right, wrong] = [lesson.passes[0], lesson.passes[state.pass]].map(endOf);
  const counts = arrivals();
  const now = known();
  const short = (lines) => (lines === undefined ? "–" : lines.length > 2 ? `${lines[0]} …` : lines.join("; "));
  const rows = lesson.boxes
    .filter((box) => right.has(box.id) && (box.uses > 1 || short(right.get(box.id)) !== short(wrong.get(box.id))))
    .map((box) => {
      const here = now[box.id].gradient?.lines;
      const differs = short(wrong.get(box.id)) !== short(right.get(box.id)) && here !== undefined;
      return make(
        "tr", {}, make("th", { scope: "row" }, box.symbol), make("td", {}, `${counts.get(box.id) ?? 0} of ${box.uses}`),
        make("td", differs ? { class: "differs" } : {}, `${differs ? "⚠ " : ""}${short(here)}`), make("td", {}, short(right.get(box.id))),
      );
    });
  const head = ["", "arrived", "here", "right"].map((text) => make("th", { scope: "col" }, text));
  return make("table", { class: "compare" }, make("caption", { class: "unseen" }, "This pass compared with the right one"), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

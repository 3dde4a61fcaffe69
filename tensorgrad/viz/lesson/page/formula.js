// The current step: an equation of symbols, below each its number or shape, and a sentence.

const THUMBNAIL = 64; // the longer side of a heatmap in a formula, in pixels

const NAMES = {
  value: "Forward", seed: "Backward: start", ready: "Backward: complete", early: "⚠ Too early",
  rule: "Backward: chain rule", "sum down": "Backward: unbroadcast", end: "End",
};

function showFormula() {
  const step = currentStep();
  const asking = isAsking();
  const subject = step.kind === "end" ? "" : ` · ${lesson.boxes[step.box].title}`;
  find("what").textContent = NAMES[step.kind] + subject;
  find("what").className = step.kind.replace(" ", "-");
  const equations = step.equations.map((terms, place) => equation(terms, asking, place > 0 && terms.length > 1));
  find("equations").replaceChildren(...(step.boards.length ? step.boards.map((pieces) => board(pieces, asking)) : equations));
  if (!step.equations.length && !step.boards.length) find("equations").append(make("p", { class: "line" }, step.line));
  find("words").textContent = asking ? "What comes next? Type it, then press Enter." : step.words;
  const pass = lesson.passes[state.pass];
  find("mistake").textContent = pass.words && isBackward(state.step) ? `⚠ ${pass.words}` : "";
  find("live").textContent = `Step ${state.step} of ${allSteps().length}. ${asking ? step.question.prompt : `${step.line}. ${step.words}`}`;
}

/** A formula with arrays in place of names; what is asked for is hidden. */
function board(pieces, asking) {
  const elements = pieces.map((piece, place) => (typeof piece === "string" ? make("span", { class: "text" }, piece) : figure(piece, asking && place === 0)));
  return make("div", { class: "board" }, ...elements);
}

/** An array: its name, its numbers or a heatmap, and its shape. */
function figure(piece, hidden) {
  let content = make("span", { class: "number" }, hidden ? "?" : piece.text ?? "");
  const held = piece.box === undefined ? null : lesson.boxes[piece.box][piece.what];
  if (!hidden && piece.cells) {
    content = piece.cells.length > 1 ? make("span", { class: "blocks" }, ...piece.cells.map(block)) : block(piece.cells[0]);
  } else if (!hidden && held?.detail) {
    content = canvasOf(held.detail, piece.symbol, THUMBNAIL);
  }
  return make("span", { class: "figure" }, make("span", { class: "symbol" }, piece.symbol), content, make("span", { class: "shape" }, hidden ? "" : piece.shape ?? lesson.boxes[piece.box].shape));
}

/** Rows of numbers, below their leading indices if the array has several such blocks. */
function block([index, lines]) {
  const rows = lines.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell))));
  const table = make("table", { class: "cells" }, make("tbody", {}, ...rows));
  return index ? make("span", { class: "block" }, make("span", { class: "index" }, index), table) : table;
}

/** Two rows: symbols above, their values below. `total`: the sum in a box after the chain rule. */
function equation(terms, asking, total) {
  const columns = terms.map(([symbol, number], place) => {
    const hidden = asking && (place === 0 || (total && place === terms.length - 1));
    const sign = ["=", "+=", "+", "·"].includes(symbol);
    return make(
      "span", { class: sign ? "sign" : place ? "term" : "result" },
      make("span", { class: "symbol" }, total && !sign && place ? "" : symbol),
      make("span", { class: "number" }, hidden ? "?" : number),
      ...(total && !sign && place ? [make("span", { class: "symbol" }, symbol)] : []),
    );
  });
  return make("div", { class: total ? "equation total" : "equation" }, ...columns);
}

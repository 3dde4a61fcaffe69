// The current step: an equation of symbols, below each its number or shape, and a sentence.

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
  find("equations").replaceChildren(...step.equations.map((terms, place) => equation(terms, asking, place > 0 && terms.length > 1)));
  if (!step.equations.length) find("equations").append(make("p", { class: "line" }, step.line));
  find("words").textContent = asking ? "What comes next? Type it, then press Enter." : step.words;
  const pass = lesson.passes[state.pass];
  find("mistake").textContent = pass.words && isBackward(state.step) ? `⚠ ${pass.words}` : "";
  find("live").textContent = `Step ${state.step} of ${allSteps().length}. ${asking ? step.question.prompt : `${step.line}. ${step.words}`}`;
}

/** Two rows: symbols above, what stands for them below. `total`: what a box holds now, after the chain rule. */
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

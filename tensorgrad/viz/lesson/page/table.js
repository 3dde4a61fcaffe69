// The same steps as a table, made when it is opened.

function fillTable() {
  const table = find("all-steps");
  if (!table.open) return;
  const shown = allSteps().map((step, i) => {
    const link = make("a", { href: `#${new URLSearchParams({ step: i + 1, ...(state.pass ? { pass: lesson.passes[state.pass].key } : {}) })}` }, String(i + 1));
    const phase = isBackward(i + 1) ? "backward" : "forward";
    return make("tr", {}, make("th", { scope: "row" }, link), make("td", {}, phase), make("td", { class: "line" }, step.line), make("td", {}, step.words));
  });
  table.querySelector("tbody").replaceChildren(...shown);
  markRow();
}

function markRow() {
  const rows = find("all-steps").querySelectorAll("tbody tr");
  rows.forEach((row, i) => (i + 1 === state.step ? row.setAttribute("aria-current", "step") : row.removeAttribute("aria-current")));
}

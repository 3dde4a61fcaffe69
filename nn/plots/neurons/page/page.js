// The steps of both passes on the picture, and the details of a neuron.

const lesson = JSON.parse(document.getElementById("lesson").textContent);
const state = { step: 1, chosen: null };
const MOST = 1.6; // the largest scale of the picture
const LEAST = 1; // the smallest, with text of 11 pixels; if the picture is wider than the screen, the current layer is scrolled into view
const MILLISECONDS = 1400;
let playing = null;

function find(id) {
  return document.getElementById(id);
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function layerOf(unit) {
  return Number(unit.dataset.unit.split("-")[0]);
}

/** Which layers have their values, and which their gradients, after the current step. */
function reached() {
  const done = lesson.steps.slice(0, state.step);
  const layers = (phase) => new Set(done.filter((step) => step.phase === phase).map((step) => step.layer));
  return { forward: layers("forward"), backward: layers("backward") };
}

function show() {
  const step = lesson.steps[state.step - 1];
  if (step) {
    const { forward, backward } = reached();
    for (const unit of document.querySelectorAll("[data-unit]")) {
      const layer = layerOf(unit);
      unit.classList.toggle("now", layer === step.layer && step.phase !== "result");
      unit.classList.toggle("backward", layer === step.layer && step.phase === "backward");
      for (const part of unit.querySelectorAll(".value, .tint")) part.classList.toggle("later", !forward.has(layer));
      for (const part of unit.querySelectorAll(".gradient")) part.classList.toggle("later", !backward.has(layer));
    }
    find("stage").querySelector(".result")?.classList.toggle("later", state.step <= forward.size && step.phase === "forward");
    const active = step.phase === "forward" ? step.layer : step.phase === "backward" ? step.layer + 1 : null;
    const chosen = state.chosen === null ? null : state.chosen.split("-");
    for (const line of document.querySelectorAll("[data-line]")) {
      const { line: layer, start, end } = line.dataset;
      const ends = chosen !== null && ((chosen[0] === layer && chosen[1] === end) || (Number(chosen[0]) + 1 === Number(layer) && chosen[1] === start));
      line.classList.toggle("chosen", ends);
      line.classList.toggle("faint", !ends && (chosen !== null || (active !== null && Number(layer) !== active)));
    }
    const stage = find("stage");
    const now = stage.querySelector(`[data-unit^="${step.layer}-"]`);
    if (now && stage.scrollWidth > stage.clientWidth) {
      const [inner, outer] = [now.getBoundingClientRect(), stage.getBoundingClientRect()];
      stage.scrollBy({ left: (inner.left + inner.right - outer.left - outer.right) / 2 });
    }
    find("words").textContent = step.words;
    find("scrubber").value = state.step;
    find("scrubber").setAttribute("aria-valuetext", `step ${state.step} of ${lesson.steps.length}`);
    find("place").textContent = `step ${state.step} of ${lesson.steps.length}`;
  }
  showDetails();
}

function showDetails() {
  for (const unit of document.querySelectorAll("[data-unit]")) unit.classList.toggle("chosen", unit.dataset.unit === state.chosen);
  const unit = lesson.units[state.chosen];
  if (!unit) return find("details").replaceChildren(make("p", { class: "quiet" }, "Choose a neuron to see how its value and its gradient are computed."));
  const parts = [make("h2", {}, unit.title)];
  for (const [heading, lines] of [["Forward", unit.forward], ["Backward", unit.backward]]) {
    if (lines.length) parts.push(make("h3", {}, heading), ...lines.map((line) => make("p", {}, line)));
  }
  if (unit.weights.length) {
    const head = make("tr", {}, ...["weight", "value", "gradient"].map((text) => make("th", { scope: "col" }, text)));
    const rows = unit.weights.map(([name, ...numbers]) => make("tr", {}, make("th", { scope: "row" }, name), ...numbers.map((text) => make("td", {}, text))));
    parts.push(make("h3", {}, "Weights"), make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  }
  find("details").replaceChildren(...parts);
}

function goTo(step) {
  state.step = Math.min(Math.max(step, 1), lesson.steps.length);
  show();
}

function choose(unit) {
  state.chosen = state.chosen === unit ? null : unit;
  show();
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => (state.step === lesson.steps.length ? play(false) : goTo(state.step + 1)), MILLISECONDS) : null;
  find("play").setAttribute("aria-pressed", String(on));
  find("play").textContent = on ? "Pause" : "Play";
}

function togglePlay() {
  if (playing === null && state.step === lesson.steps.length) goTo(1);
  play(playing === null);
}

/** Fit the picture to the window, unless its numbers would be too small to read. */
function fit() {
  const stage = find("stage");
  const root = stage.querySelector("svg");
  const [width, height] = [Number(root.dataset.width), Number(root.dataset.height)];
  const beside = matchMedia("(min-width: 861px)").matches;
  const free = (beside ? stage.clientHeight : Math.max(innerHeight * 0.6, 320)) - 16;
  const scale = Math.max(Math.min((stage.clientWidth - 16) / width, free / height, MOST), LEAST);
  root.setAttribute("width", width * scale);
  root.setAttribute("height", height * scale);
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const unit = event.target.closest?.("[data-unit]");
  if (unit && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    return choose(unit.dataset.unit);
  }
  if (event.target.closest?.("input, button") && !event.key.startsWith("Arrow")) return;
  const keys = {
    ArrowLeft: () => goTo(state.step - 1), ArrowRight: () => goTo(state.step + 1),
    Home: () => goTo(1), End: () => goTo(lesson.steps.length), " ": togglePlay,
  };
  if (event.key in keys && lesson.steps.length) {
    event.preventDefault();
    keys[event.key]();
  }
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  find("theme").textContent = name === "dark" ? "Light" : "Dark";
}

function start() {
  const stepping = lesson.steps.length > 0;
  find("player").hidden = find("words").hidden = !stepping;
  find("scrubber").max = lesson.steps.length;
  find("first").onclick = () => goTo(1);
  find("back").onclick = () => goTo(state.step - 1);
  find("forward").onclick = () => goTo(state.step + 1);
  find("last").onclick = () => goTo(lesson.steps.length);
  find("play").onclick = togglePlay;
  find("scrubber").oninput = (event) => goTo(Number(event.target.value));
  find("theme").onclick = () => setTheme(find("theme").textContent.toLowerCase());
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  for (const unit of document.querySelectorAll("[data-unit]")) {
    unit.setAttribute("tabindex", 0);
    unit.setAttribute("role", "button");
    unit.setAttribute("aria-label", unit.querySelector("title").textContent);
    unit.addEventListener("click", () => choose(unit.dataset.unit));
  }
  document.addEventListener("keydown", pressed);
  addEventListener("resize", fit);
  fit();
  show();
}

start();

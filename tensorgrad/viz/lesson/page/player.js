// Buttons, keys and the address: they change the state, and `show` shows it.

let playing = null;

/** Everything on the page as the state has it. */
function show() {
  const steps = allSteps();
  const scrubber = find("scrubber");
  scrubber.max = steps.length;
  scrubber.value = state.step;
  scrubber.setAttribute("aria-valuetext", `step ${state.step} of ${steps.length}`);
  find("player").style.setProperty("--forward-share", `${(100 * lesson.forward.length) / steps.length}%`);
  find("place").textContent = `step ${state.step} of ${steps.length}`;
  find("pass").value = state.pass;
  updatePicture(known(), flowWidths());
  showFormula();
  showQuestion();
  showDetails(currentStep().box);
  markRow();
  markLevel();
  writeAddress();
}

function goTo(step) {
  state.step = Math.min(Math.max(step, 1), allSteps().length);
  show();
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(tick, Number(find("speed").value)) : null;
  find("play").setAttribute("aria-pressed", String(on));
  find("play").textContent = on ? "Pause" : "Play";
}

function tick() {
  if (isAsking() || state.step === allSteps().length) return play(false);
  goTo(state.step + 1);
}

function togglePlay() {
  if (playing === null && state.step === allSteps().length) goTo(1);
  play(playing === null);
}

const KEYS = {
  ArrowLeft: () => goTo(state.step - 1),
  ArrowRight: () => goTo(state.step + 1),
  ArrowUp: () => moveFocus(-1),
  ArrowDown: () => moveFocus(1),
  Home: () => goTo(1),
  End: () => goTo(allSteps().length),
  " ": togglePlay,
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target;
  const group = target.dataset?.group;
  if (group !== undefined && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    return fold(Number(group));
  }
  const inside = target.closest?.("select, input") ?? null;
  if (inside !== null && (inside.type !== "range" || event.key.startsWith("Arrow"))) return;
  if (event.key === " " && target.closest?.("button, summary, a")) return;
  if (event.key in KEYS) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

function toggle(id) {
  const on = find(id).getAttribute("aria-pressed") !== "true";
  find(id).setAttribute("aria-pressed", String(on));
  return on;
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  find("theme").textContent = name === "dark" ? "Light" : "Dark";
}

function start() {
  lesson.passes.forEach((pass, i) => find("pass").append(make("option", { value: i }, pass.title)));
  readAddress();
  find("first").onclick = () => goTo(1);
  find("back").onclick = () => goTo(state.step - 1);
  find("forward").onclick = () => goTo(state.step + 1);
  find("last").onclick = () => goTo(allSteps().length);
  find("play").onclick = togglePlay;
  find("speed").onchange = () => playing !== null && play(true);
  find("scrubber").oninput = (event) => goTo(Number(event.target.value));
  find("pass").onchange = (event) => {
    state.pass = Number(event.target.value);
    goTo(Math.max(state.step, lesson.forward.length + 1));
    fillTable();
  };
  find("predict").onclick = () => {
    state.predicting = toggle("predict");
    show();
  };
  find("flow").onclick = () => {
    find("flow-words").hidden = !toggle("flow");
    show();
  };
  find("flow-words").textContent = lesson.flow;
  find("notes").hidden = lesson.notes.length === 0;
  find("notes").textContent = lesson.notes.join(" · ");
  prepareLevels();
  find("options").onclick = () => {
    find("options").setAttribute("aria-expanded", String(find("choices").classList.toggle("open")));
    zoomTo(drawn.zoom);
  };
  find("smaller").onclick = () => zoomTo(Math.max(Number(find("stage").firstChild.dataset.scale) / 1.25, Math.min(fittingScale(), SMALLEST)));
  find("larger").onclick = () => zoomTo(Math.min(Number(find("stage").firstChild.dataset.scale) * 1.25, LARGEST));
  find("fit").onclick = () => zoomTo("fit");
  prepareMap();
  find("theme").onclick = () => setTheme(find("theme").textContent.toLowerCase());
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  find("question").onsubmit = (event) => {
    event.preventDefault();
    checkGuess();
  };
  find("reveal").onclick = () => reveal(`The answer is shown. ${tally()}`);
  find("all-steps").ontoggle = fillTable;
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", () => {
    readAddress();
    drawPicture();
    show();
    fillTable();
  });
  window.addEventListener("resize", () => {
    zoomTo(drawn.zoom);
    scrollToNow(currentStep());
  });
  drawPicture();
  show();
}

/** How many frames are around a frame. */
function depthOf(group) {
  return lesson.parents[group] === null ? 0 : 1 + depthOf(lesson.parents[group]);
}

/** A choice for each level of modules: everything, or one box for each module at that level. */
function prepareLevels() {
  const depths = lesson.frames.map((frame) => depthOf(frame.group));
  find("levels").hidden = depths.length === 0;
  const count = Math.max(-1, ...depths) + 1;
  find("level").append(make("option", { value: "" }, "everything"));
  for (let level = count - 1; level >= 0; level -= 1) {
    const boxes = depths.filter((depth) => depth === level).length;
    const name = level === 0 && boxes === 1 ? "one box" : `level ${level + 1}: ${boxes} modules`;
    find("level").append(make("option", { value: level }, name));
  }
  find("level").onchange = (event) => {
    const level = event.target.value;
    foldTo(level === "" ? [] : lesson.frames.filter((frame) => depthOf(frame.group) >= Number(level)).map((frame) => frame.group));
  };
}

/** The choice that fits what is collapsed now, if any. */
function markLevel() {
  const depths = [...new Set(lesson.frames.map((frame) => depthOf(frame.group)))];
  const fits = (level) => lesson.frames.every((frame) => state.collapsed.has(frame.group) === depthOf(frame.group) >= level);
  const level = depths.find(fits);
  find("level").value = state.collapsed.size === 0 ? "" : level ?? null;
}

function foldTo(groups) {
  state.collapsed = new Set(groups);
  drawPicture();
  show();
}

start();

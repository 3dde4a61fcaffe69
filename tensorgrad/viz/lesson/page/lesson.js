// The lesson that Python wrote into the page, and where in it the reader is.

const lesson = JSON.parse(document.getElementById("lesson").textContent);

/** What the reader chose; everything shown follows from it. */
const state = {
  pass: 0, // the place of the backward pass among lesson.passes
  step: 1, // the first step is 1
  collapsed: new Set(), // ids of groups
  predicting: false,
  revealed: new Set(), // steps whose number was guessed or shown
};

function find(id) {
  return document.getElementById(id);
}

/** An element with attributes; children may be texts. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function allSteps() {
  return [...lesson.forward, ...lesson.passes[state.pass].steps];
}

function currentStep() {
  return allSteps()[state.step - 1];
}

function isBackward(number) {
  return number > lesson.forward.length;
}

/** Whether the current step waits for a guess. */
function isAsking() {
  return state.predicting && currentStep().question !== null && !state.revealed.has(revealKey());
}

function revealKey() {
  return `${isBackward(state.step) ? state.pass : "forward"}:${state.step}`;
}

/** What is known of each box now: {value, gradient}, each a change or undefined. */
function known() {
  const boxes = lesson.boxes.map(() => ({}));
  const last = isAsking() ? state.step - 1 : state.step;
  for (const step of allSteps().slice(0, last)) {
    for (const change of step.changes) boxes[change.box][change.what] = change;
  }
  return boxes;
}

/** How many contributions have arrived at each box in this pass. */
function arrivals() {
  const seen = new Set();
  const counts = new Map();
  for (const step of allSteps().slice(0, isAsking() ? state.step - 1 : state.step)) {
    const edge = `${step.box}:${step.operand}`;
    if (step.operand === null || step.changes.length === 0 || seen.has(edge)) continue;
    seen.add(edge);
    const target = receiver(step);
    counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return counts;
}

/** The box that receives in a backward step; null in others. */
function receiver(step) {
  return step.operand === null ? null : lesson.boxes[step.box].operands[step.operand];
}

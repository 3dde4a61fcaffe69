// The network: a button with a picture for each neuron, and a line for each weight.

const drawn = { neurons: [], lines: [], at: 0 };

const BUTTON = { largest: 58, smallest: 26, gap: 7, beside: 24 };

/** Make every button and line. One or two inputs come first; they have no number. */
function makeNetwork() {
  if (film.extent !== null) drawn.inputs = [0, 1].slice(0, inputCount()).map((axis) => makeInput(axis));
  film.layers.forEach((layer, number) => layer.shown.forEach((_, place) => makeNeuron(layer, number, place)));
  film.layers.forEach((layer, number) => {
    if (layer.weights === null) return;
    const [, inputs, neurons] = layer.weights.shape;
    for (let from = 0; from < inputs; from++) {
      for (let to = 0; to < neurons; to++) {
        const line = shape("path", { class: "weight" });
        drawn.lines.push({ line, layer, number, from, to });
      }
    }
  });
  placeNetwork();
}

/** The number of inputs that are axes of the pictures. */
function inputCount() {
  return film.samples.shape[1];
}

function makeInput(axis) {
  const canvas = make("canvas");
  const values = new Int8Array(41 * 41).map((_, i) => Math.round(film.steps * (axis ? 1 - Math.floor(i / 41) / 20 : (i % 41) / 20 - 1)));
  return { canvas, element: make("div", { class: "neuron input" }, canvas), axis, picture: { values, width: 41, height: 41 } };
}

function makeNeuron(layer, number, place) {
  const canvas = make("canvas");
  const button = make("button", { class: `neuron ${layer.kind}`, tabindex: -1, "aria-pressed": "false" }, canvas);
  const neuron = { canvas, element: button, layer, number, place };
  button.setAttribute("aria-label", nameOf(neuron));
  button.title = nameOf(neuron);
  const position = drawn.neurons.length;
  button.onclick = () => enlargeNeuron(number, place);
  button.onfocus = () => moveTabStop(position);
  drawn.neurons.push(neuron);
}

function nameOf({ layer, number, place }) {
  return `Layer ${number + 1}, ${layer.title}: neuron ${layer.shown[place]}`;
}

/** Place columns side by side, and neurons below each other, for the width of the window. */
function placeNetwork() {
  const stage = find("stage");
  const columns = (drawn.inputs ? [drawn.inputs] : []).concat(
    film.layers.map((_, number) => drawn.neurons.filter((neuron) => neuron.number === number)),
  );
  const most = Math.max(...columns.map((column) => column.length));
  const width = Math.max(find("network").clientWidth - 24, columns.length * (BUTTON.smallest + BUTTON.beside));
  const room = Math.max(window.innerHeight - 250, 320);
  const largest = Math.min(BUTTON.largest, width / columns.length - BUTTON.beside); // leaves space for the lines
  const size = Math.min(Math.max(room / most - BUTTON.gap, BUTTON.smallest), largest);
  const across = (k) => (columns.length > 1 ? size / 2 + (k / (columns.length - 1)) * (width - size - 4) : width / 2);
  const headings = columns.map((column, k) => makeHeading(column, k, columns.length, width, across(k)));
  stage.style.width = `${width}px`;
  stage.replaceChildren(...headings);
  const top = Math.max(...headings.map((heading) => heading.offsetHeight)) + BUTTON.gap;
  const height = top + most * (size + BUTTON.gap);
  const svg = shape("svg", { width, height, "aria-hidden": "true" });
  svg.append(...drawn.lines.map(({ line }) => line));
  columns.forEach((column, k) => {
    const x = across(k);
    const y = top + (height - top - column.length * (size + BUTTON.gap)) / 2;
    column.forEach((neuron, i) => {
      neuron.x = x;
      neuron.y = y + i * (size + BUTTON.gap) + size / 2;
      neuron.element.style.cssText = `left: ${x - size / 2}px; top: ${neuron.y - size / 2}px; width: ${size}px; height: ${size}px`;
    });
  });
  drawn.size = size;
  stage.style.height = `${height}px`;
  stage.replaceChildren(svg, ...columns.flatMap((column, k) => [headings[k], ...column.map(({ element }) => element)]));
  for (const each of drawn.lines) {
    const from = drawn.neurons.find(({ number, place }) => number === each.number - 1 && place === each.from);
    const to = drawn.neurons.find(({ number, place }) => number === each.number && place === each.to);
    const { x, y } = each.number ? from : drawn.inputs[each.from];
    const start = x + size / 2, end = to.x - size / 2, middle = (start + end) / 2;
    each.line.setAttribute("d", `M${start},${y} C${middle},${y} ${middle},${to.y} ${end},${to.y}`);
  }
}

/** The heading of a column. */
function makeHeading(column, k, count, width, x) {
  const { layer, number } = column[0];
  const lines = layer ? [layer.title, countOf(layer)] : inputCount() === 1 ? ["input", "x"] : ["inputs", "x₀, x₁"];
  const side = k === 0 && count > 1 ? "left" : k === count - 1 && count > 1 ? "right" : "center";
  const most = width / count;
  const left = side === "left" ? 0 : side === "right" ? width - most : x - most / 2;
  const style = `left: ${left}px; width: ${most}px; text-align: ${side}`;
  return make("div", { class: "heading", style, title: layer ? `${layer.path} ${layer.title}` : "" }, make("b", {}, breakable(lines[0])), lines[1]);
}

/** A title that a narrow column breaks inside names, such as Leaky|ReLU. */
function breakable(title) {
  return title.replace(/([a-z])(?=[A-Z][a-z])/g, "$1\u200b");
}

function countOf(layer) {
  const count = layer.shown.length;
  if (count < layer.neurons) return `${count} of ${layer.neurons} neurons`;
  return count === 1 ? "1 neuron" : `${count} neurons`;
}

/** Paint every neuron and weight as they are in the frame. */
function updateNetwork() {
  for (const { canvas, picture } of drawn.inputs ?? []) {
    if (inputCount() === 1) paintCurve(canvas, picture.values.subarray(0, picture.width), Math.round(2 * drawn.size));
    else paintSigned(canvas, picture);
  }
  for (const { canvas, layer, number, place, element } of drawn.neurons) {
    paintNeuron(canvas, layer, place, drawn.size);
    const isChosen = state.neuron !== null && state.neuron.layer === number && state.neuron.place === place;
    element.setAttribute("aria-pressed", String(isChosen));
  }
  for (const layer of film.layers) layer.largest = largestWeight(layer);
  for (const { line, layer, number, from, to } of drawn.lines) {
    const weight = weightOf(layer, state.frame, from, to);
    const part = layer.largest ? weight / layer.largest : 0;
    line.setAttribute("stroke", `rgb(${part < 0 ? "var(--negative)" : "var(--positive)"})`);
    line.setAttribute("stroke-width", (0.4 + 4.6 * Math.abs(part)).toFixed(2));
    line.setAttribute("stroke-opacity", (0.15 + 0.75 * Math.abs(part)).toFixed(2));
    const chosen = state.neuron;
    const touches = chosen === null || (number === chosen.layer && to === chosen.place) || (number === chosen.layer + 1 && from === chosen.place);
    line.classList.toggle("aside", !touches);
  }
}

function paintNeuron(canvas, layer, place, size) {
  const shown = picture(layer.pictures, state.frame, place);
  if (layer.kind === "means") paintBars(canvas, shown, Math.round(2 * size), Math.round(2 * size));
  else if (layer.kind === "curve") paintCurve(canvas, shown.values, Math.round(2 * size));
  else paintSigned(canvas, shown);
}

function largestWeight(layer) {
  if (layer.weights === null) return 0;
  const [, inputs, neurons] = layer.weights.shape;
  const start = state.frame * inputs * neurons;
  return layer.weights.values.subarray(start, start + inputs * neurons).reduce((most, w) => Math.max(most, Math.abs(w)), 0);
}

function moveTabStop(position) {
  drawn.neurons[drawn.at]?.element.setAttribute("tabindex", -1);
  drawn.at = position;
  drawn.neurons[position]?.element.setAttribute("tabindex", 0);
}

function moveFocus(by) {
  const isThere = document.activeElement === drawn.neurons[drawn.at]?.element;
  const position = drawn.at + (isThere ? by : 0);
  drawn.neurons[position]?.element.focus();
}

// The film that Python wrote into the page, and what the reader chose.

const film = JSON.parse(document.getElementById("film").textContent);

/** What the reader chose; everything shown follows from it. */
const state = {
  frame: 0, // the place among film.epochs
  neuron: null, // the enlarged one, {layer, place}; null: the output of the network
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

/** An SVG element with attributes. */
function shape(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Decompress the arrays, and replace their descriptions in `film` by the arrays. */
async function unpack() {
  const packed = Uint8Array.from(atob(find("arrays").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const block = await new Response(stream).arrayBuffer();
  find("arrays").remove();
  const read = (described) => (described === null ? null : readArray(block, described));
  film.samples = read(film.samples);
  film.outputs = read(film.outputs);
  for (const layer of film.layers) {
    for (const name of ["pictures", "weights", "bias"]) layer[name] = read(layer[name]);
  }
}

/** {shape, values, scale} of an array; the scale belongs to pictures, which are integers from -film.steps to film.steps. */
function readArray(block, { kind, offset, shape, scale }) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (kind === "float") return { shape, values: new Float32Array(block, offset, size) };
  const values = new Int8Array(block, offset, size);
  const width = shape.at(-1);
  for (let i = 1; i < size; i++) if (i % width) values[i] += values[i - 1];
  return { shape, values, scale: readArray(block, scale).values };
}

/** One picture of an array (frames, pictures, height, width) in a frame. */
function picture(array, frame, place) {
  const [, count, height, width] = array.shape;
  const start = (frame * count + place) * height * width;
  const values = array.values.subarray(start, start + height * width);
  return { values, width, height, scale: array.scale[frame * count + place] };
}

/** The weight between two neurons that are shown. */
function weightOf(layer, frame, from, to) {
  const [, inputs, neurons] = layer.weights.shape;
  return layer.weights.values[(frame * inputs + from) * neurons + to];
}

function biasOf(layer, frame, place) {
  return layer.bias.values[frame * layer.bias.shape[1] + place];
}

/** A number with four significant digits. */
function format(number) {
  if (number === null || number === undefined) return "–";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return number.toExponential(2).replace("-", "−").replace("-", "−");
  return String(Number(number.toPrecision(4))).replace("-", "−");
}

function percent(share) {
  if (share > 0 && share < 1) share = Math.min(Math.max(Math.round(1000 * share) / 1000, 0.001), 0.999);
  return `${Number((100 * share).toFixed(1))} %`;
}

/** The value of a curve after the epoch of a frame; undefined before training. */
function logged(name, frame) {
  return film.history[name][film.epochs[frame] - 1];
}

/** Names of the curves that are shown, training and validation together: [name, name of validation or undefined]. */
function curveNames() {
  const hidden = ["data_loss", "regularization_loss", "learning_rate"];
  const names = Object.keys(film.history).filter((name) => !name.startsWith("val_") && !hidden.includes(name));
  return names.map((name) => [name, `val_${name}` in film.history ? `val_${name}` : undefined]);
}

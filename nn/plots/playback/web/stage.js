// The large picture: the output of the network, or the enlarged neuron with its numbers.

const LARGE = 320; // pixels of the canvas, before it is fitted to the page

function updateLarge() {
  const canvas = find("canvas");
  find("close").hidden = state.neuron === null;
  find("numbers").replaceChildren();
  find("scale").replaceChildren();
  canvas.classList.remove("pixels", "images");
  if (state.neuron !== null) return showNeuron(canvas);
  if (film.outputs !== null) return showOutput(canvas);
  if (film.chosen !== null) return showImages(canvas);
  find("large").hidden = true;
}

function showOutput(canvas) {
  if (inputCount() === 1) return showCurves(canvas);
  const [, count] = film.outputs.shape;
  const pictures = Array.from({ length: count }, (_, label) => picture(film.outputs, state.frame, label));
  if (film.names.length) {
    find("caption").textContent = `Decision boundary: ${percent(film.right[state.frame])} of ${film.targets.length} samples are right`;
    paintClasses(canvas, pictures, LARGE);
    find("scale").append(...film.names.map(nameOfClass));
  } else {
    find("caption").textContent = "Output of the network";
    paintSmooth(canvas, pictures[0]);
    showScale(pictures[0].scale);
  }
  drawSamples(canvas, film.names.length ? 1 : pictures[0].scale);
}

function nameOfClass(name, label) {
  return nameOfColour(name, film.colours[label % film.colours.length]);
}

function nameOfColour(name, colour) {
  const dot = make("i", { class: "dot" });
  dot.style.background = colour;
  return make("span", {}, dot, name);
}

/** Curves over the only input: the output and the targets, or the probability of each class and the classes at 0. */
function showCurves(canvas) {
  const [left, right, bottom, top] = film.extent;
  const size = 2 * LARGE, isClasses = film.names.length > 0;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const up = (y) => ((top - y) / (top - bottom)) * size;
  const colour = (label, name) => (isClasses ? film.colours[label % film.colours.length] : style.getPropertyValue(name));
  film.targets.forEach((target, i) => {
    context.fillStyle = colour(target, "--leaf");
    context.beginPath();
    context.arc(((film.samples.values[i] - left) / (right - left)) * size, up(isClasses ? 0 : target), 5, 0, 2 * Math.PI);
    context.fill();
  });
  const [, count, , points] = film.outputs.shape;
  context.lineWidth = 4;
  for (let label = 0; label < count; label++) {
    const start = (state.frame * count + label) * points;
    context.strokeStyle = colour(label, "--output");
    context.beginPath();
    for (let i = 0; i < points; i++) context.lineTo((i / (points - 1)) * size, up(film.outputs.values[start + i]));
    context.stroke();
  }
  if (isClasses) {
    find("caption").textContent = `Probability of each class: ${percent(film.right[state.frame])} of ${film.targets.length} samples are right`;
    find("scale").append(...film.names.map(nameOfClass));
  } else {
    find("caption").textContent = "Output of the network over x";
    find("scale").append(nameOfColour("data", "var(--leaf)"), nameOfColour("network", "var(--output)"));
  }
  find("scale").append(make("span", {}, `x: ${short(left)} … ${short(right)}, y: ${short(bottom)} … ${short(top)}`));
}

function showNeuron(canvas) {
  const { layer: number, place } = state.neuron;
  const layer = film.layers[number];
  const shown = picture(layer.pictures, state.frame, place);
  find("large").hidden = false;
  find("caption").textContent = nameOf({ layer, number, place });
  if (layer.kind === "means") {
    paintBars(canvas, shown, LARGE, LARGE);
    const of = film.names.length ? " for each class" : "";
    find("scale").append(`mean output${of}, at most ${format(shown.scale)} from 0`, ...film.names.map(nameOfClass));
  } else if (layer.kind === "curve") {
    paintCurve(canvas, shown.values, 2 * LARGE);
    find("scale").append(`output over x, from ${short(film.extent[0])} to ${short(film.extent[1])}; at most ${format(shown.scale)} from 0`);
  } else if (layer.kind === "plane") {
    paintSmooth(canvas, shown);
    drawSamples(canvas, 1);
    showScale(shown.scale);
  } else {
    paintSigned(canvas, shown);
    canvas.classList.add("pixels");
    showScale(shown.scale);
  }
  showNumbers(layer, number, place);
}

/** The bias and the weights of the neuron that is enlarged. */
function showNumbers(layer, number, place) {
  const list = find("numbers");
  const add = (name, value) => list.append(make("dt", {}, name), make("dd", {}, value));
  if (layer.bias !== null) add("bias", format(biasOf(layer, state.frame, place)));
  if (layer.weights === null) return;
  for (let from = 0; from < layer.weights.shape[1]; from++) {
    const name = number === 0 ? `from x${inputCount() === 1 ? "" : "₀₁"[from]}` : `from neuron ${film.layers[number - 1].shown[from]}`;
    add(name, format(weightOf(layer, state.frame, from, place)));
  }
}

function showScale(scale) {
  find("scale").append(make("span", {}, format(-scale)), make("i", { class: "ramp" }), make("span", {}, format(scale)));
}

/** Paint a picture of the plane, with values between its points. */
function paintSmooth(canvas, { values, width, height }) {
  const fine = enlarge(values, width, height, LARGE).map(Math.round);
  paintSigned(canvas, { values: fine, width: LARGE, height: LARGE });
}

/** Draw the samples of the plane: their colour is the class, or the value in relation to the scale. */
function drawSamples(canvas, scale) {
  const [left, right, bottom, top] = film.extent;
  const context = canvas.getContext("2d");
  const radius = Math.min(Math.max(Math.sqrt(1500 / film.targets.length), 1.5), 8);
  context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--card");
  context.lineWidth = 0.8;
  film.targets.forEach((target, i) => {
    const x = ((film.samples.values[2 * i] - left) / (right - left)) * LARGE;
    const y = ((top - film.samples.values[2 * i + 1]) / (top - bottom)) * LARGE;
    context.fillStyle = film.names.length ? film.colours[target % film.colours.length] : `rgb(${signColour(target / (scale || 1))})`;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}

/** Samples that are images, each with the class that the network chooses. */
function showImages(canvas) {
  const [count, height, width] = film.samples.shape;
  const columns = 6, cell = 80, label = 18;
  canvas.width = columns * cell;
  canvas.height = Math.ceil(count / columns) * (cell + label);
  canvas.classList.add("images");
  const style = getComputedStyle(document.documentElement);
  const context = canvas.getContext("2d");
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  const one = make("canvas");
  const largest = film.samples.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  for (let i = 0; i < count; i++) {
    const values = film.samples.values.subarray(i * height * width, (i + 1) * height * width);
    const image = new ImageData(width, height);
    values.forEach((value, k) => image.data.set([0, 0, 0].fill(255 * (isDark() ? value / largest : 1 - value / largest)).concat(255), 4 * k));
    put(one, image);
    const x = (i % columns) * cell, y = Math.floor(i / columns) * (cell + label);
    context.imageSmoothingEnabled = false;
    context.drawImage(one, x + 4, y + 2, cell - 8, cell - 8);
    const chosen = film.chosen[state.frame][i], isRight = chosen === film.targets[i];
    context.fillStyle = style.getPropertyValue(isRight ? "--input" : "--wrong");
    context.fillText(`${isRight ? "✓" : "✗"} ${shorten(film.names[chosen])}`, x + cell / 2, y + cell + 8, cell - 4);
  }
  find("caption").textContent = `Predictions: ${percent(film.right[state.frame])} of the samples are right`;
}

/** A number with two significant digits. */
function short(number) {
  return format(Number(number.toPrecision(2)));
}

function shorten(name) {
  return name.length > 12 ? `${name.slice(0, 11)}…` : name;
}

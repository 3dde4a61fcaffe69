// Colours of values: blue is negative, orange positive, the page's background is 0.

const NEGATIVE = [0, 114, 178], POSITIVE = [213, 94, 0];

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

/** The colour of a value from -1 to 1. */
function signColour(value) {
  const ground = isDark() ? [27, 33, 42] : [255, 255, 255];
  const end = value < 0 ? NEGATIVE : POSITIVE;
  const part = Math.min(Math.abs(value), 1);
  return ground.map((channel, i) => channel + (end[i] - channel) * part);
}

/** Paint a picture of signed values into a canvas, a pixel for each value. */
function paintSigned(canvas, { values, width, height }) {
  const image = new ImageData(width, height);
  const table = Array.from({ length: 2 * film.steps + 1 }, (_, i) => signColour((i - film.steps) / film.steps));
  values.forEach((value, i) => image.data.set([...table[value + film.steps], 255], 4 * i));
  put(canvas, image);
}

/** Paint the leads of classes over the best of the others: the colour is the class, its strength the lead. */
function paintClasses(canvas, pictures, size) {
  const image = new ImageData(size, size);
  const colours = pictures.map((_, label) => channels(film.colours[label % film.colours.length]));
  const ground = isDark() ? [27, 33, 42] : [255, 255, 255];
  const leads = pictures.map(({ values, width, height, scale }) => {
    const roots = Float32Array.from(values, (value) => (value * scale) / film.steps);
    return enlarge(roots.map((root) => root * Math.abs(root)), width, height, size);
  });
  const best = new Uint8Array(size * size);
  for (let i = 0; i < size * size; i++) {
    let label = 0;
    for (let other = 1; other < leads.length; other++) if (leads[other][i] > leads[label][i]) label = other;
    best[i] = label;
    const opacity = 0.2 + 0.4 * Math.min(Math.max(leads[label][i], 0), 1);
    const colour = colours[label];
    image.data.set([...ground.map((channel, k) => channel + (colour[k] - channel) * opacity), 255], 4 * i);
  }
  drawBoundaries(image, best, size);
  put(canvas, image);
}

/** Darken the points where the class changes. */
function drawBoundaries(image, best, size) {
  const ink = isDark() ? 238 : 34;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = y * size + x;
      const changes = (x + 1 < size && best[i] !== best[i + 1]) || (y + 1 < size && best[i] !== best[i + size]);
      if (changes) image.data.set([ink, ink, ink, 255], 4 * i);
    }
  }
}

/** Values of a grid between its points, on a finer grid. */
function enlarge(values, width, height, size) {
  const found = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    const v = (y / (size - 1)) * (height - 1), top = Math.min(Math.floor(v), height - 2), down = v - top;
    for (let x = 0; x < size; x++) {
      const u = (x / (size - 1)) * (width - 1), left = Math.min(Math.floor(u), width - 2), right = u - left;
      const i = top * width + left;
      const above = values[i] * (1 - right) + values[i + 1] * right;
      const below = values[i + width] * (1 - right) + values[i + width + 1] * right;
      found[y * size + x] = above * (1 - down) + below * down;
    }
  }
  return found;
}

function channels(colour) {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));
}

function put(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Paint a bar for each value, in the colours of the classes. The line at 0 is in the middle if values are negative. */
function paintBars(canvas, { values }, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const ground = values.some((value) => value < 0) ? height / 2 : height - 1;
  const step = width / values.length;
  values.forEach((value, i) => {
    const share = value / film.steps;
    context.fillStyle = film.names.length ? film.colours[i % film.colours.length] : `rgb(${signColour(share)})`;
    context.fillRect(i * step + 0.5, ground, Math.max(step - 1, 1), -share * ground);
  });
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--muted");
  context.fillRect(0, ground, width, 1);
}

/** Paint a curve of signed values over the only input. The line at 0 is in the middle. */
function paintCurve(canvas, values, size) {
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  const across = (i) => (i / (values.length - 1)) * size;
  const up = (value) => size / 2 - (0.46 * size * value) / film.steps;
  for (let i = 0; i + 1 < values.length; i++) {
    const middle = (values[i] + values[i + 1]) / 2;
    context.fillStyle = `rgb(${signColour(0.55 * Math.sign(middle))})`;
    context.fillRect(across(i), size / 2, across(1) + 0.5, up(middle) - size / 2);
  }
  const style = getComputedStyle(document.documentElement);
  context.fillStyle = style.getPropertyValue("--muted");
  context.fillRect(0, size / 2, size, 1);
  context.strokeStyle = style.getPropertyValue("--text");
  context.lineWidth = Math.min(size / 40, 5);
  context.beginPath();
  values.forEach((value, i) => context.lineTo(across(i), up(value)));
  context.stroke();
}

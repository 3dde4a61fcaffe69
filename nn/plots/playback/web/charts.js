// Curves over the epochs, with a line at the epoch that is shown. A click on a chart goes to that epoch.

const CHART = { width: 420, height: 112, left: 56, right: 10, top: 8, bottom: 20 };
const DASHES = ["none", "6 3", "2 3", "8 3 2 3"];

const charts = []; // {title, curves, cursor, values}: the elements that change with the frame

/** Make every chart: a chart for each recorded value, and one for the gradients of the layers. */
function makeCharts() {
  const epochs = Array.from({ length: film.history.loss?.length ?? 0 }, (_, i) => i + 1);
  for (const [name, validation] of epochs.length ? curveNames() : []) {
    const curves = [{ name: validation ? "training" : "", xs: epochs, ys: film.history[name], at: (f) => logged(name, f) }];
    if (validation) {
      curves.push({ name: "validation", xs: epochs, ys: film.history[validation], at: (f) => logged(validation, f) });
    }
    makeChart(name.replaceAll("_", " "), curves, false);
  }
  const gradients = film.layers.map((layer, number) => ({
    name: `${number + 1} ${layer.title.split(",")[0]}`,
    xs: film.epochs,
    ys: layer.gradient,
    at: (frame) => layer.gradient[frame],
  }));
  makeChart("gradient of each layer’s weights, root mean square", gradients, true);
}

function makeChart(title, curves, isLog) {
  const known = curves.flatMap(({ ys }) => ys).filter((y) => y !== null && (!isLog || y > 0));
  const scale = isLog ? Math.log10 : (y) => y;
  let low = scale(Math.min(...known)), high = scale(Math.max(...known));
  if (!known.length) [low, high] = [0, 1];
  if (!isLog && low > 0 && low < 0.5 * high) low = 0;
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = stepBetween(low, high, isLog);
  [low, high] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  const { width, height, left, right, top, bottom } = CHART;
  const finished = film.history.loss?.length ?? 0;
  const first = finished ? Math.min(film.epochs[0], 1) : film.epochs[0]; // a resumed training has earlier losses
  const last = Math.max(film.epochs.at(-1), finished, first + 1);
  const across = (x) => left + ((x - first) / (last - first)) * (width - left - right);
  const up = (y) => top + ((high - y) / (high - low)) * (height - top - bottom);

  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (let tick = low; tick <= high + step / 2; tick += step) {
    svg.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: up(tick), y2: up(tick) }));
    const text = isLog ? `1e${Math.round(tick)}`.replace("-", "−") : format(Number(tick.toPrecision(6)));
    svg.append(shape("text", { x: left - 5, y: up(tick) + 4, "text-anchor": "end" }, text));
  }
  svg.append(shape("text", { x: left, y: height - 5 }, String(first)));
  svg.append(shape("text", { x: width - right, y: height - 5, "text-anchor": "end" }, String(last)));
  svg.append(shape("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, "epoch"));
  curves.forEach(({ xs, ys }, i) => {
    const points = xs.flatMap((x, k) => (ys[k] === null || (isLog && ys[k] <= 0) ? [] : [`${across(x)},${up(scale(ys[k]))}`]));
    if (points.length === 1) {
      const [cx, cy] = points[0].split(",");
      svg.append(shape("circle", { cx, cy, r: 3, fill: curveColour(i) }));
    }
    svg.append(shape("polyline", { class: "curve", points: points.join(" "), style: curveStyle(i) }));
  });
  const cursor = shape("line", { class: "cursor", y1: top, y2: height - bottom });
  svg.append(cursor);
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    goToEpoch(first + ((x - left) / (width - left - right)) * (last - first));
  });

  const values = curves.map(() => make("b"));
  const legend = make("p", { class: "legend" });
  curves.forEach(({ name }, i) => {
    const line = shape("svg", { viewBox: "0 0 22 8", class: "dash", "aria-hidden": "true" });
    line.append(shape("line", { class: "curve", x1: 0, x2: 22, y1: 4, y2: 4, style: curveStyle(i) }));
    legend.append(make("span", {}, line, name ? `${name} ` : "", values[i]));
  });
  find("charts").append(make("div", { class: "chart" }, make("h2", {}, title), legend, svg));
  charts.push({ curves, cursor, values, across });
}

/** A round distance between lines, for two to five of them. */
function stepBetween(low, high, isLog) {
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  return isLog ? Math.max(Math.ceil(step), 1) : step;
}

function curveColour(number) {
  return ["var(--leaf)", "var(--output)", "var(--input)", "var(--gradient)", "var(--text)"][number % 5];
}

function curveStyle(number) {
  return `stroke: ${curveColour(number)}; stroke-dasharray: ${DASHES[number % DASHES.length]}`;
}

/** Move the lines of all charts to the frame, and show the values there. */
function updateCharts() {
  for (const { curves, cursor, values, across } of charts) {
    const x = across(film.epochs[state.frame]);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    curves.forEach(({ at }, i) => (values[i].textContent = format(at(state.frame))));
  }
}

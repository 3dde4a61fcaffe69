// The panel at the side: everything that is known of a box, an edge or a module.

const STATISTICS = ["mean", "std", "smallest", "largest", "zeros", "NaN"];

function rows(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) list.append(make("dt", {}, name), make("dd", {}, value));
  return list;
}

function showDetails(id) {
  const box = lesson.boxes[id];
  const now = known()[id];
  const table = comparison();
  const parts = table === null ? [] : [make("h2", {}, "Gradients: in this pass and right"), table];
  parts.push(make("h2", {}, box.title), rows(box.facts));
  if (box.kind !== "number" && !box.call) parts.push(...reading("Value", now.value, box.value, "not computed yet"));
  if (box.wantsGradient && !box.call) {
    const whole = now.gradient?.final && state.pass === 0 ? box.gradient : null;
    parts.push(...reading(now.gradient?.final === false ? "Gradient so far" : "Gradient", now.gradient, whole, "nothing has arrived yet"));
    if (now.gradient?.right != null) parts.push(make("p", { class: "wrong" }, "⚠ wrong. Right:"), make("p", { class: "numbers" }, now.gradient.rightLines.join("\n")));
  }
  if (box.check) {
    parts.push(make("h3", {}, "Finite differences"), make("p", {}, `${box.check.sign}: ${box.check.reason}`));
  }
  find("details").replaceChildren(...parts);
}

/** Numbers, or statistics with a histogram and a heatmap. */
function reading(name, change, summary, missing) {
  const heading = make("h3", {}, name);
  if (!change) return [heading, make("p", { class: "missing" }, missing)];
  const parts = [heading, make("p", { class: "numbers" }, change.lines.join("\n"))];
  if (summary?.statistics.length) parts.push(rows(STATISTICS.map((statistic, i) => [statistic, summary.statistics[i]])));
  if (summary?.detail) parts.push(histogram(summary.detail), ...heatmap(summary.detail, name));
  return parts;
}

function histogram({ histogram: counts, smallest, largest }) {
  const most = Math.max(...counts, 1);
  const bars = counts.map((count, i) => svg("rect", { x: i * 8, width: 7, y: 40 - (40 * count) / most, height: (40 * count) / most }));
  const label = `histogram from ${smallest} to ${largest}`;
  const picture = svg("svg", { viewBox: `0 0 ${counts.length * 8} 40`, class: "histogram", role: "img", "aria-label": label, preserveAspectRatio: "none" }, ...bars);
  return make("figure", {}, picture, make("figcaption", {}, make("span", {}, smallest), make("span", {}, "histogram"), make("span", {}, largest)));
}

/** Blue is negative, orange is positive, white is 0; crossed cells are NaN. */
function canvasOf({ rows: height, columns: width, levels, low, high }, name, side) {
  const cell = Math.max(1, Math.floor(Math.min(side / width, side / height, 16)));
  const canvas = make("canvas", { width: width * cell, height: height * cell, role: "img", "aria-label": `${name} as a heatmap of ${height} rows and ${width} columns, from ${low} to ${high}` });
  const pen = canvas.getContext("2d");
  const place = signed(low, high);
  [...atob(levels)].forEach((character, i) => {
    const [x, y] = [(i % width) * cell, Math.floor(i / width) * cell];
    const level = character.charCodeAt(0);
    pen.fillStyle = level === 255 ? "#000" : heat(place(Number(low) + (level / 254) * (Number(high) - Number(low))));
    pen.fillRect(x, y, cell, cell);
    if (level !== 255) return;
    pen.strokeStyle = "#fff";
    pen.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
  });
  return canvas;
}

function heatmap(detail, name) {
  const { low, high, tile } = detail;
  const canvas = canvasOf(detail, name, 232);
  const caption = `heatmap${tile[0] * tile[1] > 1 ? `, ${tile[0]}×${tile[1]} elements a cell` : ""}`;
  const place = signed(low, high);
  const colours = [low, (Number(low) + Number(high)) / 2, high].map((value) => heat(place(Number(value))));
  if (Number(low) < 0 && Number(high) > 0) colours[1] = `${heat(0.5)} ${((100 * -low) / (high - low)).toFixed(1)}%`;
  const scale = make("figcaption", { class: "scale" }, make("span", {}, low), make("span", {}, caption), make("span", {}, high));
  scale.style.borderImage = `linear-gradient(to right, ${colours.join(", ")}) 1`;
  return [make("figure", {}, canvas, scale)];
}

/** The place of a value on the scale of colours, from 0 to 1, with 0 in the middle. */
function signed(low, high) {
  const largest = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return (value) => (Number.isFinite(largest) ? 0.5 + value / (2 * largest) : 0.5);
}

function heat(share) {
  const ends = share < 0.5 ? [[0, 114, 178], [247, 247, 247], share * 2] : [[247, 247, 247], [213, 94, 0], share * 2 - 1];
  const [from, to, way] = ends;
  return `rgb(${from.map((channel, i) => Math.round(channel + (to[i] - channel) * way)).join(",")})`;
}

function showEdge(name) {
  const route = lesson.routes.find((each) => `${each.target}:${each.operand}` === name);
  const moved = allSteps().slice(0, state.step).findLast((step) => step.box === route.target && step.operand === route.operand && step.moved);
  const facts = [...route.facts];
  if (moved) facts.push(["carried back", moved.moved]);
  find("details").replaceChildren(make("h2", {}, route.title), rows(facts));
}

function showGroup(id) {
  const frame = lesson.frames.find((each) => each.group === id);
  find("details").replaceChildren(make("h2", {}, frame.label), rows([["holds", frame.summary], ["passes on", frame.passage]]));
}

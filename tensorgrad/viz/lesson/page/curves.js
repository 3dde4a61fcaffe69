// The lines between boxes: the route that Python found, or a plain curve where an end is collapsed.

const ARROW = 7;
const BEND = 28; // room for the curve at a collapsed card

function at([x, y]) {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

function curve([x1, y1], [x2, y2]) {
  if (lesson.direction === "LR") {
    const middle = (x1 + x2) / 2;
    return `C${at([middle, y1])} ${at([middle, y2])} ${at([x2, y2])}`;
  }
  const middle = (y1 + y2) / 2;
  return `C${at([x1, middle])} ${at([x2, middle])} ${at([x2, y2])}`;
}

/** By turns a straight piece and a curve, as layout.py describes it. */
function throughPoints(points) {
  let path = `M${at(points[0])}`;
  for (let i = 0; i < points.length; i += 2) {
    if (i) path += curve(points[i - 1], points[i]);
    if (points[i + 1]) path += `L${at(points[i + 1])}`;
  }
  return path;
}

function arrowhead([x, y], [tipX, tipY]) {
  const [dx, dy] = [(tipY - y) / 2, (tipX - x) / 2];
  return `M${at([tipX, tipY])}L${at([x + dx, y + dy])} ${at([x - dx, y - dy])}Z`;
}

/** Where an edge meets a collapsed card: at the height (or place) it came from, but on the card. */
function onCard({ x, y, width, height }, [px, py], leaving) {
  const within = (value, low, length) => Math.min(Math.max(value, low + 10), low + length - 10);
  if (lesson.direction === "LR") return [leaving ? x + width : x, within(py, y, height)];
  return [within(px, x, width), leaving ? y + height : y];
}

/** The straight pieces of a route, as pairs of points; of those inside a collapsed frame only what looks out. */
function piecesOutside(route, from, to, places) {
  const along = lesson.direction === "LR" ? 0 : 1;
  const points = route.points.map(places.point);
  let pieces = points.flatMap((point, i) => (i % 2 ? [[points[i - 1], point]] : []));
  const moved = (point, place) => point.map((value, axis) => (axis === along ? place : value));
  if (from !== null) {
    const border = places.ends.get(from)[1][along] + BEND;
    pieces = pieces.filter(([, end]) => end[along] > border);
    pieces = pieces.map(([start, end]) => [moved(start, Math.max(start[along], border)), end]);
  }
  if (to !== null) {
    const border = places.ends.get(to)[0][along] - BEND;
    pieces = pieces.filter(([start]) => start[along] < border);
    pieces = pieces.map(([start, end]) => [start, moved(end, Math.min(end[along], border))]);
  }
  return pieces;
}

/** The path and the arrow of a route as things stand, or null if both its ends are in one collapsed group. */
function line(route, places) {
  const [from, to] = [route.source, route.target].map((id) => hiddenIn(lesson.boxes[id].group));
  if (from !== null && from === to) return null;
  const points = piecesOutside(route, from, to, places).flat();
  let tip = places.point(route.tip);
  const short = ([x, y]) => (lesson.direction === "LR" ? [x - ARROW, y] : [x, y - ARROW]);
  if (to === null && !points.length) points.push(short(tip), short(tip)); // too near a card for a straight piece
  let base = points.at(-1);
  if (from !== null) {
    const start = onCard(places.frames.get(from), points[0] ?? tip, true);
    points.unshift(start, start);
  }
  if (to !== null) {
    tip = onCard(places.frames.get(to), points.at(-1), false);
    base = short(tip);
    points.push(base, base);
  }
  return { path: throughPoints(points), base, tip };
}

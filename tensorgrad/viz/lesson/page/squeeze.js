// Collapsing a module leaves empty room. Both axes are squeezed where only collapsed modules stand.

const COLLAPSED_HEIGHT = 62;

function collapsedWidth(frame) {
  return Math.max(120, 24 + 7.5 * Math.max(frame.label.length + 2, frame.summary.length, frame.passage.length));
}

/** The outermost collapsed group around `group`, or null. */
function hiddenIn(group) {
  let outermost = null;
  for (let at = group; at !== null; at = lesson.parents[at]) if (state.collapsed.has(at)) outermost = at;
  return outermost;
}

/**
 * A monotone, piecewise linear map of one axis.
 * needed: [start, end] that keep their length; collapsed: [start, end, length it needs].
 */
function squeezed(needed, collapsed) {
  const ends = [...new Set([...needed, ...collapsed].flatMap(([start, end]) => [start, end]))].sort((a, b) => a - b);
  const places = [];
  let place = ends[0] ?? 0;
  ends.forEach((end, i) => {
    if (i) {
      const start = ends[i - 1];
      const covers = ([from, to]) => from <= start && end <= to;
      const around = collapsed.filter(covers);
      const keeps = around.length === 0 || needed.some(covers);
      const scale = keeps ? 1 : Math.min(1, Math.max(...around.map(([from, to, length]) => length / (to - from))));
      place += (end - start) * scale;
    }
    places.push(place);
  });
  return (x) => {
    const i = ends.findIndex((end) => x <= end);
    if (i < 0) return x + (places.at(-1) ?? 0) - (ends.at(-1) ?? 0);
    if (i === 0) return x + places[0] - ends[0];
    return places[i - 1] + ((x - ends[i - 1]) / (ends[i] - ends[i - 1])) * (places[i] - places[i - 1]);
  };
}

/** Where everything stands with the groups that are collapsed now. */
function arrangement() {
  const shown = lesson.frames.filter((frame) => hiddenIn(lesson.parents[frame.group]) === null);
  const collapsed = shown.filter((frame) => state.collapsed.has(frame.group));
  const visible = lesson.boxes.filter((box) => hiddenIn(box.group) === null);
  const sideways = lesson.direction === "LR";
  const along = (box) => (sideways ? 26 + box.labelRoom : 26);
  const x = squeezed(
    visible.map((box) => [box.x - along(box), box.x + box.width + 26]),
    collapsed.map((frame) => [frame.x, frame.x + frame.width, collapsedWidth(frame)]),
  );
  const y = squeezed(
    visible.map((box) => [box.y - (sideways ? 26 : 40), box.y + box.height + 26]),
    collapsed.map((frame) => [frame.y, frame.y + frame.height, COLLAPSED_HEIGHT]),
  );
  const frameRect = (frame) => {
    const [left, top] = [x(frame.x), y(frame.y)];
    const [width, height] = [x(frame.x + frame.width) - left, y(frame.y + frame.height) - top];
    if (!state.collapsed.has(frame.group)) return { x: left, y: top, width, height };
    const card = { width: collapsedWidth(frame), height: COLLAPSED_HEIGHT };
    const result = lesson.boxes[frame.leaving]; // the card stands on the line of what leaves it
    const place = (centre, size, low, room) => Math.min(Math.max(centre - size / 2, low), low + room - size);
    const across = sideways
      ? { x: left + (width - card.width) / 2, y: place(y(result.y + result.height / 2), card.height, top, height) }
      : { x: place(x(result.x + result.width / 2), card.width, left, width), y: top + (height - card.height) / 2 };
    return { ...across, ...card };
  };
  return {
    point: ([px, py]) => [x(px), y(py)],
    box: (box) => ({ x: x(box.x), y: y(box.y), width: box.width, height: box.height }),
    frames: new Map(shown.map((frame) => [frame.group, frameRect(frame)])),
    // where the frames of collapsed groups would begin and end
    ends: new Map(collapsed.map((frame) => [frame.group, [
      [x(frame.x), y(frame.y)],
      [x(frame.x + frame.width), y(frame.y + frame.height)],
    ]])),
    width: x(lesson.width),
    height: y(lesson.height),
  };
}

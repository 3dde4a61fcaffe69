// The graph: drawn anew when a module collapses, and brought up to date at each step.

const drawn = { boxes: new Map(), edges: new Map(), frames: new Map(), places: null, zoom: null };
const READABLE = 0.75; // the picture is not made smaller than this to fit, unless the reader asks for it
const [SMALLEST, LARGEST] = [0.25, 4]; // the limits of zooming

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function drawPicture() {
  const places = arrangement();
  const { width, height } = places;
  const overlay = svg("g");
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": lesson.title });
  for (const kind of ["boxes", "edges", "frames"]) drawn[kind].clear();
  drawn.places = places;
  for (const frame of lesson.frames) if (places.frames.has(frame.group)) root.append(drawFrame(frame, places));
  for (const route of lesson.routes) {
    const edge = drawEdge(route, places, overlay);
    if (edge) root.append(edge);
  }
  for (const box of lesson.boxes) if (hiddenIn(box.group) === null) root.append(drawBox(box, places.box(box), overlay));
  root.append(overlay);
  find("stage").replaceChildren(root);
  zoomTo(drawn.zoom);
  prepareFocus();
}

function rectangle(kind, { x, y, width, height }, inset, rx) {
  return svg("rect", { class: kind, x: x + inset, y: y + inset, width: width - 2 * inset, height: height - 2 * inset, rx });
}

/** The part of a card below its title, inside the border. */
function cardBody(box, rect, { radius, weight, inset }) {
  const [left, right] = [rect.x + inset + weight / 2, rect.x + rect.width - inset - weight / 2];
  const bottom = rect.y + rect.height - inset - weight / 2;
  const r = Math.max(radius - weight / 2, 0);
  const d = `M${left},${rect.y + box.header}H${right}V${bottom - r}Q${right},${bottom} ${right - r},${bottom}H${left + r}Q${left},${bottom} ${left},${bottom - r}Z`;
  return svg("path", { class: "body", d });
}

function drawBox(box, rect, overlay) {
  const style = lesson.styles[box.style];
  const group = svg("g", { class: `box ${box.style}`, "data-box": box.id, tabindex: -1, role: "img" });
  group.append(svg("title", {}, box.tooltip), rectangle("halo", rect, -5, style.radius + 5));
  if (style.inset) group.append(rectangle("outline body", rect, 0, style.radius + style.inset));
  group.append(rectangle("outline header", rect, style.inset, Math.min(style.radius, box.height / 2)));
  if (box.height > box.header) group.append(cardBody(box, rect, style));
  if (style.striped) group.append(svg("rect", { class: "stripe", x: rect.x, y: rect.y, width: 4, height: rect.height, rx: style.radius }));
  const texts = box.texts.map(([x, y, role, text]) => svg("text", { class: role, x: rect.x + x, y: rect.y + y }, text));
  group.append(...texts);
  const marker = svg("text", { class: "marker", x: rect.x + rect.width - 4, y: rect.y - 3, "text-anchor": "end" }); // on the halo
  overlay.append(marker);
  const counter = svg("text", { class: "counter", x: rect.x + rect.width - 7 - style.inset, y: rect.y + box.header - 7 });
  if (box.uses > 1) group.append(counter);
  drawn.boxes.set(box.id, { group, texts, marker, counter, width: rect.width });
  return group;
}

function drawEdge(route, places, overlay) {
  const where = line(route, places);
  if (where === null) return null;
  const name = `${route.target}:${route.operand}`;
  const group = svg("g", { class: `edge ${route.style}`, "data-edge": name, tabindex: -1, role: "img" });
  const path = svg("path", { class: "line", d: where.path });
  group.append(svg("title", {}, route.title), svg("path", { class: "reach", d: where.path }), path);
  group.append(svg("path", { class: "head", d: arrowhead(where.base, where.tip) }));
  const straight = hiddenIn(lesson.boxes[route.source].group) === null && hiddenIn(lesson.boxes[route.target].group) === null;
  if (straight) group.append(...edgeTexts(route, where.base));
  const chip = svg("g", { class: "chip" }, svg("rect", { rx: 8, height: 18, y: -9 }), svg("text", { "text-anchor": "middle", y: 4 }));
  overlay.append(chip);
  drawn.edges.set(name, { group, path, chip });
  return group;
}

/** What stands above and below the end of an edge. */
function edgeTexts(route, [x, y]) {
  const sideways = lesson.direction === "LR";
  return route.label.map((text, row) => {
    const place = sideways ? { x: x - 4, y: y + (row ? 13 : -5) } : { x: x + 7, y: y - 26 + 12 * row }; // beside the halo
    return svg("text", { class: route.local ? "local" : "operand", "text-anchor": sideways ? "end" : "start", ...place }, text);
  });
}

function drawFrame(frame, places) {
  const rect = places.frames.get(frame.group);
  const collapsed = state.collapsed.has(frame.group);
  const group = svg("g", {
    class: collapsed ? "frame collapsed" : "frame", "data-group": frame.group, tabindex: -1,
    role: "button", "aria-expanded": String(!collapsed), "aria-label": `${frame.label}, ${frame.summary}`,
  });
  group.append(svg("title", {}, `${frame.label}: ${frame.summary}. Press Enter or click to ${collapsed ? "expand" : "collapse"}.`));
  group.append(svg("rect", { ...rect, rx: 10 }));
  const label = svg("text", { class: "label", x: rect.x + 10, y: rect.y + 16 }, `${collapsed ? "▸" : "▾"} ${frame.label}`);
  group.append(label);
  if (collapsed) {
    [frame.summary, frame.passage].forEach((text, row) => {
      group.append(svg("text", { class: "summary", x: rect.x + 10, y: rect.y + 34 + 15 * row }, text));
    });
  }
  label.addEventListener("click", () => fold(frame.group));
  if (collapsed) group.addEventListener("click", (event) => event.target !== label && fold(frame.group));
  drawn.frames.set(frame.group, { group });
  return group;
}

function fold(group) {
  if (!state.collapsed.delete(group)) state.collapsed.add(group);
  drawPicture();
  show();
  drawn.frames.get(group)?.group.focus();
}

/** Bring the picture to the current step. */
function updatePicture(boxes, flows) {
  const step = currentStep();
  const receiving = receiver(step);
  const counts = arrivals();
  for (const [id, { counter }] of drawn.boxes) {
    const { uses } = lesson.boxes[id];
    counter.textContent = uses > 1 && isBackward(state.step) ? `${counts.get(id) ?? 0} of ${uses}` : "";
    counter.classList.toggle("complete", (counts.get(id) ?? 0) >= uses);
  }
  for (const [id, parts] of drawn.boxes) updateBox(lesson.boxes[id], parts, boxes[id], step, receiving);
  for (const [id, { group }] of drawn.frames) {
    group.classList.toggle("now", state.collapsed.has(id) && hiddenIn(lesson.boxes[step.box].group) === id);
  }
  for (const route of lesson.routes) {
    const edge = drawn.edges.get(`${route.target}:${route.operand}`);
    if (!edge) continue;
    const now = step.box === route.target && (step.operand === null ? step.kind === "value" : step.operand === route.operand);
    edge.group.classList.toggle("now", now);
    edge.group.classList.toggle("backward", now && isBackward(state.step));
    edge.group.classList.toggle("computed", boxes[route.target].value !== undefined);
    updateFlow(edge, flows?.get(`${route.target}:${route.operand}`));
    updateChip(edge, now && !isAsking() ? step.chip : "");
  }
  scrollToNow(step);
  drawMap();
}

function updateBox(box, { group, texts, marker, width }, now, step, receiving) {
  const isNow = step.box === box.id && step.kind !== "end";
  const early = firedEarly(box.id);
  const wrong = now.gradient?.right != null;
  group.classList.toggle("now", isNow);
  group.classList.toggle("receiving", receiving === box.id);
  group.classList.toggle("computed", now.value !== undefined || box.kind === "number");
  group.classList.toggle("wrong", wrong || early);
  const rows = { value: now.value?.lines ?? [], gradient: now.gradient?.lines ?? ["–"], remark: remark(box, now.gradient) };
  if (wrong) rows.gradient = rows.gradient.map((text, row) => (row ? text : `⚠ ${text}`));
  const used = { value: 0, gradient: 0, remark: 0 };
  box.texts.forEach(([, , role], i) => {
    if (role in rows) texts[i].textContent = rows[role][used[role]++] ?? "";
  });
  const markers = [isNow && "▶ now", receiving === box.id && received(step, width), early && "⚠ too early"];
  marker.textContent = markers.filter(Boolean).join("  ");
  marker.classList.toggle("wrong", early);
  const gradient = box.wantsGradient ? `, gradient ${[...rows.gradient, ...rows.remark].join("; ")}` : "";
  group.setAttribute("aria-label", `${box.title}, value ${rows.value.join("; ") || "not computed yet"}${gradient}`);
}

/** The marker above a box that receives: with the number, if it is not much wider than the box. */
function received(step, width) {
  const long = `● receives ${step.chip}`;
  if (isAsking() || !step.chip) return "● receives";
  return [long, `● ${step.chip}`].find((text) => 6.7 * text.length < width + 20) ?? "● receives";
}

/** The last line of a box: what would be right, or what finite differences say. */
function remark(box, gradient) {
  if (gradient?.right != null) return [gradient.right];
  return box.check && gradient?.final && state.pass === 0 ? [box.check.sign] : [];
}

/** Whether a box has passed its gradient on before all of it had arrived. */
function firedEarly(id) {
  if (!lesson.passes[state.pass].early.includes(id)) return false;
  return allSteps().slice(0, state.step).some((step) => step.kind === "early" && step.box === id);
}

/** The number that travels back along an edge and is then written above the box that receives it. */
function updateChip({ path, chip }, text) {
  chip.classList.toggle("shown", text !== "");
  if (text === "") return;
  const [rect, label] = chip.children;
  label.textContent = text;
  const width = 16 + 7.2 * text.length;
  rect.setAttribute("width", width);
  rect.setAttribute("x", -width / 2);
  const length = path.getTotalLength();
  const place = (fraction) => {
    const { x, y } = path.getPointAtLength(length * fraction);
    chip.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  };
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return chip.classList.remove("shown");
  const began = performance.now();
  const move = (time) => {
    const fraction = Math.min(1, Math.max(0, (time - began) / 600));
    place(1 - fraction);
    if (fraction === 1) chip.classList.remove("shown");
    else if (chip.classList.contains("shown")) requestAnimationFrame(move);
  };
  place(1);
  requestAnimationFrame(move);
}

function updateFlow({ group, path }, width) {
  group.classList.toggle("flowing", width !== undefined);
  path.style.strokeWidth = width === undefined ? "" : width;
}

/** The scale at which the whole picture fits the window. */
function fittingScale() {
  const stage = find("stage");
  const { width, height } = drawn.places;
  return Math.min(stage.offsetWidth / width, stage.offsetHeight / height, 1.7) * 0.995; // no scroll bars
}

/** Size the picture: a scale; "fit" for all of it; null for all of it, unless it would be too small to read. */
function zoomTo(zoom) {
  drawn.zoom = zoom;
  const stage = find("stage");
  const { width, height } = drawn.places;
  const fitting = fittingScale();
  const scale = zoom === "fit" ? fitting : zoom ?? Math.max(fitting, READABLE);
  const root = stage.querySelector("svg");
  root.setAttribute("width", width * scale);
  root.setAttribute("height", height * scale);
  root.dataset.scale = scale;
  find("map").hidden = scale <= fitting * 1.001;
  drawMap();
}

/** What a step is about comes into sight if it is not: its box and the one that receives, or if that is too far, its box. */
function scrollToNow(step) {
  const stage = find("stage").getBoundingClientRect();
  const ids = [step.box, receiver(step)].filter((id) => id !== null);
  const places = ids.map((id) => {
    const group = hiddenIn(lesson.boxes[id].group);
    return (group === null ? drawn.boxes.get(id) : drawn.frames.get(group)).group.getBoundingClientRect();
  });
  const around = (rects) => ({
    left: Math.min(...rects.map((rect) => rect.left)), right: Math.max(...rects.map((rect) => rect.right)),
    top: Math.min(...rects.map((rect) => rect.top)), bottom: Math.max(...rects.map((rect) => rect.bottom)),
  });
  const both = around(places);
  const fits = both.right - both.left < stage.width && both.bottom - both.top < stage.height;
  const { left, right, top, bottom } = fits ? both : around(places.slice(0, 1));
  if (left >= stage.left && right <= stage.right && top >= stage.top && bottom <= stage.bottom) return;
  find("stage").scrollBy({ left: (left + right - stage.left - stage.right) / 2, top: (top + bottom - stage.top - stage.bottom) / 2 });
}

// The whole picture as a strip, where it is larger than the window: the visible part, and the boxes of the step.

function drawMap() {
  const strip = find("map");
  if (strip.hidden) return;
  const { width, height, box: place, frames } = drawn.places;
  const step = currentStep();
  const [now, receiving] = [step.box, receiver(step)].map((id) => (id === null ? null : hiddenIn(lesson.boxes[id].group) ?? `box ${id}`));
  const part = (key, rect, kind) => svg("rect", { class: `${kind}${key === now ? " now" : ""}${key === receiving ? " receiving" : ""}`, ...rect });
  const groups = [...frames].map(([group, rect]) => part(group, rect, state.collapsed.has(group) ? "part" : "around"));
  const boxes = lesson.boxes.filter((box) => hiddenIn(box.group) === null).map((box) => part(`box ${box.id}`, place(box), "part"));
  const stage = find("stage");
  const scale = Number(stage.firstChild.dataset.scale);
  const seen = { x: stage.scrollLeft / scale, y: stage.scrollTop / scale, width: Math.min(stage.clientWidth / scale, width), height: Math.min(stage.clientHeight / scale, height) };
  strip.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}` }, ...groups, ...boxes, svg("rect", { class: "window", ...seen })));
}

/** Bring the place under the pointer to the middle of the window. */
function scrollToPointer(event) {
  const [stage, root] = [find("stage"), find("map").firstChild];
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
  const scale = Number(stage.firstChild.dataset.scale);
  stage.scrollTo(x * scale - stage.clientWidth / 2, y * scale - stage.clientHeight / 2);
}

function prepareMap() {
  find("stage").addEventListener("scroll", drawMap);
  find("map").addEventListener("pointerdown", scrollToPointer);
  find("map").addEventListener("pointermove", (event) => event.buttons && scrollToPointer(event));
}

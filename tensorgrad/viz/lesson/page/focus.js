// Pointer and keyboard on the picture: one stop for Tab, up and down inside, details of what is pointed at.

const focus = { order: [], at: 0 };

/** Every frame, then every box with the edges into it. */
function prepareFocus() {
  focus.order = [
    ...[...drawn.frames.values()].map((each) => each.group),
    ...lesson.boxes.flatMap((box) => [
      drawn.boxes.get(box.id)?.group,
      ...box.operands.map((_, operand) => drawn.edges.get(`${box.id}:${operand}`)?.group),
    ]),
  ].filter((element) => element !== undefined);
  focus.order.forEach((element, place) => {
    element.addEventListener("focus", () => {
      moveTabStop(place);
      describe(element);
    });
    element.addEventListener("mouseenter", () => describe(element));
    element.addEventListener("mouseleave", () => describe(null));
    element.addEventListener("blur", () => describe(null));
  });
  moveTabStop(0);
}

function moveTabStop(place) {
  focus.order[focus.at]?.setAttribute("tabindex", -1);
  focus.at = place;
  focus.order[place]?.setAttribute("tabindex", 0);
}

function moveFocus(by) {
  const place = focus.at + (document.activeElement === focus.order[focus.at] ? by : 0);
  if (place in focus.order) focus.order[place].focus();
}

/** Show the details of an element of the picture; null: of the current step's box. */
function describe(element) {
  if (element === null) return showDetails(currentStep().box);
  const { box, edge, group } = element.dataset;
  if (box !== undefined) showDetails(Number(box));
  else if (edge !== undefined) showEdge(edge);
  else showGroup(Number(group));
}

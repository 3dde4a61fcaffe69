// The part of the address after "#", so that a link leads to this very moment.

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const pass = lesson.passes.findIndex((each) => each.key === asked.get("pass"));
  state.pass = Math.max(pass, 0);
  const step = Number.parseInt(asked.get("step") ?? "1", 10);
  state.step = Math.min(Math.max(Number.isNaN(step) ? 1 : step, 1), allSteps().length);
  const collapsed = (asked.get("collapsed") ?? "").split(",").filter((id) => id !== "").map(Number);
  state.predicting ||= asked.has("predict");
  find("predict").setAttribute("aria-pressed", String(state.predicting));
  state.collapsed = new Set(collapsed.filter((id) => lesson.frames.some((frame) => frame.group === id)));
}

function writeAddress() {
  if (location.protocol === "about:") return; // inside a notebook there is no address to write
  const parts = [`step=${state.step}`];
  if (state.pass) parts.push(`pass=${lesson.passes[state.pass].key}`);
  if (state.predicting) parts.push("predict");
  if (state.collapsed.size) parts.push(`collapsed=${[...state.collapsed].sort((a, b) => a - b).join(",")}`);
  history.replaceState(null, "", "#" + parts.join("&"));
}

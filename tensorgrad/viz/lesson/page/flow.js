// Gradient flow: how much of the gradient each edge carried in this pass, on a log scale.

const DECADES = 6; // below the largest; whatever is smaller is drawn as thin as this

function flowWidths() {
  if (find("flow").getAttribute("aria-pressed") !== "true") return null;
  const sizes = new Map();
  for (const step of lesson.passes[state.pass].steps) {
    if (step.size !== null) sizes.set(`${step.box}:${step.operand}`, step.size);
  }
  const largest = Math.max(...[...sizes.values()].filter(Number.isFinite));
  const width = (size) => {
    if (!(size > 0)) return 0.6;
    return 1 + 5 * Math.min(1, Math.max(0, 1 + Math.log10(size / largest) / DECADES));
  };
  return new Map([...sizes].map(([edge, size]) => [edge, width(size)]));
}

// Buttons, keys and the address: they change the state, and `show` shows it.

let playing = null;

/** Everything on the page as the state has it. */
function show() {
  const last = film.epochs.length - 1;
  const epoch = film.epochs[state.frame];
  const scrubber = find("scrubber");
  scrubber.max = last;
  scrubber.value = state.frame;
  scrubber.setAttribute("aria-valuetext", `epoch ${epoch} of ${film.epochs[last]}`);
  find("place").textContent = `epoch ${epoch} of ${film.epochs[last]}`;
  find("state").textContent = summary();
  updateNetwork();
  updateLarge();
  updateCharts();
  markRow();
  writeAddress();
}

/** The numbers of the frame in one line. */
function summary() {
  if (film.epochs[state.frame] === 0) return "before training";
  const words = curveNames().flat().filter(Boolean).map((name) => `${name.replaceAll("_", " ")} ${format(logged(name, state.frame))}`);
  return words.join(", ");
}

function goTo(frame) {
  state.frame = Math.min(Math.max(frame, 0), film.epochs.length - 1);
  show();
  if (playing === null) find("live").textContent = `Epoch ${film.epochs[state.frame]}: ${summary()}.`;
}

/** Go to the frame that is nearest to an epoch. */
function goToEpoch(epoch) {
  const distances = film.epochs.map((each) => Math.abs(each - epoch));
  goTo(distances.indexOf(Math.min(...distances)));
}

function enlargeNeuron(layer, place) {
  const isSame = state.neuron !== null && state.neuron.layer === layer && state.neuron.place === place;
  state.neuron = isSame ? null : { layer, place };
  show();
  const name = isSame ? find("caption").textContent : `${find("caption").textContent} is enlarged`;
  find("live").textContent = `${name}. ${find("numbers").textContent ? numbersInWords() : ""}`;
}

function numbersInWords() {
  const words = [...find("numbers").children].map((each) => each.textContent);
  return words.map((word, i) => (i % 2 ? `${word};` : word)).join(" ");
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(tick, Number(find("speed").value)) : null;
  find("play").setAttribute("aria-pressed", String(on));
  find("play").textContent = on ? "Pause" : "Play";
}

function tick() {
  if (state.frame === film.epochs.length - 1) return play(false);
  goTo(state.frame + 1);
}

function togglePlay() {
  if (playing === null && state.frame === film.epochs.length - 1) goTo(0);
  play(playing === null);
}

const KEYS = {
  ArrowLeft: () => goTo(state.frame - 1),
  ArrowRight: () => goTo(state.frame + 1),
  ArrowUp: () => moveFocus(-1),
  ArrowDown: () => moveFocus(1),
  Home: () => goTo(0),
  End: () => goTo(film.epochs.length - 1),
  Escape: () => state.neuron !== null && enlargeNeuron(state.neuron.layer, state.neuron.place),
  " ": togglePlay,
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const inside = event.target.closest?.("select, input") ?? null;
  if (inside !== null && (inside.type !== "range" || ["ArrowUp", "ArrowDown"].includes(event.key))) return;
  if (event.key === " " && event.target.closest?.("button, summary, a")) return;
  if (event.key in KEYS) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

/** The table of all epochs, filled when it is first opened. */
function fillTable() {
  const [head, body] = [find("table").querySelector("thead"), find("table").querySelector("tbody")];
  if (!find("table").open || body.children.length) return;
  const names = film.history.loss ? curveNames().flat().filter(Boolean) : [];
  const gradients = film.layers.map((_, number) => `gradient of layer ${number + 1}`);
  const cells = [...names.map((name) => name.replaceAll("_", " ")), ...gradients];
  head.append(make("tr", {}, ...["epoch", ...cells].map((name) => make("th", { scope: "col" }, name))));
  film.epochs.forEach((epoch, frame) => {
    const link = make("a", { href: `#epoch=${epoch}` }, String(epoch));
    const values = [...names.map((name) => logged(name, frame)), ...film.layers.map((layer) => layer.gradient[frame])];
    body.append(make("tr", {}, make("th", { scope: "row" }, link), ...values.map((value) => make("td", {}, format(value)))));
  });
  markRow();
}

function markRow() {
  find("table").querySelectorAll("tbody tr").forEach((row, frame) => {
    if (frame === state.frame) row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
  });
}

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const frame = film.epochs.indexOf(Number.parseInt(asked.get("epoch") ?? "", 10));
  state.frame = frame < 0 ? film.epochs.length - 1 : frame;
  const [layer, neuron] = (asked.get("neuron") ?? "").split(".").map(Number);
  const place = film.layers[layer - 1]?.shown.indexOf(neuron) ?? -1;
  state.neuron = place < 0 ? null : { layer: layer - 1, place };
}

function writeAddress() {
  if (location.protocol === "about:") return; // inside a notebook there is no address to write
  const parts = [`epoch=${film.epochs[state.frame]}`];
  if (state.neuron !== null) {
    parts.push(`neuron=${state.neuron.layer + 1}.${film.layers[state.neuron.layer].shown[state.neuron.place]}`);
  }
  history.replaceState(null, "", "#" + parts.join("&"));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  find("theme").textContent = name === "dark" ? "Light" : "Dark";
}

async function start() {
  await unpack();
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  readAddress();
  makeNetwork();
  moveTabStop(0);
  makeCharts();
  find("key").append("weights: ", make("i", { class: "minus" }), " negative, ", make("i", { class: "plus" }), " positive; a thicker line is a larger weight, in relation to the largest of its layer");
  find("key").hidden = drawn.lines.length === 0;
  find("first").onclick = () => goTo(0);
  find("back").onclick = () => goTo(state.frame - 1);
  find("forward").onclick = () => goTo(state.frame + 1);
  find("last").onclick = () => goTo(film.epochs.length - 1);
  find("play").onclick = togglePlay;
  find("speed").onchange = () => playing !== null && play(true);
  find("scrubber").oninput = (event) => goTo(Number(event.target.value));
  find("close").onclick = KEYS.Escape;
  for (const id of ["first", "back", "play", "forward", "last", "scrubber"]) find(id).disabled = film.epochs.length === 1;
  find("theme").onclick = () => {
    setTheme(find("theme").textContent.toLowerCase());
    show();
  };
  find("table").ontoggle = fillTable;
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", () => {
    readAddress();
    show();
  });
  window.addEventListener("resize", () => {
    placeNetwork();
    show();
  });
  show();
  document.body.dataset.ready = "";
}

start();

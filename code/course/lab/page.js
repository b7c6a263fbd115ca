// The page: controls, pictures, the address. What computes runs in a worker.

const root = document.getElementById("actlab-lab");
const byId = (id) => document.getElementById(id);
const rows = LAB.ROWS;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const STORE = "actlab.lab.challenges";

const view = {
  state: null, // what the runs were set up with
  frame: null, // the last look at them
  events: [],
  sheets: [null, null],
  without: ["", ""], // why a function has no sheet
  profiles: [null, null], // thirty layers, by start
  own: [null, null], // the same at the reader's own gain
  curves: [null, null],
  history: [],
  points: null,
  playing: false,
  dirty: false, // something is to be drawn
  furthest: 0, // the last step that was reached
  drawn: false, // drawing a function
  serial: 0, // of the run; what the worker says of another one comes late
  challenge: null, // the card that is set up
};

// --- the worker --------------------------------------------------------------------

// In a worker that is made of this script's own text, so that a page that was opened
// from a disk has one too; where none can be had, in the page itself.
function openDesk(receive) {
  const shell = `const lab = (${labCore})();
    const desk = new lab.Desk(lab.ROWS, (m) => postMessage(m), (f) => setTimeout(f, 4),
      () => performance.now());
    onmessage = (event) => desk.receive(event.data);`;
  try {
    const address = URL.createObjectURL(new Blob([shell], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onmessage = (event) => receive(event.data);
    return (message) => worker.postMessage(message);
  } catch {
    const later = (work) => setTimeout(work, 16);
    const desk = new LAB.Desk(rows, receive, later, () => performance.now());
    return (message) => desk.receive(message);
  }
}

const send = openDesk((message) => replies[message.kind](message));

const replies = {
  ready({ points, serial }) {
    if (serial !== view.serial) return;
    view.points = points;
    view.furthest = 0;
  },
  frame(message) {
    if (message.serial !== view.serial) return; // of the run before
    view.frame = message;
    view.history = message.history;
    view.furthest = Math.max(view.furthest, message.step);
    view.dirty = true;
    if (message.whole && !view.playing) settle();
    checkChallenges();
  },
  events({ events, serial }) {
    if (serial !== view.serial) return;
    view.events = events;
    writeAddress();
  },
  arrived: () => settle(),
  ended: ({ serial }) => serial === view.serial && play(false),
  sheet({ side, text, sheet, why = "" }) {
    if (text !== textOf(side)) return;
    view.sheets[side] = sheet;
    view.without[side] = why;
    if (why && !inputs[side].hasAttribute("aria-invalid")) messages[side].textContent = `${why}.`;
    writeSheets();
    checkChallenges();
  },
  depth({ side, text, profiles }) {
    if (text !== textOf(side)) return;
    view.profiles[side] = profiles;
    drawDepth();
    checkChallenges();
  },
  own({ side, text, gain, profile }) {
    if (text !== textOf(side) || gain !== view.state.gain) return;
    view.own[side] = profile;
    drawDepth();
    checkChallenges();
  },
  error({ message }) {
    play(false);
    say(message);
    if (!view.frame) buildStage(true); // what stood there is another run's
  },
};

// --- words -------------------------------------------------------------------------

function say(text) {
  byId("lab-note").textContent = text;
}
byId("lab-close").addEventListener("click", () => {
  say("");
  byId("lab-play").focus({ preventScroll: true }); // the button is gone
});

function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (value !== value) return "undefined";
  if (Math.abs(value) === Infinity) return value > 0 ? "∞" : "−∞";
  if (Math.abs(value) < 1e-12) return "0";
  const size = Math.abs(value);
  const text =
    size < 1e-3 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−").replace("e+", "e");
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const textOf = (side) => (side === 0 ? view.state.f : view.state.g);
const keyOf = (side) => element("span", { class: `lab-key lab-${"ab"[side]}`, "aria-hidden": "true" });
const sidesShown = () => (view.state.g ? [0, 1] : [0]);

// --- settings ----------------------------------------------------------------------

const fields = [...root.querySelectorAll("[data-set]")];

function showSettings() {
  const { state } = view;
  const shown = {
    ...state,
    depth: state.layers.length,
    width: state.layers[0],
    norm: state.norm ? "yes" : "no",
  };
  for (const field of fields) {
    field.value = String(shown[field.dataset.set]);
    field.removeAttribute("aria-invalid");
    if (field.dataset.set === "gain") field.disabled = state.start !== "own";
  }
  byId("lab-layer").max = String(state.layers.length);
  byId("lab-new-rate").value = String(state.rate);
}

// What the fields say; null for what cannot be read.
function readSetting(field) {
  const name = field.dataset.set;
  if (name === "depth" || name === "width") {
    const [low, high] = name === "depth" ? [1, 10] : [2, 64];
    const value = Number(field.value);
    if (!Number.isInteger(value) || value < low || value > high) return null;
    const { layers } = view.state;
    return name === "depth"
      ? { layers: Array.from({ length: value }, (_, l) => layers[l] ?? layers.at(-1)) }
      : { layers: layers.map(() => value) };
  }
  const value = LAB.READ[name](field.value.trim());
  return value === null ? null : { [name]: value };
}

for (const field of fields) {
  field.addEventListener("change", () => {
    const change = readSetting(field);
    field.setAttribute("aria-invalid", String(change === null));
    if (change === null) {
      const label = field.closest("label").firstChild.textContent.trim();
      const limits = field.min ? `, from ${field.min} to ${field.max}` : "";
      say(`${label}: give a number${limits}.`);
      return;
    }
    say("");
    set({ ...view.state, ...change, step: 0, events: [] }, view.playing || undefined);
  });
}

// Begin anew with a state; `on` says whether it plays.
function set(state, on = false) {
  const before = view.state;
  view.state = state;
  view.events = state.events;
  view.frame = null; // the last run's says nothing of this one
  view.serial += 1;
  view.playing = false;
  showSettings();
  for (const side of [0, 1]) {
    const same = before && (side === 0 ? before.f === state.f : before.g === state.g);
    if (!same) changeFunction(side);
    else if (state.start === "own" && textOf(side)) askOwn(side);
  }
  buildStage();
  writeAddress();
  const begin = () => {
    if (view.state !== state) return; // another one while the digits were loaded
    send({ kind: "set", state, play: on, serial: view.serial });
    view.playing = on && state.step === 0;
    showPlaying();
    drawViews();
  };
  if (state.data === "digits") withDigits(begin);
  else begin();
}

function withDigits(then) {
  if (window.actlabDigits) {
    send({ kind: "digits", packed: window.actlabDigits });
    then();
    return;
  }
  say("Loading the digits…");
  const script = element("script", { src: root.dataset.digits });
  script.addEventListener("load", () => {
    say("");
    withDigits(then);
  });
  script.addEventListener("error", () => say("The digits could not be loaded."));
  document.head.append(script);
}

// --- functions ---------------------------------------------------------------------

const inputs = [byId("lab-f"), byId("lab-g")];
const messages = [byId("lab-f-message"), byId("lab-g-message")];

byId("lab-rows").append(
  ...rows.map((row) => element("option", { value: row.key }, `${row.name}, chapter ${row.chapter}`)),
);

inputs.forEach((input, side) => {
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => takeFunction(side), 500);
  });
  input.addEventListener("change", () => {
    clearTimeout(waiting);
    takeFunction(side);
  });
});

function takeFunction(side) {
  const typed = inputs[side].value.trim();
  const name = side === 0 ? "f" : "g";
  if (typed === view.state[name]) return complain(side, null);
  if (side === 1 && typed === "") return set({ ...view.state, g: "", step: 0, events: [] }, view.playing);
  try {
    const { text } = LAB.functionOf(inputs[side].value, rows);
    complain(side, null);
    if (text !== view.state[name]) set({ ...view.state, [name]: text, step: 0, events: [] }, view.playing);
  } catch (error) {
    if (!(error instanceof LAB.FormulaError)) throw error;
    complain(side, error);
  }
  return undefined;
}

// Show what is wrong with a formula, with the place marked.
function complain(side, error) {
  const [input, message] = [inputs[side], messages[side]];
  message.replaceChildren();
  if (!error) {
    input.removeAttribute("aria-invalid");
    return;
  }
  input.setAttribute("aria-invalid", "true");
  const text = input.value;
  const { at, end } = error;
  const near = Math.max(0, at - 24);
  const marked = element("mark", {}, text.slice(at, end).slice(0, 40) || " ");
  message.append(
    element("code", {}, near ? "…" : "", text.slice(near, at), marked, text.slice(end, end + 24)),
    ` ${error.message}`,
  );
}

function changeFunction(side) {
  view.sheets[side] = view.profiles[side] = view.own[side] = view.curves[side] = null;
  view.without[side] = "";
  const text = textOf(side);
  inputs[side].value = text;
  complain(side, null);
  if (text) {
    view.curves[side] = new LAB.Program(LAB.functionOf(text, rows).tree);
    send({ kind: "sheet", side, text });
    if (side === 0 && view.drawn) takeHeights();
    if (view.state.start === "own") askOwn(side);
  }
  writeSheets();
}

function askOwn(side) {
  view.own[side] = null;
  send({ kind: "own", side, text: textOf(side), gain: view.state.gain });
}

// --- drawing a function ------------------------------------------------------------

const KNOTS = [-4, -3, -2, -1, 0, 1, 2, 3, 4];
const heights = KNOTS.map(() => 0);
const knotFields = KNOTS.map((place, k) => {
  const field = element("input", {
    type: "range", min: "-4", max: "4", step: "0.1", "aria-label": `height at x = ${place}`,
  });
  const reading = element("output", {});
  field.addEventListener("input", () => bend(k, Number(field.value)));
  return { field, reading, label: element("label", {}, `x = ${place}`.replace("-", "−"), field, reading) };
});
const sketchPad = element("canvas", {
  id: "lab-sketch", class: "lab-chart", role: "img", "aria-label": "the function that is drawn",
});
byId("lab-knots").append(sketchPad, element("div", {}, ...knotFields.map(({ label }) => label)));

byId("lab-draw").addEventListener("click", () => {
  view.drawn = !view.drawn;
  byId("lab-draw").setAttribute("aria-expanded", String(view.drawn));
  byId("lab-knots").hidden = !view.drawn;
  if (!view.drawn) return;
  fit(sketchPad);
  takeHeights();
});

// The heights of the function that stands in the field.
function takeHeights() {
  KNOTS.forEach((place, k) => {
    const value = view.curves[0].at(place)[0];
    heights[k] = Math.max(-4, Math.min(4, Number.isFinite(value) ? Math.round(10 * value) / 10 : 0));
  });
  showKnots();
}

function showKnots() {
  knotFields.forEach(({ field, reading }, k) => {
    field.value = String(heights[k]);
    reading.textContent = heights[k].toFixed(1).replace("-", "−");
  });
  drawSketch();
}

function drawSketch() {
  const tints = colours();
  const limits = { low: -5, high: 5, bottom: -4.6, top: 4.6 };
  const { paint, x, y, box } = axes(sketchPad, limits, tints);
  view.pad = { x, y };
  // Beyond the ends it goes on as steeply as between the last two.
  const reach = (k, by) => heights[k] + (heights[k] - heights[k + by]);
  const places = [[-5, reach(0, 1)], ...KNOTS.map((place, k) => [place, heights[k]]), [5, reach(8, -1)]];
  inBox(paint, box, () => {
    paint.strokeStyle = paint.fillStyle = tints.sides[0];
    paint.lineWidth = 2.5;
    line(paint, places.map(([place, height]) => [x(place), y(height)]));
    for (const [place, height] of places.slice(1, -1)) {
      paint.beginPath();
      paint.arc(x(place), y(height), 6, 0, 7);
      paint.fill();
    }
  });
}

function sketchAt(event) {
  if (!view.pad || (event.type === "pointermove" && !event.buttons)) return;
  const bounds = sketchPad.getBoundingClientRect();
  const { x, y } = view.pad;
  const [px, py] = [event.clientX - bounds.left, event.clientY - bounds.top];
  const place = (px - x(0)) / (x(1) - x(0));
  bend(Math.max(0, Math.min(8, Math.round(place) + 4)), (py - y(0)) / (y(1) - y(0)));
}
for (const kind of ["pointerdown", "pointermove"]) sketchPad.addEventListener(kind, sketchAt);

let bending = 0;
function bend(k, height) {
  heights[k] = Math.max(-4, Math.min(4, Math.round(10 * height) / 10));
  showKnots();
  inputs[0].value = drawnFormula();
  clearTimeout(bending);
  bending = setTimeout(() => takeFunction(0), 150);
}

// Straight lines through the heights as a formula, which Python reads as well.
function drawnFormula() {
  const slopes = heights.slice(1).map((height, k) => Math.round(10 * (height - heights[k])) / 10);
  const pieces = slopes.map((slope, k) => {
    const [low, high] = [KNOTS[k], KNOTS[k + 1]];
    const part = k === 0 ? `min(x, ${high})` : k === 7 ? `max(x, ${low})` : `clip(x, ${low}, ${high})`;
    return slope === 0 ? "" : `${slope}*${part}`;
  });
  // At x = 0 the pieces add up to this; the rest is the height there.
  const there = slopes.reduce((sum, slope, k) => sum + slope * (k < 4 ? KNOTS[k + 1] : KNOTS[k]), 0);
  const rest = Math.round(10 * (heights[4] - there)) / 10;
  const shown = [...pieces.filter(Boolean), ...(rest === 0 ? [] : [String(rest)])];
  return shown.join(" + ").replaceAll("+ -", "- ") || "0";
}

// --- the run -----------------------------------------------------------------------

function play(on) {
  if (on && view.frame && view.frame.sides.every((side) => side.broken)) {
    say("The loss is no number any more. Reset, or go back by the step slider.");
    on = false;
  }
  view.playing = on;
  send({ kind: "play", on });
  showPlaying();
  if (on) return;
  settle();
  checkChallenges();
}

function showPlaying() {
  byId("lab-play").textContent = view.playing ? "❚❚ Pause" : "▶ Play";
}

// The run has come to rest: the address and what is read aloud say where.
function settle() {
  if (!view.frame || !view.state) return;
  writeAddress();
  const parts = view.frame.sides.map((side) => {
    const dead = side.layers.reduce((sum, layer) => sum + layer.dead, 0);
    const units = side.layers.reduce((sum, layer) => sum + layer.width, 0);
    return `${side.name}: ${scoreOf(side)}, ${dead} of ${units} units dead`;
  });
  byId("lab-spoken").textContent = `Step ${view.frame.step}. ${parts.join(". ")}.`;
}

function scoreOf(side) {
  if (side.broken) return "the loss is no number";
  const accuracy = side.test.accuracy;
  const loss = `test loss ${number(side.test.loss)}`;
  return accuracy === accuracy ? `test accuracy ${accuracy.toFixed(1)} %, ${loss}` : loss;
}

byId("lab-play").addEventListener("click", () => play(!view.playing));
byId("lab-step").addEventListener("click", () => {
  view.playing = false;
  showPlaying();
  send({ kind: "step" });
});
byId("lab-reset").addEventListener("click", () => set({ ...view.state, step: 0, events: [] }));
byId("lab-pace").addEventListener("change", (event) => {
  send({ kind: "pace", pace: Number(event.target.value) });
});
byId("lab-scrub").addEventListener("input", (event) => {
  view.playing = false;
  showPlaying();
  send({ kind: "goto", step: Number(event.target.value) });
});

const ACTS = { r: "New step size", k: "One blow", b: "Biases" };

function act(kind, field, more = {}) {
  const value = LAB.READ_EVENT(kind, byId(field).value.trim());
  byId(field).setAttribute("aria-invalid", String(value === null));
  if (value === null) {
    say(`${ACTS[kind]}: give a number from ${kind === "b" ? "−100 to 100" : "0 to 100000"}.`);
    return;
  }
  say("");
  const wasPlaying = view.playing;
  send({ kind: "act", event: { kind, value, ...more } });
  if (wasPlaying) send({ kind: "play", on: true });
}

byId("lab-set-rate").addEventListener("click", () => act("r", "lab-new-rate"));
byId("lab-strike").addEventListener("click", () => act("k", "lab-blow"));
byId("lab-move").addEventListener("click", () => {
  const layer = Number(byId("lab-layer").value) - 1;
  if (!Number.isInteger(layer) || layer < 0 || layer >= view.state.layers.length) {
    say(`Layers are numbered from 1 to ${view.state.layers.length}.`);
    return;
  }
  act("b", "lab-shift", { layer });
});

// --- the address -------------------------------------------------------------------

function present() {
  const { step } = view.frame || view.state;
  return { ...view.state, step, events: view.events };
}

function writeAddress() {
  if (!view.state) return;
  const address = `#${LAB.addressOf(present())}`;
  try {
    history.replaceState(null, "", address);
  } catch {
    // Some browsers limit how often an address may change; the next rest writes it.
  }
}

function readAddress(first) {
  const { state, complaints } = LAB.stateOf(location.hash, rows);
  const plain = location.hash.length < 2;
  showTask(null); // what an address brings is nobody's challenge
  if (plain) state.g = "tanh"; // two at once, so that there is something to compare
  set(state, first && plain && !calm.matches);
  say(complaints.length ? `This address has parts that were ignored: ${complaints.join("; ")}.` : "");
}

window.addEventListener("hashchange", () => readAddress(false));

async function copy(text, what) {
  const area = byId("lab-text");
  area.value = text;
  try {
    await navigator.clipboard.writeText(text);
    area.hidden = true;
    byId("lab-copied").textContent = `${what} is copied.`;
  } catch {
    area.hidden = false;
    area.focus();
    area.select();
    byId("lab-copied").textContent = "Copy it from here:";
  }
}

byId("lab-link").addEventListener("click", () => {
  writeAddress();
  copy(location.href, "The address");
});
byId("lab-python").addEventListener("click", () => copy(LAB.pythonOf(present()), "The cell"));

// --- pictures ----------------------------------------------------------------------

function colours() {
  const style = getComputedStyle(root);
  const read = (name) => style.getPropertyValue(name).trim();
  const dark = document.documentElement.dataset.theme === "dark";
  return {
    sides: [read("--lab-a"), read("--lab-b")],
    line: read("--lab-line"),
    mute: read("--lab-mute"),
    ink: style.color,
    page: read("--pst-color-background") || (dark ? "#121212" : "#fff"),
    paper: dark ? [29, 33, 38] : [255, 255, 255],
    one: dark ? [36, 88, 130] : [122, 183, 226],
    two: dark ? [130, 66, 26] : [244, 170, 116],
    points: dark ? ["#ffb37d", "#8fd0ff"] : ["#a63c00", "#005a92"],
  };
}

// Make room for the runs: a picture each, the losses, the layers' tables. What is there
// and fits stays until something else is drawn, so that nothing flickers.
function buildStage(anew = false) {
  const plan = `${sidesShown().length} ${view.state.layers.length}`;
  if (!anew && plan === view.plan) {
    nameStage();
    return;
  }
  view.plan = plan;
  const stage = root.querySelector(".lab-pictures");
  const tables = root.querySelector(".lab-layers");
  stage.replaceChildren();
  stage.classList.toggle("lab-one", sidesShown().length === 1);
  tables.replaceChildren();
  view.stage = sidesShown().map((side) => {
    const canvas = element("canvas", {
      width: 384, height: 384, role: "img", "aria-label": "what the network answers",
    });
    const words = element("p", { class: "lab-numbers" });
    const title = element("figcaption", {});
    stage.append(element("figure", { class: "lab-map" }, title, canvas, words));
    const table = buildTable();
    tables.append(table.box);
    return { canvas, words, title, ...table };
  });
  nameStage();
  view.loss = element("canvas", { class: "lab-chart", role: "img", "aria-label": "losses" });
  stage.append(
    element("figure", { class: "lab-loss" },
      element("figcaption", {}, "Loss (log scale): training solid, test dashed"), view.loss),
  );
  fit(view.loss);
}

function nameStage() {
  view.stage.forEach(({ title, caption, box }, side) => {
    const name = clipped(LAB.functionOf(textOf(side), rows).name);
    title.replaceChildren(keyOf(side), name);
    caption.replaceChildren(keyOf(side), `Layers of ${name}`);
    box.setAttribute("aria-label", `Layers of ${name}, function ${side + 1}`);
  });
}

// Give a chart as many points as the screen has for it: words keep their size.
function fit(canvas) {
  const wide = canvas.clientWidth;
  if (!wide) return; // folded away
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const alone = canvas === view.loss && sidesShown().length === 1;
  const tall = wide > 560 ? 190 : Math.round(Math.max(190, (alone ? 0.8 : 0.57) * wide));
  canvas.ratio = ratio;
  canvas.width = Math.round(ratio * wide);
  canvas.height = Math.round(ratio * tall);
}

new ResizeObserver(() => {
  for (const canvas of root.querySelectorAll(".lab-chart")) fit(canvas);
  if (view.drawn) drawSketch();
  drawViews();
}).observe(root);

const clipped = (text) => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

const COLUMNS = ["layer", "pre-activations", "dead", "flat", "nearly flat", "size", "error signal", "weight gradient", "update / weight"];

function buildTable() {
  const head = element("tr", {}, ...COLUMNS.map((text) => element("th", { scope: "col" }, text)));
  const lines = view.state.layers.map((_, l) => {
    const bars = element("canvas", {
      width: 220, height: 52, role: "img", "aria-label": "pre-activations",
    });
    const cells = COLUMNS.slice(2).map(() => element("td", {}));
    const line = element("tr", {}, element("th", { scope: "row" }, String(l + 1)), element("td", {}, bars), ...cells);
    return { line, bars, cells };
  });
  const caption = element("caption", {});
  const table = element("table", {},
    caption,
    element("thead", {}, head),
    element("tbody", {}, ...lines.map(({ line }) => line)));
  const box = element("div", { class: "lab-scroll", role: "region", tabindex: "0" }, table);
  return { box, caption, lines };
}

function draw() {
  if (view.dirty && view.frame && view.frame.sides.length === view.stage.length) {
    view.dirty = false;
    const tints = colours();
    view.frame.sides.forEach((side, k) => {
      const stage = view.stage[k];
      drawPicture(stage.canvas, side, k, tints);
      writeNumbers(stage, side);
      if (stage.lines.length === side.layers.length) drawLayers(stage, side, tints.sides[k]);
    });
    drawLosses(tints);
    byId("lab-at").textContent = String(view.frame.step);
    const scrub = byId("lab-scrub");
    scrub.max = String(Math.max(view.furthest, 100));
    if (document.activeElement !== scrub || view.playing) scrub.value = String(view.frame.step);
  }
  requestAnimationFrame(draw);
}

const REACH = LAB.REGION_REACH;
const sketch = element("canvas", { width: LAB.REGION, height: LAB.REGION });

function drawPicture(canvas, side, k, tints) {
  const paint = canvas.getContext("2d");
  const size = canvas.width;
  paint.clearRect(0, 0, size, size);
  canvas.setAttribute("aria-label", `${side.name} at step ${view.frame.step}: ${scoreOf(side)}`);
  if (!side.picture) drawDigitsNote(paint, size, side, tints);
  else if (side.picture.length === LAB.REGION ** 2) drawRegions(paint, size, side.picture, tints);
  else drawFit(paint, size, side.picture, tints, k);
}

function drawDigitsNote(paint, size, side, tints) {
  paint.fillStyle = tints.ink;
  paint.font = "64px system-ui";
  paint.textAlign = "center";
  paint.fillText(side.broken ? "no number" : `${side.test.accuracy.toFixed(1)} %`, size / 2, size / 2);
  paint.font = "22px system-ui";
  paint.fillText("of 360 digits it has not seen", size / 2, size / 2 + 44);
}

function drawRegions(paint, size, picture, tints) {
  const image = new ImageData(LAB.REGION, LAB.REGION);
  for (let i = 0; i < picture.length; i++) {
    const p = picture[i] === picture[i] ? 2 * picture[i] - 1 : 0;
    const end = p > 0 ? tints.one : tints.two;
    const share = Math.abs(p);
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = tints.paper[c] + share * (end[c] - tints.paper[c]);
    }
    image.data[4 * i + 3] = 255;
  }
  sketch.getContext("2d").putImageData(image, 0, 0);
  paint.imageSmoothingEnabled = true;
  paint.drawImage(sketch, 0, 0, size, size);
  if (!view.points) return;
  const { x, y } = view.points;
  const place = (value) => ((value / REACH + 1) / 2) * size;
  paint.lineWidth = 1;
  paint.strokeStyle = tints.paper[0] > 99 ? "#fff" : "#111";
  for (let i = 0; i < y.length; i++) {
    const [px, py] = [place(x[2 * i]), size - place(x[2 * i + 1])];
    paint.beginPath();
    // Class 0 is a diamond, class 1 a disc: told apart without colour.
    if (y[i]) paint.arc(px, py, 4.2, 0, 7);
    else {
      paint.moveTo(px, py - 5.4);
      paint.lineTo(px + 5.4, py);
      paint.lineTo(px, py + 5.4);
      paint.lineTo(px - 5.4, py);
      paint.closePath();
    }
    paint.fillStyle = tints.points[y[i]];
    paint.fill();
    paint.stroke();
  }
}

function drawFit(paint, size, picture, tints, k) {
  const down = (value) => size / 2 - (Math.max(-2, Math.min(2, value)) * size) / 3.2;
  paint.fillStyle = tints.mute;
  const { x, y } = view.points;
  for (let i = 0; i < x.length; i++) paint.fillRect(((x[i] + 1) / 2) * size - 2, down(y[i]) - 2, 4, 4);
  paint.strokeStyle = tints.sides[k];
  paint.lineWidth = 3;
  paint.beginPath();
  picture.forEach((value, i) => paint.lineTo((i / (picture.length - 1)) * size, down(value)));
  paint.stroke();
}

function writeNumbers({ words }, side) {
  const accuracy = side.test.accuracy;
  const main = side.broken
    ? "no number any more"
    : accuracy === accuracy
      ? `${accuracy.toFixed(1)} %`
      : number(side.test.loss);
  const what = side.broken ? "" : accuracy === accuracy ? "right on the test set" : "test loss";
  const losses = side.broken
    ? []
    : [`train loss ${number(side.train.loss)}`];
  if (accuracy === accuracy && !side.broken) losses.push(`test loss ${number(side.test.loss)}`);
  const parts = [what, ...losses].map((text) => element("span", {}, text));
  words.replaceChildren(element("strong", {}, main), ...parts.flatMap((part) => [" ", part]));
}

function drawLayers(stage, side, tint) {
  side.layers.forEach((layer, l) => {
    const { bars, cells } = stage.lines[l];
    drawBars(bars, layer.bins, tint);
    bars.setAttribute("aria-label", `pre-activations from −5 to 5, root mean square ${number(layer.preActivation)}`);
    const counts = [layer.dead, layer.flat, layer.nearly];
    counts.forEach((count, c) => {
      cells[c].textContent = `${count} of ${layer.width}`;
      cells[c].className = count ? "lab-dead" : "";
    });
    [layer.activation, layer.errorSignal, layer.weightGradient, layer.moved].forEach((value, c) => {
      cells[3 + c].textContent = number(value, 2);
    });
  });
}

function drawBars(canvas, bins, tint) {
  const paint = canvas.getContext("2d");
  const { width, height } = canvas;
  paint.clearRect(0, 0, width, height);
  const top = Math.max(1, ...bins);
  const step = width / bins.length;
  paint.fillStyle = tint;
  bins.forEach((count, i) => {
    const tall = (count / top) * (height - 2);
    paint.fillRect(i * step, height - tall, step - 1, tall);
  });
  paint.fillRect(width / 2 - 0.5, height - 3, 1, 3);
}

// --- charts ------------------------------------------------------------------------

// Axes with round numbers; returns functions from numbers to places.
function axes(canvas, { low, high, bottom, top, logarithmic = false, xLabel = "" }, tints) {
  const paint = canvas.getContext("2d");
  const ratio = canvas.ratio || 1;
  const [width, height] = [canvas.width / ratio, canvas.height / ratio];
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  const box = { left: 48, right: width - 10, top: 8, bottom: height - (xLabel ? 36 : 22) };
  const scale = logarithmic ? Math.log10 : (value) => value;
  const [from, to] = [scale(bottom), scale(top)];
  const x = (value) => box.left + ((box.right - box.left) * (value - low)) / (high - low);
  const y = (value) =>
    Math.max(-1e4, Math.min(1e4, box.bottom - ((box.bottom - box.top) * (scale(value) - from)) / (to - from)));
  paint.clearRect(0, 0, width, height);
  paint.font = "13px system-ui";
  paint.fillStyle = tints.mute;
  paint.strokeStyle = tints.line;
  paint.lineWidth = 1;
  paint.textAlign = "center";
  for (const mark of ticks(low, high, 6)) {
    line(paint, [[x(mark), box.top], [x(mark), box.bottom]]);
    const half = paint.measureText(number(mark)).width / 2; // the last one stays whole
    paint.fillText(number(mark), Math.min(x(mark), width - half - 1), box.bottom + 16);
  }
  if (xLabel) paint.fillText(xLabel, (box.left + box.right) / 2, height - 4);
  paint.textAlign = "right";
  const marks = logarithmic ? decades(from, to) : ticks(bottom, top, 5);
  for (const mark of marks) {
    line(paint, [[box.left, y(mark)], [box.right, y(mark)]]);
    paint.fillText(logarithmic ? powered(mark) : number(mark), box.left - 6, y(mark) + 4);
  }
  return { paint, x, y, box };
}

function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => (first + k) * step);
}

// A power of ten as it is written by hand, where it has many digits.
function powered(value) {
  if (value > 5e-4 && value < 2e4) return number(value);
  const digits = String(Math.round(Math.log10(value)));
  return `10${[...digits].map((digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])).join("")}`;
}

// Of few decades 2 and 5 are marked as well.
function decades(from, to) {
  if (to - from < 2.2) {
    const marks = [];
    for (let power = Math.floor(from); power <= to; power++) {
      marks.push(...[1, 2, 5].map((digit) => digit * 10 ** power));
    }
    return marks.filter((mark) => Math.log10(mark) >= from && Math.log10(mark) <= to);
  }
  const step = Math.max(1, Math.ceil((to - from) / 5));
  const first = Math.ceil(from / step - 1e-9) * step;
  const marks = [];
  for (let power = first; power <= to + 1e-9; power += step) marks.push(10 ** power);
  return marks;
}

function line(paint, places) {
  paint.beginPath();
  places.forEach(([px, py]) => paint.lineTo(px, py));
  paint.stroke();
}

function inBox(paint, box, work) {
  paint.save();
  paint.beginPath();
  paint.rect(box.left, box.top - 2, box.right - box.left, box.bottom - box.top + 4);
  paint.clip();
  work();
  paint.restore();
}

function drawLosses(tints) {
  const past = view.history.filter((row) => row.step < view.frame.step);
  const now = view.frame.sides.map(({ train, test }) => ({ loss: train.loss, testLoss: test.loss }));
  past.push({ step: view.frame.step, sides: now }); // between two that were noted
  const all = past.flatMap((row) => row.sides.flatMap((side) => [side.loss, side.testLoss]));
  const known = all.filter((value) => value > 0 && Number.isFinite(value));
  if (!known.length) return;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const high = Math.max(20, view.frame.step);
  const limits = { low: 0, high, bottom: Math.max(least / 1.5, 1e-12), top: Math.min(most * 1.5, 1e12), logarithmic: true };
  if (limits.top / limits.bottom < 12) limits.bottom = limits.top / 12;
  const { paint, x, y, box } = axes(view.loss, limits, tints);
  view.loss.setAttribute("aria-label", `Losses up to step ${view.frame.step}; now ${view.frame.sides.map(scoreOf).join(" and ")}`);
  inBox(paint, box, () => {
    view.frame.sides.forEach((_, k) => {
      for (const name of ["loss", "testLoss"]) {
        paint.strokeStyle = tints.sides[k];
        paint.lineWidth = name === "loss" ? 2.6 : 1.8;
        paint.setLineDash(name === "loss" ? [] : [7, 5]);
        const seen = past.filter((row) => row.sides[k] && Number.isFinite(row.sides[k][name]));
        const places = seen.map((row) => [x(row.step), y(Math.max(row.sides[k][name], 1e-12))]);
        if (places.length === 1) places.push([places[0][0] + 3, places[0][1]]); // to be seen
        line(paint, places);
      }
    });
  });
}

const PROBE = byId("lab-probe");
PROBE.addEventListener("input", drawCurves);

function limitsOf(programs, low, high) {
  let [bottom, top] = [0, 0];
  for (const program of programs) {
    for (let i = 0; i <= 200; i++) {
      for (const value of program.at(low + ((high - low) * i) / 200)) {
        if (Number.isFinite(value)) [bottom, top] = [Math.min(bottom, value), Math.max(top, value)];
      }
    }
  }
  const room = 0.06 * (top - bottom) || 1;
  return { bottom: Math.max(bottom - room, -3 * (high - low)), top: Math.min(top + room, 3 * (high - low)) };
}

function drawCurves() {
  const canvas = byId("lab-curve");
  const shown = sidesShown().filter((side) => view.curves[side]);
  const tints = colours();
  const [low, high] = [-5, 5];
  const limits = { low, high, ...limitsOf(shown.map((side) => view.curves[side]), low, high) };
  const { paint, x, y, box } = axes(canvas, limits, tints);
  view.plot = { x, y, box, limits };
  const probe = Number(PROBE.value);
  const readings = [];
  inBox(paint, box, () => {
    for (const side of shown) {
      for (const which of [0, 1]) {
        paint.strokeStyle = tints.sides[side];
        paint.lineWidth = which ? 2 : 3;
        paint.setLineDash(which ? [7, 5] : []);
        traceCurve(paint, (place) => view.curves[side].at(place)[which], x, y, limits);
      }
      const [value, slope] = view.curves[side].at(probe);
      paint.fillStyle = tints.sides[side];
      paint.beginPath();
      paint.arc(x(probe), y(value), 6, 0, 7);
      paint.fill();
      readings.push([side, `${clipped(textOf(side))}: value ${number(value, 4)}, slope ${number(slope, 4)}`]);
    }
  });
  byId("lab-reading").replaceChildren(`At x = ${number(probe, 4)}. `, ...keyed(readings));
  PROBE.setAttribute("aria-valuetext", byId("lab-reading").textContent);
  canvas.setAttribute("aria-label", `Curves from −5 to 5. ${byId("lab-reading").textContent}`);
}

// A curve whose pen is lifted where the function jumps.
function traceCurve(paint, value, x, y, { low, high, bottom, top }) {
  let last = NaN;
  paint.beginPath();
  for (let i = 0; i <= 500; i++) {
    const place = low + ((high - low) * i) / 500;
    const here = value(place);
    const jumps = !(Math.abs(here - last) < 0.25 * (top - bottom));
    if (Number.isFinite(here)) paint[jumps ? "moveTo" : "lineTo"](x(place), y(here));
    last = here;
  }
  paint.stroke();
}

const curveCanvas = byId("lab-curve");
function fromPointer(event) {
  if (!view.plot || (event.type === "pointermove" && !event.buttons)) return;
  const bounds = curveCanvas.getBoundingClientRect();
  const px = event.clientX - bounds.left;
  const { box, limits } = view.plot;
  const place = limits.low + ((limits.high - limits.low) * (px - box.left)) / (box.right - box.left);
  PROBE.value = String(Math.max(-5, Math.min(5, place)));
  drawCurves();
}
for (const kind of ["pointerdown", "pointermove"]) curveCanvas.addEventListener(kind, fromPointer);

function drawNormal() {
  const canvas = byId("lab-normal");
  const tints = colours();
  const shown = sidesShown().filter((side) => view.curves[side]);
  const [low, high, bins] = [-3.5, 3.5, 70];
  const counts = shown.map((side) => LAB.pushForward(asCurve(view.curves[side]), bins, low, high));
  // One value that takes all, as ReLU's 0, must not flatten the rest.
  const most = counts.map((row) => Math.min(Math.max(...row), 0.12));
  const limits = { low, high, bottom: 0, top: Math.max(0.03, ...most) * 1.08 };
  const { paint, x, y, box } = axes(canvas, limits, tints);
  const width = (x(high) - x(low)) / bins;
  inBox(paint, box, () => {
    shown.forEach((side, k) => {
      paint.fillStyle = tints.sides[side];
      paint.globalAlpha = shown.length > 1 ? 0.55 : 0.85;
      counts[k].forEach((share, i) => {
        if (share) paint.fillRect(x(low) + i * width, y(share), Math.max(1, width - 1), box.bottom - y(share));
      });
    });
  });
  const moments = shown.filter((side) => view.sheets[side]).map((side) => {
    const { mean, second_moment: second } = view.sheets[side];
    return [side, `${clipped(textOf(side))}: mean ${number(mean, 4)}, second moment ${number(second, 4)}`];
  });
  const text = moments.map(([, words]) => words).join("; ");
  const cut = counts.some((row) => Math.max(...row) > limits.top);
  const shares = `Shares of 70 bins${cut ? "; bars that reach the top are higher" : ""}. `;
  byId("lab-moments").replaceChildren(shares, ...keyed(moments));
  canvas.setAttribute("aria-label", `Distribution of f of a normal number. ${text}`);
}

// [side, text] of each function as a sentence, each with the colour that it is drawn in.
const keyed = (lines) =>
  lines.flatMap(([side, text], k) => [keyOf(side), `${text}${k < lines.length - 1 ? "; " : "."}`]);

const asCurve = (program) => ({
  value(places) {
    const [y, d] = [new Float64Array(places.length), new Float64Array(places.length)];
    program.run(places, places.length, y, d);
    return y;
  },
});

function chosenProfile(side) {
  if (view.state.start === "own") return view.own[side];
  return view.profiles[side] && view.profiles[side][view.state.start];
}

const START_NAMES = { default: "PyTorch", xavier: "Xavier", he: "He", matched: "matched", own: "own gain" };

function drawDepth() {
  const tints = colours();
  for (const [id, key] of [["lab-signal", "activation"], ["lab-gradient", "errorSignal"]]) {
    const canvas = byId(id);
    const lines = [];
    for (const side of sidesShown()) {
      for (const [start, profile] of Object.entries(view.profiles[side] || {})) {
        if (profile && start !== view.state.start) lines.push({ side, start, values: profile[key], thin: true });
      }
      const chosen = chosenProfile(side);
      if (chosen) lines.push({ side, start: view.state.start, values: chosen[key], thin: false });
    }
    const known = lines.flatMap(({ values }) => values).filter((v) => v > 0 && Number.isFinite(v));
    const least = Math.max(1e-12, Math.min(0.1, ...known));
    const most = Math.min(1e12, Math.max(10, ...known));
    const limits = { low: 1, high: 30, bottom: least / 2, top: most * 2, logarithmic: true, xLabel: "layer" };
    const { paint, x, y, box } = axes(canvas, limits, tints);
    inBox(paint, box, () => {
      for (const { side, values, thin } of lines) {
        paint.strokeStyle = tints.sides[side];
        paint.globalAlpha = thin ? 0.7 : 1;
        paint.lineWidth = thin ? 1.4 : 3.4;
        line(paint, values.map((v, l) => [x(l + 1), y(v)]).filter((_, l) => values[l] > 0 && Number.isFinite(values[l])));
      }
    });
    labelLines(paint, lines.filter(({ side }) => side === 0), x, y, box, key, tints);
    const ends = lines.filter(({ thin }) => !thin).map(({ side, values }) => {
      const end = key === "activation" ? values.at(-1) : values[0];
      return `${clipped(textOf(side))} ${number(end)}`;
    });
    const where = key === "activation" ? "layer 30" : "layer 1";
    canvas.setAttribute("aria-label", `${START_NAMES[view.state.start]}, in ${where}: ${ends.join(", ") || "not known"}`);
  }
}

// Names at the ends where the lines lie apart; the gradient's lines part on the left.
function labelLines(paint, lines, x, y, box, key, tints) {
  const atEnd = key === "activation";
  const taken = [];
  paint.font = "13px system-ui";
  paint.textAlign = atEnd ? "right" : "left";
  for (const { start, values, thin } of [...lines].reverse()) {
    const value = atEnd ? values.at(-1) : values[0];
    if (!(value > 0) || !Number.isFinite(value)) continue;
    let down = Math.max(box.top + 12, Math.min(box.bottom - 4, y(value) - 5));
    while (taken.some((other) => Math.abs(other - down) < 14) && down < box.bottom - 4) down += 14;
    taken.push(down);
    // A rim of the page's colour keeps a name apart from the lines behind it.
    const place = atEnd ? box.right - 4 : box.left + 4;
    paint.strokeStyle = tints.page;
    paint.lineWidth = 5;
    paint.strokeText(START_NAMES[start], place, down);
    paint.fillStyle = thin ? tints.mute : tints.ink;
    paint.fillText(START_NAMES[start], place, down);
  }
}

function drawViews() {
  if (!view.state) return;
  for (const canvas of root.querySelectorAll(".lab-chart:not([width])")) fit(canvas);
  drawCurves();
  drawNormal();
  drawDepth();
  view.dirty = true;
}

new MutationObserver(drawViews).observe(document.documentElement, { attributeFilter: ["data-theme"] });

// --- the property sheet ------------------------------------------------------------

const SMOOTH = {
  jump: "jumps", pole: "runs off to infinity at a point",
  "C⁰": "C⁰: continuous, with kinks",
  "C¹": "C¹: its slope is continuous, its curvature is not",
  "C²": "C²: two continuous derivatives",
  "C³": "C³: three continuous derivatives",
  "C^ω": "analytic (smooth of every order)",
  smooth: "smooth (no kink found)",
  "?": "not known",
};
const listed = (places) =>
  places.slice(0, 4).map((p) => `x = ${number(p.x, 6)}: ${number(p.left, 6)} | ${number(p.right, 6)}`).join("; ") +
  (places.length > 4 ? `; and ${places.length - 4} more` : "") || "none";
const limit = (value) => (value === null ? "oscillates" : value !== value ? "not known" : number(value, 6));
const at = (place) => (place === null ? "" : ` at x = ${number(place, 5)}`);
const SHEET = [
  ["range", (s) => `${s.attained[0] ? "[" : "("}${number(s.range[0], 6)}, ${number(s.range[1], 6)}${s.attained[1] ? "]" : ")"}`],
  ["limits at −∞ and ∞", (s) => s.limits.map(limit).join("; ")],
  ["minimum", (s) => (s.minimum === null ? "none" : number(s.minimum, 6) + at(s.argmin))],
  ["monotone", (s) => s.monotone],
  ["smoothness", (s) => SMOOTH[s.smoothness]],
  ["kinks (slope left | right)", (s) => listed(s.kinks)],
  ["jumps (value left | right)", (s) => listed(s.jumps)],
  ["Lipschitz constant", (s) => limit(s.lipschitz) + at(s.steepest_at)],
  ["saturates", (s) => s.saturation + (s.hard_saturation === "none" ? "" : `; slope exactly 0: ${s.hard_saturation}`)],
  ["mean, Z ~ N(0, 1)", (s) => number(s.mean, 6)],
  ["second moment", (s) => number(s.second_moment, 6)],
  ["forward gain", (s) => number(s.forward_gain, 6)],
  ["backward gain", (s) => (s.smoothness === "?" ? limit(s.backward_gain) : number(s.backward_gain, 6))],
];

function writeSheets() {
  if (!view.state) return;
  const table = root.querySelector(".lab-sheet");
  const shown = sidesShown();
  const names = shown.map((side) => element("th", { scope: "col" }, keyOf(side), clipped(textOf(side))));
  table.tHead.replaceChildren(element("tr", {}, element("th", { scope: "col" }, "property"), ...names));
  const lines = SHEET.map(([name, write]) => {
    const cells = shown.map((side) => element("td", {}, view.sheets[side] ? write(view.sheets[side]) : view.without[side] ? "–" : "…"));
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  table.tBodies[0].replaceChildren(...lines);
  if (view.curves[0]) drawNormal();
}

// --- challenges --------------------------------------------------------------------

// {id: {guess, solved}} of what is stored; what is damaged there counts for nothing.
function recall() {
  const known = {};
  let found = null;
  try {
    found = JSON.parse(localStorage.getItem(STORE));
  } catch {
    // Storage is off, or damaged.
  }
  for (const { id, options } of LAB.CHALLENGES) {
    const { guess, solved } = (found && Object.hasOwn(found, id) && found[id]) || {};
    if (!Number.isInteger(guess) || options[guess] === undefined) continue;
    known[id] = { guess, solved: solved === true };
  }
  return known;
}

let stored = recall();
const record = (id) => stored[id] || {};

function remember(id, change) {
  const own = record(id);
  stored = { ...stored, ...recall(), [id]: { ...own, ...change } }; // another tab may have written
  try {
    localStorage.setItem(STORE, JSON.stringify(stored));
  } catch {
    // The page works without.
  }
}

const cards = LAB.CHALLENGES.map((challenge) => {
  const { id, chapter, title, task, question, options, hint, setup } = challenge;
  const choices = options.map((option, k) => {
    const box = element("input", { type: "radio", name: `lab-${id}`, value: String(k) });
    return { box, label: element("label", {}, box, option) };
  });
  const status = element("p", { role: "status" });
  const commit = element("button", { type: "button" }, "Commit");
  const begin = element("button", { type: "button" }, "Set it up");
  const area = element("fieldset", {}, element("legend", {}, question), ...choices.map(({ label }) => label), commit);
  const link = element("a", { href: `chapters/${chapter[1]}.html` }, `Chapter ${String(chapter[0]).padStart(2, "0")}`);
  const card = element("article", { class: "lab-challenge", id: `lab-challenge-${id}` },
    element("h3", {}, title), element("p", {}, task), ...(hint ? [element("p", { class: "lab-fine" }, hint)] : []),
    area, begin, " ", link, status);
  const state = LAB.stateOf(setup, rows).state;
  const own = { challenge, card, choices, commit, begin, status, setup: state, seen: {} };
  commit.addEventListener("click", () => {
    const chosen = choices.findIndex(({ box }) => box.checked);
    if (chosen < 0) {
      status.textContent = "Choose one first.";
      return;
    }
    remember(id, { guess: chosen });
    showCard(own);
    begin.focus();
  });
  begin.addEventListener("click", () => {
    own.seen = {};
    showTask(own);
    set({ ...state });
    byId("lab-train").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
    byId("lab-play").focus({ preventScroll: true });
  });
  return own;
});
root.querySelector(".lab-challenges").append(...cards.map(({ card }) => card));

const verdictOf = ({ challenge }) => {
  const { guess, solved } = record(challenge.id);
  if (guess === undefined) return "";
  if (!solved) return "Predicted; not met yet.";
  const right = challenge.options[challenge.right];
  return guess === challenge.right ? "✓ Met, and predicted." : `✓ Met. Right would have been: ${right}.`;
};

function showCard(own) {
  const { challenge, card, choices, commit, begin, status } = own;
  const { guess, solved } = record(challenge.id);
  const committed = guess !== undefined;
  choices.forEach(({ box }, k) => {
    box.disabled = committed;
    if (committed) box.checked = k === guess;
  });
  commit.hidden = committed;
  begin.hidden = !committed;
  card.classList.toggle("lab-solved", solved === true);
  status.textContent = `${verdictOf(own)} ${solved ? challenge.reply : ""}`.trim();
  const done = LAB.CHALLENGES.filter(({ id }) => record(id).solved).length;
  byId("lab-score").textContent = `${done} of ${LAB.CHALLENGES.length} met.`;
}

// The challenge that is set up, beside the run: its card is out of sight now.
function showTask(own) {
  view.challenge = own;
  byId("lab-task").hidden = !own;
  if (!own) return;
  const { title, task, reply } = own.challenge;
  byId("lab-task-text").replaceChildren(element("strong", {}, `${title}. `), task);
  byId("lab-task-reply").textContent = reply;
  byId("lab-task-why").open = false;
  byId("lab-task-now").style.minHeight = "";
  byId("lab-task").classList.remove("lab-met");
  for (const { status } of cards) status.removeAttribute("aria-live");
  own.status.setAttribute("aria-live", "off"); // it is said beside the run
  sayTask("");
}

function showMet(own) {
  const now = byId("lab-task-now");
  if (view.playing) now.style.minHeight = `${now.offsetHeight}px`; // nothing moves meanwhile
  sayTask(verdictOf(own));
  byId("lab-task").classList.add("lab-met");
}

function sayTask(text) {
  if (byId("lab-task-now").textContent !== text) byId("lab-task-now").textContent = text;
}

function checkChallenges() {
  const own = view.challenge;
  if (!own || !view.frame) return;
  const { challenge, seen, setup } = own;
  if (record(challenge.id).solved) {
    showMet(own);
    return;
  }
  const missing = LAB.lacking(challenge, {
    state: { ...view.state, events: view.events },
    frame: view.frame, depth: chosenProfile(0) || null, sheets: view.sheets, seen, setup, rows,
  });
  if (missing) {
    // While it plays the numbers speak; where it rests, and after what was done to the
    // run, what is missing is said.
    if (!view.playing || view.frame.whole) sayTask(missing);
    return;
  }
  remember(challenge.id, { solved: true });
  cards.forEach(showCard);
  showMet(own);
}

// --- begin -------------------------------------------------------------------------

root.append(element("p", { id: "lab-spoken", class: "sr-only visually-hidden", role: "status" }));
cards.forEach(showCard);
send({ kind: "pace", pace: Number(byId("lab-pace").value) });
readAddress(true);
requestAnimationFrame(draw);

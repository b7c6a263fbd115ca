// One experiment: its address, its two runs, what happened to them, and when.

const DEFAULTS = Object.freeze({
  f: "relu",
  g: "",
  data: "spirals",
  noise: 0.05,
  layers: Object.freeze([16, 16]),
  start: "he",
  gain: 1,
  bias: 0,
  optimiser: "adam",
  rate: 0.01,
  batch: 10,
  seed: 1,
  norm: false,
  branch: "none",
  step: 0,
  events: Object.freeze([]),
});
const OPTIMISERS = ["sgd", "momentum", "adam"];
const BRANCHES = ["none", "one", "depth"];
const MOST_STEPS = 100000;
const MOST_EVENTS = 40;

// --- the address -------------------------------------------------------------------

// How each setting is written down and read; what cannot be read is null.
const between = (low, high, whole = false) => (text) => {
  if (!/^-?(\d{1,12}(\.\d{0,12})?|\.\d{1,12})(e-?\d{1,2})?$/i.test(text)) return null;
  const value = Number(text);
  return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : null;
};
const among = (choices) => (text) => (choices.includes(text) ? text : null);
const TOO_LONG = `the formula has more than ${LIMITS.length} characters`;
const short = (text) => (text.length <= LIMITS.length ? text : null);
const READ = {
  f: short,
  g: short,
  data: among(DATASETS),
  noise: between(0, 0.5),
  layers: (text) => {
    if (!/^\d{1,2}(-\d{1,2}){0,9}$/.test(text)) return null;
    const widths = text.split("-").map(Number);
    return widths.every((width) => width >= 2 && width <= 64) ? widths : null;
  },
  start: among(STARTS),
  gain: between(0, 100),
  bias: between(-10, 10),
  optimiser: among(OPTIMISERS),
  rate: between(0, 1000),
  batch: between(1, 300, true),
  seed: between(0, 4294967295, true),
  norm: (text) => (text === "yes" ? true : text === "no" ? false : null),
  branch: among(BRANCHES),
  step: between(0, MOST_STEPS, true),
  events: readEvents,
};
const WRITE = {
  layers: (widths) => widths.join("-"),
  norm: (value) => (value ? "yes" : "no"),
  events: (events) =>
    events.map(({ at, kind, value, layer }) => `${at}${kind}${kind === "b" ? `${layer}:` : ""}${value}`).join("_"),
};

// 120r0.5 (a new rate), 130k100 (one step, 100 times as long), 140b2:-3 (biases of
// layer 2 moved by −3), joined by "_".
function readEvents(text) {
  if (text === "") return [];
  const events = [];
  for (const part of text.split("_")) {
    const found = /^(\d{1,6})([rkb])(?:(\d{1,2}):)?([-\d.e]{1,20})$/.exec(part);
    if (!found) return null;
    const [at, kind, layer] = [Number(found[1]), found[2], found[3] ? Number(found[3]) : 0];
    const value = READ_EVENT(kind, found[4]);
    const misplaced = (kind === "b") !== (found[3] !== undefined) || layer > 9;
    if (value === null || at > MOST_STEPS || misplaced) return null;
    events.push({ at, kind, value, layer });
  }
  return events.length <= MOST_EVENTS ? events.sort((a, b) => a.at - b.at) : null;
}

// The value of one event as it is typed; null where it cannot be read.
const READ_EVENT = (kind, text) => between(kind === "b" ? -100 : 0, 100000)(text);

// Everything that differs from the defaults, as the part of an address behind #.
function addressOf(state) {
  const fields = ["v=1"];
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    const write = WRITE[name] || String;
    const text = write(state[name]);
    if (text !== write(usual)) fields.push(`${name}=${encodeURIComponent(text)}`);
  }
  return fields.join("&");
}

// [name, value] of each field; value is null where its escapes make no text.
function fieldsOf(text) {
  return text
    .split("&")
    .filter(Boolean)
    .map((field) => {
      const [name, ...rest] = field.split("=");
      try {
        return [name, decodeURIComponent(rest.join("=").replaceAll("+", " "))];
      } catch {
        return [name, null];
      }
    });
}

// Return {state, complaints}: whatever stands in an address, the state can be used.
function stateOf(address, rows) {
  const state = { ...DEFAULTS };
  const complaints = [];
  const text = String(address).replace(/^#/, "").slice(0, 6000);
  for (const [name, value] of fieldsOf(text)) {
    if (name === "v") continue;
    const known = Object.hasOwn(READ, name);
    const read = known && value !== null ? READ[name](value) : null;
    const long = (name === "f" || name === "g") && value !== null;
    if (read === null) complaints.push(long ? `${name}: ${TOO_LONG}` : known ? name : "an unknown setting");
    else state[name] = read;
  }
  for (const name of ["f", "g"]) {
    if (name === "g" && state.g === "") continue;
    try {
      functionOf(state[name], rows);
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      complaints.push(`${name}: ${error.message}`);
      state[name] = DEFAULTS[name];
    }
  }
  if (state.events.some((event) => event.layer >= state.layers.length)) {
    complaints.push("events");
    state.events = [];
  }
  return { state, complaints: [...new Set(complaints)].slice(0, 12) };
}

// The same experiment as a Python cell for actlab.
function pythonOf(state) {
  const branch = { none: "None", one: "1.0", depth: '"depth"' }[state.branch];
  const calls = [state.f, state.g].filter(Boolean).map((text) => {
    const gain = state.start === "own" ? `, gain=${state.gain}` : "";
    const kinds = { r: "rate", k: "blow", b: "bias" };
    const events = state.events
      .map(({ at, kind, value, layer }) => `(${at}, "${kinds[kind]}", ${value}, ${layer})`)
      .join(", ");
    return [
      `run = experiment(`,
      `    ${JSON.stringify(text)},`,
      `    "${state.data}",`,
      `    noise=${state.noise},`,
      `    layers=[${state.layers.join(", ")}],`,
      `    start="${state.start}"${gain},`,
      `    bias=${state.bias},`,
      `    optimiser="${state.optimiser}",`,
      `    rate=${state.rate},`,
      `    batch=${state.batch},`,
      `    seed=${state.seed},`,
      `    norm=${state.norm ? "True" : "False"},`,
      `    branch=${branch},`,
      ...(events ? [`    events=[${events}],`] : []),
      `)`,
      `run.train(${state.step})`,
      `print(training.evaluate(run.network, run.data.x_test, run.data.y_test))`,
      `print(probes.dead_units(run.network, run.data.x_train))`,
    ].join("\n");
  });
  const head = "from actlab import probes, training\nfrom course.lab import experiment\n";
  return `${head}\n${calls.join("\n\n")}\n`;
}

// --- the two runs ------------------------------------------------------------------

const REGION = 48; // points a side of the map of decisions
const REGION_REACH = 1.3;
const FIT_POINTS = 200;
const SAVED_BYTES = 3e7; // of saved steps, of each run

class Session {
  // packed: the digits, where they are loaded.
  constructor(state, rows, packed = null) {
    this.state = state;
    this.step = 0;
    this.data = dataOf(state.data, state.seed, state.noise, packed);
    this.sides = [state.f, state.g].filter(Boolean).map((text) => this.side(text, rows));
    this.every = 16; // steps between two that are saved
    this.saved = [];
    this.history = [];
    this.keep();
    this.note();
  }

  side(text, rows) {
    const found = functionOf(text, rows);
    const { state, data } = this;
    const needs = state.start === "matched";
    const gain = needs ? inverseRoot(meanSquare(new Curve(found.tree))) : state.gain;
    if (!(gain >= 0 && gain < Infinity)) {
      throw new FormulaError(`${text} has no gain that a start could match: 1/√E f(Z)² is ${gain === Infinity ? "∞" : gain}.`);
    }
    const hidden = state.layers.length;
    const branch = { none: 0, one: 1, depth: 1 / Math.sqrt(hidden) }[state.branch];
    const settings = {
      sizes: [data.inputs, ...state.layers, data.outputs],
      program: new Program(found.tree),
      classes: data.classes,
      norm: state.norm,
      branch,
      start: state.start,
      seed: state.seed,
      gain,
      bias: state.bias,
      optimiser: state.optimiser,
      batch: state.batch,
    };
    return { text, name: found.name, gain, run: new Run(settings, data) };
  }

  // Hand back the room of both networks; the session is over.
  release() {
    for (const { run } of this.sides) run.network.room.release();
  }

  // The rate at a step, from the last change before it.
  rateAt(step) {
    return this.state.events.reduce(
      (rate, event) => (event.kind === "r" && event.at <= step ? event.value : rate),
      this.state.rate,
    );
  }

  advance(watched = false) {
    if (this.step >= MOST_STEPS) return false;
    let rate = this.rateAt(this.step);
    for (const event of this.state.events) {
      if (event.at !== this.step) continue;
      if (event.kind === "k") rate *= event.value;
      if (event.kind === "b") {
        for (const { run } of this.sides) run.shiftBiases(event.layer, event.value);
      }
    }
    for (const { run } of this.sides) run.step(rate, watched);
    this.step += 1;
    if (this.step % this.every === 0) this.keep();
    if (this.isNoted(this.step)) this.note();
    return true;
  }

  // Steps at which losses are noted: the same ones however the run was watched.
  isNoted(step) {
    if (step <= 20) return true;
    const before = 20 * power(1.06, Math.floor(log(step / 20) / log(1.06) + 1e-9));
    return step === Math.ceil(before) || step % 500 === 0;
  }

  note() {
    if (this.history.some((row) => row.step === this.step)) return;
    const sides = this.sides.map(({ run }) => {
      const train = evaluate(run.network, this.data.train);
      const test = evaluate(run.network, this.data.test);
      return { loss: train.loss, testLoss: test.loss, accuracy: test.accuracy };
    });
    this.history.push({ step: this.step, sides });
  }

  keep() {
    if (this.saved.some((one) => one.step === this.step)) return;
    this.saved.push({ step: this.step, runs: this.sides.map(({ run }) => run.save()) });
    const bytes = this.saved[0].runs.reduce((sum, one) => sum + 24 * one.values.length, 0);
    if (this.saved.length > Math.max(4, Math.min(64, SAVED_BYTES / bytes))) {
      this.every *= 2;
      this.saved = this.saved.filter((one) => one.step % this.every === 0);
    }
  }

  // Go to a step, from the nearest one that was saved; the way there is walked again.
  *goTo(step) {
    const wanted = Math.max(0, Math.min(step, MOST_STEPS));
    const nearest = this.saved.filter((one) => one.step <= wanted).at(-1);
    if (wanted < this.step || nearest.step > this.step) {
      this.sides.forEach(({ run }, i) => run.restore(nearest.runs[i]));
      this.step = nearest.step;
    }
    while (this.step < wanted && this.advance(this.step + 1 === wanted)) yield this.step;
  }

  // Something is done to the runs now; what had been noted of a later time is void.
  act(event) {
    const events = this.state.events.filter((one) => 
        one.at < this.step ||
        (one.at === this.step && !(one.kind === event.kind && one.layer === (event.layer || 0))),
    );
    if (events.length >= MOST_EVENTS) return false;
    this.state = { ...this.state, events: [...events, { layer: 0, ...event, at: this.step }] };
    this.saved = this.saved.filter((one) => one.step <= this.step);
    this.history = this.history.filter((row) => row.step <= this.step);
    return true;
  }

  // What a page shows of this step.
  look(withRegion = true) {
    return {
      step: this.step,
      rate: this.rateAt(this.step),
      sides: this.sides.map(({ text, name, gain, run }) => ({
        text,
        name,
        gain,
        broken: run.broken,
        train: evaluate(run.network, this.data.train),
        test: evaluate(run.network, this.data.test),
        layers: inspect(run.network, this.data.train).map((layer, l) => ({
          ...layer,
          moved: run.moved[l],
        })),
        picture: withRegion ? this.picture(run.network) : null,
      })),
    };
  }

  // The fit of a signal, or how sure a network is of class 1 at each place.
  picture(network) {
    const { inputs } = this.data;
    if (inputs > 2) return null;
    const n = inputs === 1 ? FIT_POINTS : REGION * REGION;
    const x = (this.places ||= placesOf(inputs, n));
    const result = new Float32Array(n);
    const { pass } = network;
    for (let first = 0; first < n; first += CHUNK) {
      const rows = Math.min(CHUNK, n - first);
      network.forward(pass, rows, x.subarray(first * inputs, (first + rows) * inputs));
      for (let i = 0; i < rows; i++) {
        result[first + i] =
          inputs === 1 ? pass.output[i] : sigmoid(pass.output[2 * i + 1] - pass.output[2 * i]);
      }
    }
    return result;
  }
}

function placesOf(inputs, n) {
  if (inputs === 1) return linspace(-1, 1, n);
  const x = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    x[2 * i] = REGION_REACH * ((2 * (i % REGION)) / (REGION - 1) - 1);
    x[2 * i + 1] = REGION_REACH * (1 - (2 * Math.floor(i / REGION)) / (REGION - 1));
  }
  return x;
}

// --- the worker --------------------------------------------------------------------

const FRAME = 1000 / 60;

// Answers messages from the page with `post`; `later` calls a function soon.
class Desk {
  constructor(rows, post, later, now) {
    Object.assign(this, { rows, post, later, now });
    this.session = null;
    this.packed = null;
    this.playing = false;
    this.pace = 1; // steps per frame
    this.walk = null; // a way to a wanted step
    this.turn = 0;
    this.asked = []; // whose sheet is wanted, by side
    this.serial = 0; // of the run, as the page counts; what is posted of it names it
    this.due = 0; // steps
    this.since = 0; // when work was last begun
    this.looked = 0; // when the runs were last looked at, and what that took
    this.cost = 0;
  }

  receive(message) {
    try {
      this[`on_${message.kind}`](message);
    } catch (error) {
      this.post({ kind: "error", message: error.message, at: error.at ?? null });
    }
  }

  tell(message) {
    this.post({ ...message, serial: this.serial });
  }

  on_digits({ packed }) {
    this.packed = packed;
  }

  on_set({ state, play, serial = 0 }) {
    this.turn += 1;
    this.serial = serial;
    this.playing = false;
    this.session?.release();
    this.session = null;
    const { step } = state;
    this.session = new Session({ ...state, step: 0 }, this.rows, this.packed);
    const { data } = this.session;
    const points = data.inputs <= 2 ? { x: data.train.x, y: data.train.y } : null;
    this.tell({ kind: "ready", points, examples: data.train.n });
    this.walk = step > 0 ? this.session.goTo(step) : null;
    this.playing = Boolean(play) && !this.walk;
    this.show(true);
    this.go();
  }

  on_play({ on }) {
    this.playing = on && this.session !== null;
    this.walk = null;
    this.since = this.now();
    if (on && !this.playing) this.tell({ kind: "ended" });
    // Between the last look and the pause there were steps that nobody has seen.
    if (!on && this.session) this.show(true);
    this.go();
  }

  on_pace({ pace }) {
    this.pace = pace;
  }

  on_step() {
    if (!this.session) return;
    this.playing = false;
    this.walk = null;
    this.session.advance(true);
    this.show(true);
  }

  on_goto({ step }) {
    if (!this.session) return;
    this.playing = false;
    this.walk = this.session.goTo(step);
    this.go();
  }

  on_act({ event }) {
    if (!this.session) return;
    const done = this.session.act(event);
    if (!done) throw new Error(`a run remembers at most ${MOST_EVENTS} changes; reset it`);
    if (event.kind === "k" || event.kind === "b") this.session.advance(true);
    this.tell({ kind: "events", events: this.session.state.events });
    this.show(true);
  }

  // A sheet takes long, and while a function is drawn many are asked for: the run goes
  // first, and of the sheets the last.
  on_sheet({ side, text }) {
    this.asked[side] = text;
    this.later(() => {
      if (this.asked[side] !== text) return;
      this.asked[side] = null;
      this.receive({ kind: "analysis", side, text });
    });
  }

  on_analysis({ side, text }) {
    const found = functionOf(text, this.rows);
    const curve = new Curve(found.tree);
    let sheet = null;
    try {
      sheet = sheetOf(curve, found.name);
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.post({ kind: "sheet", side, text, sheet, why: error.message });
      return;
    }
    this.post({ kind: "sheet", side, text, name: found.name, sheet });
    const gain = sheet.forward_gain;
    const starts = ["default", "xavier", "he", "matched"];
    const profiles = Object.fromEntries(
      starts.map((start) => [start, start === "matched" && !(gain < Infinity) ? null : depthProfile(curve, 30, start, gain)]),
    );
    this.post({ kind: "depth", side, text, profiles });
  }

  on_own({ side, text, gain }) {
    const curve = new Curve(functionOf(text, this.rows).tree);
    this.post({ kind: "own", side, text, gain, profile: depthProfile(curve, 30, "own", gain) });
  }

  go() {
    const turn = ++this.turn;
    const round = () => {
      if (turn !== this.turn || !this.session) return;
      if (!this.work()) return;
      this.later(round);
    };
    round();
  }

  // A frame's worth of steps; returns whether there is more to do.
  work() {
    const start = this.now();
    if (this.walk) {
      let done = false;
      while (!done && this.now() - start < 40) {
        for (let i = 0; i < 5 && !done; i++) done = this.walk.next().done;
      }
      if (done) this.walk = null;
      this.show(done);
      if (done) this.tell({ kind: "arrived", step: this.session.step });
      return !done;
    }
    if (!this.playing) return false;
    // A pace below 1 waits until a whole step is due; an endless one is cut by time.
    const frames = Math.min(4, (start - this.since) / FRAME); // of a 60th of a second
    this.since = start;
    this.due = Math.min(this.due + this.pace * frames, Math.max(1, 4 * this.pace));
    let moved = false;
    while (this.due >= 1 && this.playing) {
      this.due -= 1;
      const last = this.due < 1 || this.now() - start > 12;
      moved = true;
      if (!this.session.advance(last)) {
        this.playing = false;
        this.tell({ kind: "ended" });
      }
      if (last) break;
    }
    if (!Number.isFinite(this.due)) this.due = 0;
    if (moved) this.show(false);
    return this.playing;
  }

  // Post what is to be seen: always the numbers, the picture when there was time.
  show(whole) {
    // Thirty looks a second will do, and never more than half of the time.
    const start = this.now();
    if (!whole && start - this.looked < Math.max(2 * FRAME, 2 * this.cost)) return;
    const seen = this.session.look();
    this.tell({ kind: "frame", ...seen, history: this.session.history, whole });
    this.looked = this.now();
    this.cost = this.looked - start;
  }
}

// Networks that train: dense layers, layer normalisation, residual branches, in float64.
//
// What is computed, and from which numbers, is that of actlab.deep.DeepMLP with
// torch.optim's SGD and Adam (course/lab/replay.py does the same run there).

const NORM_EPSILON = 1e-5;
const MOMENTUM = 0.9;
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const ADAM_EPSILON = 1e-8;

// The numbers of one pass: what each layer saw and made, for up to `rows` examples.
class Pass {
  constructor(network, rows) {
    const { room, norm } = network;
    const take = (width) => room.take(rows * width);
    this.rows = rows;
    this.x = take(network.inputs);
    this.layers = network.hidden.map((width, l) => ({
      z: take(width), // what the activation gets
      h: take(width), // f(z)
      slope: take(width),
      error: take(width), // ∂L/∂z
      back: take(width), // ∂L/∂(what the layer hands on)
      whitened: norm ? take(width) : null,
      scale: norm ? take(1) : null,
      linearError: norm ? take(width) : null, // before the normalisation
      out: network.maps[l].bridged ? take(width) : null,
    }));
    this.output = take(network.outputs);
    this.outputError = take(network.outputs);
  }
}

// Numbers that a network, its optimiser and a pass of so many rows need at most.
function roomOf({ sizes, norm, branch }, values, rows) {
  const arrays = 5 + (norm ? 2 : 0) + (branch ? 1 : 0);
  const widths = sizes.slice(1, -1).reduce((sum, width) => sum + arrays * width + 1, 0);
  return 4 * values + 64 * 64 + rows * (sizes[0] + widths + 2 * sizes.at(-1)) + 8;
}

class Network {
  // sizes: widths from the data to the output; program: the activation, compiled;
  // norm: layer normalisation before it; branch: factor of a residual branch, 0 for
  // none; classes: 0 for regression; rows: the most examples of one pass; plain: no
  // WebAssembly.
  constructor(settings) {
    const { sizes, program, norm = false, branch = 0, classes = 0 } = settings;
    const { rows = CHUNK, plain = false } = settings;
    this.sizes = sizes;
    this.program = program;
    this.norm = norm;
    this.branch = branch;
    this.classes = classes;
    this.inputs = sizes[0];
    this.outputs = sizes.at(-1);
    this.hidden = sizes.slice(1, -1);
    let at = 0;
    this.maps = sizes.slice(1).map((outs, l) => {
      const ins = sizes[l];
      const map = { ins, outs, weight: at, bias: at + ins * outs, gamma: -1, beta: -1 };
      at += ins * outs + outs;
      if (norm && l < this.hidden.length) {
        map.gamma = at;
        map.beta = at + outs;
        at += 2 * outs;
      }
      map.bridged = branch !== 0 && l < this.hidden.length && ins === outs;
      return map;
    });
    this.room = new Room(roomOf({ sizes, norm, branch }, at, rows), plain);
    this.loops = this.room.loops;
    this.values = this.room.take(at);
    this.gradient = this.room.take(at);
    this.turned = this.room.take(64 * 64); // for a matrix of weights, rows for columns
    this.pass = new Pass(this, rows);
    for (const map of this.maps) {
      if (map.gamma >= 0) this.values.fill(1, map.gamma, map.gamma + map.outs);
    }
  }

  // What layer l − 1 hands on.
  inputOf(pass, l) {
    if (l === 0) return pass.x;
    const before = pass.layers[l - 1];
    return this.maps[l - 1].bridged ? before.out : before.h;
  }

  // Outputs for the first n rows of x; of the pass itself where x is left out.
  forward(pass, n, x = null) {
    const { values, loops } = this;
    if (x) pass.x.set(x);
    for (let l = 0; l < this.maps.length; l++) {
      const map = this.maps[l];
      const before = this.inputOf(pass, l);
      if (l === this.hidden.length) {
        loops.forward(before, values, map, pass.output, n, this.turned);
        return;
      }
      const layer = pass.layers[l];
      const count = n * map.outs;
      loops.forward(before, values, map, layer.z, n, this.turned);
      if (this.norm) this.normalise(map, layer, n);
      loops.activate(this.program, layer, count);
      if (map.bridged) {
        const { out, h } = layer;
        for (let i = 0; i < count; i++) out[i] = before[i] + this.branch * h[i];
      }
    }
  }

  // In place: z becomes γ (z − mean)/√(variance + ε) + β, per example.
  normalise(map, { z, whitened, scale }, n) {
    const P = this.values;
    const width = map.outs;
    for (let i = 0; i < n; i++) {
      const at = i * width;
      let mean = 0;
      for (let o = 0; o < width; o++) mean += z[at + o];
      mean /= width;
      let variance = 0;
      for (let o = 0; o < width; o++) variance += (z[at + o] - mean) ** 2;
      scale[i] = 1 / Math.sqrt(variance / width + NORM_EPSILON);
      for (let o = 0; o < width; o++) {
        whitened[at + o] = (z[at + o] - mean) * scale[i];
        z[at + o] = P[map.gamma + o] * whitened[at + o] + P[map.beta + o];
      }
    }
  }

  // Return the loss summed over n examples from `first`, and write its gradient, per
  // example divided by `total`, into the pass.
  loss(pass, targets, first, n, total) {
    const { output, outputError } = pass;
    const outs = this.outputs;
    let sum = 0;
    if (!this.classes) {
      for (let i = 0; i < n * outs; i++) {
        const miss = output[i] - targets[first * outs + i];
        sum += (miss * miss) / outs;
        outputError[i] = (2 * miss) / (total * outs);
      }
      return sum;
    }
    for (let i = 0; i < n; i++) {
      const at = i * outs;
      let top = output[at];
      for (let o = 1; o < outs; o++) if (output[at + o] > top) top = output[at + o];
      let all = 0;
      for (let o = 0; o < outs; o++) {
        outputError[at + o] = exp(output[at + o] - top);
        all += outputError[at + o];
      }
      const right = targets[first + i];
      sum += log(all) - (output[at + right] - top);
      for (let o = 0; o < outs; o++) outputError[at + o] /= all * total;
      outputError[at + right] -= 1 / total;
    }
    return sum;
  }

  countRight(pass, targets, first, n) {
    let right = 0;
    for (let i = 0; i < n; i++) {
      let best = 0;
      for (let o = 1; o < this.outputs; o++) {
        if (pass.output[i * this.outputs + o] > pass.output[i * this.outputs + best]) best = o;
      }
      if (best === targets[first + i]) right += 1;
    }
    return right;
  }

  // Fill `gradient` from the pass; `more` adds to what is there.
  backward(pass, n, more = false) {
    const { values, gradient, loops } = this;
    let error = pass.outputError;
    for (let l = this.maps.length - 1; l >= 0; l--) {
      const map = this.maps[l];
      if (l < this.hidden.length) {
        const layer = pass.layers[l];
        loops.errors(layer, map.bridged ? this.branch : 1, n * map.outs);
        error = this.norm ? this.normaliseBack(map, layer, n, more) : layer.error;
      }
      const back = l > 0 ? pass.layers[l - 1].back : null;
      if (map.bridged && back) back.set(pass.layers[l].back.subarray(0, n * map.outs));
      loops.backward(error, this.inputOf(pass, l), values, gradient, map, back, n, more);
    }
  }

  // The gradient at what was normalised; in place of `back`, which is done with unless
  // the layer is bridged.
  normaliseBack(map, layer, n, more) {
    const [P, G] = [this.values, this.gradient];
    const width = map.outs;
    const { error, whitened, scale, linearError: result } = layer;
    for (let o = 0; o < width; o++) {
      let gamma = more ? G[map.gamma + o] : 0;
      let beta = more ? G[map.beta + o] : 0;
      for (let i = o; i < n * width; i += width) {
        gamma += error[i] * whitened[i];
        beta += error[i];
      }
      G[map.gamma + o] = gamma;
      G[map.beta + o] = beta;
    }
    for (let i = 0; i < n; i++) {
      const at = i * width;
      let mean = 0;
      let along = 0;
      for (let o = 0; o < width; o++) {
        const g = error[at + o] * P[map.gamma + o];
        mean += g;
        along += g * whitened[at + o];
      }
      mean /= width;
      along /= width;
      for (let o = 0; o < width; o++) {
        const g = error[at + o] * P[map.gamma + o];
        result[at + o] = scale[i] * (g - mean - along * whitened[at + o]);
      }
    }
    return result;
  }
}

// --- starts ------------------------------------------------------------------------

const STARTS = ["default", "he", "xavier", "matched", "own"];

// Draw weights and biases, row by row and layer by layer. `gain` is that of the layers
// which activations feed, for "matched" (1/√E f(Z)²) and "own" (the reader's).
function drawStart(network, start, seed, gain = 1, bias = 0) {
  const random = new Generator(seed, "start");
  const P = network.values;
  network.maps.forEach((map, l) => {
    const { ins, outs } = map;
    if (start === "default") {
      const reach = 1 / Math.sqrt(ins);
      for (let i = 0; i < ins * outs + outs; i++) {
        P[map.weight + i] = reach * (2 * random.uniform() - 1);
      }
    } else {
      const variance = {
        he: 2 / ins,
        xavier: 2 / (ins + outs),
        matched: (l === 0 ? 1 : gain * gain) / ins,
        own: (l === 0 ? 1 : gain * gain) / ins,
      }[start];
      const spread = Math.sqrt(variance);
      for (let i = 0; i < ins * outs; i++) P[map.weight + i] = spread * random.normal();
      P.fill(0, map.bias, map.bias + outs);
    }
    if (l < network.hidden.length) {
      for (let o = 0; o < outs; o++) P[map.bias + o] += bias;
    }
  });
}

// --- optimisers --------------------------------------------------------------------

class Optimiser {
  constructor(kind, network) {
    this.kind = kind;
    this.count = 0;
    this.loops = network.loops;
    const room = () => network.room.take(network.values.length);
    this.first = kind === "sgd" ? null : room();
    this.second = kind === "adam" ? room() : null;
  }

  step({ values, gradient }, rate) {
    this.count += 1;
    if (this.kind === "sgd") this.loops.sgd(values, gradient, rate);
    else if (this.kind === "momentum") this.loops.momentum(values, gradient, this.first, rate);
    else {
      const first = rate / (1 - power(BETA_1, this.count));
      const second = Math.sqrt(1 - power(BETA_2, this.count));
      this.loops.adam(values, gradient, this.first, this.second, first, second);
    }
  }
}

// --- data --------------------------------------------------------------------------

const DATASETS = ["spirals", "rings", "xor", "signal", "digits"];
const EXAMPLES = 300; // of training and of test, in the plane
const POINTS = 128; // of the signal

function planar(draw, seed) {
  const random = new Generator(seed, "data");
  const sets = [0, 1].map(() => {
    const x = new Float64Array(2 * EXAMPLES);
    const y = new Uint8Array(EXAMPLES);
    for (let i = 0; i < EXAMPLES; i++) y[i] = draw(random, i, x);
    return { x, y, n: EXAMPLES };
  });
  return { inputs: 2, classes: 2, outputs: 2, train: sets[0], test: sets[1] };
}

function onCircle(random, i, x, radius, angle, noise) {
  x[2 * i] = radius * cos(angle) + noise * random.normal();
  x[2 * i + 1] = radius * sin(angle) + noise * random.normal();
}

const PLANAR = {
  spirals: (noise) => (random, i, x) => {
    const arm = i % 2;
    const radius = 0.05 + 0.95 * Math.sqrt(random.uniform());
    onCircle(random, i, x, radius, 2 * PI * (1.5 * radius + arm / 2), noise);
    return arm;
  },
  rings: (noise) => (random, i, x) => {
    const ring = i % 2;
    onCircle(random, i, x, (ring + 1) / 2, 2 * PI * random.uniform(), noise);
    return ring;
  },
  xor: (noise) => (random, i, x) => {
    const a = 2 * random.uniform() - 1;
    const b = 2 * random.uniform() - 1;
    x[2 * i] = a + noise * random.normal();
    x[2 * i + 1] = b + noise * random.normal();
    return a * b < 0 ? 1 : 0;
  },
};

function waves(seed, noise) {
  const random = new Generator(seed, "data");
  const wave = (x) => 0.6 * sin(2 * PI * x) + 0.4 * sin(7 * PI * x);
  const set = (n, spread) => {
    const x = new Float64Array(n);
    const y = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      x[i] = -1 + (2 * i) / (n - 1);
      y[i] = wave(x[i]) + (spread ? spread * random.normal() : 0);
    }
    return { x, y, n };
  };
  const train = set(POINTS, noise);
  return { inputs: 1, classes: 0, outputs: 1, train, test: set(4 * POINTS, 0) };
}

// Digits come from a file of their own: {pixels, labels, train} as course/lab/digits.py
// packs them, one letter per pixel.
function digitsOf(packed) {
  const set = (from, to) => {
    const x = new Float64Array(64 * (to - from));
    const y = new Uint8Array(to - from);
    for (let i = 0; i < x.length; i++) {
      x[i] = (packed.pixels.charCodeAt(64 * from + i) - 65 - 8) / 8;
    }
    for (let i = 0; i < y.length; i++) y[i] = packed.labels.charCodeAt(from + i) - 48;
    return { x, y, n: to - from };
  };
  const all = packed.labels.length;
  return {
    inputs: 64,
    classes: 10,
    outputs: 10,
    train: set(0, packed.train),
    test: set(packed.train, all),
  };
}

function dataOf(name, seed, noise, packed = null) {
  if (name === "signal") return waves(seed, noise);
  if (name === "digits") {
    if (!packed) throw new Error("the digits are not loaded yet");
    return digitsOf(packed);
  }
  return planar(PLANAR[name](noise), seed);
}

// --- instruments -------------------------------------------------------------------

const CHUNK = 100;
const BINS = 41;
const REACH_OF_BINS = 5; // pre-activations beyond ±5 count in the outermost bins
const NEARLY_FLAT = 1e-3; // the threshold of probes.dead_units(by="threshold")

function evaluate(network, set) {
  const { pass } = network;
  let loss = 0;
  let right = 0;
  for (let first = 0; first < set.n; first += CHUNK) {
    const n = Math.min(CHUNK, set.n - first);
    network.forward(pass, n, rowsOf(set, network.inputs, first, n));
    loss += network.loss(pass, set.y, first, n, set.n);
    if (network.classes) right += network.countRight(pass, set.y, first, n);
  }
  return { loss: loss / set.n, accuracy: network.classes ? (100 * right) / set.n : NaN };
}

function rowsOf(set, inputs, first, n) {
  return set.x.subarray(first * inputs, (first + n) * inputs);
}

// What each hidden layer does on the whole set, and what comes back to it.
function inspect(network, set) {
  const { pass } = network;
  const layers = network.hidden.map((width) => ({
    width,
    output: new Uint8Array(width), // 1: the output was not 0 for some example
    slope: new Uint8Array(width),
    steep: new Uint8Array(width),
    bins: new Uint32Array(BINS),
    squares: { z: 0, h: 0, error: 0 },
  }));
  for (let first = 0; first < set.n; first += CHUNK) {
    const n = Math.min(CHUNK, set.n - first);
    network.forward(pass, n, rowsOf(set, network.inputs, first, n));
    network.loss(pass, set.y, first, n, set.n);
    network.backward(pass, n, first > 0);
    layers.forEach((layer, l) => tally(layer, pass.layers[l], n));
  }
  return layers.map((layer, l) => summary(layer, network, l, set.n));
}

function tally(layer, { z, h, slope, error }, n) {
  const { width, squares } = layer;
  for (let i = 0; i < n * width; i++) {
    const unit = i % width;
    if (h[i] !== 0) layer.output[unit] = 1;
    if (slope[i] !== 0) layer.slope[unit] = 1;
    if (!(Math.abs(slope[i]) < NEARLY_FLAT)) layer.steep[unit] = 1;
    squares.z += z[i] * z[i];
    squares.h += h[i] * h[i];
    squares.error += error[i] * error[i];
    const place = Math.floor(((z[i] / REACH_OF_BINS + 1) / 2) * BINS);
    layer.bins[place > 0 ? Math.min(place, BINS - 1) : 0] += 1;
  }
}

function summary(layer, network, l, examples) {
  const map = network.maps[l];
  const count = examples * layer.width;
  const none = (seen) => seen.reduce((sum, alive) => sum + (alive ? 0 : 1), 0);
  return {
    width: layer.width,
    dead: none(layer.output),
    flat: none(layer.slope),
    nearly: none(layer.steep),
    alive: layer.output,
    bins: layer.bins,
    preActivation: Math.sqrt(layer.squares.z / count),
    activation: Math.sqrt(layer.squares.h / count),
    errorSignal: Math.sqrt(layer.squares.error / count),
    weightGradient: rootMeanSquare(network.gradient, map.weight, map.bias),
    weight: rootMeanSquare(network.values, map.weight, map.bias),
  };
}

function rootMeanSquare(array, from, to) {
  let sum = 0;
  for (let i = from; i < to; i++) sum += array[i] * array[i];
  return Math.sqrt(sum / (to - from));
}

// --- a run -------------------------------------------------------------------------

class Run {
  // settings: {sizes, program, norm, branch, classes, start, seed, gain, bias,
  // optimiser, batch}; data: what dataOf returned.
  constructor(settings, data) {
    this.data = data;
    this.batch = Math.min(settings.batch, data.train.n);
    this.network = new Network({ ...settings, rows: Math.max(this.batch, CHUNK) });
    drawStart(this.network, settings.start, settings.seed, settings.gain, settings.bias);
    this.optimiser = new Optimiser(settings.optimiser, this.network);
    this.random = new Generator(settings.seed, "order");
    this.order = Uint16Array.from({ length: data.train.n }, (_, i) => i);
    this.place = data.train.n; // a new epoch is due
    this.steps = 0;
    this.broken = false; // the loss was no number: nothing moves any more
    this.pass = this.network.pass;
    this.x = this.pass.x;
    this.y = data.classes ? new Uint8Array(this.batch) : new Float64Array(this.batch);
    this.before = new Float64Array(this.network.values.length);
    this.moved = this.network.hidden.map(() => 0);
  }

  shuffle() {
    const { order, random } = this;
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    this.place = 0;
  }

  // Take the next examples; the last batch of an epoch may be smaller.
  gather() {
    if (this.place >= this.order.length) this.shuffle();
    const { train, inputs } = this.data;
    const n = Math.min(this.batch, this.order.length - this.place);
    for (let i = 0; i < n; i++) {
      const row = this.order[this.place + i];
      for (let k = 0; k < inputs; k++) this.x[i * inputs + k] = train.x[row * inputs + k];
      this.y[i] = train.y[row];
    }
    this.place += n;
    return n;
  }

  // One step of training; returns the batch's loss. `watched` keeps what the weights
  // were, for the size of the update.
  step(rate, watched = false) {
    const n = this.gather();
    this.steps += 1;
    if (this.broken) return NaN;
    const { network, pass } = this;
    network.forward(pass, n);
    const loss = network.loss(pass, this.y, 0, n, n) / n;
    if (!Number.isFinite(loss)) {
      this.broken = true;
      return loss;
    }
    network.backward(pass, n);
    if (watched) this.before.set(network.values);
    this.optimiser.step(network, rate);
    if (watched) this.measureMove();
    return loss;
  }

  // Size of the last update over the size of the weights, per hidden layer.
  measureMove() {
    const { before, network } = this;
    this.moved = network.hidden.map((_, l) => {
      const { weight, bias } = network.maps[l];
      let change = 0;
      let size = 0;
      for (let i = weight; i < bias; i++) {
        change += (network.values[i] - before[i]) ** 2;
        size += before[i] * before[i];
      }
      return Math.sqrt(change / size);
    });
  }

  shiftBiases(layer, by) {
    const map = this.network.maps[layer];
    for (let o = 0; o < map.outs; o++) this.network.values[map.bias + o] += by;
  }

  save() {
    const { optimiser, random } = this;
    return {
      steps: this.steps,
      place: this.place,
      broken: this.broken,
      values: this.network.values.slice(),
      first: optimiser.first && optimiser.first.slice(),
      second: optimiser.second && optimiser.second.slice(),
      count: optimiser.count,
      order: this.order.slice(),
      words: random.words.slice(),
      spare: random.spare,
      moved: this.moved.slice(),
    };
  }

  restore(saved) {
    const { optimiser, random } = this;
    this.steps = saved.steps;
    this.place = saved.place;
    this.broken = saved.broken;
    this.network.values.set(saved.values);
    if (saved.first) optimiser.first.set(saved.first);
    if (saved.second) optimiser.second.set(saved.second);
    optimiser.count = saved.count;
    this.order.set(saved.order);
    random.words.set(saved.words);
    random.spare = saved.spare;
    this.moved = saved.moved.slice();
  }
}

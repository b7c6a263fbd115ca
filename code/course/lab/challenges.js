// Challenges that check themselves. Each asks for a prediction first, and says after it
// is met what the right one was. `lacks` yields a sentence for what is still missing, and
// is asked for the first alone; where it ends without one the challenge is met. It gets
// what is on the page:
//   state: the settings; frame: the last look at the runs; sheets: of both functions;
//   depth: {activation, errorSignal} of the chosen start through thirty layers, or null;
//   setup: the settings that the challenge began with; rows: the catalogue's;
//   seen: an object of the challenge's own that lives until it is set up again.

// What is missing first, or "" where the challenge is met.
const lacking = (challenge, context) => challenge.lacks(context).next().value ?? "";

const REACH_BACK = "The loss is no number any more: reset, or go back by the step slider.";
const percent = (value) => `${value.toFixed(1)} %`;
const places = (value) => value.toFixed(3).replace("-", "−");
const shortly = (value) =>
  Number.isFinite(value) ? String(Number(value.toPrecision(2))).replaceAll("-", "−") : "no number";

function* lacksFunction(state, name) {
  if (state.f !== name) yield `The first function has to be ${name}: pick that row.`;
}

function* lacksLayers(state, count) {
  const { length } = state.layers;
  if (length !== count) yield `It has to be ${count} hidden layers; there are ${length}.`;
}

function* lacksData(state, data) {
  const names = { rings: "rings", spirals: "spirals", xor: "XOR", signal: "a signal" };
  if (state.data !== data) yield `The data have to be ${names[data]}.`;
}

// `why` is what else was measured, and helps.
function* lacksAccuracy({ sides, step }, wanted, { latest = Infinity, why = "" } = {}) {
  if (sides.every((side) => side.broken)) yield REACH_BACK;
  const reached = Math.max(...sides.map((side) => (side.broken ? 0 : side.test.accuracy)));
  if (reached < wanted) {
    yield `${percent(reached)} on the test set at step ${step}; ${wanted} % are wanted.${why}`;
  } else if (step > latest) {
    yield `${percent(reached)} at step ${step}; it counts up to step ${latest}: go back by the slider.`;
  }
}

const shrinking = ({ sides: [{ layers }] }) =>
  ` The error signal of layer 1 is ${shortly(layers[0].errorSignal / layers.at(-1).errorSignal)} times that of layer ${layers.length}.`;

const firstSide = ({ sides, step }) => ({ sides: sides.slice(0, 1), step });

const LABELS = {
  f: "the function", data: "data", noise: "noise", layers: "hidden layers or units",
  start: "start", bias: "start biases", optimiser: "optimiser", rate: "step size",
  batch: "batch", seed: "seed", norm: "layer norm", branch: "residual branch",
  events: "what was done to the run",
};
// What differs from the set-up. A gain belongs to the start that uses it.
const changedFrom = (state, setup) =>
  Object.keys(LABELS).filter((name) => {
    const text = ({ [name]: value }) => JSON.stringify(value);
    const gain = name === "start" && state.start === "own" && state.gain !== setup.gain;
    return gain || text(state) !== text(setup);
  });
const labelled = (names) => names.map((name) => LABELS[name]).join(", ");

// The catalogue's row that a formula is by other words, or undefined.
function rowBehind(text, rows) {
  const values = (name) => {
    const program = new Program(functionOf(name, rows).tree);
    return linspace(-4, 4, 41).map((x) => program.at(x)[0]);
  };
  const own = values(text);
  return rows.find((row) =>
    values(row.key).every((value, i) => Math.abs(value - own[i]) < 1e-9 * (1 + Math.abs(value))),
  );
}

const hiddenUnits = (side, key) => side.layers.map((layer) => layer[key] / layer.width);

const CHALLENGES = [
  {
    id: "sigmoid",
    chapter: [3, "03-sigmoid-and-tanh"],
    title: "Let sigmoid learn through eight layers",
    task:
      "From PyTorch’s start, SGD gets a sigmoid network of eight layers nowhere. Keep " +
      "the function and the depth, and reach 90 % on the test set.",
    question: "Where is its test accuracy after 1,000 steps as it is set up?",
    options: ["near 50 %", "near 75 %", "near 100 %"],
    right: 0,
    reply:
      "At 50 %: to the last layers all examples look the same, and the error signal of " +
      "layer 1 is less than a millionth of that of layer 8. Here a start that is matched " +
      "to f and Adam at a step size of 0.01 together get to 90 % within 3,000 steps, with " +
      "three of the seeds 1 to 5; neither of the two alone does, nor layer normalisation. " +
      "A residual branch alone does, with each of the five, in 6,000 steps.",
    setup: "f=sigmoid&data=rings&layers=8-8-8-8-8-8-8-8&start=default&optimiser=sgd&rate=0.1",
    *lacks({ state, frame }) {
      yield* lacksFunction(state, "sigmoid");
      yield* lacksLayers(state, 8);
      yield* lacksData(state, "rings");
      yield* lacksAccuracy(firstSide(frame), 90, { why: shrinking(frame) });
    },
  },
  {
    id: "kill",
    chapter: [10, "10-dead-neurons"],
    title: "Kill half a layer with one step, then revive it",
    task:
      "Strike ReLU once with a step that is far too long, so that at least half the " +
      "units of a layer are dead. Then bring that layer back to no dead unit at all.",
    question: "What brings a dead ReLU unit of layer 1 back?",
    options: ["training on, with patience", "a larger step size", "a shift of its bias"],
    right: 2,
    reply:
      "The bias. In layer 1 a dead unit’s slope is 0 for every example, so its weights " +
      "get no gradient at all: 2,000 more steps leave them bit by bit the same, whatever " +
      "the step size. In layer 2 it is nearly so. Its own weights get no gradient either, " +
      "but what comes in may change while layer 1 still learns, and now and then that " +
      "revives one.",
    setup: "f=relu&data=rings&layers=12-12&optimiser=sgd&rate=0.05",
    *lacks({ state, frame, seen }) {
      yield* lacksFunction(state, "relu");
      const [side] = frame.sides;
      const struck = state.events.filter((event) => event.kind === "k").at(-1);
      if (!struck) yield "No blow yet: train for a while, then strike.";
      if (frame.step <= struck.at) yield `The blow falls at step ${struck.at}: go past it.`;
      if (side.broken) yield `${REACH_BACK} Then strike less hard.`;
      // Of one blow only, and what a shift of the biases killed does not count.
      const run = JSON.stringify([state.layers, state.seed, state.events.slice(0, state.events.indexOf(struck) + 1)]);
      if (seen.run !== run) Object.assign(seen, { run, killed: [] });
      const dead = hiddenUnits(side, "dead");
      if (state.events.at(-1) === struck) {
        seen.killed = dead.flatMap((share, l) => (share >= 0.5 || seen.killed.includes(l) ? [l] : []));
      }
      if (!seen.killed.length) {
        const most = side.layers.reduce((a, b) => (b.dead / b.width > a.dead / a.width ? b : a));
        yield `The blow left at most ${most.dead} of ${most.width} units of a layer dead; half are wanted. Strike harder; early in a run the gradients are larger.`;
      }
      if (!seen.killed.some((l) => dead[l] === 0)) {
        const left = seen.killed.map((l) => `in layer ${l + 1} ${side.layers[l].dead} of ${side.layers[l].width}`);
        yield `Killed. Still dead: ${left.join(", ")}. Now revive one of these layers.`;
      }
    },
    hint: "After the blow the loss is large: set a small step size before you repair.",
  },
  {
    id: "swap",
    chapter: [12, "12-fair-comparison"],
    title: "Find the rates at which two functions change places",
    task:
      "ReLU and tanh, the same seed, SGD. Find one step size at which ReLU has the " +
      "smaller test loss after 300 steps, and another at which tanh has.",
    question: "Is there a step size at which each of them wins?",
    options: ["ReLU wins at all", "tanh wins at all", "each wins at some"],
    right: 2,
    reply:
      "Each wins at some, with this seed: at 0.3 ReLU (0.28 against 0.58), at 0.5 tanh " +
      "(0.53 against 0.97). So a comparison at one step size can be made to show either. " +
      "One seed is no better: with seed 3 ReLU wins at both.",
    setup: "f=relu&g=tanh&data=spirals&layers=16-16&optimiser=sgd&rate=0.1",
    *lacks({ state, frame, seen }) {
      yield* lacksFunction(state, "relu");
      if (state.g !== "tanh") yield "Beside it has to stand tanh.";
      if (state.optimiser !== "sgd") yield "The optimiser has to be SGD.";
      if (state.events.length) yield "One step size for the whole run: reset, and do nothing to it.";
      // Two runs that differ in more than the step size show nothing of it.
      const rest = JSON.stringify({ ...state, rate: 0, step: 0 });
      if (seen.rest !== rest) Object.assign(seen, { rest, relu: null, tanh: null });
      const [a, b] = frame.sides.map((side) => (side.broken ? Infinity : side.test.loss));
      if (frame.step === 300 && a < b) seen.relu = state.rate;
      if (frame.step === 300 && b < a) seen.tanh = state.rate;
      const names = { relu: "ReLU", tanh: "tanh" };
      const found = Object.keys(names).filter((name) => typeof seen[name] === "number");
      const so = found.map((name) => `${names[name]} wins at ${shortly(seen[name])}. `).join("");
      if (found.length < 2 && frame.step !== 300) yield `${so}It counts at step 300; this is step ${frame.step}.`;
      if (found.length < 2) {
        const losses = `ReLU ${shortly(a)}, tanh ${shortly(b)}`;
        const other = Object.keys(names).find((name) => !found.includes(name));
        yield `${so}Test loss here: ${losses}. Find a step size at which ${names[other]} wins.`;
      }
    },
    hint: "Drag the step slider, or pause, so that it shows step 300 exactly.",
  },
  {
    id: "thirty",
    chapter: [9, "09-gradient-flow"],
    title: "Thirty layers of ReLU without normalisation",
    task:
      "With an own gain, keep size of signal and size of error signal between a half " +
      "and twice their value from the first of thirty layers to the last.",
    question: "Which gain will do it?",
    options: ["0.71", "1", "1.41", "2"],
    right: 2,
    reply:
      "√2, He’s gain. ReLU halves the second moment, E f(Z)² = ½, and the mean square of " +
      "its slope is ½ as well; a gain of √2 makes up for both. With f(x) = x, where both " +
      "are 1, the gain that keeps the size is 1, and √2 is too much.",
    setup: "f=relu&layers=16-16&start=own&gain=1",
    *lacks({ state, depth }) {
      yield* lacksFunction(state, "relu");
      if (state.start !== "own") yield "The start has to be an own gain.";
      if (depth === null) yield "The thirty layers are being computed.";
      const up = depth.activation.at(-1) / depth.activation[0];
      const down = depth.errorSignal[0] / depth.errorSignal.at(-1);
      if (![up, down].every((ratio) => ratio > 0.5 && ratio < 2)) {
        yield `With a gain of ${shortly(state.gain)} the signal of layer 30 is ${shortly(up)} times that of layer 1, and the error signal of layer 1 is ${shortly(down)} times that of layer 30. Wanted are 0.5 to 2.`;
      }
    },
  },
  {
    id: "born",
    chapter: [10, "10-dead-neurons"],
    title: "Dead on arrival",
    task:
      "This ReLU network is born dead: the last layers hand on nothing. Make it learn, " +
      "to 90 % on the test set, by its start biases alone.",
    question: "Can training bring it to life as it is?",
    options: ["yes, in time", "no, only the output’s biases move", "yes, with Adam"],
    right: 1,
    reply:
      "Only the biases of the output can move: behind a layer that is dead for every " +
      "example, every other gradient is exactly 0. So it is with SGD, momentum and Adam: " +
      "after 1,000 steps 400 of the 402 numbers are as they were. With start biases of " +
      "−0.3 or 0, and nothing else changed, it learns.",
    setup: "f=relu&data=rings&layers=8-8-8-8-8-8&start=he&bias=-1&optimiser=adam&rate=0.01&seed=1",
    *lacks({ state, frame, setup }) {
      const changed = changedFrom(state, setup).filter((name) => name !== "bias");
      if (changed.length) yield `Only the start biases may differ from the set-up. Changed: ${labelled(changed)}.`;
      const silent = frame.sides[0].layers.flatMap((layer, l) => (layer.dead === layer.width ? [l + 1] : []));
      const why = silent.length ? ` Dead altogether: layer ${silent.join(", ")}.` : "";
      yield* lacksAccuracy(firstSide(frame), 90, { why });
    },
  },
  {
    id: "own",
    chapter: [15, "15-design-your-own"],
    title: "A function of your own that trains in three layers",
    task:
      "Type or draw a function that is no row of the catalogue. Three hidden layers, " +
      "spirals, 95 % on the test set within 1,000 steps.",
    question: "What must it have?",
    options: ["a bound on both sides", "a slope that never falls", "a bend somewhere"],
    right: 2,
    reply:
      "A bend. Without one three layers are one linear map (chapter 01): 0.7*x − 0.2 " +
      "stays below 67 %. Neither bound nor monotony is needed: abs has neither, tanh has " +
      "both, and both can get there. A bend alone is not enough, though: x**3 stays below " +
      "80 %.",
    setup: "f=abs%28x%29*0.7+-+0.2&data=spirals&layers=16-16-16&start=matched",
    *lacks({ state, frame, rows, seen }) {
      const bare = (text) => text.replaceAll(" ", "");
      if (bare(state.f) === bare(CHALLENGE_EXAMPLE)) yield "This is the example: change the function.";
      if (seen.f !== state.f) Object.assign(seen, { f: state.f, row: rowBehind(state.f, rows) });
      if (seen.row) yield `This function is a row of the catalogue: ${seen.row.name}.`;
      yield* lacksLayers(state, 3);
      yield* lacksData(state, "spirals");
      yield* lacksAccuracy(firstSide(frame), 95, { latest: 1000 });
    },
    hint: "The function that is set up is an example; change it.",
  },
  {
    id: "xor",
    chapter: [1, "01-why-nonlinearity"],
    title: "XOR with two units",
    task:
      "One hidden layer of two units. Find a function with which XOR gets to 97 % on " +
      "the test set.",
    question: "Which of these can do it exactly?",
    options: ["x", "max(x, 0)", "x*x"],
    right: 2,
    reply:
      "(a + b)² − (a − b)² is 4ab, and two units can hold a + b and a − b. Without a bend " +
      "one layer stays a line. Two ReLU units reach at most 85 % with the seeds 1 to 8; " +
      "three of them can do it, so it is the number of half lines that is short.",
    setup: "f=relu&data=xor&noise=0&layers=2&start=he&rate=0.03",
    *lacks({ state, frame }) {
      yield* lacksData(state, "xor");
      yield* lacksLayers(state, 1);
      if (state.layers[0] !== 2) yield `It has to be 2 units; there are ${state.layers[0]}.`;
      yield* lacksAccuracy(frame, 97);
    },
  },
  {
    id: "break",
    chapter: [4, "04-relu-family"],
    title: "A step size that one survives, in a way",
    task:
      "Raise the step size of plain SGD until the loss of one of the two is no number " +
      "any more, within 600 steps, while that of the other still is one.",
    question: "Which of the two leaves the numbers first?",
    options: ["ReLU", "tanh", "both at the same step size"],
    right: 1,
    reply:
      "tanh, at 0.3, where ReLU still learns. The last layer’s weights make a step that " +
      "overshoots, the more so the more units of size 1 the output adds up: with 2 units " +
      "in that layer in place of 16, or the step size cut to 0.02 after the fifth step, " +
      "tanh keeps its numbers. From 0.5 on ReLU keeps them in another way: all its units " +
      "are dead, so nothing moves but the bias of the output.",
    setup: "f=relu&g=tanh&data=signal&noise=0&layers=16-16-16&optimiser=sgd&rate=0.05",
    *lacks({ state, frame }) {
      yield* lacksFunction(state, "relu");
      if (state.g !== "tanh") yield "Beside it has to stand tanh.";
      if (state.optimiser !== "sgd") yield "The optimiser has to be SGD.";
      if (state.events.some(({ kind }) => kind !== "r")) yield "By the step size alone: reset, without a blow or a shift.";
      const broken = frame.sides.filter((side) => side.broken).length;
      if (broken === 2) yield `Both have left the numbers by step ${frame.step}: a smaller step size, or an earlier step.`;
      if (broken === 0) yield `Both losses are numbers at step ${frame.step}. It counts up to step 600.`;
      if (frame.step > 600) yield `Step ${frame.step} is too late, it counts up to step 600: go back by the slider.`;
    },
  },
  {
    id: "signal",
    chapter: [8, "08-trainable"],
    title: "Two waves at once",
    task:
      "Fit the signal: a test loss below 0.005 within 1,500 steps, two hidden layers of " +
      "at most 32 units.",
    question: "Which of these follows the fast wave first, at the same settings?",
    options: ["relu", "tanh", "sin(3*x)"],
    right: 2,
    reply:
      "The sine: 0.003 after 1,000 steps of this set-up, where tanh and ReLU are still " +
      "near 0.09. Much of that is the factor 3, which makes the units steep: tanh(3*x) " +
      "gets to 0.02, and sin(x) without it stays at 0.24. It takes both, the swing and " +
      "the factor.",
    setup: "f=tanh&g=relu&data=signal&noise=0&layers=32-32&start=default&rate=0.005",
    *lacks({ state, frame }) {
      yield* lacksData(state, "signal");
      yield* lacksLayers(state, 2);
      if (Math.max(...state.layers) > 32) yield "At most 32 units a layer.";
      if (frame.sides.every((side) => side.broken)) yield REACH_BACK;
      const least = Math.min(...frame.sides.map((side) => (side.broken ? Infinity : side.test.loss)));
      if (!(least < 0.005)) yield `The smaller test loss is ${shortly(least)} at step ${frame.step}; below 0.005 is wanted.`;
      if (frame.step > 1500) yield `Step ${frame.step} is too late, it counts up to step 1500: go back by the slider.`;
    },
  },
  {
    id: "unit",
    chapter: [2, "02-anatomy"],
    title: "Mean 0, second moment 1",
    task:
      "Shift and scale a function with a kink so that E f(Z) is 0 and E f(Z)² is 1, " +
      "both to two decimals.",
    question: "What is the mean of max(Z, 0)?",
    options: ["0", "0.4", "0.5"],
    right: 1,
    reply: "1/√(2π) = 0.399. The second moment is ½, so the spread is √(½ − 1/(2π)) = 0.584.",
    setup: "f=1.5*max%28x%2C+0%29+-+0.5",
    *lacks({ sheets }) {
      const known = sheets.filter(Boolean);
      if (!known.length) yield "There is no property sheet: it is being computed, or the function has none.";
      const kinked = known.filter((sheet) => sheet.kinks.length > 0);
      if (!kinked.length) yield "The function needs a kink.";
      const met = kinked.some(
        (sheet) => Math.abs(sheet.mean) < 0.005 && Math.abs(sheet.second_moment - 1) < 0.005,
      );
      const [{ mean, second_moment: second }] = kinked;
      if (!met) yield `E f(Z) is ${places(mean)} and E f(Z)² is ${places(second)}; wanted are 0 and 1.`;
    },
  },
  {
    id: "quiet",
    chapter: [5, "05-smooth-self-gated"],
    title: "Half a layer of GELU gone, and no zero to show for it",
    task:
      "Shift the biases of a layer until at least half of its units are nearly flat " +
      "for every example, while not one of them counts as dead.",
    question: "How many of its units are then exactly 0 for every example?",
    options: ["none", "half of them", "all of them"],
    right: 0,
    reply:
      "None. With their biases moved by −8 all twelve units are nearly flat and none is " +
      "exactly 0; ReLU’s, moved by as much, are all dead. What one counts has to fit the " +
      "function. Only far out, at −60 for example, is GELU rounded to 0, and then the " +
      "count of zeros sees it.",
    setup: "f=gelu&data=rings&layers=12-12&rate=0.01",
    *lacks({ state, frame }) {
      yield* lacksFunction(state, "gelu");
      const [{ layers, broken }] = frame.sides;
      if (broken) yield REACH_BACK;
      const half = layers.filter((layer) => layer.nearly >= layer.width / 2);
      if (!half.length) {
        const most = layers.reduce((a, b) => (b.nearly / b.width > a.nearly / a.width ? b : a));
        yield `Nearly flat are at most ${most.nearly} of ${most.width} units of a layer; half are wanted.`;
      }
      if (half.every((layer) => layer.dead > 0)) {
        const [{ dead, width }] = half;
        yield `${dead} of the layer’s ${width} units count as dead: that was too far.`;
      }
    },
  },
  {
    id: "ten",
    chapter: [9, "09-gradient-flow"],
    title: "Ten layers, one switch",
    task:
      "Ten layers of tanh from PyTorch’s start hardly learn by SGD. Change exactly one " +
      "setting and reach 90 % within 2,000 steps.",
    question: "How large is the error signal of layer 1 beside that of layer 10 at first?",
    options: ["about as large", "a tenth", "less than a hundredth"],
    right: 2,
    reply:
      "Less than a hundredth, about 1/500: each layer multiplies it by its weights and " +
      "slopes, here by about a half, nine times over. The weights do most of it: with " +
      "f(x) = x, whose slope is 1, it is still about 1/230. A larger start or a residual " +
      "branch helps; Adam, momentum, layer normalisation and a longer step do not, within " +
      "2,000 steps.",
    setup:
      "f=tanh&data=rings&layers=8-8-8-8-8-8-8-8-8-8&start=default&optimiser=sgd&rate=0.1",
    *lacks({ state, frame, setup }) {
      const changed = changedFrom(state, setup);
      const kept = changed.filter((name) => ["f", "data", "layers", "events"].includes(name));
      if (kept.length) yield `To be kept as it was set up: ${labelled(kept)}.`;
      if (!changed.length) yield "Nothing is changed yet: change one setting.";
      if (changed.length > 1) yield `One setting only. Changed: ${labelled(changed)}.`;
      yield* lacksAccuracy(firstSide(frame), 90, { latest: 2000, why: shrinking(frame) });
    },
  },
];
const CHALLENGE_EXAMPLE = "abs(x)*0.7 - 0.2";

// Challenges that check themselves. Each asks for a prediction first, and says after it
// is met what the right one was. `met` gets what is on the page:
//   state: the settings; frame: the last look at the runs; sheets: of both functions;
//   depth: {signal, gradient} of the chosen start through thirty layers, or null;
//   seen: an object of the challenge's own that lives as long as the page.

const best = (frame) => Math.max(...frame.sides.map((side) => side.test.accuracy));
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
    met: ({ state, frame }) =>
      state.f === "sigmoid" && !state.g && state.layers.length === 8 &&
      state.data === "rings" && frame.sides[0].test.accuracy >= 90,
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
    met({ state, frame, seen }) {
      if (state.f !== "relu" || state.g) return false;
      const [side] = frame.sides;
      if (side.broken) return false;
      const struck = state.events.filter((event) => event.kind === "k").at(-1);
      if (!struck || frame.step <= struck.at) return false;
      hiddenUnits(side, "dead").forEach((share, l) => {
        if (share >= 0.5) seen[l] = true;
        else if (share === 0 && seen[l]) seen.revived = true;
      });
      return seen.revived === true;
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
    met({ state, frame, seen }) {
      const usual = state.f === "relu" && state.g === "tanh" && state.optimiser === "sgd";
      if (!usual || state.events.length || frame.step !== 300) return false;
      const [a, b] = frame.sides.map((side) => (side.broken ? Infinity : side.test.loss));
      if (a < b) seen.first = true;
      if (b < a) seen.second = true;
      return Boolean(seen.first && seen.second);
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
    met: ({ state, depth }) =>
      state.f === "relu" && state.start === "own" && depth !== null &&
      [depth.activation, depth.errorSignal].every((row) => {
        const ratio = row.at(-1) / row[0];
        return ratio > 0.5 && ratio < 2;
      }),
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
    met: ({ state, frame }) =>
      state.f === "relu" && !state.g && state.layers.length === 6 && state.start === "he" &&
      !state.norm && state.branch === "none" && !state.events.length &&
      state.data === "rings" && frame.sides[0].test.accuracy >= 90,
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
    met: ({ state, frame, rows }) =>
      !rows.some((row) => row.key === state.f) && state.f !== CHALLENGE_EXAMPLE &&
      state.layers.length === 3 && state.data === "spirals" && frame.step <= 1000 &&
      frame.sides[0].test.accuracy >= 95,
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
    met: ({ state, frame }) =>
      state.data === "xor" && String(state.layers) === "2" && best(frame) >= 97,
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
    met: ({ state, frame }) =>
      state.f === "relu" && state.g === "tanh" && state.optimiser === "sgd" &&
      frame.step <= 600 && frame.sides[0].broken !== frame.sides[1].broken,
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
    met: ({ state, frame }) =>
      state.data === "signal" && state.layers.length === 2 && frame.step <= 1500 &&
      Math.max(...state.layers) <= 32 && frame.sides.some((side) => side.test.loss < 0.005),
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
    met: ({ sheets }) =>
      sheets.some(
        (sheet) =>
          sheet && sheet.kinks.length > 0 && Math.abs(sheet.mean) < 0.005 &&
          Math.abs(sheet.second_moment - 1) < 0.005,
      ),
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
    met: ({ state, frame }) =>
      state.f === "gelu" && !state.g &&
      frame.sides[0].layers.some(
        (layer) => layer.dead === 0 && layer.nearly >= layer.width / 2,
      ),
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
    met({ state, frame, setup }) {
      const changed = Object.keys(DEFAULTS).filter(
        (name) => name !== "step" && String(state[name]) !== String(setup[name]),
      );
      const fair = changed.length === 1 && !["f", "g", "data", "layers", "events"].includes(changed[0]);
      return fair && frame.step <= 2000 && frame.sides[0].test.accuracy >= 90;
    },
  },
];
const CHALLENGE_EXAMPLE = "abs(x)*0.7 - 0.2";

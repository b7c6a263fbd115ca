// How many examples per second the laboratory's engine trains on, beside TensorFlow
// Playground's own network code. `node benchmarks/lab_speed.mjs nn.js`, where nn.js is
// Playground's src/nn.ts compiled outside of this project (benchmarks/README.md).
//
// Both train the same tanh network from the same weights on the same examples in the
// same order, batches of 10, squared error, linear output; that their weights agree
// afterwards is checked. They take turns in one process; rates and ratio are medians.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const nn = createRequire(import.meta.url)(resolve(process.argv[2]));
const rounds = Number(process.argv[3] || 9);
const plain = process.argv[4] === "plain"; // without WebAssembly
const folder = new URL("../code/course/lab/", import.meta.url);
const source = ["numbers.js", "formula.js", "kernels.js", "machine.js", "engine.js"]
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .join("\n");
const lab = new Function(
  `${source}; return { Network, Program, Optimiser, Generator };`,
)();

const BATCH = 10;
const RATE = 0.01;

function examples(n) {
  const random = new lab.Generator(1, "data");
  const x = new Float64Array(2 * n).map(() => 2 * random.uniform() - 1);
  const y = new Float64Array(n).map((_, i) => (x[2 * i] * x[2 * i + 1] > 0 ? 1 : -1));
  return { x, y, n };
}

function ours(sizes) {
  const program = new lab.Program(["tanh", "x"]);
  const network = new lab.Network({ sizes, program, plain });
  const random = new lab.Generator(2, "start");
  network.values.forEach((_, i, all) => (all[i] = (random.uniform() - 0.5) / 2));
  const { pass } = network;
  const optimiser = new lab.Optimiser("sgd", network);
  const train = ({ x, y, n }) => {
    for (let first = 0; first < n; first += BATCH) {
      for (let i = 0; i < 2 * BATCH; i++) pass.x[i] = x[2 * first + i];
      network.forward(pass, BATCH);
      network.loss(pass, y, first, BATCH, 2 * BATCH); // half the squared error, as there
      network.backward(pass, BATCH);
      optimiser.step(network, RATE);
    }
  };
  return { network, train };
}

function theirs(sizes, { network: { maps, values } }) {
  const names = ["a", "b"];
  const built = nn.buildNetwork(
    sizes, nn.Activations.TANH, nn.Activations.LINEAR, null, names, false,
  );
  built.slice(1).forEach((layer, l) =>
    layer.forEach((node, o) => {
      node.bias = values[maps[l].bias + o];
      node.inputLinks.forEach((link, i) => {
        link.weight = values[maps[l].weight + o * maps[l].ins + i];
      });
    }),
  );
  const train = ({ x, y, n }) => {
    for (let i = 0; i < n; i++) {
      nn.forwardProp(built, [x[2 * i], x[2 * i + 1]]);
      nn.backProp(built, y[i], nn.Errors.SQUARE);
      if ((i + 1) % BATCH === 0) nn.updateWeights(built, RATE, 0);
    }
  };
  return { built, train };
}

function difference({ network: { maps, values } }, { built }) {
  let worst = 0;
  built.slice(1).forEach((layer, l) =>
    layer.forEach((node, o) =>
      node.inputLinks.forEach((link, i) => {
        const mine = values[maps[l].weight + o * maps[l].ins + i];
        worst = Math.max(worst, Math.abs(mine - link.weight));
      }),
    ),
  );
  return worst;
}

function rate(trainer, data) {
  const start = process.cpuUsage().user;
  trainer.train(data);
  return data.n / ((process.cpuUsage().user - start) / 1e6);
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const shown = (all) => `${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)}`;

for (const sizes of [[2, 8, 8, 1], [2, 32, 32, 1]]) {
  const [mine, other] = [ours(sizes)].flatMap((a) => [a, theirs(sizes, a)]);
  const small = examples(1000);
  mine.train(small);
  other.train(small);
  const apart = difference(mine, other);
  if (!(apart < 1e-9)) throw new Error(`the weights differ by ${apart}`);
  const data = examples(sizes[1] === 8 ? 200000 : 20000);
  for (const trainer of [mine, other]) trainer.train(data); // compiled by now
  const pairs = Array.from({ length: rounds }, () => [
    median([0, 0, 0].map(() => rate(mine, data))),
    rate(other, data),
  ]);
  const ratios = pairs.map(([a, b]) => a / b);
  console.log(
    `${sizes.join("-")}: ${Math.round(median(pairs.map((p) => p[0])))} and ` +
      `${Math.round(median(pairs.map((p) => p[1])))} examples/s, ` +
      `ratio ${median(ratios).toFixed(1)} (${shown(ratios)}); weights within ${apart.toExponential(0)}`,
  );
}

// The property sheet and the signal in a wide random network, by the rules of
// actlab.properties; a test holds every row of the catalogue against it.

const REACH = 20;
const SAME = 1e-6;
const BESIDE = 1e-9;

// --- arrays ------------------------------------------------------------------------

function linspace(from, to, count) {
  return Float64Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}

function geomspace(from, to, count) {
  const [a, b] = [log(from), log(to)];
  return linspace(a, b, count).map((t) => exp(t));
}

function unique(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}

const GRID = (() => {
  const middle = linspace(-REACH, REACH, 3001).map((value) => value + 1e-4 * PI);
  const tail = geomspace(REACH + 0.01, 1e4, 500);
  const near = geomspace(1e-6, 0.1, 100).map((value) => value * 1.0123);
  const left = near.map((value) => -1.017 * value);
  return unique([...tail.map((value) => -value), ...middle, ...tail, ...near, ...left]);
})();
const INNER = GRID.filter((value) => Math.abs(value) <= REACH + 0.005);

function tidied(value) {
  const rounded = Math.round(value * 1e10) / 1e10 + 0;
  return Math.abs(rounded - value) < 1e-13 ? rounded : value;
}

function roundTo(value, digits) {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale + 0;
}

// --- the function ------------------------------------------------------------------

// A tree as a function with value and slope over arrays, and its breaks.
class Curve {
  constructor(tree) {
    this.tree = tree;
    this.program = new Program(tree);
    this.breaks = findBreaks(this);
    const far = this.breaks.places.filter((place) => Math.abs(place) > GRID.at(-1));
    const beside = [0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2];
    const places = far.length
      ? unique([...GRID, ...Array.from(far).flatMap((p) => beside.map((b) => p * b))])
      : GRID;
    const [values, slopes] = this.both(places);
    this.grid = places.filter((_, i) => Number.isFinite(values[i]) && Number.isFinite(slopes[i]));
    this.reach = this.breaks.places.reduce((most, p) => Math.max(most, Math.abs(p)), 0);
  }

  both(places) {
    const n = places.length;
    const [y, d] = [new Float64Array(n), new Float64Array(n)];
    if (n) this.program.run(places, n, y, d);
    return [y, d];
  }

  value = (places) => this.both(places)[0];
  slope = (places) => this.both(places)[1];
  // How far f leaps between two places of the grid: (Δf)²/Δx, reckoned once.
  get leaps() {
    if (!this.known) {
      const values = this.value(this.grid);
      this.known = values.map((v, i) =>
        i ? (v - values[i - 1]) ** 2 / (this.grid[i] - this.grid[i - 1]) : 0,
      );
    }
    return this.known;
  }

  steepness = (places) => this.slope(places).map(Math.abs);
}

const one = (change, place) => change(Float64Array.of(place))[0];

// --- kinks, jumps, poles -----------------------------------------------------------

function bisect(change, left, right, rounds) {
  [left, right] = [left.slice(), right.slice()];
  const [low, high] = [change(left), change(right)];
  for (let round = 0; round < rounds; round++) {
    const middle = left.map((value, i) => (value + right[i]) / 2);
    const value = change(middle);
    for (let i = 0; i < left.length; i++) {
      if (Math.abs(value[i] - low[i]) >= Math.abs(high[i] - value[i])) {
        right[i] = middle[i];
        high[i] = value[i];
      } else {
        left[i] = middle[i];
        low[i] = value[i];
      }
    }
  }
  return [left, right, low, high];
}

function breaksOf(change) {
  let [left, right] = [INNER.slice(0, -1), INNER.slice(1)];
  for (const [rounds, smallest] of [[0, 1e-4], [12, 1e-4], [40, SAME]]) {
    if (!left.length) break;
    const [a, b, low, high] = bisect(change, left, right, rounds);
    const keep = a.map((_, i) => {
      const gap = Math.abs(high[i] - low[i]);
      return Number.isFinite(gap) && gap > smallest * (1 + Math.abs(low[i])) ? 1 : 0;
    });
    left = a.filter((_, i) => keep[i]);
    right = b.filter((_, i) => keep[i]);
  }
  return unique(
    left.map((value, i) => {
      const place = (value + right[i]) / 2;
      const tidy = roundTo(place, 9);
      return Math.abs(place - tidy) < 1e-14 ? tidy : place;
    }),
  );
}

function blowUps(change) {
  const size = (places) =>
    change(places).map((v) => (v !== v ? Infinity : Math.abs(v)));
  const sizes = size(INNER);
  const peaks = [];
  for (let i = 1; i < INNER.length - 1; i++) {
    const [before, here, after] = [sizes[i - 1], sizes[i], sizes[i + 1]];
    const peak = here > 10 && here >= before && here >= after;
    if (peak && Number.isFinite(before) && Number.isFinite(after)) peaks.push(i);
  }
  let left = Float64Array.from(peaks, (i) => INNER[i - 1]);
  let right = Float64Array.from(peaks, (i) => INNER[i + 1]);
  for (let round = 0; round < 60 && peaks.length; round++) {
    const third = left.map((a, i) => (right[i] - a) / 3);
    const low = size(left.map((a, i) => a + third[i]));
    const high = size(right.map((b, i) => b - third[i]));
    left = left.map((a, i) => (low[i] < high[i] ? a + third[i] : a));
    right = right.map((b, i) => (low[i] < high[i] ? b : b - third[i]));
  }
  const places = left.map((a, i) => {
    const place = (a + right[i]) / 2;
    const tidy = roundTo(place, 6);
    const near = Math.abs(place - tidy) < 1e-7;
    return near && one(size, tidy) >= one(size, place) ? tidy : place;
  });
  return places.filter((place) => one(size, place) > 1e8);
}

function isPolynomial(tree) {
  if (isNumber(tree) || tree === "x") return true;
  const [kind, ...parts] = tree;
  if (kind === "add" || kind === "mul") return parts.every(isPolynomial);
  return kind === "pow" && Number.isInteger(parts[1]) && parts[1] > 0 && isPolynomial(parts[0]);
}

function degreeOf(tree) {
  if (isNumber(tree)) return 0;
  if (tree === "x") return 1;
  const degrees = tree.slice(1).map((part) => (Array.isArray(part) || part === "x" ? degreeOf(part) : 0));
  if (tree[0] === "pow") return degrees[0] * tree[2];
  return tree[0] === "mul" ? degrees.reduce((a, b) => a + b, 0) : Math.max(...degrees);
}

function hasX(tree) {
  return tree === "x" || (Array.isArray(tree) && tree.slice(1).some(hasX));
}

function* parts(tree) {
  if (!Array.isArray(tree)) return;
  yield tree;
  for (const part of tree.slice(1)) yield* parts(part);
}

// What is 0 where a formula passes from one case to another, or has no value.
function gapsOf(tree) {
  const [borders, singular] = [[], []];
  for (const part of parts(tree)) {
    const [kind, a, b] = part;
    if (kind in COMPARE || kind === "max" || kind === "min") borders.push(add(a, negative(b)));
    else if (kind === "abs" || kind === "sign") borders.push(a);
    else if (kind === "pow" && b < 0) singular.push(a[0] === "pow" ? a[1] : a);
    else if (kind === "log") singular.push(a);
  }
  const distinct = (gaps) =>
    [...new Map(gaps.map((gap) => [JSON.stringify(gap), gap])).values()].filter(hasX);
  return { borders: distinct(borders), singular: distinct(singular) };
}

function zerosOf(gap) {
  const program = new Program(gap);
  const value = (places) => {
    const [y, d] = [new Float64Array(places.length), new Float64Array(places.length)];
    program.run(places, places.length, y, d);
    return y;
  };
  if (isPolynomial(gap) && degreeOf(gap) === 1) {
    const [start, end] = value(Float64Array.of(0, 1));
    return [start === 0 ? 0 : -start / (end - start)];
  }
  const grid = isPolynomial(gap) ? GRID : INNER;
  const signs = value(grid).map((v) => (v > 0 ? 1 : 0));
  const where = [];
  for (let i = 1; i < grid.length; i++) if (signs[i] !== signs[i - 1]) where.push(i - 1);
  return where.map((i) => {
    let [left, right] = [grid[i], grid[i + 1]];
    for (let round = 0; round < 60; round++) {
      const middle = (left + right) / 2;
      if (one(value, middle) > 0 === one(value, left) > 0) left = middle;
      else right = middle;
    }
    const place = (left + right) / 2;
    return Math.abs(place) < 1e-12 ? 0 : place;
  });
}

function findBreaks(curve) {
  const { value, slope, tree } = curve;
  const gaps = gapsOf(tree);
  const singular = gaps.singular.flatMap(zerosOf).filter((place) => {
    const size = Math.max(Math.abs(one(value, place)), Math.abs(one(slope, place)));
    return !(size < 1e8);
  });
  const exact = unique([...gaps.borders.flatMap(zerosOf), ...singular]);
  const rough = [value, slope]
    .flatMap((change) => [...breaksOf(change), ...blowUps(change)])
    .filter((place) => !exact.some((known) => Math.abs(place - known) < 1e-6));
  const places = unique([...exact, ...rough]);
  const [kinks, jumps, poles] = [[], [], []];
  for (const place of places) {
    const [low, high] = bothSides(value, place);
    const [down, up] = bothSides(slope, place);
    if (!Number.isFinite(low) || !Number.isFinite(high)) poles.push(place);
    else if (Math.abs(high - low) > SAME * (1 + Math.abs(low))) {
      jumps.push({ x: place, left: tidied(low), right: tidied(high) });
    } else if (up !== down && !(Math.abs(up - down) <= dust(up, down))) {
      kinks.push({ x: place, left: tidied(down), right: tidied(up) });
    }
  }
  return { places, kinks, jumps, poles };
}

function dust(first, second) {
  const size = Math.min(Math.abs(first), Math.abs(second));
  return Number.isFinite(size) ? SAME * (1 + size) : 0;
}

const bothSides = (change, place) => [side(change, place, -1), side(change, place, 1)];

function side(change, place, sign) {
  const step = sign * BESIDE * Math.max(1, Math.abs(place));
  const [near, far, nearer, further] = change(
    Float64Array.of(place + step, place + 2 * step, place + step / 1000, place + step * 1000),
  );
  if (Math.abs(near - far) <= SAME * (1 + Math.abs(far))) return tidied(2 * near - far);
  if (Math.abs(nearer) > 3 * Math.abs(near) || !Number.isFinite(nearer)) {
    return nearer < 0 ? -Infinity : Infinity;
  }
  if (Math.abs(nearer - near) > 0.97 * Math.abs(near - further)) {
    return nearer - near < 0 ? -Infinity : Infinity;
  }
  return Math.abs(nearer) < Math.abs(near) / 3 ? 0 : near;
}

// --- far out -----------------------------------------------------------------------

const DISTANCES = [1e1, 1e2, 1e3, 1e4, 1e6, 1e8];
const NEARER = Array.from({ length: 12 }, (_, n) => 10 * 2 ** n);
const WINDOW = linspace(1, 2, 257);

function windows(change, sign, distances) {
  const [lows, highs] = [[], []];
  for (const distance of distances) {
    const seen = change(WINDOW.map((t) => sign * distance * t));
    if (seen.some((v) => v !== v)) break;
    lows.push(Math.min(...seen));
    highs.push(Math.max(...seen));
    if (seen.some((v) => Math.abs(v) === Infinity)) break;
  }
  return [lows, highs];
}

function tailOf(change, sign, reach) {
  const scale = reach > REACH ? Math.max(1, reach / DISTANCES[1]) : 1;
  const distances = DISTANCES.map((far) => scale * far).filter((far) => far > reach || scale === 1);
  let [lows, highs] = windows(change, sign, distances);
  const overflows = () => lows.length && (!Number.isFinite(lows.at(-1)) || !Number.isFinite(highs.at(-1)));
  if (lows.length < distances.length && !overflows()) [lows, highs] = windows(change, sign, NEARER);
  if (!lows.length) return { limit: NaN, low: NaN, high: NaN };
  const [low, high] = [lows.at(-1), highs.at(-1)];
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    const [up, down] = [highs.includes(Infinity), lows.includes(-Infinity)];
    const limit = up && down ? null : up ? Infinity : -Infinity;
    return { limit, low: Math.min(...lows), high: Math.max(...highs) };
  }
  if (high - low <= 1e-6 * (1 + Math.abs(low))) {
    const far = one(change, sign * scale * 1e15);
    const limit = tidied(Math.abs(far - low) < 1e-5 * (1 + Math.abs(low)) ? far : low);
    return { limit, low: limit, high: limit };
  }
  const moving = movingTail(lows, highs);
  const grows = moving.limit !== null && Math.abs(moving.limit) === Infinity;
  return (grows && settled(change, sign)) || moving;
}

function settled(change, sign) {
  const [near, far, farther, first] = change(
    Float64Array.of(sign * 1e60, sign * 1e120, sign * 1e240, sign * 10),
  );
  if (![near, far, farther].every(Number.isFinite)) return null;
  const [last, before] = [Math.abs(farther - far), Math.abs(far - near)];
  if (!(last <= 1e-6 * (1 + Math.abs(farther)) && (before === 0 || last < before))) return null;
  const limit = tidied(farther);
  return { limit, low: Math.min(limit, first), high: Math.max(limit, first) };
}

function movingTail(lows, highs) {
  let [low, high] = [Math.min(...lows), Math.max(...highs)];
  if (lows.length < 3) return { limit: NaN, low, high };
  const [lowBefore, highBefore] = [lows.at(-3), highs.at(-3)];
  if (lows.at(-1) > highBefore) return { limit: Infinity, low: lows[0], high: Infinity };
  if (highs.at(-1) < lowBefore) return { limit: -Infinity, low: -Infinity, high: highs[0] };
  if (lows.at(-1) < -2 * Math.abs(lowBefore) - 1) low = -Infinity;
  if (highs.at(-1) > 2 * Math.abs(highBefore) + 1) high = Infinity;
  return { limit: null, low, high };
}

// --- extremes ----------------------------------------------------------------------

function turningPoints(curve) {
  const signs = curve.slope(curve.grid).map(Math.sign);
  const where = [];
  for (let i = 1; i < signs.length; i++) if (signs[i] * signs[i - 1] < 0) where.push(i - 1);
  let left = Float64Array.from(where, (i) => curve.grid[i]);
  let right = Float64Array.from(where, (i) => curve.grid[i + 1]);
  for (let round = 0; round < 60 && where.length; round++) {
    const middle = left.map((a, k) => (a + right[k]) / 2);
    const slopes = curve.slope(middle);
    const same = slopes.map((s, k) => (Math.sign(s) === signs[where[k]] ? 1 : 0));
    left = left.map((a, k) => (same[k] ? middle[k] : a));
    right = right.map((b, k) => (same[k] ? b : middle[k]));
  }
  return left.map((a, k) => (a + right[k]) / 2);
}

function extreme(curve, tails, sign) {
  const { breaks } = curve;
  const signed = (places) => curve.value(places).map((v) => sign * v);
  const around = Array.from(breaks.places).flatMap((p) => [p - BESIDE, p, p + BESIDE]);
  const places = Float64Array.from([...turningPoints(curve), ...around, ...curve.grid]);
  const values = signed(places);
  const inner = values.reduce((least, v) => (v < least ? v : least), Infinity);
  const sides = breaks.poles.flatMap((p) => bothSides(curve.value, p)).map((s) => sign * s);
  if ([inner, ...sides].includes(-Infinity)) return { value: -Infinity, attained: false, at: null };
  const outer = Math.min(...tails.map((tail) => (sign > 0 ? tail.low : -tail.high)));
  if (outer === Infinity || inner < outer - BESIDE * (1 + Math.abs(outer))) {
    const ties = places.filter((_, i) => values[i] <= inner + 1e-13 * (1 + Math.abs(inner)));
    const place = ties.reduce((best, p) => (Math.abs(p) < Math.abs(best) ? p : best), ties[0]);
    const nearest = breaks.places.find((p) => Math.abs(p - place) < 10 * BESIDE);
    if (nearest === undefined) return { value: tidied(inner), attained: true, at: tidied(place) };
    const attained = one(signed, nearest) <= inner + 10 * BESIDE * (1 + Math.abs(inner));
    return { value: tidied(inner), attained, at: attained ? nearest : null };
  }
  const hard = hardSides(curve);
  const close = (a, b) => a === b || Math.abs(a - b) <= BESIDE;
  const flat = tails.some((t, i) => hard[i] && t.limit !== null && close(sign * t.limit, outer));
  const touched = signed(breaks.places).some((v) => Math.abs(v - outer) < 1e-12);
  const near = Math.abs(inner - outer) <= 1e-3 * Math.abs(inner) && Number.isFinite(outer);
  const swings = near && tails.some((tail) => tail.limit === null);
  const attained = (flat || touched || swings) && Number.isFinite(outer);
  return { value: swings ? tidied(inner) : outer, attained, at: null };
}

// --- slopes ------------------------------------------------------------------------

function hardSides(curve) {
  const slopes = curve.slope(curve.grid);
  const hard = (places, seen, inward) => {
    const moving = seen.findIndex((s) => s !== 0);
    if (seen[0] !== 0 || moving < 0) return seen[0] === 0;
    return Math.abs(one(curve.slope, places[moving] + inward)) > 1e-4;
  };
  return [
    hard(curve.grid, slopes, 0.1),
    hard(curve.grid.slice().reverse(), slopes.slice().reverse(), -0.1),
  ];
}

function monotone(curve) {
  const [values, slopes] = curve.both(curve.grid);
  const most = slopes.reduce((top, s) => Math.max(top, Math.abs(s)), 0);
  const slopeDust = Math.min(1e-10 * (1 + most), 1e-6);
  let [rises, falls] = [false, false];
  for (let i = 0; i < values.length; i++) {
    if (slopes[i] > slopeDust) rises = true;
    if (slopes[i] < -slopeDust) falls = true;
    if (i === 0) continue;
    const step = values[i] - values[i - 1];
    const small = 1e-12 * (1 + Math.abs(values[i]));
    if (step > small) rises = true;
    if (step < -small) falls = true;
  }
  if (rises && falls) return "no";
  return rises ? "increasing" : falls ? "decreasing" : "constant";
}

function sharpen(change, places, values) {
  const best = Array.from(values.keys())
    .sort((a, b) => values[b] - values[a])
    .slice(0, 8);
  let left = Float64Array.from(best, (i) => places[Math.max(i - 1, 0)]);
  let right = Float64Array.from(best, (i) => places[Math.min(i + 1, places.length - 1)]);
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let round = 0; round < 70; round++) {
    const inner = right.map((b, k) => b - golden * (b - left[k]));
    const outer = left.map((a, k) => a + golden * (right[k] - a));
    const [low, high] = [change(inner), change(outer)];
    left = left.map((a, k) => (low[k] >= high[k] ? a : inner[k]));
    right = right.map((b, k) => (low[k] >= high[k] ? outer[k] : b));
  }
  const middle = left.map((a, k) => (a + right[k]) / 2);
  const refined = change(middle);
  let index = 0;
  refined.forEach((v, k) => {
    if (v > refined[index]) index = k;
  });
  if (!(refined[index] >= values[best[0]])) return [places[best[0]], values[best[0]]];
  let place = middle[index];
  const tidy = roundTo(place, 6);
  if (one(change, tidy) >= refined[index] * (1 - 1e-13)) place = tidy;
  return [place, refined[index]];
}

function lipschitz(curve) {
  const { breaks } = curve;
  if (breaks.jumps.length || breaks.poles.length) return { slope: Infinity, at: null };
  const far = Math.max(...[-1, 1].map((s) => tailOf(curve.steepness, s, curve.reach).high));
  const steep = breaks.kinks.flatMap((kink) => [Math.abs(kink.left), Math.abs(kink.right)]);
  if (!Number.isFinite(far) || steep.includes(Infinity)) return { slope: Infinity, at: null };
  const beside = Array.from(breaks.places).flatMap((p) => [p - BESIDE, p + BESIDE]);
  const places = Float64Array.from([...curve.grid, ...beside]).sort();
  const [place, most] = sharpen(curve.steepness, places, curve.steepness(places));
  // No mean slope is larger than the largest: somewhere it must be steeper.
  const values = curve.value(places);
  for (let i = 1; i < places.length; i++) {
    const rise = Math.abs(values[i] - values[i - 1]) / (places[i] - places[i - 1]);
    if (rise > 1.01 * Math.max(most, far) + 1e-6) return { slope: NaN, at: null };
  }
  const asSteep = most * (1 - 1e-12);
  if (far >= asSteep) return { slope: tidied(far), at: null };
  // Where the slope keeps its largest value along a stretch there is no one place.
  const around = [-0.01, 0, 0.01].map((by) => curve.steepness(places.map((p) => p + by)));
  const flat = places.some((_, i) => around.every((slopes) => slopes[i] >= asSteep));
  return { slope: breaks.kinks.length ? tidied(most) : most, at: flat ? null : place };
}

// --- higher derivatives: Taylor coefficients, order by order -----------------------

const ORDERS = 5; // coefficients of t⁰ to t⁴

function times(a, b) {
  return a.map((_, n) => {
    let sum = 0;
    for (let k = 0; k <= n; k++) sum += a[k] * b[n - k];
    return sum;
  });
}

// f(u) from f(u₀) and the coefficients of f′(u), which `rate` gives from those of f(u)
// and u up to the order that is known.
function integrate(u, start, rate) {
  const v = new Array(ORDERS).fill(0);
  v[0] = start;
  for (let n = 1; n < ORDERS; n++) {
    const slope = rate(v, u);
    let sum = 0;
    for (let k = 1; k <= n; k++) sum += k * u[k] * slope[n - k];
    v[n] = sum / n;
  }
  return v;
}

const constant = (value) => [value, ...new Array(ORDERS - 1).fill(0)];
const minus = (a, b) => a.map((value, n) => value - b[n]);

function reciprocal(a) {
  const v = new Array(ORDERS).fill(0);
  for (let n = 0; n < ORDERS; n++) {
    let sum = n === 0 ? 1 : 0;
    for (let k = 1; k <= n; k++) sum -= a[k] * v[n - k];
    v[n] = sum / a[0];
  }
  return v;
}

const JETS = {
  exp: (u) => integrate(u, exp(u[0]), (v) => v),
  log: (u) => integrate(u, log(u[0]), () => reciprocal(u)),
  tanh: (u) => integrate(u, tanh(u[0]), (v) => minus(constant(1), times(v, v))),
  sigmoid: (u) => integrate(u, sigmoid(u[0]), (v) => minus(v, times(v, v))),
  softplus: (u) => integrate(u, softplus(u[0]), () => JETS.sigmoid(u)),
  atan: (u) => integrate(u, atan(u[0]), () => reciprocal(minus(times(u, u), constant(-1)))),
  asinh: (u) =>
    integrate(u, asinh(u[0]), () => jetPower(minus(times(u, u), constant(-1)), -0.5)),
  Phi: (u) => integrate(u, normalCdf(u[0]), () => JETS.phi(u)),
  phi: (u) => integrate(u, normalPdf(u[0]), (v) => times(v, u).map((c) => -c)),
  erf: (u) =>
    integrate(u, erf(u[0]), () =>
      JETS.exp(times(u, u).map((c) => -c)).map((c) => (c * 2) / ROOT_PI),
    ),
  sin: (u) => circular(u)[0],
  cos: (u) => circular(u)[1],
  sinh: (u) => minus(JETS.exp(u), JETS.exp(u.map((c) => -c))).map((c) => c / 2),
  cosh: (u) => {
    const [a, b] = [JETS.exp(u), JETS.exp(u.map((c) => -c))];
    return a.map((c, n) => (c + b[n]) / 2);
  },
  abs: (u) => (u[0] < 0 ? u.map((c) => -c) : u),
  sign: (u) => constant(Math.sign(u[0])),
  positive: (u) => constant(u[0] > 0 ? 1 : 0),
};

function circular(u) {
  const [s, c] = [new Array(ORDERS).fill(0), new Array(ORDERS).fill(0)];
  [s[0], c[0]] = [sin(u[0]), cos(u[0])];
  for (let n = 1; n < ORDERS; n++) {
    for (let k = 1; k <= n; k++) {
      s[n] += (k * u[k] * c[n - k]) / n;
      c[n] -= (k * u[k] * s[n - k]) / n;
    }
  }
  return [s, c];
}

function jetPower(u, exponent) {
  if (Number.isInteger(exponent) && exponent >= 0) {
    let v = constant(1);
    for (let k = 0; k < exponent; k++) v = times(v, u);
    return v;
  }
  return integrate(u, power(u[0], exponent), (v) =>
    times(v, reciprocal(u)).map((c) => exponent * c),
  );
}

function jet(tree, x) {
  if (isNumber(tree)) return constant(tree);
  if (tree === "x") return [x, 1, ...new Array(ORDERS - 2).fill(0)];
  const [kind, ...inner] = tree;
  if (kind === "case") return jet(jetHolds(inner[0], x) ? inner[1] : inner[2], x);
  if (kind === "pow") return jetPower(jet(inner[0], x), inner[1]);
  const jets = inner.map((part) => jet(part, x));
  if (kind === "add") return jets.reduce((a, b) => a.map((c, n) => c + b[n]));
  if (kind === "mul") return jets.reduce(times);
  if (kind === "max") return jets[0][0] > jets[1][0] ? jets[0] : jets[1];
  if (kind === "min") return jets[0][0] < jets[1][0] ? jets[0] : jets[1];
  return JETS[kind](jets[0]);
}

function jetHolds(test, x) {
  if (typeof test === "boolean") return test;
  const [sign, ...inner] = test;
  if (sign === "or") return inner.some((part) => jetHolds(part, x));
  if (sign === "and") return inner.every((part) => jetHolds(part, x));
  if (sign === "not") return !jetHolds(inner[0], x);
  return COMPARE[sign](jet(inner[0], x)[0], jet(inner[1], x)[0]);
}

function smoothness({ breaks, tree }) {
  if (breaks.jumps.length) return "jump";
  if (breaks.poles.length) return "pole";
  if (breaks.kinks.length) return "C⁰";
  if (!breaks.places.length) return "C^ω";
  for (let order = 2, factorial = 2; order < ORDERS; order++, factorial *= order) {
    const at = (place) => jet(tree, place)[order] * factorial;
    const broken = Array.from(breaks.places).some((place) => {
      const [low, high] = [at(place - 1e-7), at(place + 1e-7)];
      const grows = Math.abs(at(place - BESIDE)) > 3 * Math.abs(low) + 1;
      return grows || !(Math.abs(low - high) <= 1e-5 + 1e-4 * Math.abs(high));
    });
    if (broken) return `C${"⁰¹²³⁴"[order - 1]}`;
  }
  return "smooth";
}

// --- averages over a normal number -------------------------------------------------

const NODES = 20;
const LEGENDRE = { 17: legendre(17), [NODES]: legendre(NODES) };

function legendre(count) {
  const [nodes, weights] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    let x = -cos((PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 30; round++) {
      let [before, here] = [1, x];
      for (let n = 2; n <= count; n++) {
        [before, here] = [here, ((2 * n - 1) * x * here - (n - 1) * before) / n];
      }
      slope = (count * (x * here - before)) / (x * x - 1);
      x -= here / slope;
    }
    nodes[i] = x;
    weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

// Nodes and weights for an average over N(0, 1) of g(√q z); panels end at each break,
// are cut into so many equal ones, and have so many nodes each.
function gaussianRule(q, places, count = NODES, cuts = 1) {
  const scale = Math.sqrt(q);
  const near = Array.from({ length: 10 }, (_, n) => 2 ** (n - 4) / scale);
  const far = Array.from(linspace(12, 38, 14));
  const whole = unique(
    [
      ...linspace(-12, 12, 49),
      ...far,
      ...far.map((edge) => -edge),
      ...near,
      ...near.map((edge) => -edge),
      ...Array.from(places, (place) => place / scale),
    ].filter((edge) => Math.abs(edge) <= 38),
  );
  const panels = (whole.length - 1) * cuts;
  const edge = (p) => {
    const [from, part] = [Math.floor(p / cuts), (p % cuts) / cuts];
    return part ? whole[from] + part * (whole[from + 1] - whole[from]) : whole[from];
  };
  const rule = LEGENDRE[count];
  const [nodes, weights] = [new Float64Array(panels * count), new Float64Array(panels * count)];
  for (let p = 0, at = 0; p < panels; p++) {
    const [half, middle] = [(edge(p + 1) - edge(p)) / 2, (edge(p + 1) + edge(p)) / 2];
    for (let k = 0; k < count; k++, at++) {
      nodes[at] = middle + half * rule.nodes[k];
      weights[at] = half * rule.weights[k] * normalPdf(nodes[at]);
    }
  }
  return { nodes, weights };
}

const SAME_SUM = 1e-4; // of the sum of sizes
const MOST_NODES = 4e6;

// The mean of integrand(value, slope, z) with x = √q z; infinite where it diverges.
// Panels get ever finer beside each pole, and beside the places of `also`.
function average(curve, integrand, q = 1, also = []) {
  if (q === 0) {
    const [value, slope] = curve.program.at(0);
    return integrand(value, slope, 0);
  }
  const { poles } = curve.breaks;
  const diverging = poles.flatMap((place) => atPole(curve, integrand, place, q));
  if (diverging.length) return diverging.reduce((a, b) => a + b);
  const beside = [...poles, ...also].flatMap((place) =>
    Array.from({ length: 79 }, (_, n) => 2 ** -(n + 1))
      .filter((step) => step > 1e-12 * Math.abs(place))
      .flatMap((step) => [place + step, place - step]),
  );
  const places = [...curve.breaks.places, ...beside];
  const scale = Math.sqrt(q);
  const termsOf = (count, cuts) => {
    const { nodes, weights } = gaussianRule(q, places, count, cuts);
    const [values, slopes] = curve.both(nodes.map((z) => scale * z));
    return nodes.map((z, i) => weights[i] * integrand(values[i], slopes[i], z));
  };
  let terms = termsOf(NODES, 1);
  const sum = (part) => part.reduce((a, b) => a + b, 0);
  const size = (part) => part.reduce((a, b) => a + Math.abs(b), 0);
  if (terms.some((term) => term !== term)) return NaN;
  const ends = [terms.slice(0, NODES), terms.slice(-NODES)];
  const whole = 1e-6 * size(terms);
  if (size(ends[0]) + size(ends[1]) > whole) {
    const away = new Set(
      ends.filter((end) => size(end) > whole / 2).map((end) => (sum(end) < 0 ? -Infinity : Infinity)),
    );
    if (away.size) return [...away].reduce((a, b) => a + b);
    return sum(terms) < 0 ? -Infinity : Infinity;
  }
  // The sum on which two rules agree: between the nodes of one a function may swing.
  const first = terms.length;
  for (const cuts of [1, 8, 64]) {
    if (cuts * first > MOST_NODES) break;
    if (cuts > 1) terms = termsOf(NODES, cuts);
    const gap = Math.abs(sum(terms) - sum(termsOf(17, cuts)));
    if (!Number.isFinite(size(terms)) || gap <= SAME_SUM * size(terms)) return sum(terms);
  }
  return NaN;
}

function atPole(curve, integrand, place, q) {
  return [-1, 1].flatMap((sign) => {
    const steps = [1e-6, 1e-9, 1e-12].map((s) => sign * s * Math.max(1, Math.abs(place)));
    const terms = steps.map((step) => {
      const [value, slope] = curve.program.at(place + step);
      return integrand(value, slope, (place + step) / Math.sqrt(q));
    });
    const areas = terms.map((term, i) => Math.abs(steps[i] * term));
    const grows = areas[2] > areas[1] / 2 && areas[1] / 2 > 0;
    if (areas.every(Number.isFinite) && !grows) return [];
    const known = terms.filter((term) => term === term);
    return [known.length ? (known.at(-1) < 0 ? -Infinity : Infinity) : NaN];
  });
}

const square = (value) => value * value;
const inverseRoot = (value) => (value === 0 ? Infinity : 1 / Math.sqrt(value));
const meanSquare = (curve, q = 1) => average(curve, square, q);

function slopeSquare(curve, q = 1) {
  if (tooSteep(curve)) return Infinity;
  const squared = (_, slope) => slope * slope;
  const [found, least] = [average(curve, squared, q), leastSlope(curve, q)];
  if (!(found < 0.9 * least)) return found;
  // Steeper than the panels are fine: look beside the steepest place.
  const place = lipschitz(curve).at;
  const again = average(curve, squared, q, place === null ? [] : [place]);
  return again < 0.9 * least ? NaN : again;
}

// A number that the mean of f′² is not below, if f has no jump: over an interval it is
// at least the square of the mean slope.
function leastSlope(curve, q) {
  const { poles, jumps } = curve.breaks;
  if (q === 0 || poles.length || jumps.length) return 0;
  const scale = Math.sqrt(q);
  let sum = 0;
  for (let i = 1; i < curve.grid.length; i++) {
    const far = Math.max(Math.abs(curve.grid[i]), Math.abs(curve.grid[i - 1])) / scale;
    if (far < 6) sum += (curve.leaps[i] * normalPdf(far)) / scale;
  }
  return sum;
}

// Whether the integral of f′² diverges at a point, as for √|x|.
function tooSteep({ breaks, slope }) {
  const vertical = breaks.kinks.filter((k) => Math.abs(k.right - k.left) === Infinity);
  return [...vertical.map((kink) => kink.x), ...breaks.poles].some((place) =>
    [-1, 1].some((sign) => {
      const [near, nearer] = [1e-9, 1e-12].map((step) => step * one(slope, place + sign * step) ** 2);
      return nearer > near / 2 || nearer === Infinity;
    }),
  );
}

// --- the sheet ---------------------------------------------------------------------

function sides(left, right) {
  if (left && right) return "both";
  return left ? "left" : right ? "right" : "none";
}

// The first place near 0 at which a formula has no value, or null.
function undefinedAt(curve) {
  const sample = Float64Array.from([...linspace(-30, 30, 601).map((v) => v + 0.0123), 0, -1, 1]);
  const values = curve.value(sample);
  const lost = sample.filter((_, i) => values[i] !== values[i]);
  return lost.length ? lost.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a)) : null;
}

// Everything that calculus and one-dimensional integrals say of a function.
function sheetOf(curve, name = "this") {
  const lost = undefinedAt(curve);
  if (lost !== null) {
    const place = String(Number(lost.toPrecision(4))).replace("-", "−");
    throw new FormulaError(
      `${name} is not a real number at x = ${place}; an activation must have a value for every x`,
    );
  }
  if (curve.grid.length < 100) throw new FormulaError(`${name} overflows at nearly every x`);
  const tails = [-1, 1].map((sign) => tailOf(curve.value, sign, curve.reach));
  const slopes = [-1, 1].map((sign) => tailOf(curve.slope, sign, curve.reach).limit);
  const [lowest, highest] = [extreme(curve, tails, 1), extreme(curve, tails, -1)];
  const hard = hardSides(curve);
  const flat = hard.map((h, i) => h || (slopes[i] !== null && Math.abs(slopes[i]) < 1e-6));
  const mean = average(curve, (value) => value);
  const steepest = lipschitz(curve);
  const unsure = Number.isNaN(steepest.slope);
  const kind = smoothness(curve);
  const second = meanSquare(curve);
  return {
    range: [lowest.value, -highest.value + 0],
    attained: [lowest.attained, highest.attained],
    limits: tails.map((tail) => tail.limit),
    minimum: lowest.attained ? lowest.value : null,
    argmin: lowest.at,
    monotone: monotone(curve),
    kinks: curve.breaks.kinks,
    jumps: curve.breaks.jumps,
    smoothness: unsure && /^(smooth|C¹|C\^ω)$/.test(kind) ? "?" : kind,
    lipschitz: steepest.slope,
    steepest_at: steepest.at,
    saturation: sides(...flat),
    hard_saturation: sides(...hard),
    zero_centred: Math.abs(mean) < 1e-9,
    mean,
    second_moment: second,
    forward_gain: inverseRoot(second),
    backward_gain: unsure ? NaN : inverseRoot(slopeSquare(curve)),
  };
}

// --- thirty layers -----------------------------------------------------------------

// Variances that a start draws, times fan-in: first layer, later layers, biases.
function startVariances(start, gain, width) {
  if (start === "default") return [1 / 3, 1 / 3, 1 / (3 * width)];
  if (start === "he") return [2, 2, 0];
  if (start === "xavier") return [1, 1, 0];
  return [1, gain * gain, 0];
}

// What each of `depth` wide layers hands on and gets back, as properties.depth_profile.
function depthProfile(curve, depth, start, gain = 1, width = 256) {
  const [first, weight, bias] = startVariances(start, gain, width);
  const variances = [first + bias];
  const squares = [];
  const factors = [];
  for (let layer = 0; layer < depth; layer++) {
    const q = variances[layer];
    const known = Number.isFinite(q);
    squares.push(known ? meanSquare(curve, q) : q);
    factors.push(known ? weight * slopeSquare(curve, q) : NaN);
    variances.push(known ? weight * squares[layer] + bias : q);
  }
  variances.pop();
  const errors = new Array(depth).fill(1);
  for (let layer = depth - 2; layer >= 0; layer--) errors[layer] = errors[layer + 1] * factors[layer];
  const gradients = errors.map((e, layer) => e * (layer ? squares[layer - 1] : 1));
  return {
    preActivation: variances.map(Math.sqrt),
    activation: squares.map(Math.sqrt),
    errorSignal: errors.map(Math.sqrt),
    weightGradient: gradients.map((g) => Math.sqrt(g / gradients.at(-1))),
  };
}

// Shares of f(Z) in bins of equal width; Z runs through its quantiles.
function pushForward(curve, bins, low, high) {
  const counts = new Float64Array(bins);
  for (const value of curve.value(QUANTILES.places())) {
    const bin = Math.floor(((value - low) / (high - low)) * bins);
    if (bin >= 0 && bin < bins) counts[bin] += 1 / QUANTILES.count;
  }
  return counts;
}

const QUANTILES = {
  count: 4000,
  found: null,
  places() {
    if (this.found) return this.found;
    this.found = new Float64Array(this.count);
    for (let i = 0, z = -4; i < this.count; i++) {
      const wanted = (i + 0.5) / this.count;
      // Newton from the place before: quantiles lie close together.
      for (let k = 0; k < 50; k++) {
        const step = (normalCdf(z) - wanted) / normalPdf(z);
        z -= Math.max(-0.5, Math.min(0.5, step));
        if (Math.abs(step) < 1e-9) break;
      }
      this.found[i] = z;
    }
    return this.found;
  },
};

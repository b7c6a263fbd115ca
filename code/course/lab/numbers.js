// Elementary functions out of +, −, ×, ÷ and the square root alone.
//
// The language leaves Math.exp, Math.tanh and their like to each browser, and two of
// them differ in the last digit. A shared address has to show the same run bit for
// bit, so the laboratory brings its own. Each is good to a few units in the last
// place (tests/course/test_lab_numbers.py holds them against mpmath). Constants are
// computed from whole numbers of any length when the page opens.

const BITS = 400n;
const ONE = 1n << BITS;

// The nearest double to a whole number of 2^−400.
function toDouble(fixed) {
  const size = fixed < 0n ? -fixed : fixed;
  const length = BigInt(size.toString(2).length);
  const shift = length > 60n ? length - 60n : 0n;
  let value = Number(size >> shift); // 60 bits; the rest cannot matter but for ties
  let power = Number(shift) - Number(BITS);
  for (; power < -1000; power += 1000) value *= 2 ** -1000;
  value *= 2 ** power;
  return fixed < 0n ? -value : value;
}

// e^(p/q) for a fraction between −1 and 20, as a whole number of 2^−400.
function bigExp(p, q) {
  let term = ONE;
  let sum = ONE;
  for (let k = 1n; term !== 0n; k += 1n) {
    term = (term * p) / (q * k);
    sum += term;
  }
  return sum;
}

function bigArctanInverse(q) {
  let term = ONE / q;
  let sum = 0n;
  for (let k = 1n, sign = 1n; term !== 0n; k += 2n, sign = -sign) {
    sum += (sign * term) / k;
    term /= q * q;
  }
  return sum;
}

function bigLog2() {
  // ln 2 = 2 artanh(1/3)
  let term = ONE / 3n;
  let sum = 0n;
  for (let k = 1n; term !== 0n; k += 2n) {
    sum += term / k;
    term /= 9n;
  }
  return 2n * sum;
}

function bigRoot(square) {
  let root = 1n << (BigInt(square.toString(2).length) / 2n + 1n);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

const BIG_LN2 = bigLog2();
const BIG_PI = 4n * (4n * bigArctanInverse(5n) - bigArctanInverse(239n)); // Machin
const LN2 = toDouble(BIG_LN2);
const PI = toDouble(BIG_PI);
const E_NUMBER = toDouble(bigExp(1n, 1n));
const ROOT_TWO = Math.sqrt(2);
const ROOT_PI = toDouble(bigRoot(BIG_PI << BITS));
const ROOT_TWO_PI = toDouble(bigRoot((2n * BIG_PI) << BITS));

// The first 32 bits of a number, and what they leave out.
function split(big) {
  const high = Math.round(toDouble(big) * 2 ** 38) / 2 ** 38;
  const low = toDouble(big - BigInt(high * 2 ** 38) * (ONE >> 38n));
  return [high, low];
}

// --- exponentials ------------------------------------------------------------------

const PARTS = 64; // e^x = 2^m · 2^(j/64) · e^r with |r| ≤ ln 2/128
const STEP = split(BIG_LN2 / 64n);
const STEP_HIGH = STEP[0];
const STEP_LOW = STEP[1];
const STEPS_PER_ONE = 1 / toDouble(BIG_LN2 / 64n);
const ROOTS = new Float64Array(PARTS); // 2^(j/64)
const ROOTS_LESS_ONE = new Float64Array(PARTS);
for (let j = 0n; j < 64n; j += 1n) {
  const root = bigExp((j * BIG_LN2) / 64n, ONE);
  ROOTS[Number(j)] = toDouble(root);
  ROOTS_LESS_ONE[Number(j)] = toDouble(root - ONE);
}
const POWERS = new Float64Array(2100); // 2^(k − 1074)
for (let k = 0, power = 5e-324; k < 2098; k++, power *= 2) POWERS[k] = power;

// e^r − 1 for |r| ≤ 0.0055
function small(r) {
  return r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))));
}

function exp(x) {
  if (!(x < 709.782712893384)) return x > 0 ? Infinity : x; // also nan
  if (x < -745.2) return 0;
  const k = Math.floor(x * STEPS_PER_ONE + 0.5);
  const p = small(x - k * STEP_HIGH - k * STEP_LOW);
  const root = ROOTS[k & 63];
  const m = k >> 6;
  const value = root + root * p;
  if (m > 1023) return value * POWERS[2097] * 2;
  if (m < -1022) return value * POWERS[m + 1134] * 2 ** -60; // loses digits only once
  return value * POWERS[m + 1074];
}

function expm1(x) {
  if (!(x > -0.7 && x < 0.7)) return exp(x) - 1;
  if (x < 0) {
    const t = expm1(-x);
    return -t / (1 + t); // from the right, where nothing cancels
  }
  const k = Math.floor(x * STEPS_PER_ONE + 0.5);
  const p = small(x - k * STEP_HIGH - k * STEP_LOW);
  const j = k & 63;
  if (k < 64) return ROOTS_LESS_ONE[j] + ROOTS[j] * p;
  const scale = POWERS[(k >> 6) + 1074];
  // 2^m·root − 1 without losing digits: (root − 1)·2^m + (2^m − 1).
  return ROOTS_LESS_ONE[j] * scale + (scale - 1) + ROOTS[j] * scale * p;
}

// tanh of k/64, as far as 20; tanh(c + r) = (tanh c + tanh r)/(1 + tanh c tanh r).
const PER_ONE = 64;
const TANHS = new Float64Array(20 * PER_ONE + 1);
{
  const factor = bigExp(1n, 32n);
  for (let k = 0, square = ONE; k < TANHS.length; k++, square = (square * factor) >> BITS) {
    TANHS[k] = toDouble(((square - ONE) << BITS) / (square + ONE));
  }
}
const ROUNDS = 4503599627370496; // 2^52: what is added to it loses what is behind its point

// kernels.py has the same, step by step.
function tanh(x) {
  const a = x < 0 ? -x : x;
  if (!(a < 20)) return x > 0 ? 1 : x < 0 ? -1 : x;
  const k = a * PER_ONE + ROUNDS - ROUNDS;
  const r = a - k / PER_ONE;
  const q = r * r;
  const near = r - r * q * (1 / 3 - q * (2 / 15 - q * (17 / 315)));
  const far = TANHS[k];
  const y = (far + near) / (1 + far * near);
  return x < 0 ? -y : y;
}

function sigmoid(x) {
  if (x < 0) {
    const e = exp(x);
    return e / (1 + e);
  }
  return 1 / (1 + exp(-x));
}

function sinh(x) {
  const a = Math.abs(x);
  if (a < 0.7) {
    const t = expm1(a);
    const y = (t + t / (t + 1)) / 2;
    return x < 0 ? -y : y;
  }
  const half = exp(a / 2); // e^a may overflow where half of it does not
  const y = a > 700 ? (half / 2) * half : (exp(a) - exp(-a)) / 2;
  return x < 0 ? -y : y;
}

function cosh(x) {
  const a = Math.abs(x);
  if (a > 700) {
    const half = exp(a / 2);
    return (half / 2) * half;
  }
  return (exp(a) + exp(-a)) / 2;
}

// --- logarithms --------------------------------------------------------------------

const LN2_PARTS = split(BIG_LN2);
const BUFFER = new Float64Array(1);
const WORDS = new Uint32Array(BUFFER.buffer);

// 2 artanh(s) for |s| ≤ 0.1716
function twiceArtanh(s) {
  const q = s * s;
  let t = 1 / 23;
  for (let n = 21; n > 0; n -= 2) t = 1 / n + q * t;
  return 2 * s * t;
}

function log(x) {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54
    k = -54;
  }
  BUFFER[0] = x;
  k += (WORDS[1] >>> 20) - 1023;
  WORDS[1] = (WORDS[1] & 0xfffff) | 0x3ff00000;
  let m = BUFFER[0];
  if (m > ROOT_TWO) {
    m /= 2;
    k += 1;
  }
  const f = m - 1;
  return k * LN2_PARTS[0] + (twiceArtanh(f / (2 + f)) + k * LN2_PARTS[1]);
}

function log1p(u) {
  if (u > -0.29 && u < 0.41) return twiceArtanh(u / (2 + u));
  const v = 1 + u;
  return log(v) + (v < Infinity && v > 0 ? (u - (v - 1)) / v : 0);
}

function softplus(x) {
  if (x !== x) return x;
  return (x > 0 ? x : 0) + log1p(exp(x > 0 ? -x : x));
}

// --- circles -----------------------------------------------------------------------

const QUARTER = BIG_PI / 2n;
const QUARTER_1 = Math.floor(toDouble(QUARTER) * 2 ** 30) / 2 ** 30;
const REST_1 = QUARTER - BigInt(QUARTER_1 * 2 ** 30) * (ONE >> 30n);
const QUARTER_2 = Math.floor(toDouble(REST_1) * 2 ** 60) / 2 ** 60;
const QUARTER_3 = toDouble(REST_1 - BigInt(QUARTER_2 * 2 ** 60) * (ONE >> 60n));
const REDUCED = { turn: 0, rest: 0 };

// Write x as turn · π/2 + rest, |rest| ≤ π/4.
function reduce(x) {
  if (Math.abs(x) < 1e5) {
    const k = Math.floor((x * 2) / PI + 0.5);
    REDUCED.turn = k & 3;
    REDUCED.rest = x - k * QUARTER_1 - k * QUARTER_2 - k * QUARTER_3;
    return;
  }
  // A large angle, exactly: x is a whole number times a power of two.
  BUFFER[0] = Math.abs(x);
  const power = (WORDS[1] >>> 20) - 1075;
  const whole = BigInt(Math.abs(x) / (power < 0 ? 2 ** power : 2 ** power));
  const extra = BigInt(1200);
  const pi = 4n * (4n * farArctan(5n, extra) - farArctan(239n, extra));
  const shifted = power < 0 ? (whole << extra) >> BigInt(-power) : whole << (extra + BigInt(power));
  let turns = (2n * shifted + pi / 2n) / pi;
  const rest = (shifted - (turns * pi) / 2n) >> (extra - BITS);
  turns &= 3n;
  REDUCED.turn = x < 0 ? (4 - Number(turns)) & 3 : Number(turns);
  REDUCED.rest = x < 0 ? -toDouble(rest) : toDouble(rest);
}

function farArctan(q, bits) {
  let term = (1n << bits) / q;
  let sum = 0n;
  for (let k = 1n, sign = 1n; term !== 0n; k += 2n, sign = -sign) {
    sum += (sign * term) / k;
    term /= q * q;
  }
  return sum;
}

function sinNear(r) {
  const q = r * r;
  let t = 1;
  for (let n = 18; n > 0; n -= 2) t = 1 - (q / (n * (n + 1))) * t;
  return r * t;
}

function cosNear(r) {
  const q = r * r;
  let t = 1;
  for (let n = 19; n > 0; n -= 2) t = 1 - (q / (n * (n + 1))) * t;
  return t;
}

function sin(x) {
  if (!(Math.abs(x) < Infinity)) return NaN;
  reduce(x);
  const { turn, rest } = REDUCED;
  const y = turn & 1 ? cosNear(rest) : sinNear(rest);
  return turn & 2 ? -y : y;
}

function cos(x) {
  if (!(Math.abs(x) < Infinity)) return NaN;
  reduce(x);
  const { turn, rest } = REDUCED;
  const y = turn & 1 ? sinNear(rest) : cosNear(rest);
  return turn === 1 || turn === 2 ? -y : y;
}

function atan(x) {
  const a = Math.abs(x);
  if (a !== a) return x;
  let y;
  if (a > 1) y = PI / 2 - atan(1 / a);
  else if (a > 0.4142135623730951) y = PI / 4 + atan((a - 1) / (a + 1));
  else {
    const q = a * a;
    let t = 1 / 45;
    for (let n = 43; n > 0; n -= 2) t = 1 / n - q * t;
    y = a * t;
  }
  return x < 0 ? -y : y;
}

function asinh(x) {
  const a = Math.abs(x);
  const y =
    a > 1e8 ? log(a) + LN2 : log1p(a + (a * a) / (1 + Math.sqrt(1 + a * a)));
  return x < 0 ? -y : a === 0 || a !== a ? x : y;
}

// --- the normal distribution -------------------------------------------------------

// erfc(v)·e^(v²) near c = 0, ¼, …, 10, as a polynomial in v − c. Its derivative is
// 2v·y − 2/√π, which gives all the coefficients from the first.
const TAILS = (() => {
  const count = 15;
  const table = new Float64Array(41 * count);
  const rootPi = bigRoot(BIG_PI << BITS);
  const twoOverRootPi = (2n * ONE * ONE) / rootPi;
  for (let j = 0n; j <= 40n; j += 1n) {
    // c = j/4; erf(c)·√π/2·e^(c²) = Σ 2^n c^(2n+1)/(2n+1)!!
    let term = (j * ONE) / 4n;
    let sum = 0n;
    for (let n = 0n; term !== 0n; n += 1n) {
      sum += term;
      term = (term * 2n * j * j) / (16n * (2n * n + 3n));
    }
    const square = BigInt(Number(j * j));
    const whole = bigPower(square);
    let before = 0n;
    let here = whole - (sum * twoOverRootPi) / ONE;
    for (let n = 0n; n < BigInt(count); n += 1n) {
      table[Number(j) * count + Number(n)] = toDouble(here);
      let next = 2n * ((here * j) / 4n + before);
      if (n === 0n) next -= twoOverRootPi;
      before = here;
      here = next / (n + 1n);
    }
  }
  return table;
})();

// e^(square/16); up to e^100, where 400 bits leave 256 behind the point.
function bigPower(square) {
  const quotient = square / 16n;
  const rest = bigExp(square % 16n, 16n);
  const e = bigExp(1n, 1n);
  let value = rest;
  for (let n = 0n; n < quotient; n += 1n) value = (value * e) >> BITS;
  return value;
}

// e^(v²) · erfc(v) for v ≥ 0
function scaledTail(v) {
  if (v > 10.1) {
    const q = 1 / (2 * v * v);
    let t = 1;
    for (let n = 27; n > 0; n -= 2) t = 1 - n * q * t;
    return t / (v * ROOT_PI);
  }
  const j = Math.floor(4 * v + 0.5);
  const h = v - j / 4;
  const at = 15 * j;
  let t = TAILS[at + 14];
  for (let n = 13; n >= 0; n--) t = TAILS[at + n] + h * t;
  return t;
}

// e^(−v²/share): v² is split, because its rounding would be multiplied by its size.
function bell(v, share = 1) {
  const a = Math.abs(v);
  if (!(a < 60)) return a !== a ? v : 0;
  const high = Math.floor(a * 65536) / 65536;
  return exp((-high * high) / share) * exp((-(a - high) * (a + high)) / share);
}

function erfc(v) {
  const tail = bell(v) * scaledTail(Math.abs(v));
  return v < 0 ? 2 - tail : tail;
}

function erf(u) {
  const a = Math.abs(u);
  if (a !== a) return u;
  if (a < 0.5) {
    const q = u * u;
    let t = 1;
    for (let n = 15; n > 0; n--) t = 1 + ((2 * q) / (2 * n + 1)) * t;
    return ((2 * u) / ROOT_PI) * exp(-q) * t;
  }
  return u < 0 ? erfc(a) - 1 : 1 - erfc(a);
}

function normalCdf(z) {
  // Not by erfc(z/√2), where the rounding of z/√2 would be multiplied by z².
  const half = (bell(z, 2) * scaledTail(Math.abs(z) / ROOT_TWO)) / 2;
  return z < 0 ? half : 1 - half;
}

function normalPdf(z) {
  return bell(z, 2) / ROOT_TWO_PI;
}

// --- powers ------------------------------------------------------------------------

function power(base, exponent) {
  if (exponent === 0.5) return Math.sqrt(base);
  if (exponent === -0.5) return 1 / Math.sqrt(base);
  const whole = Math.floor(exponent) === exponent && Math.abs(exponent) <= 64;
  if (whole) {
    let n = Math.abs(exponent);
    let result = 1;
    for (let square = base; n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result *= square;
      square *= square;
    }
    return exponent < 0 ? 1 / result : result;
  }
  if (base === 0) return exponent > 0 ? 0 : Infinity;
  return exp(exponent * log(base)); // nan for negative bases, as in NumPy
}

// --- random numbers ----------------------------------------------------------------

// Blackman and Vigna's xoshiro128** (2018): four words of 32 bits. A seed and the
// name of what is drawn ("data", "start", "order") fill them through the mixing
// function of MurmurHash3, so that the streams do not share numbers.
class Generator {
  constructor(seed, stream) {
    let h = seed >>> 0;
    for (const letter of stream) h = mix((h ^ letter.charCodeAt(0)) >>> 0);
    this.words = new Uint32Array(4);
    for (let i = 0; i < 4; i++) {
      h = (h + 0x9e3779b9) >>> 0;
      this.words[i] = mix(h);
    }
    this.spare = NaN;
  }

  // 32 bits
  next() {
    const s = this.words;
    const nine = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return nine;
  }

  // A multiple of 2^−53 in [0, 1)
  uniform() {
    const high = this.next() >>> 5;
    const low = this.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  // Normal with mean 0 and variance 1, by Box and Muller; two at a time.
  normal() {
    if (this.spare === this.spare) {
      const value = this.spare;
      this.spare = NaN;
      return value;
    }
    const radius = Math.sqrt(-2 * log(1 - this.uniform()));
    const angle = 2 * PI * this.uniform();
    this.spare = radius * sin(angle);
    return radius * cos(angle);
  }

  // A whole number from 0 to below n
  below(n) {
    return Math.floor(this.uniform() * n);
  }
}

function rotate(word, by) {
  return (word << by) | (word >>> (32 - by));
}

function mix(h) {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// Where a network's numbers lie, and the loops that go through them.
//
// The loops exist twice: in WebAssembly (kernels.py writes it), two numbers at a time,
// and here in plain words, for where that cannot be had. Every sum is taken in the same
// order by both, so the bits are the same (a test holds them together).

const PAGE = 65536; // bytes
const BEGIN = 16384; // what a network may use; kernels.py says what lies before it
const ONE_AT = 16376;

// A number's text in base 64, as bytes; atob is not part of the language.
function bytesOf(text) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bytes = new Uint8Array(Math.floor((text.replaceAll("=", "").length * 3) / 4));
  for (let i = 0, at = 0, bits = 0, held = 0; at < bytes.length; i++) {
    held = ((held << 6) | letters.indexOf(text[i])) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 255;
  }
  return bytes;
}

// The compiled loops; null where there is no WebAssembly, or none with pairs.
const COMPILED = { tried: false, module: null };
function compiled() {
  if (!COMPILED.tried) {
    COMPILED.tried = true;
    try {
      COMPILED.module = new WebAssembly.Module(bytesOf(KERNELS));
    } catch {
      COMPILED.module = null;
    }
  }
  return COMPILED.module;
}

// Memories that were given back: a browser has room for few at a time.
const SPARE = [];

// Room for so many numbers. `loops` works on arrays that `take` handed out.
class Room {
  constructor(numbers, plain = false) {
    this.size = BEGIN + 8 * numbers;
    this.at = BEGIN;
    const module = plain ? null : compiled();
    try {
      this.machine = module && (SPARE.pop() || new Fast(module));
      if (this.machine) this.machine.begin(this.size);
    } catch {
      this.machine = null; // no memory to be had: slower, and the same numbers
    }
    this.loops = this.machine || new Plain();
  }

  take(count) {
    if (!this.machine) return new Float64Array(count);
    const array = new Float64Array(this.machine.memory.buffer, this.at, count);
    this.at += 8 * count;
    if (this.at > this.size) throw new RangeError("a network is larger than its room");
    return array;
  }

  release() {
    if (this.machine && SPARE.length < 2) SPARE.push(this.machine);
    this.machine = null;
  }
}

class Fast {
  constructor(module) {
    this.memory = new WebAssembly.Memory({ initial: 1 });
    this.run = new WebAssembly.Instance(module, { lab: { memory: this.memory } }).exports;
  }

  begin(size) {
    const missing = Math.ceil(size / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) this.memory.grow(missing);
    const all = new Float64Array(this.memory.buffer);
    all.fill(0);
    all.set(TANHS);
    all[ONE_AT / 8] = 1;
  }

  forward(x, P, { weight, bias, ins, outs }, z, n, turned) {
    const p = P.byteOffset;
    this.run.forward(
      x.byteOffset, p + 8 * weight, p + 8 * bias, z.byteOffset, turned.byteOffset, n, ins, outs,
    );
  }

  activate(program, { z, h, slope }, count) {
    if (program.bent !== null) {
      this.run.bent(z.byteOffset, h.byteOffset, slope.byteOffset, count, program.bent);
    } else if (program.isTanh) {
      this.run.tanh(z.byteOffset, h.byteOffset, slope.byteOffset, count);
    } else program.run(z, count, h, slope);
  }

  errors({ slope, back, error }, factor, count) {
    this.run.errors(slope.byteOffset, back.byteOffset, error.byteOffset, count, factor);
  }

  backward(error, x, P, G, { weight, bias, ins, outs, bridged }, back, n, more) {
    const g = G.byteOffset;
    this.run.backward(
      error.byteOffset, x.byteOffset, P.byteOffset + 8 * weight, g + 8 * weight, g + 8 * bias,
      back ? back.byteOffset : 0, n, ins, outs, more ? 1 : 0, bridged ? 1 : 0,
    );
  }

  sgd(P, G, rate) {
    this.run.sgd(P.byteOffset, G.byteOffset, P.length, rate);
  }

  momentum(P, G, M, rate) {
    this.run.momentum(P.byteOffset, G.byteOffset, M.byteOffset, P.length, rate, MOMENTUM);
  }

  adam(P, G, M, V, first, second) {
    this.run.adam(
      P.byteOffset, G.byteOffset, M.byteOffset, V.byteOffset, P.length,
      1 - BETA_1, BETA_2, 1 - BETA_2, first, second, ADAM_EPSILON,
    );
  }
}

class Plain {
  // z = x · weightᵀ + bias
  forward(x, P, { weight, bias, ins, outs }, z, n) {
    for (let i = 0, at = 0; i < n; i++) {
      for (let o = 0; o < outs; o++, at++) z[at] = P[bias + o];
    }
    products(x, 0, ins, 1, P, weight, ins, 1, z, 0, outs, n, outs, ins, true);
  }

  activate(program, { z, h, slope }, count) {
    program.run(z, count, h, slope);
  }

  errors({ slope, back, error }, factor, count) {
    for (let i = 0; i < count; i++) {
      error[i] = slope[i] === 0 ? 0 : factor * back[i] * slope[i];
    }
  }

  // The gradient of weights and biases, and what goes back to the layer before;
  // added to what is there if `more` or, for the latter, `bridged`.
  backward(error, x, P, G, { weight, bias, ins, outs, bridged }, back, n, more) {
    products(error, 0, 1, outs, x, 0, 1, ins, G, weight, ins, outs, ins, n, more);
    for (let o = 0; o < outs; o++) {
      let sum = 0;
      for (let i = o; i < n * outs; i += outs) sum += error[i];
      G[bias + o] = more ? G[bias + o] + sum : sum;
    }
    if (back) products(error, 0, outs, 1, P, weight, 1, ins, back, 0, ins, n, ins, outs, bridged);
  }

  sgd(P, G, rate) {
    for (let i = 0; i < P.length; i++) P[i] -= rate * G[i];
  }

  momentum(P, G, M, rate) {
    for (let i = 0; i < P.length; i++) {
      M[i] = MOMENTUM * M[i] + G[i];
      P[i] -= rate * M[i];
    }
  }

  adam(P, G, M, V, first, second) {
    for (let i = 0; i < P.length; i++) {
      M[i] += (1 - BETA_1) * (G[i] - M[i]);
      V[i] = BETA_2 * V[i] + (1 - BETA_2) * G[i] * G[i];
      P[i] -= (first * M[i]) / (Math.sqrt(V[i]) / second + ADAM_EPSILON);
    }
  }
}

// C[m, n] = Σ_k A[m, k] · B[n, k] (+ C if `keep`), all with strides, in blocks of 2 × 4
// so that each number that is loaded is used more than once.
function products(A, a, am, ak, B, b, bn, bk, C, c, cm, M, N, K, keep) {
  let m = 0;
  for (; m + 1 < M; m += 2) {
    const a0 = a + m * am;
    const a1 = a0 + am;
    const c0 = c + m * cm;
    const c1 = c0 + cm;
    let n = 0;
    for (; n + 3 < N; n += 4) {
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let p = a0, q = a1, b0 = b + n * bn, b1 = b0 + bn, b2 = b1 + bn, b3 = b2 + bn;
      for (let k = 0; k < K; k++) {
        const x = A[p], y = A[q], u = B[b0], v = B[b1], w = B[b2], z = B[b3];
        s00 += x * u;
        s01 += x * v;
        s02 += x * w;
        s03 += x * z;
        s10 += y * u;
        s11 += y * v;
        s12 += y * w;
        s13 += y * z;
        p += ak;
        q += ak;
        b0 += bk;
        b1 += bk;
        b2 += bk;
        b3 += bk;
      }
      if (keep) {
        s00 += C[c0 + n];
        s01 += C[c0 + n + 1];
        s02 += C[c0 + n + 2];
        s03 += C[c0 + n + 3];
        s10 += C[c1 + n];
        s11 += C[c1 + n + 1];
        s12 += C[c1 + n + 2];
        s13 += C[c1 + n + 3];
      }
      C[c0 + n] = s00;
      C[c0 + n + 1] = s01;
      C[c0 + n + 2] = s02;
      C[c0 + n + 3] = s03;
      C[c1 + n] = s10;
      C[c1 + n + 1] = s11;
      C[c1 + n + 2] = s12;
      C[c1 + n + 3] = s13;
    }
    for (; n < N; n++) {
      let s0 = 0, s1 = 0, p = a0, q = a1, r = b + n * bn;
      for (let k = 0; k < K; k++) {
        s0 += A[p] * B[r];
        s1 += A[q] * B[r];
        p += ak;
        q += ak;
        r += bk;
      }
      C[c0 + n] = keep ? C[c0 + n] + s0 : s0;
      C[c1 + n] = keep ? C[c1 + n] + s1 : s1;
    }
  }
  for (; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let s = 0, p = a + m * am, r = b + n * bn;
      for (let k = 0; k < K; k++) {
        s += A[p] * B[r];
        p += ak;
        r += bk;
      }
      C[c + m * cm + n] = keep ? C[c + m * cm + n] + s : s;
    }
  }
}

// Formulas: read as text, never run as code; evaluated over arrays, slope included.
//
// A formula is a tree of plain arrays, the same whether a reader typed it or the
// package wrote it down (course/lab/trees.py):
//   "x"   0.5   ["add", …]   ["mul", …]   ["pow", base, number]   ["tanh", u], …
//   ["max", a, b]   ["min", a, b]   ["case", condition, value, otherwise]
// with conditions true, false, ["<", a, b] and so on, ["or", …], ["and", …].
// The grammar, the names and the bounds are those of actlab.formulas.parsing.

const LIMITS = {
  length: 500,
  depth: 40,
  nodes: 150,
  exponent: 20,
  degree: 64,
  number: 1e12,
  branches: 12,
  size: 250,
};

class FormulaError extends Error {
  // `at` and `end`: which characters of the typed text it is about.
  constructor(message, at = 0, end = at + 1) {
    super(message);
    this.name = "FormulaError";
    this.at = at;
    this.end = end;
  }
}

const UNARY = {
  abs: Math.abs,
  atan,
  asinh,
  cos,
  cosh,
  erf,
  exp,
  log,
  Phi: normalCdf,
  phi: normalPdf,
  positive: (u) => (u > 0 ? 1 : 0),
  sigmoid,
  sign: Math.sign,
  sin,
  sinh,
  softplus,
  tanh,
};

// --- building trees ----------------------------------------------------------------

const isNumber = (tree) => typeof tree === "number";

function add(...parts) {
  const flat = parts.flatMap((part) => (part[0] === "add" ? part.slice(1) : [part]));
  const constant = flat.filter(isNumber).reduce((a, b) => a + b, 0);
  const others = collect(flat.filter((part) => !isNumber(part)));
  if (!others.length) return constant;
  if (constant === 0 && others.length === 1) return others[0];
  return ["add", ...(constant === 0 ? [] : [constant]), ...others];
}

// x + x is 2 x, x − x is nothing: terms that differ by a factor only are one.
function collect(terms) {
  const sums = new Map();
  for (const term of terms) {
    const factor = term[0] === "mul" && isNumber(term[1]) ? term[1] : 1;
    const rest = factor === 1 ? term : term.length === 3 ? term[2] : ["mul", ...term.slice(2)];
    const key = JSON.stringify(rest);
    sums.set(key, [(sums.has(key) ? sums.get(key)[0] : 0) + factor, rest]);
  }
  return [...sums.values()]
    .filter(([factor]) => factor !== 0)
    .map(([factor, rest]) => (factor === 1 ? rest : mul(factor, rest)));
}

function mul(...parts) {
  const flat = parts.flatMap((part) => (part[0] === "mul" ? part.slice(1) : [part]));
  const constant = flat.filter(isNumber).reduce((a, b) => a * b, 1);
  const others = gather(flat.filter((part) => !isNumber(part)));
  if (constant === 0 || !others.length) return constant;
  if (constant === 1 && others.length === 1) return others[0];
  return ["mul", ...(constant === 1 ? [] : [constant]), ...others];
}

// x · x is x², x/x is nothing: powers of one base are one.
function gather(factors) {
  const powers = new Map();
  for (const factor of factors) {
    const [base, exponent] = factor[0] === "pow" ? factor.slice(1) : [factor, 1];
    const key = JSON.stringify(base);
    powers.set(key, [base, (powers.has(key) ? powers.get(key)[1] : 0) + exponent]);
  }
  return [...powers.values()]
    .filter(([, exponent]) => exponent !== 0)
    .map(([base, exponent]) => (exponent === 1 ? base : ["pow", base, exponent]));
}

function pow(base, exponent) {
  if (exponent === 0) return 1;
  if (exponent === 1) return base;
  if (isNumber(base)) return power(base, exponent);
  if (base[0] === "pow") {
    const [, inner, first] = base;
    if (Number.isInteger(exponent)) return pow(inner, first * exponent);
    if (first === 2 && exponent === 0.5) return ["abs", inner];
  }
  if (base[0] === "mul" && Number.isInteger(exponent)) {
    return mul(...base.slice(1).map((part) => pow(part, exponent)));
  }
  return ["pow", base, exponent];
}

function apply(name, u) {
  if (isNumber(u)) return UNARY[name](u);
  if (name === "exp" && u[0] === "log") return u[1];
  if (name === "log" && u[0] === "exp") return u[1];
  return [name, u];
}

const negative = (tree) => mul(-1, tree);

const COMPARE = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function relation(sign, a, b) {
  return isNumber(a) && isNumber(b) ? COMPARE[sign](a, b) : [sign, a, b];
}

function choose(condition, value, otherwise) {
  if (condition === true) return value;
  if (condition === false) return otherwise;
  return ["case", condition, value, otherwise];
}

function larger(a, b) {
  return isNumber(a) && isNumber(b) ? Math.max(a, b) : ["max", a, b];
}

function smaller(a, b) {
  return isNumber(a) && isNumber(b) ? Math.min(a, b) : ["min", a, b];
}

function clip(value, low, high) {
  const ordered = isNumber(low) && isNumber(high) && low <= high;
  if (tangled(value, low, high) || !ordered) return smaller(larger(value, low), high);
  const upper = choose(relation(">=", value, high), high, value);
  return choose(relation("<=", value, low), low, upper);
}

// Whether cases or extremes stand in a tree.
function tangled(...trees) {
  return trees.some(
    (tree) =>
      Array.isArray(tree) &&
      (["case", "max", "min"].includes(tree[0]) || tangled(...tree.slice(1))),
  );
}

const sizes = new WeakMap();

// How many parts a tree has when it is written out.
function sizeOf(tree) {
  if (!Array.isArray(tree)) return 1;
  if (!sizes.has(tree)) {
    sizes.set(tree, tree.slice(1).reduce((sum, part) => sum + sizeOf(part), 1));
  }
  return sizes.get(tree);
}

// --- the functions that may be typed -----------------------------------------------

function positiveOnly(u) {
  if (!(u > 0)) throw new RangeError("a logarithm needs a positive number");
  return log(u);
}

function logarithm(u) {
  const rest = add(u, -1);
  // ln(1 + e^u) as typed overflows for large u; softplus does not.
  return rest[0] === "exp" ? apply("softplus", rest[1]) : apply("log", u);
}

function root(u) {
  if (u < 0) throw new RangeError("a root needs a number that is not negative");
  return Math.sqrt(u);
}

const same = (name) => [1, (u) => apply(name, u), UNARY[name]];

// Name: number of arguments, what it builds, what it makes of plain numbers.
const FUNCTIONS = {
  abs: same("abs"),
  arctan: same("atan"),
  asinh: same("asinh"),
  atan: same("atan"),
  clip: [3, clip, (v, low, high) => Math.min(Math.max(v, low), high)],
  cos: same("cos"),
  cosh: same("cosh"),
  erf: same("erf"),
  exp: same("exp"),
  expm1: [1, (u) => add(apply("exp", u), -1), expm1],
  gelu: [1, (u) => mul(u, apply("Phi", u)), (u) => u * normalCdf(u)],
  ln: [1, logarithm, positiveOnly],
  log: [1, logarithm, positiveOnly],
  log1p: [1, (u) => logarithm(add(1, u)), (u) => positiveOnly(1 + u)],
  max: [2, larger, Math.max],
  min: [2, smaller, Math.min],
  normal_cdf: same("Phi"),
  normal_pdf: same("phi"),
  relu: [1, (u) => larger(u, 0), (u) => Math.max(u, 0)],
  sigmoid: same("sigmoid"),
  sign: same("sign"),
  sin: same("sin"),
  sinh: same("sinh"),
  softplus: same("softplus"),
  sqrt: [1, (u) => pow(u, 0.5), root],
  step: [1, (u) => choose(relation(">=", u, 0), 1, 0), (u) => (u >= 0 ? 1 : 0)],
  tanh: same("tanh"),
};
const BRANCHING = new Set(["clip", "max", "min", "relu", "step"]);
const KNOWN = Object.keys(FUNCTIONS).sort().join(", ");
const ALLOWED = `numbers, x, pi, e, + - * / **, 'a if x > 0 else b', and ${KNOWN}`;

// What people write elsewhere, and how to write it here.
const ELSEWHERE = {
  arcsinh: "asinh(x)",
  arsinh: "asinh(x)",
  cdf: "normal_cdf(x)",
  elu: "x if x > 0 else expm1(x)",
  fabs: "abs(x)",
  hardtanh: "clip(x, -1, 1)",
  heaviside: "step(x)",
  leaky_relu: "max(x, 0.01*x)",
  logistic: "sigmoid(x)",
  maximum: "max(x, 0)",
  minimum: "min(x, 0)",
  mish: "x*tanh(softplus(x))",
  pow: "x**2",
  pdf: "normal_pdf(x)",
  relu6: "clip(x, 0, 6)",
  selu: "1.0507*(x if x > 0 else 1.6733*expm1(x))",
  sgn: "sign(x)",
  silu: "x*sigmoid(x)",
  softsign: "x/(1 + abs(x))",
  swish: "x*sigmoid(x)",
  tan: "sin(x)/cos(x)",
};
const CHARACTERS = {
  π: "pi",
  "−": "-",
  "–": "-",
  "×": "*",
  "·": "*",
  "⋅": "*",
  "÷": "/",
  "²": "**2",
  "³": "**3",
  "½": "1/2",
  "√": "sqrt(x)",
  σ: "sigmoid(x)",
  Φ: "normal_cdf(x)",
  φ: "normal_pdf(x)",
  ϕ: "normal_pdf(x)",
  "≥": ">=",
  "≤": "<=",
};
const REFUSED = {
  "^": "'^' is not allowed: for a power write **",
  "//": "'//' is not allowed: for a quotient write /",
  "%": "'%' is not allowed",
  "@": "'@' is not allowed",
  "&": "'&' is not allowed",
  "|": "'|' is not allowed: for |x| write abs(x)",
  "~": "'~' is not allowed",
  "[": "square brackets are not allowed: write round ones",
  "]": "square brackets are not allowed: write round ones",
  "{": "braces are not allowed",
  "}": "braces are not allowed",
  ".": "a dot is allowed in numbers only",
  "'": "quotation marks are not allowed",
  '"': "quotation marks are not allowed",
  "\\": "this is LaTeX; write it as typed on a keyboard, such as exp(x)/(1 + x**2)",
  "=": "write only what stands right of the =",
  "==": "only < <= > >= may stand in a comparison",
  "!=": "only < <= > >= may stand in a comparison",
  ":=": "an assignment is not allowed",
};
const WORDS_REFUSED = {
  and: "'and' is not allowed",
  or: "'or' is not allowed",
  not: "'not' is not allowed",
  lambda: "a lambda is not allowed",
  for: "a comprehension is not allowed",
  in: "'in' is not allowed",
  is: "'is' is not allowed",
  True: "True is no number",
  False: "False is no number",
  None: "None is no number",
};

// --- from characters to tokens -----------------------------------------------------

const NUMBER = /^(?:0[xX][\da-fA-F]+|\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?/;
const SIGNS = ["**", "//", "<=", ">=", "==", "!=", ":=", ..."+-*/%@&|~^<>=()[]{},.'\":\\!;?#$`"];

function tokens(text) {
  const found = [];
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    if (rest[0] === " ") {
      at += 1;
      continue;
    }
    if (rest[0] === "#") break; // a comment, as in Python
    let kind = "sign";
    let match = NUMBER.exec(rest);
    if (match) kind = "number";
    else {
      match = /^[A-Za-z_]\w*/.exec(rest);
      if (match) kind = "name";
    }
    const word = match ? match[0] : SIGNS.find((sign) => rest.startsWith(sign));
    const end = at + word.length;
    if (kind === "number") checkNumber(text, word, at, end);
    found.push({ kind, word, at, end });
    at = end;
  }
  return found;
}

function checkNumber(text, word, at, end) {
  const next = text.slice(end, end + 1);
  if (/^(if|else)\b/.test(text.slice(end)) || /^0[xX]/.test(word)) return;
  if (/[jJ]/.test(next)) {
    throw new FormulaError(`${word}${next} is a complex number, not a real one`, at, end + 1);
  }
  if (/[A-Za-z_]/.test(next)) {
    throw new FormulaError(`cannot read this; write ${word}*${next}…`, at, end + 1);
  }
  if (/^0\d/.test(word) && /^[\d_]*$/.test(word) && !/^0[0_]*$/.test(word)) {
    throw new FormulaError(`a number does not begin with 0: ${word}`, at, end);
  }
}

function checkCharacters(text) {
  const shown = text.length;
  if (shown > LIMITS.length) {
    throw new FormulaError(
      `the formula has ${shown} characters; at most ${LIMITS.length} are allowed`,
      LIMITS.length,
      shown,
    );
  }
  if (!text.trim()) {
    throw new FormulaError("the formula is empty; write for example x*tanh(x)");
  }
  const lead = text.length - text.trimStart().length;
  let depth = 0;
  for (let at = lead; at < text.trimEnd().length; at++) {
    const letter = text[at];
    if (!(" " <= letter && letter <= "~")) {
      const better = CHARACTERS[letter];
      const how = better ? `write ${better}` : `allowed are ${ALLOWED}`;
      throw new FormulaError(`the character ${visible(letter)} is not allowed; ${how}`, at);
    }
    if ("([{".includes(letter)) depth += 1;
    if (")]}".includes(letter)) depth -= 1;
    if (depth > LIMITS.depth) {
      throw new FormulaError(`more than ${LIMITS.depth} parentheses inside each other`, at);
    }
  }
}

function visible(letter) {
  const code = letter.codePointAt(0);
  return code < 32 || code > 0x2fff ? `U+${code.toString(16).padStart(4, "0")}` : `“${letter}”`;
}

// --- from tokens to nodes, by precedence -------------------------------------------

class Grammar {
  constructor(text) {
    this.text = text;
    this.tokens = tokens(text);
    this.place = 0;
    this.depth = 0;
  }

  get token() {
    return this.tokens[this.place];
  }

  is(word) {
    return this.token !== undefined && this.token.kind !== "number" && this.token.word === word;
  }

  take(word) {
    if (!this.is(word)) return false;
    this.place += 1;
    return true;
  }

  fail(expected) {
    const token = this.token;
    if (!token) {
      const end = this.text.trimEnd().length;
      throw new FormulaError(`the formula ends too early: ${expected} is missing`, end);
    }
    const known = [REFUSED, WORDS_REFUSED].find((words) => Object.hasOwn(words, token.word));
    const message = known?.[token.word] || `cannot read ‘${token.word}’ here: ${expected} was expected`;
    throw new FormulaError(message, token.at, token.end);
  }

  whole() {
    const node = this.conditional();
    if (this.is(",")) {
      throw new FormulaError("a comma stands outside a function", this.token.at);
    }
    if (this.token) this.fail("an operator or the end");
    return node;
  }

  // a if b < c else d
  conditional() {
    this.enter();
    const body = this.comparison();
    let node = body;
    if (this.take("if")) {
      const test = this.comparison();
      if (!this.take("else")) {
        if (!this.token) {
          const end = this.text.trimEnd().length;
          throw new FormulaError("write 'a if x > 0 else b': the else is missing", end);
        }
        this.fail("else");
      }
      const other = this.conditional();
      node = { kind: "if", body, test, other, at: body.at, end: other.end };
    }
    this.depth -= 1;
    return node;
  }

  // The grammar calls itself; the check of characters has bounded parentheses, this
  // bounds chains such as a if b else c if d else …
  enter() {
    this.depth += 1;
    if (this.depth > 200) {
      throw new FormulaError("too many parts inside each other", this.token ? this.token.at : 0);
    }
  }

  comparison() {
    const first = this.sum();
    const signs = [];
    const sides = [first];
    while (this.token && this.token.kind === "sign" && this.token.word in COMPARE) {
      signs.push(this.token.word);
      this.place += 1;
      sides.push(this.sum());
    }
    if (!signs.length) return first;
    return { kind: "compare", signs, sides, at: first.at, end: sides.at(-1).end };
  }

  sum() {
    let node = this.product();
    while (this.is("+") || this.is("-")) {
      const sign = this.token.word;
      this.place += 1;
      const right = this.product();
      node = { kind: "binary", sign, left: node, right, at: node.at, end: right.end };
    }
    return node;
  }

  product() {
    let node = this.unary();
    while (this.is("*") || this.is("/")) {
      const sign = this.token.word;
      this.place += 1;
      const right = this.unary();
      node = { kind: "binary", sign, left: node, right, at: node.at, end: right.end };
    }
    return node;
  }

  unary() {
    if (this.is("-") || this.is("+")) {
      const { word, at } = this.token;
      this.place += 1;
      this.enter();
      const inner = this.unary();
      this.depth -= 1;
      return { kind: "unary", sign: word, inner, at, end: inner.end };
    }
    return this.power();
  }

  power() {
    const base = this.called();
    if (!this.take("**")) return base;
    this.enter();
    const exponent = this.unary();
    this.depth -= 1;
    return { kind: "power", base, exponent, at: base.at, end: exponent.end };
  }

  called() {
    let node = this.atom();
    while (this.is("(")) {
      const open = this.token;
      this.place += 1;
      const parts = this.arguments(node);
      const close = this.tokens[this.place - 1];
      node = { kind: "call", called: node, parts, at: node.at, end: close.end, open: open.at };
    }
    return node;
  }

  arguments() {
    const parts = [];
    while (!this.take(")")) {
      if (this.is("*") || this.is("**")) {
        throw new FormulaError("a star is not allowed here", this.token.at);
      }
      parts.push(this.conditional());
      if (this.is("=")) {
        throw new FormulaError("arguments have no names here", this.token.at);
      }
      if (!this.take(",") && !this.is(")")) this.fail("a comma or a closing parenthesis");
    }
    return parts;
  }

  atom() {
    const token = this.token;
    if (token === undefined) this.fail("a number, x or a function");
    if (token.kind === "number") {
      this.place += 1;
      const value = Number(token.word.replaceAll("_", ""));
      return { kind: "number", value, at: token.at, end: token.end };
    }
    if (token.kind === "name") {
      if (Object.hasOwn(WORDS_REFUSED, token.word) || token.word === "if" || token.word === "else") {
        this.fail("a number, x or a function");
      }
      this.place += 1;
      return { kind: "name", name: token.word, at: token.at, end: token.end };
    }
    if (this.take("(")) {
      const inner = this.conditional();
      if (this.is(",")) {
        throw new FormulaError("a comma stands outside a function", this.token.at);
      }
      if (!this.take(")")) this.fail("a closing parenthesis");
      return { ...inner, at: token.at, end: this.tokens[this.place - 1].end };
    }
    return this.fail("a number, x or a function");
  }
}

// How many nodes Python counts in its own syntax tree of the same text.
function countNodes(node) {
  switch (node.kind) {
    case "if":
      return 1 + countNodes(node.body) + countNodes(node.test) + countNodes(node.other);
    case "compare":
      return 1 + node.signs.length + node.sides.reduce((n, s) => n + countNodes(s), 0);
    case "binary":
      return 2 + countNodes(node.left) + countNodes(node.right);
    case "power":
      return 2 + countNodes(node.base) + countNodes(node.exponent);
    case "unary":
      return 2 + countNodes(node.inner);
    case "call":
      return 1 + countNodes(node.called) + node.parts.reduce((n, p) => n + countNodes(p), 0);
    default:
      return 1;
  }
}

// --- from nodes to a tree, every bound checked on the way --------------------------

class Reader {
  constructor(text) {
    this.text = text;
    this.branches = 0;
  }

  fail(node, message) {
    throw new FormulaError(message, node.at, node.end);
  }

  shown(node) {
    const text = this.text.slice(node.at, node.end);
    return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
  }

  // Returns {tree, value, degree}: value is a number where the part is constant, else
  // null; degree multiplies the exponents of powers inside each other.
  read(node, depth = 0) {
    if (depth > LIMITS.depth) this.fail(node, `more than ${LIMITS.depth} parts inside each other`);
    const part = this[`read_${node.kind}`](node, depth + 1);
    const size = sizeOf(part.tree);
    if (size > LIMITS.size) {
      this.fail(
        node,
        `this has ${size} parts when it is written out, as functions such as gelu ` +
          `hold their argument twice; at most ${LIMITS.size} are allowed`,
      );
    }
    if (isNumber(part.tree) && !Number.isFinite(part.tree)) {
      this.fail(node, `${this.shown(node)} has no value: it is infinite or undefined`);
    }
    return part;
  }

  bounded(node, compute, parts) {
    if (parts.some((part) => part.value === null)) return null;
    let value;
    try {
      value = compute(...parts.map((part) => part.value));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fail(node, `${this.shown(node)} has no value (${error.message})`);
    }
    if (value !== value) this.fail(node, `${this.shown(node)} is not a real number`);
    if (Math.abs(value) > LIMITS.number) {
      this.fail(node, `${this.shown(node)} is too large; at most 1e12`);
    }
    return value;
  }

  read_number(node) {
    if (!(node.value <= LIMITS.number)) {
      this.fail(node, `the number ${this.shown(node)} is too large; at most 1e12`);
    }
    return { tree: node.value, value: node.value, degree: 1 };
  }

  read_name(node) {
    const constants = { pi: PI, e: E_NUMBER };
    if (node.name === "x") return { tree: "x", value: null, degree: 1 };
    if (Object.hasOwn(constants, node.name)) {
      const value = constants[node.name];
      return { tree: value, value, degree: 1 };
    }
    const more = Object.hasOwn(FUNCTIONS, node.name)
      ? `; ${node.name} is a function, write ${node.name}(x)`
      : "";
    return this.fail(node, `unknown name '${this.shown(node)}'; known are x, pi, e${more}`);
  }

  read_unary(node, depth) {
    const inner = this.read(node.inner, depth);
    if (node.sign === "+") return inner;
    const value = inner.value === null ? null : -inner.value;
    return { tree: negative(inner.tree), value, degree: inner.degree };
  }

  read_binary(node, depth) {
    const left = this.read(node.left, depth);
    const right = this.read(node.right, depth);
    if (node.sign === "/" && (right.value === 0 || right.tree === 0)) {
      this.fail(node, `${this.shown(node)} divides by zero`);
    }
    const combine = {
      "+": [(a, b) => a + b, add],
      "-": [(a, b) => a - b, (a, b) => add(a, negative(b))],
      "*": [(a, b) => a * b, mul],
      "/": [(a, b) => a / b, (a, b) => mul(a, pow(b, -1))],
    }[node.sign];
    const value = this.bounded(node, combine[0], [left, right]);
    const tree = value === null ? combine[1](left.tree, right.tree) : value;
    return { tree, value, degree: Math.max(left.degree, right.degree) };
  }

  read_power(node, depth) {
    const exponent = this.literal(node.exponent);
    if (exponent === null) {
      if (node.base.kind === "name" && node.base.name === "e") {
        const called = { ...node.base, name: "exp" };
        return this.read_call({ ...node, called, parts: [node.exponent] }, depth);
      }
      this.fail(
        node.exponent,
        `the exponent '${this.shown(node.exponent)}' is not a plain number; ` +
          "for e to the power of something write exp(...)",
      );
    }
    if (!(Math.abs(exponent) <= LIMITS.exponent)) {
      this.fail(
        node.exponent,
        `the exponent ${this.shown(node.exponent)} is too large; at most ${LIMITS.exponent}`,
      );
    }
    const base = this.read(node.base, depth);
    const degree = base.degree * Math.max(1, Math.ceil(Math.abs(exponent)));
    if (degree > LIMITS.degree) {
      this.fail(node, `the powers in ${this.shown(node)} multiply to ${degree}; at most 64`);
    }
    if (exponent < 0 && (base.tree === 0 || base.value === 0)) {
      this.fail(node, `${this.shown(node)} divides by zero`);
    }
    const value = this.bounded(node, (b) => power(b, exponent), [base]);
    return { tree: value === null ? pow(base.tree, exponent) : value, value, degree };
  }

  literal(node) {
    let sign = 1;
    if (node.kind === "unary") {
      sign = node.sign === "-" ? -1 : 1;
      node = node.inner;
    }
    return node.kind === "number" ? sign * node.value : null;
  }

  read_call(node, depth) {
    if (node.called.kind !== "name") {
      this.fail(node.called, `${this.shown(node.called)} is no function; for a product write *`);
    }
    const { name } = node.called;
    if (!Object.hasOwn(FUNCTIONS, name)) {
      const other = Object.hasOwn(ELSEWHERE, name.toLowerCase())
        ? `write ${ELSEWHERE[name.toLowerCase()]}`
        : `known: ${KNOWN}`;
      this.fail(node.called, `unknown function '${name.slice(0, 40)}'; ${other}`);
    }
    const [count, build, compute] = FUNCTIONS[name];
    if (node.parts.length !== count) {
      const plural = count > 1 ? "s" : "";
      this.fail(node, `${name} takes ${count} argument${plural}, got ${node.parts.length}`);
    }
    this.branch(node, BRANCHING.has(name));
    const parts = node.parts.map((part) => this.read(part, depth));
    const trees = parts.map((part) => part.tree);
    if (name === "step" && tangled(...trees)) {
      this.fail(node, "step() of a formula with cases is not allowed");
    }
    const value = this.bounded(node, compute, parts);
    const tree = value === null ? build(...trees) : value;
    return { tree, value, degree: Math.max(...parts.map((part) => part.degree)) };
  }

  branch(node, more) {
    this.branches += more ? 1 : 0;
    if (this.branches > LIMITS.branches) {
      this.fail(node, `more than ${LIMITS.branches} cases (relu, max, if, ...)`);
    }
  }

  read_compare(node) {
    return this.fail(node, "a comparison may stand only between if and else");
  }

  read_if(node, depth) {
    this.branch(node, true);
    if (node.test.kind !== "compare") {
      this.fail(node.test, "after 'if' a comparison such as x > 0 is needed");
    }
    const body = this.read(node.body, depth);
    const other = this.read(node.other, depth);
    const sides = node.test.sides.map((side) => this.side(side, depth));
    let tree = body.tree;
    // a < x < b becomes one case inside the other.
    for (let i = node.test.signs.length - 1; i >= 0; i--) {
      const condition = relation(node.test.signs[i], sides[i], sides[i + 1]);
      tree = choose(condition, tree, other.tree);
    }
    return { tree, value: null, degree: Math.max(body.degree, other.degree) };
  }

  side(node, depth) {
    const has = (part) =>
      part.kind === "call" ||
      part.kind === "if" ||
      ["left", "right", "base", "exponent", "inner"].some((key) => part[key] && has(part[key]));
    if (has(node)) this.fail(node, "a condition compares plain expressions, without functions");
    return this.read(node, depth).tree;
  }
}

// Read a formula in x; a FormulaError says what is wrong, and where.
function parse(text) {
  if (typeof text !== "string") throw new FormulaError("a formula is a text");
  checkCharacters(text);
  if (text.includes("\\") || /[_^]\{/.test(text)) {
    throw new FormulaError(REFUSED["\\"], Math.max(0, text.search(/\\|[_^]\{/)));
  }
  const node = new Grammar(text).whole();
  const nodes = countNodes(node);
  if (nodes > LIMITS.nodes) {
    throw new FormulaError(
      `the formula has ${nodes} parts; at most ${LIMITS.nodes}`,
      0,
      text.length,
    );
  }
  return new Reader(text).read(node).tree;
}

// --- programs: value and slope over arrays -----------------------------------------

// What each function does to a whole array: v = f(u), d = f′(u).
const LOOPS = {
  tanh(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      const t = tanh(u[i]);
      v[i] = t;
      d[i] = 1 - t * t;
    }
  },
  sigmoid(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      const s = sigmoid(u[i]);
      v[i] = s;
      d[i] = s * (1 - s);
    }
  },
  exp(u, v, d, n) {
    for (let i = 0; i < n; i++) v[i] = d[i] = exp(u[i]);
  },
  log(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = log(u[i]);
      d[i] = 1 / u[i];
    }
  },
  sin(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = sin(u[i]);
      d[i] = cos(u[i]);
    }
  },
  cos(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = cos(u[i]);
      d[i] = -sin(u[i]);
    }
  },
  sinh(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = sinh(u[i]);
      d[i] = cosh(u[i]);
    }
  },
  cosh(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = cosh(u[i]);
      d[i] = sinh(u[i]);
    }
  },
  atan(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = atan(u[i]);
      d[i] = 1 / (1 + u[i] * u[i]);
    }
  },
  asinh(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = asinh(u[i]);
      d[i] = 1 / Math.sqrt(1 + u[i] * u[i]);
    }
  },
  erf(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = erf(u[i]);
      d[i] = (2 / ROOT_PI) * bell(u[i]);
    }
  },
  Phi(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = normalCdf(u[i]);
      d[i] = normalPdf(u[i]);
    }
  },
  phi(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = normalPdf(u[i]);
      d[i] = v[i] === 0 ? 0 : -u[i] * v[i];
    }
  },
  softplus(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = softplus(u[i]);
      d[i] = sigmoid(u[i]);
    }
  },
  abs(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = Math.abs(u[i]);
      d[i] = Math.sign(u[i]);
    }
  },
  sign(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = Math.sign(u[i]);
      d[i] = 0;
    }
  },
  positive(u, v, d, n) {
    for (let i = 0; i < n; i++) {
      v[i] = u[i] > 0 ? 1 : 0;
      d[i] = 0;
    }
  },
};

// A formula that is ready to run over arrays of float64.
class Program {
  constructor(tree) {
    this.tree = tree;
    this.room = 0;
    this.steps = []; // in order; each writes register k, its values and slopes
    this.known = new Map();
    this.picks = hasPick(tree);
    this.bent = bentLine(tree);
    this.isTanh = tree[0] === "tanh" && tree[1] === "x";
    if (this.bent === null) this.last = this.add(tree);
  }

  // Return the register that holds a part; equal parts share one.
  add(tree) {
    if (tree === "x") return 0;
    const key = JSON.stringify(tree);
    if (this.known.has(key)) return this.known.get(key);
    const step = this.step(tree);
    this.steps.push(step);
    const register = this.steps.length;
    this.known.set(key, register);
    return register;
  }

  step(tree) {
    if (isNumber(tree)) return { kind: "number", value: tree };
    const [kind, ...parts] = tree;
    if (kind === "case") {
      const [condition, value, otherwise] = parts;
      return {
        kind,
        test: this.condition(condition),
        from: [this.add(value), this.add(otherwise)],
      };
    }
    if (kind === "pow") return { kind, exponent: parts[1], from: [this.add(parts[0])] };
    if (kind === "mul") {
      // A factor that is a sum and 0 wins over one that overflows, see Python's mul.
      parts.sort((a, b) => (a[0] === "add") - (b[0] === "add"));
      const sums = parts.map((part) => part[0] === "add");
      const scale = isNumber(parts[0]) ? parts.shift() : 1;
      if (parts.length < sums.length) sums.shift();
      return { kind, scale, sums, from: parts.map((part) => this.add(part)) };
    }
    if (kind === "add") {
      const constant = isNumber(parts[0]) ? parts.shift() : 0;
      return { kind, constant, from: parts.map((part) => this.add(part)) };
    }
    return { kind, from: parts.map((part) => this.add(part)) };
  }

  condition(tree) {
    if (typeof tree === "boolean") return { sign: tree ? "yes" : "no" };
    const [sign, ...parts] = tree;
    if (sign === "or" || sign === "and" || sign === "not") {
      return { sign, parts: parts.map((part) => this.condition(part)) };
    }
    return { sign, from: parts.map((part) => this.add(part)) };
  }

  grow(n) {
    this.room = Math.max(n, 2 * this.room, 64);
    this.values = [null];
    this.slopes = [new Float64Array(this.room).fill(1)];
    for (let k = 0; k < this.steps.length; k++) {
      this.values.push(new Float64Array(this.room));
      this.slopes.push(new Float64Array(this.room));
    }
  }

  // Write f(z) and f′(z) of the first n numbers of z into y and d.
  run(z, n, y, d) {
    if (this.bent !== null) return runBent(z, n, y, d, this.bent);
    if (n > this.room) this.grow(n);
    this.values[0] = z;
    const last = this.steps.length;
    for (let k = 1; k <= last; k++) {
      const end = k === last && this.last === last;
      this.perform(this.steps[k - 1], end ? y : this.values[k], end ? d : this.slopes[k], n);
    }
    if (this.last === 0 || this.last !== last) this.copy(this.last, n, y, d);
    if (this.picks) for (let i = 0; i < n; i++) if (z[i] !== z[i]) y[i] = d[i] = NaN;
    return undefined;
  }

  copy(register, n, y, d) {
    const [v, s] = [this.values[register], this.slopes[register]];
    for (let i = 0; i < n; i++) {
      y[i] = v[i];
      d[i] = s[i];
    }
  }

  perform(step, v, d, n) {
    const { kind } = step;
    if (kind === "number") {
      v.fill(step.value, 0, n);
      d.fill(0, 0, n);
    } else if (kind === "add") this.sum(step, v, d, n);
    else if (kind === "mul") this.product(step, v, d, n);
    else if (kind === "max" || kind === "min") this.extreme(step, v, d, n);
    else if (kind === "case") this.choice(step, v, d, n);
    else {
      const u = this.values[step.from[0]];
      if (kind === "pow") raise(u, step.exponent, v, d, n);
      else LOOPS[kind](u, v, d, n);
      if (step.from[0] !== 0) chain(d, this.slopes[step.from[0]], n);
    }
  }

  sum(step, v, d, n) {
    const first = step.from[0];
    const a = this.values[first];
    const s = this.slopes[first];
    for (let i = 0; i < n; i++) {
      v[i] = step.constant + a[i];
      d[i] = s[i];
    }
    for (let k = 1; k < step.from.length; k++) {
      const b = this.values[step.from[k]];
      const t = this.slopes[step.from[k]];
      for (let i = 0; i < n; i++) {
        v[i] += b[i];
        d[i] += t[i];
      }
    }
  }

  product(step, v, d, n) {
    const { scale, from, sums } = step;
    const a = this.values[from[0]];
    const s = this.slopes[from[0]];
    for (let i = 0; i < n; i++) {
      v[i] = scale * a[i];
      d[i] = scale * s[i];
    }
    for (let k = 1; k < from.length; k++) {
      const b = this.values[from[k]];
      const t = this.slopes[from[k]];
      const wins = sums[k];
      for (let i = 0; i < n; i++) {
        const left = d[i] === 0 || b[i] === 0 ? 0 : d[i] * b[i];
        const right = v[i] === 0 || t[i] === 0 ? 0 : v[i] * t[i];
        d[i] = left + right;
        v[i] = wins && b[i] === 0 ? 0 : v[i] * b[i];
      }
    }
  }

  extreme(step, v, d, n) {
    const [a, b] = step.from.map((k) => this.values[k]);
    const [s, t] = step.from.map((k) => this.slopes[k]);
    const sign = step.kind === "max" ? 1 : -1;
    for (let i = 0; i < n; i++) {
      const first = sign * (a[i] - b[i]) > 0;
      v[i] = a[i] !== a[i] ? a[i] : first ? a[i] : b[i];
      d[i] = first ? s[i] : t[i];
    }
  }

  choice(step, v, d, n) {
    const [a, b] = step.from.map((k) => this.values[k]);
    const [s, t] = step.from.map((k) => this.slopes[k]);
    for (let i = 0; i < n; i++) {
      const holds = this.holds(step.test, i);
      v[i] = holds ? a[i] : b[i];
      d[i] = holds ? s[i] : t[i];
    }
  }

  holds(test, i) {
    if (test.from) {
      return COMPARE[test.sign](this.values[test.from[0]][i], this.values[test.from[1]][i]);
    }
    if (test.sign === "or") return test.parts.some((part) => this.holds(part, i));
    if (test.sign === "and") return test.parts.every((part) => this.holds(part, i));
    if (test.sign === "not") return !this.holds(test.parts[0], i);
    return test.sign === "yes";
  }

  // Value and slope at one place.
  at(x) {
    if (!this.one) this.one = [new Float64Array(1), new Float64Array(1), new Float64Array(1)];
    const [z, y, d] = this.one;
    z[0] = x;
    this.run(z, 1, y, d);
    return [y[0], d[0]];
  }
}

// A slope times that of what is inside; an exact 0 wins over one that overflows.
function chain(d, inner, n) {
  for (let i = 0; i < n; i++) d[i] = d[i] === 0 || inner[i] === 0 ? 0 : d[i] * inner[i];
}

function raise(u, exponent, v, d, n) {
  if (exponent === 2) {
    for (let i = 0; i < n; i++) {
      v[i] = u[i] * u[i];
      d[i] = 2 * u[i];
    }
    return;
  }
  for (let i = 0; i < n; i++) {
    v[i] = power(u[i], exponent);
    d[i] = exponent * power(u[i], exponent - 1);
  }
}

function hasPick(tree) {
  if (!Array.isArray(tree)) return false;
  const picks = ["case", "max", "min", "sign", "positive"];
  return picks.includes(tree[0]) || tree.slice(1).some(hasPick);
}

// The slope left of 0 of a line that is x right of 0; null for anything else.
function bentLine(tree) {
  const key = JSON.stringify(tree);
  if (key === '["max","x",0]') return 0;
  const found = /^\["case",\[">","x",0\],"x",(?:(0)|\["mul",([\d.e-]+),"x"\])\]$/.exec(key);
  return found ? Number(found[1] || found[2]) : null;
}

function runBent(z, n, y, d, slope) {
  for (let i = 0; i < n; i++) {
    const u = z[i];
    const right = u > 0;
    y[i] = right ? u : u !== u ? u : slope * u;
    d[i] = right ? 1 : slope;
  }
}

// --- from what a reader gives to a function ----------------------------------------

// A key, name or alias of a row of the catalogue, or a formula.
function functionOf(text, rows) {
  const plain = String(text).trim();
  const wanted = plain.toLowerCase().replaceAll(/[-_ ]/g, "");
  const row = rows.find((one) =>
    [one.key, one.name, ...one.aliases].some(
      (name) => name.toLowerCase().replaceAll(/[-_ ]/g, "") === wanted,
    ),
  );
  if (row) return { text: row.key, name: row.name, tree: row.tree, row };
  return { text: plain, name: plain, tree: parse(plain), row: null };
}

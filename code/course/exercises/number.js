// A number part: reading what was typed, judging it. Twin of grading.py.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.number) return;
  const SPACES = /[ \t\n\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+/g;
  const GROUPS = /(^|[^0-9.,])([1-9][0-9]{0,2}(?:(?: [0-9]{3})+|(?:'[0-9]{3})+))(?![0-9 /⁄])/g;
  const FACTOR = /^([+-]?)(?:((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+|(?=\.[0-9]))(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,4})?)(?:\^(?:([+-]?[0-9]{1,3})|\(([+-]?[0-9]{1,3})\)))?|(?:([0-9]+) )?([0-9]+)⁄([0-9]+))$/;
  const trim = (word) => word.replace(/^ +| +$/g, "");

  const tidy = (word) =>
    trim(trim(word.replace(SPACES, " "))
      .replace(/[¼-¾⅐-⅞]/g, " $&").replace(/[⁺⁻⁰¹²³⁴-⁹]+/g, "^$&")
      .normalize("NFKC").toLowerCase()
      .replace(/[’ʼ]/g, "'").replace(/[−–—‐‑]/g, "-")
      .replace(/[×·⋅∙]/g, "*").replace(/\*\*/g, "^")
      .replace(/ +/g, " ").replace(/ *([^0-9., ]) */gu, "$1"))
      .replace(/([1-9.]0*)x/g, "$1*").replace("percent", "%");
  const power = (base, n) => {
    if (base === 10) return +`1e${+n}`;
    let product = 1;
    for (let i = Math.abs(n); i > 0; i -= 1) product *= base;
    return n < 0 ? 1 / product : product;
  };
  const factor = (word) => {
    const [, sign, plain, n, m, whole, over, under] = FACTOR.exec(word) || [];
    if (sign === undefined) return NaN;
    const base = plain && +plain.replace(/,/g, "");
    const size = !plain ? +(whole || 0) + over / under : n || m ? power(base, n || m) : base;
    return sign === "-" ? -size : size;
  };
  const values = (word) => {
    const [top, bottom, more] = word.split("/");
    if (/\^[+-]?[0-9]+\//.test(word)) return []; // is 2^1/2 a root, or a half of 2?
    let product = top.split("*").map(factor).reduce((a, b) => a * b, 1);
    if (bottom !== undefined) product /= factor(bottom);
    return Number.isFinite(product) && more === undefined ? [product] : [];
  };
  // Two readings of one text, as of "1,372": the reader is asked.
  A.readings = (word, ending) => {
    word = tidy(word).replace(/^(?:[a-zα-ω][a-z0-9_']*)?(?:[=≈~∼≃≤≥]|[<>]=?)+/, "").replace(/(.)[.,]$/, "$1");
    ending = tidy(ending);
    if (ending && word.endsWith(ending)) word = trim(word.slice(0, -ending.length));
    const share = word.endsWith("%") ? 100 : 1;
    word = word.replace(/%$/, "");
    const endless = /^([+-]?)(inf|infinity|infinite|∞|nolimit|unlimited)$/.exec(word);
    if (endless) return [endless[1] === "-" ? -Infinity : Infinity];
    word = word.replace(GROUPS, (all) => all.replace(/[ ']/g, (s, at) => (at ? "" : s)));
    word = word.replace(/([0-9]) ([0-9]{1,2})\/([0-9]{1,2})$/, "$1 $2⁄$3");
    const found = values(word);
    if (word.includes(",") || !found[0])
      found.unshift(...values(word.replace(/[.,]/g, (mark) => (mark === "." ? "," : "."))));
    return [...new Set(found)].map((one) => one / share);
  };
  // The slack: decimals are not exact, and the edge of a tolerance belongs to it.
  A.between = (least, most, size) => {
    if (!Number.isFinite(size)) return size === +least || size === +most;
    const slack = 1e-9 * Math.abs(size);
    return least - slack <= size && size <= +most + slack;
  };

  // Whether a number is another one, or that one rounded to fewer digits.
  const rounded = (A.rounded = (size, to, within) => {
    const gap = Math.abs(size - to), share = gap / Math.abs(to);
    if (size === to || !(share <= within)) return size === to;
    return [...Array(81).keys()].some((at) => {
      const step = +`1e${at - 40}`, count = Math.abs(size) / step;
      const whole = Math.floor(count + 0.5);
      const near = gap <= step * 0.5000001 && (at < 41 || share <= 0.01); // 90 is no 85.9
      return whole && near && Math.abs(count - whole) < 1e-9 * count + 1e-6;
    });
  });

  const short = (word) => {
    const all = [...word];
    return all.length > 40 ? all.slice(0, 39).join("") + "…" : word;
  };
  const field = (box) => box.querySelector("input");
  A.parts.number = {
    read(part, raw) {
      const like = "such as 0.25, 1e-3 or 1/4.";
      const text = typeof raw === "string" ? raw.replace(SPACES, " ").replace(/^ | $/g, "") : "";
      if (!text) return [null, `enter a number, ${like}`];
      const found = A.readings(text, part.unit), seen = `“${short(text)}”`;
      if (!found[0] && found[0] !== 0) return [null, `${seen} cannot be read as a number. Enter one ${like}`];
      if (found.length > 1)
        return [null, `${seen}: does the comma mark decimals or thousands? Write a decimal point, or no comma.`];
      return [{ text, value: found[0] }];
    },
    // The slip itself, to fewer digits or to more: no other number has its reply. A half,
    // 1 and what may be the right answer rounded have other reasons as well.
    fits(part, slip, { value: size }) {
      if (Array.isArray(slip)) return A.between(...slip, size);
      const about = (to) => rounded(size, +to, 0.05);
      const other = size === 0.5 || size === 1 || about(part.answer);
      return rounded(+slip, size, 0.002) || (about(slip) && !other);
    },
    far: (slip, { value: size }) => (Array.isArray(slip) ? 0 : Math.abs(size - slip) || 0),
    right: (part, { value: size }) => A.between(part.low, part.high, size),
    unknown(part, { text, value: size }) {
      const seen = short(text), { low: least, high: most, answer: right } = part;
      const is = (v) => A.between(least, most, v);
      if (/\.[0-9]{3}$/.test(text) && is(size * 1000))
        return `${seen}: here a dot marks decimals, not thousands.`;
      if (is(-size)) return `${seen}: the size is right, the sign is not.`;
      if (least > 0 || most < 0) {
        if (part.unit === "%") {
          if (is(size * 100)) return `${seen}: right as a fraction; the field is in %.`;
        } else if (size >= 1 && size <= 100 && is(size / 100))
          return `${seen}: right in per cent; here the fraction itself is asked for.`;
      }
      const near = Math.abs(size - right) < 0.005 * Math.abs(right);
      if (!Number.isInteger(+right) && (near || rounded(size, +right, 0.05)))
        return `${seen} is close, but not as exact as asked for. Keep more digits.`;
      return `${seen} is not it, and this page knows no slip that leads to it.`;
    },
    get: (box) => field(box).value,
    set: (box, word) => (field(box).value = word ?? ""),
  };
})();

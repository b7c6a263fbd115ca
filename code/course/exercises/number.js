// A number part: reading what was typed, judging it. Twin of grading.py.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.number) return;
  const SPACES = /[ \t\n\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+/g;
  const GROUPS = /(^|[^0-9.,])([1-9][0-9]{0,2}(?:(?: [0-9]{3})+|(?:'[0-9]{3})+))(?![0-9 /⁄])/g;
  const FACTOR = /^([+-]?)(?:((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+|(?=\.[0-9]))(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,4})?)(?:\^(?:([+-]?[0-9]{1,3})|\(([+-]?[0-9]{1,3})\)))?|(?:([0-9]+) )?([0-9]+)⁄([0-9]+))$/;
  const trim = (text) => text.replace(/^ +| +$/g, "");

  const tidy = (text) =>
    trim(trim(text.replace(SPACES, " "))
      .replace(/[¼-¾⅐-⅞]/g, " $&").replace(/[⁺⁻⁰¹²³⁴-⁹]+/g, "^$&")
      .normalize("NFKC").toLowerCase()
      .replace(/[’ʼ]/g, "'").replace(/[−–—‐‑]/g, "-")
      .replace(/[×·⋅∙]/g, "*").replace(/\*\*/g, "^")
      .replace(/ +/g, " ").replace(/ *([^0-9., ]) */gu, "$1"))
      .replace(/([1-9.]0*)x/g, "$1*").replace("percent", "%");
  const power = (base, n) => {
    if (base === 10) return +`1e${+n}`;
    let value = 1;
    for (let i = Math.abs(n); i > 0; i -= 1) value *= base;
    return n < 0 ? 1 / value : value;
  };
  const factor = (text) => {
    const [, sign, plain, n, m, whole, over, under] = FACTOR.exec(text) || [];
    if (sign === undefined) return NaN;
    const base = plain && +plain.replace(/,/g, "");
    const value = !plain ? +(whole || 0) + over / under : n || m ? power(base, n || m) : base;
    return sign === "-" ? -value : value;
  };
  const values = (text) => {
    const [top, bottom, more] = text.split("/");
    if (/\^[+-]?[0-9]+\//.test(text)) return []; // is 2^1/2 a root, or a half of 2?
    let value = top.split("*").map(factor).reduce((a, b) => a * b, 1);
    if (bottom !== undefined) value /= factor(bottom);
    return Number.isFinite(value) && more === undefined ? [value] : [];
  };
  // Two readings of one text, as of "1,372": the reader is asked.
  A.readings = (text, unit) => {
    text = tidy(text).replace(/^(?:[a-zα-ω][a-z0-9_']*)?(?:[=≈~∼≃≤≥]|[<>]=?)+/, "").replace(/(.)[.,]$/, "$1");
    unit = tidy(unit);
    if (unit && text.endsWith(unit)) text = trim(text.slice(0, -unit.length));
    const share = text.endsWith("%") ? 100 : 1;
    text = text.replace(/%$/, "");
    const endless = /^([+-]?)(inf|infinity|infinite|∞|nolimit|unlimited)$/.exec(text);
    if (endless) return [endless[1] === "-" ? -Infinity : Infinity];
    text = text.replace(GROUPS, (all) => all.replace(/[ ']/g, (s, at) => (at ? "" : s)));
    text = text.replace(/([0-9]) ([0-9]{1,2})\/([0-9]{1,2})$/, "$1 $2⁄$3");
    const found = values(text);
    if (text.includes(",") || !found[0])
      found.unshift(...values(text.replace(/[.,]/g, (mark) => (mark === "." ? "," : "."))));
    return [...new Set(found)].map((value) => value / share);
  };
  // The slack: decimals are not exact, and the edge of a tolerance belongs to it.
  A.between = (low, high, value) => {
    if (!Number.isFinite(value)) return value === +low || value === +high;
    const slack = 1e-9 * Math.abs(value);
    return low - slack <= value && value <= +high + slack;
  };

  // Whether a value is another one, or that one rounded to fewer digits.
  const rounded = (A.rounded = (value, to, within) => {
    const gap = Math.abs(value - to);
    if (value === to || !(gap <= within * Math.abs(to))) return value === to;
    return [...Array(81).keys()].some((at) => {
      const unit = +`1e${at - 40}`, count = Math.abs(value) / unit;
      const whole = Math.floor(count + 0.5);
      const near = gap <= unit * 0.5000001 && (at < 41 || gap <= 0.01 * Math.abs(to)); // 90 is no 85.9
      return whole && near && Math.abs(count - whole) < 1e-9 * count + 1e-6;
    });
  });

  const short = (text) => {
    const all = [...text];
    return all.length > 40 ? all.slice(0, 39).join("") + "…" : text;
  };
  const field = (box) => box.querySelector("input");
  A.parts.number = {
    read(part, raw) {
      const like = "such as 0.25, 1e-3 or 1/4.";
      const text = typeof raw === "string" ? raw.replace(SPACES, " ").replace(/^ | $/g, "") : "";
      if (!text) return [null, `enter a number, ${like}`];
      const found = A.readings(text, part.unit), seen = `“${short(text)}”`;
      if (!found[0] && found[0] !== 0) return [null, `${seen} is not a number. Enter one ${like}`];
      if (found.length > 1)
        return [null, `${seen}: does the comma mark decimals or thousands? Write a decimal point, or no comma.`];
      return [{ text, value: found[0] }];
    },
    // The slip itself, to fewer digits or to more: no other value has its reply. A half,
    // 1 and what may be the right answer rounded have other reasons as well.
    fits(part, pattern, { value }) {
      if (Array.isArray(pattern)) return A.between(...pattern, value);
      if (value === +pattern || rounded(+pattern, value, 0.002)) return true;
      const other = value === 0.5 || value === 1 || rounded(value, +part.answer, 0.05);
      return rounded(value, +pattern, 0.05) && !other;
    },
    far: (slip, { value }) => (Array.isArray(slip) ? 0 : Math.abs(value - slip) || 0),
    right: (part, { value }) => A.between(part.low, part.high, value),
    unknown(part, { text, value }) {
      const seen = short(text), { low, high, answer } = part;
      const is = (v) => A.between(low, high, v);
      if (is(-value)) return `${seen}: the size is right, the sign is not.`;
      if (low > 0 || high < 0) {
        if (part.unit === "%") {
          if (is(value * 100)) return `${seen}: right as a fraction; the field is in %.`;
        } else if (value >= 1 && value <= 100 && is(value / 100))
          return `${seen}: right in per cent; here the fraction itself is asked for.`;
      }
      if (!Number.isInteger(+answer) && rounded(value, +answer, 0.05))
        return `${seen} is close, but not as exact as asked for. Keep more digits.`;
      return `${seen} is not it, and none of the usual slips either.`;
    },
    get: (box) => field(box).value,
    set: (box, value) => (field(box).value = value ?? ""),
  };
})();

// A number part: reading what was typed, judging it. Twin of grading.py.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.number) return;
  const SPACES = /[ \t\n\r\f\v\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+/g;
  const NUMBER = "([+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:e[+-]?[0-9]+)?)";
  const WHOLE = RegExp(`^${NUMBER}$`);
  const FRACTION = RegExp(`^${NUMBER}/${NUMBER}$`);

  const plain = (text) => {
    const parts = FRACTION.exec(text);
    const value = WHOLE.test(text) ? +text : parts ? parts[1] / parts[2] : NaN;
    return Number.isFinite(value) ? [value] : [];
  };
  // A comma marks the decimals, or thousands; three digits behind it may be both.
  const commas = (text) => {
    const found = [], count = text.split(",").length - 1;
    if (!count) return [text];
    if (count === 1 && !text.includes(".")) found.push(text.replace(",", "."));
    if (/^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$/.test(text))
      found.push(text.replace(/,/g, ""));
    return found;
  };
  A.readings = (text, unit) => {
    text = text.replace(SPACES, "").toLowerCase().replace(/[−–]/g, "-");
    text = text.replace(/^[a-zα-ω][a-z0-9_]*=|^[≈~=]/, "");
    unit = unit.replace(SPACES, "").toLowerCase();
    if (unit && text.endsWith(unit)) text = text.slice(0, -unit.length);
    const percent = text.endsWith("%");
    if (percent) text = text.slice(0, -1);
    text = text.replace(/^([+-]?)10(?:\^|\*\*)\(?([+-]?[0-9]+)\)?$/, "$011e$2");
    text = text.replace(/[x×*·⋅]10(?:\^|\*\*)\(?([+-]?[0-9]+)\)?$/, "e$1");
    const endless = /^([+-]?)(inf|infinity|infinite|∞|nolimit|unlimited)$/.exec(text);
    if (endless) return [endless[1] === "-" ? -Infinity : Infinity];
    return commas(text).flatMap(plain).map((v) => (percent ? v / 100 : v));
  };
  // The slack: decimals are not exact, and the edge of a tolerance belongs to it.
  A.between = (low, high, value) => {
    if (!Number.isFinite(value)) return value === +low || value === +high;
    const slack = 1e-9 * Math.abs(value);
    return low - slack <= value && value <= +high + slack;
  };

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
      const found = A.readings(text, part.unit);
      if (found.length) return [{ text, found }];
      return [null, `“${short(text)}” is not a number. Enter one ${like}`];
    },
    fits: (part, [low, high], value) => value.found.some((v) => A.between(low, high, v)),
    right: (part, value) => A.parts.number.fits(part, [part.low, part.high], value),
    unknown(part, { text, found }) {
      const value = found[0], seen = short(text), low = +part.low, high = +part.high;
      const is = (v) => A.between(low, high, v), width = high - low;
      if (is(-value)) return `${seen}: the size is right, the sign is not.`;
      if (part.unit === "%") {
        if (is(value * 100)) return `${seen}: right as a fraction; the field is in %.`;
      } else if (is(value / 100))
        return `${seen}: right in per cent; here the fraction itself is asked for.`;
      const near = low - 2 * width <= value && value <= high + 2 * width;
      if (near && Number.isFinite(width) && !Number.isInteger(+part.answer))
        return `${seen} is close, but not as exact as asked for. Keep more digits.`;
      return `${seen} is not it, and none of the usual slips either.`;
    },
    get: (box) => field(box).value,
    set: (box, value) => (field(box).value = value ?? ""),
  };
})();

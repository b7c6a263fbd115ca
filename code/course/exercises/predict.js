// A prediction: nothing is shown until the reader commits or says "show me".
(() => {
  const A = globalThis.actlabExercises;
  if (A.kinds.predict) return;

  A.round = (value, digits) => {
    const rounded = +value.toPrecision(digits), size = Math.abs(rounded);
    const plain = !size || (size >= 1e-3 && size < 1e6);
    const text = plain ? String(rounded) : rounded.toExponential();
    return text.replace("e+", "e").replace(/-/g, "−");
  };
  const withUnit = (part, text) => (part.unit ? `${text} ${part.unit}` : text);

  // How far off, in the scale that makes sense: points, units, a factor, decades.
  A.gap = (part, size) => {
    if (!part.log) return part.unit === "%" ? `${A.round(size, 2)} points` : withUnit(part, A.round(size, 2));
    if (size >= 3) return `${A.round(size, 2)} powers of ten`;
    return `a factor of ${A.round(10 ** size, 2)}`;
  };
  A.scale = (part, value) => (part.log ? Math.log10(value) : value);

  // A value in words, and how far it lies from the measured one.
  const verdicts = {
    number(part, value) {
      const said = withUnit(part, A.round(value, part.digits));
      // the distance of what is printed, which has no more digits than that
      const [mine, real] = [value, part.answer].map((v) => +v.toPrecision(part.digits));
      const near = part.near[0] <= value && value <= part.near[1];
      if (near || mine === real) return [said, "as measured"];
      const size = A.scale(part, mine) - A.scale(part, real);
      return [said, `${A.gap(part, Math.abs(size))} too ${size > 0 ? "high" : "low"}`];
    },
    choice: (part, value) => [
      `“${part.options[value]}”`,
      value === part.answer ? "as measured" : "not what was measured",
    ],
    order(part, value) {
      const before = (a, b) => part.answer.indexOf(a) < part.answer.indexOf(b);
      let all = 0, good = 0;
      value.forEach((a, i) => value.slice(i + 1).forEach((b) => {
        all += 1;
        good += before(a, b);
      }));
      return [value.map((at) => part.options[at]).join(" → "), `${good} of ${all} pairs as measured`];
    },
  };
  A.revealed = (data, kept) => {
    const { part } = data, lines = [], reason = data.because[kept.because];
    const verdict = (value) => (verdicts[part.type] || A.parts.curve.verdict)(part, value);
    const line = (name, value) => {
      const [said, far] = verdict(value);
      lines.push([name, `${said} (${far}).`]);
    };
    if (kept.answer !== undefined) line("You said", kept.answer);
    lines.push(["Measured", `${part.text || verdict(part.answer)[0]}.`]);
    if (data.textbook !== null) line(data.textbookLabel, data.textbook);
    if (reason) lines.push(["Your reason", reason]);
    if (data.note) lines.push(["", data.note]);
    if (data.source) lines.push(["Source", `${data.source}.`]);
    return lines;
  };

  A.kinds.predict = (root, data) => {
    const { part } = data, $ = (query) => root.querySelector(query);
    const all = (query) => [...root.querySelectorAll(query)];
    const key = "actlab.predict." + data.id, kind = A.parts[part.type];
    const reply = $("[role=status]"), area = $("[data-reveal-here]"), box = $("[data-part]");
    const slider = $("[type=range]"), field = box.querySelector("input");

    // What was typed or kept, and what is wrong with it; a damaged one never throws.
    const value = (raw) => {
      try {
        const [read, problem] = kind.read(part, raw);
        const first = read?.value ?? read;
        const below = part.log && first <= 0 ? "enter a number above 0." : "";
        return [first, problem || below || (Math.abs(first) === Infinity ? "enter a number." : "")];
      } catch {
        return [null, "enter an answer."];
      }
    };
    const typed = (answer) =>
      Array.isArray(answer) && part.x ? answer.map(String) : part.unit !== undefined ? String(answer) : answer;
    const slide = () => {
      const [number, problem] = value(kind.get(box));
      if (!slider || problem) return;
      slider.value = A.scale(part, number);
      slider.setAttribute("aria-valuetext", verdicts.number(part, number)[0]);
    };
    if (slider) {
      slider.addEventListener("input", () => {
        const number = part.log ? 10 ** slider.value : +slider.value;
        field.value = +number.toPrecision(part.log ? 2 : 6);
        slide();
      });
      field.addEventListener("input", slide);
    }
    if (kind.wire) kind.wire(box, (text) => (reply.textContent = text), part);

    const reveal = (kept, focus) => {
      root.querySelectorAll("form input, form button").forEach((node) => (node.disabled = true));
      reply.textContent = "";
      area.replaceChildren();
      A.revealed(data, kept).forEach(([name, text]) => {
        const line = A.put(area, "p", "");
        if (name) A.put(line, "strong", `${name}: `);
        A.put(line, "span", text);
      });
      if (kind.reveal) kind.reveal(box, part, data.textbook);
      area.hidden = false;
      if (focus) area.focus();
      A.say("reveal", data.id);
    };
    const commit = (kept, status) => {
      A.save(key, kept);
      A.tell(data.id, status, kept);
      reveal(kept, true);
    };
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const [answer, problem] = value(kind.get(box));
      const because = all("[data-because] input").findIndex((input) => input.checked);
      if (!problem) return commit({ answer, because }, "predicted");
      reply.textContent = `Not committed yet: ${problem} Or press “Show me”.`;
    });
    $("[data-show]").addEventListener("click", () => commit({ shown: true }, "shown"));

    return () => {
      const kept = A.load(key) || data.state;
      if (!kept) return;
      const [answer, problem] = kept.shown ? [] : value(typed(kept.answer));
      if (problem) return;
      const because = Number.isInteger(kept.because) ? kept.because : -1;
      const reason = all("[data-because] input")[because];
      if (reason) reason.checked = true;
      if (answer !== undefined) kind.set(box, answer, part);
      slide();
      reveal({ answer, because });
    };
  };
})();

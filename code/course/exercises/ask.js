// A page exercise. `grade` is the twin of `judge` in grading.py, word for word.
(() => {
  const A = globalThis.actlabExercises;
  if (A.grade) return;

  A.grade = (data, given) => {
    const values = {}, texts = [], covered = {}, listed = data.parts;
    const kind = (part) => A.parts[part.type],
      prefix = (part) => (listed[1] ? `${part.label}: ` : "");
    for (const part of listed) {
      const [value, problem] = kind(part).read(part, given[part.name]);
      if (problem) return { status: "input", text: prefix(part) + problem };
      values[part.name] = value;
    }
    // judged by the right answer with which most parts agree, the first of several
    const good = (part) => kind(part).right(part, values[part.name]),
      agree = (form) => form[0].filter(good).length;
    const [all, praise] = [[{}, data.right], ...(data.also || [])]
      .map(([form, said]) => [listed.map((part) => ({ ...part, ...form[part.name] })), said])
      .sort((a, b) => agree(b) - agree(a))[0];
    const wrong = all.filter((part) => !good(part));
    if (!wrong[0]) return { status: "right", text: praise };
    const size = ([pattern]) => Object.keys(pattern).length;
    const far = ([pattern]) => all.reduce((sum, part) => {
      const { far: gap } = kind(part), slip = pattern[part.name];
      return gap && slip !== undefined ? sum + gap(slip, values[part.name]) : sum;
    }, 0);
    const order = (a, b) => size(b) - size(a) || far(a) - far(b);
    // the most specific misconception first; none whose parts are answered already
    for (const [pattern, said] of [...data.wrong].sort(order)) {
      const named = all.filter((part) => part.name in pattern),
        fits = (part) => kind(part).fits(part, pattern[part.name], values[part.name]),
        news = (part) => wrong.includes(part) && !covered[part.name];
      if (!named.some(news) || !named.every(fits)) continue;
      texts.push(said);
      named.forEach((part) => (covered[part.name] = 1));
    }
    const open = (part) => !covered[part.name];
    wrong.filter(open).forEach((part) => {
      texts.push(prefix(part) + kind(part).unknown(part, values[part.name]));
      texts.push(data.otherwise);
    });
    const done = all.filter((part) => !wrong.includes(part) && open(part));
    if (done[0]) texts.unshift(`Right so far: ${done.map((part) => part.label).join(", ")}.`);
    return { status: wrong[all.length - 1] ? "wrong" : "partial", text: texts.join(" ") };
  };

  const TITLES = {
    right: "✓ Right.", partial: "✗ Partly right.", wrong: "✗ Not yet.", input: "?",
  };

  A.kinds.ask = (root, data) => {
    const $ = (query) => root.querySelector(query), key = "actlab.ask." + data.id;
    const form = $("form"), reply = $("[role=status]"), again = $("[data-again]");
    const boxes = data.parts.map((part, i) => [
      part, root.querySelectorAll("[data-part]")[i], A.parts[part.type],
    ]);
    const fill = (given) =>
      boxes.forEach(([part, box, kind]) => kind.set(box, given[part.name], part));
    const tell = (text) => {
      reply.dataset.status = "";
      reply.textContent = text;
    };
    const show = ({ status, text }) => {
      tell("");
      reply.dataset.status = status;
      A.put(reply, "strong", TITLES[status]);
      reply.append(" ");
      A.put(reply, "span", text);
      again.hidden = status === "input";
    };
    boxes.forEach(([, box, kind]) => kind.wire && kind.wire(box, tell));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const answer = {}, before = A.load(key);
      boxes.forEach(([part, box, kind]) => (answer[part.name] = kind.get(box)));
      const result = A.grade(data, answer), { status } = result;
      show(result);
      if (status === "input") return;
      A.save(key, { answer, status, tries: ((before && before.tries) || 0) + 1 });
      A.tell(data.id, status, answer);
      if (!before) A.say("answered", data.id);
    });
    again.addEventListener("click", () => {
      fill({});
      tell("");
      again.hidden = true;
      form.querySelector("input, li button").focus();
    });
    return () => {
      const kept = A.load(key) || data.state;
      if (!kept || !kept.answer) return;
      const result = A.grade(data, kept.answer);
      if (result.status === "input") return;
      fill(kept.answer);
      show(result);
      A.say("answered", data.id);
    };
  };
})();

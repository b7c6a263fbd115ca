// An order part: items moved up and down by buttons. Twin of grading.py.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.order) return;
  A.parts.order = {
    read(part, raw) {
      const { options } = part;
      const place = (r) => (typeof r === "string" ? options.indexOf(r) : r);
      const order = Array.isArray(raw) ? raw.map(place) : [];
      const whole = options.every((_, at) => order.includes(at)) && order.length === options.length;
      return whole ? [order] : [null, `put all ${options.length} in order, each once.`];
    },
    right: (part, value) => A.same(value, part.answer),
    fits: (part, pattern, value) =>
      Array.isArray(pattern) ? A.same(value, pattern)
        : value.indexOf(pattern.first) < value.indexOf(pattern.second),
    unknown(part, value) {
      const wrong = value.filter((at, i) => at !== part.answer[i]);
      return `${value.length - wrong.length} of ${value.length} stand where they belong; ` +
        `the first that does not is “${part.options[wrong[0]]}”.`;
    },
    get: (box) => [...box.querySelectorAll("li")].map((item) => +item.dataset.at),
    set(box, value, part) {
      const list = box.querySelector("ol");
      const order = A.parts.order.read(part, value)[0] || [...part.options.keys()];
      order.forEach((at) => list.append(list.querySelector(`[data-at="${at}"]`)));
    },
    // Focus stays with the item that moves; its new place is read out.
    wire: (box, tell) =>
      box.addEventListener("click", ({ target }) => {
        const item = target.closest("li");
        if (!target.dataset.by) return;
        const other = target.dataset.by < 0 ? item.previousSibling : item.nextSibling;
        if (other) other[target.dataset.by < 0 ? "before" : "after"](item);
        target.focus();
        const all = [...item.parentNode.children];
        tell(`${item.firstChild.textContent}: place ${all.indexOf(item) + 1} of ${all.length}.`);
      }),
  };
})();

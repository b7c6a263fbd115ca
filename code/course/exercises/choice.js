// A choice part: one of several sentences. Twin of grading.py.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.choice) return;
  const all = (box) => [...box.querySelectorAll("input")];
  A.parts.choice = {
    read(part, raw) {
      const at = typeof raw === "string" ? part.options.indexOf(raw) : raw;
      const known = Number.isInteger(at) && part.options[at] !== undefined;
      return known ? [at] : [null, "choose one of the answers."];
    },
    right: (part, value) => value === part.answer,
    fits: (part, pattern, value) => value === pattern,
    unknown: (part, value) =>
      `“${part.options[value]}” is not it.`,
    get: (box) => all(box).findIndex((input) => input.checked),
    set: (box, value) => all(box).forEach((input, at) => (input.checked = at === value)),
  };
})();

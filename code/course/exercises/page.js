// What all exercise elements share: storage, events, finding themselves on the page.
// Each kind of part (number, choice, order, curve) and of element (ask, predict,
// progress) is a file of its own; an output carries only those that it needs.
(() => {
  if (globalThis.actlabExercises) return;
  const A = (globalThis.actlabExercises = { parts: {}, kinds: {}, alive: [] });
  A.same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  // The browser's storage if it lets us, this page's memory otherwise.
  const memory = {};
  A.load = (key) => {
    let text = memory[key];
    try {
      text = localStorage.getItem(key) || text;
    } catch {}
    try {
      return JSON.parse(text);
    } catch {}
  };
  A.save = (key, value) => {
    memory[key] = JSON.stringify(value);
    try {
      localStorage.setItem(key, memory[key]);
    } catch {}
  };
  A.forget = () => {
    const drop = (all) => Object.keys(all).forEach((key) => /^actlab\.(ask|predict)\./.test(key) && delete all[key]);
    drop(memory);
    try {
      drop(localStorage);
    } catch {}
  };
  // Colab forgets what a browser stores; there the kernel keeps it.
  A.tell = (...facts) => {
    try {
      google.colab.kernel.invokeFunction("actlab.record", facts, {});
    } catch {}
  };
  A.say = (name, id) =>
    document.dispatchEvent(new CustomEvent("actlab:" + name, { detail: { id } }));

  A.decode = (text) => JSON.parse(decodeURIComponent(escape(atob(text))));
  // Replies are set as text, never as HTML; `code` stands in backticks.
  A.put = (parent, tag, text) => {
    const node = document.createElement(tag);
    text.split("`").forEach((piece, i) => {
      const code = i % 2 ? document.createElement("code") : node;
      code.append(piece);
      if (i % 2) node.append(code);
    });
    parent.append(node);
    return node;
  };
  A.mount = () =>
    document.querySelectorAll("[data-actlab]:not([data-ready])").forEach((root) => {
      const kind = A.kinds[root.dataset.actlab];
      if (!kind) return;
      root.dataset.ready = 1;
      root.querySelectorAll(":disabled").forEach((node) => (node.disabled = false));
      const restore = kind(root, A.decode(root.dataset.payload));
      // one element that fails leaves the others alive
      const safe = () => {
        try {
          restore();
        } catch {}
      };
      A.alive.push(safe);
      safe();
    });
})();

/* The catalogue: filter by name, family and property, and two functions side by side.

   The state is the address, as in #family=smooth&name=gelu or #compare=gelu,relu; an
   address without = is the anchor of a card. What the comparison shows is a script of its
   own (tools/catalogue_page.py), fetched when somebody compares; a page that was opened
   from a file may load it as well. */
(() => {
  "use strict";
  const LOW = -5, HIGH = 5, STEPS = 400, WIDTH = 480, HEIGHT = 290;
  const here = document.currentScript;
  const form = document.getElementById("catalogue-filter");
  const name = form.querySelector("input");
  const [family, tag] = form.querySelectorAll("select");
  const compare = document.getElementById("catalogue-comparison");
  const [first, second] = compare.querySelectorAll("select");
  const cards = [...document.querySelectorAll(".actlab-function")];
  const families = [...document.querySelectorAll(".actlab-family")];

  // --- the address ---------------------------------------------------------------------

  const asked = () =>
    new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1, 2000) : "");

  const has = (select, value) => [...select.options].some((o) => o.value === value);

  const read = () => {
    const state = asked();
    name.value = state.get("name") ?? "";
    family.value = has(family, state.get("family")) ? state.get("family") : "";
    tag.value = has(tag, state.get("property")) ? state.get("property") : "";
    const pair = (state.get("compare") ?? "").split(",");
    if (pair.length === 2 && pair.every((key) => has(first, key))) {
      [first.value, second.value] = pair;
      compare.open = true;
    }
  };

  const write = () => {
    const parts = [
      ["name", name.value.trim()],
      ["family", family.value],
      ["property", tag.value],
      ["compare", compare.open ? `${first.value},${second.value}` : ""],
    ].filter(([, value]) => value);
    const text = parts.map(([key, v]) => `${key}=${encodeURIComponent(v)}`).join("&");
    const plain = location.href.split("#")[0];
    const anchor = location.hash.includes("=") ? "" : location.hash;
    history.replaceState(null, "", text ? `${plain}#${text.replace("%2C", ",")}` : plain + anchor);
  };

  // --- the filter, and the lists of contents that follow it ----------------------------

  const simple = (text) => text.toLowerCase().replace(/[-_\s]+/g, "");

  const filter = () => {
    const wanted = simple(name.value);
    let shown = 0;
    for (const card of cards) {
      const { family: of, tags, words } = card.dataset;
      const fits =
        (!family.value || of === family.value) &&
        (!tag.value || tags.split(" ").includes(tag.value)) &&
        (!wanted || simple(words).includes(wanted));
      card.hidden = !fits;
      shown += fits;
    }
    for (const group of families)
      group.hidden = !group.querySelector(".actlab-function:not([hidden])");
    const hidden = new Set([...cards, ...families].filter((e) => e.hidden).map((e) => `#${e.id}`));
    for (const entry of document.querySelectorAll(".toc-entry"))
      entry.hidden = hidden.has(entry.querySelector("a").getAttribute("href"));
    const told = shown === cards.length ? `${shown} functions` : `${shown} of ${cards.length}`;
    form.querySelector("[role=status]").textContent = told;
  };

  // Who follows an old address to a card that the filter hides sees the card.
  const showTarget = () => {
    const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!card?.closest(".actlab-family[hidden], .actlab-function[hidden]")) return;
    form.reset();
    filter();
    card.scrollIntoView();
  };

  // --- two side by side ------------------------------------------------------------------

  let loading = null;
  const data = () => {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = new URL("catalogue-data.js", here.src);
      script.addEventListener("load", () => done(globalThis.actlabCatalogue));
      script.addEventListener("error", failed);
      document.head.append(script);
    });
    return loading;
  };

  const sample = (f) =>
    Array.from({ length: STEPS + 1 }, (_, i) => {
      const x = LOW + ((HIGH - LOW) * i) / STEPS;
      return [x, f(x)];
    });

  const plot = (figure, functions, names, kind) => {
    const svg = figure.querySelector("svg");
    const curves = functions.map(sample);
    const ys = curves.flat().map(([, y]) => y).filter(Number.isFinite);
    const bottom = Math.max(-12, Math.min(0, ...ys)) - 0.1;
    const top = Math.min(12, Math.max(0, ...ys)) + 0.1;
    const px = (x) => ((x - LOW) / (HIGH - LOW)) * WIDTH;
    const py = (y) => HEIGHT - ((y - bottom) / (top - bottom)) * HEIGHT;
    const line = (points) => {
      let text = "", last = NaN;
      for (const [x, y] of points) {
        const jump = !(Math.abs(y - last) < 0.25 * (top - bottom));
        if (Number.isFinite(y)) text += `${jump ? "M" : "L"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
        last = y;
      }
      return text;
    };
    svg.querySelector(".one").setAttribute("d", line(curves[0]));
    svg.querySelector(".two").setAttribute("d", line(curves[1]));
    let grid = "";
    for (let x = LOW + 1; x < HIGH; x++) grid += `M${px(x)} 0V${HEIGHT}`;
    for (let y = Math.ceil(bottom); y < top; y++) grid += `M0 ${py(y).toFixed(1)}H${WIDTH}`;
    svg.querySelector(".grid").setAttribute("d", grid);
    svg.querySelector(".zero").setAttribute("d", `M${px(0)} 0V${HEIGHT}M0 ${py(0)}H${WIDTH}`);
    let gap = 0, at = 0;
    curves[0].forEach(([x, y], i) => {
      const distance = Math.abs(y - curves[1][i][1]);
      if (distance > gap) [gap, at] = [distance, x];
    });
    const found = gap < 1e-12
      ? `No difference in ${kind}.`
      : `Their ${kind} differ most at x = ${at.toFixed(2).replace("-", "−")}, by ${gap.toFixed(3)}.`;
    svg.setAttribute("aria-label", `${names.join(" and ")}: ${kind} from −5 to 5. ${found}`);
    figure.querySelector("figcaption").textContent = `${kind[0].toUpperCase()}${kind.slice(1)}`;
    return found;
  };

  const cell = (name, markup) => {
    const made = document.createElement(name);
    made.innerHTML = markup;
    return made;
  };

  // A line per label; what only one of the two has stands there as well.
  const table = (pair) => {
    const made = document.createElement("table");
    made.className = "actlab-properties";
    const head = made.createTHead().insertRow();
    head.append(cell("td", ""), ...pair.map((one) => cell("th", one.name)));
    for (const th of head.querySelectorAll("th")) th.scope = "col";
    const body = made.createTBody();
    const labels = [...new Set(pair.flatMap((one) => one.rows.map(([label]) => label)))];
    const of = (one, label) => one.rows.find(([own]) => own === label)?.[1] ?? "–";
    for (const label of labels) {
      const row = body.insertRow();
      const title = cell("th", label);
      title.scope = "row";
      const texts = pair.map((one) => of(one, label));
      row.append(title, ...texts.map((text) => cell("td", text)));
      if (texts[0] !== texts[1]) row.className = "differs";
    }
    return made;
  };

  const draw = async () => {
    const status = compare.querySelector("[role=status]");
    try {
      const { functions, facts } = await data();
      const keys = [first.value, second.value];
      const pair = keys.map((key) => facts[key]);
      const names = [first, second].map((s) => s.selectedOptions[0].text);
      const [values, slopes] = compare.querySelectorAll("figure");
      const told = ["values", "slopes"].map((kind, which) =>
        plot([values, slopes][which], keys.map((key) => functions[key][which]), names, kind));
      compare.querySelector(".actlab-rows").replaceChildren(table(pair));
      status.textContent =
        `Solid: ${names[0]}. Dashed: ${names[1]}. ${told.join(" ")} Grid lines at whole numbers.`;
    } catch {
      status.textContent = "The comparison's data could not be loaded.";
    }
  };

  // --- start -------------------------------------------------------------------------------

  const show = () => {
    read();
    filter();
    if (compare.open) draw();
    else if (!location.hash.includes("=")) showTarget();
  };

  form.hidden = compare.hidden = false;
  form.addEventListener("input", () => (filter(), write()));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => (filter(), write())));
  compare.addEventListener("change", () => (draw(), write()));
  compare.addEventListener("toggle", () => {
    if (compare.open) draw();
    write();
  });
  window.addEventListener("hashchange", show);
  show();
  if (asked().has("compare")) compare.scrollIntoView();
})();

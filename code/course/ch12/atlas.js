/* The atlas: pick functions, starts and steps; see accuracy against the learning rate,
   the order at everybody's own rate, and which of it is more than noise.

   The upper half computes and knows no page, the lower half draws. Data come from one
   recorded file in the page; the state is the address. */
"use strict";

const AtlasMath = (() => {
  /** The regularised incomplete beta function, by its continued fraction. */
  function beta(x, a, b) {
    if (!(x > 0)) return 0;
    if (x >= 1) return 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    const front = Math.exp(
      lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
    );
    let c = 1, d = 1 / (1 - ((a + b) * x) / (a + 1)), value = d;
    for (let m = 1; m < 300; m++) {
      for (const term of [
        (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
        (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
      ]) {
        d = 1 / (1 + term * d);
        c = 1 + term / c;
        value *= c * d;
      }
      if (Math.abs(c * d - 1) < 1e-14) break;
    }
    return (front * value) / a;
  }

  /** ln Γ(x) for x > 0: shifted up, then Stirling's series. */
  function lnGamma(x) {
    let shift = 0;
    while (x < 12) shift -= Math.log(x++);
    const r = 1 / (x * x);
    const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / x;
    return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
  }

  /** The two-sided p value of Student's t with n − 1 degrees of freedom. */
  function pOfT(t, n) {
    if (Number.isNaN(t)) return 1;
    const freedom = n - 1;
    return beta(freedom / (freedom + t * t), freedom / 2, 0.5);
  }

  function mean(values) {
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  function spread(values) {
    const m = mean(values);
    return Math.sqrt(
      values.reduce((sum, value) => sum + (value - m) ** 2, 0) / (values.length - 1),
    );
  }

  /** Mean and half of the 95 % interval; half is NaN for fewer than two values. */
  function interval(values, factors) {
    const n = values.length;
    if (n === 0) return { mean: NaN, half: NaN, n };
    const half = n > 1 ? (factors[n] * spread(values)) / Math.sqrt(n) : NaN;
    return { mean: mean(values), half, n };
  }

  /** a − b, run by run; a run that broke down (null) takes its partner with it. */
  function paired(a, b, factors) {
    const differences = [];
    a.forEach((value, seed) => {
      if (value !== null && b[seed] !== null && b[seed] !== undefined)
        differences.push(value - b[seed]);
    });
    const found = interval(differences, factors);
    const error = found.n > 1 ? spread(differences) / Math.sqrt(found.n) : NaN;
    const t = error > 0 ? found.mean / error : found.mean === 0 ? 0 : Infinity;
    return { ...found, p: found.n > 1 ? pOfT(t, found.n) : 1 };
  }

  /** Holm's correction: the smallest times their number, and so on, never falling. */
  function holm(ps) {
    const order = ps.map((_, i) => i).sort((i, j) => ps[i] - ps[j]);
    const corrected = new Array(ps.length);
    let largest = 0;
    order.forEach((place, k) => {
      largest = Math.max(largest, ps[place] * (ps.length - k));
      corrected[place] = Math.min(1, largest);
    });
    return corrected;
  }

  /** All pairs of the chosen cells, with Holm's correction over all of them. */
  function pairs(cells, factors) {
    const found = [];
    cells.forEach((first, i) =>
      cells.slice(i + 1).forEach((second, j) =>
        found.push({
          first: i,
          second: i + 1 + j,
          ...paired(first.final, second.final, factors),
        }),
      ),
    );
    const corrected = holm(found.map((pair) => pair.p));
    return found.map((pair, k) => ({ ...pair, holm: corrected[k] }));
  }

  /** The run of tried rates around the best at which it stays within `points` of it. */
  function goodRegion(cell, points) {
    const tried = cell.tuning;
    const best = tried.findIndex((point) => point.rate === cell.rate);
    const good = (point) =>
      point !== undefined && point.broke === 0 && point.mean >= tried[best].mean - points;
    let low = best, high = best;
    while (good(tried[low - 1])) low--;
    while (good(tried[high + 1])) high++;
    return { low: tried[low].rate, high: tried[high].rate };
  }

  /** The state in an address; whatever cannot be read is left out. */
  function readState(text, atlas) {
    let asked = new URLSearchParams();
    try {
      asked = new URLSearchParams(text.slice(0, 4000).replace(/^#/, ""));
    } catch {
      /* no address, then */
    }
    const record =
      atlas.records.find((one) => one.id === asked.get("data")) || atlas.records[0];
    const known = (list, value) => (list.includes(value) ? value : list[0]);
    const optimiser = known(record.optimisers, asked.get("steps"));
    const zoom = known(atlas.zooms, Number(asked.get("show")));
    const picks = [];
    for (const word of (asked.get("pick") || "").split(",").slice(0, 200)) {
      const [key, start] = word.split(".");
      const same = picks.some((pick) => pick.key === key && pick.start === start);
      if (!same && find(record, key, start, optimiser)) picks.push({ key, start });
    }
    if (!asked.has("pick") || (picks.length === 0 && asked.get("pick") !== ""))
      for (const key of atlas.first) picks.push({ key, start: record.starts[0] });
    return { record: record.id, optimiser, zoom, picks };
  }

  function writeState(state) {
    const pick = state.picks.map((one) => `${one.key}.${one.start}`).join(",");
    return (
      `#data=${state.record}&steps=${state.optimiser}` +
      `&show=${state.zoom}&pick=${pick}`
    );
  }

  function find(record, key, start, optimiser) {
    return record.cells.find(
      (cell) =>
        cell.key === key && cell.start === start && cell.optimiser === optimiser,
    );
  }

  /** The data as the page works with them: a tried rate, a row there, is an object. */
  function unpack(atlas) {
    const names = ["rate", "mean", "half", "n", "broke"];
    const point = (row) => Object.fromEntries(names.map((name, i) => [name, row[i]]));
    const cells = (list) =>
      list.map((cell) => ({ ...cell, tuning: cell.tuning.map(point) }));
    const records = atlas.records.map((one) => ({ ...one, cells: cells(one.cells) }));
    return { ...atlas, records };
  }

  /** What a function is called; one with something to learn has a dagger. */
  function nameOf(atlas, key) {
    return atlas.names[key] + (atlas.learnt.includes(key) ? " †" : "");
  }

  return {
    unpack, nameOf, beta, pOfT, interval, paired, holm, pairs, goodRegion, readState, writeState, find,
  };
})();

const AtlasPage = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const DASHES = ["", "7 4", "2 3", "9 3 2 3"];
  const MOST = 8; // lines with a colour; more are grey, and the table has them all

  function node(name, attributes = {}, ...children) {
    const made = name.startsWith("svg:")
      ? document.createElementNS(SVG, name.slice(4))
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
      if (key === "onclick") made.addEventListener("click", value);
      else made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const minus = (text) => text.replace(/-/g, "−");
  const fixed = (value, digits = 2) => minus(value.toFixed(digits));
  const plus = (value) => (value > 0 ? "+" : "") + fixed(value);

  function small(p) {
    return p < 0.001 ? "< 0.001" : p.toFixed(p < 0.1 ? 3 : 2);
  }

  function start(root, atlas) {
    let state = AtlasMath.readState(location.hash, atlas);
    const parts = skeleton(root, atlas);
    const record = () => atlas.records.find((one) => one.id === state.record);
    const cellOf = (pick) =>
      AtlasMath.find(record(), pick.key, pick.start, state.optimiser);

    function change(next, remember = true) {
      state = { ...state, ...next };
      const valid = AtlasMath.readState(AtlasMath.writeState(state), atlas);
      state = { ...valid, picks: state.picks.filter((pick) => cellOf(pick)) };
      if (remember) history.replaceState(null, "", AtlasMath.writeState(state));
      show();
    }

    function show() {
      const chosen = state.picks.map((pick) => ({ ...cellOf(pick) }));
      fillControls(parts, atlas, record(), state, change);
      drawChart(parts.chart, atlas, record(), state, chosen);
      fillLegend(parts.legend, atlas, state, chosen, change);
      parts.dagger.hidden = !chosen.some((cell) => atlas.learnt.includes(cell.key));
      fillTables(parts, atlas, chosen);
    }

    parts.add.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = parts.name.value.trim().toLowerCase();
      const key = Object.keys(atlas.names).find(
        (one) => one === typed || atlas.names[one].toLowerCase() === typed,
      );
      const pick = { key, start: parts.start.value };
      if (key === undefined || !cellOf(pick)) {
        parts.message.textContent = `no function “${parts.name.value}” in this record`;
        return;
      }
      parts.message.textContent = "";
      parts.name.value = "";
      if (!state.picks.some((one) => one.key === key && one.start === pick.start))
        change({ picks: [...state.picks, pick] });
    });
    parts.everything.addEventListener("click", () => {
      const from = parts.start.value;
      const all = record().cells.filter(
        (cell) => cell.start === from && cell.optimiser === state.optimiser,
      );
      change({ picks: all.map((cell) => ({ key: cell.key, start: from })) });
    });
    parts.none.addEventListener("click", () => change({ picks: [] }));
    addEventListener("hashchange", () =>
      change(AtlasMath.readState(location.hash, atlas), false),
    );
    let width = 0;
    new ResizeObserver(() => {
      if (Math.abs(root.clientWidth - width) < 2) return;
      width = root.clientWidth;
      show();
    }).observe(root);
    root.hidden = false;
    show();
  }

  function skeleton(root, atlas) {
    const parts = {
      data: node("select", { "aria-label": "Data" }),
      steps: node("select", { "aria-label": "Steps" }),
      zoom: node("select", { "aria-label": "Accuracies shown" }),
      name: node("input", {
        list: "atlas-names", "aria-label": "Function", placeholder: "add a function",
        autocomplete: "off", size: "14",
      }),
      start: node("select", { "aria-label": "Start of what is added" }),
      names: node("datalist", { id: "atlas-names" }),
      everything: node("button", { type: "button" }, "all"),
      none: node("button", { type: "button" }, "none"),
      message: node("p", { role: "status", class: "at-message" }),
      chart: node("svg:svg", { class: "at-chart", role: "img" }),
      legend: node("ul", { class: "at-legend" }),
      dagger: node("p", { class: "at-note" }, "† has something to learn, in every layer for itself."),
      order: node("div", { class: "at-scroll", tabindex: "0" }),
      verdict: node("p", { role: "status" }),
      pairs: node("div", { class: "at-scroll", tabindex: "0" }),
    };
    parts.add = node(
      "form", {}, parts.name, parts.start, node("button", {}, "add"), parts.everything,
      parts.none, parts.names,
    );
    root.append(
      node(
        "div", { class: "at-controls" },
        node("label", {}, "Data ", parts.data), node("label", {}, "Steps ", parts.steps),
        node("label", {}, "Show ", parts.zoom),
      ),
      node("div", { class: "at-controls" }, parts.add), parts.message, parts.chart,
      parts.legend, parts.dagger, node("h2", {}, "The order, each at its own rate"), parts.order,
      node("h2", {}, "What of it is more than noise"), parts.verdict, parts.pairs,
    );
    return parts;
  }

  function options(select, list, value) {
    const wanted = JSON.stringify(list);
    if (select.dataset.list !== wanted) {
      select.dataset.list = wanted;
      select.replaceChildren(
        ...list.map(([key, text]) => node("option", { value: key }, text)),
      );
    }
    if (value !== undefined) select.value = String(value);
  }

  function fillControls(parts, atlas, record, state, change) {
    options(parts.data, atlas.records.map((one) => [one.id, one.title]), state.record);
    const words = (list) => list.map((key) => [key, atlas.words[key]]);
    options(parts.steps, words(record.optimisers), state.optimiser);
    const zooms = atlas.zooms.map((n) => [n, n < 100 ? `the best ${n} points` : "all"]);
    options(parts.zoom, zooms, state.zoom);
    options(parts.start, words(record.starts));
    for (const select of [parts.data, parts.steps])
      select.parentNode.hidden = select.options.length < 2; // nothing to choose
    parts.data.onchange = () => change({ record: parts.data.value });
    parts.steps.onchange = () => change({ optimiser: parts.steps.value });
    parts.zoom.onchange = () => change({ zoom: Number(parts.zoom.value) });
    const keys = [...new Set(record.cells.map((cell) => cell.key))];
    options(parts.names, keys.map((key) => [atlas.names[key], ""]));
  }

  function drawChart(svg, atlas, record, state, chosen) {
    const width = Math.max(280, Math.min(720, svg.parentNode.clientWidth - 2));
    const height = Math.round(Math.max(260, width * 0.55));
    const frame = { left: 44, right: width - 10, top: 12, bottom: height - 42 };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const all = record.cells.filter((cell) => cell.optimiser === state.optimiser);
    const framed = chosen.length ? chosen : all;
    const top = Math.min(100, Math.max(...framed.map(best)) + 0.06 * Math.min(state.zoom, 60));
    const bottom = Math.max(0, top - state.zoom * 1.06);
    const rates = framed.flatMap((cell) => cell.tuning.map((point) => point.rate));
    const [first, last] = [Math.min(...rates), Math.max(...rates)].map(Math.log10);
    const x = (rate) =>
      frame.left +
      ((Math.log10(rate) - first) / (last - first)) * (frame.right - frame.left);
    const y = (value) =>
      frame.bottom - ((value - bottom) / (top - bottom)) * (frame.bottom - frame.top);
    const grid = node("svg:g", { class: "at-grid" });
    // A rate such as 0.000001 needs some 56 pixels; on a phone not every one has them.
    const every = Math.ceil((56 * (last - first)) / (frame.right - frame.left));
    for (let k = Math.ceil(first); k <= last; k++) {
      grid.append(rule(x(10 ** k), frame.top, x(10 ** k), frame.bottom));
      if (k % every !== 0) continue;
      grid.append(label(x(10 ** k), frame.bottom + 16, String(+(10 ** k).toPrecision(1))));
    }
    const step = state.zoom > 40 ? 20 : state.zoom > 10 ? 5 : state.zoom > 3 ? 2 : 0.5;
    for (let v = Math.ceil(bottom / step) * step; v <= top; v += step) {
      grid.append(rule(frame.left, y(v), frame.right, y(v)));
      grid.append(label(frame.left - 6, y(v) + 4, String(+v.toFixed(1)), "end"));
    }
    const middle = (frame.left + frame.right) / 2;
    grid.append(label(middle, height - 6, "learning rate (accuracy on held-out images, %)"));
    const clip = node(
      "svg:clipPath", { id: "at-clip" },
      node("svg:rect", {
        x: frame.left - 6, y: frame.top - 6, width: frame.right - frame.left + 12,
        height: frame.bottom - frame.top + 12,
      }),
    );
    const lines = node("svg:g", { "clip-path": "url(#at-clip)" });
    const starts = new Set(state.picks.map((pick) => pick.start));
    for (const cell of all)
      if (starts.size === 0 || starts.has(cell.start))
        lines.append(path(cell, x, y, { class: "at-other" }));
    chosen.slice(0, MOST).forEach((cell, k) => series(lines, cell, k, x, y, frame, atlas));
    svg.replaceChildren(clip, grid, lines);
    svg.setAttribute("aria-label", spoken(atlas, record, chosen));
  }

  const best = (cell) =>
    cell.tuning.find((point) => point.rate === cell.rate).mean || 0;
  const rule = (x1, y1, x2, y2) => node("svg:line", { x1, y1, x2, y2 });
  const label = (x, y, text, anchor = "middle") =>
    node("svg:text", { x, y, "text-anchor": anchor }, text);

  function path(cell, x, y, attributes) {
    let pen = "M", d = "";
    for (const point of cell.tuning) {
      if (point.broke > 0) {
        pen = "M";
        continue;
      }
      d += `${pen}${x(point.rate).toFixed(1)} ${y(point.mean).toFixed(1)}`;
      pen = "L";
    }
    return node("svg:path", { d, ...attributes });
  }

  function series(lines, cell, k, x, y, frame, atlas) {
    const group = node("svg:g", { class: `at-line at-colour-${k % MOST}` });
    group.append(path(cell, x, y, { "stroke-dasharray": DASHES[k % DASHES.length] }));
    for (const point of cell.tuning) {
      const [cx, cy] = [x(point.rate), y(point.mean)];
      if (point.broke > 0) {
        group.append(label(cx, frame.bottom - 4, "×"));
        continue;
      }
      if (point.half > 0)
        group.append(rule(cx, y(point.mean - point.half), cx, y(point.mean + point.half)));
      const r = point.rate === cell.rate ? 6 : 3.2;
      const kind = point.n > 1 ? "at-dot" : "at-dot at-hollow";
      const words =
        `${AtlasMath.nameOf(atlas, cell.key)}, ${atlas.words[cell.start]}: ${point.mean.toFixed(2)} %` +
        ` at ${point.rate} (${point.n} run${point.n > 1 ? "s" : ""})`;
      group.append(
        node("svg:circle", { cx, cy, r, class: kind }, node("svg:title", {}, words)),
      );
    }
    lines.append(group);
  }

  function spoken(atlas, record, chosen) {
    const found = chosen
      .slice(0, MOST)
      .map(
        (cell) =>
          `${AtlasMath.nameOf(atlas, cell.key)} from ${atlas.words[cell.start]} is best at ` +
          `${cell.rate} with ${best(cell).toFixed(1)} per cent`,
      );
    return (
      `Accuracy on held-out images against the learning rate, ${record.title}. ` +
      (found.length ? `${found.join("; ")}.` : "No function is picked.")
    );
  }

  function fillLegend(list, atlas, state, chosen, change) {
    list.replaceChildren(
      ...chosen.map((cell, k) => {
        const name = `${AtlasMath.nameOf(atlas, cell.key)}, ${atlas.words[cell.start]}`;
        const remove = node(
          "button",
          {
            type: "button", "aria-label": `remove ${name}`,
            onclick: () => change({ picks: state.picks.filter((_, i) => i !== k) }),
          },
          "×",
        );
        const colour = k < MOST ? `at-colour-${k % MOST}` : "at-plain";
        const key = node("span", { class: `at-key ${colour}`, "aria-hidden": "true" });
        key.style.borderTopStyle = k % DASHES.length ? "dashed" : "solid";
        return node("li", {}, key, name, remove);
      }),
    );
  }

  function table(head, rows) {
    const line = (cells, tag) =>
      node("tr", {}, ...cells.map((cell) => node(tag, {}, cell)));
    return node(
      "table", { class: "table" }, node("thead", {}, line(head, "th")),
      node("tbody", {}, ...rows.map((row) => line(row, "td"))),
    );
  }

  function fillTables(parts, atlas, chosen) {
    const factors = atlas.factors;
    const cells = chosen
      .map((cell) => {
        const runs = cell.final.filter((value) => value !== null);
        return { ...cell, ...AtlasMath.interval(runs, factors), broke: cell.final.length - runs.length };
      })
      .sort((a, b) => (b.mean || 0) - (a.mean || 0));
    const found = AtlasMath.pairs(cells, factors);
    const name = (cell) => `${AtlasMath.nameOf(atlas, cell.key)}, ${atlas.words[cell.start]}`;
    const level = cells.map(
      (_, i) =>
        found.filter((p) => (p.first === i || p.second === i) && p.holm >= 0.05).length,
    );
    parts.order.replaceChildren(
      table(
        ["function, start", "rate", "test accuracy, %", "within 1 point", "not told apart from"],
        cells.map((cell, i) => {
          const region = AtlasMath.goodRegion(cell, 1);
          return [
            name(cell),
            String(cell.rate),
            cell.n
              ? `${fixed(cell.mean)} ± ${fixed(cell.half)}` +
                (cell.broke ? ` (${cell.broke} of ${cell.final.length} broke down)` : "")
              : "all runs broke down",
            region.low === region.high
              ? `at ${region.low} only`
              : `${region.low} to ${region.high}`,
            cells.length > 1 ? `${level[i]} of ${cells.length - 1}` : "–",
          ];
        }),
      ),
    );
    const told = found.filter((pair) => pair.holm < 0.05).length;
    parts.verdict.textContent =
      cells.length < 2
        ? "Pick two functions or more."
        : `${told} of ${found.length} pair${found.length > 1 ? "s" : ""} differ${
            found.length > 1 ? "" : "s"
          } by more than noise: paired by seed, corrected by Holm's method for the ` +
          `${found.length} asked about, at 5 %.`;
    const rows = found
      .slice()
      .sort((a, b) => a.holm - b.holm || Math.abs(b.mean) - Math.abs(a.mean))
      .slice(0, 45)
      .map((pair) => [
        `${name(cells[pair.first])} − ${name(cells[pair.second])}`,
        pair.n > 1
          ? `${plus(pair.mean)} [${plus(pair.mean - pair.half)}, ${plus(pair.mean + pair.half)}]`
          : "no two runs",
        small(pair.holm),
        pair.holm < 0.05 ? "more than noise" : "not shown",
      ]);
    parts.pairs.replaceChildren(
      ...(rows.length
        ? [table(["pair", "difference, points", "p (Holm)", "verdict"], rows)]
        : []),
      ...(found.length > rows.length
        ? [node("p", {}, `The first ${rows.length} of ${found.length} pairs.`)]
        : []),
    );
  }

  return { start };
})();

if (typeof document !== "undefined")
  addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("atlas-app");
    const data = document.getElementById("atlas-data");
    if (root && data) AtlasPage.start(root, AtlasMath.unpack(JSON.parse(data.textContent)));
  });

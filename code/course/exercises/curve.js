// A curve to draw: drag in the picture, or type a number for each x.
(() => {
  const A = globalThis.actlabExercises;
  if (A.parts.curve) return;
  const W = 340, H = 200, LEFT = 50, BOTTOM = 34, TOP = 8;
  const fields = (box) => [...box.querySelectorAll("input")];

  const scales = (part) => {
    const low = A.scale(part, part.low), high = A.scale(part, part.high);
    const tall = H - TOP - BOTTOM, wide = W - LEFT - 24, last = part.x.length - 1;
    const clamp = (v, top) => Math.min(top, Math.max(0, v));
    return {
      x: (i) => LEFT + 12 + (wide * i) / last,
      y: (v) => TOP + tall * (1 - clamp((A.scale(part, v) - low) / (high - low), 1)),
      // grid lines: quarters of the axis, or whole powers of ten
      levels() {
        if (!part.log) return [0, 1, 2, 3, 4].map((k) => low + ((high - low) * k) / 4);
        const step = Math.ceil((high - low) / 5), found = [];
        for (let k = Math.ceil(low - 1e-9); k <= high + 1e-9; k += step) found.push(10 ** k);
        return found;
      },
      near: (px) => Math.round(clamp(((px - LEFT - 12) / wide) * last, last)),
      value(py) {
        const v = low + (high - low) * clamp(1 - (py - TOP) / tall, 1);
        return +(part.log ? 10 ** v : v).toPrecision(3);
      },
    };
  };
  const draw = (box, part, more) => {
    const svg = box.querySelector("svg"), to = scales(part);
    const add = (tag, attributes, text) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
      node.textContent = text || "";
      svg.append(node);
    };
    svg.replaceChildren();
    to.levels().forEach((level) => {
      const y = to.y(level);
      add("line", { x1: LEFT, x2: W - 6, y1: y, y2: y, class: "grid" });
      add("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, A.round(level, 2));
    });
    part.x.forEach((x, i) =>
      add("text", { x: to.x(i), y: H - 19, "text-anchor": "middle" }, A.round(x, 3)));
    add("text", { x: (W + LEFT) / 2, y: H - 3, "text-anchor": "middle" }, part.xLabel);
    const mine = fields(box).map((field) => (A.readings(field.value, part.unit) || [])[0]);
    [["you", mine], ...more].forEach(([name, values]) => {
      const known = values.map((v, i) => [to.x(i), to.y(v)]).filter(([, y]) => y > 0);
      add("polyline", { class: name, points: known.join(" ") });
      known.forEach(([x, y]) => add("circle", { class: name, cx: x, cy: y, r: name === "you" ? 6 : 3 }));
    });
  };

  A.parts.curve = {
    read(part, raw) {
      const one = ([value, other]) => (other === undefined ? value : NaN);
      const found = raw.map((text) => one(A.readings(text, part.unit)));
      const above = part.log ? " above 0" : "";
      const fine = found.every((v) => Number.isFinite(v) && !(part.log && v <= 0));
      return fine && found.length === part.x.length ? [found] : [null, `give every point a number${above}.`];
    },
    verdict(part, value) {
      const gaps = value.map((v, i) => Math.abs(A.scale(part, v) - A.scale(part, part.answer[i])));
      const mean = gaps.reduce((a, b) => a + b) / gaps.length;
      const worst = part.x[gaps.indexOf(Math.max(...gaps))];
      const said = value.map((v) => A.round(v, part.digits)).join(", ");
      return [said, `on average ${A.gap(part, mean)} off, most at ${part.xLabel} = ${A.round(worst, 3)}`];
    },
    get: (box) => fields(box).map((field) => field.value),
    set(box, value) {
      fields(box).forEach((field, i) => (field.value = value[i]));
    },
    wire(box, tell, part) {
      const svg = box.querySelector("svg"), to = scales(part);
      const drag = (event) => {
        if (!event.buttons || fields(box)[0].disabled) return;
        const frame = svg.getBoundingClientRect(), unit = W / frame.width;
        const at = to.near((event.clientX - frame.left) * unit);
        fields(box)[at].value = to.value((event.clientY - frame.top) * unit);
        draw(box, part, []);
      };
      svg.addEventListener("pointerdown", drag);
      svg.addEventListener("pointermove", drag);
      box.addEventListener("input", () => draw(box, part, []));
      draw(box, part, []);
    },
    reveal(box, part, textbook) {
      draw(box, part, [["measured", part.answer], ["textbook", textbook || []]]);
      box.querySelector("[data-key]").hidden = false;
    },
  };
})();

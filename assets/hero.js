/* The picture of the landing page: a network of 2-16-16-1 units that learns two spirals
   while one looks. The same start and the same points for every activation; batch of
   all points, Adam. It stops when it has learnt, and with reduced motion only its end
   is drawn. It learns and draws in a worker, so that the page stays free; in a browser
   whose workers cannot draw, in the page. */
(() => {
  "use strict";
  const page = document.getElementById("actlab-live");
  if (!page) return;

  // All of this is sent to the worker as text: it uses nothing from outside.
  const painter = (scope) => {
    const GRID = 64;
    const STEPS = 480;
    const REACH = 1.15; // the picture goes from -REACH to REACH
    const SIZES = [2, 16, 16, 1];
    const RATE = 0.02;

    const FUNCTIONS = {
      relu: [(x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0), Math.SQRT2],
      tanh: [Math.tanh, (x) => 1 - Math.tanh(x) ** 2, 5 / 3],
      gelu: [
        (x) => x / (1 + Math.exp(-1.702 * x)),
        (x) => {
          const s = 1 / (1 + Math.exp(-1.702 * x));
          return s + 1.702 * x * s * (1 - s);
        },
        1.5,
      ],
      sine: [Math.sin, Math.cos, 1.5],
    };

    // --- points and a generator that gives the same numbers in every browser ------------

    const generator = (seed) => () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const normal = (random) =>
      Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

    const spirals = () => {
      const random = generator(1);
      return Array.from({ length: 140 }, (_, i) => {
        const arm = i % 2;
        const t = 0.12 + 0.88 * Math.floor(i / 2) / 70;
        const angle = 3.6 * t * Math.PI * 0.75 + arm * Math.PI;
        const blur = () => 0.025 * normal(random);
        return [t * Math.cos(angle) + blur(), t * Math.sin(angle) + blur(), arm];
      });
    };

    // --- the network --------------------------------------------------------------------

    const network = (name) => {
      const [f, slope, gain] = FUNCTIONS[name];
      const random = generator(7);
      const layers = SIZES.slice(1).map((out, l) => {
        const into = SIZES[l];
        // The first layer looks closer: its inputs are smaller than 1.
        const scale = (l === 0 ? 2.2 : gain) / Math.sqrt(into);
        const w = Float64Array.from({ length: out * (into + 1) }, (_, k) =>
          k % (into + 1) === into ? 0.3 * normal(random) : scale * normal(random));
        return { out, into, w, g: new Float64Array(w.length),
          m: new Float64Array(w.length), v: new Float64Array(w.length) };
      });
      const zs = SIZES.slice(1).map((n) => new Float64Array(n));
      const as = SIZES.map((n) => new Float64Array(n));
      const ds = SIZES.slice(1).map((n) => new Float64Array(n));
      let step = 0;

      const forward = (x, y) => {
        as[0][0] = x;
        as[0][1] = y;
        layers.forEach(({ out, into, w }, l) => {
          for (let i = 0; i < out; i++) {
            const row = i * (into + 1);
            let z = w[row + into];
            for (let j = 0; j < into; j++) z += w[row + j] * as[l][j];
            zs[l][i] = z;
            as[l + 1][i] = l === layers.length - 1 ? z : f(z);
          }
        });
        return zs[layers.length - 1][0];
      };

      const backward = (truth) => {
        const last = layers.length - 1;
        ds[last][0] = 1 / (1 + Math.exp(-zs[last][0])) - truth;
        for (let l = last; l >= 0; l--) {
          const { out, into, w, g } = layers[l];
          if (l) ds[l - 1].fill(0);
          for (let i = 0; i < out; i++) {
            const row = i * (into + 1);
            const d = ds[l][i];
            for (let j = 0; j < into; j++) {
              g[row + j] += d * as[l][j];
              if (l) ds[l - 1][j] += d * w[row + j];
            }
            g[row + into] += d;
          }
          if (l) for (let j = 0; j < into; j++) ds[l - 1][j] *= slope(zs[l - 1][j]);
        }
      };

      const update = (count) => {
        step += 1;
        const one = 1 - 0.9 ** step, two = 1 - 0.999 ** step;
        for (const { w, g, m, v } of layers) {
          for (let k = 0; k < w.length; k++) {
            const slopeHere = g[k] / count;
            m[k] = 0.9 * m[k] + 0.1 * slopeHere;
            v[k] = 0.999 * v[k] + 0.001 * slopeHere * slopeHere;
            w[k] -= (RATE * m[k]) / one / (Math.sqrt(v[k] / two) + 1e-8);
            g[k] = 0;
          }
        }
      };

      const train = (points) => {
        for (const [x, y, truth] of points) {
          forward(x, y);
          backward(truth);
        }
        update(points.length);
      };
      return { forward, train };
    };

    // --- the picture --------------------------------------------------------------------

    let canvas, context, dark, still;
    const small = scope.document ? document.createElement("canvas") : new OffscreenCanvas(GRID, GRID);
    small.width = small.height = GRID;
    const cells = small.getContext("2d");
    const pixels = cells.createImageData(GRID, GRID);
    const INKS = [[0, 103, 165], [214, 120, 30]];
    const place = (value) => ((value + REACH) / (2 * REACH)) * canvas.width;

    const draw = (net, points) => {
      const paper = dark ? 24 : 255;
      for (let r = 0; r < GRID; r++) {
        for (let c = 0; c < GRID; c++) {
          const at = (k) => (2 * (k + 0.5) / GRID - 1) * REACH;
          const p = 1 / (1 + Math.exp(-net.forward(at(c), at(r))));
          const share = 0.62 * Math.abs(2 * p - 1);
          INKS[p > 0.5 ? 1 : 0].forEach((ink, k) => {
            pixels.data[4 * (r * GRID + c) + k] = paper + (ink - paper) * share;
          });
          pixels.data[4 * (r * GRID + c) + 3] = 255;
        }
      }
      cells.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      for (const [x, y, arm] of points) {
        context.beginPath();
        context.arc(place(x), place(y), 0.014 * canvas.width, 0, 2 * Math.PI);
        context.fillStyle = `rgb(${INKS[arm].join()})`;
        context.fill();
        context.lineWidth = 1.2;
        context.strokeStyle = dark ? "#111" : "#fff";
        context.stroke();
      }
    };

    // --- the course of it -------------------------------------------------------------

    const points = spirals();
    let run = 0;
    let shown = null;

    const start = (name) => {
      const mine = ++run;
      const net = network(name);
      shown = net;
      let steps = 0;
      if (still) {
        while (steps++ < STEPS) net.train(points);
        draw(net, points);
        return;
      }
      const frame = () => {
        if (mine !== run) return;
        for (let k = 0; k < 3; k++) net.train(points);
        steps += 3;
        draw(net, points);
        if (steps < STEPS) scope.requestAnimationFrame(frame);
      };
      scope.requestAnimationFrame(frame);
    };

    return (told) => {
      ({ canvas = canvas, dark = dark, still = still } = told);
      context ??= canvas.getContext("2d");
      if (told.start) start(told.start);
      else if (shown) draw(shown, points);
    };
  };

  // --- the page -------------------------------------------------------------------------

  const isDark = () => document.documentElement.dataset.theme === "dark";
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const begin = (tell) => {
    const choices = document.querySelector(".actlab-choices");
    choices.hidden = false;
    choices.addEventListener("click", (event) => {
      const chosen = event.target.closest("button");
      if (!chosen) return;
      for (const button of choices.children) {
        button.setAttribute("aria-pressed", String(button === chosen));
      }
      tell({ start: chosen.dataset.f, still: still.matches });
    });
    new MutationObserver(() => tell({ dark: isDark() })).observe(
      document.documentElement, { attributeFilter: ["data-theme"] });
    tell({ start: "relu", dark: isDark(), still: still.matches });
  };

  const here = () => {
    const paint = painter(window);
    begin((told) => paint({ canvas: page, ...told }));
  };

  // The canvas is given away only to a worker that has answered.
  const inWorker = () => {
    const source = `const paint = (${painter})(self);
      onmessage = ({ data }) => paint(data);
      postMessage("ready");`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    worker.onerror = here;
    worker.onmessage = () => {
      worker.onmessage = worker.onerror = null;
      const canvas = page.transferControlToOffscreen();
      worker.postMessage({ canvas }, [canvas]);
      begin((told) => worker.postMessage(told));
    };
  };

  const start = () => {
    if (!page.transferControlToOffscreen || !globalThis.OffscreenCanvas) return here();
    try {
      inWorker();
    } catch {
      here();
    }
  };

  // Only when it can be seen, and after the page is there.
  const sight = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    sight.disconnect();
    start();
  });
  sight.observe(page);
})();

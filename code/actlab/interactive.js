// The explorer: a curve, its slope, sliders and a probe. Python (interactive.py) draws
// the first frame with the same rules, so nothing jumps when this script takes over.
const BOX = { left: 46, right: 470, top: 10, bottom: 262 };
const STEPS = 120;

// Range of the vertical axis: what value and slope take, zero, and a little room.
// Poles and exponentials are cut off at three times the width of the x range.
function limits(functions, parameters, low, high) {
  let least = 0, greatest = 0;
  for (const g of functions)
    for (let i = 0; i <= STEPS; i++) {
      const y = g(low + (high - low) * i / STEPS, parameters);
      if (Number.isFinite(y)) {
        least = Math.min(least, y);
        greatest = Math.max(greatest, y);
      }
    }
  const most = 3 * (high - low);
  least = Math.max(least, -most);
  greatest = Math.min(greatest, most);
  const room = 0.06 * (greatest - least) || 1;
  return [least - room, greatest + room];
}

// Round numbers, at most seven of them, and how many decimals they need.
function ticks(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(m => m * power >= rough * 0.999);
  const marks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    marks.push(k * step);
  return { marks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function place(view, x, y) {
  const [low, high, bottom, top] = view;
  const up = (BOX.bottom - BOX.top) * (y - bottom) / (top - bottom);
  return [
    BOX.left + (BOX.right - BOX.left) * (x - low) / (high - low),
    Math.max(-999, Math.min(1999, BOX.bottom - up)),
  ];
}

// The curve as an SVG path. Where halving the interval does not shrink the difference
// the function jumps, and the pen is lifted.
function path(g, parameters, view) {
  const [low, high, bottom, top] = view;
  let text = '', pen = 'M';
  const add = (x, y) => {
    const [px, py] = place(view, x, y);
    text += pen + px.toFixed(1) + ' ' + py.toFixed(1);
    pen = 'L';
  };
  let before = 0, last = NaN;
  for (let i = 0; i <= STEPS; i++) {
    const x = low + (high - low) * i / STEPS, y = g(x, parameters);
    if (!Number.isFinite(y)) pen = 'M';
    else {
      if (Math.abs(y - last) > 0.04 * (top - bottom)) {
        let a = before, fa = last, b = x, fb = y;
        for (let k = 0; k < 34; k++) {
          const m = (a + b) / 2, fm = g(m, parameters);
          if (Math.abs(fm - fa) > Math.abs(fb - fm)) { b = m; fb = fm; }
          else { a = m; fa = fm; }
        }
        if (Math.abs(fb - fa) > 0.02 * (top - bottom)) {
          if (Number.isFinite(fa)) add(a, fa);
          pen = 'M';
          if (Number.isFinite(fb)) add(b, fb);
        }
      }
      add(x, y);
    }
    before = x;
    last = y;
  }
  return text;
}

function number(value, decimals = 2) {
  if (!Number.isFinite(value)) return 'undefined';
  const small = value !== 0 && Math.abs(value) < 0.5 * 10 ** -decimals;
  const text = small || Math.abs(value) >= 1e5
    ? value.toExponential(1) : value.toFixed(decimals);
  return text.replace(/-/g, '\u2212');
}

// One number, or two where the function jumps.
function reading(g, x, parameters) {
  const left = g(x - 1e-7, parameters), right = g(x + 1e-7, parameters);
  return Math.abs(right - left) > 1e-3 ? [left, right] : [g(x, parameters)];
}

function explorer(root, value, slope, settings) {
  const find = name => root.querySelector('.ax-' + name);
  const svg = find('plot'), probe = find('probe'), range = find('range');
  const sliders = [...root.querySelectorAll('.ax-slider')];
  const defaults = settings.parameters;
  let view, x, timer;
  const parameters = () => sliders.map(s => Number(s.value));
  const span = () => view[1] - view[0];

  function svgElement(name, attributes, parent, text = '') {
    const node = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    node.textContent = text;
    parent.append(node);
  }

  function drawAxes() {
    const grid = find('grid'), labels = find('labels');
    grid.replaceChildren();
    labels.replaceChildren();
    for (const [low, high, upright] of [[...view.slice(0, 2), 1], [...view.slice(2), 0]]) {
      const { marks, decimals } = ticks(low, high);
      for (const mark of marks) {
        const [px, py] = place(view, upright ? mark : low, upright ? 0 : mark);
        svgElement('path', {
          d: upright ? `M${px.toFixed(1)} ${BOX.top}V${BOX.bottom}`
            : `M${BOX.left} ${py.toFixed(1)}H${BOX.right}`,
          class: Math.abs(mark) < 1e-9 ? 'ax-zero' : '',
        }, grid);
        svgElement('text', upright
          ? { x: px.toFixed(1), y: BOX.bottom + 19, 'text-anchor': 'middle' }
          : { x: BOX.left - 7, y: (py + 4.5).toFixed(1), 'text-anchor': 'end' },
        labels, number(mark, decimals));
      }
    }
  }

  function setRange() {
    const [low, high] = range.value.split(',').map(Number);
    view = [low, high, ...limits([value, slope], defaults, low, high)];
    x = Math.max(low, Math.min(high, x));
    drawAxes();
    draw();
  }

  function draw() {
    const p = parameters();
    find('slope').setAttribute('d', path(slope, p, view));
    find('value').setAttribute('d', path(value, p, view));
    sliders.forEach(s => {
      const text = number(Number(s.value), s.dataset.decimals);
      s.nextElementSibling.textContent = text;
      s.setAttribute('aria-valuetext', text);
    });
    drawProbe(p);
  }

  function drawProbe(p) {
    const values = reading(value, x, p), slopes = reading(slope, x, p);
    const y = value(x, p), m = slope(x, p);
    const [px, py] = place(view, x, Number.isFinite(y) ? y : 0);
    const [, sy] = place(view, x, Number.isFinite(m) ? m : 0);
    find('line').setAttribute('d', `M${px} ${BOX.top}V${BOX.bottom}`);
    find('touch').setAttribute('x', px - 22);
    for (const [name, at] of [['dot', py], ['ring', py], ['slope-dot', sy]]) {
      find(name).setAttribute('cx', px);
      find(name).setAttribute('cy', at);
    }
    // A piece of the tangent, 60 units long on the screen.
    const [, up] = place(view, x, y + m), run = (BOX.right - BOX.left) / span();
    const stretch = 30 / Math.hypot(run, up - py);
    const smooth = values.length + slopes.length === 2 && Number.isFinite(m);
    find('tangent').setAttribute('d', smooth ? `M${px - run * stretch} ${
      py - (up - py) * stretch}L${px + run * stretch} ${py + (up - py) * stretch}` : '');
    const words = [values, slopes].map(pair => pair.map(v => number(v)));
    find('x').textContent = number(x);
    find('v').textContent = words[0].join(' \u2192 ') + (values[1] === undefined ? '' : ' (jump)');
    find('s').textContent = words[1].join(' \u2192 ') + (slopes[1] === undefined ? '' : ' (kink)');
    const say = (name, pair) => pair.length > 1
      ? `${name} jumps from ${pair[0]} to ${pair[1]}` : `${name} ${pair[0]}`;
    const text = `x = ${number(x)}, ${say('value', words[0])}, ${say('slope', words[1])}`;
    probe.setAttribute('aria-valuemin', view[0]);
    probe.setAttribute('aria-valuemax', view[1]);
    probe.setAttribute('aria-valuenow', x.toFixed(4));
    probe.setAttribute('aria-valuetext', text);
    return text;
  }

  function moveTo(target) {
    const step = span() / 200;
    const snapped = Math.round((target - view[0]) / step) * step + view[0];
    x = Math.max(view[0], Math.min(view[1], Number(snapped.toFixed(9))));
    return drawProbe(parameters());
  }

  // The probe speaks for itself when it is moved; after a change elsewhere the new
  // reading is said once, when the hand has come to rest.
  function announce() {
    clearTimeout(timer);
    timer = setTimeout(() => { find('live').textContent = drawProbe(parameters()); }, 800);
  }

  function reset() {
    sliders.forEach(s => { s.value = s.defaultValue; });
    range.value = range.querySelector('[selected]').value;
    x = settings.probe;
    setRange();
  }

  const onPointer = event => {
    if (event.type === 'pointermove' && !svg.hasPointerCapture(event.pointerId)) return;
    if (event.type === 'pointerdown') {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      probe.focus({ preventScroll: true });
    }
    const box = svg.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width * 480;
    moveTo(view[0] + span() * (px - BOX.left) / (BOX.right - BOX.left));
  };
  svg.addEventListener('pointerdown', onPointer);
  svg.addEventListener('pointermove', onPointer);
  probe.addEventListener('keydown', event => {
    const step = span() / 100;
    const moves = {
      ArrowRight: x + step, ArrowUp: x + step, ArrowLeft: x - step, ArrowDown: x - step,
      PageUp: x + 10 * step, PageDown: x - 10 * step, Home: view[0], End: view[1],
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    moveTo(moves[event.key]);
  });
  sliders.forEach(s => s.addEventListener('input', () => { draw(); announce(); }));
  range.addEventListener('change', () => { setRange(); announce(); });
  find('reset').addEventListener('click', () => { reset(); announce(); });
  root.classList.add('ax-on');
  reset();
}

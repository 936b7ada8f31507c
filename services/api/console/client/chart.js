/** A moving line chart, drawn as SVG: the last two minutes, one point a second. */

export const SPAN_MS = 120_000;
const MARGIN = { left: 52, right: 10, top: 10, bottom: 22 };
const NS = 'http://www.w3.org/2000/svg';

/**
 * @typedef {{ at: number, value: number | null, waiting: boolean, measured: boolean }} Point
 *   `waiting`: the value still grows; `measured`: it is a new one
 */

/**
 * @param {SVGSVGElement} svg
 * @param {(value: number) => string} format
 * @returns {(point: Point) => void}
 */
export const createChart = (svg, format) => {
  /** @type {Point[]} */
  let points = [];
  const draw = () => {
    render(svg, points, format);
  };
  new ResizeObserver(draw).observe(svg);
  return (point) => {
    points = [...points.filter(({ at }) => at > point.at - SPAN_MS && at < point.at), point];
    draw();
  };
};

/** @param {SVGSVGElement} svg @param {readonly Point[]} points @param {(value: number) => string} format */
const render = (svg, points, format) => {
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0) return;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const end = points.at(-1)?.at ?? 0;
  const top = niceTop(Math.max(1_000, ...points.map(({ value }) => value ?? 0)));
  /** @param {number} at */
  const x = (at) => MARGIN.left + (1 - (end - at) / SPAN_MS) * (width - MARGIN.left - MARGIN.right);
  /** @param {number} value */
  const y = (value) => MARGIN.top + (1 - value / top) * (height - MARGIN.top - MARGIN.bottom);

  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const value = top * share;
    const level = Math.round(y(value)) + 0.5;
    parts.push(shape('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: level, y2: level }));
    parts.push(label(format(value), MARGIN.left - 8, level + 4, 'end'));
  }
  for (const [text, at, anchor] of /** @type {const} */ ([
    ['2 min ago', end - SPAN_MS, 'start'],
    ['1 min', end - SPAN_MS / 2, 'middle'],
    ['now', end, 'end'],
  ])) {
    parts.push(label(text, x(at), height - 5, anchor));
  }
  for (const run of runsOf(points)) {
    const line = run.map(({ at, value }) => `${x(at).toFixed(1)},${y(value ?? 0).toFixed(1)}`);
    const kind = run.at(-1)?.waiting ? 'waiting' : 'measured';
    const [first, last] = [x(run[0]?.at ?? end), x(run.at(-1)?.at ?? end)];
    parts.push(
      shape('polygon', { class: `area ${kind}`, points: [`${first},${y(0)}`, ...line, `${last},${y(0)}`].join(' ') }),
    );
    parts.push(shape('polyline', { class: `line ${kind}`, points: line.join(' ') }));
  }
  for (const { at, value, measured } of points) {
    if (measured && value !== null) parts.push(shape('circle', { class: 'dot', cx: x(at), cy: y(value), r: 2 }));
  }
  svg.replaceChildren(...parts);
};

/** Runs of points of one kind; a run begins where the one before ended, so that the line has no gap. @param {readonly Point[]} points */
const runsOf = (points) => {
  /** @type {Point[][]} */
  const runs = [];
  /** @type {Point | undefined} */
  let before;
  for (const point of points) {
    const run = runs.at(-1);
    if (point.value === null) before = undefined;
    else {
      if (run !== undefined && before?.waiting === point.waiting) run.push(point);
      else runs.push(before === undefined ? [point] : [before, point]);
      before = point;
    }
  }
  return runs;
};

/** The next round number above: one whose half is round, too. @param {number} value */
const niceTop = (value) => {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 4, 6, 8].find((step) => step * power >= value) ?? 10) * power;
};

/** @param {string} name @param {Record<string, string | number>} attributes */
const shape = (name, attributes) => {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
};

/** @param {string} text @param {number} x @param {number} y @param {string} anchor */
const label = (text, x, y, anchor) => {
  const made = shape('text', { x, y, 'text-anchor': anchor });
  made.textContent = text;
  return made;
};

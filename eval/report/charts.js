/* Drawing: curves, rows of dots, and points in a plane, as SVG that follows the colours of the page. */
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 400;
const MARKS = {
  o: "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0z",
  s: "M-3.2-3.2h6.4v6.4h-6.4z",
  "^": "M0-4L3.9 3.2H-3.9z",
  v: "M0 4L3.9-3.2H-3.9z",
  D: "M0-4.3L4.3 0L0 4.3L-4.3 0z",
  P: "M-1.4-4h2.8v2.6h2.6v2.8h-2.6v2.6h-2.8v-2.6h-2.6v-2.8h2.6z",
  X: "M-4-2.2L-2.2-4L0-1.8L2.2-4L4-2.2L1.8 0L4 2.2L2.2 4L0 1.8L-2.2 4L-4 2.2L-1.8 0z",
};

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function mark(entry, x, y) {
  return svg("path", { class: "dot", d: MARKS[entry.marker], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
}

/* The group that holds all marks of one entry in one plot. */
function seriesOf(e, ...children) {
  return svg("g", { class: "series", "data-series": e, style: `--c: ${DATA.entries[e].colour}` }, ...children);
}

/* A linear or logarithmic scale, with ticks at round numbers. */
function scaleOf(numbers, from, to, { log = false, wanted = 5, pad = 0.04 } = {}) {
  const known = numbers.filter((x) => Number.isFinite(x)).map((x) => (log ? Math.log10(x) : x));
  let [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const margin = (high - low) * pad;
  [low, high] = [low - margin, high + margin];
  const share = (x) => Math.min(Math.max(((log ? Math.log10(x) : x) - low) / (high - low), 0), 1);
  const at = (x) => from + share(x) * (to - from); // what lies beyond is drawn up to the edge
  return { at, ticks: log ? decades(low, high) : steps(low, high, wanted) };
}

function steps(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((k) => k * power >= raw * 0.999);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9) + (Math.abs(step / power - 2.5) < 1e-6 ? 1 : 0));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => {
    const value = (first + k) * step;
    return [value, value.toFixed(Math.min(decimals, 6)).replace(/^-0(\.0*)?$/, "0$1").replace("-", "−")];
  });
}

function decades(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const k of high - low > 3 ? [1] : [1, 3]) {
      const value = k * 10 ** power;
      if (Math.log10(value) >= low && Math.log10(value) <= high) found.push([value, short(value)]);
    }
  }
  return found;
}

function short(value) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))} ${letter}`;
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

function label(text, x, y, attributes = {}) {
  return svg("text", { x: x.toFixed(1), y: y.toFixed(1), ...attributes }, text);
}

function trimmed(text, most = 20) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/* Frame: title, grid and labels of both axes. */
function frame(height, title, box, { x = null, y = null, across = "" }) {
  const made = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title });
  made.append(label(title, 10, 18, { class: "title" }));
  for (const [value, text] of x?.ticks ?? []) {
    const place = x.at(value);
    if (!y) made.append(svg("path", { class: "grid", d: `M${place.toFixed(1)} ${box.top}V${box.bottom}` }));
    made.append(label(text, place, box.bottom + 15, { "text-anchor": "middle" }));
  }
  for (const [value, text] of y?.ticks ?? []) {
    const place = y.at(value);
    made.append(svg("path", { class: "grid", d: `M${box.left} ${place.toFixed(1)}H${box.right}` }));
    made.append(label(text, box.left - 7, place + 3.5, { "text-anchor": "end" }));
  }
  if (across) made.append(label(across, (box.left + box.right) / 2, box.bottom + 33, { "text-anchor": "middle", class: "axis" }));
  return made;
}

/* Curves over a number; points = [{ x, mean, low, high }] of each entry. */
function drawLines(title, across, positions, series) {
  const box = { left: 48, right: WIDTH - 14, top: 32, bottom: 228 };
  const x = scaleOf(positions, box.left, box.right);
  if (positions.length <= 7) x.ticks = positions.map((value) => [value, short(value)]);
  const y = scaleOf(boundsOf(series), box.bottom, box.top);
  const made = frame(272, title, box, { x, y, across });
  const guide = svg("path", { class: "guide" });
  made.append(guide);
  for (const { e, points } of series) {
    const entry = DATA.entries[e];
    const at = (point, key) => `${x.at(point.x).toFixed(1)} ${y.at(point[key]).toFixed(1)}`;
    const banded = points.filter((point) => point.low !== null);
    const group = seriesOf(e);
    if (banded.length) {
      const edge = [...banded.map((point) => at(point, "high")), ...banded.map((point) => at(point, "low")).reverse()];
      const bars = banded.map((point) => `M${at(point, "low")}L${at(point, "high")}`);
      group.append(svg("path", { class: "band", d: `M${edge.join("L")}Z` }), svg("path", { class: "whisker", d: bars.join("") }));
    }
    const line = points.map((point) => at(point, "mean")).join("L");
    if (points.length) group.append(svg("path", { class: "line", d: `M${line}`, "stroke-dasharray": entry.dashes || "none" }));
    group.append(...points.map((point) => mark(entry, x.at(point.x), y.at(point.mean))));
    made.append(group);
  }
  const places = positions.map((value) => x.at(value));
  return { drawing: made, horizontal: true, places, point: (k) => guide.setAttribute("d", `M${places[k]} ${box.top}V${box.bottom}`) };
}

/* A row of dots for each group, with intervals; `values` print a number at the right, `target` is a dashed line. */
function drawRows(title, labels, series, { target = null, values = null } = {}) {
  const pitch = 6.5;
  const tall = Math.max(24, 10 + pitch * series.length * (values ? 0 : 1));
  const box = { left: 136, right: WIDTH - (values ? 56 : 14), top: 30, bottom: 30 + tall * labels.length };
  const ends = target ? [target.value] : [];
  const x = scaleOf([...boundsOf(series), ...ends], box.left, box.right, { wanted: 4 });
  const made = frame(box.bottom + (target ? 44 : 26), title, box, { x, across: target ? `dashed: ${trimmed(target.name)}, ${target.text}` : "" });
  const guide = svg("rect", { class: "stripe", x: 0, width: WIDTH, height: tall, y: -tall - 9 });
  made.prepend(guide);
  const middle = (k) => box.top + tall * (k + 0.5);
  labels.forEach((text, k) => {
    made.append(label(trimmed(text), box.left - 10, middle(k) + 3.5, { "text-anchor": "end" }));
    if (values) made.append(label(values[k], box.right + 8, middle(k) + 3.5, { class: "value" }));
    if (k) made.append(svg("path", { class: "rule", d: `M10 ${(box.top + tall * k).toFixed(1)}H${WIDTH - 10}` }));
  });
  if (target) {
    const place = x.at(target.value).toFixed(1);
    made.append(svg("path", { class: "target", style: `--c: ${target.colour}`, d: `M${place} ${box.top}V${box.bottom}` }));
  }
  series.forEach(({ e, points }, k) => {
    const group = seriesOf(e);
    for (const point of points) {
      const y = middle(point.x) + (values ? 0 : (k - (series.length - 1) / 2) * pitch);
      const whole = point.low !== null;
      if (whole) group.append(svg("path", { class: "whisker", d: `M${x.at(point.low).toFixed(1)} ${y.toFixed(1)}H${x.at(point.high).toFixed(1)}` }));
      group.append(mark(DATA.entries[e], x.at(point.mean), y));
    }
    made.append(group);
  });
  const places = labels.map((_, k) => middle(k));
  return { drawing: made, horizontal: false, places, point: (k) => guide.setAttribute("y", box.top + tall * k) };
}

/* Quality over cost, with the front of those that nobody beats in both. */
function drawPlane(title, across, points, better) {
  const box = { left: 48, right: WIDTH - 14, top: 32, bottom: 228 };
  const costs = points.map((point) => point.cost);
  const log = Math.min(...costs) > 0 && Math.max(...costs) / Math.min(...costs) > 20;
  const x = scaleOf(costs, box.left, box.right, { log, pad: 0.07 });
  x.ticks = log ? x.ticks : x.ticks.map(([value]) => [value, short(value)]);
  const y = scaleOf(boundsOf([{ points }]), box.bottom, box.top);
  const made = frame(272, title, box, { x, y, across });
  const front = frontOf(points, better);
  const path = front.map((point, k) => `${k ? `H${x.at(point.cost).toFixed(1)}V` : `M${x.at(point.cost).toFixed(1)} `}${y.at(point.mean).toFixed(1)}`);
  const guide = svg("circle", { class: "ring", r: 9, cx: -20, cy: -20 });
  made.append(svg("path", { class: "front", d: path.join("") }), guide);
  for (const point of points) {
    const place = x.at(point.cost).toFixed(1);
    const whisker = point.low === null ? "" : `M${place} ${y.at(point.low).toFixed(1)}V${y.at(point.high).toFixed(1)}`;
    made.append(seriesOf(point.e, svg("path", { class: "whisker", d: whisker }), mark(DATA.entries[point.e], x.at(point.cost), y.at(point.mean))));
  }
  const point = (k) => {
    guide.setAttribute("cx", x.at(points[k].cost));
    guide.setAttribute("cy", y.at(points[k].mean));
  };
  return { drawing: made, horizontal: true, places: costs.map(x.at), heights: points.map((each) => y.at(each.mean)), point, front };
}

/* From the cheapest up, all that are better than everything cheaper. */
function frontOf(points, better) {
  const sign = better === "higher" ? 1 : -1;
  const found = [];
  for (const point of [...points].sort((a, b) => a.cost - b.cost || sign * (b.mean - a.mean))) {
    if (!found.length || sign * (point.mean - found.at(-1).mean) > 0) found.push(point);
  }
  return found;
}

/* Ends of an axis: all means, and of the intervals as much as leaves the means apart; few items make huge ones. */
function boundsOf(series) {
  const points = series.flatMap((each) => each.points);
  const means = points.map((point) => point.mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const reach = 0.5 * (high - low) || Infinity;
  const ends = points.flatMap((point) => [point.low ?? point.mean, point.high ?? point.mean]);
  return [...means, ...ends.map((end) => Math.min(Math.max(end, low - reach), high + reach))];
}

/* Plots of the sections: what is drawn, what a pointer tells, and the names that show and hide. */

/* Means by group: the page's own with intervals over all items, computed here over a part of them. */
function pointsOf(section, m, e) {
  return section.positions.flatMap((position, group) => {
    const x = section.kind === "lines" ? position : group;
    if (view.inside === null) {
      const found = section.means[m][e][group];
      if (!found || found[0] === null) return [];
      const [mean, low, high, n] = found;
      return [{ x, group, mean, low, high, n }];
    }
    const mean = meanOf(m, e, (i) => section.codes[i] === group);
    return Number.isNaN(mean) ? [] : [{ x, group, mean, low: null, high: null }];
  });
}

function visible() {
  return DATA.entries.flatMap((_, e) => (view.hidden.has(e) ? [] : [e]));
}

function titleOf(m) {
  const { label: name, unit } = DATA.metrics[m];
  return unit ? `${name} (${unit})` : name;
}

function countsOf(section) {
  if (view.inside === null) return section.counts;
  return section.labels.map((_, group) => section.codes.filter((code, i) => code === group && shown(i)).length);
}

function drawSection(section, m) {
  const series = visible().map((e) => ({ e, points: pointsOf(section, m, e) }));
  const counts = countsOf(section);
  const chart =
    section.kind === "lines"
      ? drawLines(titleOf(m), "SNR of the noisy input (dB)", section.positions, series)
      : drawRows(titleOf(m), section.labels, series);
  const tell = (k) => ({
    head: `${section.kind === "lines" ? section.labels[k].replaceAll("-", "−") : section.labels[k]}, ${counts[k]} item${counts[k] === 1 ? "" : "s"}`,
    lines: series.flatMap(({ e, points }) => {
      const point = points.find((each) => each.group === k);
      return point ? [{ e, m, ...point }] : [];
    }),
  });
  return figureOf(chart, tell, m);
}

function overall(m, e) {
  if (view.inside !== null) return { e, m, mean: meanOf(m, e), low: null, high: null };
  const [mean, low, high] = DATA.overall[m][e] ?? [NaN, null, null];
  return { e, m, mean: mean ?? NaN, low, high };
}

function bestOf(m, points) {
  const sign = DATA.metrics[m].better === "higher" ? 1 : -1;
  return points.reduce((best, point) => (best && sign * (best.mean - point.mean) >= 0 ? best : point), null);
}

function drawLadder(m) {
  const of = (...roles) => DATA.entries.flatMap((entry, e) => (roles.includes(entry.role) ? [overall(m, e)] : []));
  const known = (point) => !Number.isNaN(point.mean);
  const ceiling = (point) => DATA.entries[point.e].role !== "anchor" || DATA.entries[point.e].name === "clean";
  const rungs = of("noisy", "oracle", "anchor").filter(known).filter(ceiling).reverse();
  const best = bestOf(m, of("denoiser").filter(known));
  const series = rungs.map((point, k) => ({ e: point.e, points: [{ ...point, x: k }] }));
  const entry = best && DATA.entries[best.e];
  const target = best && { value: best.mean, name: entry.name, text: printed(m, best.mean), colour: entry.colour };
  const names = rungs.map((point) => DATA.entries[point.e].name);
  const chart = drawRows(titleOf(m), names, series, { target, values: rungs.map((point) => printed(m, point.mean)) });
  return figureOf(chart, (k) => ({ head: "all items shown", lines: [rungs[k], ...(best ? [best] : [])] }), m);
}

function drawCost(m, column) {
  const points = visible().flatMap((e) => {
    const cost = DATA.costs.rows[e][column];
    const point = overall(m, e);
    return cost === null || Number.isNaN(point.mean) ? [] : [{ ...point, cost }];
  });
  const { label: name, unit } = DATA.costs.columns[column];
  if (!points.length) return element("p", { class: "quiet" }, `Nobody shown has both ${titleOf(m)} and ${name}.`);
  const chart = drawPlane(titleOf(m), unit ? `${name} (${unit})` : name, points, DATA.metrics[m].better);
  const figure = figureOf(chart, (k) => ({ head: `${name} ${short(points[k].cost)} ${unit}`, lines: [points[k]] }), m);
  figure.dataset.front = chart.front.map((point) => DATA.entries[point.e].name).join(", ");
  return figure;
}

/* A figure whose values are read with a pointer, a finger or the arrow keys. */
function figureOf(chart, tell, m) {
  const tip = element("div", { class: "tip", role: "status" });
  const figure = element("figure", { class: "plot", tabindex: "0", "data-metric": m }, chart.drawing, tip);
  let at = -1;
  const show = (k) => {
    at = k;
    figure.classList.toggle("told", k >= 0);
    if (k < 0) return;
    chart.point(k);
    fill(tip, tell(k));
    const box = chart.drawing.getBoundingClientRect();
    const unit = box.width / WIDTH;
    const outer = figure.getBoundingClientRect();
    const [x, y] = chart.horizontal ? [chart.places[k] * unit, 40 * unit] : [box.width / 2, (chart.places[k] + 24) * unit];
    const left = Math.min(Math.max(x + 14, 4), Math.max(4, outer.width - tip.offsetWidth - 6));
    tip.style.left = `${chart.horizontal && x + 14 > left ? Math.max(4, x - tip.offsetWidth - 4) : left}px`;
    tip.style.top = `${y}px`;
  };
  const nearest = (event) => {
    const box = chart.drawing.getBoundingClientRect();
    const unit = box.width / WIDTH;
    const [x, y] = [(event.clientX - box.left) / unit, (event.clientY - box.top) / unit];
    const far = (place, k) => (chart.heights ? Math.hypot(place - x, chart.heights[k] - y) : Math.abs(place - (chart.horizontal ? x : y)));
    const distances = chart.places.map(far);
    return distances.indexOf(Math.min(...distances));
  };
  for (const event of ["pointermove", "pointerdown"]) chart.drawing.addEventListener(event, (e) => show(nearest(e)));
  figure.addEventListener("pointerleave", () => show(-1));
  figure.addEventListener("blur", () => show(-1));
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(Math.min(Math.max(at + step, 0), chart.places.length - 1));
  });
  return figure;
}

function fill(tip, { head, lines }) {
  const sign = lines.length && DATA.metrics[lines[0].m].better === "lower" ? -1 : 1;
  const rows = [...lines].sort((a, b) => sign * (b.mean - a.mean)).map(({ e, m, mean, low, high }) => {
    const interval = low === null ? "" : `[${printed(m, low)}, ${printed(m, high)}]`;
    const dot = svg("svg", { viewBox: "-6 -6 12 12", width: 11, height: 11 }, seriesOf(e, mark(DATA.entries[e], 0, 0)));
    return element("tr", {}, element("th", {}, dot, " ", trimmed(DATA.entries[e].name, 24)), element("td", {}, printed(m, mean)), element("td", {}, interval));
  });
  tip.replaceChildren(element("b", {}, head), element("table", {}, ...rows));
}

function showPlots() {
  const metrics = [...view.metrics].sort((a, b) => a - b);
  const few = visible().length <= 6;
  const place = (id, draw) => {
    const plots = document.querySelector(`#${id} .plots`);
    if (!plots) return;
    plots.classList.toggle("few", few);
    plots.replaceChildren(...metrics.map(draw));
  };
  for (const section of DATA.sections) place(section.name, (m) => drawSection(section, m));
  place("ladder", drawLadder);
  if (DATA.costs) {
    place("cost", (m) => drawCost(m, Number(costSelect.value)));
    const front = document.querySelector("#cost .plot[data-front]")?.dataset.front;
    document.querySelector("#cost span.front").textContent = front ? `by ${titleOf(metrics[0])}: ${front}.` : "";
  }
  for (const button of document.querySelectorAll(".legend button")) {
    button.ariaPressed = String(!view.hidden.has(Number(button.dataset.series)));
  }
}

const costSelect = document.querySelector("#cost select");
if (costSelect) {
  costSelect.append(...DATA.costs.columns.map((column, k) => element("option", { value: k }, column.label)));
  costSelect.addEventListener("change", showPlots);
}
followers.push(showPlots);

for (const button of document.querySelectorAll(".legend button")) {
  const e = Number(button.dataset.series);
  const plots = button.closest("section").querySelector(".plots");
  const light = (on) => {
    plots.classList.toggle("dimmed", on && !view.hidden.has(e));
    for (const group of plots.querySelectorAll(".plot > svg .series")) group.classList.toggle("lit", on && group.dataset.series === String(e));
  };
  button.addEventListener("click", () => {
    if (!view.hidden.delete(e)) view.hidden.add(e);
    showPlots();
    light(true);
  });
  for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => light(true));
  for (const event of ["mouseleave", "blur"]) button.addEventListener(event, () => light(false));
}

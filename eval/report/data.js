/* What all parts of the page share: the data, what is shown of it, and means over a part of the items. */
const DATA = JSON.parse(document.getElementById("data").textContent);

const view = {
  inside: null, // which items are shown, one flag each; null for all
  hidden: new Set(DATA.entries.flatMap((entry, e) => (entry.shown ? [] : [e]))),
  metrics: new Set(DATA.metrics.flatMap((metric, m) => (metric.shown ? [m] : []))),
};
const followers = []; // what to call when that has changed

function refresh() {
  for (const follow of followers) follow();
}

/* Items that all who have any score of a metric have one for: means over others could not be compared. */
const commonOf = DATA.values.map((of) => {
  const counted = of.filter((values) => values.some((value) => typeof value === "number"));
  return DATA.items.map((_, i) => counted.every((values) => values[i] !== null));
});

function shown(i) {
  return view.inside === null || view.inside[i];
}

/* Mean of one metric and entry over the items shown for which `also` holds; NaN where there is none. */
function meanOf(m, e, also = () => true) {
  const values = DATA.values[m][e];
  let sum = 0;
  let n = 0;
  values.forEach((value, i) => {
    if (typeof value !== "number" || !commonOf[m][i] || !shown(i) || !also(i)) return;
    sum += value;
    n += 1;
  });
  return n ? sum / n : NaN;
}

function coverageOf(m, e) {
  let scored = 0;
  let tried = 0;
  DATA.values[m][e].forEach((value, i) => {
    if (value === false || !shown(i)) return;
    tried += 1;
    scored += value !== null;
  });
  return [scored, tried];
}

/* A number with its metric's decimals and a true minus sign. */
function printed(m, value, { sign = false, more = 0 } = {}) {
  if (value === null || Number.isNaN(value)) return "–";
  const text = value.toFixed(DATA.metrics[m].decimals + more);
  const zero = Number(text) === 0;
  return (sign && (zero || value > 0) ? "+" : "") + (zero ? text.replace("-", "") : text.replace("-", "−"));
}

/* An element with attributes and children. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

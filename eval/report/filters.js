/* Filters: which items all means are over, and which metrics are shown. */
const filters = document.querySelector("form.filters");

{
  const known = DATA.snr.filter((value) => value !== null);
  const ends = known.length ? [Math.min(...known), Math.max(...known)] : [null, null];
  for (const [k, name] of ["snr_from", "snr_to"].entries()) {
    filters[name].closest("label").hidden = ends[0] === ends[1];
    filters[name].placeholder = ends[k] === null ? "" : String(Number((k ? Math.ceil(ends[k]) : Math.floor(ends[k])).toFixed(0))).replace("-", "−");
  }
  for (const name of ["noise_class", "speaker"]) {
    const { levels } = DATA.conditions[name];
    filters[name].append(...levels.map((level, k) => element("option", { value: k }, level)));
    filters[name].closest("label").hidden = levels.length < 2;
  }
  const rooms = DATA.conditions.room.codes.filter((code) => code >= 0).length;
  filters.room.closest("label").hidden = rooms === 0 || rooms === DATA.items.length;
  for (const box of filters.querySelectorAll("[name=metric]")) box.defaultChecked = view.metrics.has(Number(box.value));
  filters.querySelector(".metrics").hidden = DATA.metrics.length < 2;
}

function readFilters() {
  const number = (name) => (filters[name].value === "" ? null : Number(filters[name].value));
  const [low, high] = [number("snr_from"), number("snr_to")];
  const code = (name) => (filters[name].value === "" ? null : Number(filters[name].value));
  const wanted = { noise_class: code("noise_class"), speaker: code("speaker") };
  const room = filters.room.value;
  const passes = (i) =>
    (low === null || (DATA.snr[i] !== null && DATA.snr[i] >= low)) &&
    (high === null || (DATA.snr[i] !== null && DATA.snr[i] <= high)) &&
    Object.entries(wanted).every(([name, level]) => level === null || DATA.conditions[name].codes[i] === level) &&
    (room === "" || DATA.conditions.room.codes[i] >= 0 === (room === "yes"));
  const inside = DATA.items.map((_, i) => passes(i));
  const n = inside.filter(Boolean).length;
  view.inside = n === inside.length ? null : inside;
  const boxes = [...filters.querySelectorAll("[name=metric]")];
  view.metrics = new Set(boxes.flatMap((box) => (box.checked ? [Number(box.value)] : [])));
  filters.classList.toggle("active", view.inside !== null);
  filters.querySelector("output").textContent =
    view.inside === null ? `all ${inside.length} items` : `${n} of ${inside.length} items: means only, no intervals`;
  refresh();
}

filters.addEventListener("input", readFilters);
filters.addEventListener("reset", () => setTimeout(readFilters)); // the fields are cleared after this event
filters.addEventListener("submit", (event) => event.preventDefault());

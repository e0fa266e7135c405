/* Sorting: noisy stays on top; denoisers and oracles are sorted each among themselves. */
for (const table of document.querySelectorAll("table.scores")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const first = column === 0 || heading.dataset.better === "lower" ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = heading.ariaSort === first ? other : first;
      for (const each of headings) each.ariaSort = each === heading ? order : "none";
      for (const body of table.tBodies) sortRows(body, column, order);
    });
  });
}

function sortRows(body, column, order) {
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.key;
  const compare = (a, b) => {
    if (column === 0) return sign * key(a).localeCompare(key(b));
    if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === ""); // no score: last either way
    return sign * (Number(key(a)) - Number(key(b)));
  };
  body.append(...[...body.querySelectorAll("tr.score")].sort(compare));
}

/* Legends: point at a name to bring out its marks in all plots of the section. */
for (const entry of document.querySelectorAll(".legend li")) {
  const plots = entry.closest("section").querySelector(".plots");
  const light = () => {
    plots.classList.add("dimmed");
    for (const mark of plots.querySelectorAll(`[id$=".s${entry.dataset.series}"]`)) mark.classList.add("lit");
  };
  const restore = () => {
    plots.classList.remove("dimmed");
    for (const mark of plots.querySelectorAll(".lit")) mark.classList.remove("lit");
  };
  for (const event of ["mouseenter", "focus"]) entry.addEventListener(event, light);
  for (const event of ["mouseleave", "blur"]) entry.addEventListener(event, restore);
}

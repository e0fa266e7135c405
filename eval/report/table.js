/* Sorting, for every table. In the score table noisy, denoisers, oracles and anchors are each sorted among themselves. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("table.sortable thead button");
  if (!button) return;
  const heading = button.closest("th");
  const numeric = "better" in heading.dataset || heading.classList.contains("number");
  const first = numeric && heading.dataset.better !== "lower" ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  for (const each of heading.parentNode.cells) {
    each.ariaSort = each === heading && each.ariaSort === first ? other : each === heading ? first : "none";
  }
  sortTable(button.closest("table"));
});

/* Sort by the heading that says so; what has no number comes last either way. */
function sortTable(table) {
  const column = [...table.tHead.rows[0].cells].findIndex((heading) => /ending$/.test(heading.ariaSort));
  if (column < 0) return;
  const heading = table.tHead.rows[0].cells[column];
  const sign = heading.ariaSort === "ascending" ? 1 : -1;
  const numeric = "better" in heading.dataset || heading.classList.contains("number");
  const key = (row) => {
    const cell = row.cells[column];
    const text = "key" in cell.dataset ? cell.dataset.key : cell.textContent.trim();
    return numeric ? (text === "" ? NaN : Number.parseFloat(text.replace("−", "-"))) : text;
  };
  const compare = (a, b) => {
    if (!numeric) return sign * a[0].localeCompare(b[0]);
    if (Number.isNaN(a[0]) || Number.isNaN(b[0])) return Number.isNaN(a[0]) - Number.isNaN(b[0]);
    return sign * (a[0] - b[0]);
  };
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("heading"));
    body.append(...rows.map((row) => [key(row), row]).sort(compare).map(([, row]) => row));
  }
}

/* The score table follows the filters; over all items it says again what the page came with. */
const scoreTable = document.querySelector("table.scores");
const scoreCells = [...scoreTable.querySelectorAll("tr.score")].flatMap((row) =>
  [...row.querySelectorAll("td")].map((cell) => ({
    cell,
    e: Number(row.dataset.entry),
    m: Number(cell.dataset.metric),
    parts: [".mean", ".delta b", ".coverage"].map((part) => cell.querySelector(part)),
    first: [cell.dataset.key, ...[".mean", ".delta b", ".coverage"].map((part) => cell.querySelector(part)?.textContent)],
  })),
);

function showScores() {
  const noisy = DATA.entries.findIndex((entry) => entry.role === "noisy");
  scoreTable.classList.toggle("filtered", view.inside !== null);
  for (const { cell, e, m, parts, first } of scoreCells) {
    let texts = first;
    if (view.inside !== null && first[3] !== "not scored") {
      const mean = meanOf(m, e);
      const both = (i) => noisy >= 0 && typeof DATA.values[m][noisy][i] === "number";
      const also = (i) => both(i) && typeof DATA.values[m][e][i] === "number";
      const delta = noisy < 0 ? NaN : meanOf(m, e, both) - meanOf(m, noisy, also);
      const [scored, tried] = coverageOf(m, e);
      texts = [Number.isNaN(mean) ? "" : mean, printed(m, mean), printed(m, delta, { sign: true }), `${scored}/${tried}`];
    }
    cell.dataset.key = texts[0];
    parts.forEach((part, k) => part && (part.textContent = texts[k + 1]));
  }
  for (const cell of scoreTable.querySelectorAll("[data-metric]")) {
    cell.hidden = !view.metrics.has(Number(cell.dataset.metric));
  }
  sortTable(scoreTable);
}
followers.push(showScores);

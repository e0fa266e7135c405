/* Where it hurts: the lists of one denoiser, with ways to the players. */
const worstSelect = document.querySelector("#worst select");

function showWorst() {
  const list = DATA.worst[Number(worstSelect.value)];
  const noisy = DATA.entries.findIndex((entry) => entry.role === "noisy");
  const sign = DATA.metrics[0].better === "higher" ? 1 : -1;
  const heading = (text, number) =>
    element("th", { scope: "col", "aria-sort": "none", ...(number ? { class: "number" } : {}) }, element("button", { type: "button" }, text));
  const level = (name, i) => DATA.conditions[name].levels[DATA.conditions[name].codes[i]] ?? "–";
  for (const [name, total, places] of [["worst", list.n_worst, list.worst], ["worse", list.n_worse, list.worse]]) {
    const rows = places.map((i) => {
      const [score, base] = [DATA.values[0][list.entry][i], noisy < 0 ? null : DATA.values[0][noisy][i]];
      const gain = typeof base === "number" ? sign * (score - base) : NaN;
      const link = DATA.players.includes(i) ? [" ", element("a", { href: `#item${i}`, "aria-label": `Listen to item ${DATA.items[i]}` }, "▶")] : [];
      const snr = DATA.snr[i] === null ? "–" : String(Number(DATA.snr[i].toFixed(1))).replace("-", "−");
      const numbers = [snr, printed(0, score), printed(0, gain, { sign: true, more: 1 })].map((text) => element("td", { class: "number" }, text));
      return element("tr", {}, element("th", { scope: "row" }, DATA.items[i], ...link), element("td", {}, level("noise_class", i)), element("td", {}, level("speaker", i)), ...numbers);
    });
    const table = document.querySelector(`#worst table.${name}`);
    const heads = [heading("Item"), heading("Noise"), heading("Speaker"), heading("SNR", true), heading(DATA.metrics[0].label, true), heading("Gain", true)];
    const more = total > places.length ? ` (${places.length} shown)` : "";
    const caption = element("caption", {}, total ? `${total} of ${list.n} items${more}` : "none");
    table.replaceChildren(caption, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  }
}

if (worstSelect) {
  if (DATA.worst.length) {
    worstSelect.append(...DATA.worst.map((list, k) => element("option", { value: k }, DATA.entries[list.entry].name)));
    const best = bestOf(0, DATA.worst.map((list) => overall(0, list.entry)).filter((point) => !Number.isNaN(point.mean)));
    if (best) worstSelect.value = DATA.worst.findIndex((list) => list.entry === best.e);
    worstSelect.addEventListener("change", showWorst);
    showWorst();
  } else worstSelect.closest(".chosen").hidden = true;
}

/* Blind test: X is A or B by the toss of a coin; the listener says which, and guessing is accounted for. */
const blind = { panel: null, sounds: {}, tiles: [], isA: true, right: 0, trials: 0, seconds: 0, playing: null };

function openBlind(player) {
  closeBlind();
  const panel = document.getElementById("abx").content.firstElementChild.cloneNode(true);
  blind.panel = panel;
  blind.tiles = [...player.querySelectorAll(".tile")].filter(soundOf);
  for (const name of ["a", "b"]) {
    const options = blind.tiles.map((tile, k) => element("option", { value: k }, tile.querySelector(".name").textContent));
    panel.querySelector(`[name=${name}]`).append(...options);
    panel.querySelector(`[name=${name}]`).addEventListener("change", restartBlind);
  }
  panel.querySelector("[name=a]").value = Math.min(1, blind.tiles.length - 1);
  panel.querySelector("[name=b]").value = Math.min(2, blind.tiles.length - 1);
  for (const button of panel.querySelectorAll("[data-play]")) button.addEventListener("click", () => hear(button.dataset.play));
  for (const button of panel.querySelectorAll("[data-answer]")) button.addEventListener("click", () => answer(button.dataset.answer));
  panel.querySelector("[data-stop]").addEventListener("click", silence);
  panel.querySelector("[data-close]").addEventListener("click", closeBlind);
  player.querySelector(".tiles").before(panel);
  restartBlind();
}

function restartBlind() {
  silence();
  [blind.right, blind.trials, blind.seconds] = [0, 0, 0];
  tossCoin();
  say("No trial yet. Ten or more tell something.");
}

function tossCoin() {
  const source = (name) => soundOf(blind.tiles[Number(blind.panel.querySelector(`[name=${name}]`).value)]).src;
  blind.isA = crypto.getRandomValues(new Uint8Array(1))[0] % 2 === 0;
  blind.sounds = { a: new Audio(source("a")), b: new Audio(source("b")), x: new Audio(source(blind.isA ? "a" : "b")) };
  for (const sound of Object.values(blind.sounds)) sound.preload = "auto";
}

/* Go on at the place where the last one stood. */
function hear(name) {
  if (current) soundOf(current).pause();
  const last = blind.sounds[blind.playing];
  const place = last ? (last.ended ? 0 : last.currentTime) : blind.seconds;
  silence();
  blind.playing = name;
  const sound = blind.sounds[name];
  sound.currentTime = place;
  for (const button of blind.panel.querySelectorAll("[data-play]")) button.classList.toggle("on", button.dataset.play === name);
  sound.play().catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

function silence() {
  const last = blind.sounds[blind.playing];
  if (last) blind.seconds = last.ended ? 0 : last.currentTime;
  for (const sound of Object.values(blind.sounds)) sound.pause();
  blind.playing = null;
  for (const button of blind.panel?.querySelectorAll("[data-play]") ?? []) button.classList.remove("on");
}

function answer(name) {
  silence();
  const right = (name === "a") === blind.isA;
  blind.trials += 1;
  blind.right += right;
  const p = tailOf(blind.right, blind.trials);
  const chance = p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
  say(`${right ? "Right" : "Wrong"}, X was ${blind.isA ? "A" : "B"}. ${blind.right} of ${blind.trials} right, ${chance}${verdictOf(p)}`);
  tossCoin();
}

function verdictOf(p) {
  if (p < 0.05) return ": the two can be told apart.";
  return blind.trials < 10 ? "." : ": no difference heard so far.";
}

/* Probability of at least k right answers out of n by guessing. */
function tailOf(k, n) {
  let term = 0.5 ** n;
  let sum = 0;
  for (let j = 0; j <= n; j += 1) {
    if (j >= k) sum += term;
    term *= (n - j) / (j + 1);
  }
  return Math.min(sum, 1);
}

function say(text) {
  blind.panel.querySelector("output").textContent = text;
}

function closeBlind() {
  if (!blind.panel) return;
  silence();
  blind.panel.remove();
  blind.panel = null;
}

for (const button of document.querySelectorAll("button.blind")) {
  button.addEventListener("click", () => openBlind(button.closest(".player")));
}

/* A player that begins ends the test's sound. */
document.addEventListener("play", () => blind.panel && silence(), true);

readFilters(); // all parts are ready: draw

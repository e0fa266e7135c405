"use strict";

/* Players: one at a time; within an item, switching goes on at the same place. */
let current = null; // the tile that plays or was played last

function soundOf(tile) {
  return tile.querySelector("audio");
}

function play(tile, seconds) {
  const sound = soundOf(tile);
  if (current && current !== tile) soundOf(current).pause();
  if (!current || current.closest(".player") !== tile.closest(".player")) change(tile);
  sound.currentTime = seconds;
  current = tile;
  for (const each of tile.closest(".tiles").querySelectorAll(".tile")) each.classList.toggle("current", each === tile);
  sound.play().catch((error) => {
    if (error.name !== "AbortError") throw error; // a quick switch interrupts what had not begun
  });
}

/* Load all sounds of the new item, so that switching is quick; free those of the old one: browsers hold few at a time. */
function change(tile) {
  const sounds = (of) => (of ? of.closest(".tiles").querySelectorAll("audio") : []);
  for (const sound of sounds(current)) {
    sound.preload = "none";
    sound.load();
  }
  if (current) current.classList.remove("current");
  for (const sound of sounds(tile)) sound.preload = "auto";
}

/* Where the item's sound stands, whichever of its signals was heard last. */
function position(tile) {
  if (!current || current.closest(".player") !== tile.closest(".player")) return 0;
  const sound = soundOf(current);
  return sound.ended ? 0 : sound.currentTime;
}

function toggle(tile) {
  if (tile === current && !soundOf(tile).paused) soundOf(tile).pause();
  else play(tile, position(tile));
}

for (const sound of document.querySelectorAll("audio")) {
  const tile = sound.closest(".tile");
  const picture = tile.querySelector(".picture");
  const button = tile.querySelector(".play");
  sound.controls = false;
  button.addEventListener("click", () => toggle(tile));
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const here = tile === current || position(tile) === 0;
    play(tile, here ? share * Number(picture.dataset.seconds) : position(tile));
  });
  sound.addEventListener("play", () => {
    tile.classList.add("playing");
    draw(tile);
  });
  sound.addEventListener("pause", () => tile.classList.remove("playing"));
  sound.addEventListener("ended", () => tile.classList.remove("playing"));
}

/* Move the line over all pictures of the item. */
function draw(tile) {
  const sound = soundOf(tile);
  const share = sound.duration ? sound.currentTime / sound.duration : 0;
  for (const head of tile.closest(".tiles").querySelectorAll(".head")) head.style.left = `${100 * share}%`;
  if (!sound.paused) requestAnimationFrame(() => draw(tile));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
  if (event.target.closest?.("input, select, textarea, [tabindex]")) return; // a number typed there is no signal
  const tiles = [...current.closest(".tiles").querySelectorAll(".tile")];
  const chosen = tiles[Number(event.key) - 1];
  if (event.key === " " && event.target === document.body) {
    toggle(current);
    event.preventDefault();
  } else if (event.key >= "1" && event.key <= "9" && chosen && soundOf(chosen)) {
    play(chosen, position(chosen));
  }
});

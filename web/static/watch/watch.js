// The Watch page: connect controls, keys and links to the player, and show its state.

import { announce, formatTime, isTyping, pageData, toast } from "../shared/page.js";
import { MasterClock } from "./master_clock.js";
import { personAt, planSwitches } from "./auto_stage.js";
import { Player } from "./player.js";
import { copyIntoTile } from "./tile_copy.js";
import { Timeline } from "./timeline.js";
import { connectVolume } from "./volume.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const JUMP_S = 5;
const ADDRESS_EVERY_MS = 1000;

const data = pageData();
const byId = (id) => document.getElementById(id);
const playerPanel = byId("player");
const tiles = new Map();
for (const tile of playerPanel.querySelectorAll(".tile")) tiles.set(Number(tile.dataset.person), tile);

const audio = data.sound ? byId("sound") : null;
if (audio) audio.src = data.sound;
const master = new MasterClock(audio, data.duration_s);
export const player = new Player(
  master,
  data.people.map((person) => ({
    id: person.id,
    url: person.files.video,
    video: tiles.get(person.id).querySelector("video"),
  })),
  data.rate,
);
const nameOf = new Map(data.people.map((person) => [person.id, person.name]));
const timeline = new Timeline(byId("timeline"), data.people, data.duration_s, (time, id) => {
  if (id !== null) choose(id);
  if (time !== null) player.seek(time);
});

// --- person on stage ----------------------------------------------------------------------------

let auto = "off";
let switches = []; // of the auto mode

/** Put the person that the user chose on stage; end the auto mode. */
function choose(id) {
  if (auto !== "off") setAuto("off");
  setGrid(false);
  player.stage(id);
}

function nextPerson(step) {
  const ids = data.people.map((person) => person.id);
  const index = ids.indexOf(player.staged);
  choose(ids[(index + step + ids.length) % ids.length]);
}

player.addEventListener("stage", ({ detail: { id, previous } }) => {
  for (const [other, tile] of tiles) {
    tile.classList.toggle("on-stage", other === id);
    tile.querySelector(".tile-button").setAttribute("aria-pressed", String(other === id));
  }
  byId("stage-name").textContent = nameOf.get(id);
  timeline.mark(id);
  const tile = tiles.get(id);
  copyIntoTile(tile);
  keepInView(tile);
  if (previous !== null) {
    announce(`${nameOf.get(id)} is on stage`);
    updateAddress();
  }
});

function keepInView(tile) {
  const strip = byId("strip");
  const [inner, outer] = [tile.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (inner.top < outer.top) strip.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) strip.scrollTop += inner.bottom - outer.bottom;
  if (inner.left < outer.left) strip.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) strip.scrollLeft += inner.right - outer.right;
}

for (const [id, tile] of tiles) {
  const button = tile.querySelector(".tile-button");
  button.addEventListener("click", (event) => {
    choose(id);
    // After a mouse click, the space bar must still play and pause.
    if (event.detail > 0) button.blur();
  });
}

const inView = new Set();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inView.add(Number(target.dataset.person));
      else inView.delete(Number(target.dataset.person));
    }
    player.setInView([...inView]);
  },
  { rootMargin: "60px" },
);
for (const tile of tiles.values()) watcher.observe(tile);

function setAuto(mode) {
  auto = mode;
  byId("auto").value = mode;
  playerPanel.classList.toggle("auto", mode !== "off");
  switches = mode === "off" ? [] : planSwitches(data.people, data.duration_s, mode);
  if (mode !== "off") setGrid(false);
}

byId("auto").addEventListener("change", (event) => setAuto(event.target.value));

// --- grid of all people ----------------------------------------------------------------------

// Tiles have the median aspect ratio of the videos, within limits.
const shapes = data.people.map(({ size_wh: [width, height] }) => width / height);
const shape = Math.min(Math.max(shapes.sort()[Math.floor(shapes.length / 2)] || 0.8, 0.6), 1.8);
playerPanel.style.setProperty("--aspect", shape);

/** Size the tiles so that all of them fit into the strip or grid. */
function fitTiles() {
  const gap = 8;
  const { clientWidth: width, clientHeight: height } = byId("strip");
  let best = 0;
  for (let columns = 1; columns <= data.people.length; columns++) {
    const rows = Math.ceil(data.people.length / columns);
    const wide = (width - 10 - gap * (columns - 1)) / columns;
    const high = ((height - 10 - gap * (rows - 1)) / rows) * shape;
    best = Math.max(best, Math.min(wide, high));
  }
  // Below this width faces are hard to recognise: the strip scrolls instead.
  const minWidth = playerPanel.classList.contains("grid") ? 120 : 88;
  playerPanel.style.setProperty("--cell", `${Math.max(Math.floor(best), minWidth)}px`);
}
new ResizeObserver(fitTiles).observe(byId("strip"));

function setGrid(on) {
  playerPanel.classList.toggle("grid", on);
  fitTiles();
  byId("grid").setAttribute("aria-pressed", String(on));
}

byId("grid").addEventListener("click", () => toggleGrid());

function toggleGrid() {
  const on = !playerPanel.classList.contains("grid");
  setGrid(on);
  announce(on ? "All people at once" : `${nameOf.get(player.staged)} is on stage`);
}

// --- play, time, sound -----------------------------------------------------------------------

const seekBar = byId("seek");
seekBar.max = data.duration_s;
let dragging = false;

seekBar.addEventListener("input", () => {
  dragging = true;
  player.seek(Number(seekBar.value));
});
seekBar.addEventListener("change", () => {
  dragging = false;
});

let shownTime = "";
player.addEventListener("time", () => {
  const time = player.time;
  timeline.show(time);
  if (!dragging) seekBar.value = time;
  seekBar.style.setProperty("--at", data.duration_s ? time / data.duration_s : 0);
  const text = formatTime(time, 1);
  if (text === shownTime) return;
  shownTime = text;
  byId("time").textContent = text;
  seekBar.setAttribute("aria-valuetext", `${formatTime(time)} of ${formatTime(data.duration_s)}`);
  showWaiting();
  if (auto !== "off" && player.plays) stageBySwitches(time);
});

function stageBySwitches(time) {
  const id = personAt(switches, time);
  if (id !== null) player.stage(id);
}

function showWaiting() {
  const video = player.videoOf(player.staged);
  playerPanel.classList.toggle("waiting", player.plays && Boolean(video) && video.readyState < 3);
}

function showState() {
  playerPanel.classList.toggle("playing", player.plays);
  byId("play").setAttribute("aria-label", player.plays ? "Pause" : "Play");
  byId("loop").setAttribute("aria-pressed", String(player.loop));
  byId("speed").value = String(player.speed);
}
player.addEventListener("state", () => {
  showState();
  if (!player.plays) updateAddress();
});
player.addEventListener("refused", () => {
  toast("The browser allows sound only after a click: press Play.");
});
player.addEventListener("broken", ({ detail: { id } }) => {
  tiles.get(id).classList.add("broken");
  toast(`The video of ${nameOf.get(id)} cannot be played. Recreate it: crop-people --force`, {
    problem: true,
  });
});
master.addEventListener("soundfailed", () => toast("The sound cannot be played.", { problem: true }));

byId("play").addEventListener("click", () => player.toggle());
byId("stage").addEventListener("click", () => player.toggle());
byId("back").addEventListener("click", () => player.seek(player.time - JUMP_S));
byId("forward").addEventListener("click", () => player.seek(player.time + JUMP_S));
byId("loop").addEventListener("click", () => toggleLoop());
byId("speed").addEventListener("change", (event) => setSpeed(Number(event.target.value)));

function toggleLoop() {
  player.loop = !player.loop;
  showState();
  announce(player.loop ? "Loop on" : "Loop off");
}

function setSpeed(speed) {
  player.speed = speed;
  announce(`Speed ${speed}`);
}

function changeSpeed(step) {
  const index = SPEEDS.indexOf(player.speed) + step;
  if (SPEEDS[index]) setSpeed(SPEEDS[index]);
}

const { toggleMute } = connectVolume(audio, byId("volume"), byId("mute"));

// --- full screen -----------------------------------------------------------------------------

async function toggleFull() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await playerPanel.requestFullscreen();
  } catch {
    toast("This browser does not allow full screen.");
  }
}
byId("full").addEventListener("click", toggleFull);
byId("stage").addEventListener("dblclick", toggleFull);
document.addEventListener("fullscreenchange", () => {
  byId("full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
});

let idleTimer = 0;
function showControls() {
  playerPanel.classList.remove("idle");
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => playerPanel.classList.add("idle"), 2500);
}
for (const name of ["pointermove", "pointerdown", "keydown"]) playerPanel.addEventListener(name, showControls);

// --- links -----------------------------------------------------------------------------------

/** Link to the current time and person: #t=12.5&person=Anna. */
function momentLink() {
  const link = new URL(location.href);
  const person = encodeURIComponent(nameOf.get(player.staged) ?? "");
  link.hash = `t=${Number(player.time.toFixed(2))}&person=${person}`;
  return link.href;
}

let updatedAt = 0;
function updateAddress() {
  const now = performance.now();
  if (now - updatedAt < ADDRESS_EVERY_MS && player.plays) return;
  updatedAt = now;
  history.replaceState(null, "", momentLink());
}

function personOf(text) {
  const name = text.normalize("NFC").toLocaleLowerCase();
  const named = data.people.find((p) => p.name.normalize("NFC").toLocaleLowerCase() === name);
  return (named ?? data.people.find((person) => String(person.id) === text))?.id ?? null;
}

function followLink() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const time = Number.parseFloat(parameters.get("t"));
  if (parameters.has("person")) {
    const id = personOf(parameters.get("person"));
    if (id !== null) choose(id);
    else toast(`There is no video of ${parameters.get("person")} here.`);
  }
  if (Number.isFinite(time)) player.seek(time);
}
window.addEventListener("hashchange", followLink);

byId("link").addEventListener("click", async () => {
  history.replaceState(null, "", momentLink());
  try {
    await navigator.clipboard.writeText(location.href);
    toast("Link to this moment copied.");
  } catch {
    toast("Copy the link from the address bar: it now points to this moment.");
  }
});

// --- keys ------------------------------------------------------------------------------------

const help = byId("help");
byId("show-help").addEventListener("click", () => help.showModal());

const keys = {
  " ": () => player.toggle(),
  k: () => player.toggle(),
  ArrowLeft: () => player.seek(player.time - JUMP_S),
  ArrowRight: () => player.seek(player.time + JUMP_S),
  ArrowUp: () => nextPerson(-1),
  ArrowDown: () => nextPerson(1),
  ",": () => player.step(-1),
  ".": () => player.step(1),
  Home: () => player.seek(0),
  End: () => player.seek(data.duration_s),
  f: toggleFull,
  g: toggleGrid,
  l: toggleLoop,
  m: toggleMute,
  a: () => setAuto({ off: "present", present: "smiling", smiling: "off" }[auto]),
  "<": () => changeSpeed(-1),
  ">": () => changeSpeed(1),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || isTyping(event)) return;
  const onControl = event.target.closest?.("button, a, summary");
  if (onControl && (event.key === " " || event.key === "Enter")) return;
  if (event.target === byId("volume") && event.key.startsWith("Arrow")) return;
  const run = /^[1-9]$/.test(event.key) ? () => chooseNumber(Number(event.key)) : keyRun(event);
  if (!run) return;
  event.preventDefault();
  run();
});

function keyRun(event) {
  return keys[event.key] ?? (event.key.length === 1 ? keys[event.key.toLowerCase()] : undefined);
}

function chooseNumber(number) {
  const person = data.people[number - 1];
  if (person) choose(person.id);
}

// --- the start -------------------------------------------------------------------------------

byId("other-footage")?.addEventListener("change", (event) => location.assign(event.target.value));
showState();
const first = planSwitches(data.people, data.duration_s, "present")[0];
player.stage(first?.id ?? data.people[0].id);
followLink();

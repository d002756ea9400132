// The Watch page: what the user does, and what they see of it.

import { announce, clock as asClock, isTyping, pageData, toast } from "./base.js";
import { MasterClock } from "./clock.js";
import { onAt, plan } from "./director.js";
import { Lanes } from "./lanes.js";
import { Player } from "./player.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const JUMP_S = 5;
const MIRROR_EVERY_MS = 80;
const LINK_EVERY_MS = 1000;

const data = pageData();
const byId = (id) => document.getElementById(id);
const theatre = byId("theatre");
const tiles = new Map();
for (const tile of theatre.querySelectorAll(".tile")) tiles.set(Number(tile.dataset.person), tile);

const audio = data.sound ? byId("sound") : null;
if (audio) audio.src = data.sound;
const master = new MasterClock(audio, data.duration_s);
export const player = new Player(
  master,
  data.people.map((person) => ({
    id: person.id,
    address: person.files.video,
    video: tiles.get(person.id).querySelector("video"),
  })),
  data.rate,
);
const nameOf = new Map(data.people.map((person) => [person.id, person.name]));
const lanes = new Lanes(byId("lanes"), data.people, data.duration_s, (time, id) => {
  if (id !== null) choose(id);
  if (time !== null) player.seek(time);
});

// --- who is on stage -------------------------------------------------------------------------

let auto = "off";
let shots = [];

/** A person is chosen by the user: the automatic choice is over. */
function choose(id) {
  if (auto !== "off") setAuto("off");
  setGrid(false);
  player.stage(id);
}

function nextPerson(step) {
  const ids = data.people.map((person) => person.id);
  const place = ids.indexOf(player.staged);
  choose(ids[(place + step + ids.length) % ids.length]);
}

player.addEventListener("stage", ({ detail: { id, previous } }) => {
  for (const [other, tile] of tiles) {
    tile.classList.toggle("on-stage", other === id);
    tile.querySelector(".tile-button").setAttribute("aria-pressed", String(other === id));
  }
  byId("stage-name").textContent = nameOf.get(id);
  lanes.mark(id);
  const tile = tiles.get(id);
  mirror(tile);
  keepInView(tile);
  if (previous !== null) {
    announce(`${nameOf.get(id)} is on stage`);
    remember();
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

/** While somebody's video is on stage, their place among the others shows a small copy. */
let mirroring = 0;
function mirror(tile) {
  const video = tile.querySelector("video");
  const copy = tile.querySelector("canvas");
  const own = ++mirroring;
  let last = 0;
  const draw = (now) => {
    if (own !== mirroring) return;
    if (now - last >= MIRROR_EVERY_MS && video.videoWidth) {
      last = now;
      copy.width = 240;
      copy.height = Math.round((240 * video.videoHeight) / video.videoWidth);
      copy.getContext("2d").drawImage(video, 0, 0, copy.width, copy.height);
    }
    video.requestVideoFrameCallback?.(draw);
  };
  draw(performance.now());
}

for (const [id, tile] of tiles) {
  const button = tile.querySelector(".tile-button");
  button.addEventListener("click", (event) => {
    choose(id);
    // With a mouse, the space bar is for play and pause again.
    if (event.detail > 0) button.blur();
  });
}

const inSight = new Set();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(Number(target.dataset.person));
      else inSight.delete(Number(target.dataset.person));
    }
    player.setVisible([...inSight]);
  },
  { rootMargin: "60px" },
);
for (const tile of tiles.values()) watcher.observe(tile);

function setAuto(mode) {
  auto = mode;
  byId("auto").value = mode;
  theatre.classList.toggle("auto", mode !== "off");
  shots = mode === "off" ? [] : plan(data.people, data.duration_s, mode);
  if (mode !== "off") setGrid(false);
}

byId("auto").addEventListener("change", (event) => setAuto(event.target.value));

// --- everybody at once -----------------------------------------------------------------------

// A tile has the shape of most people's videos, within reason.
const shapes = data.people.map(({ size_wh: [width, height] }) => width / height);
const shape = Math.min(Math.max(shapes.sort()[Math.floor(shapes.length / 2)] || 0.8, 0.6), 1.8);
theatre.style.setProperty("--aspect", shape);

/** Make the tiles as large as all of them fit into the strip, or into the whole grid. */
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
  // Smaller ones could not be told apart; then the strip can be scrolled.
  const least = theatre.classList.contains("grid") ? 120 : 88;
  theatre.style.setProperty("--cell", `${Math.max(Math.floor(best), least)}px`);
}
new ResizeObserver(fitTiles).observe(byId("strip"));

function setGrid(on) {
  theatre.classList.toggle("grid", on);
  fitTiles();
  byId("grid").setAttribute("aria-pressed", String(on));
}

byId("grid").addEventListener("click", () => toggleGrid());

function toggleGrid() {
  const on = !theatre.classList.contains("grid");
  setGrid(on);
  announce(on ? "Everybody at once" : `${nameOf.get(player.staged)} is on stage`);
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
  lanes.show(time);
  if (!dragging) seekBar.value = time;
  seekBar.style.setProperty("--at", data.duration_s ? time / data.duration_s : 0);
  const text = asClock(time, 1);
  if (text === shownTime) return;
  shownTime = text;
  byId("time").textContent = text;
  seekBar.setAttribute("aria-valuetext", `${asClock(time)} of ${asClock(data.duration_s)}`);
  showWaiting();
  if (auto !== "off" && player.plays) direct(time);
});

function direct(time) {
  const id = onAt(shots, time);
  if (id !== null) player.stage(id);
}

function showWaiting() {
  const video = player.videoOf(player.staged);
  theatre.classList.toggle("waiting", player.plays && Boolean(video) && video.readyState < 3);
}

function showState() {
  theatre.classList.toggle("playing", player.plays);
  byId("play").setAttribute("aria-label", player.plays ? "Pause" : "Play");
  byId("loop").setAttribute("aria-pressed", String(player.loop));
  byId("speed").value = String(player.speed);
}
player.addEventListener("state", () => {
  showState();
  if (!player.plays) remember();
});
player.addEventListener("refused", () => {
  toast("The browser plays sound only after a click: press play.");
});
player.addEventListener("broken", ({ detail: { id } }) => {
  tiles.get(id).classList.add("broken");
  toast(`The video of ${nameOf.get(id)} cannot be played. Make it again: crop-people --force`, {
    problem: true,
  });
});
master.addEventListener("silent", () => toast("The sound cannot be played.", { problem: true }));

byId("play").addEventListener("click", () => player.toggle());
byId("stage").addEventListener("click", () => player.toggle());
byId("back").addEventListener("click", () => player.seek(player.time - JUMP_S));
byId("forward").addEventListener("click", () => player.seek(player.time + JUMP_S));
byId("loop").addEventListener("click", () => toggleLoop());
byId("speed").addEventListener("change", (event) => setSpeed(Number(event.target.value)));

function toggleLoop() {
  player.loop = !player.loop;
  showState();
  announce(player.loop ? "Starts again at the end" : "Stops at the end");
}

function setSpeed(speed) {
  player.speed = speed;
  announce(`Speed ${speed}`);
}

function changeSpeed(step) {
  const place = SPEEDS.indexOf(player.speed) + step;
  if (SPEEDS[place]) setSpeed(SPEEDS[place]);
}

function setVolume(volume, muted) {
  if (!audio) return;
  audio.volume = volume;
  audio.muted = muted;
  byId("volume").value = muted ? 0 : volume;
  byId("mute").setAttribute("aria-pressed", String(muted));
  try {
    localStorage.setItem("fancam-sound", JSON.stringify({ volume, muted }));
  } catch {
    // The browser keeps nothing for this page; then it starts loud next time.
  }
}

function soundOfLastTime() {
  try {
    const { volume = 1, muted = false } = JSON.parse(localStorage.getItem("fancam-sound")) ?? {};
    return [volume, muted];
  } catch {
    return [1, false];
  }
}

if (audio) {
  byId("mute").addEventListener("click", () => setVolume(audio.volume || 1, !audio.muted));
  byId("volume").addEventListener("input", (event) => {
    setVolume(Number(event.target.value), Number(event.target.value) === 0);
  });
  setVolume(...soundOfLastTime());
}

// --- full screen -----------------------------------------------------------------------------

async function toggleFull() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await theatre.requestFullscreen();
  } catch {
    toast("This browser does not let a page fill the screen.");
  }
}
byId("full").addEventListener("click", toggleFull);
byId("stage").addEventListener("dblclick", toggleFull);
document.addEventListener("fullscreenchange", () => {
  byId("full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
});

let idle = 0;
function stir() {
  theatre.classList.remove("idle");
  clearTimeout(idle);
  idle = setTimeout(() => theatre.classList.add("idle"), 2500);
}
for (const name of ["pointermove", "pointerdown", "keydown"]) theatre.addEventListener(name, stir);

// --- links -----------------------------------------------------------------------------------

/** The address of this moment: #t=12.5&person=Anna. */
function momentLink() {
  const link = new URL(location.href);
  const person = encodeURIComponent(nameOf.get(player.staged) ?? "");
  link.hash = `t=${Number(player.time.toFixed(2))}&person=${person}`;
  return link.href;
}

let remembered = 0;
function remember() {
  const now = performance.now();
  if (now - remembered < LINK_EVERY_MS && player.plays) return;
  remembered = now;
  history.replaceState(null, "", momentLink());
}

function personOf(text) {
  const wanted = text.normalize("NFC").toLocaleLowerCase();
  const named = data.people.find((p) => p.name.normalize("NFC").toLocaleLowerCase() === wanted);
  return (named ?? data.people.find((person) => String(person.id) === text))?.id ?? null;
}

function followLink() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const time = Number.parseFloat(asked.get("t"));
  if (asked.has("person")) {
    const id = personOf(asked.get("person"));
    if (id !== null) choose(id);
    else toast(`There is no video of ${asked.get("person")} here.`);
  }
  if (Number.isFinite(time)) player.seek(time);
}
window.addEventListener("hashchange", followLink);

byId("link").addEventListener("click", async () => {
  history.replaceState(null, "", momentLink());
  try {
    await navigator.clipboard.writeText(location.href);
    toast("The link to this moment is copied.");
  } catch {
    toast("The address of this page now leads to this moment.");
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
  m: () => audio && setVolume(audio.volume || 1, !audio.muted),
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
const first = plan(data.people, data.duration_s, "present")[0];
player.stage(first?.id ?? data.people[0].id);
followLink();

// The Watch page: connect controls, keys and links to the player, and show its state.

import { announce, formatTime, isTyping, pageData, releasePointerFocus, toast } from "../shared/page.js";
import { MasterClock } from "./master_clock.js";
import { connectMediaSession } from "./media_session.js";
import { personAt, planSwitches } from "./auto_stage.js";
import { Backdrop } from "./backdrop.js";
import { connectPictureInPicture } from "./picture_in_picture.js";
import { Player } from "./player.js";
import { Presence } from "./presence.js";
import { Preview } from "./preview.js";
import { onSwipe } from "./swipe.js";
import { copyIntoTile } from "./tile_copy.js";
import { Timeline } from "./timeline.js";
import { connectVolume } from "./volume.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const JUMP_S = 5;
const ADDRESS_EVERY_MS = 1000;
const LOADING_EVERY_MS = 500;

const ORIGINAL = 0; // id of the footage itself; those of people are larger

const data = pageData();
const byId = (id) => document.getElementById(id);
const playerPanel = byId("player");
const tiles = new Map();
for (const tile of playerPanel.querySelectorAll(".tile")) tiles.set(Number(tile.dataset.person), tile);

const audio = data.sound ? byId("sound") : null;
if (audio) audio.src = data.sound;
const master = new MasterClock(audio, data.duration_s);
const videoIn = (id) => tiles.get(id).querySelector("video");
const staged = data.people.map(({ id, files, bytes }) => {
  const full = { url: files.video, bytes: bytes.video };
  const small = files.small ? { url: files.small, bytes: bytes.small } : null;
  return { id, video: videoIn(id), tile: small ?? full, full: small && full };
});
// The original has no small rendition: its tile is a picture.
if (data.film) {
  staged.push({ id: ORIGINAL, video: videoIn(ORIGINAL), tile: data.film, full: null, onlyOnStage: true });
}
const stageVideos = [byId("stage-video"), byId("stage-video-beside")];
export const player = new Player(master, staged, stageVideos, data.rate);
const nameOf = new Map(data.people.map((person) => [person.id, person.name]));
nameOf.set(ORIGINAL, "Original");
const smallOf = new Map(data.people.map(({ id, files }) => [id, files.small ?? null]));
const preview = new Preview(byId("preview"), (id) => smallOf.get(id) ?? null);
const goTo = (time, id) => {
  if (id !== null) choose(id);
  if (time !== null) player.seek(time);
};
const timeline = new Timeline(byId("timeline"), data.people, data.duration_s, goTo, preview);

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
  const ids = [...tiles.keys()];
  const index = ids.indexOf(player.staged);
  choose(ids[(index + step + ids.length) % ids.length]);
}

/** A place on stage, with the backdrop behind it and the tile that shows a copy. */
class Place {
  id = null;
  #backdrop;
  #name;
  #endCopy = () => {};

  constructor(canvas, name) {
    this.#backdrop = new Backdrop(canvas);
    this.#name = name;
  }

  /** Show a person here, or nobody. */
  show(id) {
    if (id === this.id) return;
    this.id = id;
    this.#endCopy();
    this.#name.textContent = nameOf.get(id) ?? "";
    if (id === null) return;
    this.#backdrop.show(videoIn(id).poster);
    const draw = (picture, playing, now) => this.#backdrop.update(picture, playing, now);
    this.#endCopy = copyIntoTile(tiles.get(id), draw);
  }
}

const place = new Place(byId("backdrop"), byId("stage-name"));
const placeBeside = new Place(byId("backdrop-beside"), byId("stage-name-beside"));
let before = null; // id of the person who was on stage before

player.addEventListener("stage", ({ detail: { id, previous } }) => {
  const { beside } = player;
  for (const [other, tile] of tiles) {
    const isOnStage = other === id || other === beside;
    tile.classList.toggle("on-stage", isOnStage);
    tile.classList.toggle("beside", other === beside);
    tile.querySelector(".tile-button").setAttribute("aria-pressed", String(isOnStage));
  }
  playerPanel.classList.toggle("pair", beside !== null);
  byId("pair").setAttribute("aria-pressed", String(beside !== null));
  place.show(id);
  placeBeside.show(beside);
  showAway(player.time);
  timeline.mark(id);
  playerPanel.classList.add("ready"); // from now on a video is on stage, and nothing moves
  if (previous === null) return;
  if (previous !== id) before = previous;
  keepInView(tiles.get(id));
  announce(`${namesOnStage()} ${beside === null ? "is" : "are"} in the large view`);
  updateAddress();
});

function namesOnStage() {
  const ids = [player.staged, player.beside].filter((id) => id !== null);
  return ids.map((id) => nameOf.get(id)).join(" and ");
}

// --- two people side by side -------------------------------------------------------------------

/** Show a second person beside the one on stage, or nobody where they are there already. */
function toggleBeside(id) {
  setGrid(false);
  player.beside = id === player.beside ? null : id;
}

/** Show the person beside who was on stage before, or the next one. */
function togglePair() {
  const ids = [...tiles.keys()];
  const next = ids[(ids.indexOf(player.staged) + 1) % ids.length];
  toggleBeside(player.beside ?? (before === player.staged ? next : (before ?? next)));
}

byId("pair").addEventListener("click", () => togglePair());

function keepInView(tile) {
  const strip = byId("strip");
  const [inner, outer] = [tile.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (inner.top < outer.top) strip.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) strip.scrollTop += inner.bottom - outer.bottom;
  if (inner.left < outer.left) strip.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) strip.scrollLeft += inner.right - outer.right;
}

for (const [id, tile] of tiles) {
  tile.querySelector(".tile-button").addEventListener("click", (event) => {
    if (event.shiftKey) toggleBeside(id);
    else if (id === player.staged && !playerPanel.classList.contains("grid")) seekToReturn(id);
    else choose(id);
  });
}

// --- who is away -----------------------------------------------------------------------------

const presence = new Map(data.people.map((person) => [person.id, new Presence(person, data.duration_s)]));

/** Seek to the time at which a person is back, if they are away now and come back. */
function seekToReturn(id) {
  const back = presence.get(id)?.backAt(player.time) ?? null;
  if (back !== null && back !== Infinity) player.seek(back);
}

/** Dim the tiles of those who are away, and say when they are back. */
function showAway(time) {
  for (const [id, tile] of tiles) {
    const back = presence.get(id)?.backAt(time) ?? null;
    tile.classList.toggle("away", back !== null);
    const text = back === null ? "" : back === Infinity ? "not in view" : `back at ${formatTime(back)}`;
    showText(tile.querySelector(".tile-away"), text);
    if (id === player.staged) showReturn(text);
  }
}

/** Offer the return of the person on stage. */
function showReturn(text) {
  const button = byId("stage-return");
  const label = text.startsWith("back") ? text[0].toUpperCase() + text.slice(1) : "";
  showText(button, label);
  button.hidden = !label;
}

byId("stage-return").addEventListener("click", () => seekToReturn(player.staged));

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
  for (let columns = 1; columns <= tiles.size; columns++) {
    const rows = Math.ceil(tiles.size / columns);
    const wide = (width - 10 - gap * (columns - 1)) / columns;
    const high = ((height - 10 - gap * (rows - 1)) / rows) * shape;
    best = Math.max(best, Math.min(wide, high));
  }
  // Below this width faces are hard to recognise: the strip scrolls instead.
  const minWidth = playerPanel.classList.contains("grid") ? 120 : 88;
  playerPanel.style.setProperty("--cell", `${Math.max(Math.floor(best), minWidth)}px`);
}
new ResizeObserver(fitTiles).observe(byId("strip"));
fitTiles(); // before anybody is on stage and the tiles are visible

function setGrid(on) {
  playerPanel.classList.toggle("grid", on);
  player.showsStage = !on;
  fitTiles();
  byId("grid").setAttribute("aria-pressed", String(on));
}

byId("grid").addEventListener("click", () => toggleGrid());

function toggleGrid() {
  const on = !playerPanel.classList.contains("grid");
  setGrid(on);
  announce(on ? "All people at once" : `${nameOf.get(player.staged)} is in the large view`);
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

const THUMB_PX = 16;

seekBar.addEventListener("pointermove", (event) => {
  const { left, top, width } = seekBar.getBoundingClientRect();
  const share = (event.clientX - left - THUMB_PX / 2) / (width - THUMB_PX);
  const time = Math.min(Math.max(share, 0), 1) * data.duration_s;
  preview.show(time, player.staged, { x: event.clientX, top });
});
for (const name of ["pointerleave", "pointercancel"]) seekBar.addEventListener(name, () => preview.hide());

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
  showAway(time);
  seekBar.setAttribute("aria-valuetext", `${formatTime(time)} of ${formatTime(data.duration_s)}`);
  if (auto !== "off" && player.plays) stageBySwitches(time);
});

function stageBySwitches(time) {
  const id = personAt(switches, time);
  if (id !== null) player.stage(id);
}

player.addEventListener("full", () => {
  playerPanel.classList.toggle("sharp", player.showsFull);
  playerPanel.classList.toggle("sharp-beside", player.showsFullBeside);
});

/** Say which videos wait for data, or are paused for want of it. */
function showLoading() {
  playerPanel.classList.toggle("waiting", player.waiting);
  const reduced = player.isReduced ? "Slow network: lower quality" : "";
  showText(byId("stage-note"), player.waiting ? "Waiting for data…" : reduced);
  const live = new Set(player.live);
  for (const [id, tile] of tiles) {
    const loading = player.isStarving(id) && id !== player.staged ? "Loading…" : "";
    showText(tile.querySelector(".tile-note"), live.has(id) || id === ORIGINAL ? loading : "Paused");
  }
}

function showText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
setInterval(showLoading, LOADING_EVERY_MS);

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
  toast("Press Play: the browser allows sound only after a click.");
});
player.addEventListener("broken", ({ detail: { id } }) => {
  tiles.get(id).classList.add("broken");
  const text = id === ORIGINAL
    ? "This browser cannot play the original."
    : `The video of ${nameOf.get(id)} cannot be played. Make it again: ${data.make_again}`;
  toast(text, { problem: true });
});
master.addEventListener("soundfailed", () => {
  for (const id of ["mute", "volume"]) byId(id).disabled = true;
  toast("The sound cannot be played; the videos play without it.", { problem: true });
});

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

const togglePictureInPicture = connectPictureInPicture(player, byId("small-window"), () => {
  toast("This browser does not allow picture in picture.");
});

// --- links -----------------------------------------------------------------------------------

/** Link to the current time and people, by id so that it outlives new names: #t=12.5&person=3&beside=2. */
function momentLink() {
  const link = new URL(location.href);
  const textOf = (id) => (id === ORIGINAL ? "original" : (id ?? ""));
  const beside = player.beside === null ? "" : `&beside=${textOf(player.beside)}`;
  link.hash = `t=${Number(player.time.toFixed(2))}&person=${textOf(player.staged)}${beside}`;
  return link.href;
}

let updatedAt = 0;
function updateAddress() {
  const now = performance.now();
  if (now - updatedAt < ADDRESS_EVERY_MS && player.plays) return;
  updatedAt = now;
  history.replaceState(null, "", momentLink());
}

/** Id of the person in a link: an id, also of somebody merged since, or in earlier links a name. */
function personOf(text) {
  if (text === "original" && tiles.has(ORIGINAL)) return ORIGINAL;
  const id = data.merged[text] ?? Number(text);
  const name = text.normalize("NFC").toLocaleLowerCase();
  const named = (person) => person.name.normalize("NFC").toLocaleLowerCase() === name;
  return (data.people.find((person) => person.id === id) ?? data.people.find(named))?.id ?? null;
}

function followLink() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const time = Number.parseFloat(parameters.get("t"));
  if (parameters.has("person")) {
    const id = personOf(parameters.get("person"));
    if (id !== null) choose(id);
    else toast("There is no video of this person here.");
  }
  const beside = personOf(parameters.get("beside") ?? "");
  if (beside !== null || player.beside !== null) player.beside = beside;
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

releasePointerFocus();

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
  p: togglePictureInPicture,
  b: togglePair,
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
  const pressed = { " ": "button, summary", Enter: "button, summary, a" }[event.key];
  // Until the next frame, a button of a dialog that was closed keeps the focus.
  if (pressed && event.target.closest?.(pressed) && !event.target.closest("dialog:not([open])")) return;
  if (event.target === byId("volume") && event.key.startsWith("Arrow")) return;
  const run = digitRun(event) ?? keyRun(event);
  if (!run) return;
  event.preventDefault();
  run();
});

function keyRun(event) {
  return keys[event.key] ?? (event.key.length === 1 ? keys[event.key.toLowerCase()] : undefined);
}

/** A digit shows a person, and with Shift beside the one on stage, where Shift is not needed to type it. */
function digitRun({ key, code, shiftKey }) {
  if (/^[0-9]$/.test(key)) return () => runFor(Number(key), choose);
  const isDigit = shiftKey && /^Digit[0-9]$/.test(code);
  return isDigit ? () => runFor(Number(code.at(-1)), toggleBeside) : undefined;
}

function runFor(number, run) {
  const id = number ? data.people[number - 1]?.id : ORIGINAL;
  if (tiles.has(id)) run(id);
}

// --- media keys and swipes ---------------------------------------------------------------------

onSwipe(byId("stage"), nextPerson);
connectMediaSession(player, {
  jumpS: JUMP_S,
  nextPerson,
  describe: () => ({
    title: namesOnStage(),
    album: document.querySelector("h1").textContent,
    poster: videoIn(player.staged).poster,
  }),
});

// --- loading at the first sign of a user ------------------------------------------------------

for (const name of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart"]) {
  window.addEventListener(name, () => player.prepare(), { once: true, passive: true });
}

// --- the start -------------------------------------------------------------------------------

byId("other-footage")?.addEventListener("change", (event) => location.assign(event.target.value));
showState();
const first = planSwitches(data.people, data.duration_s, "present")[0];
player.stage(first?.id ?? data.people[0].id);
followLink();

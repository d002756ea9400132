// The unknown faces, grouped by the most similar person: accept them in bulk, or assign them.

import { element, faceCount, formatTime, isTyping, request, toast } from "../shared/page.js";
import { choosePerson } from "./choose_person.js";
import { openFaceViewer, openLinkedFace } from "./face_viewer.js";
import { FaceGrid } from "./face_grid.js";
import { data, faceUrl, review } from "./review.js";

const UNKNOWN = -1; // instead of a person id
const chosenText = document.getElementById("chosen");
const buttons = document.querySelectorAll("#face-actions button[data-needs-faces]");
const empty = document.getElementById("no-unknown");
let shownRevision = -1;

const grid = new FaceGrid(document.getElementById("grid"), {
  label: "Unknown faces, by the most similar person",
  picture: (item) => faceUrl(item.id),
  describe: (item) => `${likelyName(item.likely)}, at ${formatTime(item.time_s)}`,
  changed(selected) {
    const count = selected.size;
    chosenText.textContent = count ? `${faceCount(count)} selected` : "Click, Shift-click or drag to select faces";
    for (const button of buttons) button.disabled = !count;
  },
  open: (item) => openFaceViewer(item, grid.items),
  head: matchMedia("(max-width: 640px)").matches ? 92 : 56, // as in face_grid.css
});

function likelyName(person) {
  return person === UNKNOWN ? "no similar person" : `possibly ${review.person(person)?.name ?? "somebody who was removed"}`;
}

review.subscribe(async (state) => {
  document.getElementById("facts").textContent = faceCount(state.unknown.count);
  if (state.revision !== shownRevision) await load(state.revision);
});

async function load(revision) {
  shownRevision = revision;
  try {
    const content = await request(`${data.api}/unknown/faces`);
    const items = content.faces.map((id, i) => ({
      id,
      time_s: content.time_s[i],
      likely: content.likely[i],
    }));
    if (content.revision < shownRevision) return;
    show(items);
    openLinkedFace(items);
  } catch (error) {
    toast(error.message, { problem: true });
  }
}

function show(items) {
  empty.hidden = items.length > 0;
  document.getElementById("face-actions").hidden = !items.length;
  grid.root.hidden = !items.length;
  grid.show(items, sections(items));
}

function sections(items) {
  const result = [];
  for (let from = 0; from < items.length; ) {
    const { likely } = items[from];
    let to = from + 1;
    while (to < items.length && items[to].likely === likely) to++;
    result.push({ from, to, head: heading(likely, items.slice(from, to).map((item) => item.id)) });
    from = to;
  }
  return result;
}

function heading(likely, ids) {
  const name = review.person(likely)?.name;
  const title = likely === UNKNOWN ? "No similar person" : `Possibly ${name}`;
  const head = element("div", { role: "group", "aria-label": title },
    element("h2", {}, title, " ", element("span", { class: "soft small" }, faceCount(ids.length))));
  if (likely !== UNKNOWN) {
    const acceptAll = element("button", { type: "button", class: "small" }, `Accept all as ${name}`);
    acceptAll.addEventListener("click", () => accept(likely, ids));
    head.append(acceptAll);
  }
  const all = element("button", { type: "button", class: "quiet small" }, "Select all");
  all.addEventListener("click", () => grid.select([...grid.selected, ...ids]));
  head.append(all);
  return head;
}

async function decide(decision) {
  // Remove the faces immediately, so that the next key does not act on them again.
  const removed = new Set(decision.faces);
  show(grid.items.filter((item) => !removed.has(item.id)));
  if (!(await review.decide(decision))) await load(review.state.revision);
}

async function accept(person, faces) {
  if (faces.length) await decide({ kind: "accept", person, faces });
}

const actionOf = {
  /** Assign each chosen face to the person it resembles most. */
  async accept() {
    const chosen = grid.items.filter((item) => grid.selected.has(item.id));
    const people = [...new Set(chosen.map((item) => item.likely))].filter((person) => person !== UNKNOWN);
    for (const person of people) {
      await accept(person, chosen.filter((item) => item.likely === person).map((item) => item.id));
    }
  },
  async move() {
    if (!grid.selected.size) return;
    const faces = [...grid.selected];
    const chosen = await choosePerson({ title: `Assign ${faceCount(faces.length)} to` });
    if (chosen === "new") await actionOf.split();
    else if (chosen !== null) await accept(chosen, faces);
    grid.root.focus();
  },
  async split() {
    const faces = [...grid.selected];
    if (faces.length) await decide({ kind: "split", faces });
  },
  all: () => grid.selectAll(),
  none: () => grid.select([]),
};

for (const action of Object.keys(actionOf)) {
  document.getElementById(action).addEventListener("click", () => actionOf[action]());
}

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const action = { a: "accept", m: "move", n: "split" }[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  actionOf[action]();
});

grid.root.focus({ preventScroll: true });

// The unknown faces, by whom they look like: accepted in bulk, or given to somebody.

import { ask, clock, element, isTyping, toast } from "./base.js";
import { choosePerson } from "./choose_person.js";
import { lookClosely } from "./closely.js";
import { FaceGrid } from "./grid.js";
import { data, faceAddress, faceCount, review } from "./review.js";

const NOBODY = -1;
const chosenText = document.getElementById("chosen");
const actions = document.querySelectorAll("#face-actions button[data-needs-faces]");
const empty = document.getElementById("no-unknown");
let shownRevision = -1;

const grid = new FaceGrid(document.getElementById("grid"), {
  label: "Unknown faces, by whom they look like",
  picture: (item) => faceAddress(item.id),
  describe: (item) => `${likelyName(item.likely)}, at ${clock(item.time_s)}`,
  changed(selected) {
    const count = selected.size;
    chosenText.textContent = count ? `${faceCount(count)} chosen` : "Click, shift-click or drag to choose faces";
    for (const button of actions) button.disabled = !count;
  },
  open: (item) => lookClosely(item, grid.items),
  head: matchMedia("(max-width: 640px)").matches ? 92 : 56, // as in people.css
});

function likelyName(person) {
  return person === NOBODY ? "like nobody" : `maybe ${review.person(person)?.name ?? "somebody"}`;
}

review.follow(async (state) => {
  document.getElementById("facts").textContent = faceCount(state.unknown.count);
  if (state.revision !== shownRevision) await load(state.revision);
});

async function load(revision) {
  shownRevision = revision;
  try {
    const content = await ask(`${data.api}/unknown/faces`);
    const items = content.faces.map((id, i) => ({
      id,
      time_s: content.time_s[i],
      likely: content.likely[i],
    }));
    if (content.revision >= shownRevision) show(items);
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
  const made = [];
  for (let from = 0; from < items.length; ) {
    const { likely } = items[from];
    let to = from + 1;
    while (to < items.length && items[to].likely === likely) to++;
    made.push({ from, to, head: heading(likely, items.slice(from, to).map((item) => item.id)) });
    from = to;
  }
  return made;
}

function heading(likely, ids) {
  const name = review.person(likely)?.name;
  const title = likely === NOBODY ? "Like nobody" : `Maybe ${name}`;
  const head = element("div", { role: "group", "aria-label": title },
    element("h2", {}, title, " ", element("span", { class: "soft small" }, faceCount(ids.length))));
  if (likely !== NOBODY) {
    // Those who are chosen of these, or all: whoever does not belong is left out by choosing.
    const accept = element("button", { type: "button", class: "small" }, `Accept all as ${name}`);
    accept.addEventListener("click", () => give(likely, ids));
    head.append(accept);
  }
  const all = element("button", { type: "button", class: "quiet small" }, "Choose all");
  all.addEventListener("click", () => grid.select([...grid.selected, ...ids]));
  head.append(all);
  return head;
}

async function decide(decision) {
  // Gone at once: the next key must not meet them again.
  const gone = new Set(decision.faces);
  show(grid.items.filter((item) => !gone.has(item.id)));
  if (!(await review.decide(decision))) await load(review.state.revision);
}

async function give(person, faces) {
  if (faces.length) await decide({ kind: "accept", person, faces });
}

const doing = {
  /** Give the chosen faces to whom each of them looks like. */
  async accept() {
    const chosen = grid.items.filter((item) => grid.selected.has(item.id));
    const people = [...new Set(chosen.map((item) => item.likely))].filter((one) => one !== NOBODY);
    for (const person of people) {
      await give(person, chosen.filter((item) => item.likely === person).map((item) => item.id));
    }
  },
  async move() {
    if (!grid.selected.size) return;
    const faces = [...grid.selected];
    const chosen = await choosePerson({ title: `${faceCount(faces.length)} are` });
    if (chosen === "new") await doing.split();
    else if (chosen !== null) await give(chosen, faces);
    grid.root.focus();
  },
  async split() {
    const faces = [...grid.selected];
    if (faces.length) await decide({ kind: "split", faces });
  },
  all: () => grid.selectAll(),
  none: () => grid.select([]),
};

for (const what of Object.keys(doing)) {
  document.getElementById(what).addEventListener("click", () => doing[what]());
}

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const what = { a: "accept", m: "move", n: "split" }[event.key.toLowerCase()];
  if (!what) return;
  event.preventDefault();
  doing[what]();
});

grid.root.focus({ preventScroll: true });

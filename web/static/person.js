// One person's faces, from the most doubtful to the surest: throw out, move, split off.

import { announce, ask, clock, element, isTyping, toast } from "./base.js";
import { lookClosely } from "./closely.js";
import { FaceGrid } from "./grid.js";
import { nameField, updateName } from "./names.js";
import { choosePerson } from "./choose_person.js";
import { data, faceAddress, faceCount, review, span } from "./review.js";

const id = data.person;
const facts = document.getElementById("facts");
const hideButton = document.getElementById("hide");
const chosenText = document.getElementById("chosen");
const actions = document.querySelectorAll("#face-actions button[data-needs-faces]");
let field = null;
let shownRevision = -1;

const grid = new FaceGrid(document.getElementById("grid"), {
  label: "Faces, the most doubtful first",
  picture: (item) => faceAddress(item.id),
  describe: (item) => `at ${clock(item.time_s)}`,
  changed(selected) {
    const count = selected.size;
    chosenText.textContent = count ? `${faceCount(count)} chosen` : "Click, shift-click or drag to choose faces";
    for (const button of actions) button.disabled = !count;
  },
  open: (item) => lookClosely(item, grid.items),
});

review.follow(async (state) => {
  const person = review.person(id);
  if (!person) {
    // Merged into somebody, or without faces: there is nothing to see here any more.
    location.assign(data.pages);
    return;
  }
  if (!field) {
    field = nameField(person);
    document.getElementById("name").replaceChildren(field);
  } else updateName(field, person);
  document.title = `${person.name} · fancam`;
  facts.textContent = `${faceCount(person.count)} · ${span(person)}${person.hidden ? " · hidden" : ""}`;
  hideButton.textContent = person.hidden ? "Show again" : "Hide";
  if (state.revision !== shownRevision) await load(state.revision);
});

async function load(revision) {
  shownRevision = revision;
  try {
    const content = await ask(`${data.api}/${id}/faces`);
    if (revision === shownRevision) grid.show(content.faces.map((face, i) => ({ id: face, time_s: content.time_s[i] })));
  } catch (error) {
    toast(error.message, { problem: true });
  }
}

async function decide(decision) {
  const faces = [...grid.selected];
  if (!faces.length) return;
  // Gone at once: the next key must not meet them again.
  grid.show(grid.items.filter((item) => !grid.selected.has(item.id)));
  if (!(await review.decide({ ...decision, faces }))) await load(review.state.revision);
}

const doing = {
  eject: () => decide({ kind: "eject", person: id }),
  async move() {
    if (!grid.selected.size) return;
    const chosen = await choosePerson({ without: id, title: `Move ${faceCount(grid.selected.size)} to` });
    if (chosen === "new") await doing.split();
    else if (chosen !== null) await decide({ kind: "move", person: chosen });
    grid.root.focus();
  },
  split: () => decide({ kind: "split" }),
  all: () => grid.selectAll(),
  none: () => grid.select([]),
};

for (const what of Object.keys(doing)) {
  document.getElementById(what).addEventListener("click", () => doing[what]());
}

hideButton.addEventListener("click", () => {
  const person = review.person(id);
  review.decide({ kind: person.hidden ? "show" : "hide", person: id });
});

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const what = { e: "eject", delete: "eject", m: "move", n: "split" }[event.key.toLowerCase()];
  if (!what) return;
  event.preventDefault();
  if (!grid.selected.size) announce("Choose faces first");
  doing[what]();
});

grid.root.focus({ preventScroll: true });

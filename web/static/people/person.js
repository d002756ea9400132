// One person's faces, least certain first: remove, move, split off.

import { announce, element, faceCount, formatTime, isTyping, request, toast } from "../shared/page.js";
import { onCover, openFaceViewer, openLinkedFace } from "./face_viewer.js";
import { FaceGrid } from "./face_grid.js";
import { nameField, updateName } from "./name_field.js";
import { choosePerson } from "./choose_person.js";
import { data, faceUrl, review, seenFromTo } from "./review.js";

const id = data.person;
const facts = document.getElementById("facts");
const hideButton = document.getElementById("hide");
const chosenText = document.getElementById("chosen");
const buttons = document.querySelectorAll("#face-actions button[data-needs-faces]");
const coverButton = document.getElementById("cover");
let field = null;
let shownRevision = -1;

const grid = new FaceGrid(document.getElementById("grid"), {
  label: "Faces, least certain first",
  picture: (item) => faceUrl(item.id),
  describe: (item) => `at ${formatTime(item.time_s)}`,
  changed(selected) {
    const count = selected.size;
    chosenText.textContent = count ? `${faceCount(count)} selected` : "Click, Shift-click or drag to select faces";
    for (const button of buttons) button.disabled = !count;
    coverButton.disabled = count !== 1;
  },
  open: (item) => openFaceViewer(item, grid.items, { person: id }),
});

review.subscribe(async (state) => {
  const person = review.person(id);
  if (!person) {
    // The person was merged into another or has no faces left.
    location.assign(data.pages);
    return;
  }
  if (!field) {
    field = nameField(person);
    document.getElementById("name").replaceChildren(field);
  } else updateName(field, person);
  document.title = `${person.name} · fancam`;
  showPicture(person);
  facts.textContent = `${faceCount(person.count)} · ${seenFromTo(person)}${person.hidden ? " · hidden" : ""}`;
  hideButton.textContent = person.hidden ? "Show again" : "Hide";
  if (state.revision !== shownRevision) await load(state.revision);
});

function showPicture({ faces: [face] }) {
  const picture = document.getElementById("picture");
  picture.hidden = !face;
  if (face && picture.getAttribute("src") !== faceUrl(face)) picture.src = faceUrl(face);
}

async function load(revision) {
  shownRevision = revision;
  try {
    const content = await request(`${data.api}/${id}/faces`);
    if (revision !== shownRevision) return;
    grid.show(content.faces.map((face, i) => ({ id: face, time_s: content.time_s[i] })));
    openLinkedFace(grid.items, { person: id });
  } catch (error) {
    toast(error.message, { problem: true });
  }
}

async function decide(decision) {
  const faces = [...grid.selected];
  if (!faces.length) return;
  // Remove the faces immediately, so that the next key does not act on them again.
  grid.show(grid.items.filter((item) => !grid.selected.has(item.id)));
  if (!(await review.decide({ ...decision, faces }))) await load(review.state.revision);
}

const actionOf = {
  eject: () => decide({ kind: "eject", person: id }),
  async move() {
    if (!grid.selected.size) return;
    const chosen = await choosePerson({ without: id, title: `Move ${faceCount(grid.selected.size)} to` });
    if (chosen === "new") await actionOf.split();
    else if (chosen !== null) await decide({ kind: "move", person: chosen });
    grid.root.focus();
  },
  split: () => decide({ kind: "split" }),
  cover() {
    if (grid.selected.size === 1) chooseCover([...grid.selected][0]);
    else announce("Select one face first");
  },
  all: () => grid.selectAll(),
  none: () => grid.select([]),
};

for (const action of Object.keys(actionOf)) {
  document.getElementById(action).addEventListener("click", () => actionOf[action]());
}

/** Make a face the picture of the person, here and on all pages. */
function chooseCover(face) {
  return review.decide({ kind: "cover", person: id, face });
}

onCover(chooseCover);

hideButton.addEventListener("click", () => {
  const person = review.person(id);
  review.decide({ kind: person.hidden ? "show" : "hide", people: [id] });
});

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const action = { e: "eject", delete: "eject", m: "move", n: "split", c: "cover" }[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  if (!grid.selected.size) announce("Select faces first");
  actionOf[action]();
});

grid.root.focus({ preventScroll: true });

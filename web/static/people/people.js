// The People page: one card per person, suggested pairs, hidden people.

import { announce, element, faceCount, isTyping } from "../shared/page.js";
import { nameField, updateName } from "./name_field.js";
import { data, faceUrl, review, seenFromTo } from "./review.js";
import "./dataset_writing.js";

const cards = document.getElementById("cards");
const hiddenCards = document.getElementById("hidden-cards");
const hiddenPart = document.getElementById("hidden-part");
const unknownCard = document.getElementById("unknown-card");
const chosenBar = document.getElementById("chosen-bar");
const cardOf = new Map(); // person id -> card
const chosen = new Set();
let restored = false; // the place where the user left the page

// --- cards -------------------------------------------------------------------------------------

function montage(faces) {
  return faces.map((id) => element("img", { src: faceUrl(id), alt: "", loading: "lazy", draggable: "false" }));
}

function makeCard(person) {
  const pictures = element("a", { class: "montage", href: `${data.pages}/${person.id}`, draggable: "true" });
  const box = element("input", { type: "checkbox", class: "choose" });
  box.addEventListener("change", () => choose(person.id, box.checked));
  const name = nameField(person);
  const facts = element("p", { class: "soft small facts" });
  const hide = element("button", { type: "button", class: "quiet small hide" });
  hide.addEventListener("click", () => {
    const now = review.person(person.id);
    review.decide({ kind: now.hidden ? "show" : "hide", people: [person.id] });
  });
  const card = element("li", { class: "card person" },
    pictures,
    element("div", { class: "person-text" },
      element("div", { class: "person-name" }, box, name),
      element("div", { class: "person-facts" }, facts, hide)));
  card.dataset.person = person.id;
  Object.assign(card, { pictures, box, name, facts, hide });
  makeDraggable(card, person.id);
  return card;
}

function updateCard(card, person) {
  const key = JSON.stringify(person);
  if (card.key === key) return;
  card.key = key;
  const faces = [person.cover, ...person.faces].join();
  if (card.faces !== faces) {
    card.faces = faces;
    card.pictures.replaceChildren(...montage(person.faces));
    card.pictures.dataset.count = person.faces.length;
    card.pictures.classList.toggle("with-cover", Boolean(person.cover));
  }
  card.pictures.setAttribute("aria-label", `${person.name}: all faces`);
  card.box.setAttribute("aria-label", `Select ${person.name}`);
  updateName(card.name, person);
  card.facts.textContent = `${faceCount(person.count)} · ${seenFromTo(person)}`;
  card.hide.textContent = person.hidden ? "Show again" : "Hide";
  card.hide.setAttribute("aria-label", `${card.hide.textContent}: ${person.name}`);
}

function arrange(list, people) {
  const ordered = people.map((person) => cardOf.get(person.id));
  // Move only cards that are out of order, so that the focus is kept.
  ordered.forEach((card, i) => {
    if (list.children[i] !== card) list.insertBefore(card, list.children[i] ?? null);
  });
}

review.subscribe((state) => {
  const ids = new Set(state.people.map((person) => person.id));
  for (const [id, card] of cardOf) {
    if (ids.has(id)) continue;
    card.remove();
    cardOf.delete(id);
    chosen.delete(id);
  }
  for (const person of state.people) {
    if (!cardOf.has(person.id)) cardOf.set(person.id, makeCard(person));
    updateCard(cardOf.get(person.id), person);
  }
  const byCount = [...state.people].sort((a, b) => b.count - a.count || a.id - b.id);
  const shown = byCount.filter((person) => !person.hidden);
  const hidden = byCount.filter((person) => person.hidden);
  arrange(cards, shown);
  arrange(hiddenCards, hidden);
  hiddenPart.hidden = !hidden.length;
  hiddenPart.querySelector("summary").textContent = `Hidden (${hidden.length})`;
  const total = shown.length === 1 ? "1 person" : `${shown.length} people`;
  document.getElementById("count").textContent = total;
  showUnknown(state.unknown);
  showChosen();
  showPair();
  if (!restored) restorePlace();
});

function showUnknown(unknown) {
  unknownCard.hidden = !unknown.count;
  unknownCard.querySelector(".montage").replaceChildren(...montage(unknown.faces));
  unknownCard.querySelector(".montage").dataset.count = unknown.faces.length;
  unknownCard.querySelector(".facts").textContent = faceCount(unknown.count);
  // Move it behind all other cards.
  cards.append(unknownCard);
}

// --- back to the same place ---------------------------------------------------------------------

// The cards are added after the page has loaded, so that the browser cannot restore the place itself.
const PLACE = `place ${data.api}`;

addEventListener("pagehide", () => {
  sessionStorage.setItem(PLACE, JSON.stringify({ top: scrollY, open: hiddenPart.open }));
});

/** Scroll to where the user left the page for one of its persons, or reloaded it. */
function restorePlace() {
  restored = true;
  const place = JSON.parse(sessionStorage.getItem(PLACE));
  const from = document.referrer && new URL(document.referrer).pathname;
  const [visit] = performance.getEntriesByType("navigation");
  if (!place || (visit.type === "navigate" && !from.startsWith(`${data.pages}/`))) return;
  hiddenPart.open = place.open;
  scrollTo(0, place.top);
}

// --- merging by drag and drop, or by selection -------------------------------------------------

function makeDraggable(card, id) {
  card.pictures.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("application/x-person", id);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(card, 40, 40);
    document.body.classList.add("dragging");
    card.classList.add("dragged");
  });
  card.pictures.addEventListener("dragend", () => {
    document.body.classList.remove("dragging");
    card.classList.remove("dragged");
  });
  card.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("application/x-person")) return;
    if (card.classList.contains("dragged")) return;
    event.preventDefault();
    card.classList.add("target");
  });
  card.addEventListener("dragleave", (event) => {
    if (!card.contains(event.relatedTarget)) card.classList.remove("target");
  });
  card.addEventListener("drop", (event) => {
    event.preventDefault();
    card.classList.remove("target");
    const dragged = Number(event.dataTransfer.getData("application/x-person"));
    if (dragged && dragged !== id) review.decide({ kind: "merge", people: [dragged], other: id });
  });
}

function choose(id, on) {
  if (on) chosen.add(id);
  else chosen.delete(id);
  showChosen();
}

function showChosen() {
  for (const [id, card] of cardOf) {
    card.box.checked = chosen.has(id);
    card.classList.toggle("chosen", chosen.has(id));
  }
  chosenBar.hidden = !chosen.size;
  document.body.classList.toggle("with-bar", Boolean(chosen.size));
  const names = [...chosen].map((id) => review.person(id)?.name);
  document.getElementById("chosen-names").textContent = names.join(", ");
  document.getElementById("merge").disabled = chosen.size < 2;
  document.getElementById("different").disabled = chosen.size !== 2;
  document.getElementById("together").disabled = chosen.size < 2;
}

/** Id of the person to merge the others into: named people first, then the one with the most faces. */
function mergeTarget(ids) {
  const people = ids.map((id) => review.person(id));
  return people.sort((a, b) => b.named - a.named || b.count - a.count)[0].id;
}

document.getElementById("merge").addEventListener("click", () => {
  const ids = [...chosen];
  const other = mergeTarget(ids);
  chosen.clear();
  review.decide({ kind: "merge", people: ids.filter((id) => id !== other), other });
});

document.getElementById("different").addEventListener("click", () => {
  const [person, other] = chosen;
  chosen.clear();
  review.decide({ kind: "different", person, other });
});

document.getElementById("together").addEventListener("click", () => {
  const query = new URLSearchParams([...chosen].map((id) => ["person", id]));
  location.assign(`${data.pages}/together?${query}`);
});

document.getElementById("hide").addEventListener("click", () => {
  const people = [...chosen];
  chosen.clear();
  review.decide({ kind: "hide", people });
});

document.getElementById("choose-none").addEventListener("click", () => {
  chosen.clear();
  showChosen();
});

document.getElementById("show-keys").addEventListener("click", () => document.getElementById("keys").showModal());

// --- suggested pairs ---------------------------------------------------------------------------

const pairPart = document.getElementById("pair");
const skipped = new Set(JSON.parse(sessionStorage.getItem(`skipped ${data.api}`) ?? "[]"));
const pairKey = (pair) => `${pair.a} ${pair.b}`;
let pair = null;

function showPair() {
  const open = review.state.pairs.filter((candidate) => !skipped.has(pairKey(candidate)));
  const previous = pair && pairKey(pair);
  pair = open[0] ?? null;
  pairPart.hidden = !pair;
  if (!pair) return;
  const rest = open.length - 1;
  document.getElementById("pair-rest").textContent = rest ? `${rest} more` : "Last pair";
  for (const side of ["a", "b"]) {
    const person = review.person(pair[side]);
    const panel = document.getElementById(`pair-${side}`);
    const key = person.faces.join();
    if (panel.dataset.faces !== key) {
      panel.dataset.faces = key;
      panel.querySelector(".montage").replaceChildren(...montage(person.faces));
    }
    panel.querySelector(".montage").href = `${data.pages}/${person.id}`;
    panel.querySelector(".montage").setAttribute("aria-label", `${person.name}: all faces`);
    panel.querySelector("h3").textContent = person.name;
    panel.querySelector("p").textContent = `${faceCount(person.count)} · ${seenFromTo(person)}`;
  }
  if (previous && previous !== pairKey(pair)) {
    announce(`${review.person(pair.a).name} and ${review.person(pair.b).name}: the same person?`);
  }
}

const answers = {
  same() {
    const other = mergeTarget([pair.a, pair.b]);
    return review.decide({ kind: "merge", people: [other === pair.a ? pair.b : pair.a], other });
  },
  different: () => review.decide({ kind: "different", person: pair.a, other: pair.b }),
  skip() {
    skipped.add(pairKey(pair));
    sessionStorage.setItem(`skipped ${data.api}`, JSON.stringify([...skipped]));
    showPair();
  },
};
let answering = false;

async function answer(choice) {
  // Ignore answers until the next pair is shown.
  if (!pair || answering) return;
  answering = true;
  try {
    await answers[choice]();
  } finally {
    answering = false;
  }
}

for (const choice of Object.keys(answers)) {
  document.getElementById(`pair-${choice}`).addEventListener("click", () => answer(choice));
}

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  const choice = { s: "same", d: "different", k: "skip" }[event.key.toLowerCase()];
  if (!choice || !pair) return;
  event.preventDefault();
  answer(choice);
});

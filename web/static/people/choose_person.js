// Dialog to choose a person: typing filters by name, Enter chooses the first match.

import { element, faceCount } from "../shared/page.js";
import { faceUrl, review } from "./review.js";

const dialog = document.getElementById("choose-person");
const list = dialog.querySelector("ul");
const search = dialog.querySelector("input");
let excluded = null; // id of a person to leave out, or null
let chosen = null;

/** Let the user choose a person; resolves to the id, "new" for a new person, or null. */
export function choosePerson({ without = null, title }) {
  excluded = without;
  chosen = null;
  dialog.querySelector("h2").textContent = title;
  search.value = "";
  show();
  dialog.showModal();
  search.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(chosen), { once: true });
  });
}

function show() {
  const query = search.value.trim().toLocaleLowerCase();
  const people = review.state.people
    .filter((person) => person.id !== excluded && person.name.toLocaleLowerCase().includes(query))
    .sort((a, b) => a.hidden - b.hidden || b.named - a.named || b.count - a.count);
  const choices = people.map((person) => choice(person.id, person.name, faceCount(person.count), person.faces[0]));
  if (!query) choices.push(choice("new", "New person", "with these faces", null));
  list.replaceChildren(...choices);
}

function choice(id, name, facts, face) {
  const picture = face
    ? element("img", { src: faceUrl(face), alt: "", loading: "lazy" })
    : element("span", { class: "plus", "aria-hidden": "true" }, "+");
  const button = element("button", { type: "button", class: "quiet person-choice" },
    picture, element("span", {}, name, element("span", { class: "soft small" }, facts)));
  button.addEventListener("click", () => {
    chosen = id;
    dialog.close();
  });
  return element("li", {}, button);
}

search.addEventListener("input", show);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    list.querySelector("button")?.click();
  }
});

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [search, ...list.querySelectorAll("button")];
  const next = buttons.indexOf(document.activeElement) + step;
  buttons[Math.max(0, Math.min(buttons.length - 1, next))].focus();
});

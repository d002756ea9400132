// Text field that shows a person's name and renames the person.

import { element } from "../shared/page.js";
import { review } from "./review.js";

/** Create the field: Enter or leaving the field renames the person, Escape restores the name. */
export function nameField(person) {
  const field = element("input", {
    type: "text",
    class: "name-field",
    maxlength: 100,
    spellcheck: "false",
    autocomplete: "off",
    title: "Click to rename",
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") field.blur();
    if (event.key === "Escape") {
      field.value = field.dataset.name;
      field.blur();
    }
  });
  field.addEventListener("focus", () => field.select());
  field.addEventListener("change", async () => {
    const name = field.value.trim();
    if (!name || name === field.dataset.name) {
      field.value = field.dataset.name;
      return;
    }
    const done = await review.decide({ kind: "rename", person: person.id, name });
    if (!done) field.value = review.person(person.id)?.name ?? field.dataset.name;
  });
  updateName(field, person);
  return field;
}

/** Show the current name, unless the user is typing in the field. */
export function updateName(field, person) {
  field.dataset.name = person.name;
  field.setAttribute("aria-label", `Name of ${person.name}`);
  field.classList.toggle("unnamed", !person.named);
  if (document.activeElement !== field) field.value = person.name;
}

// Dialog with one enlarged face; arrow keys step through the other faces.

import { formatTime } from "../shared/page.js";
import { data, faceUrl, review } from "./review.js";

const dialog = document.getElementById("face-viewer");
const picture = dialog.querySelector("img");
const text = dialog.querySelector("p");
const watch = document.getElementById("watch-moment");
const cover = document.getElementById("viewer-cover"); // on the page of a person only
let items = [];
let current = 0; // index into `items`
let person = null; // id of the person whose faces are shown; null for unknown faces

/** Show `item`, one of `all`, enlarged; `options.person` is the person whose faces they are. */
export function openFaceViewer(item, all, options = {}) {
  items = all;
  person = options.person ?? null;
  show(all.indexOf(item));
  dialog.showModal();
}

/** Show the face that the address names, once: the user comes back to it from its moment. */
export function openLinkedFace(all, options = {}) {
  const id = new URLSearchParams(location.hash.slice(1)).get("face");
  const item = all.find((each) => each.id === id);
  if (item && !dialog.open) openFaceViewer(item, all, options);
}

/** Call `choose(id)` when the user makes a face the cover picture. */
export function onCover(choose) {
  cover.addEventListener("click", async () => {
    await choose(items[current].id);
    show(current);
  });
}

function show(index) {
  if (!items[index]) return;
  current = index;
  const { id, time_s: time } = items[index];
  picture.src = faceUrl(id, { large: true });
  text.textContent = `${current + 1} of ${items.length} · at ${formatTime(time)}`;
  showMoment(id, time);
  if (cover) {
    const chosen = review.person(person)?.cover === id;
    cover.textContent = chosen ? "Cover picture" : "Use as cover picture";
    cover.disabled = chosen;
  }
  history.replaceState(null, "", `#face=${id}`);
}

/** Link to the moment of a face, where its footage has videos. */
function showMoment(id, time) {
  const footage = id.split(".")[0];
  const people = data.videos[footage];
  watch.hidden = !people;
  if (!people) return;
  const staged = people.includes(person) ? `&person=${person}` : "";
  watch.href = `${data.watch}/${footage}#t=${time}${staged}`;
}

dialog.addEventListener("close", () => history.replaceState(null, "", location.pathname));

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  show(current + step);
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target === picture) dialog.close();
});

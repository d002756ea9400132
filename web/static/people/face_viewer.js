// Dialog with one enlarged face; arrow keys step through the other faces.

import { formatTime } from "../shared/page.js";
import { faceUrl } from "./review.js";

const dialog = document.getElementById("face-viewer");
const picture = dialog.querySelector("img");
const text = dialog.querySelector("p");
let items = [];
let current = 0; // index into `items`

/** Show `item`, one of `all`, enlarged. */
export function openFaceViewer(item, all) {
  items = all;
  show(all.indexOf(item));
  dialog.showModal();
}

function show(index) {
  if (!items[index]) return;
  current = index;
  picture.src = faceUrl(items[current].id, { large: true });
  text.textContent = `${current + 1} of ${items.length} · at ${formatTime(items[current].time_s)}`;
}

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  show(current + step);
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target === picture) dialog.close();
});

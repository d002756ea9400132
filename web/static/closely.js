// A face in large, with the one before and after at hand.

import { clock } from "./base.js";
import { faceAddress } from "./review.js";

const dialog = document.getElementById("closely");
const picture = dialog.querySelector("img");
const text = dialog.querySelector("p");
let items = [];
let at = 0;

/** Show `item`, one of `all`, in large. */
export function lookClosely(item, all) {
  items = all;
  show(all.indexOf(item));
  dialog.showModal();
}

function show(index) {
  if (!items[index]) return;
  at = index;
  picture.src = faceAddress(items[at].id, { large: true });
  text.textContent = `${at + 1} of ${items.length} · at ${clock(items[at].time_s)}`;
}

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  show(at + step);
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target === picture) dialog.close();
});

// The timeline below the player: one row per person, when they are seen and when they smile.

import { element } from "../shared/page.js";
import { coverage } from "./auto_stage.js";

const SVG = "http://www.w3.org/2000/svg";

// Height of each kind of bar as a share of the row: the less is seen of a person, the thinner.
const HEIGHTS = { seen: 1, body: 0.62, filled: 0.24, smiling: 1 };

/** Create one bar per interval. */
function bars(intervals, kind, duration) {
  const height = HEIGHTS[kind];
  const y = (1 - height) / 2;
  return intervals.map(([start, end]) => {
    const bar = document.createElementNS(SVG, "rect");
    const width = Math.max(end - start, duration / 1000); // keep short intervals visible
    for (const [name, value] of Object.entries({ x: start, y, width, height, class: kind })) {
      bar.setAttribute(name, value);
    }
    return bar;
  });
}

function drawRow(person, duration) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${duration || 1} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(
    ...bars(person.seen, "seen", duration),
    ...bars(person.body, "body", duration),
    ...bars(person.filled, "filled", duration),
    ...bars(person.smiling, "smiling", duration),
  );
  return svg;
}

/** Describe in words what a person's row shows. */
function describe(person, duration) {
  const [seen, body] = [person.seen, person.body].map((intervals) =>
    Math.round(100 * coverage(intervals, 0, duration)),
  );
  const behind = body ? `, body only: ${body}%` : "";
  const smiles = person.smiling.length;
  const often = smiles === 1 ? "once" : smiles === 2 ? "twice" : `${smiles} times`;
  return `seen ${seen}% of the time${behind}${smiles ? `, smiles ${often}` : ""}`;
}

export class Timeline {
  #root;
  #head;
  #duration;
  #rows = new Map();

  /**
   * @param root the element to fill
   * @param people people of the page's data
   * @param go called with (seconds or null, person id or null)
   * @param preview the Preview of the moment under the pointer
   */
  constructor(root, people, duration, go, preview) {
    this.#root = root;
    this.#preview = preview;
    this.#duration = duration;
    root.replaceChildren();
    for (const person of people) this.#add(person, go);
    this.#head = element("div", { class: "playhead", "aria-hidden": "true" });
    root.append(this.#head);
  }

  #preview;

  /** Move the line of the current time. */
  show(time) {
    this.#head.style.setProperty("--at", this.#duration ? time / this.#duration : 0);
  }

  mark(id) {
    for (const [other, row] of this.#rows) row.classList.toggle("on", other === id);
  }

  #add(person, go) {
    const name = element(
      "button",
      { type: "button", class: "timeline-name quiet", title: person.name },
      person.name,
    );
    const words = element(
      "span",
      { class: "visually-hidden" },
      ` ${describe(person, this.#duration)}`,
    );
    name.append(words);
    name.addEventListener("click", () => go(null, person.id));
    const track = element("div", { class: "timeline-track" });
    track.append(drawRow(person, this.#duration));
    this.#listen(track, person, go);
    const row = element("div", { class: "timeline-row", role: "listitem" }, name, track);
    this.#rows.set(person.id, row);
    this.#root.append(row);
  }

  #listen(track, person, go) {
    const timeAt = (event) => {
      const { left, width } = track.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - left) / width, 0), 1) * this.#duration;
    };
    track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      track.setPointerCapture(event.pointerId);
      go(timeAt(event), person.id);
    });
    track.addEventListener("pointermove", (event) => {
      const { top } = track.getBoundingClientRect();
      if (event.pointerType !== "touch") this.#preview.show(timeAt(event), person.id, { x: event.clientX, top });
      if (track.hasPointerCapture(event.pointerId)) go(timeAt(event), null);
    });
    track.addEventListener("pointerleave", () => this.#preview.hide());
  }
}

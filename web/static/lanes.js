// The timeline under the stage: one lane a person, where they are seen and where they smile.

import { clock, element } from "./base.js";
import { share } from "./director.js";

const SVG = "http://www.w3.org/2000/svg";

/** A bar over a lane's height, for each span. */
function bars(spans, kind, duration) {
  return spans.map(([start, end]) => {
    const bar = document.createElementNS(SVG, "rect");
    const width = Math.max(end - start, duration / 1000); // never too thin to be seen
    for (const [name, value] of Object.entries({ x: start, y: 0, width, height: 1, class: kind })) {
      bar.setAttribute(name, value);
    }
    return bar;
  });
}

function drawing(person, duration) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${duration || 1} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(
    ...bars(person.seen, "seen", duration),
    ...bars(person.filled, "filled", duration),
    ...bars(person.smiling, "smiling", duration),
  );
  return svg;
}

/** What a lane shows, in words. */
export function inWords(person, duration) {
  const seen = Math.round(100 * share(person.seen, 0, duration));
  const smiles = person.smiling.length;
  const often = smiles === 1 ? "once" : smiles === 2 ? "twice" : `${smiles} times`;
  return `seen ${seen} % of the time${smiles ? `, smiles ${often}` : ""}`;
}

export class Lanes {
  #place;
  #head;
  #duration;
  #lanes = new Map();

  /**
   * @param place the element to fill
   * @param people as the server tells
   * @param go called with (time, person id)
   */
  constructor(place, people, duration, go) {
    this.#place = place;
    this.#duration = duration;
    for (const person of people) this.#add(person, go);
    this.#head = element("div", { class: "playhead", "aria-hidden": "true" });
    this.#tip = element("div", { class: "lane-tip", hidden: true, "aria-hidden": "true" });
    place.append(this.#head, this.#tip);
  }

  #tip;

  /** Move the line that says where we are. */
  show(time) {
    this.#head.style.setProperty("--at", this.#duration ? time / this.#duration : 0);
  }

  mark(id) {
    for (const [other, lane] of this.#lanes) lane.classList.toggle("on", other === id);
  }

  #add(person, go) {
    const name = element(
      "button",
      { type: "button", class: "lane-name quiet", title: person.name },
      person.name,
    );
    const words = element(
      "span",
      { class: "visually-hidden" },
      ` ${inWords(person, this.#duration)}`,
    );
    name.append(words);
    name.addEventListener("click", () => go(null, person.id));
    const track = element("div", { class: "lane-track" });
    track.append(drawing(person, this.#duration));
    this.#listen(track, person, go);
    const lane = element("div", { class: "lane", role: "listitem" }, name, track);
    this.#lanes.set(person.id, lane);
    this.#place.append(lane);
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
      this.#point(event, track, timeAt(event));
      if (track.hasPointerCapture(event.pointerId)) go(timeAt(event), null);
    });
    track.addEventListener("pointerleave", () => {
      this.#tip.hidden = true;
    });
  }

  #point(event, track, time) {
    const place = this.#place.getBoundingClientRect();
    this.#tip.hidden = event.pointerType === "touch";
    this.#tip.textContent = clock(time, 1);
    this.#tip.style.left = `${event.clientX - place.left}px`;
    this.#tip.style.top = `${track.getBoundingClientRect().top - place.top}px`;
  }
}

// A small picture of a moment, above the pointer on the seek bar and the timeline.

import { element, formatTime } from "../shared/page.js";

const WAIT_MS = 120; // a pointer that only passes loads nothing

export class Preview {
  #tip;
  #time = element("span", { class: "preview-time" });
  #video = null; // created at the first use
  #url = null; // of the small rendition to show; null: only the time is shown
  #at = 0;
  #x = 0; // px, of the pointer
  #timer = 0;

  /**
   * @param tip an empty element with a fixed position
   * @param urlOf returns the address of a person's small rendition, or null
   */
  constructor(tip, urlOf) {
    this.#tip = tip;
    this.urlOf = urlOf;
    tip.append(this.#time);
  }

  /** Show a moment of a person above a point of the page. */
  show(time, id, { x, top }) {
    this.#at = time;
    this.#time.textContent = formatTime(time, 1);
    this.#tip.hidden = false;
    this.#setUrl(this.urlOf(id));
    this.#x = x;
    this.#tip.style.top = `${top}px`;
    this.#keepInside();
  }

  /** Keep the picture within the window; its width is known when it is loaded. */
  #keepInside() {
    const half = this.#tip.offsetWidth / 2 + 4;
    const left = Math.min(Math.max(this.#x, half), document.documentElement.clientWidth - half);
    this.#tip.style.left = `${left}px`;
  }

  hide() {
    this.#tip.hidden = true;
    clearTimeout(this.#timer);
  }

  #setUrl(url) {
    this.#tip.classList.toggle("with-picture", url !== null);
    clearTimeout(this.#timer);
    if (url === null) return;
    if (url !== this.#url) this.#video?.classList.remove("loaded"); // shows somebody else
    this.#timer = setTimeout(() => this.#seek(url), url === this.#url ? 0 : WAIT_MS);
  }

  #seek(url) {
    this.#video ??= this.#addVideo();
    const video = this.#video;
    if (url !== this.#url) {
      this.#url = url;
      video.src = url;
    } else if (video.readyState >= 1 && !video.seeking) video.currentTime = this.#at;
  }

  #addVideo() {
    const attributes = { muted: true, playsinline: true, disablepictureinpicture: true, tabindex: -1 };
    const video = element("video", { ...attributes, preload: "metadata" });
    video.muted = true;
    video.addEventListener("loadedmetadata", () => (video.currentTime = this.#at));
    video.addEventListener("seeked", () => {
      video.classList.add("loaded");
      this.#keepInside();
      if (Math.abs(video.currentTime - this.#at) > 0.05) video.currentTime = this.#at; // the pointer went on
    });
    this.#tip.prepend(video);
    return video;
  }
}

// The full video of the person on stage, shown above their small rendition while it is in sync.

import { hasLoaded } from "./network.js";
import { VideoSync } from "./video_sync.js";

// Frames by which it may drift before the small rendition replaces it.
const MAX_DRIFT_FRAMES = 2;

export class FullVideo {
  id = null; // of the person whose video is loaded
  shown = false;
  loadedAt = 0; // performance.now()
  starved = 0; // times that it ran out of data since it was loaded
  #clock;

  /**
   * @param video a <video> element of its own
   * @param clock the MasterClock
   * @param rate frames per second, or null
   */
  constructor(video, clock, rate) {
    this.video = video;
    this.rate = rate ?? 25;
    this.sync = new VideoSync(video, rate);
    this.#clock = clock;
    video.addEventListener("loadedmetadata", () => this.sync.jump(clock.time, performance.now()));
  }

  /** Load a person's video; nothing is shown before it is in sync. */
  load(id, url, preload) {
    this.id = id;
    this.shown = false;
    this.starved = 0;
    this.loadedAt = performance.now();
    this.video.preload = preload;
    this.video.src = url;
    this.video.playbackRate = this.#clock.rate;
  }

  drop() {
    if (this.id === null) return;
    this.id = null;
    this.shown = false;
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Choose between this video and the small rendition of the person on stage. */
  choose(id, small) {
    const before = this.shown;
    if (this.id !== id) this.shown = false;
    else if (this.#canBeShown) this.shown = true;
    else if (small?.isInSync(this.#clock)) this.shown = false;
    if (before && !this.shown && this.video.readyState < 3 && !hasLoaded(this.video, 0.5)) this.starved += 1;
  }

  /** Follow the clock while the person is on stage. */
  follow(id, now) {
    if (this.id === id) this.sync.follow(this.#clock, now);
    else this.video.pause();
  }

  get #canBeShown() {
    if (!this.shown || this.#clock.paused) return this.sync.isInSync(this.#clock);
    const { video } = this;
    const drift = this.sync.drift(this.#clock.time);
    const hasData = video.readyState >= 3 || video.ended;
    return hasData && !video.seeking && Math.abs(drift) < (MAX_DRIFT_FRAMES / this.rate) * this.#clock.rate;
  }
}

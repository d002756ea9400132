// The clock that all videos follow: the audio element if there is one, otherwise the wall clock.

import { hasLoaded } from "./network.js";

// A sound that is loaded, but does not move for this time while it plays, cannot be played here.
const STUCK_MS = 3000;
// After a seek, Firefox fills the buffer of the sound device first: the sound stands still that long.
const STANDS_MS = 150;

/**
 * The clock of all videos. Switching to another person never interrupts the sound.
 *
 * Events: "ended" (also in hidden pages), "soundfailed" (from now on the wall clock runs).
 */
export class MasterClock extends EventTarget {
  #audio;
  #duration;
  #rate = 1;
  #from = 0; // position in seconds when the wall clock was set
  #since = null; // performance.now() at that time; null while the wall clock is stopped
  #moved = null; // {time, at, checked}: the last movement of the sound, and the last look at it

  /** @param audio an <audio> element, or null for a silent footage */
  constructor(audio, duration) {
    super();
    this.#audio = audio;
    this.#duration = duration;
    audio?.addEventListener("ended", () => this.#continueWithoutSound());
    audio?.addEventListener("error", () => this.#dropSound());
  }

  /** Position in seconds. */
  get time() {
    if (this.#onWall) return this.#wallTime;
    return Math.min(this.#audio.currentTime, this.#duration);
  }

  get duration() {
    return this.#duration;
  }

  get paused() {
    return this.#onWall ? this.#since === null : this.#audio.paused;
  }

  get ended() {
    return this.time >= this.#duration - 0.02;
  }

  get rate() {
    return this.#rate;
  }

  set rate(rate) {
    this.#setWall(this.#wallTime, this.#since !== null);
    this.#rate = rate;
    if (this.#audio) this.#audio.playbackRate = rate;
  }

  /** Whether the sound is not seeking and can play. */
  get ready() {
    return this.#onWall || (!this.#audio.seeking && this.#audio.readyState >= 3);
  }

  /** Whether the sound plays, but has not moved for a moment; as of the last `check`. */
  get stands() {
    const moved = this.#moved;
    return !this.#onWall && !this.#audio.paused && moved !== null && moved.checked - moved.at > STANDS_MS;
  }

  /** Whether the sound has loaded some seconds from its position on, or all of the rest. */
  hasLoaded(seconds) {
    return this.#onWall || hasLoaded(this.#audio, seconds);
  }

  /** Load the sound. @param preload "metadata", or "auto" to load ahead of its position */
  load(preload) {
    if (this.#audio) this.#audio.preload = preload;
  }

  /** The audio element; null if there is none or it cannot be played. */
  get audio() {
    return this.#audio;
  }

  async play() {
    if (!this.#onWall) {
      try {
        await this.#audio.play();
        return;
      } catch (error) {
        // The browser refuses sound before a click, or the sound was paused before it began.
        if (["NotAllowedError", "AbortError"].includes(error.name)) throw error;
        if (this.#audio) this.#dropSound();
      }
    }
    this.#setWall(this.#wallTime, true);
  }

  /** Give up a sound that is loaded, but does not move; call it several times per second. */
  check(now) {
    const audio = this.#audio;
    const shouldMove = !this.#onWall && !audio.paused && this.ready;
    const moved = this.#moved;
    const idle = !moved || now - moved.checked > 1000 || moved.time !== audio?.currentTime;
    if (!shouldMove || idle) this.#moved = { time: audio?.currentTime, at: now, checked: now };
    else moved.checked = now;
    if (shouldMove && now - this.#moved.at > STUCK_MS) this.#dropSound();
  }

  pause() {
    this.#audio?.pause();
    this.#setWall(this.#wallTime, false);
  }

  seek(time) {
    const playing = !this.paused;
    const to = Math.min(Math.max(time, 0), this.#duration);
    this.#pastSound = Boolean(this.#audio) && to >= this.#soundEnd;
    if (this.#audio) this.#audio.currentTime = Math.min(to, this.#soundEnd);
    this.#setWall(to, playing && this.#onWall);
    if (playing && !this.#onWall && this.#audio.paused) this.#audio.play().catch(() => {});
  }

  // Whether the position is after the end of a sound shorter than the videos; then the wall clock runs.
  #pastSound = false;

  get #onWall() {
    return !this.#audio || this.#pastSound;
  }

  get #soundEnd() {
    const end = this.#audio?.duration;
    return Number.isFinite(end) ? Math.min(end, this.#duration) : this.#duration;
  }

  get #wallTime() {
    if (this.#since === null) return this.#from;
    const elapsed = ((performance.now() - this.#since) / 1000) * this.#rate;
    return Math.min(this.#from + elapsed, this.#duration);
  }

  #setWall(time, running) {
    this.#from = time;
    this.#since = running ? performance.now() : null;
  }

  #continueWithoutSound() {
    if (!this.#audio) return;
    const time = this.#audio.currentTime;
    if (this.#duration - time >= 0.1) {
      this.#pastSound = true;
      this.#setWall(time, true);
    } else this.dispatchEvent(new Event("ended"));
  }

  /** Continue on the wall clock, because the sound cannot be played. */
  #dropSound() {
    const audio = this.#audio;
    if (!audio) return;
    const playing = !this.paused;
    const time = this.time || 0;
    this.#audio = null;
    audio.pause();
    this.#setWall(time, playing);
    this.dispatchEvent(new Event("soundfailed"));
  }
}

// The clock that all videos follow: the audio element if there is one, otherwise the wall clock.

/** The clock of all videos. Switching to another person never interrupts the sound. */
export class MasterClock extends EventTarget {
  #audio;
  #duration;
  #rate = 1;
  #from = 0; // position in seconds when the wall clock was set
  #since = null; // performance.now() at that time; null while the wall clock is stopped

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

  async play() {
    if (this.#onWall) this.#setWall(this.#wallTime, true);
    else await this.#audio.play();
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
    if (this.#duration - this.#audio.currentTime < 0.1) return;
    const time = this.#audio.currentTime;
    this.#pastSound = true;
    this.#setWall(time, true);
  }

  /** Switch to the wall clock, because the sound cannot be played. */
  #dropSound() {
    const time = this.#audio.currentTime || 0;
    this.#audio = null;
    this.#setWall(time, false);
    this.dispatchEvent(new Event("soundfailed"));
  }
}

// The time that all videos follow: the sound's own, and the wall clock's where there is no sound.

/** One master for everybody. The sound is never touched when another person is shown. */
export class MasterClock extends EventTarget {
  #audio;
  #duration;
  #rate = 1;
  #from = 0; // where the wall clock was set, and when
  #since = null; // null: it stands still

  /** @param audio an <audio> element, or null for a silent footage */
  constructor(audio, duration) {
    super();
    this.#audio = audio;
    this.#duration = duration;
    audio?.addEventListener("ended", () => this.#outlive());
    audio?.addEventListener("error", () => this.#silence());
  }

  /** Seconds from the start. */
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

  /** Whether the sound stands where it was told to, and can go on from there. */
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
    this.#beyond = Boolean(this.#audio) && to >= this.#soundEnds;
    if (this.#audio) this.#audio.currentTime = Math.min(to, this.#soundEnds);
    this.#setWall(to, playing && this.#onWall);
    if (playing && !this.#onWall && this.#audio.paused) this.#audio.play().catch(() => {});
  }

  // Sound may be shorter than the pictures: from its end on the wall clock goes on.
  #beyond = false;

  get #onWall() {
    return !this.#audio || this.#beyond;
  }

  get #soundEnds() {
    const ends = this.#audio?.duration;
    return Number.isFinite(ends) ? Math.min(ends, this.#duration) : this.#duration;
  }

  get #wallTime() {
    if (this.#since === null) return this.#from;
    const gone = ((performance.now() - this.#since) / 1000) * this.#rate;
    return Math.min(this.#from + gone, this.#duration);
  }

  #setWall(time, running) {
    this.#from = time;
    this.#since = running ? performance.now() : null;
  }

  #outlive() {
    if (this.#duration - this.#audio.currentTime < 0.1) return;
    const time = this.#audio.currentTime;
    this.#beyond = true;
    this.#setWall(time, true);
  }

  /** The sound cannot be played at all: the pictures go on without. */
  #silence() {
    const time = this.#audio.currentTime || 0;
    this.#audio = null;
    this.#setWall(time, false);
    this.dispatchEvent(new Event("silent"));
  }
}

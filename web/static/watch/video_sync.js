// Keep one muted video in sync with the master clock.

// Larger drifts are corrected by a seek, smaller ones by the playback rate.
const JUMP_S = 0.35;
// A seek takes time to complete; seeking again too early would restart it forever.
const BETWEEN_JUMPS_MS = 700;
// Share of the drift that is corrected per second, at most all of it until the next correction, and
// the maximum change of the rate. The video is muted, and a moment of motion at up to 1.5 times the
// speed does not look odd.
const GAIN = 5;
const MAX_CHANGE = 0.5;
// Hysteresis: correction starts at the first drift and stops at the second, so that the rate is
// rarely set.
const START_S = 0.01;
const STOP_S = 0.004;

export class VideoSync {
  #jumpedAt = -Infinity;
  #lead = 0.06; // seconds that a seek during playback takes; adjusted by measurement
  #measure = false;
  #correcting = false;
  #followedAt = -Infinity;

  /** @param rate frames per second, or null */
  constructor(video, rate) {
    this.video = video;
    this.rate = rate;
  }

  /** Seconds by which the video is ahead of `time`. */
  drift(time) {
    return this.video.currentTime - Math.min(time, this.#end);
  }

  /** Whether the video shows the frame at the clock's time. */
  isInSync(clock) {
    const { video } = this;
    if (video.readyState < 2 || video.seeking) return false;
    if (clock.paused) return Math.abs(this.drift(this.#middleOfFrame(clock.time))) < this.#frameS;
    return Math.abs(this.drift(clock.time)) <= this.#frameS || video.ended;
  }

  /** Correct the video's drift; call it about ten times per second. */
  follow(clock, now) {
    const { video } = this;
    if (video.readyState < 1 || video.seeking) return;
    const sinceS = (now - this.#followedAt) / 1000;
    this.#followedAt = now;
    if (clock.paused) this.#hold(clock);
    else this.#run(clock, now, Math.min(GAIN, 1 / sinceS));
  }

  /** Seek to a time immediately. */
  jump(time, now, lead = 0) {
    this.#jumpedAt = now;
    this.#measure = lead > 0;
    this.video.currentTime = Math.min(Math.max(time + lead, 0), this.#end);
  }

  #hold(clock) {
    const { video } = this;
    if (!video.paused) video.pause();
    const middle = Math.min(this.#middleOfFrame(clock.time), this.#end);
    if (Math.abs(video.currentTime - middle) > 0.001) video.currentTime = middle;
  }

  #run(clock, now, gain) {
    const { video } = this;
    const time = clock.time;
    const isBack = video.ended && this.drift(time) > JUMP_S; // the clock was set back
    if ((video.ended && !isBack) || time >= this.#end) return;
    const drift = this.drift(time);
    if (clock.stands) {
      if (!video.paused) video.pause();
      if (Math.abs(drift) > this.#frameS) this.jump(time, now);
      return;
    }
    if (video.paused) video.play().catch(() => {});
    if (this.#measure && video.readyState >= 3) this.#adjustLead(drift / clock.rate);
    if (Math.abs(drift) > JUMP_S * Math.max(clock.rate, 1)) {
      if (now - this.#jumpedAt > BETWEEN_JUMPS_MS) this.jump(time, now, this.#lead * clock.rate);
      return;
    }
    this.#adjustRate(drift, clock.rate, gain);
  }

  #adjustLead(missed) {
    this.#measure = false;
    this.#lead = Math.min(Math.max(this.#lead - 0.7 * missed, 0.01), 1);
  }

  #adjustRate(drift, rate, gain) {
    this.#correcting = Math.abs(drift) > (this.#correcting ? STOP_S : START_S);
    const change = this.#correcting ? Math.min(Math.max(-gain * drift, -MAX_CHANGE), MAX_CHANGE) : 0;
    const target = Math.min(Math.max(rate * (1 + change), 0.0625), 16);
    const step = this.#correcting ? 0.01 : 0;
    if (Math.abs(this.video.playbackRate - target) > step) this.video.playbackRate = target;
  }

  /** Middle of the frame at `time`: a seek to its start may show the previous frame. */
  #middleOfFrame(time) {
    if (!this.rate) return time;
    return (Math.floor(time * this.rate + 0.01) + 0.5) / this.rate;
  }

  /** Duration of a frame in seconds. */
  get #frameS() {
    return 1 / (this.rate ?? 25);
  }

  get #end() {
    const { duration } = this.video;
    return Number.isFinite(duration) ? duration - 0.001 : Infinity;
  }
}

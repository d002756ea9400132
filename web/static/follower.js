// Keeps one muted video in step with the master clock.

// Farther off than this it jumps; nearer it runs a little faster or slower.
const JUMP_S = 0.35;
// A jump takes its time; another one before that would never arrive.
const BETWEEN_JUMPS_MS = 700;
// Share of its drift that it makes up for a second, and the most that its speed may change: nobody
// hears it, and a picture may run half as fast again without looking odd for a moment.
const GAIN = 5;
const MOST = 0.5;
// Correcting starts at the one and ends at the other, so that the speed is not set all the time.
const START_S = 0.01;
const STOP_S = 0.004;

export class Follower {
  #jumpedAt = -Infinity;
  #lead = 0.06; // seconds that a jump while playing takes, learned
  #measure = false;
  #correcting = false;

  /** @param rate frames a second, or null */
  constructor(video, rate) {
    this.video = video;
    this.rate = rate;
  }

  /** Seconds that the video is ahead of `time`. */
  drift(time) {
    return this.video.currentTime - Math.min(time, this.#end);
  }

  /** Whether it can be shown at once: there is a picture, and it is the right one. */
  isInStep(clock) {
    const { video } = this;
    if (video.readyState < 2 || video.seeking) return false;
    if (clock.paused) return Math.abs(this.drift(this.#still(clock.time))) < 1 / (this.rate ?? 25);
    return Math.abs(this.drift(clock.time)) <= 1 / (this.rate ?? 25) || video.ended;
  }

  /** Bring it nearer to the clock; to be called some ten times a second. */
  follow(clock, now) {
    const { video } = this;
    if (video.readyState < 1 || video.seeking) return;
    if (clock.paused) this.#wait(clock);
    else this.#run(clock, now);
  }

  /** Go to a time at once. */
  jump(time, now, lead = 0) {
    this.#jumpedAt = now;
    this.#measure = lead > 0;
    this.video.currentTime = Math.min(Math.max(time + lead, 0), this.#end);
  }

  #wait(clock) {
    const { video } = this;
    if (!video.paused) video.pause();
    const still = Math.min(this.#still(clock.time), this.#end);
    if (Math.abs(video.currentTime - still) > 0.001) video.currentTime = still;
  }

  #run(clock, now) {
    const { video } = this;
    const time = clock.time;
    if (video.ended || time >= this.#end) return;
    if (video.paused) video.play().catch(() => {});
    const drift = this.drift(time);
    if (this.#measure && video.readyState >= 3) this.#learn(drift / clock.rate);
    if (Math.abs(drift) > JUMP_S * Math.max(clock.rate, 1)) {
      if (now - this.#jumpedAt > BETWEEN_JUMPS_MS) this.jump(time, now, this.#lead * clock.rate);
      return;
    }
    this.#steer(drift, clock.rate);
  }

  #learn(missed) {
    this.#measure = false;
    this.#lead = Math.min(Math.max(this.#lead - 0.7 * missed, 0.01), 1);
  }

  #steer(drift, rate) {
    this.#correcting = Math.abs(drift) > (this.#correcting ? STOP_S : START_S);
    const change = this.#correcting ? Math.min(Math.max(-GAIN * drift, -MOST), MOST) : 0;
    const wanted = Math.min(Math.max(rate * (1 + change), 0.0625), 16);
    const step = this.#correcting ? 0.01 : 0;
    if (Math.abs(this.video.playbackRate - wanted) > step) this.video.playbackRate = wanted;
  }

  /** Where a standing picture is surely the frame of `time`, and not the one before: its middle. */
  #still(time) {
    if (!this.rate) return time;
    return (Math.floor(time * this.rate + 0.01) + 0.5) / this.rate;
  }

  get #end() {
    const { duration } = this.video;
    return Number.isFinite(duration) ? duration - 0.001 : Infinity;
  }
}

// Play all live videos muted and in sync with the master clock; one of them is on stage.

import { VideoSync } from "./video_sync.js";

// Maximum number of loaded videos: at least nine, so that keys 1 to 9 switch instantly; more with more cores.
const MAX_LIVE = Math.min(Math.max(2 * (navigator.hardwareConcurrency || 4), 9), 20);
// If the machine cannot keep all of them in sync, fewer stay live, so that the stage plays smoothly.
const MIN_LIVE = 3;
const CHECK_EVERY_MS = 2000;
const MAX_LATE_CHECKS = 3;
const FOLLOW_EVERY_MS = 60;
// After this time a person is put on stage even if their video is not in sync.
const MAX_WAIT_MS = 4000;
const MAX_SEEK_WAIT_MS = 900;

/**
 * Events: "stage" (another person is on stage), "state" (play, pause, speed, loop), "time" (every
 * animation frame), "refused" (the browser blocks the sound), "broken" (a person's video cannot be
 * played), "ended".
 */
export class Player extends EventTarget {
  #people = new Map(); // id: {id, video, url, sync, live, broken}
  #inView = [];
  #next = null; // id of the person who goes on stage as soon as their video is in sync
  #nextSince = 0;
  #plays = false; // chosen by the user; a seek pauses the clock, but does not change this
  #pendingSeek = 0; // number of the seek in progress; 0: none
  #seeks = 0;
  #followedAt = 0;
  #maxLive = MAX_LIVE;
  #checkedAt = 0;
  #lateChecks = 0;
  loop = false;
  staged = null;

  /**
   * @param clock the MasterClock
   * @param people [{id, url, video}] in the order of the page
   * @param rate frames per second, or null
   */
  constructor(clock, people, rate) {
    super();
    this.clock = clock;
    this.rate = rate;
    for (const { id, url, video } of people) {
      const sync = new VideoSync(video, rate);
      this.#people.set(id, { id, url, video, sync, live: false, broken: false });
      video.addEventListener("error", () => this.#markBroken(id));
    }
    const tick = (now) => {
      this.#tick(now);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  get plays() {
    return this.#plays;
  }

  get time() {
    return this.clock.time;
  }

  get live() {
    return [...this.#people.values()].filter((person) => person.live).map((person) => person.id);
  }

  videoOf(id) {
    return this.#people.get(id)?.video;
  }

  syncOf(id) {
    return this.#people.get(id)?.sync;
  }

  /** Put a person on stage, as soon as their video is in sync. */
  stage(id) {
    const person = this.#people.get(id);
    if (!person || id === (this.#next ?? this.staged)) return;
    if (person.broken) {
      this.#emit("broken", { id });
      return;
    }
    this.#next = id === this.staged ? null : id;
    this.#nextSince = performance.now();
    this.#refreshLive();
    this.#stageIfReady(this.#nextSince);
  }

  /** Set the people whose tiles are in view. */
  setInView(ids) {
    this.#inView = ids;
    this.#refreshLive();
  }

  async play() {
    this.#plays = true;
    if (this.clock.ended) await this.seek(0);
    await this.#start();
    this.#emit("state");
  }

  pause() {
    this.#plays = false;
    this.clock.pause();
    this.#followAll(performance.now());
    this.#emit("state");
  }

  toggle() {
    return this.#plays ? this.pause() : this.play();
  }

  set speed(rate) {
    this.clock.rate = rate;
    for (const { video } of this.#people.values()) video.playbackRate = rate;
    this.#emit("state");
  }

  get speed() {
    return this.clock.rate;
  }

  /** Seek to a time. During playback, sound and videos resume together. */
  async seek(time) {
    const number = ++this.#seeks;
    this.#pendingSeek = number;
    this.clock.pause();
    this.clock.seek(time);
    const now = performance.now();
    for (const person of this.#people.values()) {
      if (!person.live || person.video.readyState < 1) continue;
      person.video.pause();
      person.sync.follow(this.clock, now);
    }
    this.#emit("time");
    if (!this.#plays) {
      this.#pendingSeek = 0;
      return;
    }
    await this.#seekCompleted(number);
    if (this.#pendingSeek !== number) return; // another seek has started
    this.#pendingSeek = 0;
    if (this.#plays) await this.#start();
  }

  step(frames) {
    const rate = this.rate ?? 25;
    if (this.#plays) this.pause();
    const frame = Math.floor(this.clock.time * rate + 0.01) + frames;
    return this.seek((Math.max(frame, 0) + 0.5) / rate);
  }

  async #start() {
    if (this.#pendingSeek) return;
    try {
      await this.clock.play();
    } catch (error) {
      if (error.name === "AbortError") return; // paused before it began
      this.#plays = false;
      this.#emit("refused");
      this.#emit("state");
      return;
    }
    this.#followAll(performance.now());
  }

  /** Wait until the sound and the video on stage have completed the seek, for a limited time. */
  #seekCompleted(number) {
    const person = this.#people.get(this.staged);
    const deadline = performance.now() + MAX_SEEK_WAIT_MS;
    return new Promise((resolve) => {
      const check = () => {
        const videoReady = !person?.live || (!person.video.seeking && person.video.readyState >= 3);
        const givenUp = this.#pendingSeek !== number || performance.now() > deadline;
        if ((videoReady && this.clock.ready) || givenUp) resolve();
        else setTimeout(check, 8);
      };
      check();
    });
  }

  #tick(now) {
    if (now - this.#followedAt > FOLLOW_EVERY_MS) this.#followAll(now);
    this.#stageIfReady(now);
    if (now - this.#checkedAt > CHECK_EVERY_MS) this.#checkSync(now);
    if (this.#plays && !this.#pendingSeek && this.clock.ended) this.#atEnd();
    this.#emit("time");
  }

  #atEnd() {
    if (this.loop) {
      this.seek(0);
      return;
    }
    this.pause();
    this.#emit("ended");
  }

  #followAll(now) {
    this.#followedAt = now;
    for (const person of this.#people.values()) {
      if (person.live) person.sync.follow(this.clock, now);
    }
  }

  /** Reduce the number of live videos when most of the loaded ones are late in several checks. */
  #checkSync(now) {
    const wasSuspended = now - this.#checkedAt > 2 * CHECK_EVERY_MS;
    this.#checkedAt = now;
    const loaded = [...this.#people.values()].filter(
      ({ live, video }) => live && video.readyState >= 3 && !video.seeking,
    );
    const late = loaded.filter(
      ({ sync }) => sync.drift(this.clock.time) < (-2 / (this.rate ?? 25)) * this.speed,
    );
    const isLate = this.#plays && !this.#pendingSeek && !wasSuspended && late.length > loaded.length / 2;
    this.#lateChecks = isLate ? this.#lateChecks + 1 : 0;
    if (this.#lateChecks < MAX_LATE_CHECKS) return;
    this.#lateChecks = 0;
    this.#maxLive = Math.max(Math.min(this.#maxLive, this.live.length) - 2, MIN_LIVE);
    this.#refreshLive();
  }

  #stageIfReady(now) {
    const person = this.#people.get(this.#next);
    if (!person) return;
    const waited = now - this.#nextSince > MAX_WAIT_MS;
    const first = this.staged === null;
    if (!first && !waited && !person.sync.isInSync(this.clock)) return;
    const previous = this.staged;
    this.staged = person.id;
    this.#next = null;
    this.#emit("stage", { id: person.id, previous });
  }

  /** Choose the live videos: the stage first, then those in view, then the others in page order. */
  #refreshLive() {
    const order = [this.staged, this.#next, ...this.#inView, ...this.#people.keys()];
    const playable = order.filter((id) => this.#people.get(id)?.broken === false);
    const live = new Set([...new Set(playable)].slice(0, this.#maxLive));
    for (const person of this.#people.values()) {
      if (live.has(person.id) !== person.live) this.#setLive(person, live.has(person.id));
    }
  }

  #markBroken(id) {
    const person = this.#people.get(id);
    if (!person.live) return; // the error of a removed source
    person.broken = true;
    if (this.#next === id && this.staged !== null) this.#next = null;
    this.#refreshLive();
    this.#emit("broken", { id });
  }

  #setLive(person, live) {
    const { video } = person;
    person.live = live;
    if (live) {
      video.muted = true;
      video.preload = "auto";
      video.src = person.url;
      video.playbackRate = this.clock.rate;
      const start = () => person.sync.jump(this.clock.time, performance.now());
      video.addEventListener("loadedmetadata", start, { once: true });
    } else {
      video.removeAttribute("src");
      video.load();
    }
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

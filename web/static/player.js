// Everybody's video at once: all that are live run muted with the clock, and one is on stage.

import { Follower } from "./follower.js";

// Keys 1 to 9 switch without waiting; a machine with more cores may keep more running.
const MAX_LIVE = Math.min(Math.max(2 * (navigator.hardwareConcurrency || 4), 9), 20);
// On a machine that cannot keep them all in step some stop, and the stage goes on as it should.
const MIN_LIVE = 3;
const LOOK_EVERY_MS = 2000;
const BAD_LOOKS = 3;
const FOLLOW_EVERY_MS = 60;
// How long a person who is not live yet may take before they are shown anyway.
const PATIENCE_MS = 4000;
const SETTLE_MS = 900;

/**
 * Events: "stage" (another person is shown), "state" (play, pause, speed, loop), "time" (every
 * picture of the page), "refused" (the browser does not let the sound start), "broken" (a person's
 * video cannot be played), "ended".
 */
export class Player extends EventTarget {
  #people = new Map(); // id: {id, video, address, follower, live}
  #visible = [];
  #wanted = null; // the person who will be on stage as soon as they can
  #wantedSince = 0;
  #plays = false; // what the user wants; the clock stands still while it seeks
  #held = 0; // number of the seek that holds the clock
  #seeks = 0;
  #followedAt = 0;
  #maxLive = MAX_LIVE;
  #lookedAt = 0;
  #badLooks = 0;
  loop = false;
  staged = null;

  /**
   * @param clock the MasterClock
   * @param people [{id, address, video}] in the order of the page
   * @param rate frames a second, or null
   */
  constructor(clock, people, rate) {
    super();
    this.clock = clock;
    this.rate = rate;
    for (const { id, address, video } of people) {
      const follower = new Follower(video, rate);
      this.#people.set(id, { id, address, video, follower, live: false, broken: false });
      video.addEventListener("error", () => this.#giveUp(id));
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

  followerOf(id) {
    return this.#people.get(id)?.follower;
  }

  /** Show a person: at once where their video runs already, else as soon as it does. */
  stage(id) {
    const person = this.#people.get(id);
    if (!person || id === (this.#wanted ?? this.staged)) return;
    if (person.broken) {
      this.#say("broken", { id });
      return;
    }
    this.#wanted = id === this.staged ? null : id;
    this.#wantedSince = performance.now();
    this.#refreshLive();
    this.#stageIfReady(this.#wantedSince);
  }

  /** Say which people's pictures can be seen besides the stage. */
  setVisible(ids) {
    this.#visible = ids;
    this.#refreshLive();
  }

  async play() {
    this.#plays = true;
    if (this.clock.ended) await this.seek(0);
    await this.#start();
    this.#say("state");
  }

  pause() {
    this.#plays = false;
    this.clock.pause();
    this.#followAll(performance.now());
    this.#say("state");
  }

  toggle() {
    return this.#plays ? this.pause() : this.play();
  }

  set speed(rate) {
    this.clock.rate = rate;
    for (const { video } of this.#people.values()) video.playbackRate = rate;
    this.#say("state");
  }

  get speed() {
    return this.clock.rate;
  }

  /** Go to a time. While it plays, sound and pictures start again together. */
  async seek(time) {
    const number = ++this.#seeks;
    this.#held = number;
    this.clock.pause();
    this.clock.seek(time);
    const now = performance.now();
    for (const person of this.#people.values()) {
      if (!person.live || person.video.readyState < 1) continue;
      person.video.pause();
      person.follower.follow(this.clock, now);
    }
    this.#say("time");
    if (!this.#plays) {
      this.#held = 0;
      return;
    }
    await this.#settled(number);
    if (this.#held !== number) return; // another seek has come
    this.#held = 0;
    if (this.#plays) await this.#start();
  }

  step(frames) {
    const rate = this.rate ?? 25;
    if (this.#plays) this.pause();
    const frame = Math.floor(this.clock.time * rate + 0.01) + frames;
    return this.seek((Math.max(frame, 0) + 0.5) / rate);
  }

  async #start() {
    if (this.#held) return;
    try {
      await this.clock.play();
    } catch (error) {
      if (error.name === "AbortError") return; // paused before it began
      this.#plays = false;
      this.#say("refused");
      this.#say("state");
      return;
    }
    this.#followAll(performance.now());
  }

  /** Until the stage and the sound stand where they were told to, or some patience is over. */
  #settled(number) {
    const person = this.#people.get(this.staged);
    const until = performance.now() + SETTLE_MS;
    return new Promise((resolve) => {
      const look = () => {
        const there = !person?.live || (!person.video.seeking && person.video.readyState >= 3);
        const over = this.#held !== number || performance.now() > until;
        if ((there && this.clock.ready) || over) resolve();
        else setTimeout(look, 8);
      };
      look();
    });
  }

  #tick(now) {
    if (now - this.#followedAt > FOLLOW_EVERY_MS) this.#followAll(now);
    this.#stageIfReady(now);
    if (now - this.#lookedAt > LOOK_EVERY_MS) this.#look(now);
    if (this.#plays && !this.#held && this.clock.ended) this.#finish();
    this.#say("time");
  }

  #finish() {
    if (this.loop) {
      this.seek(0);
      return;
    }
    this.pause();
    this.#say("ended");
  }

  #followAll(now) {
    this.#followedAt = now;
    for (const person of this.#people.values()) {
      if (person.live) person.follower.follow(this.clock, now);
    }
  }

  /** See whether the machine keeps up: those that have their data should be in step. */
  #look(now) {
    const slept = now - this.#lookedAt > 2 * LOOK_EVERY_MS;
    this.#lookedAt = now;
    const loaded = [...this.#people.values()].filter(
      ({ live, video }) => live && video.readyState >= 3 && !video.seeking,
    );
    const late = loaded.filter(
      ({ follower }) => follower.drift(this.clock.time) < (-2 / (this.rate ?? 25)) * this.speed,
    );
    const bad = this.#plays && !this.#held && !slept && late.length > loaded.length / 2;
    this.#badLooks = bad ? this.#badLooks + 1 : 0;
    if (this.#badLooks < BAD_LOOKS) return;
    this.#badLooks = 0;
    this.#maxLive = Math.max(Math.min(this.#maxLive, this.live.length) - 2, MIN_LIVE);
    this.#refreshLive();
  }

  #stageIfReady(now) {
    const person = this.#people.get(this.#wanted);
    if (!person) return;
    const waited = now - this.#wantedSince > PATIENCE_MS;
    const first = this.staged === null;
    if (!first && !waited && !person.follower.isInStep(this.clock)) return;
    const previous = this.staged;
    this.staged = person.id;
    this.#wanted = null;
    this.#say("stage", { id: person.id, previous });
  }

  /** Decide who runs: the stage, then who can be seen, then the first ones. */
  #refreshLive() {
    const order = [this.staged, this.#wanted, ...this.#visible, ...this.#people.keys()];
    const known = order.filter((id) => this.#people.get(id)?.broken === false);
    const live = new Set([...new Set(known)].slice(0, this.#maxLive));
    for (const person of this.#people.values()) {
      if (live.has(person.id) !== person.live) this.#setLive(person, live.has(person.id));
    }
  }

  #giveUp(id) {
    const person = this.#people.get(id);
    if (!person.live) return; // its address was only taken away
    person.broken = true;
    if (this.#wanted === id && this.staged !== null) this.#wanted = null;
    this.#refreshLive();
    this.#say("broken", { id });
  }

  #setLive(person, live) {
    const { video } = person;
    person.live = live;
    if (live) {
      video.muted = true;
      video.preload = "auto";
      video.src = person.address;
      video.playbackRate = this.clock.rate;
      const there = () => person.follower.jump(this.clock.time, performance.now());
      video.addEventListener("loadedmetadata", there, { once: true });
    } else {
      video.removeAttribute("src");
      video.load();
    }
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

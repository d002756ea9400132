// Play all live videos muted and in sync with the master clock; one of them is on stage, or two side by side.
//
// Tiles play small renditions. The tile's video of the person on stage is positioned over the stage,
// and the full video is shown above it as soon as it is in sync.

import { FullVideo } from "./full_video.js";
import { Network, covers, hasLoaded } from "./network.js";
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
const SOUND_BYTES_PER_S = 16_000; // of AAC as crop-people writes it
// When the stage or the sound has had no data for this time, both wait, until they have loaded enough.
const HOLD_AFTER_MS = 200;
const LACKS_S = 0.5;
const RESUME_S = 1;
// Other tiles are loaded after the stage, at the latest after this time.
const STAGE_FIRST_MS = 3000;
const FULL_PATIENCE_MS = 8000;
// The full video of a person is loaded after this time on stage, so that quick switches stay quick.
const FULL_AFTER_MS = 150;
// Hidden pages get no animation frames, but the sound must loop there, and picture in picture go on.
const HIDDEN_TICK_MS = 250;

/** Whether the page is visible, or its video in a window of its own. */
function isVisible() {
  return !document.hidden || Boolean(document.pictureInPictureElement);
}

/**
 * Events: "stage" (another person is on stage, or beside that one), "full" (a full video is shown or hidden),
 * "state" (play, pause, speed, loop), "time" (every animation frame), "refused" (the browser blocks the sound),
 * "broken" (a person's video cannot be played), "ended".
 */
export class Player extends EventTarget {
  #people = new Map(); // id: {id, tile, full, video, sync, live, loaded, broken}
  #full; // the FullVideo of the person on stage
  #fullBeside; // that of the person beside
  #network = new Network();
  #held = false; // sound and picture wait for data
  #lacksSince = null;
  #prepared = false; // before, the posters are shown and nothing is loaded
  #preload = "metadata"; // until the first play
  #preparedAt = 0;
  #showsStage = true;
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
  #beside = null;
  loop = false;
  staged = null;

  /**
   * @param clock the MasterClock
   * @param people [{id, video, tile, full, onlyOnStage}] in the order of the page; `tile` and `full` are
   *   {url, bytes}, and `full` is null if the tile plays the full video; `onlyOnStage`: it is loaded only then
   * @param stageVideos the <video> elements of the full videos on stage: of the person on stage, and beside
   * @param rate frames per second, or null
   */
  constructor(clock, people, stageVideos, rate) {
    super();
    this.clock = clock;
    this.rate = rate;
    [this.#full, this.#fullBeside] = stageVideos.map((video) => new FullVideo(video, clock, rate));
    for (const full of this.#fulls) full.video.addEventListener("error", () => this.#markFullBroken(full));
    for (const { id, tile, full, video, onlyOnStage } of people) {
      const sync = new VideoSync(video, rate);
      const state = { live: false, loaded: false, broken: false };
      this.#people.set(id, { id, tile, full, video, sync, onlyOnStage, ...state });
      video.addEventListener("error", () => this.#markBroken(id));
    }
    const tick = (now) => {
      this.#tick(now);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    setInterval(() => document.hidden && this.#tickHidden(), HIDDEN_TICK_MS);
    clock.addEventListener("ended", () => this.#endIfOver());
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

  /** Whether sound and picture wait for data. */
  get waiting() {
    return this.#plays && this.#held;
  }

  /** Whether the full video of the person on stage is shown. */
  get showsFull() {
    return this.#full.shown;
  }

  /** Whether the full video of the person beside is shown. */
  get showsFullBeside() {
    return this.#fullBeside.shown;
  }

  get #fulls() {
    return [this.#full, this.#fullBeside];
  }

  /** Whether the network is too slow for the full video. */
  get isReduced() {
    return !this.#network.allowsFull(performance.now());
  }

  /** Set whether the stage is visible, and the full video needed. */
  set showsStage(shows) {
    this.#showsStage = shows;
    this.#refreshFull();
  }

  videoOf(id) {
    return this.#people.get(id)?.video;
  }

  syncOf(id) {
    return this.#people.get(id)?.sync;
  }

  /** Put a person on stage, as soon as their video is in sync. */
  stage(id) {
    if (this.staged !== null) this.prepare();
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
    this.#refreshFull();
  }

  /** Id of the person beside the one on stage; null: nobody. */
  get beside() {
    return this.#beside;
  }

  set beside(id) {
    if (id === this.#beside || (id !== null && id === (this.#next ?? this.staged))) return;
    this.prepare();
    const person = this.#people.get(id);
    if (person?.broken) {
      this.#emit("broken", { id });
      return;
    }
    this.#beside = person ? id : null;
    this.#emit("stage", { id: this.staged, previous: this.staged });
    this.#refreshLive();
    this.#refreshFull();
  }

  /** Set the people whose tiles are in view. */
  setInView(ids) {
    this.#inView = ids;
    this.#refreshLive();
  }

  async play() {
    this.#plays = true;
    this.prepare();
    this.#loadAhead();
    if (this.clock.ended) await this.seek(0);
    await this.#start();
    this.#emit("state");
  }

  pause() {
    this.#plays = false;
    this.#held = false;
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
    for (const full of this.#fulls) full.video.playbackRate = rate;
    this.#emit("state");
  }

  get speed() {
    return this.clock.rate;
  }

  /** Seek to a time. During playback, sound and videos resume together. */
  async seek(time) {
    this.prepare();
    const number = ++this.#seeks;
    this.#pendingSeek = number;
    this.#held = false;
    this.clock.pause();
    this.clock.seek(time);
    this.shownVideo?.pause();
    this.#followAll(performance.now());
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
    if (this.#lacksData) this.#hold();
    this.#followAll(performance.now());
  }

  /** Load what is needed to play; call it at the first sign of a user. */
  prepare() {
    if (this.#prepared) return;
    this.#prepared = true;
    this.#preparedAt = performance.now();
    this.clock.load("metadata");
    this.#loadWaiting(this.#preparedAt);
    this.#refreshFull();
  }

  /** Load sound and videos ahead of their position, from the first play on. */
  #loadAhead() {
    if (this.#preload === "auto") return;
    this.#preload = "auto";
    this.clock.load("auto");
    for (const { loaded, video } of this.#people.values()) if (loaded) video.preload = "auto";
    for (const full of this.#fulls) full.video.preload = "auto";
  }

  // --- waiting for data --------------------------------------------------------------------------

  /** The <video> that is visible on stage. */
  get shownVideo() {
    return this.#full.shown ? this.#full.video : this.#people.get(this.staged)?.video;
  }

  /** Whether nobody sees a video: hidden pages load no pictures, and a video may be broken. */
  get #isBlind() {
    return !isVisible() || !this.shownVideo || this.#people.get(this.staged).broken;
  }

  get #hasPicture() {
    const video = this.shownVideo;
    return this.#isBlind || (video.readyState >= 3 && !video.seeking) || video.ended || this.#isNearEnd;
  }

  get #isNearEnd() {
    return this.clock.duration - this.clock.time < 0.3;
  }

  /** Whether stage or sound cannot go on for want of data, not because the machine is busy. */
  get #lacksData() {
    if (this.#isNearEnd) return false;
    const lacksSound = !this.clock.ready && !this.clock.hasLoaded(LACKS_S);
    return lacksSound || (!this.#hasPicture && !hasLoaded(this.shownVideo, LACKS_S));
  }

  get #hasEnough() {
    const hasSound = this.clock.ready && this.clock.hasLoaded(RESUME_S);
    return hasSound && (this.#isBlind || (this.#hasPicture && hasLoaded(this.shownVideo, RESUME_S)));
  }

  #hold() {
    this.#held = true;
    this.#lacksSince = null;
    this.clock.pause();
  }

  /** Stop sound and picture together when either has no data, and let them go on together. */
  #holdOrResume(now) {
    if (!this.#plays || this.#pendingSeek) this.#lacksSince = null;
    else if (this.#held) {
      if (!this.#hasEnough) return;
      this.#held = false;
      this.#start();
    } else if (!this.#lacksData) this.#lacksSince = null;
    else {
      this.#lacksSince ??= now;
      if (now - this.#lacksSince > HOLD_AFTER_MS) this.#hold();
    }
  }

  /** Load the full videos of the person on stage, then of the one beside; drop those not wanted. */
  #refreshFull() {
    const now = performance.now();
    const person = this.#people.get(this.staged);
    const next = this.#people.get(this.#next); // needs the network first
    const isFree = !next || covers(next.video, this.clock.time);
    const isWanted = this.#prepared && this.#showsStage && isFree && this.#network.allowsFull(now);
    if (!isWanted || !person?.full) this.#full.drop();
    else if (this.#full.id !== person.id && this.#isTimeForFull(now)) {
      this.#full.load(person.id, person.full.url, this.#preload);
    }
    this.#refreshBeside(isWanted, this.#full.shown || !person?.full);
    this.#chooseFull();
  }

  #refreshBeside(isWanted, isTime) {
    const person = this.#people.get(this.#beside);
    if (!isWanted || !person?.full) this.#fullBeside.drop();
    else if (this.#fullBeside.id !== person.id && isTime) {
      this.#fullBeside.load(person.id, person.full.url, this.#preload);
    }
  }

  /** Whether the small renditions have begun to play, which costs little, or will not soon. */
  #isTimeForFull(now) {
    const waited = now - Math.max(this.#stagedAt, this.#preparedAt);
    if (waited < FULL_AFTER_MS || waited > FULL_PATIENCE_MS) return waited > FULL_PATIENCE_MS;
    return [...this.#people.values()].every(({ live, video }) => !live || hasLoaded(video, LACKS_S));
  }

  #chooseFull() {
    const before = this.#wereFull;
    this.#full.choose(this.staged, this.syncOf(this.staged));
    this.#fullBeside.choose(this.#beside, this.syncOf(this.#beside));
    this.#wereFull = this.#fulls.map(({ shown }) => shown);
    if (before.some((shown, index) => shown !== this.#wereFull[index])) this.#emit("full");
  }

  #wereFull = [false, false];
  #stagedAt = -Infinity;

  #markFullBroken(full) {
    const { id } = full;
    const person = this.#people.get(id);
    if (!person) return; // the error of a removed source
    person.full = null; // the small rendition can be played
    full.drop();
    this.#emit("broken", { id });
  }

  /** Load less where the network cannot carry all, the tiles before the stage. */
  #checkNetwork(now) {
    const loaded = [...this.#people.values()].filter((person) => person.loaded);
    const media = loaded.map(({ video, tile }) => ({ element: video, rate: this.#bytesPerSecond(tile) }));
    const staged = this.#people.get(this.staged);
    for (const { id, video } of this.#fulls) {
      const full = this.#people.get(id)?.full;
      if (full) media.push({ element: video, rate: this.#bytesPerSecond(full) });
    }
    if (this.clock.audio) media.push({ element: this.clock.audio, rate: SOUND_BYTES_PER_S });
    this.#network.measure(media, now);
    if (!this.#plays || this.#pendingSeek || !staged || !isVisible()) return;
    const full = this.#full;
    const isSlow = full.id !== null && !full.shown && !hasLoaded(full.video, RESUME_S);
    const isLate = isSlow && now - full.loadedAt > FULL_PATIENCE_MS;
    const tilesStarve = loaded.some((person) => this.isStarving(person.id));
    const stageWaits = this.#held || isLate || full.starved > 1 || (tilesStarve && isSlow);
    const trouble = stageWaits ? "stage" : tilesStarve ? "tiles" : "";
    const onStage = [staged, this.#people.get(this.#beside)].filter(Boolean);
    const large = onStage.map((person) => (person.onlyOnStage ? person.tile : person.full)).filter(Boolean);
    const rates = {
      full: large.reduce((sum, file) => sum + this.#bytesPerSecond(file), 0),
      tile: this.#bytesPerSecond(this.#anyTiled.tile),
      sound: this.clock.audio ? SOUND_BYTES_PER_S : 0,
    };
    this.#network.check(trouble, { full: full.id !== null, tiles: loaded.length }, rates, now);
    this.#refreshLive();
    this.#refreshFull();
  }

  /** Whether a live video has no data to go on with. */
  isStarving(id) {
    const { live, video } = this.#people.get(id);
    const waits = live && this.#plays && video.readyState < 3 && !video.ended && !this.#isNearEnd;
    return waits && !hasLoaded(video, LACKS_S);
  }

  get #anyTiled() {
    const staged = this.#people.get(this.staged);
    return staged.onlyOnStage ? [...this.#people.values()].find(({ onlyOnStage }) => !onlyOnStage) : staged;
  }

  #bytesPerSecond({ bytes }) {
    return bytes / Math.max(this.clock.duration, 1);
  }

  /** Wait until the sound and the video on stage have completed the seek, for a limited time. */
  #seekCompleted(number) {
    const deadline = performance.now() + MAX_SEEK_WAIT_MS;
    return new Promise((resolve) => {
      const check = () => {
        this.#chooseFull();
        const givenUp = this.#pendingSeek !== number || performance.now() > deadline;
        if ((this.#hasPicture && this.clock.ready) || givenUp) resolve();
        else setTimeout(check, 8);
      };
      check();
    });
  }

  #tick(now) {
    if (now - this.#followedAt > FOLLOW_EVERY_MS) this.#followAll(now);
    this.#stageIfReady(now);
    this.#refreshFull();
    this.#holdOrResume(now);
    this.#loadWaiting(now);
    if (now - this.#checkedAt > CHECK_EVERY_MS) {
      this.#checkNetwork(now);
      this.#checkSync(now);
    }
    this.clock.check(now);
    this.#endIfOver();
    this.#emit("time");
  }

  #tickHidden() {
    if (isVisible()) this.#tick(performance.now());
    else this.#endIfOver();
  }

  #endIfOver() {
    if (this.#plays && !this.#pendingSeek && this.clock.ended) this.#atEnd();
  }

  #atEnd() {
    if (this.loop) {
      this.seek(0);
      return;
    }
    this.pause();
    this.#emit("ended");
  }

  /** Let the videos follow the clock; in a seek, those that must load wait for the stage. */
  #followAll(now) {
    this.#followedAt = now;
    this.#full.follow(this.staged, now);
    this.#fullBeside.follow(this.#beside, now);
    const staged = this.#people.get(this.staged);
    staged?.sync.follow(this.clock, now);
    const onlyStage = staged && (this.#pendingSeek || (this.clock.paused && staged.video.seeking));
    for (const person of this.#people.values()) {
      if (person === staged || !person.live) continue;
      if (onlyStage && !covers(person.video, this.clock.time)) person.video.pause();
      else person.sync.follow(this.clock, now);
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
    if (this.#beside === person.id) this.#beside = previous; // the two change places
    this.#stagedAt = first ? -Infinity : now;
    this.#next = null;
    this.#emit("stage", { id: person.id, previous });
    this.#refreshLive();
    this.#refreshFull();
  }

  /** Choose the live videos: the stage first, then those in view, then the others in page order. */
  #refreshLive() {
    const onStage = [this.staged, this.#next, this.#beside];
    const order = [...onStage, ...this.#inView, ...this.#people.keys()];
    const playable = order.filter((id) => {
      const { broken, onlyOnStage } = this.#people.get(id) ?? { broken: true };
      return !broken && (!onlyOnStage || onStage.includes(id));
    });
    const most = Math.max(Math.min(this.#maxLive, this.#network.tiles), this.#beside === null ? 1 : 2);
    const live = new Set([...new Set(playable)].slice(0, most));
    for (const person of this.#people.values()) {
      if (live.has(person.id) !== person.live) this.#setLive(person, live.has(person.id));
    }
  }

  #markBroken(id) {
    const person = this.#people.get(id);
    if (!person.live) return; // the error of a removed source
    person.broken = true;
    if (this.#next === id) this.#next = null;
    if (this.#beside === id) this.beside = null;
    this.#refreshLive();
    this.#emit("broken", { id });
    if (id !== (this.#next ?? this.staged)) return;
    const other = [...this.#people.values()].find(({ broken }) => !broken);
    if (other) this.stage(other.id);
  }

  #setLive(person, live) {
    person.live = live;
    if (live) this.#loadWaiting(performance.now());
    else if (person.loaded) {
      person.loaded = false;
      person.video.removeAttribute("src");
      person.video.load();
    }
  }

  /** Load the live videos, those of other tiles when the stage has a picture. */
  #loadWaiting(now) {
    if (!this.#prepared) return;
    const first = this.#people.get(this.#next ?? this.staged);
    const stageHasPicture = !first || first.video.readyState >= 2 || now - this.#preparedAt > STAGE_FIRST_MS;
    for (const person of this.#people.values()) {
      if (person.live && !person.loaded && (person === first || stageHasPicture)) this.#load(person);
    }
  }

  #load(person) {
    const { video } = person;
    person.loaded = true;
    video.muted = true;
    video.preload = this.#preload;
    video.src = person.tile.url;
    video.playbackRate = this.clock.rate;
    const start = () => person.sync.jump(this.clock.time, performance.now());
    video.addEventListener("loadedmetadata", start, { once: true });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

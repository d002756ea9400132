// What the network can carry: the full video on stage, and how many tiles beside it.

const CALM_MS = 10_000; // after this time without trouble, one more tile is tried
const TROUBLE_CHECKS = 2; // consecutive checks with trouble, after which less is loaded
const RETRY_MS = 30_000; // until a full video that was given up is tried again; doubles each time
const MAX_RETRY_MS = 300_000;
const WINDOW_MS = 6000;
// Share of the measured rate that is planned with: rates vary, and so do bits per second of a video.
const MARGIN = 0.9;
const FULL_MARGIN = 1.15;

/**
 * Plan what to load.
 *
 * @param available bytes per second
 * @param rates {full, tile, sound} bytes per second of each
 * @returns {full, tiles}: whether to load the full video, and the number of tiles, at least the stage's
 */
export function plan(available, { full, tile, sound }) {
  const rest = available * MARGIN - sound - tile;
  const hasFull = rest >= full * FULL_MARGIN;
  const left = hasFull ? rest - full * FULL_MARGIN : rest;
  return { full: hasFull, tiles: 1 + Math.max(Math.floor(left / tile), 0) };
}

/** Seconds of media that an element has loaded. */
function loadedSeconds({ buffered }) {
  let seconds = 0;
  for (let i = 0; i < buffered.length; i++) seconds += buffered.end(i) - buffered.start(i);
  return seconds;
}

/** Seconds that an element has loaded from its position on. */
function secondsAhead({ buffered, currentTime }) {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime + 0.1 && buffered.end(i) > currentTime) return buffered.end(i) - currentTime;
  }
  return 0;
}

/** Whether an element has loaded a time. */
export function covers({ buffered }, time) {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= time && time < buffered.end(i)) return true;
  }
  return false;
}

/** Whether an element has loaded some seconds from its position on, or all of the rest. */
export function hasLoaded(element, seconds) {
  const left = element.duration - element.currentTime - 0.1; // NaN before the duration is known
  return secondsAhead(element) >= Math.min(seconds, Number.isFinite(left) ? left : seconds);
}

/** Decides by what was loaded in the last seconds, in checks that are made while the footage plays. */
export class Network {
  tiles = Infinity; // maximum number of tiles, with the stage's
  #samples = []; // {now, bytes}
  #loaded = new Map(); // element: seconds at the last check
  #troubles = 0;
  #calmSince = null;
  #retryAt = 0;
  #retryMs = RETRY_MS;

  /** Whether a full video may be loaded. */
  allowsFull(now) {
    return now >= this.#retryAt;
  }

  /** Bytes per second that have arrived recently. */
  get rate() {
    const [first, ...others] = this.#samples;
    if (!others.length) return 0;
    const bytes = others.reduce((sum, sample) => sum + sample.bytes, 0);
    return (1000 * bytes) / (others.at(-1).now - first.now);
  }

  /** Count what has arrived since the last call. @param media [{element, rate}] bytes per second */
  measure(media, now) {
    let bytes = 0;
    for (const { element, rate } of media) {
      const seconds = loadedSeconds(element);
      bytes += rate * Math.max(seconds - (this.#loaded.get(element) ?? 0), 0);
      this.#loaded.set(element, seconds);
    }
    this.#samples.push({ now, bytes });
    this.#samples = this.#samples.filter((sample) => now - sample.now <= WINDOW_MS);
  }

  /**
   * Load less after trouble, and more after a calm time.
   *
   * @param trouble "stage" if the stage waits or the full video is late, "tiles" if only tiles starve, or ""
   * @param loads {full, tiles}: whether the full video is loaded, and the number of loaded tiles
   * @param rates see `plan`
   */
  check(trouble, loads, rates, now) {
    this.#troubles = trouble ? this.#troubles + 1 : 0;
    if (trouble) this.#calmSince = null;
    else this.#calmSince ??= now;
    if (this.#troubles >= TROUBLE_CHECKS) this.#reduce(trouble, loads, rates, now);
    else if (!trouble && now - this.#calmSince > CALM_MS && this.tiles < Infinity) {
      this.#calmSince = now;
      this.tiles += 1;
    }
  }

  #reduce(trouble, loads, rates, now) {
    this.#troubles = 0;
    const planned = plan(this.rate, rates);
    const givesUpFull = trouble === "stage" && loads.full && !planned.full;
    if (givesUpFull) {
      this.#retryAt = now + this.#retryMs;
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    }
    // Without the full video there may be enough for all tiles; the next checks show it.
    this.tiles = givesUpFull ? planned.tiles : Math.max(Math.min(planned.tiles, loads.tiles - 1), 1);
  }
}

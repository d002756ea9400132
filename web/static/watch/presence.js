// When somebody who is away is back.

const SHORTEST_S = 1; // shorter absences are left out, so that tiles do not flicker

/** Intervals, ascending, in which a person is seen or only briefly out of sight. */
function present({ seen, body, filled }) {
  const merged = [];
  for (const [start, end] of [...seen, ...body, ...filled].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start - last[1] < SHORTEST_S) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export class Presence {
  #starts;
  #ends;

  /** @param person {seen, body, filled}, lists of [from, to] in seconds */
  constructor(person, duration) {
    const intervals = present(person);
    if (intervals[0]?.[0] < SHORTEST_S) intervals[0][0] = 0;
    if (duration - intervals.at(-1)?.[1] < SHORTEST_S) intervals.at(-1)[1] = Infinity;
    this.#starts = intervals.map(([start]) => start);
    this.#ends = intervals.map(([, end]) => end);
  }

  /** Time in seconds at which the person is back; null if they are there, Infinity if they stay away. */
  backAt(time) {
    const index = this.#firstEndAfter(time);
    const start = this.#starts[index] ?? Infinity;
    return start <= time ? null : start;
  }

  #firstEndAfter(time) {
    let [low, high] = [0, this.#ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle] > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

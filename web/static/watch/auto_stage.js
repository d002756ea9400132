// Auto mode: plan from the timeline which person is on stage when. Deterministic.

const STEP_S = 0.5;
const LOOK_AHEAD_S = 2;
const MIN_STAY_S = 2.5; // minimum time on stage
const SWITCH_AFTER_S = 6; // after this time on stage, another person is preferred

/** Share of the time from `start` to `end` that `intervals` cover. */
export function coverage(intervals, start, end) {
  if (end <= start) return 0;
  let covered = 0;
  for (const [from, to] of intervals) covered += Math.max(Math.min(to, end) - Math.max(from, start), 0);
  return covered / (end - start);
}

/**
 * Plan all switches of a footage.
 *
 * @param people [{id, seen, body, filled, smiling}]; the last four are lists of [from, to] in seconds
 * @param duration seconds
 * @param mode "present" or "smiling"
 * @returns [{start, id}] by ascending start in seconds; empty without people
 */
export function planSwitches(people, duration, mode) {
  const switches = [];
  const shown = new Map(people.map(({ id }) => [id, 0]));
  for (let time = 0; people.length && (time < duration || !switches.length); time += STEP_S) {
    const last = switches.at(-1);
    const best = choose(people, time, mode, last, shown);
    if (!last || best !== last.id) switches.push({ start: time, id: best });
    shown.set(best, shown.get(best) + STEP_S);
  }
  return switches;
}

/** Id of the person whom a plan shows at a time; null before its start. */
export function personAt(switches, time) {
  let shown = null;
  for (const { start, id } of switches) {
    if (start > time) break;
    shown = id;
  }
  return shown;
}

function choose(people, time, mode, last, shown) {
  const current = people.find((person) => person.id === last?.id);
  const length = last ? time - last.start : 0;
  const seen = current && coverage([...current.seen, ...current.body], time, time + STEP_S) > 0;
  if (seen && length < MIN_STAY_S) return current.id;
  const elapsed = Math.max(time, 1);
  let best = null;
  let highest = -Infinity;
  for (const person of people) {
    let score = scoreOf(person, time, mode) - 0.3 * (shown.get(person.id) / elapsed);
    if (person === current) score += length < SWITCH_AFTER_S ? 0.5 : -0.35;
    if (score > highest + 1e-9) [best, highest] = [person.id, score];
  }
  return best;
}

function scoreOf(person, time, mode) {
  const seen = coverage(person.seen, time, time + LOOK_AHEAD_S);
  const body = coverage(person.body, time, time + LOOK_AHEAD_S);
  const filled = coverage(person.filled, time, time + LOOK_AHEAD_S);
  const smiling = coverage(person.smiling, time, time + LOOK_AHEAD_S);
  const present = seen + 0.75 * body + 0.5 * filled;
  return mode === "smiling" ? 0.5 * present + 2 * smiling : present + 0.1 * smiling;
}

// Auto mode: who is shown when, from the timeline alone. The same timeline gives the same film.

const STEP_S = 0.5;
const LOOK_AHEAD_S = 2;
const SHORTEST_S = 2.5; // a shot
const TIRED_AFTER_S = 6; // then somebody else may have a turn

/** Share of the time from `start` to `end` that `spans` cover. */
export function share(spans, start, end) {
  if (end <= start) return 0;
  let covered = 0;
  for (const [from, to] of spans) covered += Math.max(Math.min(to, end) - Math.max(from, start), 0);
  return covered / (end - start);
}

/**
 * Plan the shots of a whole footage.
 *
 * @param people [{id, seen, filled, smiling}] with spans of seconds
 * @param duration seconds
 * @param mode "present" or "smiling"
 * @returns [{start, id}] in order; empty where there is nobody
 */
export function plan(people, duration, mode) {
  const shots = [];
  const shown = new Map(people.map(({ id }) => [id, 0]));
  for (let time = 0; people.length && (time < duration || !shots.length); time += STEP_S) {
    const shot = shots.at(-1);
    const best = choose(people, time, mode, shot, shown);
    if (!shot || best !== shot.id) shots.push({ start: time, id: best });
    shown.set(best, shown.get(best) + STEP_S);
  }
  return shots;
}

/** Who is on at a time of a plan. */
export function onAt(shots, time) {
  let found = null;
  for (const { start, id } of shots) {
    if (start > time) break;
    found = id;
  }
  return found;
}

function choose(people, time, mode, shot, shown) {
  const current = people.find((person) => person.id === shot?.id);
  const length = shot ? time - shot.start : 0;
  const here = current && share(current.seen, time, time + STEP_S) > 0;
  if (here && length < SHORTEST_S) return current.id;
  const all = Math.max(time, 1);
  let best = null;
  let most = -Infinity;
  for (const person of people) {
    let worth = appeal(person, time, mode) - 0.3 * (shown.get(person.id) / all);
    if (person === current) worth += length < TIRED_AFTER_S ? 0.5 : -0.35;
    if (worth > most + 1e-9) [best, most] = [person.id, worth];
  }
  return best;
}

function appeal(person, time, mode) {
  const seen = share(person.seen, time, time + LOOK_AHEAD_S);
  const filled = share(person.filled, time, time + LOOK_AHEAD_S);
  const smiling = share(person.smiling, time, time + LOOK_AHEAD_S);
  const present = seen + 0.5 * filled;
  return mode === "smiling" ? 0.5 * present + 2 * smiling : present + 0.1 * smiling;
}

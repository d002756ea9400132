// Media Session: keys of the keyboard and headset, and the lock screen, control the player.

const POSITION_EVERY_MS = 1000;

/**
 * Connect the browser's media controls to the player.
 *
 * @param player the Player
 * @param jumpS seconds of a jump without a given length
 * @param describe returns {title, album, poster} of what is on stage
 * @param nextPerson called with 1 or -1
 */
export function connectMediaSession(player, { jumpS, describe, nextPerson }) {
  const session = navigator.mediaSession;
  if (!session) return;
  const actions = {
    play: () => player.play(),
    pause: () => player.pause(),
    seekbackward: ({ seekOffset }) => player.seek(player.time - (seekOffset ?? jumpS)),
    seekforward: ({ seekOffset }) => player.seek(player.time + (seekOffset ?? jumpS)),
    seekto: ({ seekTime }) => player.seek(seekTime),
    previoustrack: () => nextPerson(-1),
    nexttrack: () => nextPerson(1),
  };
  for (const [name, run] of Object.entries(actions)) {
    try {
      session.setActionHandler(name, run);
    } catch {
      // The browser does not know this action.
    }
  }
  const showPosition = () => {
    const { duration } = player.clock;
    if (duration > 0) session.setPositionState?.({ duration, playbackRate: player.speed, position: player.time });
  };
  let shownAt = 0;
  player.addEventListener("time", () => {
    const now = performance.now();
    if (now - shownAt < POSITION_EVERY_MS) return;
    shownAt = now;
    showPosition();
  });
  player.addEventListener("state", () => {
    session.playbackState = player.plays ? "playing" : "paused";
    showPosition();
  });
  player.addEventListener("stage", () => {
    const { title, album, poster } = describe();
    const artwork = [{ src: new URL(poster, location.href).href, type: "image/jpeg" }];
    session.metadata = new MediaMetadata({ title, album, artwork });
  });
}

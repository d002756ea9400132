// Swipes on touch screens.

const MIN_PX = 50;
const MAX_MS = 800;

/** Call `swiped` with 1 after a swipe to the left over the element, and -1 after one to the right. */
export function onSwipe(element, swiped) {
  let start = null; // of the only finger
  element.addEventListener("pointerdown", (event) => {
    const { pointerType, isPrimary, clientX: x, clientY: y, timeStamp: at } = event;
    start = pointerType === "touch" && isPrimary ? { x, y, at } : null;
  });
  element.addEventListener("pointerup", ({ clientX, clientY, timeStamp }) => {
    if (!start) return;
    const [right, down] = [clientX - start.x, clientY - start.y];
    const isSwipe = Math.abs(right) >= MIN_PX && Math.abs(right) > 2 * Math.abs(down);
    if (isSwipe && timeStamp - start.at < MAX_MS) swiped(right < 0 ? 1 : -1);
    start = null;
  });
  element.addEventListener("pointercancel", () => {
    start = null;
  });
}

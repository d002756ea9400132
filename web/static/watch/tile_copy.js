// The tile of the person on stage shows a small copy of the video.

const DRAW_EVERY_MS = 80;
const WIDTH_PX = 240;

let current = 0; // number of the active copy

/** Draw the tile's video into its canvas until another tile is copied. */
export function copyIntoTile(tile) {
  const video = tile.querySelector("video");
  const canvas = tile.querySelector("canvas");
  const own = ++current;
  let drawnAt = 0;
  const draw = (now) => {
    if (own !== current) return;
    if (now - drawnAt >= DRAW_EVERY_MS && video.videoWidth) {
      drawnAt = now;
      canvas.width = WIDTH_PX;
      canvas.height = Math.round((WIDTH_PX * video.videoHeight) / video.videoWidth);
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    }
    video.requestVideoFrameCallback?.(draw);
  };
  draw(performance.now());
}

// The tile of the person on stage shows a small copy of the video.

const DRAW_EVERY_MS = 80;
const WIDTH_PX = 240;

/**
 * Draw the tile's video into its canvas; return a function that ends it.
 *
 * @param onDrawn called with (canvas, whether the video plays, time in ms) after each drawing
 */
export function copyIntoTile(tile, onDrawn) {
  const video = tile.querySelector("video");
  const canvas = tile.querySelector("canvas");
  canvas.style.backgroundImage = `url("${video.poster}")`; // until the video is loaded
  let ended = false;
  let drawnAt = 0;
  const draw = (now) => {
    if (ended) return;
    // While it is paused no other frame may follow.
    if ((now - drawnAt >= DRAW_EVERY_MS || video.paused) && video.videoWidth) {
      drawnAt = now;
      canvas.width = WIDTH_PX;
      canvas.height = Math.round((WIDTH_PX * video.videoHeight) / video.videoWidth);
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      onDrawn(canvas, !video.paused, now);
    }
    video.requestVideoFrameCallback?.(draw);
  };
  draw(performance.now());
  return () => (ended = true);
}

// The stage's backdrop: a blurred enlargement of the picture on stage, where that leaves space.

// It is drawn from the small copy that the tile shows, so that no video is decoded for it.
const DRAW_EVERY_MS = 240;
const WIDTH_PX = 64; // the browser enlarges it, which blurs it further
const BLUR_PX = 4;
const FADE = 0.4; // weight of a new picture during playback: the backdrop changes smoothly

const prefersStill = matchMedia("(prefers-reduced-motion: reduce)");

export class Backdrop {
  #canvas;
  #drawnAt = -Infinity;
  #poster = null;
  #isNew = true; // nothing of this person is drawn yet

  /** @param canvas the <canvas> element behind the stage's video */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Show a person's poster, until a picture of their video is drawn. */
  show(poster) {
    this.#isNew = true;
    const picture = new Image();
    this.#poster = picture;
    picture.onload = () => this.#isNew && picture === this.#poster && this.#draw(picture, 1);
    picture.src = poster;
  }

  /**
   * Draw a picture of the video, not more often than needed; with reduced motion a still remains.
   *
   * @param picture a canvas
   * @param playing whether the next pictures follow soon
   */
  update(picture, playing, now) {
    if (!this.#isNew && playing && (prefersStill.matches || now - this.#drawnAt < DRAW_EVERY_MS)) return;
    this.#drawnAt = now;
    this.#draw(picture, this.#isNew || !playing ? 1 : FADE);
    this.#isNew = false;
  }

  #draw(picture, weight) {
    const canvas = this.#canvas;
    const height = Math.max(Math.round((WIDTH_PX * picture.height) / picture.width), 1);
    if (canvas.width !== WIDTH_PX || canvas.height !== height) {
      canvas.width = WIDTH_PX;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    context.globalAlpha = weight;
    context.filter = `blur(${BLUR_PX}px)`;
    // The blurred edges are transparent: they stay outside.
    const margin = 2 * BLUR_PX;
    context.drawImage(picture, -margin, -margin, canvas.width + 2 * margin, canvas.height + 2 * margin);
  }
}

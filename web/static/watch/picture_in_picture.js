// Picture in picture: a small window above all others shows the video on stage.

/**
 * Connect a button, hidden where the browser has no such window; return the function that opens or closes it.
 *
 * @param player the Player
 * @param button its `aria-pressed` says whether the window is open
 * @param refused called when the browser does not open the window
 */
export function connectPictureInPicture(player, button, refused) {
  button.hidden = !document.pictureInPictureEnabled;
  const show = async () => {
    const video = player.shownVideo;
    if (!video || video === document.pictureInPictureElement) return;
    video.disablePictureInPicture = false; // so far, to keep the browser's own button off the page
    try {
      await loaded(video);
      await video.requestPictureInPicture();
    } catch {
      if (!document.pictureInPictureElement) refused();
    }
  };
  // The window stays, and shows who is on stage now.
  const follow = () => document.pictureInPictureElement && show();
  for (const name of ["stage", "full"]) player.addEventListener(name, follow);
  const showState = () => button.setAttribute("aria-pressed", String(Boolean(document.pictureInPictureElement)));
  for (const name of ["enterpictureinpicture", "leavepictureinpicture"]) {
    document.addEventListener(name, ({ target }) => {
      target.disablePictureInPicture = target !== document.pictureInPictureElement;
      showState();
    });
  }
  const toggle = async () => {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await show();
  };
  button.addEventListener("click", toggle);
  return () => (button.hidden ? refused() : toggle());
}

/** Wait until the size of a video is known; the user's click counts for five seconds. */
function loaded(video) {
  if (video.readyState >= 1) return undefined;
  return new Promise((resolve) => video.addEventListener("loadedmetadata", resolve, { once: true }));
}

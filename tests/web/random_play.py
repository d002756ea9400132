"""Play a song in a browser with random switches and seeks, and measure the drift of the videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from playwright.sync_api import Page

MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
"""Script that adds ``measuring`` to the page."""


def open_player(page: Page, address: str) -> None:
    """Open a Watch page, and wait until all its videos are in sync."""
    page.goto(address)
    page.evaluate(MEASURE)
    assert page.evaluate("measuring.ready()")


_PLAY = """async ([seconds, seed]) => {
  const { player, ready, wait, press, shownBy, RATE } = measuring;
  let state = seed;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  player.loop = true;
  await player.play();
  await ready();
  const drifts = [];
  const frames = [];
  let played = 0;
  let acts = 0;
  while (played < seconds) {
    if (random() < 0.3) await player.seek(random() * (player.clock.duration - 1));
    else press(String(1 + Math.floor(random() * player.live.length)));
    acts += 1;
    await wait(1500); // time allowed for catching up
    for (let i = 0; i < 8; i++) {
      await wait(50 + 100 * random());
      if (player.clock.duration - player.time < 2 || player.time < 1) continue;
      for (const id of player.live) drifts.push(player.syncOf(id).drift(player.time) * RATE);
      const video = player.videoOf(player.staged);
      const shown = await new Promise((resolve) =>
        video.requestVideoFrameCallback((now, { expectedDisplayTime }) => {
          // The picture appears a moment later: compare with the time that it will be then.
          const then = player.time + Math.max(expectedDisplayTime - now, 0) / 1000;
          resolve(shownBy(video) - then * RATE);
        }),
      );
      frames.push(shown);
    }
    played += 2.4;
  }
  return { drifts, frames, acts };
}"""


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Drift of the videos against the master clock, measured after switches and seeks."""

    drift: NDArray[np.float64]  # (n,) frames; all live videos
    picture: NDArray[np.float64]  # (m,) frames; the video on stage, by its drawn frame number
    acts: int  # switches and seeks

    def within(self, share: float) -> float:
        """Return the quantile of the absolute drifts, frames."""
        return float(np.quantile(np.abs(self.drift), share))

    @property
    def in_step(self) -> float:
        """Return the share of drifts of at most one frame."""
        return float(np.mean(np.abs(self.drift) <= 1))

    @property
    def picture_off(self) -> float:
        """Return the median offset of the picture, frames; numbers are whole, so 0.5 is none."""
        return float(np.median(np.abs(self.picture + 0.5)))


def play(page: Page, address: str, *, seconds: float, seed: int = 5) -> Played:
    """Play in the Watch page at ``address``.

    Args:
        page: a new page.
        address: address of a project of `tests.web.drawn_crops`.
        seconds: playing time; the song loops.
        seed: random seed of the switches and seeks.
    """
    page.set_default_timeout(0)
    page.goto(address)
    page.evaluate(MEASURE)
    found = page.evaluate(_PLAY, [seconds, seed])
    return Played(np.array(found["drifts"]), np.array(found["frames"]), found["acts"])

"""The Watch page in a real browser: what is shown, how soon, and how well in step."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.serving import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")

SWITCHES = """async (count) => {
  const { player, ready, wait, switchTo, listen } = measuring;
  player.loop = true;
  await player.play();
  await ready();
  await wait(500);
  const heard = listen();
  await wait(200);
  const found = [];
  for (let i = 0; i < count; i++) {
    const others = player.live.filter((id) => id !== player.staged);
    found.push(await switchTo(others[(7 * i) % others.length]));
    await wait(80 + ((53 * i) % 160));
  }
  return { found, ...heard() };
}"""

RANDOM_PLAY = """async ([seconds, speed, seed]) => {
  const { player, ready, wait, press, shownBy, RATE } = measuring;
  let state = seed;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  player.loop = true;
  player.speed = speed;
  await player.play();
  await ready();
  const drifts = [];
  const frames = [];
  let played = 0;
  while (played < seconds) {
    if (random() < 0.3) await player.seek(random() * (player.clock.duration - 1));
    else press(String(1 + Math.floor(random() * player.live.length)));
    await wait(1500); // what is allowed to catch up
    for (let i = 0; i < 8; i++) {
      await wait(50 + 100 * random());
      if (player.clock.duration - player.time < 2 * speed || player.time < speed) continue;
      for (const id of player.live) drifts.push(player.followerOf(id).drift(player.time) * RATE);
      const video = player.videoOf(player.staged);
      const shown = await new Promise((resolve) =>
        video.requestVideoFrameCallback((now, { expectedDisplayTime }) => {
          // The picture appears a moment later: compare with the time that it will be then.
          const then = player.time + (Math.max(expectedDisplayTime - now, 0) / 1000) * speed;
          resolve(shownBy(video) - then * RATE);
        }),
      );
      frames.push(shown);
    }
    played += 2.4 * speed;
  }
  return { drifts, frames, live: player.live.length };
}"""


@pytest.fixture
def watching(page: Page, server: Running) -> Page:
    """The page of the drawn film, measured."""
    page.goto(server.address)
    page.evaluate(MEASURE)
    return page


@pytest.fixture(scope="module")
def long_server(long_project: Path) -> Iterator[Running]:
    with running([long_project]) as served:
        yield served


def test_switching_is_quick_in_step_and_never_stops_the_sound(
    page: Page, long_server: Running
) -> None:
    page.goto(long_server.address)
    page.evaluate(MEASURE)
    measured = page.evaluate(SWITCHES, 20)
    found = measured["found"]
    assert len(found) == 20
    assert statistics.median(switch["ms"] for switch in found) < 100
    assert [switch for switch in found if abs(switch["drift"]) > 1] == []
    # A picture that was just painted may be the next one, and its number is whole.
    assert [s for s in found if not -1.5 < s["frame"] - s["masterFrame"] < 2.5] == []
    assert measured["events"] == []
    assert measured["heard"] > 20
    assert measured["longest"] < 5

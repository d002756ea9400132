"""Watching through slow networks: stalls, drift, switches, and what the first load costs.

Run it alone: `python -m tests.benchmarks.network`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from tests.benchmarks.machine import describe
from tests.targets import verdict
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.random_play import MEASURE
from tests.web.serving import Running, open_browser, running
from tests.web.throttle import Throttle, throttled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS: Final = 60.0
QUICK_SECONDS: Final = 12.0
SWITCH_EVERY_S: Final = 6.0
PEOPLE: Final = 9
FAST_MBIT_S: Final = 20.0
SLOW_MBIT_S: Final = 3.0
UNLIMITED_MBIT_S: Final = 1000.0
TARGET_FIRST_LOAD_MB: Final = 1.5
TARGET_SWITCH_MS: Final = {UNLIMITED_MBIT_S: 60.0, FAST_MBIT_S: 1000.0, SLOW_MBIT_S: 1000.0}
_PART_S: Final = 10.24  # whole frames and whole packets of sound
_SETTLED_S: Final = 6.0  # after the last request of the first load

_WATCH = """async ([seconds, every]) => {
  const { player, wait, press, until, RATE } = measuring;
  player.loop = true;
  const began = performance.now();
  await player.play();
  await until(() => player.time > 0.5, 60000);
  const startMs = performance.now() - began;
  const stage = document.getElementById("stage-video");
  const shown = () => (player.showsFull ? stage : player.videoOf(player.staged));
  const audio = document.getElementById("sound");
  const drift = [];
  const switches = [];
  let [stalls, stalledMs, sharp, samples, paused] = [0, 0, 0, 0, 0];
  let [waiting, looked] = [false, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    const stalled = player.waiting || shown().readyState < 2 || audio.readyState < 2;
    if (stalled) stalledMs += now - looked;
    if (stalled && !waiting) stalls += 1;
    [waiting, looked] = [stalled, now];
    samples += 1;
    sharp += player.showsFull;
    paused += player.live.filter((id) => player.videoOf(id).readyState < 3).length;
    paused += measuring.people - player.live.length;
    const ends = Math.min(player.time, player.clock.duration - player.time) < 1;
    if (!stalled && !ends) drift.push((shown().currentTime - audio.currentTime) * RATE);
  }, 50);
  for (let number = 1; number * every <= seconds; number++) {
    await wait(0.5 * 1000 * every);
    const id = 1 + ((4 * number) % measuring.people);
    const pressed = performance.now();
    press(String(id));
    await until(() => player.staged === id && shown().readyState >= 2 && !shown().seeking, 15000);
    switches.push(performance.now() - pressed);
    await wait(Math.max(0.5 * 1000 * every - switches.at(-1), 0));
  }
  clearInterval(timer);
  [sharp, paused] = [sharp / samples, paused / samples];
  return { startMs, drift, switches, stalls, stalledMs, sharp, paused };
}"""


def report(seconds: float = SECONDS) -> list[str]:
    """Watch through three networks; report in one line if there is no browser."""
    try:
        with _served(seconds) as (served, mbit_s), open_browser() as browser:
            lines = [
                f"Network: {PEOPLE} people of 608x1080 at {mbit_s[0]:.1f} Mbit/s, small renditions"
                f" at {mbit_s[1]:.2f}; {seconds:g} s with {int(seconds / SWITCH_EVERY_S)} switches",
                *_first_load(browser, served),
            ]
            for rate in (UNLIMITED_MBIT_S, FAST_MBIT_S, SLOW_MBIT_S):
                lines += _watched(browser, served, rate, seconds)
            return lines
    except pytest.skip.Exception as missing:
        return ["Network", f"  {missing}"]


@contextmanager
def _served(seconds: float) -> Iterator[tuple[Running, tuple[float, float]]]:
    """Serve a drawn film; yield the server, and the rates of the videos and renditions, Mbit/s."""
    repeats = int(max(seconds, QUICK_SECONDS) * 1.25 / _PART_S) + 1
    names = tuple(f"Person {number}" for number in range(1, PEOPLE + 1))
    drawing = Drawing(
        names, repeats * _PART_S, (608, 1080), gifs=False, alike=True, grain=8, repeats=repeats
    )
    with tempfile.TemporaryDirectory() as folder:
        crops = draw_crops(Path(folder) / "film.fancam", drawing).crops_folder("film")
        sizes = [(crops / f"Person 1.{end}").stat().st_size for end in ("mp4", "small.m4v")]
        video, small = (size * 8 / 1e6 / drawing.seconds for size in sizes)
        with running([crops.parent.parent]) as served:
            yield served, (video, small)


@contextmanager
def _opened(browser: Browser, throttle: Throttle) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(0)
    page.goto(throttle.address)
    yield page
    context.close()


def _first_load(browser: Browser, served: Running) -> list[str]:
    unlimited = throttled(served.port, mbit_s=UNLIMITED_MBIT_S)
    with unlimited as throttle, _opened(browser, throttle) as page:
        page.wait_for_timeout(1000 * _SETTLED_S)
        first_mb = throttle.received_bytes / 1e6
        page.mouse.move(400, 400)
        page.wait_for_timeout(1000 * _SETTLED_S)
        ready_mb = throttle.received_bytes / 1e6
    return [
        f"  first load: {first_mb:.2f} MB {verdict(first_mb < TARGET_FIRST_LOAD_MB)}; when the"
        f" pointer moves, until all can play: {ready_mb - first_mb:.2f} MB"
    ]


def _watched(browser: Browser, served: Running, mbit_s: float, seconds: float) -> list[str]:
    with throttled(served.port, mbit_s=mbit_s) as throttle, _opened(browser, throttle) as page:
        page.evaluate(MEASURE)
        page.evaluate(f"() => {{ measuring.people = {PEOPLE}; }}")
        found: dict[str, Any] = page.evaluate(_WATCH, [seconds, SWITCH_EVERY_S])
    drift = np.abs(found["drift"])
    switch_ms = np.array(found["switches"])
    unlimited = mbit_s >= UNLIMITED_MBIT_S
    name = "no limit" if unlimited else f"{mbit_s:g} Mbit/s"
    # The slow network carries less than the stage and all tiles need: it may stall.
    stalls = f"{found['stalls']} stalls, {found['stalledMs'] / 1000:.1f} s"
    stalls += f" {verdict(found['stalls'] == 0)}" if mbit_s >= FAST_MBIT_S else ""
    target_ms = TARGET_SWITCH_MS[mbit_s]
    reached = np.median(switch_ms) if unlimited else switch_ms.max()
    within_frame = float(np.quantile(drift, 0.98))
    return [
        f"  {name}: {stalls}; plays after {found['startMs'] / 1000:.1f} s",
        f"    switches: median {np.median(switch_ms):.0f} ms, longest {switch_ms.max():.0f} ms;"
        f" target {target_ms:.0f} ms {verdict(reached < target_ms)}",
        f"    sound and picture: median {np.median(drift):.2f} frames, 98 % within"
        f" {within_frame:.2f}; target 1 {verdict(within_frame <= 1)}",
        f"    full video on stage for {100 * found['sharp']:.0f} % of the time;"
        f" {found['paused']:.1f} tiles without data on average",
    ]


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.network")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parsed = parser.parse_args()
    print(describe())
    print("\n".join(report(parsed.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

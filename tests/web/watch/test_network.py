"""Loading in the Watch page: the stage first, small renditions, and waiting for slow networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.random_play import MEASURE, open_player
from tests.web.serving import running
from tests.web.throttle import Throttle, throttled
from tests.web.watch.player_state import until
from web.core.static_files import static_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = static_url("watch/network.js")
RATES = {"full": 400, "tile": 30, "sound": 16}  # bytes per second


@pytest.fixture(scope="module")
def throttle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Throttle]:
    """Yield a proxy of a server of three people, whose full videos are larger than the small."""
    drawing = Drawing(("Anna", "Ben", "Cleo"), 6.0, (304, 540), gifs=False, alike=True, grain=12)
    project = draw_crops(tmp_path_factory.mktemp("network") / "film.fancam", drawing)
    with running([project.folder]) as served, throttled(served.port, mbit_s=1000) as proxy:
        yield proxy


@pytest.fixture
def slow(page: Page, throttle: Throttle) -> Iterator[Page]:
    """Yield the page of the three people; everything is loaded."""
    throttle.mbit_s = 1000
    open_player(page, throttle.address)
    page.evaluate("() => { measuring.player.loop = true; }")
    yield page
    page.goto("about:blank")


def test_before_any_sign_of_a_user_no_video_is_loaded(page: Page, throttle: Throttle) -> None:
    throttle.mbit_s = 1000
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url.split("?")[0]))
    page.goto(throttle.address)
    page.locator(".tile.on-stage").wait_for()
    page.wait_for_timeout(500)
    assert not [url for url in requests if url.endswith(("/small", "/video", "/sound"))]
    page.mouse.move(300, 300)
    page.evaluate(MEASURE)
    assert page.evaluate("measuring.ready()")
    until(page, "measuring.player.showsFull")
    videos = {url.rsplit("/", 2)[1] for url in requests if url.endswith("/video")}
    small = {url.rsplit("/", 2)[1] for url in requests if url.endswith("/small")}
    assert small == {"1", "2", "3"}
    assert videos == {str(page.evaluate("measuring.player.staged"))}
    page.goto("about:blank")


def test_a_switch_shows_the_small_rendition_and_then_the_full_video(
    slow: Page, throttle: Throttle
) -> None:
    slow.keyboard.press(" ")
    until(slow, "measuring.player.time > 0.3 && measuring.player.showsFull")
    throttle.mbit_s = 0.1
    other = 1 + slow.evaluate("measuring.player.staged") % 3
    slow.keyboard.press(str(other))
    until(slow, f"measuring.player.staged === {other}")
    assert not slow.evaluate("measuring.player.showsFull")
    assert slow.evaluate(f"measuring.player.videoOf({other}).readyState") >= 2
    throttle.mbit_s = 1000
    slow.keyboard.press(" ")  # a busy machine may be too slow to catch up while it plays
    until(slow, "measuring.player.showsFull")
    drift = slow.evaluate(
        """() => {
          const stage = document.getElementById("stage-video");
          return [(stage.currentTime - measuring.player.time) * measuring.RATE, stage.videoHeight];
        }"""
    )
    assert abs(drift[0]) <= 2
    assert drift[1] == 540
    assert slow.evaluate("getComputedStyle(document.getElementById('stage-video')).visibility") == (
        "visible"
    )


STARVE = """(id) => {
  const { player } = measuring;
  const videos = [player.videoOf(id)];
  if (id === player.staged) videos.push(document.getElementById("stage-video"));
  const starved = { get: () => 2, configurable: true };
  const empty = { get: () => ({ length: 0 }), configurable: true };
  for (const video of videos) {
    Object.defineProperties(video, { readyState: starved, buffered: empty });
  }
  measuring.feed = () => {
    for (const video of videos) delete video.readyState, delete video.buffered;
  };
}"""


def test_sound_and_picture_stop_and_go_on_together(slow: Page) -> None:
    slow.keyboard.press(" ")
    until(slow, "measuring.player.time > 0.3")
    slow.evaluate(STARVE, slow.evaluate("measuring.player.staged"))
    until(slow, "measuring.player.waiting")
    found = "[measuring.player.plays, document.getElementById('sound').paused]"
    assert slow.evaluate(found) == [True, True]
    slow.locator("#stage-note", has_text="Waiting for data").wait_for()
    time = slow.evaluate("measuring.player.time")
    slow.wait_for_timeout(300)
    assert slow.evaluate("measuring.player.time") == time
    slow.evaluate("measuring.feed()")
    until(slow, f"measuring.player.time > {time} + 0.2")
    assert slow.evaluate(found) == [True, False]
    assert slow.evaluate("measuring.ready()")


def test_a_pause_while_waiting_is_kept(slow: Page) -> None:
    slow.keyboard.press(" ")
    until(slow, "measuring.player.time > 0.3")
    slow.evaluate(STARVE, slow.evaluate("measuring.player.staged"))
    until(slow, "measuring.player.waiting")
    slow.keyboard.press(" ")
    slow.evaluate("measuring.feed()")
    slow.wait_for_timeout(500)
    found = "[measuring.player.plays, measuring.player.waiting, measuring.player.clock.paused]"
    assert slow.evaluate(found) == [False, False, True]


def test_a_starving_tile_says_so_and_is_paused(slow: Page) -> None:
    slow.keyboard.press(" ")
    until(slow, "measuring.player.time > 0.3")
    staged = slow.evaluate("measuring.player.staged")
    other = 1 + staged % 3
    slow.evaluate(STARVE, other)
    note = slow.locator(f".tile[data-person='{other}'] .tile-note")
    note.filter(has_text="Loading").wait_for()
    until(slow, "measuring.player.live.length < 3")
    assert staged in slow.evaluate("measuring.player.live")
    slow.locator(".tile-note", has_text="Paused").first.wait_for()


def test_projects_without_small_renditions_play(page: Page, tmp_path: Path) -> None:
    drawing = Drawing(("Anna", "Ben"), 3.0, (96, 120), gifs=False, small=False)
    with running([draw_crops(tmp_path / "film.fancam", drawing).folder]) as served:
        open_player(page, served.address)
        page.keyboard.press(" ")
        until(page, "measuring.player.time > 0.3")
        page.keyboard.press("1" if page.evaluate("measuring.player.staged") == 2 else "2")
        until(page, "measuring.player.time > 1")
        assert not page.evaluate("document.getElementById('stage-video').hasAttribute('src')")
        page.goto("about:blank")


def test_without_its_full_video_a_person_is_shown_small(browser: Browser, tmp_path: Path) -> None:
    drawing = Drawing(("Anna", "Ben"), 2.0, (96, 120), gifs=False)
    project = draw_crops(tmp_path / "film.fancam", drawing)
    (project.crops_folder("film") / "Ben.mp4").write_bytes(b"not a video at all")
    with running([project.folder]) as served:
        page = browser.new_page()
        page.goto(f"{served.address}/#person=2")
        page.evaluate(MEASURE)
        page.locator(".toast.problem", has_text="video of Ben cannot be played").wait_for()
        page.keyboard.press(" ")
        until(page, "measuring.player.time > 0.5")
        assert page.evaluate("measuring.player.staged") == 2
        page.close()


# --- what a network can carry ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("available", "full", "tiles"),
    [
        pytest.param(0, False, 1, id="nothing"),
        pytest.param(100, False, 2, id="two tiles"),
        pytest.param(400, False, 11, id="as much as the full video alone"),
        pytest.param(600, True, 2, id="the stage first"),
        pytest.param(2500, True, 59, id="everything"),
    ],
)
def test_plan(watching: Page, available: int, full: bool, tiles: int) -> None:
    found = watching.evaluate(
        """async ([script, available, rates]) => {
          const { plan } = await import(script);
          return plan(available, rates);
        }""",
        [SCRIPT, available, RATES],
    )
    assert found == {"full": full, "tiles": tiles}


CHECKS = """async ([script, rate, rates, troubles]) => {
  const { Network } = await import(script);
  const network = new Network();
  const element = { seconds: 0, get buffered() {
    return { length: 1, start: () => 0, end: () => this.seconds };
  } };
  const found = [];
  for (const [number, trouble] of troubles.entries()) {
    const now = 2000 * number;
    element.seconds += 2;
    network.measure([{ element, rate }], now);
    const loads = { full: network.allowsFull(now), tiles: Math.min(network.tiles, 9) };
    network.check(trouble, loads, rates, now);
    found.push([network.allowsFull(now), Math.min(network.tiles, 9)]);
  }
  return found;
}"""


def checks(page: Page, rate: int, troubles: list[str]) -> list[list[Any]]:
    """Return after each check, 2 s apart: whether the full video is loaded, and how many tiles."""
    found: list[list[Any]] = page.evaluate(CHECKS, [SCRIPT, rate, RATES, troubles])
    return found


def test_a_slow_network_carries_all_tiles_but_not_the_full_video(watching: Page) -> None:
    found = checks(watching, 375, ["", "stage", "stage", "", ""])
    assert found == [[True, 9]] * 2 + [[False, 9]] * 3


def test_the_stage_comes_before_the_tiles(watching: Page) -> None:
    found = checks(watching, 600, ["", "stage", "stage"])
    assert found[-1] == [True, 2]


def test_starving_tiles_leave_the_full_video(watching: Page) -> None:
    found = checks(watching, 375, ["", "tiles", "tiles", "tiles", "tiles"])
    assert [found[2], found[4]] == [[True, 8], [True, 7]]


def test_one_trouble_changes_nothing(watching: Page) -> None:
    assert checks(watching, 100, ["stage", "", "tiles", ""]) == [[True, 9]] * 4


def test_after_a_calm_time_more_is_loaded(watching: Page) -> None:
    found = checks(watching, 100, ["stage", "stage", *[""] * 20])
    assert found[1] == [False, 2]
    assert found[-1][0]  # the full video is tried again
    assert found[-1][1] > 3

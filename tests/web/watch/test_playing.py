"""The Watch page in a real browser: what is shown, how soon, and how well in step."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.project.project import Project
from tests.web.drawn_crops import RATE, Drawing, draw_crops
from tests.web.random_play import MEASURE, play
from tests.web.serving import Running, running

pytestmark = pytest.mark.alone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SWITCHES = """async (count) => {
  const { player, ready, wait, switchTo, listen } = measuring;
  player.loop = true;
  await player.play();
  await ready();
  const audio = document.getElementById("sound");
  await measuring.until(() => audio.buffered.length && audio.buffered.end(0) > 29);
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


@pytest.fixture(scope="module")
def opened(browser: Browser, server: Running) -> Iterator[Page]:
    """The page of the drawn film, opened once; its scripts make no errors."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.address)
    page.evaluate(MEASURE)
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def watching(opened: Page) -> Page:
    """The page of the drawn film as it was at first, everybody in step."""
    assert opened.evaluate("measuring.reset()")
    return opened


def until(page: Page, true: str) -> None:
    """Wait until an expression of the page is true: the page's policy forbids Playwright's way."""
    assert page.evaluate(f"measuring.until(() => {true})"), f"never {true}"


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
    # One may come while the machine is busy with something else.
    assert len([switch for switch in found if abs(switch["drift"]) > 1]) <= 1
    # A picture that was just painted may be the next one, and its number is whole.
    assert len([s for s in found if not -1.5 < s["frame"] - s["masterFrame"] < 2.5]) <= 1
    assert measured["events"] == []
    assert measured["heard"] > 20
    # A machine that is busy drops a piece of sound now and then; a sound that stopped and began
    # again would be silent for longer, and its clock would have stood still.
    assert measured["longest"] < 60
    assert abs(measured["lost"]) < 100


@pytest.mark.parametrize(
    "seconds",
    # Ten minutes: python -m tests.benchmarks.watching
    [pytest.param(7, id="a little"), pytest.param(50, id="long", marks=pytest.mark.slow)],
)
def test_random_play_stays_in_step(page: Page, long_server: Running, seconds: float) -> None:
    # The best of three: what else the machine does meanwhile is not the page's.
    for seed in (5, 6, 7):
        played = play(page, long_server.address, seconds=seconds, seed=seed)
        if played.within(0.98) <= 1:
            break
    assert len(played.drift) > 50
    assert played.within(0.98) <= 1
    # Between the picture's own place and the reading of the clock lies another frame.
    assert played.picture_off <= 1


@pytest.mark.parametrize("time", [0.0, 0.04, 1.0, 2.38, 5.999, 7.96])
def test_standing_still_everybody_shows_the_same_frame(watching: Page, time: float) -> None:
    shown = watching.evaluate(
        """async (time) => {
          const { player, ready, wait, shownBy } = measuring;
          await ready();
          await player.seek(time);
          await ready();
          await wait(300);
          return player.live.map((id) => shownBy(player.videoOf(id)));
        }""",
        time,
    )
    assert shown == [int(time * RATE + 0.01)] * 4


def test_one_frame_forth_and_back(watching: Page) -> None:
    watching.evaluate("measuring.player.seek(2)")
    for key, frame in ((".", 51), (".", 52), (",", 51)):
        watching.keyboard.press(key)
        watching.evaluate("measuring.ready()")
        watching.wait_for_timeout(150)
        shown = "measuring.shownBy(measuring.player.videoOf(measuring.player.staged))"
        assert watching.evaluate(shown) == frame


# --- keys and controls ----------------------------------------------------------------------------

STATE = """() => {
  const { player } = measuring;
  return {
    staged: player.staged, plays: player.plays, loop: player.loop, speed: player.speed,
    time: Math.round(player.time * 10) / 10,
    grid: document.getElementById("player").classList.contains("grid"),
    auto: document.getElementById("auto").value,
    muted: document.getElementById("sound").muted,
    help: document.getElementById("help").open,
    full: Boolean(document.fullscreenElement),
  };
}"""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("3", {"staged": 3}),
        ("9", {}),
        ("2 ArrowDown", {"staged": 3}),
        ("1 ArrowUp", {"staged": 4}),
        ("ArrowRight", {"time": 5.0}),
        ("ArrowRight ArrowRight ArrowLeft", {"time": 3.0}),
        ("ArrowLeft", {"time": 0.0}),
        ("End", {"time": 8.0}),
        ("End Home", {"time": 0.0}),
        ("l", {"loop": True}),
        ("l L", {"loop": False}),
        ("g", {"grid": True}),
        ("g 2", {"grid": False, "staged": 2}),
        ("a", {"auto": "present"}),
        ("a a", {"auto": "smiling"}),
        ("a a a", {"auto": "off"}),
        ("a 2", {"auto": "off", "staged": 2}),
        ("m", {"muted": True}),
        ("> > <", {"speed": 1.25}),
        ("?", {"help": True}),
        ("? 3 Escape", {"help": False}),
        ("f", {"full": True}),
        ("f f", {"full": False}),
        ("Control+3", {}),
        ("x", {}),
    ],
)
def test_keys(watching: Page, keys: str, expected: dict[str, object]) -> None:
    before = watching.evaluate(STATE)
    for key in keys.split():
        watching.keyboard.press(key)
        watching.wait_for_timeout(120)
        watching.evaluate("measuring.ready()")
    assert watching.evaluate(STATE) == {**before, **expected}


def test_space_plays_and_pauses(watching: Page) -> None:
    watching.keyboard.press(" ")
    watching.wait_for_timeout(500)
    assert watching.evaluate("[measuring.player.plays, measuring.player.clock.paused]") == [
        True,
        False,
    ]
    watching.keyboard.press(" ")
    time = watching.evaluate("measuring.player.time")
    assert time > 0
    watching.wait_for_timeout(200)
    assert watching.evaluate("measuring.player.time") == time


def test_a_click_switches_and_space_still_pauses(watching: Page) -> None:
    watching.get_by_role("button", name="Cleo").first.click()
    assert watching.evaluate("measuring.player.staged") == 3
    assert watching.locator("#announcer").text_content() == "Cleo is on stage"
    watching.keyboard.press(" ")
    assert watching.evaluate("measuring.player.plays") is True
    watching.locator("#stage").click(position={"x": 20, "y": 200})
    assert watching.evaluate("measuring.player.plays") is False


def test_tab_and_enter_switch_too(watching: Page) -> None:
    watching.locator(".tile-button").nth(1).focus()
    watching.keyboard.press("Tab")
    watching.keyboard.press("Enter")
    watching.evaluate("measuring.ready()")
    assert watching.evaluate("measuring.player.staged") == 3
    assert watching.locator(".tile-button").nth(2).get_attribute("aria-pressed") == "true"


def test_controls(watching: Page) -> None:
    watching.get_by_label("5 seconds forward").click()
    watching.get_by_label("Speed").select_option("1.5")
    watching.get_by_label("Loop").click()
    watching.get_by_label("Volume").fill("0.5")
    watching.get_by_label("All people at once").click()
    state = watching.evaluate(STATE)
    assert {k: state[k] for k in ("time", "speed", "loop", "grid")} == {
        "time": 5.0,
        "speed": 1.5,
        "loop": True,
        "grid": True,
    }
    assert watching.evaluate("document.getElementById('sound').volume") == 0.5
    watching.get_by_label("Time", exact=True).fill("2.5")
    assert watching.evaluate("measuring.player.time") == 2.5
    assert watching.locator("#time").inner_text() == "0:02.5"


def test_the_end_and_again(watching: Page) -> None:
    watching.evaluate("measuring.player.seek(7.6)")
    watching.keyboard.press(" ")
    until(watching, "!measuring.player.plays")
    assert watching.evaluate("measuring.player.time") > 7.9
    watching.keyboard.press(" ")
    until(watching, "measuring.player.time > 0.2 && measuring.player.time < 4")


def test_loop(watching: Page) -> None:
    watching.keyboard.press("l")
    watching.evaluate("measuring.player.seek(7.6)")
    watching.keyboard.press(" ")
    until(watching, "measuring.player.time < 4 && measuring.player.time > 0.3")
    assert watching.evaluate("measuring.player.plays") is True


# --- lanes, links, auto ---------------------------------------------------------------------------


def test_a_click_on_a_lane_goes_there(watching: Page) -> None:
    lane = watching.locator(".timeline-track").nth(3)
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": box["width"] / 4, "y": 10})
    watching.evaluate("measuring.ready()")
    state = watching.evaluate(STATE)
    assert (state["staged"], state["time"]) == (4, 2.0)
    assert watching.locator(".timeline-row.on .timeline-name").inner_text().startswith("Dario")


def test_lanes_say_in_words_what_they_show(watching: Page) -> None:
    names = watching.locator(".timeline-name").all_text_contents()
    assert names[0] == "Anna seen 78 % of the time, smiles once"
    assert watching.locator(".timeline-track rect.smiling").count() == 4


@pytest.mark.parametrize(
    ("link", "staged", "time"),
    [
        ("#t=2.5&person=Cleo", 3, 2.5),
        ("#person=dario", 4, 0.0),
        ("#person=2", 2, 0.0),
        ("#t=999", None, 8.0),
        ("#t=-5&person=Ben", 2, 0.0),
        ("#t=x&person=Nobody", None, 0.0),
        ("#%%%", None, 0.0),
    ],
)
def test_links_to_a_moment(
    page: Page, server: Running, link: str, staged: int | None, time: float
) -> None:
    page.goto(f"{server.address}/{link}")
    page.evaluate(MEASURE)
    assert page.evaluate("measuring.ready()")
    until(page, f"measuring.player.staged === {staged or 'measuring.player.staged'}")
    assert page.evaluate(STATE)["time"] == time


def test_a_link_leads_back_here(watching: Page) -> None:
    watching.keyboard.press("3")
    watching.evaluate("measuring.player.seek(3.2)")
    watching.get_by_label("Copy a link to this moment").first.click()
    assert watching.evaluate("location.hash") == "#t=3.2&person=Cleo"
    watching.reload()
    watching.evaluate(MEASURE)
    watching.evaluate("measuring.ready()")
    until(watching, "measuring.player.staged === 3")
    state = watching.evaluate(STATE)
    assert (state["staged"], state["time"]) == (3, 3.2)


PLAN = """async ([people, duration, mode]) => {
  const { planSwitches } = await import("/static/watch/auto_stage.js");
  return planSwitches(people, duration, mode);
}"""


def person(number: int, seen: list[list[float]], smiling: list[list[float]]) -> dict[str, object]:
    return {"id": number, "seen": seen, "filled": [], "smiling": smiling}


@pytest.mark.parametrize(
    ("people", "mode", "expected"),
    [
        ([], "present", []),
        ([person(7, [], [])], "present", [(0, 7)]),
        (
            [person(1, [[0, 10]], []), person(2, [[10, 20]], [])],
            "present",
            [(0, 1), (10, 2)],
        ),
        (
            [person(1, [[0, 20]], []), person(2, [[0, 20]], [[8, 12]])],
            "smiling",
            [(0, 1), (7.0, 2), (13.0, 1)],
        ),
    ],
    ids=["nobody", "never seen", "by turns", "a smile"],
)
def test_the_director(
    watching: Page,
    people: list[dict[str, object]],
    mode: str,
    expected: list[tuple[float, int]],
) -> None:
    shots = watching.evaluate(PLAN, [people, 20, mode])
    assert [shot["id"] for shot in shots][: len(expected)] == [who for _, who in expected]
    for shot, (start, _) in zip(shots, expected, strict=False):
        assert shot["start"] == pytest.approx(start, abs=2.5)


def test_the_director_gives_everybody_a_turn(watching: Page) -> None:
    people = [person(number, [[0, 60]], []) for number in range(1, 5)]
    shots = watching.evaluate(PLAN, [people, 60, "present"])
    assert {shot["id"] for shot in shots} == {1, 2, 3, 4}
    starts = [shot["start"] for shot in shots]
    assert min(b - a for a, b in pairwise(starts)) >= 2.5


def test_auto_shows_whom_the_director_wants(watching: Page) -> None:
    watching.keyboard.press("a")
    watching.evaluate("measuring.player.seek(3.4)")
    watching.keyboard.press(" ")
    watching.wait_for_timeout(400)
    wanted = watching.evaluate(
        """async () => {
          const { personAt, planSwitches } = await import("/static/watch/auto_stage.js");
          const data = JSON.parse(document.getElementById("page-data").textContent);
          const shots = planSwitches(data.people, data.duration_s, "present");
          const time = measuring.player.time;
          return [personAt(shots, time - 0.15), personAt(shots, time)];
        }"""
    )
    assert watching.evaluate("measuring.player.staged") in wanted


# --- other footages -------------------------------------------------------------------------------


def test_silent_footage_plays_by_the_wall_clock(page: Page, tmp_path: Path) -> None:
    drawing = Drawing(names=("Anna", "Ben"), seconds=3.0, size_wh=(96, 120), sound=False)
    folder = draw_crops(tmp_path / "film.fancam", drawing).folder
    with running([folder]) as served:
        page.goto(served.address)
        page.evaluate(MEASURE)
        assert page.evaluate("measuring.ready()")
        page.keyboard.press(" ")
        until(page, "measuring.player.time > 1")
        assert page.evaluate("measuring.ready(2000)")
        page.keyboard.press("2")
        until(page, "measuring.player.staged === 2")
        until(page, "!measuring.player.plays")
        assert page.evaluate("measuring.player.time") == pytest.approx(3.0, abs=0.05)
        assert page.locator("#mute").count() == 0
        page.goto("about:blank")


def test_more_people_than_connections(page: Page, tmp_path: Path) -> None:
    names = tuple(f"Person {number}" for number in range(1, 13))
    drawing = Drawing(
        names=names, seconds=10.0, size_wh=(144, 160), noise=True, alike=True, gifs=False
    )
    folder = draw_crops(tmp_path / "film.fancam", drawing).folder
    size = (Project(folder).crops_folder("film") / "Person 1.mp4").stat().st_size
    assert size > 4 * 2**20  # more than a player reads ahead
    with running([folder]) as served:
        page.goto(served.address)
        page.evaluate(MEASURE)
        live = page.evaluate("measuring.player.live")
        assert len(live) >= 9
        assert page.evaluate("measuring.ready(30000)")
        # Nobody waits who has a key; others come as soon as their video has loaded.
        last = page.locator(".tile-button").last
        last.click()
        until(page, "measuring.player.staged === 12")
        assert len(page.evaluate("measuring.player.live")) == len(live)
        page.goto("about:blank")


def test_a_machine_that_does_not_keep_up_shows_fewer(page: Page, server: Running) -> None:
    page.goto(server.address)
    page.evaluate(MEASURE)
    page.evaluate("measuring.ready()")
    page.evaluate(
        """() => {
          const { player } = measuring;
          player.loop = true;
          for (const id of player.live) player.syncOf(id).drift = () => -0.3;
          return player.play();
        }"""
    )
    until(page, "measuring.player.live.length === 3")
    live = page.evaluate("[measuring.player.live, measuring.player.staged]")
    assert live[1] in live[0]


def test_a_video_that_is_broken_leaves_the_others_alone(browser: Browser, tmp_path: Path) -> None:
    drawing = Drawing(names=("Anna", "Ben", "Cleo"), seconds=2.0, size_wh=(96, 120))
    project = draw_crops(tmp_path / "film.fancam", drawing)
    (project.crops_folder("film") / "Ben.mp4").write_bytes(b"not a video at all")
    with running([project.folder]) as served:
        page = browser.new_page()
        page.goto(served.address)
        page.evaluate(MEASURE)
        page.wait_for_selector(".toast.problem")
        assert "video of Ben cannot be played" in page.locator(".toast.problem").inner_text()
        page.keyboard.press("2")
        page.keyboard.press("3")
        until(page, "measuring.player.staged === 3")
        page.keyboard.press("2")
        page.wait_for_timeout(200)
        assert page.evaluate("measuring.player.staged") == 3
        page.close()


def test_names_are_text(page: Page, tmp_path: Path) -> None:
    nasty = "<img src=x onerror=document.title='gone'>"
    drawing = Drawing(names=(nasty, "Ben"), seconds=1.0, size_wh=(96, 120))
    folder = draw_crops(tmp_path / "film.fancam", drawing).folder
    with running([folder]) as served:
        page.goto(served.address)
        page.evaluate(MEASURE)
        page.evaluate("measuring.ready()")
        page.keyboard.press("2")
        page.keyboard.press("1")
        until(page, "measuring.player.staged === 1")
        assert page.locator("#stage-name").inner_text() == nasty
        assert page.locator(".timeline-name").first.text_content() is not None
        assert page.title() == "film · fancam"
        page.goto("about:blank")

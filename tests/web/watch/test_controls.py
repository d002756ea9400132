"""Keys, controls, timeline and links of the Watch page in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.people import open_people
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.random_play import MEASURE, open_player
from tests.web.serving import Running, running
from tests.web.watch.player_state import STATE, until

pytestmark = pytest.mark.alone

if TYPE_CHECKING:
    from playwright.sync_api import Page


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
    assert watching.locator("#announcer").text_content() == "Cleo is in the large view"
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


def test_restart_after_the_end(watching: Page) -> None:
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


def test_a_click_on_the_timeline_seeks_and_stages(watching: Page) -> None:
    row = watching.locator(".timeline-track").nth(3)
    box = row.bounding_box()
    assert box is not None
    row.click(position={"x": box["width"] / 4, "y": 10})
    watching.evaluate("measuring.ready()")
    state = watching.evaluate(STATE)
    assert (state["staged"], state["time"]) == (4, 2.0)
    assert watching.locator(".timeline-row.on .timeline-name").inner_text().startswith("Dario")


def test_the_timeline_has_a_text_for_screen_readers(watching: Page) -> None:
    names = watching.locator(".timeline-name").all_text_contents()
    assert names[0] == "Anna seen 78% of the time, smiles once"
    assert watching.locator(".timeline-track rect.smiling").count() == 4
    assert re.fullmatch(r"Dario seen \d+% of the time, body only: 20%, smiles once", names[3])


def test_face_body_and_gaps_differ_without_colours(watching: Page) -> None:
    """The less is seen of a person, the thinner is the bar."""
    heights = watching.evaluate(
        """() => ["seen", "body", "filled"].map((kind) =>
             [...document.querySelectorAll(`.timeline-row rect.${kind}`)].at(-1)
               .getBoundingClientRect().height)"""
    )
    assert heights[0] > 1.4 * heights[1] > 2 * heights[2] > 6
    legend = watching.locator(".legend").inner_text()
    assert [word.strip() for word in legend.split("\n")] == [
        "face",
        "body only",
        "briefly out of sight",
        "not in view",
        "smiling",
    ]


@pytest.mark.parametrize(
    ("link", "staged", "time"),
    [
        ("#t=2.5&person=Cleo", 3, 2.5),
        ("#person=dario", 4, 0.0),
        ("#person=2", 2, 0.0),
        ("#person=99", None, 0.0),
        ("#t=999", None, 8.0),
        ("#t=-5&person=Ben", 2, 0.0),
        ("#t=x&person=Nobody", None, 0.0),
        ("#%%%", None, 0.0),
    ],
)
def test_links_to_a_moment(
    page: Page, server: Running, link: str, staged: int | None, time: float
) -> None:
    open_player(page, f"{server.address}/{link}")
    until(page, f"measuring.player.staged === {staged or 'measuring.player.staged'}")
    assert page.evaluate(STATE)["time"] == time


def test_a_copied_link_leads_back(watching: Page) -> None:
    watching.keyboard.press("3")
    watching.evaluate("measuring.player.seek(3.2)")
    watching.get_by_label("Copy a link to this moment").first.click()
    assert watching.evaluate("location.hash") == "#t=3.2&person=3"
    watching.reload()
    watching.evaluate(MEASURE)
    watching.evaluate("measuring.ready()")
    until(watching, "measuring.player.staged === 3")
    state = watching.evaluate(STATE)
    assert (state["staged"], state["time"]) == (3, 3.2)


def test_links_by_id_outlive_names_and_merges(page: Page, tmp_path: Path) -> None:
    """Ids win over names: person 2 is called 1, and person 4 was merged into person 3."""
    names = ("Anna", "1", "Cleo", "Dario")
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=names, seconds=1.0, gifs=False))
    with open_people(project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 3))
    with running([project.folder]) as served:
        for link, staged in (("#person=1", 1), ("#person=2", 2), ("#person=4", 3)):
            page.goto(f"{served.address}/{link}")
            page.reload()
            page.evaluate(MEASURE)
            until(page, f"measuring.player.staged === {staged}")
            assert page.locator(".toast").count() == 0
        page.goto("about:blank")


# --- keys after the pointer -----------------------------------------------------------------------


def test_digits_after_the_speed_menu_are_people(watching: Page) -> None:
    speed = watching.get_by_label("Speed")
    speed.select_option("1.5")
    speed.focus()
    watching.keyboard.press("3")
    watching.evaluate("measuring.ready()")
    state = watching.evaluate(STATE)
    assert (state["speed"], state["staged"]) == (1.5, 3)


def test_space_after_the_speed_menu_plays(watching: Page) -> None:
    speed = watching.get_by_label("Speed")
    speed.click()
    speed.select_option("1.5")
    watching.keyboard.press(" ")
    assert watching.evaluate("measuring.player.plays") is True
    assert watching.evaluate(STATE)["speed"] == 1.5


@pytest.mark.parametrize("label", ["Loop", "Mute", "All people at once", "5 seconds forward"])
def test_space_after_a_click_on_a_button_plays(watching: Page, label: str) -> None:
    watching.get_by_label(label, exact=True).click()
    before = watching.evaluate(STATE)
    watching.keyboard.press(" ")
    assert {**watching.evaluate(STATE), "time": before["time"]} == {**before, "plays": True}


def test_space_after_the_shortcuts_plays(watching: Page) -> None:
    watching.get_by_label("Keyboard shortcuts").first.click()
    watching.get_by_role("button", name="Close").click()
    watching.locator("#help").wait_for(state="hidden")
    watching.keyboard.press(" ")
    state = watching.evaluate(STATE)
    assert (state["plays"], state["help"]) == (True, False)


def test_arrows_after_the_volume_seek(watching: Page) -> None:
    watching.get_by_label("Volume").click()
    watching.keyboard.press("ArrowRight")
    assert watching.evaluate(STATE)["time"] == 5.0


def test_space_on_a_button_reached_by_keyboard_presses_it(watching: Page) -> None:
    watching.get_by_label("Loop", exact=True).focus()
    watching.keyboard.press(" ")
    state = watching.evaluate(STATE)
    assert (state["loop"], state["plays"]) == (True, False)

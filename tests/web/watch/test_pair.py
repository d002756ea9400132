"""Two people side by side on the stage of the Watch page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.random_play import MEASURE, open_player
from tests.web.serving import Running
from tests.web.watch.player_state import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Left and right end of the pictures of two people, as shares of the stage's width.
PLACES = """(ids) => {
  const stage = document.getElementById("stage").getBoundingClientRect();
  return ids.map((id) => {
    const screen = document.querySelector(`.tile[data-person="${id}"] .screen`);
    const box = screen.getBoundingClientRect();
    return [(box.left - stage.left) / stage.width, (box.right - stage.left) / stage.width];
  });
}"""
ON_STAGE = "[measuring.player.staged, measuring.player.beside]"


def places(page: Page, *people: int) -> list[list[float]]:
    found: list[list[float]] = page.evaluate(PLACES, list(people))
    return found


@pytest.mark.parametrize("size", [(1440, 900), (844, 390), (390, 844)], ids=lambda s: f"{s[0]}")
def test_two_people_share_the_stage(page: Page, server: Running, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_player(page, f"{server.address}/#person=2")
    (whole,) = places(page, 2)
    assert whole == pytest.approx([0, 1], abs=0.02)
    page.locator("#pair").click()
    until(page, "measuring.player.beside !== null")
    other = page.evaluate("measuring.player.beside")
    left, right = places(page, 2, other)
    assert left == pytest.approx([0, 0.5], abs=0.02)
    assert right == pytest.approx([0.5, 1], abs=0.02)
    assert page.locator(".tile-button[aria-pressed='true']").count() == 2
    assert page.locator("#stage-name-beside").inner_text() in {"Anna", "Cleo", "Dario"}
    page.locator("#pair").click()
    until(page, "measuring.player.beside === null")
    assert places(page, 2)[0] == pytest.approx([0, 1], abs=0.02)
    assert page.locator("#stage-name-beside").is_hidden()
    page.goto("about:blank")


def test_both_full_videos_are_shown_in_sync(watching: Page) -> None:
    watching.keyboard.press("Shift+Digit3")
    assert watching.evaluate(ON_STAGE) == [2, 3]
    watching.evaluate("measuring.player.seek(1)")
    until(watching, "measuring.player.showsFull && measuring.player.showsFullBeside")
    shown = """() => ["stage-video", "stage-video-beside"].map((id) => {
      const video = document.getElementById(id);
      return [measuring.shownBy(video), getComputedStyle(video).visibility];
    })"""
    both = "([frame, visibility]) => frame === 25 && visibility === 'visible'"
    until(watching, f"({shown})().every({both})")
    assert watching.evaluate(shown) == [[25, "visible"], [25, "visible"]]
    assert watching.evaluate("document.querySelectorAll('audio').length") == 1
    assert watching.evaluate("[...document.querySelectorAll('video')].every(({ muted }) => muted)")


def test_both_play_in_sync(watching: Page) -> None:
    watching.evaluate("() => { measuring.player.loop = true; }")
    watching.keyboard.press("Shift+Digit3")
    watching.keyboard.press(" ")
    until(watching, "measuring.player.time > 0.5")
    for person in (2, 3):
        until(watching, f"measuring.player.syncOf({person}).isInSync(measuring.player.clock)")


def test_another_person_comes_on_stage_and_the_one_beside_stays(watching: Page) -> None:
    watching.keyboard.press("Shift+Digit3")
    watching.keyboard.press("1")
    until(watching, "measuring.player.staged === 1")
    assert watching.evaluate(ON_STAGE) == [1, 3]
    watching.keyboard.press("3")  # they change places
    until(watching, "measuring.player.staged === 3")
    assert watching.evaluate(ON_STAGE) == [3, 1]
    assert watching.locator("#announcer").text_content() == "Cleo and Anna are in the large view"


def test_side_by_side_by_key_click_and_touch(watching: Page) -> None:
    watching.keyboard.press("4")
    until(watching, "measuring.player.staged === 4")
    watching.keyboard.press("b")  # with the person before
    assert watching.evaluate(ON_STAGE) == [4, 2]
    watching.keyboard.press("b")
    assert watching.evaluate(ON_STAGE) == [4, None]
    tile = watching.locator(".tile-button").nth(0)
    tile.click(modifiers=["Shift"])
    assert watching.evaluate(ON_STAGE) == [4, 1]
    tile.click(modifiers=["Shift"])
    assert watching.evaluate(ON_STAGE) == [4, None]
    tile.focus()
    watching.keyboard.press("Shift+Enter")
    assert watching.evaluate(ON_STAGE) == [4, 1]


def test_nobody_is_beside_themselves(watching: Page) -> None:
    watching.keyboard.press("Shift+Digit2")
    assert watching.evaluate(ON_STAGE) == [2, None]
    watching.keyboard.press("Shift+Digit9")
    assert watching.evaluate(ON_STAGE) == [2, None]


def test_the_address_holds_both(watching: Page, server: Running) -> None:
    watching.keyboard.press("Shift+Digit3")
    watching.evaluate("measuring.player.seek(1)")
    watching.get_by_label("Copy a link to this moment").click()
    assert watching.evaluate("location.hash") == "#t=1&person=2&beside=3"
    watching.goto(f"{server.address}/#person=4&beside=Anna")
    until(watching, "measuring.player.staged === 4 && measuring.player.beside === 1")
    until(watching, "location.hash === '#t=1&person=4&beside=1'")
    watching.reload()
    watching.evaluate(MEASURE)
    until(watching, "measuring.player.staged === 4 && measuring.player.beside === 1")
    watching.evaluate("location.hash = '#person=4'")
    until(watching, "measuring.player.beside === null")


def test_all_people_at_once_after_side_by_side(watching: Page) -> None:
    watching.keyboard.press("Shift+Digit3")
    watching.keyboard.press("g")
    boxes = [watching.locator(".screen").nth(index).bounding_box() for index in range(4)]
    sizes = {(round(box["width"]), round(box["height"])) for box in boxes if box is not None}
    assert len(sizes) == 1
    watching.keyboard.press("b")  # ends both
    assert watching.evaluate(ON_STAGE) == [2, None]

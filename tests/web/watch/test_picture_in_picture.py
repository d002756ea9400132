"""Picture in picture: a window above all others shows the video on stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.random_play import open_player
from tests.web.serving import Running
from tests.web.watch.player_state import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

IS_STAGED = "document.pictureInPictureElement === measuring.player.shownVideo"
IS_OPEN = "document.pictureInPictureElement !== null"
BUTTON = "#small-window"


def pressed(page: Page) -> str | None:
    return page.locator(BUTTON).get_attribute("aria-pressed")


def test_the_window_shows_who_is_on_stage(watching: Page) -> None:
    watching.locator(BUTTON).click()
    until(watching, IS_OPEN)
    assert watching.evaluate(IS_STAGED)
    assert pressed(watching) == "true"
    watching.evaluate("measuring.player.play()")
    for key, person in (("3", 3), ("2", 2)):
        watching.keyboard.press(key)
        until(watching, f"measuring.player.staged === {person}")
        until(watching, IS_STAGED)
    watching.keyboard.press("p")
    until(watching, f"!({IS_OPEN})")
    assert pressed(watching) == "false"
    # The browser's own button is on no video of the page.
    videos = "[...document.querySelectorAll('video')]"
    assert watching.evaluate(f"{videos}.every((video) => video.disablePictureInPicture)")


HIDE = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  window.requestAnimationFrame = () => 0;
}"""


def test_it_goes_on_in_a_hidden_page(page: Page, server: Running) -> None:
    """Hidden pages get no animation frames, but the window is seen: it stays in sync."""
    open_player(page, server.address)
    page.locator(BUTTON).click()
    until(page, IS_OPEN)
    page.evaluate("measuring.player.loop = true; measuring.player.play()")
    page.evaluate(HIDE)
    until(page, "measuring.player.time > 1")
    page.evaluate("measuring.player.seek(3)")
    until(page, "measuring.player.time > 4")
    until(page, "measuring.player.syncOf(measuring.player.staged).isInSync(measuring.player.clock)")
    page.evaluate("measuring.player.stage(3)")  # as by the window's own button
    until(page, "measuring.player.staged === 3")
    until(page, IS_STAGED)


def test_a_browser_without_it_has_no_button(page: Page, server: Running) -> None:
    page.add_init_script(
        "Object.defineProperty(document, 'pictureInPictureEnabled', { get: () => false })"
    )
    open_player(page, server.address)
    assert page.locator(BUTTON).is_hidden()
    page.keyboard.press("p")
    page.locator(".toast", has_text="does not allow picture in picture").wait_for()

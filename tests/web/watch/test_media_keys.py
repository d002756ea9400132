"""Media keys and swipes in the Watch page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.random_play import open_player
from tests.web.serving import Running
from tests.web.watch.player_state import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Keeps the page's handlers, which only the browser may call.
RECORD = """() => {
  window.handlers = {};
  navigator.mediaSession.setActionHandler = (name, run) => {
    window.handlers[name] = run;
    if (name === "seekto") throw new TypeError("an action that this browser does not know");
  };
}"""


@pytest.fixture
def phone(browser: Browser, server: Running) -> Iterator[Page]:
    """Yield the page of the drawn film on a touch screen, Ben on stage."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.add_init_script(f"({RECORD})()")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_player(page, f"{server.address}/#person=2")
    until(page, "measuring.player.staged === 2")
    yield page
    context.close()
    assert problems == []


def act(page: Page, name: str, **details: float) -> None:
    page.evaluate("([name, details]) => handlers[name](details)", [name, details])


def test_media_keys_play_seek_and_switch(phone: Page) -> None:
    act(phone, "seekforward")
    assert phone.evaluate("measuring.player.time") == 5
    act(phone, "seekbackward", seekOffset=2)
    assert phone.evaluate("measuring.player.time") == 3
    act(phone, "seekto", seekTime=1)
    assert phone.evaluate("measuring.player.time") == 1
    act(phone, "nexttrack")
    until(phone, "measuring.player.staged === 3")
    act(phone, "previoustrack")
    until(phone, "measuring.player.staged === 2")
    act(phone, "play")
    until(phone, "measuring.player.time > 1.2")
    assert phone.evaluate("navigator.mediaSession.playbackState") == "playing"
    act(phone, "pause")
    assert phone.evaluate("measuring.player.plays") is False
    assert phone.evaluate("navigator.mediaSession.playbackState") == "paused"


def test_the_lock_screen_shows_who_is_on_stage(phone: Page, server: Running) -> None:
    shown = """() => {
      const { title, album, artwork } = navigator.mediaSession.metadata;
      return [title, album, artwork[0].src];
    }"""
    title, album, picture = phone.evaluate(shown)
    assert (title, album) == ("Ben", "film")
    assert picture.startswith(f"{server.address}/media/film/1/people/2/poster")
    phone.locator("#pair").tap()
    until(phone, "navigator.mediaSession.metadata.title.startsWith('Ben and ')")


def swipe(page: Page, right: int, down: int = 0) -> None:
    """Move a finger over the stage."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    start = (box["x"] + box["width"] / 2 - right / 2, box["y"] + box["height"] / 2 - down / 2)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, share: float | None) -> None:
        points: list[dict[str, Any]] = []
        if share is not None:
            points = [{"x": start[0] + share * right, "y": start[1] + share * down}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0)
    for step in range(1, 6):
        touch("touchMove", step / 5)
    touch("touchEnd", None)


def test_swipes_go_from_person_to_person(phone: Page) -> None:
    swipe(phone, -160)
    until(phone, "measuring.player.staged === 3")
    swipe(phone, 160)
    until(phone, "measuring.player.staged === 2")
    assert phone.evaluate("measuring.player.plays") is False  # a swipe is no tap


def test_taps_and_scrolls_are_no_swipes(phone: Page) -> None:
    swipe(phone, 20)
    swipe(phone, -60, 160)
    phone.locator("#stage").tap()
    until(phone, "measuring.player.plays")
    assert phone.evaluate("measuring.player.staged") == 2

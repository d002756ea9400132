"""The small picture of the moment under the pointer, in the Watch page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.drawn_crops import RATE, Drawing, draw_crops
from tests.web.random_play import open_player
from tests.web.serving import running
from tests.web.watch.player_state import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = """() => {
  const video = document.querySelector("#preview video.loaded");
  return video && !video.seeking ? measuring.shownBy(video) : null;
}"""


def point(page: Page, selector: str, share: float, index: int = 0) -> None:
    """Move the pointer to a share of an element's width."""
    target = page.locator(selector).nth(index)
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=3)


def near(time: float) -> str:
    """Return a page expression: whether the picture is of this time, within some pixels."""
    return f"Math.abs(({SHOWN})() - {time * RATE}) <= 3 && ({SHOWN})() !== null"


@pytest.mark.parametrize(
    ("selector", "index", "person"),
    [pytest.param("#seek", 0, 2, id="seek bar"), pytest.param(".timeline-track", 3, 4, id="row")],
)
def test_the_moment_under_the_pointer(
    watching: Page, selector: str, index: int, person: int
) -> None:
    """The seek bar shows the person on stage, a row of the timeline its own person."""
    point(watching, selector, 0.5, index)
    until(watching, near(4))
    source = watching.locator("#preview video").get_attribute("src")
    assert source is not None
    assert f"/people/{person}/small?" in source
    point(watching, selector, 0.75, index)
    until(watching, near(6))
    text = watching.locator("#preview").inner_text()
    assert text.startswith(("0:05.9", "0:06.0"))
    assert watching.evaluate("[measuring.player.time, measuring.player.staged]") == [0, 2]
    watching.mouse.move(5, 5)
    assert watching.locator("#preview").is_hidden()


def test_the_picture_is_within_the_window(watching: Page) -> None:
    for share in (0.001, 0.999):
        point(watching, "#seek", share)
        until(watching, f"({SHOWN})() !== null")
        box = watching.locator("#preview").bounding_box()
        seek = watching.locator("#seek").bounding_box()
        assert box is not None
        assert seek is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= seek["y"]
    watching.mouse.move(5, 5)


def test_without_small_renditions_only_the_time_is_shown(page: Page, tmp_path: Path) -> None:
    """A second full video is not decoded for it."""
    drawing = Drawing(("Anna", "Ben"), 2.0, (96, 120), gifs=False, small=False)
    with running([draw_crops(tmp_path / "film.fancam", drawing).folder]) as served:
        open_player(page, served.address)
        point(page, "#seek", 0.5)
        page.locator("#preview", has_text="0:01").wait_for()
        assert page.locator("#preview video").count() == 0
        page.goto("about:blank")

"""The stage of the Watch page: its backdrop, and who is shown on it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.web.random_play import open_player
from tests.web.serving import Running
from tests.web.watch.player_state import until
from web.core.static_files import static_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Colour of the backdrop, RGB from 0 to 255; black before it is drawn.
COLOUR = """() => {
  const canvas = document.getElementById("backdrop");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sum = [0, 0, 0];
  for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
  return sum.map((value) => value / (data.length / 4));
}"""
# Whether the strongest channel of the drawn people's colours is: Anna red, Ben blue, Cleo green.
STRONGEST = """(channel) => {
  const colour = measuring.backdrop();
  return Math.max(...colour) > 20 && colour.indexOf(Math.max(...colour)) === channel;
}"""


def beside_the_picture(page: Page) -> NDArray[np.float64]:
    """Return the mean colour of both ends of the stage, RGB, where no picture reaches."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    shot = page.screenshot(
        clip={"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}
    )
    pixels = np.asarray(Image.open(BytesIO(shot)).convert("RGB"), float)
    height, width = pixels.shape[:2]
    depth = max(round(0.04 * (width if width > height else height)), 4)
    if width > height:
        middle = slice(height // 4, -height // 4)
        ends = [pixels[middle, :depth], pixels[middle, -depth:]]
    else:
        middle = slice(width // 4, -width // 4)
        ends = [pixels[:depth, middle], pixels[-depth:, middle]]
    return np.asarray(np.mean([end.mean(axis=(0, 1)) for end in ends], axis=0))


@pytest.mark.parametrize("size", [(1440, 900), (844, 390), (600, 900)], ids=lambda s: f"{s[0]}")
def test_no_black_beside_the_picture(page: Page, server: Running, size: tuple[int, int]) -> None:
    """The colour of the picture is behind it, darker: Ben is drawn before blue, Anna before red."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_player(page, f"{server.address}/#person=2")
    page.evaluate(f"() => {{ measuring.backdrop = {COLOUR}; }}")
    until(page, f"({STRONGEST})(2)")
    red, _, blue = beside_the_picture(page)
    assert 60 < blue < 160
    assert blue > 1.3 * red
    page.keyboard.press("1")
    until(page, f"({STRONGEST})(0)")
    red, _, blue = beside_the_picture(page)
    assert red > 1.3 * blue
    page.goto("about:blank")


def test_before_any_video_is_loaded_the_backdrop_is_the_poster(page: Page, server: Running) -> None:
    page.goto(f"{server.address}/")
    page.locator(".tile.on-stage").wait_for()
    page.wait_for_function(f"() => Math.max(...({COLOUR})()) > 20")
    assert not page.evaluate("[...document.querySelectorAll('video')].some((video) => video.src)")


def test_the_backdrop_decodes_no_video_of_its_own(watching: Page) -> None:
    watching.keyboard.press(" ")
    until(watching, "measuring.player.time > 0.5 && measuring.player.showsFull")
    loaded = "[...document.querySelectorAll('video[src]')].map((video) => video.id).filter(Boolean)"
    assert watching.evaluate(loaded) == ["stage-video"]
    tiles = watching.locator(".tile").count()
    assert watching.evaluate("document.querySelectorAll('video[src]').length") == tiles + 1


@pytest.mark.parametrize("still", [False, True], ids=["moving", "reduced motion"])
def test_with_reduced_motion_the_backdrop_is_still(
    browser: Browser, server: Running, still: bool
) -> None:
    context = browser.new_context(reduced_motion="reduce" if still else "no-preference")
    page = context.new_page()
    open_player(page, server.address)
    page.evaluate(
        """() => {
          measuring.drawn = 0;
          const draw = CanvasRenderingContext2D.prototype.drawImage;
          CanvasRenderingContext2D.prototype.drawImage = function (...given) {
            if (this.canvas.id === "backdrop") measuring.drawn += 1;
            return draw.apply(this, given);
          };
        }"""
    )
    page.evaluate("measuring.player.loop = true")
    page.keyboard.press(" ")
    # The tile's copy goes on, with which a moving backdrop would be drawn.
    until(page, "measuring.player.time > 1.5")
    drawn = page.evaluate("measuring.drawn")
    assert drawn <= 1 if still else drawn > 1
    staged = page.evaluate("measuring.player.staged")
    other = 1 + staged % 4
    page.keyboard.press(str(other))
    until(page, f"measuring.player.staged === {other} && measuring.drawn > {drawn}")
    context.close()


# --- who is away ----------------------------------------------------------------------------------


def test_a_tile_says_when_the_person_is_back(watching: Page) -> None:
    """Ben is away from 1.6 s to 3.2 s: a click shows him, the next one seeks to his return."""
    watching.keyboard.press("1")
    until(watching, "measuring.player.staged === 1")
    watching.evaluate("measuring.player.seek(2)")
    tile = watching.locator(".tile.away")
    assert tile.locator(".tile-button").inner_text().split() == ["2", "Ben", "back", "at", "0:03"]
    assert watching.locator("#stage-return").is_hidden()
    button = tile.locator(".tile-button")
    button.click()
    until(watching, "measuring.player.staged === 2")
    assert watching.evaluate("measuring.player.time") == 2
    assert watching.locator("#stage-return").inner_text() == "Back at 0:03"
    button.click()
    until(watching, "measuring.player.time === 3.2")
    until(watching, "!document.querySelector('.tile.away[data-person=\"2\"]')")
    assert watching.locator("#stage-return").is_hidden()


def test_the_stage_leads_to_the_return(watching: Page) -> None:
    watching.evaluate("measuring.player.seek(2)")
    watching.locator("#stage-return").click()
    until(watching, "measuring.player.time === 3.2")
    assert watching.evaluate("[measuring.player.staged, measuring.player.plays]") == [2, False]


BACK = """async ([script, person, duration, times]) => {
  const { Presence } = await import(script);
  const presence = new Presence(person, duration);
  return times.map((time) => {
    const back = presence.backAt(time);
    return back === Infinity ? "never" : back;
  });
}"""


@pytest.mark.parametrize(
    ("intervals", "times", "expected"),
    [
        pytest.param({}, [0, 5], ["never", "never"], id="never seen"),
        pytest.param({"seen": [[0, 20]]}, [0, 10, 20], [None, None, None], id="always seen"),
        pytest.param({"seen": [[3, 9]]}, [1, 3, 8.9, 9], [3, None, None, "never"], id="once"),
        pytest.param(
            {"seen": [[0, 4], [4.9, 8]], "body": [[12, 14]]},
            [4.5, 8.5, 13, 15],
            [None, 12, None, "never"],
            id="short and long absences",
        ),
        pytest.param(
            {"seen": [[0.5, 4], [10, 19.5]], "filled": [[4, 5]]},
            [0, 4.5, 6, 20],
            [None, None, 10, None],
            id="start and end",
        ),
    ],
)
def test_when_a_person_is_back(
    watching: Page,
    intervals: dict[str, list[list[float]]],
    times: list[float],
    expected: list[object],
) -> None:
    person = {"seen": [], "body": [], "filled": [], **intervals}
    script = static_url("watch/presence.js")
    assert watching.evaluate(BACK, [script, person, 20, times]) == expected

"""The footage itself in the Watch page: its file, and its tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from data.project.project import Project
from data.project.stages import CROPS
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.random_play import MEASURE, open_player
from tests.web.serving import Running, running, served_client
from tests.web.watch.player_state import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DRAWING = Drawing(names=("Anna", "Ben"), seconds=3.0, size_wh=(96, 120), gifs=False, film=True)
WATCH = "/api/projects/film/footages/1/watch"
FILM = "/media/film/1/film"


@pytest.fixture(scope="module")
def film_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield a server of two people and the footage."""
    project = draw_crops(tmp_path_factory.mktemp("film") / "film.fancam", DRAWING)
    with running([project.folder]) as served:
        yield served


@pytest.fixture
def original(page: Page, film_server: Running) -> Iterator[Page]:
    """Yield the page of the two people, everything loaded."""
    open_player(page, film_server.address)
    yield page
    page.goto("about:blank")


# --- the file -------------------------------------------------------------------------------------


def test_the_footage_is_served_in_ranges(film_server: Running) -> None:
    with httpx.Client(base_url=film_server.address, trust_env=False) as ask:
        data = ask.get(WATCH).json()["film"]
        assert data["size_wh"] == [640, 360]
        part = ask.get(data["url"], headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert part.headers["content-type"] == "video/mp4"
        assert "immutable" in part.headers["cache-control"]
        assert len(ask.get(data["url"]).content) == data["bytes"]
        poster = ask.get(data["poster"])
        assert poster.headers["content-type"] == "image/jpeg"


def blur_others(project: Project) -> None:
    record = replace(project.require_record(CROPS, "film"), others="blur")
    project.finish(CROPS, record, "film")
    project.save()


def forget_crops(project: Project) -> None:
    project.unfinish(CROPS, "film")
    project.save()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(blur_others, id="the others are blurred"),
        pytest.param(forget_crops, id="crop-people is not finished"),
        pytest.param(lambda project: project.footages["film"].path.unlink(), id="moved"),
        pytest.param(
            lambda project: project.footages["film"].path.write_bytes(b"secret" * 99),
            id="not a video",
        ),
        pytest.param(
            lambda project: project.footages["film"].path.write_bytes(
                (project.crops_folder("film") / "Anna.gif").read_bytes()
            ),
            id="not a video that browsers play",
        ),
    ],
)
def test_footage_that_is_not_served(tmp_path: Path, change: Callable[[Project], object]) -> None:
    drawing = replace(DRAWING, seconds=1.0, gifs=True)
    project = draw_crops(tmp_path / "film.fancam", drawing)
    change(project)
    with served_client([project.folder]) as ask:
        assert ask.get(WATCH).json()["film"] is None
        assert ask.get(FILM).status_code == 404
        assert ask.get(f"{FILM}/poster").status_code == 404


# --- the tile -------------------------------------------------------------------------------------


def test_the_original_can_be_staged_like_a_person(original: Page) -> None:
    assert original.locator(".tile-name").all_inner_texts() == ["Anna", "Ben", "Original"]
    original.evaluate("measuring.player.seek(1)")
    original.keyboard.press("0")
    until(original, "measuring.player.staged === 0")
    until(original, "measuring.shownBy(measuring.player.videoOf(0)) === 25")
    assert original.locator("#stage-name").inner_text() == "Original"
    original.get_by_label("Copy a link to this moment").click()
    assert original.evaluate("location.hash") == "#t=1&person=original"
    original.reload()
    original.evaluate(MEASURE)
    until(original, "measuring.player.staged === 0 && measuring.player.time === 1")
    original.keyboard.press("ArrowDown")
    until(original, "measuring.player.staged === 1")
    original.keyboard.press("ArrowUp")
    until(original, "measuring.player.staged === 0")


def test_the_original_is_loaded_only_on_stage(original: Page) -> None:
    """It is large: beside the stage its tile is a picture."""
    loaded = "[measuring.player.live.includes(0), measuring.player.videoOf(0).hasAttribute('src')]"
    assert original.evaluate(loaded) == [False, False]
    original.get_by_role("button", name="Original").click()
    until(original, "measuring.player.staged === 0")
    assert original.evaluate(loaded) == [True, True]
    original.keyboard.press("1")
    until(original, "measuring.player.staged === 1")
    assert original.evaluate(loaded) == [False, False]
    assert original.locator(".tile-note").all_inner_texts() == ["", "", ""]


def test_the_original_plays_in_sync(original: Page) -> None:
    original.evaluate("() => { measuring.player.loop = true; }")
    original.keyboard.press("0")
    original.keyboard.press(" ")
    until(original, "measuring.player.staged === 0 && measuring.player.time > 0.5")
    until(original, "measuring.player.syncOf(0).isInSync(measuring.player.clock)")


def test_a_browser_that_cannot_play_it_says_so(browser: Browser, film_server: Running) -> None:
    page = browser.new_page()
    page.route("**/film?v=*", lambda route: route.fulfill(body="no video"))
    open_player(page, film_server.address)
    page.keyboard.press("0")
    page.locator(".toast.problem", has_text="This browser cannot play the original").wait_for()
    assert page.evaluate("measuring.player.staged") != 0
    page.close()

"""On phones, upright and across, stage, play and seek are on screen without scrolling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = [(844, 390), (667, 375), (932, 430), (640, 360), (360, 640), (320, 640), (390, 844)]
OUTSIDE = """() => ["stage", "play", "seek", "strip", "back", "forward", "time"].filter((id) => {
  const box = document.getElementById(id).getBoundingClientRect();
  if (!box.height) return false;
  return box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth;
})"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, crops_project: Path) -> Iterator[Running]:
    """Yield a server of two footages, so that the pages list both; one has many people."""
    folder = tmp_path_factory.mktemp("many")
    names = tuple(f"Person {number}" for number in range(1, 14))
    drawing = Drawing(names=names, seconds=1.0, size_wh=(96, 120), alike=True, gifs=False)
    many = draw_crops(folder / "many.fancam", drawing, footage="a-footage-of-a-long-name-" * 2)
    with running([crops_project, many.folder]) as served:
        yield served


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("footage", ["film", "many"])
def test_play_and_seek_are_on_screen(
    page: Page, library: Running, size: tuple[int, int], footage: str
) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{library.address}/watch/{footage}/1")
    page.locator(".tile.on-stage").wait_for()
    assert page.evaluate(OUTSIDE) == []
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    assert stage["height"] >= 0.4 * height
    page.keyboard.press("g")
    assert set(page.evaluate(OUTSIDE)) <= {"strip"}  # scrolls under the controls
    page.goto("about:blank")

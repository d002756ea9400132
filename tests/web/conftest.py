"""Fixtures of the page tests: drawn projects, servers, browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.project.project import Project
from data.tables.people import open_people
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_browser, running
from tests.web.sorted_project import review, sorted_folder, sorted_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["review", "sorted_folder", "sorted_project"]


@pytest.fixture(scope="session")
def crops_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of four people with videos, sound and GIFs. Shared, so do not change it."""
    return draw_crops(tmp_path_factory.mktemp("crops") / "film.fancam").folder


@pytest.fixture(scope="session")
def long_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of three people for half a minute. Shared, so do not change it."""
    names = ("Anna", "Ben", "Cleo")
    drawing = Drawing(names=names, seconds=30.0, size_wh=(96, 120), gifs=False, alike=True)
    return draw_crops(tmp_path_factory.mktemp("long") / "song.fancam", drawing).folder


@pytest.fixture(scope="session")
def server(crops_project: Path) -> Iterator[Running]:
    """Yield a server of the drawn project."""
    with running([crops_project]) as served:
        yield served


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, crops_project: Path) -> Iterator[Running]:
    """Yield a server of several projects: many people, no videos, and no people."""
    folder = tmp_path_factory.mktemp("library")
    names = (*(f"Person {i}" for i in range(1, 14)), "A name that is much too long for its tile")
    many = Drawing(names=names, seconds=1.0, size_wh=(96, 120), alike=True, gifs=False)
    draw_crops(folder / "many.fancam", many)
    empty = Project(folder / "empty.fancam")
    empty.add_footage(
        folder / "later.mp4", size_bytes=1, duration_s=60, rate=None, frame_wh=(640, 360)
    )
    nobody = Project(folder / "nobody.fancam")
    nobody.save()
    with open_people(nobody.people_file):
        pass
    projects = [crops_project, folder / "many.fancam", empty.folder, nobody.folder]
    with running(projects) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium, or skip the test if none is installed."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a new page; script errors fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    yield opened
    context.close()
    assert problems == []

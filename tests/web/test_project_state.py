"""What the pages say about the state of their project, as `fancam status` sees it."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.core.errors import InputError
from data.project.project import Project
from data.project.status import StageStatus
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.people import open_people
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, served_client
from web.watch import routes

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALL = Drawing(names=("Anna", "Ben"), seconds=0.4, size_wh=(96, 120), gifs=False)


def text_of(folder: Path, address: str) -> str:
    with served_client([folder]) as client:
        return html.unescape(client.get(address).text)


@pytest.fixture
def quoted_project(sorted_folder: Path, tmp_path: Path) -> Path:
    """Return a project whose people folders are older than the people."""
    folder = Path(shutil.copytree(sorted_folder, tmp_path / "a")) / "film.fancam"
    return folder.rename(folder.parent / "Anna's film.fancam")


COMMAND = "<code>cluster-faces --project 'Anna'\"'\"'s film.fancam'</code>"


def test_the_next_command_is_named_and_quoted(quoted_project: Path, tmp_path: Path) -> None:
    text = text_of(quoted_project, "/watch/anna-s-film/1")
    assert "There are no videos" in text
    assert text.count(COMMAND) == 1
    assert str(tmp_path) not in text


@pytest.mark.parametrize("page", ["people/{}", "people/{}/1", "people/{}/unknown", "label/{}"])
def test_every_page_of_a_project_says_what_is_out_of_date(
    quoted_project: Path, tmp_path: Path, page: str
) -> None:
    text = text_of(quoted_project, "/" + page.format("anna-s-film"))
    assert text.count('class="project-state stale') == 1
    words = " ".join(re.sub("<.*?>", "", text).split())
    assert "Out of date: people · Not made yet: tracks, videos, smile GIFs" in words
    assert "people: people have been reviewed since, or writing was stopped" in words
    assert text.count(COMMAND) == 1
    assert str(tmp_path) not in text


def test_a_library_of_one_project_says_it_too(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", SMALL)
    draw_crops(project.folder, SMALL, footage="encore")
    text = " ".join(text_of(project.folder, "/").split())
    assert "tracks of encore: not tracked yet" in text
    assert "no footage at film.mp4; put it back" in text
    assert str(tmp_path) not in text


def test_nothing_is_said_if_all_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = draw_crops(tmp_path / "film.fancam", SMALL)
    optional = StageStatus("tracker", "", "optional", "not trained")
    done = [StageStatus("videos", "film"), optional]
    monkeypatch.setattr("web.core.status.statuses_of", lambda _: done)
    assert "project-state" not in text_of(project.folder, "/watch/film/1")


def test_damaged_tables_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = draw_crops(tmp_path / "film.fancam", SMALL)
    damaged = f"{project.folder}/tracks/film.csv: damaged; run track-people again"

    def fail(_: Project) -> list[StageStatus]:
        raise InputError(damaged)

    monkeypatch.setattr("web.core.status.statuses_of", fail)
    text = text_of(project.folder, "/watch/film/1")
    assert 'id="player"' in text
    assert "<p>film.fancam/tracks/film.csv: damaged; run track-people again</p>" in text


def test_the_command_is_copied(review: Running, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{review.address}/people/film")
    page.get_by_role("button", name="Copy the command").click()
    page.locator(".toast", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "cluster-faces --project film.fancam"
    # Without HTTPS, browsers give other machines no clipboard.
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy the command").click()
    page.locator(".toast", has_text="Press Ctrl C").wait_for()
    assert page.evaluate("getSelection().toString()") == "cluster-faces --project film.fancam"


def test_faces_come_first(tmp_path: Path) -> None:
    project = Project(tmp_path / "a film.fancam")
    (tmp_path / "my film.mp4").write_bytes(b"1")
    project.add_footage(
        tmp_path / "my film.mp4", size_bytes=1, duration_s=60, rate=None, frame_wh=(640, 360)
    )
    for address in ("/watch/a-film/1", "/people/a-film", "/label/a-film"):
        text = text_of(project.folder, address)
        assert str(tmp_path) not in text
        assert "<code>cluster-faces --project 'a film.fancam' 'my film.mp4'</code>" in text


@pytest.mark.parametrize("section", ["people", "label"])
def test_a_project_without_faces_says_what_to_do(tmp_path: Path, section: str) -> None:
    """In the page itself: it needs no script."""
    project = Project(tmp_path / "a film.fancam")
    project.save()
    with open_people(project.people_file):
        pass
    text = text_of(project.folder, f"/{section}/a-film")
    assert "<h1>No people yet</h1>" in text
    assert "No faces were found" in text
    assert "<code>cluster-faces --project 'a film.fancam' FOOTAGE</code>" in text


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Ben", "Cleo"), "Ben has been merged into Anna and Cleo has been merged into Anna."),
        (
            ("Ben", "Cleo", "Dora"),
            "Ben has been merged into Anna, Cleo has been merged into Anna and Dora has been "
            "merged into Anna.",
        ),
    ],
)
def test_several_merges_are_one_sentence(
    names: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = draw_crops(tmp_path / "film.fancam", SMALL)
    monkeypatch.setattr(routes, "_merges", lambda *_: [(name, "Anna") for name in names])
    text = " ".join(text_of(project.folder, "/watch/film/1").split())
    assert f"Since they were made, {expected}" in text


@pytest.mark.parametrize("merged", [True, False])
def test_videos_from_before_a_merge_are_called_so(tmp_path: Path, merged: bool) -> None:
    project = draw_crops(tmp_path / "my film.fancam", SMALL)
    if merged:
        with open_people(project.people_file) as people:
            DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))
    text = " ".join(text_of(project.folder, "/watch/my-film/1").split())
    assert ('data-person="2"' in text) is not merged
    notice = "These videos are out of date. Since they were made, Ben has been merged into Anna."
    assert (notice in text) is merged
    assert "<code>cluster-faces --project 'my film.fancam'</code>" in text

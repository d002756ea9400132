"""Damaged pictures have a placeholder, a damaged database has a page that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from data.project.project import Project
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import served_client

PLACEHOLDER = "image/svg+xml"


@pytest.fixture
def ask(sorted_project: Project) -> Iterator[httpx.Client]:
    with served_client([sorted_project.folder]) as client:
        yield client


@pytest.fixture
def face(ask: httpx.Client) -> str:
    """Return the footage, frame and number of a face, as its address has them."""
    (face, *_) = ask.get("/api/projects/film/people/1/faces").json()["faces"]
    return str(face).replace(".", "/")


@pytest.mark.parametrize("content", [b"", b"no picture", b"GIF89a", None], ids=ascii)
def test_a_damaged_picture(
    ask: httpx.Client, sorted_project: Project, face: str, content: bytes | None
) -> None:
    frame, number = (int(part) for part in face.split("/")[1:])
    portrait = sorted_project.portrait_file("film", frame, number)
    still = sorted_project.still_file("film", frame)
    whole = {file: file.read_bytes() for file in (portrait, still)}
    for file, before in whole.items():
        # The first half of the file, as after a full disk, unless there is a content.
        file.write_bytes(before[: len(before) // 2] if content is None else content)
    addresses = [f"/faces/film/{face}", f"/faces/film/{face}?large=true", f"/frames/film/1/{frame}"]
    for address in addresses:
        answer = ask.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, PLACEHOLDER)
        assert answer.headers["cache-control"] == "no-store"
        assert "damaged picture" in answer.text
    for file, before in whole.items():
        file.write_bytes(before)
    for address in addresses:
        assert ask.get(address).headers["content-type"] == "image/jpeg"


def test_a_damaged_picture_after_a_training(
    ask: httpx.Client, face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ultralytics, where loaded, makes Pillow try a plugin that is not installed."""

    def patched(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    monkeypatch.setattr("PIL.Image.open", patched)
    answer = ask.get(f"/faces/film/{face}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, PLACEHOLDER)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(
    "address",
    [
        "/people/film",
        "/people/film/1",
        "/people/film/unknown",
        "/label/film",
        "/api/projects/film/people",
    ],
)
def test_a_damaged_database(
    ask: httpx.Client, sorted_project: Project, tmp_path: Path, address: str, accept: str
) -> None:
    sorted_project.people_file.write_bytes(b"no database" * 1000)
    answer = ask.get(address, headers={"accept": accept})
    assert answer.status_code == 409
    assert "film.fancam/people.sqlite: damaged" in answer.text
    assert "put back a copy from a backup" in answer.text
    assert str(tmp_path) not in answer.text
    assert sorted_project.people_file.read_bytes() == b"no database" * 1000


def test_the_library_says_that_a_database_is_damaged(tmp_path: Path, crops_project: Path) -> None:
    other = draw_crops(tmp_path / "other.fancam", Drawing(names=("Anna",), seconds=0.4))
    other.people_file.write_bytes(b"no database" * 1000)
    with served_client([crops_project, other.folder]) as ask:
        html = ask.get("/").text
        assert "other.fancam/people.sqlite: damaged" in html
        assert 'href="/watch/film/1"' in html

"""Files outside the project are not served, whatever symbolic links lead to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from data.project.project import CACHE_FOLDER, Project
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import served_client

STILL = 3
SECRET = (200, 30, 60)
PICTURES = [
    f"/faces/film/1/{STILL}/0",
    f"/faces/film/1/{STILL}/0?large=true",
    f"/frames/film/1/{STILL}",
]
MEDIA = "/media/film/1"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a video, a still and a portrait."""
    drawn = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    for file in (drawn.still_file("film", STILL), drawn.portrait_file("film", STILL, 0)):
        picture(file, (10, 90, 20))
    return drawn


@pytest.fixture
def ask(project: Project) -> Iterator[httpx.Client]:
    with served_client([project.folder]) as client:
        yield client


def picture(file: Path, color: tuple[int, int, int]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), color).save(file)
    return file


def link(file: Path, target: Path) -> None:
    file.unlink()
    file.symlink_to(os.path.relpath(target, file.parent))


@pytest.mark.parametrize("address", PICTURES)
def test_a_picture_is_a_link(
    ask: httpx.Client, project: Project, tmp_path: Path, address: str
) -> None:
    assert ask.get(address).status_code == 200
    secret = picture(tmp_path / "secret.jpg", SECRET)
    for file in (project.still_file("film", STILL), project.portrait_file("film", STILL, 0)):
        link(file, secret)
    assert ask.get(address).status_code == 404
    inside = picture(project.folder / "inside.jpg", SECRET)
    for file in (project.still_file("film", STILL), project.portrait_file("film", STILL, 0)):
        link(file, inside)
    assert ask.get(address).status_code == 200


def test_the_folder_of_pictures_is_a_link(
    ask: httpx.Client, project: Project, tmp_path: Path
) -> None:
    folder = project.still_file("film", STILL).parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert [ask.get(address).status_code for address in PICTURES] == [404] * 3
    # A picture of the video, since the still is not served.
    poster = ask.get(f"{MEDIA}/poster")
    assert poster.content == ask.get(f"{MEDIA}/people/1/poster").content


def test_a_cached_file_is_a_link(ask: httpx.Client, project: Project, tmp_path: Path) -> None:
    secret = picture(tmp_path / "secret.jpg", SECRET)
    addresses = [PICTURES[0], PICTURES[2], f"{MEDIA}/poster", f"{MEDIA}/sound"]
    contents = [ask.get(address).content for address in addresses]
    cached = [file for file in (project.folder / CACHE_FOLDER).rglob("*") if file.is_file()]
    assert len(cached) == len(addresses)
    for file in cached:
        link(file, secret)
    assert [ask.get(address).content for address in addresses] == contents
    assert not any(file.is_symlink() for file in cached)


def test_the_folder_of_videos_is_a_link(
    ask: httpx.Client, project: Project, tmp_path: Path
) -> None:
    folder = project.crops_folder("film")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    for address in (f"{MEDIA}/people/1/video", f"{MEDIA}/people/1/poster", f"{MEDIA}/sound"):
        answer = ask.get(address)
        assert answer.status_code == 409
        assert answer.json()["error"].startswith("film.fancam/crops/film: a symbolic link leads")

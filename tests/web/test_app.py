"""The application as a whole: pages and API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_client, served_client

PAGE_BYTES = 200_000


@pytest.fixture
def ask(server: Running) -> Iterator[httpx.Client]:
    with open_client(server) as client:
        yield client


def test_one_footage_is_the_front_page(ask: httpx.Client) -> None:
    html = ask.get("/").text
    assert '<section id="player"' in html
    assert [f">{name}</span>" in html for name in ("Anna", "Ben", "Cleo", "Dario")] == [True] * 4
    moved = ask.get("/watch/film")
    assert (moved.status_code, moved.headers["location"]) == (303, "/watch/film/1")


def test_the_first_page_is_small_and_quick(ask: httpx.Client) -> None:
    ask.get("/")
    start = time.perf_counter()
    html = ask.get("/").text
    took_s = time.perf_counter() - start
    addresses = set(_own_addresses(html))
    assert {
        "/static/watch/watch.js",
        "/static/watch/player.js",
        "/static/watch/player.css",
    } <= addresses
    size = len(html) + sum(len(ask.get(address).content) for address in addresses)
    assert size < PAGE_BYTES
    assert took_s < 0.3


def _own_addresses(html: str) -> Iterator[str]:
    for part in html.split('"'):
        if part.startswith("/static/"):
            yield part


def test_several_footages_are_a_library(tmp_path: Path, crops_project: Path) -> None:
    other = tmp_path / "Élodie's song.fancam"
    draw_crops(other, Drawing(names=("Élodie",), seconds=0.4), footage="encore")
    Project(other).add_footage(
        tmp_path / "third.mp4", size_bytes=1, duration_s=3700, rate=None, frame_wh=(4, 4)
    )
    with served_client([crops_project, other]) as ask:
        html = ask.get("/").text
        cards = ['href="/watch/film/1"', 'href="/watch/elodie-s-song/1"', "no videos yet"]
        assert all(card in html for card in cards)
        assert "1:01:40" in html
        assert "4 people" in html
        assert "1 person" in html
        assert 'href="/watch/film/1"' not in ask.get("/watch/elodie-s-song").text
        assert "There are no videos" in ask.get("/watch/elodie-s-song/2").text
        listed = ask.get("/api/footages").json()
        assert [(f["project"], f["footage"], f["people"]) for f in listed] == [
            ("film", 1, 4),
            ("elodie-s-song", 1, 1),
            ("elodie-s-song", 2, 0),
        ]
        watched = ask.get("/watch/elodie-s-song/1").text
        assert '<select id="other-footage">' in watched


def test_a_damaged_footage_does_not_hide_the_others(tmp_path: Path, crops_project: Path) -> None:
    other = draw_crops(tmp_path / "other.fancam", Drawing(names=("Anna",), seconds=0.4))
    (other.crops_folder("film") / "timeline.json").write_text("{")
    with served_client([crops_project, other.folder]) as ask:
        html = ask.get("/").text
        assert "its timeline is damaged" in html
        assert 'href="/watch/film/1"' in html
        broken = ask.get("/watch/other/1", headers={"accept": "text/html"})
        assert broken.status_code == 409
        assert "crop-people --force" in broken.text
        assert str(tmp_path) not in broken.text


def test_current_names_are_shown(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    with served_client([project.folder]) as ask:
        with open_people(project.people_file) as people:
            DecisionLog(people).rename(1, "Zoë & <Bob>")
        answer = ask.get("/api/projects/film/footages/1/watch").json()
        assert answer["people"][0]["name"] == "Zoë & <Bob>"
        assert "Zoë &amp; &lt;Bob&gt;" in ask.get("/").text


def test_hidden_people_are_not_shown(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna", "Ben"), seconds=0.4))
    with open_people(project.people_file) as people:
        # Set directly, since decisions need people with faces, and the drawn ones have none.
        people.connection.execute("INSERT INTO hidden VALUES (1)")
        people.connection.commit()
    with served_client([project.folder]) as ask:
        answer = ask.get("/api/projects/film/footages/1/watch").json()
        assert [person["name"] for person in answer["people"]] == ["Ben"]
        assert "Anna" not in ask.get("/").text


def test_data_of_the_watch_page(ask: httpx.Client) -> None:
    data = ask.get("/api/projects/film/footages/1/watch").json()
    assert (data["duration_s"], data["rate"]) == (8.0, 25.0)
    anna = data["people"][0]
    assert (anna["id"], anna["name"], anna["size_wh"]) == (1, "Anna", [176, 224])
    assert sorted(anna["files"]) == sorted(anna["bytes"]) == ["gif", "video"]
    assert anna["smiling"] == [[1.6, 3.2]]
    for address in (*anna["files"].values(), anna["poster"], data["sound"]):
        assert ask.get(address).status_code == 200


def test_a_growing_project_is_shown_without_a_restart(tmp_path: Path) -> None:
    project = Project(tmp_path / "film.fancam")
    project.save()
    with served_client([project.folder]) as ask:
        assert "No footage yet" in ask.get("/").text
        draw_crops(project.folder, Drawing(names=("Anna",), seconds=0.4))
        assert '<section id="player"' in ask.get("/").text


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("address", ["/nowhere", "/watch/other/1", "/watch/film/2"])
def test_unknown_addresses(ask: httpx.Client, address: str, accept: str) -> None:
    answer = ask.get(address, headers={"accept": accept})
    assert answer.status_code == 404
    if accept == "text/html":
        assert "Back to the start" in answer.text
    else:
        assert set(answer.json()) == {"error"}


def test_methods(ask: httpx.Client) -> None:
    assert ask.request("TRACE", "/").status_code == 403
    assert ask.options("/").status_code == 405

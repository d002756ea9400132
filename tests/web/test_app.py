"""The application as a whole: pages and API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from data.project.project import Project
from data.project.status import StageStatus
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_client, served_client
from web.core import static_files
from web.core.static_files import static_url

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
    took_s = []
    for _ in range(5):  # the best of several, since the machine may be busy
        start = time.perf_counter()
        html = ask.get("/").text
        took_s.append(time.perf_counter() - start)
    addresses = set(_own_addresses(html))
    assert {
        static_url("watch/watch.js"),
        static_url("watch/player.js"),
        static_url("watch/player.css"),
    } <= addresses
    size = len(html) + sum(len(ask.get(address).content) for address in addresses)
    assert size < PAGE_BYTES
    assert min(took_s) < 0.3


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
        cards = ['href="/watch/film/1"', 'href="/watch/elodie-s-song/1"', "No videos yet"]
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


def test_footage_of_pictures_is_promised_no_videos(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    for name in ("photos", "more"):
        (tmp_path / name).mkdir()
        project.add_footage(tmp_path / name, size_bytes=0, duration_s=3, rate=None, frame_wh=(4, 4))
    with served_client([project.folder]) as ask:
        html = ask.get("/").text
        assert html.count("Only pictures") == 2
        assert "No videos yet" not in html
        answer = ask.get("/watch/film/2").text
        assert "There are no videos of this footage: it holds only pictures." in answer
        assert "smile-gifs" not in answer


def test_footage_of_hidden_people_says_why_it_has_no_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    with open_people(project.people_file) as people:
        people.connection.execute("INSERT INTO hidden VALUES (1)")
        people.connection.commit()
    monkeypatch.setattr("web.core.status.statuses_of", lambda _: [])
    with served_client([project.folder]) as ask:
        reason = "nobody was found in it, or everybody is hidden."
        assert f"There are no videos of this footage: {reason}" in ask.get("/watch/film/1").text


def test_gifs_of_footage_that_shows_nobody_are_no_way_to_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    empty = tmp_path / "empty.mp4"
    project.add_footage(empty, size_bytes=1, duration_s=3, rate=Fraction(25), frame_wh=(4, 4))
    videos = StageStatus("videos", "empty", reason="no person was seen in it")
    command = ("smile-gifs", str(project.folder), str(empty))
    gifs = StageStatus("smile GIFs", "empty", "missing", "smiles not scored yet", command)
    found = [videos, gifs]
    monkeypatch.setattr("web.core.status.statuses_of", lambda _: found)
    with served_client([project.folder]) as ask:
        html = ask.get("/watch/film/2").text
        assert "There are no videos of this footage: nobody was found in it" in html
        assert "smile-gifs" not in html
        found[0] = StageStatus("videos", "empty", "missing", "not cropped yet", ("crop-people",))
        assert "Run this command" in ask.get("/watch/film/2").text


def test_a_damaged_footage_does_not_hide_the_others(tmp_path: Path, crops_project: Path) -> None:
    other = draw_crops(tmp_path / "other.fancam", Drawing(names=("Anna",), seconds=0.4))
    (other.crops_folder("film") / "timeline.json").write_text("{")
    with served_client([crops_project, other.folder]) as ask:
        html = ask.get("/").text
        assert "other.fancam/crops/film/timeline.json: damaged" in html
        assert "run crop-people PROJECT --force" in html
        assert 'href="/watch/film/1"' in html
        broken = ask.get("/watch/other/1", headers={"accept": "text/html"})
        assert broken.status_code == 409
        assert "crop-people PROJECT --force" in broken.text
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
        assert ask.get("/api/footages").json()[0]["people"] == 1
        assert ask.get("/media/film/1/people/1/video").status_code == 404
        assert ask.get("/media/film/1/people/2/video").status_code == 200


def test_people_whose_video_is_lost_are_not_counted(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna", "Ben"), seconds=0.4))
    (project.crops_folder("film") / "Anna.mp4").unlink()
    with served_client([project.folder]) as ask:
        assert ask.get("/api/footages").json()[0]["people"] == 1
        answer = ask.get("/api/projects/film/footages/1/watch").json()
        assert [person["name"] for person in answer["people"]] == ["Ben"]


def test_data_of_the_watch_page(ask: httpx.Client) -> None:
    data = ask.get("/api/projects/film/footages/1/watch").json()
    assert (data["duration_s"], data["rate"]) == (8.0, 25.0)
    anna = data["people"][0]
    assert (anna["id"], anna["name"], anna["size_wh"]) == (1, "Anna", [176, 224])
    assert sorted(anna["files"]) == sorted(anna["bytes"]) == ["gif", "small", "video"]
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
        assert "<h1>This page does not exist</h1>" in answer.text
        assert '<a class="button" href="/">Start page</a>' in answer.text
    else:
        assert set(answer.json()) == {"error"}


SCRIPT = static_url("people/people.js")


def test_static_files_are_kept_by_browsers(ask: httpx.Client) -> None:
    first = ask.get(SCRIPT)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = ask.get(SCRIPT, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert ask.get("/static/shared/base.css").status_code == 404  # may change later
    missing = ask.get(static_url("nowhere.js"))
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")


def test_the_address_of_static_files_changes_with_any_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script names the others by addresses relative to its own."""
    monkeypatch.setattr(static_files, "STATIC_FOLDER", tmp_path)
    addresses = []
    for content in ("one", "two", "one"):
        (tmp_path / "script.js").write_text(content)
        addresses.append(static_files.static_folder.__wrapped__())
    assert addresses[0] == addresses[2] != addresses[1]


@pytest.mark.parametrize("address", [SCRIPT, static_url("shared/base.css"), "/"])
def test_texts_are_compressed(ask: httpx.Client, address: str) -> None:
    plain = ask.get(address, headers={"accept-encoding": "identity"})
    small = ask.get(address, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in small.headers["vary"].lower()
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2


@pytest.mark.parametrize("address", ["people/1/video", "people/1/gif", "people/1/poster", "sound"])
def test_media_are_not_compressed(ask: httpx.Client, address: str) -> None:
    answer = ask.get(f"/media/film/1/{address}", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_methods(ask: httpx.Client) -> None:
    assert ask.request("TRACE", "/").status_code == 403
    assert ask.options("/").status_code == 405


def test_the_way_on_from_a_page_that_does_not_exist(ask: httpx.Client) -> None:
    page = ask.get("/people/film/77", headers={"accept": "text/html"}).text
    assert "<h1>This page does not exist</h1>" in page
    assert "no such person; they may have been merged into another." in page
    assert '<a class="button primary" href="/people/film">People in film</a>' in page


def test_titles_are_the_names_of_files_without_underscores(tmp_path: Path) -> None:
    drawing = Drawing(names=("Anna",), seconds=0.4, gifs=False)
    tour = draw_crops(tmp_path / "summer_tour.fancam", drawing, footage="2024_berlin")
    film = draw_crops(tmp_path / "a_film.fancam", drawing, footage="a_film")
    with served_client([tour.folder, film.folder]) as client:
        library = client.get("/").text
        assert '<span class="footage-title">2024 berlin</span>' in library
        assert "summer tour · 1 person" in library
        assert "a film · " not in library  # the footage has the name of its project
        assert ">summer tour: 2024 berlin</option>" in client.get("/watch/a-film/1").text


def test_the_first_visit_says_what_one_can_do(page: Page, server: Running) -> None:
    page.goto(server.address)
    steps = page.get_by_role("region", name="What you can do here")
    assert steps.get_by_role("link").all_inner_texts() == ["Watch", "People", "Label"]
    steps.get_by_role("button", name="Got it").click()
    assert steps.is_hidden()
    page.reload()
    assert steps.is_hidden()

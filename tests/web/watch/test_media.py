"""Media files: ranges, downloads, caching, posters and sound."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import web.app
from data.project.project import Project
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_client, running, served_client
from web.watch.range_response import RangeResponse

MEDIA = "/media/film/1"
VIDEO = f"{MEDIA}/people/1/video"


@pytest.fixture
def ask(server: Running) -> Iterator[httpx.Client]:
    with open_client(server) as client:
        yield client


@pytest.fixture(scope="module")
def content(crops_project: Path) -> bytes:
    """Return the bytes of the first person's video."""
    return (Project(crops_project).crops_folder("film") / "Anna.mp4").read_bytes()


def test_whole(ask: httpx.Client, content: bytes) -> None:
    answer = ask.get(VIDEO)
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-type"] == "video/mp4"
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("requested", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=0-99999999999", 0, None),
        ("bytes=-99999999999", 0, None),
        ("bytes=100-150,151-199", 100, 200),
        ("BYTES = 5-9", 5, 10),
    ],
)
def test_range(
    ask: httpx.Client, content: bytes, requested: str, start: int, end: int | None
) -> None:
    answer = ask.get(VIDEO, headers={"range": requested})
    assert answer.status_code == 206
    assert answer.content == content[start:end]
    first = start % len(content)
    expected = f"bytes {first}-{first + len(answer.content) - 1}/{len(content)}"
    assert answer.headers["content-range"] == expected


def test_several_ranges(ask: httpx.Client, content: bytes) -> None:
    answer = ask.get(VIDEO, headers={"range": "bytes=0-9,1000-1009"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert content[:10] in answer.content
    assert content[1000:1010] in answer.content
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    ("requested", "status"),
    [
        ("bytes=999999999-", 416),
        ("bytes=999999999-999999999999", 416),
        ("bytes=9-3", 400),
        ("bytes=", 400),
        ("bytes=-", 400),
        ("bytes=a-b", 400),
        ("bytes", 400),
        ("lines=1-2", 400),
        ("bytes=0-0,999999999-", 416),
        ("bytes=-0", 416),
    ],
)
def test_invalid_ranges(ask: httpx.Client, content: bytes, requested: str, status: int) -> None:
    answer = ask.get(VIDEO, headers={"range": requested})
    assert answer.status_code == status
    assert len(answer.content) < 100
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(content)}"


def test_range_abuse_costs_no_more_than_the_file(ask: httpx.Client, content: bytes) -> None:
    overlapping = "bytes=" + ",".join(f"{i}-" for i in range(90))
    answer = ask.get(VIDEO, headers={"range": overlapping})
    assert len(answer.content) <= len(content)
    many = "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(5000))
    answer = ask.get(VIDEO, headers={"range": many})
    assert answer.status_code in {200, 400, 416}
    assert len(answer.content) <= len(content)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-dest": "video"},
        {"sec-fetch-dest": "audio"},
        {"accept-encoding": "identity;q=1, *;q=0"},
    ],
)
@pytest.mark.parametrize("last", ["", "9999999"])
def test_players_get_limited_ranges(
    ask: httpx.Client,
    content: bytes,
    headers: dict[str, str],
    last: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RangeResponse, "max_range_bytes", 1000)
    answer = ask.get(VIDEO, headers={"range": f"bytes=500-{last}", **headers})
    assert answer.status_code == 206
    assert answer.content == content[500:1500]
    assert answer.headers["content-range"] == f"bytes 500-1499/{len(content)}"
    short = ask.get(VIDEO, headers={"range": "bytes=500-509", **headers})
    assert short.content == content[500:510]
    whole = ask.get(VIDEO, headers={"range": f"bytes=500-{last}"})
    assert whole.content == content[500:]


def test_ranges_of_old_and_new_file_are_not_mixed(ask: httpx.Client, content: bytes) -> None:
    first = ask.get(VIDEO, headers={"range": "bytes=0-9"})
    headers = {"range": "bytes=10-19", "if-range": first.headers["etag"]}
    assert ask.get(VIDEO, headers=headers).status_code == 206
    headers["if-range"] = '"another"'
    assert ask.get(VIDEO, headers=headers).content == content


def test_head(ask: httpx.Client, content: bytes) -> None:
    answer = ask.head(VIDEO)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(content))


def test_only_addresses_with_a_key_are_cached(ask: httpx.Client) -> None:
    person = ask.get("/api/projects/film/footages/1/watch").json()["people"][0]
    kept = ask.get(person["files"]["video"])
    assert "immutable" in kept.headers["cache-control"]
    assert ask.get(VIDEO).headers["cache-control"] == "no-store"
    assert ask.get(f"{VIDEO}?v=old").headers["cache-control"] == "no-store"


def test_download(ask: httpx.Client, content: bytes) -> None:
    answer = ask.get(f"{VIDEO}?download=true")
    assert answer.content == content
    assert "film%20-%20Anna.mp4" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(("kind", "media_type"), [("video", "video/mp4"), ("gif", "image/gif")])
def test_kinds(ask: httpx.Client, kind: str, media_type: str) -> None:
    answer = ask.get(f"{MEDIA}/people/2/{kind}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize("kind", ["best", "webp", "loop", "other"])
def test_files_that_were_not_made(ask: httpx.Client, kind: str) -> None:
    assert ask.get(f"{MEDIA}/people/2/{kind}").status_code == 404


def test_posters_are_made_once(tmp_path: Path) -> None:
    drawing = Drawing(names=("Anna",), seconds=1.0)
    project = draw_crops(tmp_path / "film.fancam", drawing)
    with served_client([project.folder]) as ask:
        for address in (f"{MEDIA}/people/1/poster", f"{MEDIA}/poster"):
            answer = ask.get(address)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/jpeg"
        made = list((project.folder / ".web").rglob("*.jpg"))
        assert len(made) == 1
        times = made[0].stat().st_mtime_ns
        assert ask.get(f"{MEDIA}/poster").status_code == 200
        assert made[0].stat().st_mtime_ns == times
        with Image.open(made[0]) as picture:
            assert picture.size == drawing.size_wh


def test_the_poster_is_the_frame_with_most_faces(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    for frame, faces in ((5, 1), (10, 3), (15, 2)):
        still = project.still_file("film", frame)
        still.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((360, 640, 3), 10 * frame, np.uint8)).save(still)
        for number in range(faces):
            project.portrait_file("film", frame, number).write_bytes(b"")
    with served_client([project.folder]) as ask:
        answer = ask.get(f"{MEDIA}/poster")
    (tmp_path / "poster.jpg").write_bytes(answer.content)
    with Image.open(tmp_path / "poster.jpg") as picture:
        assert picture.size == (480, 270)
        assert picture.getpixel((5, 5)) == pytest.approx((100, 100, 100), abs=3)


def test_no_picture_yet(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=(), seconds=0.4))
    with served_client([project.folder]) as ask:
        assert ask.get(f"{MEDIA}/poster").status_code == 404


def test_a_damaged_video_has_no_poster(tmp_path: Path) -> None:
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    (project.crops_folder("film") / "Anna.mp4").write_bytes(b"not a video")
    with served_client([project.folder]) as ask:
        answer = ask.get(f"{MEDIA}/people/1/poster")
        assert answer.status_code == 409
        assert str(tmp_path) not in answer.text
        assert ask.get(f"{MEDIA}/sound").status_code == 409


def test_slow_players_do_not_block_others(tmp_path: Path) -> None:
    """More players than reader slots; slots of closed connections are released."""
    project = draw_crops(tmp_path / "film.fancam", Drawing(names=("Anna",), seconds=0.4))
    large = project.crops_folder("film") / "Anna.mp4"
    large.write_bytes(bytes(32 * 2**20))  # more than the buffers between
    with running([project.folder]) as served, open_client(served) as ask:
        slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(8)]
        for one in slow:
            one.sendall(f"GET {VIDEO} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
            assert one.recv(9) == b"HTTP/1.1 "
        assert ask.get(VIDEO, headers={"range": "bytes=0-9"}).content == bytes(10)
        for one in slow:
            one.close()
        assert len(ask.get(VIDEO).content) == 32 * 2**20
        readers = served.app.state.readers
        assert _until(lambda: readers.value == web.app.READERS)


def _until(true: Callable[[], bool], patience_s: float = 10.0) -> bool:
    deadline = time.monotonic() + patience_s
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()

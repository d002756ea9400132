"""Footage at an address is fetched once, resumed, and fetched again when it changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.command.inputs import footage_paths, project_for
from data.core.errors import InputError
from data.project.project import Project
from data.storage import fetch as fetching
from data.storage import store as stores
from data.storage.addresses import footage_path
from data.storage.fetch import fetch_footage
from data.storage.store import Store
from data.video.footage import add_footage, probe
from tests.clips.catalogue import Clips
from tests.clips.numbered import picture
from tests.machines import Machine


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that records the start offset of each fetch."""
    begun: list[int] = []
    chunks = Store.chunks

    def noted(store: Store, name: str, *, size_bytes: int, start: int = 0) -> Iterator[bytes]:
        begun.append(start)
        return chunks(store, name, size_bytes=size_bytes, start=start)

    monkeypatch.setattr(Store, "chunks", noted)
    return begun


@pytest.fixture
def address(memory: str, machine: Machine) -> str:
    """Return the address of a footage of ten bytes."""
    machine("first")
    Store(memory).write("a.mp4", b"0123456789")
    return f"{memory}/a.mp4"


def change(address: str, content: bytes) -> None:
    folder, _, name = address.rpartition("/")
    Store(folder).write(name, content)


def test_a_local_path_is_unchanged(tmp_path: Path) -> None:
    fetch_footage(tmp_path / "missing.mp4")
    assert list(tmp_path.iterdir()) == []


def test_fetched_once(address: str, fetched: list[int]) -> None:
    place = footage_path(address)
    for _ in range(3):
        fetch_footage(place)
    assert place.read_bytes() == b"0123456789"
    assert fetched == [0]


def test_fetched_again_when_it_changed(address: str, fetched: list[int]) -> None:
    place = footage_path(address)
    fetch_footage(place)
    change(address, b"another")
    fetch_footage(place)
    assert place.read_bytes() == b"another"
    assert fetched == [0, 0]


def test_an_empty_file(memory: str, machine: Machine) -> None:
    machine("first")
    Store(memory).write("empty.mp4", b"")
    with pytest.raises(InputError, match="empty"):
        probe(fetch_footage(footage_path(f"{memory}/empty.mp4")))


def test_a_stopped_fetch_is_resumed(
    address: str, fetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = footage_path(address)
    with monkeypatch.context() as patch:
        patch.setattr(stores, "CHUNK_BYTES", 4)
        stop_after(patch, pieces=1)
        with pytest.raises(KeyboardInterrupt):
            fetch_footage(place)
    assert not place.exists()
    fetch_footage(place)
    assert fetched == [0, 4]
    assert place.read_bytes() == b"0123456789"
    assert [path.name for path in place.parent.iterdir() if ".partial" in path.name] == []


def test_a_stopped_fetch_of_changed_content_starts_again(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = footage_path(address)
    with monkeypatch.context() as patch:
        patch.setattr(stores, "CHUNK_BYTES", 4)
        stop_after(patch, pieces=1)
        with pytest.raises(KeyboardInterrupt):
            fetch_footage(place)
    change(address, b"abcdefghij")
    fetch_footage(place)
    assert place.read_bytes() == b"abcdefghij"
    assert [path.name for path in place.parent.iterdir() if ".partial" in path.name] == []


def stop_after(monkeypatch: pytest.MonkeyPatch, *, pieces: int) -> None:
    chunks = Store.chunks

    def stopped(store: Store, name: str, *, size_bytes: int, start: int = 0) -> Iterator[bytes]:
        for number, piece in enumerate(chunks(store, name, size_bytes=size_bytes, start=start)):
            if number == pieces:
                raise KeyboardInterrupt
            yield piece

    monkeypatch.setattr(Store, "chunks", stopped)


def test_content_that_changes_during_the_fetch(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks, left = Store.chunks, [b"new content"]

    def changing(store: Store, name: str, *, size_bytes: int, start: int = 0) -> Iterator[bytes]:
        yield from chunks(store, name, size_bytes=size_bytes, start=start)
        if left:
            change(address, left.pop())

    monkeypatch.setattr(Store, "chunks", changing)
    place = footage_path(address)
    fetch_footage(place)
    assert place.read_bytes() == b"new content"


def test_no_room(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=9))
    with pytest.raises(
        InputError, match="needs 10 bytes, but the disk of the cache has only 9 bytes free"
    ):
        fetch_footage(footage_path(address))


def test_missing_file(address: str) -> None:
    with pytest.raises(InputError, match=r"b\.mp4: no such file or folder"):
        probe(fetch_footage(footage_path(address.replace("a.mp4", "b.mp4"))))


def test_names_that_differ_in_case_on_a_case_insensitive_disk(address: str) -> None:
    place = footage_path(address)
    fetch_footage(place)
    record = fetching._record(place)
    record.write_text(json.dumps({"address": address.upper(), "key": "1"}), "utf-8")
    with pytest.raises(InputError, match="differ only in case"):
        fetch_footage(place)


# --- folders and patterns ---------------------------------------------------------------------


@pytest.fixture
def lessons(memory: str, machine: Machine) -> str:
    """Return the address of a folder with videos, pictures and other files."""
    machine("first")
    store = Store(memory)
    for name in (
        "lessons/b.MP4",
        "lessons/a.mkv",
        "lessons/notes.txt",
        "lessons/.hidden.mp4",
        "lessons/may/c.mov",
        "lessons/a.fancam/crops/a/Person 1.mp4",
        "photographs/1.jpg",
        "photographs/in/2.jpg",
        "[1] talk.mp4",
    ):
        store.write(name, b"x")
    return memory


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["missing.mp4"], ["missing.mp4"], id="missing"),
        pytest.param(["lessons/b.MP4"], ["lessons/b.MP4"], id="file"),
        pytest.param(
            ["lessons"], ["lessons/a.mkv", "lessons/b.MP4", "lessons/may/c.mov"], id="folder"
        ),
        pytest.param(
            ["lessons/"], ["lessons/a.mkv", "lessons/b.MP4", "lessons/may/c.mov"], id="slash"
        ),
        pytest.param(["photographs"], ["photographs"], id="pictures"),
        pytest.param(["lessons/*.M*"], ["lessons/b.MP4"], id="pattern"),
        pytest.param(["lessons/m*"], ["lessons/may/c.mov"], id="pattern of folders"),
        pytest.param(["[1] talk.mp4"], ["[1] talk.mp4"], id="a file like a pattern"),
        pytest.param(["lessons/a.mkv", "lessons/a.*v"], ["lessons/a.mkv"], id="twice"),
    ],
)
def test_addresses_are_expanded(lessons: str, names: list[str], expected: list[str]) -> None:
    found = footage_paths([footage_path(f"{lessons}/{name}") for name in names])
    assert found == [footage_path(f"{lessons}/{name}") for name in expected]
    assert not any(path.exists() for path in found)


def test_a_pattern_without_a_match(lessons: str) -> None:
    with pytest.raises(InputError, match=r"/lessons/\*\.avi: nothing matches this pattern"):
        footage_paths([footage_path(f"{lessons}/lessons/*.avi")])
    with pytest.raises(InputError, match="cannot be a pattern"):
        footage_paths([footage_path("memory://*/a.mp4")])


@pytest.mark.parametrize(
    ("name", "project"),
    [("lessons", "lessons"), ("lessons/b.MP4", "b"), ("photographs", "photographs")],
)
def test_default_project_names(
    lessons: str, name: str, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [footage_path(f"{lessons}/{name}")]
    found = project_for(given, footage_paths(given), folder=None)
    assert found.folder == tmp_path / f"{project}.fancam"


def test_a_folder_of_pictures(memory: str, machine: Machine, tmp_path: Path) -> None:
    from data.video.pictures.jpeg import write_jpeg

    machine("first")
    store = Store(f"{memory}/photographs")
    for number in range(3):
        write_jpeg(tmp_path / "picture.jpg", picture(number))
        store.send(tmp_path / "picture.jpg", f"{number}.jpg")
    store.write("notes.txt", b"not footage")
    place = footage_path(f"{memory}/photographs")
    assert (probe(fetch_footage(place)).kind, probe(fetch_footage(place)).duration_s) == (
        "images",
        3,
    )
    assert not (place / "notes.txt").exists()
    store.remove("0.jpg")
    assert probe(fetch_footage(place)).duration_s == 2


# --- in a project -----------------------------------------------------------------------------


def test_the_project_stores_the_address(
    memory: str, machine: Machine, clips: Clips, tmp_path: Path
) -> None:
    machine("first")
    Store(memory).send(clips("constant_rate.mp4"), "clip.mp4")
    place = footage_path(f"{memory}/clip.mp4")
    project = Project(tmp_path / "clip.fancam")
    entry = add_footage(project, probe(fetch_footage(place)))
    assert (entry.name, entry.path) == ("clip", place)
    content = json.loads((project.folder / "project.json").read_text("utf-8"))
    assert content["footages"][0]["path"] == f"{memory}/clip.mp4"
    shutil.rmtree(machine("first"))
    machine("second")
    again = Project(project.folder)
    assert again.footages["clip"].path == footage_path(f"{memory}/clip.mp4") != place
    assert add_footage(again, probe(fetch_footage(again.footages["clip"].path))).name == "clip"


@pytest.mark.parametrize("name", ["../../out", "..", "", "a/b", "a\\b"])
def test_project_files_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path / "a.fancam")
    project.add_footage(tmp_path / "a.mp4", size_bytes=1, duration_s=1, rate=None, frame_wh=(1, 1))
    file = project.folder / "project.json"
    content = json.loads(file.read_text("utf-8"))
    content["footages"][0]["name"] = name
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(InputError, match="damaged"):
        Project(project.folder)

from __future__ import annotations

from pathlib import Path

import pytest

from data.core.errors import InputError
from data.storage.addresses import (
    footage_address,
    footage_path,
    from_address,
    is_address,
    legible,
    project_address,
    project_path,
    to_address,
)
from data.storage.cache import cache_folder
from tests.machines import Machine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", False, id="empty"),
        pytest.param("concert.mp4", False, id="path"),
        pytest.param("/concerts/a.mp4", False, id="from the root"),
        pytest.param("C:\\concerts\\a.mp4", False, id="drive"),
        pytest.param("c://concerts/a.mp4", False, id="drive with slashes"),
        pytest.param("s3:/bucket/a.mp4", False, id="one slash"),
        pytest.param("s3://", False, id="nothing behind it"),
        pytest.param("12:30://a", False, id="no scheme"),
        pytest.param("s3://bucket/a.mp4", True, id="s3"),
        pytest.param("gcs://bucket/a.mp4", True, id="gcs"),
        pytest.param("file:///a.mp4", True, id="file"),
        pytest.param("memory://a.mp4", True, id="memory"),
    ],
)
def test_is_address(text: str, expected: bool) -> None:
    assert is_address(text) is expected


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/concert.mp4",
        "s3://bucket/lessons/Köln – 第1夜.mp4",
        "s3://bucket/lessons/*.mp4",
        "s3://bucket//two.mp4",
        "s3://bucket/a/../../../../../etc/passwd",
        "s3://bucket/./a.mp4",
        "s3://bucket/.hidden/12:30?.mp4",
        "s3://bucket/a\\..\\b.mp4",
        "s3://bucket/100%25.mp4",
        "s3://bucket/trailing. /a.mp4",
        "file:///films/a.mp4",
        "memory://a.mp4",
    ],
)
def test_a_local_path_gives_its_address(machine: Machine, address: str) -> None:
    cache = machine("first")
    place = footage_path(address)
    assert footage_address(place) == address
    assert project_address(place) is None
    assert project_address(project_path(address)) == address
    assert place.resolve().is_relative_to(cache / "footage")
    assert not any(part.startswith(".") for part in place.relative_to(cache).parts)


@pytest.mark.usefixtures("machine")
def test_a_path_is_unchanged() -> None:
    for text in ("concert.mp4", "../a.mp4", "C:\\a.mp4", "/a.mp4"):
        assert footage_path(text) == project_path(text) == Path(text)
    for path in (Path("a.mp4"), cache_folder(), cache_folder() / "footage" / "s3"):
        assert footage_address(path) is None
        assert project_address(path) is None


@pytest.mark.usefixtures("machine")
def test_the_end_of_a_folder_and_capitals_of_the_scheme() -> None:
    assert footage_path("S3://Bucket/lessons/") == footage_path("s3://Bucket/lessons")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ftp://anna:secret@host/a.mp4", "ftp://...@host"),
        ("https://host/a.mp4?signature=secret", "https://host/a.mp4"),
        (f"s3://bucket/{'x' * 300}.mp4", "too long"),
    ],
)
def test_unusable_addresses(address: str, shown: str) -> None:
    with pytest.raises(InputError) as refused:
        footage_path(address)
    assert shown in str(refused.value)
    assert "secret@" not in str(refused.value)
    assert "=secret" not in str(refused.value)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("address", ["s3://bucket/a b/c.mp4", "file:///films/a.mp4"])
def test_messages_name_the_address(address: str) -> None:
    text = f"{footage_path(address)}: no video; see {project_path(address)} and /tmp/x"
    assert legible(text) == f"{address}: no video; see {address} and /tmp/x"


@pytest.mark.parametrize(
    ("address", "home", "relative"),
    [
        ("s3://bucket/a.mp4", "s3://bucket/a.fancam", "../a.mp4"),
        ("s3://bucket/in/a.mp4", "s3://bucket/a.fancam", "../in/a.mp4"),
        ("file:///x/a.mp4", "file:///x/a.fancam", "../a.mp4"),
        ("s3://other/a.mp4", "s3://bucket/a.fancam", "s3://other/a.mp4"),
        ("s3://bucket/a.mp4", "s3://bucket/in/a.fancam", "s3://bucket/a.mp4"),
    ],
)
def test_paths_relative_to_the_project(address: str, home: str, relative: str) -> None:
    assert from_address(address, home) == relative
    if not is_address(relative):
        assert to_address(relative, home) == address


@pytest.mark.parametrize("relative", ["../../../x", "../.."])
def test_paths_outside_the_address_are_refused(relative: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        to_address(relative, "s3://bucket/a.fancam")

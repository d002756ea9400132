from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from data.core.atomic import (
    atomic_write,
    link_or_copy,
    overwriting,
    write_bytes,
    write_json,
    write_text,
)


@pytest.mark.parametrize(
    "name", ["a.txt", "no suffix", "two.dots.jpg", ".hidden", "Zoë 名 🙂.json"], ids=ascii
)
def test_a_file_is_written_next_to_its_target_and_renamed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new folder" / name
    with atomic_write(path) as partial:
        assert partial.parent == path.parent
        assert not path.suffix or partial.suffix == path.suffix
        partial.write_bytes(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_no_partial_one(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)) as raised:
        write()
    assert raised.value is error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_partial_file_of_a_killed_run_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with atomic_write(path) as partial:
        left = partial
        partial.write_text("1")
    left.write_text("a long partial content")
    write_text(path, "2")
    assert path.read_text() == "2"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "line\n", "Zoë 名 🙂\r\n"], ids=ascii)
def test_text_and_bytes_come_back_unchanged(tmp_path: Path, content: str) -> None:
    write_text(tmp_path / "text", content)
    write_bytes(tmp_path / "bytes", content.encode())
    assert (tmp_path / "text").read_bytes() == content.encode()
    assert (tmp_path / "bytes").read_bytes() == content.encode()


def test_json_keeps_letters_readable(tmp_path: Path) -> None:
    content: dict[str, object] = {"name": "Zoë 名", "empty": {}, "none": None}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert "Zoë 名" in text
    assert text.endswith("}\n")


def test_link_shares_the_content_on_one_disk(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "folder" / "target"
    source.write_text("content")
    link_or_copy(source, target)
    assert source.samefile(target)


def test_copy_where_the_disk_cannot_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "other disk")

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("content")
    target.write_text("old")
    monkeypatch.setattr(os, "link", refuse)
    link_or_copy(source, target)
    assert target.read_text() == "content"
    assert not source.samefile(target)
    assert {path.name for path in tmp_path.iterdir()} == {"source", "target"}


def test_link_replaces_a_file_without_changing_its_other_links(tmp_path: Path) -> None:
    first, second, target = (tmp_path / name for name in ("first", "second", "target"))
    first.write_text("1")
    second.write_text("2")
    link_or_copy(first, target)
    link_or_copy(second, target)
    assert [path.read_text() for path in (first, second, target)] == ["1", "2", "2"]


def test_link_to_a_missing_file_leaves_the_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "missing", target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_replaced_content_is_filled_with_zeros(tmp_path: Path) -> None:
    path, other_name = tmp_path / "a.parquet", tmp_path / "same file"
    path.write_bytes(b"secret" * 500_000)
    other_name.hardlink_to(path)
    with overwriting(path) as place:
        write_bytes(place, b"new")
    assert path.read_bytes() == b"new"
    assert other_name.read_bytes() == bytes(3_000_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "same file"]


def test_other_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"mine")
    with pytest.raises(OSError, match="full"), overwriting(path):
        raise OSError("full")
    with overwriting(path):
        pass
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]

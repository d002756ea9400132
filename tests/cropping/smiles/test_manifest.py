from __future__ import annotations

from pathlib import Path

import pytest

from cropping.smiles.manifest import gif_folder
from data.core.errors import InputError
from data.project.manifest import OutputFile, OutputFolder
from data.project.project import Project


def gifs(tmp_path: Path, suffix: str = ".gif") -> OutputFolder:
    return gif_folder(Project(tmp_path), "film", suffix=suffix)


def want(*names: str, key: str = "k") -> dict[str, OutputFile]:
    return {name: OutputFile(key, _write) for name in names}


def _write(path: Path) -> None:
    path.write_bytes(b"content")


def test_a_file_is_known_by_its_key(tmp_path: Path) -> None:
    assert gifs(tmp_path).outdated(want("a.gif")) == ["a.gif"]
    gifs(tmp_path).sync(want("a.gif"))
    again = gifs(tmp_path)
    assert again.outdated(want("a.gif")) == []
    assert again.outdated(want("a.gif", key="other")) == ["a.gif"]
    (again.folder / "a.gif").unlink()
    assert again.outdated(want("a.gif")) == ["a.gif"]


def test_a_file_of_the_users_stays(tmp_path: Path) -> None:
    folder = gifs(tmp_path)
    folder.folder.mkdir(parents=True)
    (folder.folder / "a.gif").write_text("mine")
    with pytest.raises(
        InputError, match=r"a\.gif: fancam needs this file name, but did not create"
    ):
        folder.sync(want("a.gif"))
    folder.sync({})
    assert (folder.folder / "a.gif").read_text() == "mine"


def test_unwanted_files_are_removed(tmp_path: Path) -> None:
    gifs(tmp_path).sync(want("a.gif", "b.gif"))
    gifs(tmp_path, ".webp").sync(want("c.webp"))
    gifs(tmp_path).sync(want("a.gif"))
    folder = gifs(tmp_path).folder
    assert sorted(path.name for path in folder.iterdir()) == ["a.gif", "c.webp"]
    assert list(gifs(tmp_path).keys()) == ["a.gif"]
    assert list(gifs(tmp_path, ".webp").keys()) == ["c.webp"]


def test_a_file_of_a_killed_write_is_replaced(tmp_path: Path) -> None:
    def killed(partial_file: Path) -> None:
        (partial_file.parent / "a.gif").write_bytes(b"half")
        raise KeyboardInterrupt

    folder = gifs(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        folder.sync({"a.gif": OutputFile("k", killed)})
    again = gifs(tmp_path)
    assert again.outdated(want("a.gif")) == ["a.gif"]
    again.sync(want("a.gif"))
    assert (again.folder / "a.gif").read_bytes() == b"content"

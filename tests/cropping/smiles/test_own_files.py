from __future__ import annotations

from pathlib import Path

import pytest

from cropping.smiles.own_files import OwnFiles
from data.core.errors import InputError
from data.project.project import Project


def own(tmp_path: Path) -> OwnFiles:
    return OwnFiles(Project(tmp_path), "film")


def test_a_file_is_known_by_its_key(tmp_path: Path) -> None:
    files = own(tmp_path)
    assert not files.has("a.gif", "k")
    files.write("a.gif", "k", b"content")
    again = own(tmp_path)
    assert again.has("a.gif", "k")
    assert not again.has("a.gif", "other")
    again.path("a.gif").unlink()
    assert not again.has("a.gif", "k")


def test_a_file_of_the_users_stays(tmp_path: Path) -> None:
    files = own(tmp_path)
    (tmp_path / "crops" / "film").mkdir(parents=True)
    files.path("a.gif").write_text("mine")
    with pytest.raises(InputError, match=r"a\.gif: not written by fancam, but in its way"):
        files.write("a.gif", "k", b"content")
    files.keep_only({}, suffix=".gif")
    assert files.path("a.gif").read_text() == "mine"


def test_what_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    files = own(tmp_path)
    for name in ("a.gif", "b.gif", "c.webp"):
        files.write(name, "k", b"content")
    own(tmp_path).keep_only({"a.gif": "k"}, suffix=".gif")
    left = sorted(path.name for path in (tmp_path / "crops" / "film").iterdir())
    assert left == ["a.gif", "c.webp"]
    assert not own(tmp_path).has("b.gif", "k")


def test_a_killed_write_is_known_as_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = own(tmp_path)

    def killed(path: Path, _content: bytes) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cropping.smiles.own_files.write_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            files.write("a.gif", "k", b"content")
    again = own(tmp_path)
    assert not again.has("a.gif", "k")
    again.write("a.gif", "k", b"content")
    assert again.path("a.gif").read_bytes() == b"content"

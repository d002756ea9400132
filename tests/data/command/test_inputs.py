from __future__ import annotations

from pathlib import Path

import pytest

from data.command.inputs import footage_paths
from data.core.errors import InputError

FILES = (
    "lessons/b.MP4",
    "lessons/a.mkv",
    "lessons/notes.txt",
    "lessons/.hidden.mp4",
    "lessons/may/c.mov",
    "lessons/a.fancam/crops/a/Person 1.mp4",
    "photographs/1.jpg",
    "photographs/2.jpg",
    "[1] talk.mp4",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["missing.mp4"], ["missing.mp4"], id="missing"),
        pytest.param(["lessons/b.MP4"], ["lessons/b.MP4"], id="file"),
        pytest.param(["lessons/notes.txt"], ["lessons/notes.txt"], id="any file"),
        pytest.param(
            ["lessons"], ["lessons/a.mkv", "lessons/b.MP4", "lessons/may/c.mov"], id="folder"
        ),
        pytest.param(["photographs"], ["photographs"], id="pictures"),
        pytest.param(["lessons/*.M*"], ["lessons/b.MP4"], id="pattern"),
        pytest.param(["lessons/m*"], ["lessons/may/c.mov"], id="pattern of folders"),
        pytest.param(["[1] talk.mp4"], ["[1] talk.mp4"], id="a file like a pattern"),
        pytest.param(["lessons/a.mkv", "lessons/a.*v"], ["lessons/a.mkv"], id="twice"),
    ],
)
def test_names_are_expanded(names: list[str], expected: list[str]) -> None:
    assert footage_paths([Path(name) for name in names]) == [Path(path) for path in expected]


@pytest.mark.usefixtures("here")
def test_a_pattern_without_a_match() -> None:
    with pytest.raises(InputError, match="nothing matches this pattern"):
        footage_paths([Path("lessons/*.avi")])

"""An unexpected error in the work on one footage, in every stage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clustering.faces.stage
import clustering.faces.tasks
import clustering.pairing.recordings
import clustering.stage
import cropping.smiles.stage
import cropping.stage
import tracking.detection.tasks
import tracking.stage
from data.project.project import Project
from data.project.stages import CROPS, FACES, GIFS, TRACKS, Stage
from data.video.footage import probe_entry
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.footage_kinds.stubs import Command

RUN = ("--no-review", "--weights", "yolo11n.yaml", "--project", "p.fancam")
GOOD = ("a.mp4", "c.mp4")
BAD = "b.mp4"
STAGES: dict[str, Stage[Any]] = {
    "cluster-faces": FACES,
    "track-people": TRACKS,
    "crop-people": CROPS,
    "smile-gifs": GIFS,
}
# The command in which it fails, and the function that fails for one footage.
PLACES: dict[str, tuple[str, Any, str]] = {
    "opening": ("cluster-faces", clustering.stage, "probe"),
    "adding": ("cluster-faces", clustering.faces.stage, "add_footage"),
    "planning faces": ("cluster-faces", clustering.faces.stage, "segments_of"),
    "reading faces": ("cluster-faces", clustering.faces.tasks, "sample_frames"),
    "finishing faces": ("cluster-faces", clustering.faces.stage, "remove_partial"),
    "opening to track": ("track-people", tracking.stage, "probe_entry"),
    "reading to track": ("track-people", tracking.detection.tasks, "read_frames"),
    "opening to crop": ("crop-people", cropping.stage, "probe_entry"),
    "rendering": ("crop-people", cropping.stage, "write_crops"),
    "planning smiles": ("smile-gifs", cropping.smiles.stage, "stored_smiles"),
    "planning GIFs": ("smile-gifs", cropping.smiles.stage, "read_current_tracks"),
}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Return a folder with three short clips."""
    for name in (*GOOD, BAD):
        encode(tmp_path / name, pictures(20))
    return tmp_path


def failing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that fails where an argument names the bad footage."""

    def call(*arguments: Any, **options: Any) -> Any:
        if Path(BAD).stem in _names(arguments):
            raise ValueError("31 is not a valid Type")
        return function(*arguments, **options)

    return call


def _names(arguments: Any) -> set[str]:
    """Return the names of footages in arguments and their fields."""
    found: set[str] = set()
    for argument in arguments:
        for value in (argument, *(getattr(argument, name, "") for name in ("path", "name"))):
            found |= {Path(value).stem} if isinstance(value, (str, Path)) else set()
        for name in ("footage", "job"):
            found |= _names([getattr(argument, name)]) if hasattr(argument, name) else set()
    return found


def finished(name: str) -> list[str]:
    project = Project(Path("p.fancam"))
    return sorted(entry.path.name for entry in project.footages_with(STAGES[name]))


@pytest.mark.parametrize("place", PLACES)
def test_the_other_footages_are_done(
    command: Command, films: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    stage, module, name = PLACES[place]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing(getattr(module, name)))
        done = command("fancam", *(films / name for name in sorted((*GOOD, BAD))), *RUN)
    assert (done.code, len(done.err)) == (1, 1), done
    line = done.err[0]
    log = films / "p.fancam" / "logs" / "fancam.log"
    assert BAD in line
    assert "unexpected error, a bug in fancam (ValueError in " in line
    assert line.endswith(f"; details are in {log}")
    text = log.read_text()
    assert "ValueError: 31 is not a valid Type" in text
    assert f"ERROR {line}" in text
    assert [each for each in done.out if each not in text] == []
    assert "INFO fancam ended with exit code 1 after " in text
    before = list(STAGES)[: list(STAGES).index(stage)]
    for name in STAGES:
        assert set(finished(name)) >= set(GOOD)
        assert (BAD in finished(name)) == (name in before)
    again = command("fancam", *(films / name for name in (*GOOD, BAD)), *RUN)
    assert (again.code, again.err) == (0, []), again
    assert [len(finished(name)) for name in STAGES] == [3] * len(STAGES)


@pytest.mark.usefixtures("films")
@pytest.mark.parametrize("place", ["opening", "reading faces", "finishing faces"])
def test_a_single_footage(command: Command, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    _, module, name = PLACES[place]
    monkeypatch.setattr(module, name, failing(getattr(module, name)))
    for arguments in (("cluster-faces", BAD), ("fancam", BAD, *RUN[:3])):
        done = command(*arguments)
        assert (done.code, done.out, len(done.err)) == (1, [], 1), done
        assert "unexpected error, a bug in fancam (ValueError in " in done.err[0]
        assert done.err[0].endswith(
            f"; details are in {Path('b.fancam/logs/fancam.log').absolute()}"
        )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(OSError(28, os.strerror(28)), "the disk is full", id="disk full"),
        pytest.param(KeyboardInterrupt(), "stopped; run the same command again", id="interrupted"),
        pytest.param(ImportError("libGL.so.1"), "system library libGL.so", id="library"),
    ],
)
def test_what_stops_the_run(
    command: Command,
    films: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    line: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(clustering.faces.tasks, "sample_frames", fail)
    done = command("cluster-faces", films, "--project", "p.fancam")
    assert done.code in (2, 130)
    assert len(done.err) == 1
    assert line in done.err[0]
    log = films / "p.fancam" / "logs" / "fancam.log"
    assert not log.exists() or "Traceback" not in log.read_text("utf-8")


@pytest.mark.usefixtures("films")
def test_a_pair_fails_together(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "on_air_intervals"
    function = getattr(clustering.pairing.recordings, name)
    monkeypatch.setattr(clustering.pairing.recordings, name, failing(function))
    pair = ("--pair", "a.mp4", BAD, "--offset", "0")
    done = command("cluster-faces", "c.mp4", *pair, "--project", "p.fancam")
    assert (done.code, len(done.err)) == (1, 1), done
    assert "unexpected error, a bug in fancam (ValueError in " in done.err[0]
    assert finished("cluster-faces") == ["c.mp4"]


def test_footages_that_the_command_does_not_name(
    command: Command, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("cluster-faces", films, "--project", "p.fancam").code == 0
    monkeypatch.setattr(clustering.stage, "probe_entry", failing(probe_entry))
    done = command("cluster-faces", "--project", "p.fancam")
    assert (done.code, len(done.err)) == (1, 1), done
    assert f"{BAD}: unexpected error, a bug in fancam (ValueError in " in done.err[0]
    assert finished("cluster-faces") == ["a.mp4", BAD, "c.mp4"]


def test_an_export_of_the_others(command: Command, films: Path) -> None:
    assert command("fancam", films, *RUN).code == 0
    tracks = Project(Path("p.fancam")).tracks_file("b")
    tracks.write_text("no table")
    done = command("fancam", "export", "p.fancam")
    assert (done.code, len(done.err)) == (1, 1), done
    assert "b.csv" in done.err[0]
    written = sorted(file.name for file in Path("p.fancam/export").glob("[a-c].*"))
    assert [name[0] for name in written] == ["a", "a", "c", "c"]

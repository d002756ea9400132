"""Paths that libraries could read as patterns, addresses or names of downloads."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import CROPS, FACES, GIFS, TRACKS
from data.video.container import open_video
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.footage_kinds.lookups import recorded
from tests.footage_kinds.stubs import Command
from tests.tracking.drawn_project import draw_project
from tests.tracking.untrained import write_untrained
from tracking.detection.export import load_network
from tracking.detection.plain_path import plain_path
from tracking.detection.weights import find_weights, load_weights

NAMES = {
    "quotes": 'Anna\'s "birthday"',
    "patterns": "[x] * {1..2}",
    "numbers": "100%d %03d",
    "shell": "#?;&|<>!`ls`",
    "protocol": "http:",
    "platform": "ul:a|b\\c",
    "store": "s3:",
    "dash": "-dash",
    "option": "--force",
    "spaces": " lead\ntrail ",
    "accents": "emoji 😀 e\u0301",
    "long": "n" * 200,
    "asset": "yolo11n.pt",
    "home": "~x",
    "variable": "$HOME x=1",
}
POSIX = pytest.mark.skipif(os.name == "nt", reason="names that Windows does not allow")
STAGES = (FACES, TRACKS, CROPS, GIFS)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    encode(path, pictures(20))
    return path


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights as train-tracker writes them."""
    project = draw_project(tmp_path_factory.mktemp("tracked") / "a.fancam", train=1, val=1)
    write_untrained(project, image_px=96)
    return project.tracker_file


@POSIX
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_all_commands(
    command: Command, clip: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, footage and project have the name; no host is asked for anything."""
    monkeypatch.chdir(_folder(tmp_path / name))
    footage, project = f"{name}.mp4", f"{name}.fancam"
    shutil.copy(clip, footage)
    run = ("fancam", "--no-review", "--weights", "yolo11n.yaml", f"--project={project}")
    with recorded() as hosts:
        for words in (
            (*run, "--", footage),
            ("cluster-faces", f"--project={project}", "--", footage),
            *((stage, "--", project, footage) for stage in ("track-people", "crop-people")),
            ("smile-gifs", "--", project, footage),
            *(("fancam", name, "--", project) for name in ("status", "export", "people")),
        ):
            done = command(*words)
            assert (done.code, done.err) == (0, []), words
        found = Project(Path(project))
        assert [len(found.footages_with(stage)) for stage in STAGES] == [1] * len(STAGES)
        assert command("fancam", "forget", "--yes", "--", project, "Person 1").code == 0
        assert command("fancam", "clean", "--yes", "--", project).code == 0
    assert hosts == []


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@POSIX
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_plain_paths(tmp_path: Path, name: str) -> None:
    file = _folder(tmp_path / name) / name
    file.write_text(name)
    with plain_path(file, "weights.pt") as path:
        assert path.read_text() == name
        assert re.fullmatch(r"[\w/.-]+/weights\.pt", str(path))
    assert not path.parent.exists()
    assert file.read_text() == name


@POSIX
@pytest.mark.parametrize("name", ["Anna's birthday", "[x] *", " lead\nline "])
def test_weights(tracked: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative and absolute paths to weights, and the tracker of a project."""
    monkeypatch.chdir(tmp_path)
    tracker = _folder(tmp_path / f"{name}.fancam") / "tracker"
    shutil.copytree(tracked.parent, tracker)
    shutil.copy(tracked, f"{name}.pt")
    with recorded() as hosts:
        for weights in (f"{name}.pt", str(tracker / "best.pt")):
            assert load_weights(find_weights(weights, offline=True, say=print)).trained
        assert len(load_network(tracker / "best.pt", "key")[1].names) == 2
    assert hosts == []


@POSIX
@pytest.mark.parametrize("name", ["it's/[net].yaml", " yolo11n.yaml", "ul:/net.yaml"])
def test_an_architecture_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ultralytics

    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    own = Path(ultralytics.__file__).parent / "cfg/models/11/yolo11.yaml"
    shutil.copy(own, name)
    with recorded() as hosts:
        network: Any = load_weights(find_weights(name, offline=True, say=print)).network
    assert network.yaml["yaml_file"] == Path(name).name
    assert hosts == []


@pytest.mark.parametrize(
    "weights",
    [
        "http://example.invalid/net.yaml",
        "ul://someone/net.yaml",
        "folder/yolo11n.yaml",
        "*/yolo11*.yaml",
        "no.yaml",
    ],
)
def test_an_architecture_that_is_no_file(weights: str) -> None:
    with recorded() as hosts, pytest.raises(InputError, match="no such detector architecture"):
        load_weights(find_weights(weights, offline=True, say=print))
    assert hosts == []


def test_damaged_weights_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's file called like a download stays as it is."""
    monkeypatch.chdir(tmp_path)
    Path("yolo11n.pt").write_bytes(b"damaged")
    with recorded() as hosts, pytest.raises(InputError, match=r"^yolo11n.pt: not readable"):
        load_weights(find_weights("yolo11n.pt", offline=True, say=print))
    assert hosts == []
    assert Path("yolo11n.pt").read_bytes() == b"damaged"


@POSIX
def test_a_temporary_folder_with_an_apostrophe(
    tracked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(_folder(tmp_path / "it's")))
    with plain_path(tracked, "weights.pt") as path:
        assert "'" not in str(path)
        assert torch.load(path, weights_only=False, map_location="cpu")
    assert list((tmp_path / "it's").iterdir()) == []


@POSIX
@pytest.mark.parametrize("name", ["a%03d.png", "a%d.apng", "7.png", "[a].png"])
def test_an_animated_picture_is_no_series(name: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.apng"
    encode(path, pictures(5), codec="apng", pix_fmt="rgb24", container="apng")
    with open_video(path.rename(tmp_path / name)) as (container, stream):
        assert len(list(container.decode(stream))) == 5


@POSIX
def test_a_pattern_below_a_folder_with_brackets(
    command: Command, clip: Path, tmp_path: Path
) -> None:
    folder = _folder(tmp_path / "lessons [2024]")
    for name in ("a1.mp4", "a2.mp4", "b.mp4"):
        shutil.copy(clip, folder / name)
    assert command("cluster-faces", "lessons [2024]/a*.mp4", "--project", "p").code == 0
    assert sorted(Project(Path("p")).footages) == ["a1", "a2"]


@pytest.mark.skipif(sys.platform != "linux", reason="no such names on this system")
@pytest.mark.parametrize("name", [b"\xff", b"caf\xe9 \x80"])
def test_folders_whose_names_are_not_unicode(
    command: Command, clip: Path, tmp_path: Path, name: bytes
) -> None:
    folder = _folder(tmp_path / os.fsdecode(name))
    shutil.copy(clip, folder / "clip.mp4")
    project = os.fsdecode(name + b".fancam")
    run = ("fancam", "--no-review", "--weights", "yolo11n.yaml", "--project", project)
    for words in ((*run, folder), ("fancam", "status", project), ("fancam", "export", project)):
        done = command(*words)
        assert (done.code, done.err) == (0, [])
    found = Project(Path(project))
    assert [entry.path for entry in found.footages_with(CROPS)] == [folder / "clip.mp4"]

"""Every command follows a footage that was renamed after all stages, by its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from cropping import crop_cli
from cropping.smiles import cli as smile_cli
from data.project.project import Project
from tests.decisions.test_next_steps import done, merge, project
from tests.renames import rename
from tests.web.serving import served_client
from tracking import track_cli
from web.core.status import statuses_of

__all__ = ["done", "project"]

NEW = "finale.mp4"
COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "cluster-faces": (clustering_cli.main, [NEW, "--project", "p.fancam", "--every", "0.1"]),
    "track-people": (track_cli.main, ["p.fancam", NEW]),
    "crop-people": (crop_cli.main, ["p.fancam", NEW]),
    "smile-gifs": (smile_cli.main, ["p.fancam", NEW]),
}


def moved(project: Project) -> dict[str, bytes]:
    """Rename the footage; return the project's large files before."""
    Path("film.mp4").rename(NEW)
    return files(project)


def files(project: Project) -> dict[str, bytes]:
    """Return faces, tracks and videos, by path."""
    kinds = {".parquet", ".csv", ".npz", ".mp4", ".jpg"}
    found = (path for path in sorted(project.folder.rglob("*")) if path.suffix in kinds)
    return {path.relative_to(project.folder).as_posix(): path.read_bytes() for path in found}


def require_followed(project: Project) -> None:
    """Check that the project has one footage, at its new path, and lacks nothing."""
    read = Project(project.folder)
    assert {name: entry.path.name for name, entry in read.footages.items()} == {"film": NEW}
    assert {status.state for status in statuses_of(read)} == {"done"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_follows_and_does_nothing_again(
    project: Project, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command, arguments = COMMANDS[name]
    before = moved(project)
    capsys.readouterr()
    assert command(arguments) == 0
    assert f"film: moved from film.mp4 to {NEW}" in capsys.readouterr().out
    require_followed(project)
    assert files(project) == before


@pytest.mark.parametrize("first", list(COMMANDS)[1:])
def test_decisions_follow(project: Project, first: str) -> None:
    """A name and a merge from before the move, whichever command gets the new path first."""
    merge(project)
    rename(project, {1: "Anna"})
    moved(project)
    for name in (first, *list(COMMANDS)[1:]):
        command, arguments = COMMANDS[name]
        assert command(arguments if name == first else arguments[:1]) == 0
    read = Project(project.folder)
    assert [entry.path.name for entry in read.footages.values()] == [NEW]
    videos = {path.name for path in read.crops_folder("film").glob("*.mp4")}
    assert "Anna.mp4" in videos
    assert not videos & {"Person 1.mp4", "Person 2.mp4"}


def test_all_stages_follow(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    moved(project)
    arguments = [NEW, "--project", "p.fancam", "--no-review", "--weights", "yolo11n.yaml"]
    assert fancam.cli.main(arguments) == 0
    assert f"film: moved from film.mp4 to {NEW}" in capsys.readouterr().out
    require_followed(project)


def test_commands_without_the_footage_work(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status says how to name the new place; what is made already stays usable."""
    moved(project)
    assert fancam.cli.main(["status", "p.fancam"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert "put it back, or run cluster-faces with its new path" in line
    assert fancam.cli.main(["export", "p.fancam"]) == 0
    archives = {path.name for path in project.export_folder.iterdir()}
    assert {"coco.zip", "label-studio.zip", "film.mot.zip", "film.mot-results.zip"} == archives
    with served_client([project.folder]) as client:
        people = client.get("/api/projects/p/people").json()["people"]
        assert [person["id"] for person in people] == [1, 2, 3, 4]
        watched = client.get("/api/projects/p/footages/1/watch").json()
        videos = [person["files"]["video"] for person in watched["people"]]
        assert {client.get(video).status_code for video in videos} == {200}
        assert client.get("/people/p").status_code == 200


@pytest.mark.parametrize("command", ["track-people", "crop-people", "smile-gifs"])
def test_a_stage_that_needs_the_footage_asks_for_it(
    project: Project, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    moved(project)
    run, _ = COMMANDS[command]
    assert run(["p.fancam", "--force"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "film.mp4; put it back, or run cluster-faces with its new path" in line


@pytest.mark.parametrize("given", [NEW, "film", "film.mp4"])
def test_remove_follows(project: Project, given: str) -> None:
    moved(project)
    assert fancam.cli.main(["remove", "p.fancam", given, "--yes"]) == 0
    assert Path(NEW).exists()
    assert Project(project.folder).footages == {}
    assert files(project) == {}

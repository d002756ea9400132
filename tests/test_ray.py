"""The stages on a Ray cluster: the same files as without, whatever dies meanwhile."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.outputs import MANIFEST
from data.people import open_people
from data.project import Project
from data.sample.film import draw_film
from data.tracks import read_tracks
from tests.ray_cluster import Node, run_command, started_head
from tracking.quiet import quiet_ultralytics

pytest.importorskip("ray")
FILMS = {"a": ["talk", "close-up"], "b": ["profile", "peek"], "c": ["close-up", "profile"]}
SMALL = """
from clustering import finding
from data import segments
segments.SEGMENT_S, finding.PART_FRAMES = 2.0, 4
"""
"""Short films have several segments too."""


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    with started_head() as address:
        yield address


def write_weights(project: Project) -> None:
    """A detector that has learned nothing, and is sure of it: it sees people everywhere."""
    quiet_ultralytics()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    with open_people(project.people_file) as people:
        names = people.names()
    torch.manual_seed(0)
    network: Any = DetectionModel("yolo11n.yaml", nc=len(names), verbose=False)  # type: ignore[no-untyped-call]
    network.names = dict(enumerate(names.values()))
    for branch in network.model[-1].cv3:
        branch[-1].bias.data[:] = torch.linspace(-2, -1, len(names))
    kept = {"train_args": {"imgsz": 96}, "fancam": {"person_id": list(names)}}
    project.tracker_folder.mkdir()
    torch.save({"model": network.half(), **kept}, project.tracker_folder / "best.pt")


def stages(project: str) -> dict[str, tuple[str, ...]]:
    """Options by the module of the command."""
    return {
        "clustering.cli": ("films", "--project", project, "--every", "0.5", "--min-face", "40"),
        "tracking.track_cli": (project,),
        "cropping.crop_cli": (project, "--preset", "ultrafast"),
    }


def contents(folder: Path) -> dict[str, Any]:
    """Every file that a project holds; of what tells times, what it tells else."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name == MANIFEST:
            found[name] = sorted(json.loads(path.read_text("utf-8"))["files"])
        elif path.suffix == ".sqlite":
            with sqlite3.connect(path) as database:
                found[name] = list(database.iterdump())
        elif path.name != ".lock":
            found[name] = path.read_bytes()
    return found


@pytest.mark.slow
def test_one_of_two_machines_dies_in_every_stage(head: str, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name, shots in FILMS.items():
        draw_film(tmp_path / "films" / f"{name}.mp4", shots=shots, duration_s=4, size_wh=(320, 180))
    alone, together = stages("alone.fancam"), stages("together.fancam")
    for module in alone:
        code, said, _ = run_command(module, *alone[module], cwd=tmp_path, setup=SMALL)
        assert code == 0, said
        victim = Node(f"--address={head}")
        options = (*together[module], "--ray", head)
        code, said, killed = run_command(module, *options, cwd=tmp_path, setup=SMALL, victim=victim)
        assert (code, killed) == (0, True), said
        here, there = contents(tmp_path / "together.fancam"), contents(tmp_path / "alone.fancam")
        assert sorted(here) == sorted(there)
        assert [name for name in here if here[name] != there[name]] == []
        if module == "clustering.cli":
            write_weights(Project(tmp_path / "alone.fancam"))
            shutil.copytree(tmp_path / "alone.fancam/tracker", tmp_path / "together.fancam/tracker")
    project = Project(tmp_path / "together.fancam")
    assert sorted(project.footages) == sorted(FILMS)
    assert len(read_tracks(project, "a")[0])

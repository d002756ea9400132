"""Stages on a Ray cluster whose machines share no folder but reach one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.project.project import Project
from data.remote.sync import synced_project
from data.remote.sync_state import REMOTE_FOLDER
from data.sample.film import draw_film
from data.storage.addresses import project_path
from data.storage.store import Store
from tests.end_to_end.test_ray import contents, stages
from tests.machines import Machine
from tests.ray_cluster import run_command, started_head
from tests.tracking.untrained import write_untrained

pytest.importorskip("ray")
SMALL = """
from clustering.faces import stage
from data.execution import segments
segments.SEGMENT_S, stage.CHECKPOINT_FRAMES = 1.0, 1
"""
"""Small enough for two segments, the first of several parts."""
TOLD_OTHERWISE = ("project.json", ".sqlite")
"""Files that hold the footage's location or the times of decisions."""


@pytest.mark.slow
def test_results_equal_those_of_one_machine(s3: str, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    draw_film(tmp_path / "films" / "a.mp4", shots=["talk"], duration_s=2, size_wh=(320, 180))
    Store(s3).send(tmp_path / "films" / "a.mp4", "films/a.mp4")
    home = f"{s3}/a.fancam"
    worker = machine("worker")
    with started_head() as head:
        machine("first")
        for module, options in stages("alone.fancam").items():
            code, output, _ = run_command(module, *options, cwd=tmp_path, setup=SMALL)
            assert code == 0, output
            given = {"films": f"{s3}/films", "alone.fancam": home}
            there = [given.get(option, option) for option in options]
            code, output, _ = run_command(
                module, *there, "--ray", head.address, cwd=tmp_path, setup=SMALL
            )
            assert code == 0, output
            if module == "clustering.cli":
                write_untrained(Project(tmp_path / "alone.fancam"), image_px=96)
                with synced_project(project_path(home), say=print) as sync:
                    write_untrained(Project(sync.folder), image_px=96)
    assert (worker / "footage/s3/bucket/films/a.mp4").is_file()
    assert list((worker / "benches").glob("task-*")) == []
    assert not (worker / "projects").exists()
    assert not any(path.startswith(REMOTE_FOLDER) for path in Store(home).files())
    machine("second")
    with synced_project(project_path(home), say=print) as sync:
        found, alone = contents(sync.folder), contents(tmp_path / "alone.fancam")
        assert sorted(found) == sorted(alone)
        differ = [name for name in found if found[name] != alone[name]]
        assert [name for name in differ if not name.endswith(TOLD_OTHERWISE)] == []

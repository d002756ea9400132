"""Stages on a Ray cluster write the same files as without, even when a node dies."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustering.cli import main as cluster_faces
from data.core.run_log import LOG_FILE
from data.project.manifest import MANIFEST
from data.project.project import Project
from data.project.stages import FACES
from data.sample.film import draw_film
from data.tables.tracks import read_tracks
from tests import ROOT
from tests.posix import needs_signals
from tests.ray_cluster import (
    Head,
    Node,
    environment,
    run_command,
    start_command,
    started_head,
)
from tests.tracking.untrained import write_untrained

pytest.importorskip("ray")
FILMS = {"a": ["talk", "close-up"], "b": ["profile", "peek"], "c": ["close-up", "profile"]}
SMALL = """
from clustering.faces import stage
from data.execution import segments
segments.SEGMENT_S, stage.CHECKPOINT_FRAMES = 2.0, 4
"""
"""Small enough that short films have several segments."""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with started_head() as started:
        yield started


def stages(project: str) -> dict[str, tuple[str, ...]]:
    """Return the options of each stage, by module."""
    return {
        "clustering.cli": ("films", "--project", project, "--every", "0.5", "--min-face", "40"),
        "tracking.track_cli": (project,),
        "cropping.crop_cli": (project, "--preset", "ultrafast"),
    }


def contents(folder: Path) -> dict[str, Any]:
    """Return the content of every file of a project, without times."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.name == MANIFEST:
            found[name] = sorted(json.loads(path.read_text("utf-8"))["files"])
        elif path.suffix == ".sqlite":
            with sqlite3.connect(path) as database:
                found[name] = list(database.iterdump())
        elif path.name not in (".lock", LOG_FILE):
            found[name] = path.read_bytes()
    return found


@pytest.mark.slow
def test_one_of_two_machines_dies_in_every_stage(head: Head, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name, shots in FILMS.items():
        draw_film(tmp_path / "films" / f"{name}.mp4", shots=shots, duration_s=3, size_wh=(320, 180))
    alone, together = stages("alone.fancam"), stages("together.fancam")
    for module in alone:
        code, output, _ = run_command(module, *alone[module], cwd=tmp_path, setup=SMALL)
        assert code == 0, output
        victim = Node(f"--address={head.address}")
        options = (*together[module], "--ray", head.address)
        code, output, killed = run_command(
            module, *options, cwd=tmp_path, setup=SMALL, victim=victim
        )
        assert (code, killed) == (0, True), output
        here, there = contents(tmp_path / "together.fancam"), contents(tmp_path / "alone.fancam")
        assert sorted(here) == sorted(there)
        assert [name for name in here if here[name] != there[name]] == []
        if module == "clustering.cli":
            write_untrained(Project(tmp_path / "alone.fancam"), image_px=96)
            shutil.copytree(tmp_path / "alone.fancam/tracker", tmp_path / "together.fancam/tracker")
    project = Project(tmp_path / "together.fancam")
    assert sorted(project.footages) == sorted(FILMS)
    assert len(read_tracks(project, "a")[0])


@pytest.mark.slow
def test_which_failures_are_retried(head: Head, tmp_path: Path) -> None:
    code = "import sys\nfrom tests.ray_tasks import main\nmain(*sys.argv[1:])"
    command = [sys.executable, "-c", code, head.address, str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["a"] == [1, 2, None]
    assert re.fullmatch(r"ArithmeticError in tests/ray_tasks\.py:\d+, 3 times", found["b"][2])
    assert found["c"] == [None, 0, "c.mp4: broken"]
    assert found["d"] == [2, 2, None]
    assert found["e"] == [None, 0, None]
    # Two tasks of a; a last task counts where it is the only one of its footage, as of f.
    assert (found["f"][1:], found["frames"]) == ([0, None], 2 + 100)
    assert max((tmp_path / f"b{part}").stat().st_size for part in (1, 2)) == 3
    assert (tmp_path / "c1").stat().st_size == 1  # a retry would not help


@pytest.mark.slow
def test_a_machine_without_the_models(head: Head, tmp_path: Path, face_models: Path) -> None:
    """One line per footage names the missing file."""
    for name in ("a", "b", "c"):
        draw_film(tmp_path / f"{name}.mp4", shots=["talk"], duration_s=4, size_wh=(320, 180))
    options = ("--project", "a.fancam", "--every", "0.5", "--ray", head.address)
    dlib = ("--detector", "cnn")
    code, output, _ = run_command(
        "clustering.cli", "a.mp4", *options, *dlib, cwd=tmp_path, setup=SMALL
    )
    assert code == 0, output
    films = ("a.mp4", "b.mp4", "c.mp4")
    best = ("--defaults", "--models", str(face_models))
    code, output, _ = run_command(
        "clustering.cli", *films, *options, *best, cwd=tmp_path, setup=SMALL
    )
    assert code == 1, output
    assert "Traceback" not in output
    line = "cluster-faces: .*centerface.onnx: the model centerface is not installed; .*"
    lines = [found for found in output.splitlines() if re.fullmatch(line, found)]
    assert len(lines) == 2, output
    assert list(Project(tmp_path / "a.fancam").footages) == ["a"]


@needs_signals
@pytest.mark.slow
def test_stopped_by_ctrl_c(head: Head, tmp_path: Path) -> None:
    draw_film(tmp_path / "film.mp4", duration_s=8, size_wh=(320, 180))
    options = ("film.mp4", "--ray", head.address, "--every", "0.2")
    process = start_command("clustering.cli", *options, cwd=tmp_path)
    while not head.node.is_at_work() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert output.splitlines()[-1] == (
        "cluster-faces: stopped; run the same command again to resume"
    )
    assert not list(tmp_path.rglob("*.parquet.partial*"))


@needs_signals
@pytest.mark.slow
def test_stopped_by_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    """All processes of the terminal get the signal, those of Ray too."""
    from tests.terminal import CTRL_C, type_at

    draw_film(tmp_path / "film.mp4", duration_s=4, size_wh=(320, 180))
    options = ("film.mp4", "--every", "0.5", "--ray", "local", "--progress", "bar")
    code = "import sys\nfrom clustering.cli import main\nsys.exit(main(sys.argv[1:]))"
    left = type_at(
        [sys.executable, "-c", code, *options],
        "on Ray",
        CTRL_C,
        folder=tmp_path,
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert left.code == 130, left.output
    assert "cluster-faces: stopped; run the same command again to resume\r\n" in left.output
    for word in ("Traceback", "KeyboardInterrupt", "Exception", "Error"):
        assert word not in left.output, left.output
    assert not Project(tmp_path / "film.fancam").has_record(FACES, "film")
    code_again, output, _ = run_command("clustering.cli", *options, cwd=tmp_path)
    assert code_again == 0, output
    assert Project(tmp_path / "film.fancam").has_record(FACES, "film")


ADDRESSES = {
    "a closed port": ("127.0.0.1:9", "no Ray cluster answers (Connection refused)"),
    "no port": (
        "127.0.0.1",
        "give auto, local, or HOST:PORT of the head node, such as 10.0.0.5:6379",
    ),
    "a scheme": (
        "ray://10.0.0.5",
        "give auto, local, or HOST:PORT of the head node, such as 10.0.0.5:6379",
    ),
    "a port too high": ("127.0.0.1:99999", "no Ray cluster answers"),
    "no such name": ("nowhere.invalid:6379", "no Ray cluster answers"),
    "empty": ("", "give auto, local, or HOST:PORT of the head node, such as 10.0.0.5:6379"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_an_address_without_ray(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, message = ADDRESSES[case]
    (tmp_path / "film.mp4").touch()
    start = time.monotonic()
    command = [str(tmp_path / "film.mp4"), "--project", str(tmp_path / "p"), "--ray", address]
    assert cluster_faces(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cluster-faces: --ray {address}: ")
    assert message in line
    assert time.monotonic() - start < 15
    assert not (tmp_path / "p").exists()


@pytest.mark.slow
def test_another_server_at_the_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other server accepts connections and sends nothing; Ray alone would wait for minutes."""
    (tmp_path / "film.mp4").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        start = time.monotonic()
        assert cluster_faces([str(tmp_path / "film.mp4"), "--ray", address]) == 2
        assert time.monotonic() - start < 20
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cluster-faces: --ray {address}: no Ray cluster answered within 15 s")


def test_without_ray_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else found(name)
    )
    (tmp_path / "film.mp4").touch()
    assert cluster_faces([str(tmp_path / "film.mp4"), "--ray", "local"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "cluster-faces: --ray: Ray is not installed; pip install 'fancam[ray]'"
    ]

"""`fancam status`: what is done, stale or missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import fancam.cli
from data.project.project import Project
from data.project.status import StageStatus
from tests import ROOT
from tests.clips.encoding import encode
from tests.clips.numbered import picture
from tests.clustering.command import snapshot
from tests.cropping.small_project import small_project

WHATS = ["faces", "people", "tracker", "tracks", "videos", "smile GIFs"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with records of tracks only."""
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "film 1.mp4", [picture(number) for number in range(10)], rate=25)
    return small_project(tmp_path / "film.fancam", tmp_path / "film 1.mp4")


def test_the_table(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert fancam.cli.main(["status", "film.fancam"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = lines[: len(WHATS)]
    assert [row.split("  ")[0].strip() for row in rows] == WHATS
    assert (
        len({row.index(word) for row in rows for word in ("missing", "stale") if word in row}) == 1
    )
    assert rows[0].endswith("cluster-faces --project film.fancam 'film 1.mp4'")
    assert rows[4].endswith("crop-people film.fancam 'film 1.mp4'")
    assert project.footages


def test_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert fancam.cli.main(["status", str(project.folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in rows] == WHATS
    assert {tuple(row) for row in rows} == {("what", "footage", "state", "why", "command")}
    assert rows[1]["footage"] is None
    assert rows[4]["footage"] == "film 1"
    assert rows[4]["command"][0] == "crop-people"


def test_writes_nothing_and_waits_for_no_lock(project: Project) -> None:
    with project.lock():
        before = snapshot(project.folder)
        assert fancam.cli.main(["status", str(project.folder)]) == 0
        assert snapshot(project.folder) == before


def test_no_slow_import(project: Project) -> None:
    program = (
        "import sys, fancam.cli; code = fancam.cli.main(sys.argv[1:]); "
        "print({'torch', 'ultralytics', 'openvino', 'av'} & set(sys.modules)); "
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "status", str(project.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "set()"


def test_an_empty_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Project(tmp_path / "a.fancam").save()
    assert fancam.cli.main(["status", str(tmp_path / "a.fancam")]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "people",
        "tracker",
    ]


def test_the_exit_code_for_scripts(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(project.folder)
    assert fancam.cli.main(["status", folder]) == 0
    assert fancam.cli.main(["status", folder, "--exit-code", "--quiet"]) == 3
    assert "next: " in capsys.readouterr().out


def test_all_up_to_date_is_exit_code_0(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    done = [StageStatus("faces", "film 1")]
    monkeypatch.setattr("fancam.status.statuses_of", lambda _: done)
    assert fancam.cli.main(["status", str(project.folder), "--exit-code"]) == 0

"""What `cluster-faces` writes to the log of its project."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.clustering.conftest import Run

pytestmark = pytest.mark.usefixtures("detector")


def logged(folder: Path) -> list[str]:
    """Return the lines of a project's log, without their times."""
    text = (folder / "clip.fancam" / "logs" / "fancam.log").read_text("utf-8")
    return [line.split(" ", 2)[2] for line in text.splitlines()]


def test_a_run_is_logged(run: Run, clip: Path) -> None:
    done = run(clip.name, "--every", "0.5")
    lines = logged(clip.parent)
    assert lines[0] == f"INFO fancam {version('fancam')}: cluster-faces clip.mp4 --every 0.5"
    assert lines[1] == "INFO options of cluster-faces: --every 0.5"
    printed = [line.split(" ", 1)[1] for line in lines[2:-1]]
    assert printed == done.out
    assert lines[-1].startswith("INFO cluster-faces ended with exit code 0 after ")


def test_a_refused_run_is_logged_where_there_is_a_project(run: Run, clip: Path) -> None:
    assert run("missing.mp4").code == 2
    assert [path.name for path in clip.parent.iterdir()] == [clip.name]
    run(clip.name)
    clip.write_bytes(b"no video")
    refused = run(clip.name)
    assert refused.code == 2
    first, *_, error, end = logged(clip.parent)
    assert "clip.mp4" in first
    assert error == f"ERROR {refused.err[0]}"
    assert end.startswith("INFO cluster-faces ended with exit code 2")

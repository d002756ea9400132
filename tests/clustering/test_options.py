"""A project remembers the options that its footage was read with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clustering.cli import make_parser
from data.command.remembered import stage_options as stage_options_of
from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import FACES, PEOPLE
from fancam import stage_options
from tests.clustering.command import Ran, assert_refused
from tests.clustering.fakes import CornerDetector

Run = Callable[..., Ran]


@pytest.fixture
def folder(run: Run, detector: CornerDetector, clip: Path) -> Path:
    """A project that was made with two options."""
    assert run(clip, "--every", "0.5", "--eps", "0.4").code == 0
    detector.frames = 0
    return clip.with_name("clip.fancam")


def every(folder: Path) -> dict[str, float]:
    return {name: record.every_s for name, record in Project(folder).records(FACES).items()}


def test_the_same_footage_is_not_read_again(
    run: Run, folder: Path, detector: CornerDetector
) -> None:
    for words in (["--project", folder], ["--project", folder, "clip.mp4"], ["clip.mp4"]):
        again = run(*words)
        assert again.options == [
            "cluster-faces: using saved options of clip.fancam: --every 0.5 --eps 0.4"
        ]
        assert "already up to date" in again.out
    assert detector.frames == 0


def test_another_footage_is_read_with_the_same_options(run: Run, folder: Path) -> None:
    shutil.copy("clip.mp4", "other.mp4")
    assert run("--project", folder, "other.mp4").code == 0
    assert every(folder) == {"clip": 0.5, "other": 0.5}
    assert Project(folder).require_record(PEOPLE).grouping["eps"] == 0.4


def test_a_changed_option_is_said(run: Run, folder: Path) -> None:
    changed = run("--project", folder, "clip.mp4", "--every", "0.2")
    assert changed.options == [
        "cluster-faces: using saved options of clip.fancam: --eps 0.4",
        "cluster-faces: options changed since the last run: --every 0.2 (was 0.5)",
    ]
    assert every(folder) == {"clip": 0.2}


def test_each_footage_keeps_its_own(run: Run, folder: Path) -> None:
    shutil.copy("clip.mp4", "other.mp4")
    assert run("--project", folder, "other.mp4", "--every", "1").code == 0
    assert "already up to date" in run("--project", folder).out
    assert every(folder) == {"clip": 0.5, "other": 1.0}


def test_a_refused_run_changes_nothing(run: Run, folder: Path) -> None:
    assert run("--project", folder, "missing.mp4", "--every", "0.2").code == 2
    assert Project(folder).options == {"cluster-faces": {"every": 0.5, "eps": 0.4}}


def test_the_advised_size_takes_back_a_saved_upsample(run: Run, folder: Path) -> None:
    assert run("--project", folder, "--upsample", "1").code == 0
    advised = ("--detector", "centerface", "--min-face", "24")
    parser = make_parser()
    parsed = parser.parse_args(["--project", str(folder), *advised])
    stage_options_of(parser, parsed, Project(folder))
    assert (parsed.detector, parsed.min_face, parsed.upsample) == ("centerface", 24, None)
    refused = run("--project", folder, "--detector", "centerface")
    assert_refused(refused, "give --detector cnn, or --min-face instead")


@pytest.mark.usefixtures("detector")
def test_fancam_names_the_stage_of_a_bad_option(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANCAM_CLUSTER_FACES_EPS", "7")
    with pytest.raises(InputError, match=r"^cluster-faces --eps 7: give a number from"):
        stage_options.clustering(Project(folder))


@pytest.mark.usefixtures("detector")
def test_fancam_runs_the_stage_with_them(folder: Path) -> None:
    settings, options = stage_options.clustering(Project(folder), "--threads", "1")
    assert (settings.every_s, settings.grouping.eps, settings.backend.threads) == (0.5, 0.4, 1)
    assert options.remembered == ("cluster-faces", {"every": 0.5, "eps": 0.4})

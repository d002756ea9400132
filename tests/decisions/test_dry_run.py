"""``--dry-run`` names what a run would make, and changes nothing on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import fancam.cli
from data.project.project import Project
from tests.clustering.command import snapshot
from tests.decisions.stages import COMMANDS, install, run_all
from tests.renames import rename

_CLUSTER = ["film.mp4", "--project", "p.fancam", "--every", "0.1"]
UP_TO_DATE = "already up to date: nothing would run"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with film.mp4 and p.fancam, after all stages."""
    return run_all(tmp_path_factory.mktemp("made"), _CLUSTER)


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    install(monkeypatch.setattr)
    return tmp_path


class DryRun:
    """Runs a command with ``--dry-run``, and checks that it changes nothing."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys

    def __call__(self, command: str, *words: str) -> list[str]:
        log = self._folder / "p.fancam" / "logs" / "fancam.log"
        before = snapshot(self._folder), log.read_bytes() if log.exists() else b""
        run = fancam.cli.main if command == "fancam" else COMMANDS[command]
        self._capsys.readouterr()
        assert run([*words, "--dry-run"]) == 0
        assert (snapshot(self._folder), log.read_bytes() if log.exists() else b"") == before
        return self._capsys.readouterr().out.splitlines()


@pytest.fixture
def dry_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> DryRun:
    return DryRun(folder, capsys)


def outputs(lines: list[str]) -> list[str]:
    """Return command, output and reason of each line but those about time and space."""
    assert lines[-1] == "nothing was run or written"
    assert "up to" in lines[-2]
    assert "free" in lines[-2]
    assert "a rough estimate" in lines[-3]
    return [" ".join(line.split()) for line in lines[:-3]]


OTHER_OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "cluster-faces": (["--every", "0.2"], ["faces film", "people"]),
    "train-tracker": (["--epochs", "7"], ["tracker"]),
    "track-people": (["--max-gap", "3"], ["tracks film"]),
    "crop-people": (["--crf", "30"], ["videos film"]),
    "smile-gifs": (["--frames", "3"], ["smile GIFs film"]),
}


def arguments(command: str) -> list[str]:
    return _CLUSTER if command == "cluster-faces" else ["p.fancam"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_finished_stage(dry_run: DryRun, command: str) -> None:
    assert dry_run(command, *arguments(command)) == [UP_TO_DATE]
    lines = outputs(dry_run(command, *arguments(command), "--force"))
    assert lines
    assert all(line.startswith(command) for line in lines)
    assert any("repeated because of --force" in line for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stage_with_other_options(
    dry_run: DryRun, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words, expected = OTHER_OPTIONS[command]
    lines = outputs(dry_run(command, *arguments(command), *words))
    for line, output in zip(lines, expected, strict=True):
        assert line.startswith(f"{command} {output}")
    assert "options" in lines[0] or "settings" in lines[0]
    assert COMMANDS[command]([*arguments(command), *words]) == 0
    assert "already up to date" not in capsys.readouterr().out
    assert dry_run(command, *arguments(command), *words) == [UP_TO_DATE]


def test_files_beside_the_tracks(dry_run: DryRun) -> None:
    """Only what is missing is due, and a run with the same options writes it."""
    both = ("--format", "mot", "--overlay")
    for options, missing in (
        (both[:2], "film.txt"),
        (both[2:], "film.mp4"),
        (both, "film.mp4"),  # film.txt is there
    ):
        line, *others = outputs(dry_run("track-people", "p.fancam", *options))
        assert (line, others) == (f"track-people tracks film {missing} not written yet", [])
        if options != both[2:]:
            assert COMMANDS["track-people"](["p.fancam", *options]) == 0
        assert dry_run("track-people", "p.fancam", *both[:2])[0] == UP_TO_DATE
    assert dry_run("track-people", "p.fancam", *both) == [UP_TO_DATE]
    assert dry_run("track-people", "p.fancam", "--defaults") == [UP_TO_DATE]


def test_a_learning_curve(dry_run: DryRun) -> None:
    (line,) = outputs(dry_run("train-tracker", "p.fancam", "--learning-curve"))
    assert line == "train-tracker tracker no learning curve yet"
    assert dry_run("train-tracker", "p.fancam") == [UP_TO_DATE]


def test_known_people(dry_run: DryRun, folder: Path) -> None:
    (folder / "cast" / "Anna").mkdir(parents=True)
    (folder / "cast" / "Anna" / "1.jpg").write_bytes(b"a picture")
    known = [*_CLUSTER, "--known", "cast"]
    (line,) = outputs(dry_run("cluster-faces", *known))
    assert line == "cluster-faces people --known may match people without a name"
    rename(Project(folder / "p.fancam"), {1: "Anna"})
    assert COMMANDS["cluster-faces"](_CLUSTER) == 0
    assert dry_run("cluster-faces", *known) == [UP_TO_DATE]


def test_an_empty_folder(dry_run: DryRun, folder: Path) -> None:
    shutil.rmtree(folder / "p.fancam")
    (line, people) = outputs(dry_run("cluster-faces", *_CLUSTER))
    assert line == "cluster-faces faces film.mp4 not in the project yet"
    assert people == "cluster-faces people the faces are not clustered yet"
    lines = outputs(dry_run("fancam", "film.mp4", "--project", "p.fancam"))
    commands = [line.split()[0] for line in lines]
    assert list(dict.fromkeys(commands)) == [name for name in COMMANDS if name != "train-tracker"]
    lines = outputs(dry_run("fancam", "film.mp4", "--training"))
    assert any(line.startswith("train-tracker tracker") for line in lines)


def test_all_stages(dry_run: DryRun, folder: Path) -> None:
    run = ["film.mp4", "--project", "p.fancam"]
    assert dry_run("fancam", *run) == [UP_TO_DATE]
    rename(Project(folder / "p.fancam"), {1: "Anna"})
    lines = outputs(dry_run("fancam", *run))
    assert [line.split()[0] for line in lines] == [
        name for name in COMMANDS if name != "train-tracker"
    ]
    assert "reviewed" in lines[0]
    assert lines[-1].startswith("smile-gifs smile GIFs film")


def test_another_footage(dry_run: DryRun, folder: Path) -> None:
    shutil.copy(folder / "film.mp4", folder / "encore.mp4")
    lines = outputs(dry_run("cluster-faces", "encore.mp4", "--project", "p.fancam"))
    assert lines[0] == "cluster-faces faces encore.mp4 not in the project yet"
    assert lines[1].startswith("cluster-faces people depends on the faces")
    assert len(lines) == 2


def test_a_config_file_cannot_set_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "p.fancam" / "config.toml").write_text("[crop-people]\ndry-run = true\n")
    assert COMMANDS["crop-people"](["p.fancam"]) == 2
    assert "dry-run is not read from a" in capsys.readouterr().err

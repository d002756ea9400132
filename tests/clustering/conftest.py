"""Fixtures that run `cluster-faces` in-process, with cheap or real networks, and drawn films."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from clustering import cli
from data.sample.film import draw_film
from tests.clips.catalogue import Clips
from tests.clustering.child import install_fakes, run_in_child
from tests.clustering.command import Ran, ran
from tests.clustering.fakes import CornerDetector

Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function: ``run("film.mp4", "--every", "2")`` runs in the folder ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Ran:
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return ran(code, printed.out, printed.err)

    return call


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> CornerDetector:
    """Replace the stage's networks by cheap ones; return the detector, which counts frames."""
    detector = CornerDetector()
    install_fakes(monkeypatch.setattr, detector)
    return detector


@pytest.fixture
def clip(clips: Clips, tmp_path: Path) -> Path:
    """Return an intact clip in the folder in which the command runs."""
    return Path(shutil.copy(clips("constant_rate.mp4"), tmp_path / "clip.mp4"))


@pytest.fixture(scope="session")
def undisturbed(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function: ``undisturbed(["--every", "1"], [])`` is the project after these runs."""
    made: dict[str, Path] = {}

    def project(*runs: Sequence[str]) -> Path:
        if str(runs) not in made:
            folder = tmp_path_factory.mktemp("undisturbed")
            shutil.copy(clips("constant_rate.mp4"), folder / "clip.mp4")
            for options in runs:
                assert run_in_child(folder, "clip.mp4", *options).code == 0
            made[str(runs)] = folder / "clip.fancam"
        return made[str(runs)]

    return project


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user of the machine may enter and write, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "work").mkdir()
        (folder / "work").chmod(0o777)
        yield folder / "work"
        for path in [folder / "work", *(folder / "work").rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw ``first.mp4`` with three of the cast, ``second.mp4`` with two of them and a fourth."""
    folder = tmp_path_factory.mktemp("films")
    draw_film(folder / "first.mp4", shots=["talk", "close-up"], duration_s=3)
    draw_film(folder / "second.mp4", shots=["profile", "peek"], duration_s=3)
    return folder


@pytest.fixture
def good(run: Run, detector: CornerDetector, clip: Path) -> Path:
    """Return a finished project."""
    assert run(clip).code == 0
    detector.frames = 0
    return clip.with_name("clip.fancam")

"""`fancam FOOTAGE`, killed once in every stage, gives the result of an undisturbed run."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from data.core.atomic import PARTIAL
from data.core.run_log import LOG_FILE
from data.sample.film import draw_film
from data.tables.faces import Faces
from data.tables.people import open_people
from tests.clustering.child import Death
from tests.cropping.written_video import read_video
from tests.killable import fancam_until
from tests.posix import needs_signals
from tests.records import stored_records

ARGUMENTS = ("film.mp4", "--no-review", "--weights", "yolo11n.yaml")
PROJECT = "film.fancam"

# Each stage is killed at this file operation, with the files of LEFT on disk.
DEATHS = {
    "cluster-faces": Death(r"rename .*/faces/film\.parts/.*-000002\.frames\.parquet"),
    "train-tracker": Death(r"rename .*/training/all/last\.pt", 2),
    "track-people": Death(r"rename .*/tracks/film\.parts/.*-000002\.npz"),
    "crop-people": Death(r"rename .*/\.pieces/.*-000003\.nut"),
    "smile-gifs": Death(r"rename .*/Person 2\.gif"),
}
LEFT = {
    "cluster-faces": r"faces/film\.parts/.*-000001\.frames\.parquet",
    "train-tracker": r"tracker/training/all/last\.pt",
    "track-people": r"tracks/film\.parts/.*-000001\.npz",
    "crop-people": r"crops/film/\.pieces/.*-000002\.nut",
    "smile-gifs": r"crops/film/Person 1\.gif",
}
SAME_BYTES = (".jpg", ".txt", ".yaml", ".csv", ".gif", ".npz")
"""Suffixes of files that are compared byte by byte."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = tmp_path_factory.mktemp("drawn") / "film.mp4"
    draw_film(film, shots=["talk", "close-up"], duration_s=5)
    return film


def copied(film: Path, folder: Path) -> Path:
    return Path(shutil.copytree(film.parent, folder))


def files(folder: Path) -> list[str]:
    found = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", LOG_FILE)
    )
    return sorted(path.relative_to(folder).as_posix() for path in found)


@needs_signals
@pytest.mark.alone
@pytest.mark.slow
def test_killed_once_in_every_stage(film: Path, tmp_path: Path) -> None:
    whole, killed = copied(film, tmp_path / "whole"), copied(film, tmp_path / "killed")
    code, output = fancam_until(whole, *ARGUMENTS, death=None)
    assert code == 0, output
    for stage, death in DEATHS.items():
        code, output = fancam_until(killed, *ARGUMENTS, death=death)
        assert code == -signal.SIGKILL, (stage, output)
        left = [path for path in files(killed / PROJECT) if re.fullmatch(LEFT[stage], path)]
        assert left, (stage, files(killed / PROJECT))
    code, output = fancam_until(killed, *ARGUMENTS, death=None)
    assert code == 0, output
    assert_same(killed / PROJECT, whole / PROJECT)


def assert_same(one: Path, other: Path) -> None:
    """Compare files, tables, videos and records."""
    assert files(one) == files(other)
    assert not [path for path in files(one) if PARTIAL in path or "parts" in path]
    alike = [path for path in files(one) if path.endswith(SAME_BYTES)]
    differ = [path for path in alike if (one / path).read_bytes() != (other / path).read_bytes()]
    assert differ == []
    assert (one / "crops/film/timeline.json").read_bytes() == (
        other / "crops/film/timeline.json"
    ).read_bytes()
    mine, theirs = (Faces.read(folder / "faces/film.parquet") for folder in (one, other))
    for column in Faces.COLUMNS:
        np.testing.assert_array_equal(getattr(mine, column), getattr(theirs, column))
    assert people_of(one) == people_of(other)
    assert sorted(stored_records(one)) == sorted(stored_records(other))
    for video in [path for path in files(one) if path.endswith(".mp4")]:
        first, second = read_video(one / video), read_video(other / video)
        np.testing.assert_array_equal(first.times_s, second.times_s)
        assert (first.codec, first.sound) == (second.codec, second.sound)


def people_of(folder: Path) -> tuple[dict[int, str], list[int]]:
    with open_people(folder / "people.sqlite") as people:
        return people.names(), people.assignments("film").person_id.tolist()

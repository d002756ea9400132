"""`fancam FOLDER`: one project of many footages; a broken one does not stop the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import fancam.cli
from data.project.project import Project
from data.sample.cast import CAST
from data.sample.film import draw_film
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.killable import drawn_person, fancam_until

HEROINE = CAST[0].name
OTHERS = [look.name for look in CAST[1:]]
DRAWN = {f"{number:02d}": HEROINE for number in range(1, 6)} | {
    f"{number:02d}": name for number, name in enumerate(OTHERS, start=6)
}
"""Person in each footage; there are also a footage without these people and a broken one."""
EMPTY, BROKEN = "11 nobody", "12 broken"


@pytest.fixture(scope="module")
def lessons(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "lessons"
    folder.mkdir()
    for seed, (name, person) in enumerate(DRAWN.items()):
        draw(folder / f"{name}.mp4", person, "close-up", seed)
    draw(folder / f"{EMPTY}.mp4", HEROINE, "talk", 0)  # with other people
    shutil.copy(clips("truncated.mp4"), folder / f"{BROKEN}.mp4")
    return folder


def draw(film: Path, person: str, shot: str, seed: int) -> None:
    draw_film(film, people=[person], shots=[shot], seed=seed, duration_s=1.4, size_wh=(320, 180))


@pytest.mark.slow
def test_twelve_footages(
    lessons: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tracking.training.report._USELESS_SHARE", 0)  # as in `tests.killable`
    arguments = (lessons.name, "--no-review", "--weights", "yolo11n.yaml")
    code, output = fancam_until(lessons.parent, *arguments, death=None)
    assert code == 1, output
    assert "Traceback" not in output, output
    models, *named = [
        line for line in output.splitlines() if line.startswith("fancam: ") and "%|" not in line
    ]
    assert "centerface and sface are missing" in models
    assert len(named) == 1, named
    assert f"{BROKEN}.mp4: this video is cut off" in named[0]
    project = Project(lessons.with_name("lessons.fancam"))
    assert sorted(project.footages) == sorted([*DRAWN, EMPTY])
    assert_each_person_is_found_once(project)
    for name in DRAWN:
        (video,) = project.crops_folder(name).glob("*.mp4")
        assert video.stat().st_size > 1000
    assert project.tracks_file(EMPTY).read_text("utf-8").count("\n") == 1
    assert not [path for path in project.crops_folder(EMPTY).glob("*") if path.suffix != ".parquet"]
    assert fancam.cli.main(["status", str(project.folder)]) == 0
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("everything is up to date; to watch the videos: ")
    )


def assert_each_person_is_found_once(project: Project) -> None:
    with open_people(project.people_file) as people:
        names = people.names()
        found = {name: people.assignments(name).person_id for name in project.footages}
    assert len(names) == len(CAST)
    drawn = {person: drawn_person(project, person) for person in names}
    assert sorted(drawn.values()) == sorted(look.name for look in CAST)
    for name, person_id in found.items():
        seen = {drawn[person] for person in np.unique(person_id[person_id >= 0]).tolist()}
        assert seen == ({DRAWN[name]} if name in DRAWN else set())

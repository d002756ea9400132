"""`cluster-faces` on many footages: a broken one does not stop the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.project.project import Project
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clustering.command import Ran, assert_refused, names
from tests.clustering.fakes import PEOPLE, CornerDetector

Run = Callable[..., Ran]
WITH_PEOPLE = ("01.mp4", "02.mp4", "deep/03.mp4")


@pytest.fixture
def lessons(clips: Clips, tmp_path: Path, detector: CornerDetector) -> Path:
    """Return a folder of footages with the same people, one broken, one without people."""
    del detector
    folder = tmp_path / "lessons"
    for name in WITH_PEOPLE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clips("constant_rate.mp4"), folder / name)
    (folder / "04 broken.mp4").write_bytes(b"no video" * 100)
    grey = np.full((96, 128, 3), 128, np.uint8)
    encode(folder / "05 nobody.mp4", [grey] * 30, rate=25)
    return folder


def people_of(project: Project, name: str) -> set[int]:
    with open_people(project.people_file) as people:
        return set(people.assignments(name).person_id.tolist()) - {-1}


def test_a_folder_is_one_project_of_the_same_people(run: Run, lessons: Path) -> None:
    done = run(lessons)
    assert_refused(done, "04 broken.mp4", "not a video", code=1)
    project = Project(lessons.with_name("lessons.fancam"))
    assert sorted(project.footages) == ["01", "02", "03", "05 nobody"]
    assert len(names(project.folder)) == PEOPLE
    for name in ("01", "02", "03"):
        assert people_of(project, name) == set(names(project.folder))
    assert people_of(project, "05 nobody") == set()
    assert (project.dataset_folder / "data.yaml").exists()
    again = run(lessons)
    assert again.code == 1
    assert any("already up to date" in line for line in again.out)


def test_several_names_need_a_project(run: Run, lessons: Path) -> None:
    assert_refused(run(lessons / "01.mp4", lessons / "02.mp4"), "set its folder with --project")
    assert_refused(run(lessons / "0*.mp4"), "set its folder with --project")
    assert run(lessons / "0[12].mp4", "--project", "a.fancam").code == 0
    assert sorted(Project(lessons.with_name("a.fancam")).footages) == ["01", "02"]


def test_no_usable_footage(run: Run, lessons: Path) -> None:
    (lessons / "04 b.mp4").write_bytes(b"")
    done = run(lessons / "04*.mp4", "--project", "a.fancam")
    assert_refused(done, "none of the footage can be used; the first of 2 errors:", "04 b.mp4")
    assert not lessons.with_name("a.fancam").exists()


def test_a_changed_footage_keeps_its_tables(run: Run, lessons: Path) -> None:
    assert run(lessons / "0[12].mp4", "--project", "a.fancam").code == 0
    project = Project(lessons.with_name("a.fancam"))
    before = people_of(project, "01")
    with (lessons / "01.mp4").open("ab") as file:
        file.write(b"more")
    done = run(lessons, "--project", "a.fancam")
    assert done.code == 1
    assert len(done.err) == 2
    assert any("it has changed since cluster-faces analysed it" in line for line in done.err)
    assert sorted(Project(project.folder).footages) == ["01", "02", "03", "05 nobody"]
    assert people_of(project, "01") == before


def test_a_pattern_without_a_match(run: Run) -> None:
    assert_refused(run("no*.mp4", "--project", "a.fancam"), "nothing matches this pattern")

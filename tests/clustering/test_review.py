"""Review decisions, the clustering after them, and the rewritten output."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clustering.grouping.footage import GroupingSettings
from clustering.output.write import pending_changes, write_people
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from data.core.arrays import UNKNOWN
from data.core.errors import InputError
from data.core.progress import bars
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import FACES
from data.tables.dataset import read_data_file
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import People, open_people
from data.video.pictures.jpeg import read_jpeg
from tests.clips.catalogue import Clips
from tests.clips.numbered import CORNER_PX
from tests.clustering.child import install_fakes
from tests.clustering.command import assignments, names
from tests.clustering.fakes import CornerDetector

BARS = bars("review")
QUICK = ClusterSettings(every_s=0.2)


@pytest.fixture(scope="module")
def clustered(clips: Clips, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project and its clip, whose coloured corners are the people."""
    folder = tmp_path_factory.mktemp("clustered")
    clip = Path(shutil.copy(clips("constant_rate.mp4"), folder / "clip.mp4"))
    with pytest.MonkeyPatch.context() as patch:
        install_fakes(patch.setattr, CornerDetector())
        cluster_faces(Project(folder / "clip.fancam"), [clip], QUICK, context=RunContext(BARS))
    return folder


@pytest.fixture
def project(clustered: Path, detector: CornerDetector, tmp_path: Path) -> Project:
    """Return a copy that a test may change."""
    del detector
    return Project(Path(shutil.copytree(clustered, tmp_path / "copy")) / "clip.fancam")


def person_ids(project: Project) -> list[int]:
    return [int(person) for person in assignments(project.folder, "clip").person_id]


def picked(project: Project, person: int, *numbers: int) -> dict[str, FaceKeys]:
    """Return some faces of a person, counted from 0."""
    table = assignments(project.folder, "clip")
    rows = np.flatnonzero(table.person_id == person)[list(numbers)]
    return {"clip": FaceKeys(table.time_s[rows], table.xyxy[rows])}


def decide(project: Project, *decisions: Decision) -> None:
    with open_people(project.people_file) as people:
        for decision in decisions:
            DecisionLog(people).decide(decision)


def rename(people: People, project: Project) -> None:
    del project
    DecisionLog(people).rename(1, "Zoë & <Bob>")


def merge(people: People, project: Project) -> None:
    del project
    DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))


def different(people: People, project: Project) -> None:
    del project
    DecisionLog(people).decide(Decision(DecisionKind.DIFFERENT, 2, 1))


def eject(people: People, project: Project) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=picked(project, 1, 0, 3)))


def move(people: People, project: Project) -> None:
    DecisionLog(people).decide(Decision(DecisionKind.MOVE, 2, faces=picked(project, 1, 1, 2)))


def accept(people: People, project: Project) -> None:
    faces = picked(project, 1, 0, 3)
    DecisionLog(people).decide(Decision(DecisionKind.EJECT, 1, faces=faces))
    DecisionLog(people).decide(Decision(DecisionKind.ACCEPT, 2, faces=faces))


def split(people: People, project: Project) -> None:
    DecisionLog(people).decide(
        Decision(DecisionKind.SPLIT, UNKNOWN, faces=picked(project, 1, 0, 1, 2, 3))
    )


def hide(people: People, project: Project) -> None:
    del project
    DecisionLog(people).decide(Decision(DecisionKind.HIDE, 3))


KINDS: list[Callable[[People, Project], None]] = [
    rename,
    merge,
    different,
    eject,
    move,
    accept,
    split,
    hide,
]
AGAIN = {
    "as before": QUICK,
    "all anew": ClusterSettings(every_s=0.2, force=True),
    "all are one": ClusterSettings(every_s=0.2, grouping=GroupingSettings(eps=1.2)),
    "plain": ClusterSettings(every_s=0.2, grouping=GroupingSettings(plain=True)),
}


@pytest.mark.parametrize("settings", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_next_clustering_keeps_the_decision(
    project: Project, kind: Callable[[People, Project], None], settings: ClusterSettings
) -> None:
    with open_people(project.people_file) as people:
        kind(people, project)
        before = people.assignments("clip").person_id
        known, hidden = people.names(), people.hidden()
    cluster_faces(project, [], settings, context=RunContext(BARS))
    with open_people(project.people_file) as people:
        after = people.assignments("clip").person_id
        assert people.hidden() == hidden
        if settings.grouping.eps == QUICK.grouping.eps:
            assert people.names() == known
            assert after.tolist() == before.tolist()
        else:  # other people may merge, but not against a decision
            assert_kept(kind.__name__, people, before, after)


def assert_kept(
    kind: str, people: People, before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]
) -> None:
    if kind == "rename":
        assert people.names()[1] == "Zoë & <Bob>"
    elif kind == "merge":
        assert 2 not in after
    elif kind == "different":
        assert not set(after[before == 1]) & set(after[before == 2])
    elif kind == "eject":
        assert (after[before == UNKNOWN] != 1).all()
    elif kind in ("move", "accept"):
        # Similar faces follow the moved ones, which keep their person.
        first = people.decisions()[-1].faces["clip"]
        rows = np.isin(people.assignments("clip").time_s, first.time_s) & (before == 2)
        assert (after[rows] == 2).all()
    elif kind == "split":
        new = before.max()
        assert (after[before == new] == new).all()
        assert (after[before == 1] != new).all()
    elif kind == "hide":
        assert 3 in people.hidden()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_undone_after_another_clustering(
    project: Project, kind: Callable[[People, Project], None]
) -> None:
    start, known = person_ids(project), names(project.folder)
    with open_people(project.people_file) as people:
        kind(people, project)
    cluster_faces(project, [], AGAIN["all anew"], context=RunContext(BARS))
    with open_people(project.people_file) as people:
        while DecisionLog(people).undo():
            pass
        assert people.names() == known
        assert people.assignments("clip").person_id.tolist() == start
        assert people.hidden() == frozenset()


def test_ejected_faces_belong_to_nobody_until_it_is_undone(project: Project) -> None:
    """Enough faces for a person of each of the four are ejected."""
    start, known = person_ids(project), names(project.folder)
    for person in known:
        faces = picked(project, person, 0, 2, 3, 5)
        decide(project, Decision(DecisionKind.EJECT, person, faces=faces))
    ejected = person_ids(project)
    for settings in (AGAIN["all anew"], replace(QUICK, every_s=0.4), AGAIN["all anew"]):
        cluster_faces(project, [], settings, context=RunContext(BARS))
        assert names(project.folder) == known
    assert person_ids(project) == ejected
    assert set(classes(project)) == set(known.values())
    with open_people(project.people_file) as people:
        while DecisionLog(people).undo():
            pass
    assert person_ids(project) == start


@pytest.mark.parametrize(
    "missing",
    [
        replace(QUICK, grouping=GroupingSettings(min_samples=20)),
        replace(QUICK, every_s=1.0),
        replace(QUICK, grouping=GroupingSettings(eps=1.2)),
    ],
    ids=["too few faces", "rarely sampled", "taken for another"],
)
@pytest.mark.parametrize("kind", [None, rename, different, hide], ids=lambda k: k and k.__name__)
def test_people_missed_in_one_run_are_found_again(
    project: Project, kind: Callable[[People, Project], None] | None, missing: ClusterSettings
) -> None:
    if kind is not None:
        with open_people(project.people_file) as people:
            kind(people, project)
    before, known = person_ids(project), names(project.folder)
    cluster_faces(project, [], missing, context=RunContext(BARS))
    cluster_faces(project, [], QUICK, context=RunContext(BARS))
    with open_people(project.people_file) as people:
        assert people.names() == known
        assert people.hidden() == ({3} if kind is hide else set())
    assert person_ids(project) == before


def test_decisions_do_not_repeat_the_clustering(project: Project) -> None:
    decide(project, Decision(DecisionKind.HIDE, 3))
    assert not cluster_faces(project, [], QUICK, context=RunContext(BARS)).up_to_date
    summary = cluster_faces(project, [], QUICK, context=RunContext(BARS))
    assert summary.up_to_date
    assert [person.name for person in summary.people if person.hidden] == ["Person 3"]


# --- rewriting --------------------------------------------------------------------------------


def classes(project: Project) -> tuple[str, ...]:
    return read_data_file(project.dataset_folder / "data.yaml").names


def folders(project: Project) -> set[str]:
    return {path.name for path in project.people_folder.iterdir() if path.is_dir()} - {"montage"}


def test_nothing_to_write(project: Project) -> None:
    review = pending_changes(project)
    assert (review.up_to_date, review.new, review.gone, review.changed_files) == (True, (), (), 0)
    assert review.people == tuple(names(project.folder).values())
    assert review.images > 0
    assert write_people(project, progress=BARS) == review


def test_names_are_written_and_change_no_image(project: Project) -> None:
    decide(project, Decision(DecisionKind.RENAME, 1, name="Zoë & <Bob>"))
    review = pending_changes(project)
    assert (review.up_to_date, review.changed_files) == (False, 0)
    assert (review.new, review.gone) == ((), ())
    assert review.renamed == (("Person 1", "Zoë & <Bob>"),)
    assert classes(project)[0] == "Person 1"
    write_people(project, progress=BARS)
    assert classes(project)[0] == "Zoë & <Bob>"
    assert "Zoë & _Bob_" in folders(project)
    assert pending_changes(project).up_to_date
    assert cluster_faces(project, [], QUICK, context=RunContext(BARS)).up_to_date


def test_a_merge_is_written(project: Project) -> None:
    before = classes(project)
    decide(project, Decision(DecisionKind.MERGE, 2, 1))
    review = write_people(project, progress=BARS)
    assert review.gone == ("Person 2",)
    assert review.changed_files > 0
    assert classes(project) == review.people == tuple(n for n in before if n != "Person 2")
    assert "Person 2" not in folders(project)


def test_hidden_people_are_neither_a_class_nor_background(project: Project) -> None:
    """Their faces are masked like unknown ones; their portraits stay."""
    frame = next(project.dataset_folder.glob("images/*/*.jpg"))
    before = read_jpeg(frame).astype(int)
    decide(project, Decision(DecisionKind.HIDE, 3))
    review = write_people(project, progress=BARS)
    assert review.gone == ("Person 3",)
    assert "Person 3" not in classes(project)
    assert "Person 3" in folders(project)
    table = assignments(project.folder, "clip")
    first = int(np.flatnonzero(table.person_id == 3)[0])
    x, y = table.xyxy[first, :2].astype(int) + CORNER_PX // 2
    changed = np.abs(read_jpeg(frame).astype(int) - before)[y - 3 : y + 3, x - 3 : x + 3]
    assert changed.mean() > 20
    decide(project, Decision(DecisionKind.SHOW, 3))
    assert write_people(project, progress=BARS).new == ("Person 3",)
    assert np.array_equal(read_jpeg(frame).astype(int), before)


def test_undone_before_it_was_written(project: Project) -> None:
    decide(project, Decision(DecisionKind.MERGE, 2, 1))
    with open_people(project.people_file) as people:
        DecisionLog(people).undo()
    assert pending_changes(project).up_to_date


def test_stopped_while_writing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings are kept, and the next run writes the missing files."""
    decide(project, Decision(DecisionKind.MERGE, 2, 1))
    monkeypatch.setattr("clustering.output.write.write_outputs", stop)
    with pytest.raises(KeyboardInterrupt):
        write_people(project, progress=BARS)
    monkeypatch.undo()
    assert not pending_changes(Project(project.folder)).up_to_date
    write_people(project, progress=BARS)
    stage = json.loads((project.folder / "project.json").read_text("utf-8"))["stages"]["people"]
    assert (stage["label_margin"], "stopped" in stage) == (0.15, False)
    assert "Person 2" not in classes(project)


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_not_clustered_yet(tmp_path: Path) -> None:
    empty = Project(tmp_path / "empty.fancam")
    with pytest.raises(InputError, match="run cluster-faces first"):
        pending_changes(empty)
    with pytest.raises(InputError, match="run cluster-faces first"):
        write_people(empty, progress=BARS)
    assert not (empty.folder / "people").exists()


def test_faces_that_are_not_clustered_yet(project: Project) -> None:
    record = project.require_record(FACES, "clip")
    project.finish(FACES, replace(record, every_s=3), "clip")
    with pytest.raises(InputError, match="run cluster-faces --project "):
        pending_changes(project)


def test_a_project_in_use_is_refused(project: Project) -> None:
    with project.lock(), pytest.raises(InputError, match="another run is using this project"):
        write_people(Project(project.folder), progress=BARS)

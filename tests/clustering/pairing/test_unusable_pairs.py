"""`cluster-faces --pair` with options or recordings that cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.project.project import Project
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.clustering.command import Ran, assert_refused, snapshot
from tests.clustering.drawn_lesson import RATE, draw_student
from tests.clustering.pairing.drawn_pair import (
    PAIR,
    STUDENT_ANALYSED,
    STUDENT_SEEN,
    seen,
    written,
)
from tests.records import stored_records

Run = Callable[..., Ran]

TWO = ["--pair", "student.mp4", "teacher.mkv"]
REFUSED: dict[str, tuple[list[str], list[str]]] = {
    "no project": (TWO, ["several videos go into one project: set its folder with --project"]),
    "one": (["--pair", "student.mp4"], ["--pair"]),
    "missing": (
        ["--pair", "student.mp4", "no.mp4"],
        ["none of the footage", "no.mp4: no such file"],
    ),
    "itself": (["--pair", "student.mp4", "student.mp4"], ["--pair student.mp4", "named twice"]),
    "in two pairs": ([*TWO, "--pair", "a.mp4", "teacher.mkv"], ["teacher.mkv", "named twice"]),
    "a picture": (["--pair", "student.mp4", "a.png"], ["--pair a.png", "not a video"]),
    "begun when": (
        ["--pair", "undated.mp4", "teacher.mkv"],
        ["undated.mp4 and teacher.mkv", "the start times are in neither", "--starts or --offset"],
    ),
    "far apart": (
        [*TWO, "--offset", "3600"],
        [
            "student.mp4 and teacher.mkv do not overlap",
            "on the clock of student.mp4, which runs from 0:00 to 0:50, teacher.mkv runs from",
            "from 1:00:05 to 1:00:58, according to --offset",
            "--starts or --offset",
        ],
    ),
    "not even a moment": ([*TWO, "--offset", "-58"], ["do not overlap", "-0:53 to 0:00"]),
    "no time": ([*TWO, "--starts", "noon", "10:00"], ["--starts noon: not a time"]),
    "one date": ([*TWO, "--starts", "2024-05-01T10:30", "10:31"], ["a date for both or neither"]),
    "one zone": ([*TWO, "--starts", "10:30Z", "10:31"], ["a time zone for both or neither"]),
    "both": (
        [*TWO, "--starts", "10:30", "10:31", "--offset", "60"],
        ["--offset", "give them once"],
    ),
    "no pair": (["student.mp4", "--offset", "3"], ["--offset: no pair before it"]),
    "no number": ([*TWO, "--offset", "soon"], ["--offset"]),
    "nan": ([*TWO, "--offset", "nan"], ["--offset nan"]),
    "endless": ([*TWO, "--offset", "1e12"], ["--offset 1e+12"]),
    "too short": ([*TWO, "--disconnect", "0.1"], ["--disconnect 0.1: give a number from 0.5"]),
    "nothing off": (["student.mp4", "--disconnect", "9"], ["--disconnect: there is no pair"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(run: Run, drawn: Path, lesson: Path, clips: Clips, case: str) -> None:
    shutil.copy(drawn / "undated.mp4", lesson)
    shutil.copy(clips("still.png"), lesson / "a.png")
    arguments, words = REFUSED[case]
    project = [] if case == "no project" else ["--project", "p"]
    assert_refused(run(*arguments, *project), *words)
    assert not (lesson / "p").exists()


def test_no_overlap_once_the_disconnects_are_known(run: Run, lesson: Path) -> None:
    """By its length the visit is within the student's recording, but the student was off air."""
    encode(lesson / "visit.mp4", pictures(50), rate=RATE)
    options = ("--project", "p", "--every", "5")
    assert run("student.mp4", *options).code == 0
    before = snapshot(lesson / "p")
    visit = run("--pair", "student.mp4", "visit.mp4", "--offset", "16", *options)
    assert_refused(visit, "do not overlap", "visit.mp4 runs from 0:16 to 0:21")
    after = snapshot(lesson / "p")
    assert [path for path in before if path != "project.json" and after[path] != before[path]] == []
    assert sorted(Project(lesson / "p").footages) == ["student"]
    assert "already up to date" in run("student.mp4", *options).out


def test_a_lesson_without_overlap_is_named(run: Run, drawn: Path, lesson: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(drawn / "student.mp4", lesson / name)
    done = run("--pair", "a.mp4", "b.mp4", "--offset", "500", *PAIR)
    assert_refused(done, "a.mp4 and b.mp4 do not overlap", code=1)
    assert sorted(Project(lesson / "p").footages) == ["student", "teacher"]
    assert seen(lesson, "student") == STUDENT_SEEN


def test_a_recording_without_its_partner_is_skipped(run: Run, drawn: Path, lesson: Path) -> None:
    """The other recording of a pair is not analysed alone, since its partner may come back."""
    shutil.copy(drawn / "student.mp4", lesson / "b.mp4")
    done = run("b.mp4", *PAIR[:2], "no.mkv", *PAIR[3:-1], "20")
    assert (done.code, len(done.err)) == (1, 2)
    assert "no.mkv: no such file" in done.err[0]
    assert "student.mp4: left out, since the other recording, no.mkv, cannot be used" in done.err[1]
    assert sorted(Project(lesson / "p").footages) == ["b"]


def test_a_black_recording(run: Run, lesson: Path) -> None:
    encode(lesson / "black.mp4", [np.zeros((96, 160, 3), np.uint8)] * 100, rate=RATE)
    done = run("student.mp4", "--project", "p", "--every", "20")
    assert done.code == 0
    before = stored_records(lesson / "p")["faces of student"]
    refused = run("--pair", "student.mp4", "black.mp4", "--offset", "1", "--project", "p")
    assert_refused(refused, "black.mp4: black or still throughout")
    project = Project(lesson / "p")
    assert sorted(project.footages) == ["student"]
    assert stored_records(lesson / "p")["faces of student"] == before


def test_a_changed_recording(run: Run, lesson: Path) -> None:
    assert run(*PAIR[:-1], "20").code == 0
    before = written(lesson)
    with (lesson / "teacher.mkv").open("ab") as file:
        file.write(b"more")
    changed = run(*PAIR[:-1], "20")
    assert_refused(changed, "teacher.mkv: it has changed since cluster-faces analysed it")
    assert written(lesson) == before
    assert run(*PAIR[:-1], "20", "--force").code == 0
    assert written(lesson) == before


def test_a_folder_with_a_pair_in_it(run: Run, lesson: Path) -> None:
    folder = lesson / "lessons"
    folder.mkdir()
    draw_student(folder / "alone.mp4")
    for name in ("student.mp4", "teacher.mkv"):
        (lesson / name).rename(folder / name)
    done = run("lessons", "--pair", "lessons/student.mp4", "lessons/teacher.mkv", "--every", "5")
    assert done.code == 0
    stages = stored_records(lesson / "lessons.fancam")
    assert "spans" not in stages["faces of alone"]
    assert stages["faces of student"]["spans"] == STUDENT_ANALYSED

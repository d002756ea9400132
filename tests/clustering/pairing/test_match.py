"""`cluster-faces --pair` on a drawn lesson with frame-exact ground truth."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from clustering.pairing import recordings
from clustering.state import states
from data.execution import segments
from data.project.project import Project
from data.storage.store import Store
from data.tables.faces import Frames
from data.tables.people import open_people
from data.video import footage
from tests.clustering.child import Death, run_in_child
from tests.clustering.command import Ran, assert_same_result, names, snapshot
from tests.clustering.drawn_lesson import RATE, film_lesson
from tests.clustering.fakes import CornerDetector
from tests.clustering.pairing.drawn_pair import (
    PAIR,
    RECORDINGS,
    STUDENT_ANALYSED,
    STUDENT_SEEN,
    TEACHER_ANALYSED,
    TEACHER_SEEN,
    seen,
    written,
)
from tests.machines import Machine
from tests.records import stored_records

Run = Callable[..., Ran]


def test_only_the_overlap_is_analysed(run: Run, lesson: Path) -> None:
    done = run(*PAIR)

    assert (done.code, done.err) == (0, [])
    assert seen(lesson, "student") == STUDENT_SEEN
    assert seen(lesson, "teacher") == TEACHER_SEEN
    times_s = Frames.read(Project(lesson / "p").frames_file("teacher")).time_s.tolist()
    assert times_s == pytest.approx([*range(23), *range(31, 44)])


@pytest.mark.slow
def test_a_filmed_lesson(run: Run, tmp_path: Path) -> None:
    """With the real networks, the people of both recordings are the same."""
    film_lesson(tmp_path)
    done = run(*PAIR, "--offset", "1", "--min-face", "80")
    assert (done.code, done.err) == (0, [])
    assert [line for line in done.out if " has no picture " in line] == [
        "  student has no picture from 0:08 for 6 s, back at 0:14",
        "  teacher has no picture from 0:13 for 6 s, back at 0:19",
    ]
    project = Project(tmp_path / "p")
    times_s = [Frames.read(project.frames_file(n)).time_s.round(3).tolist() for n in RECORDINGS]
    # The teacher's first picture is at 3.5 s of the lesson, and black from 13.1 to 18.9 s.
    assert times_s == [[*range(4, 9), *range(14, 26)], [*range(14), *range(19, 23)]]
    with open_people(project.people_file) as people:
        found = [set(people.assignments(name).person_id.tolist()) - {-1} for name in RECORDINGS]
    assert found[0] == found[1] == set(names(tmp_path / "p"))


def test_recordings_at_an_address(run: Run, lesson: Path, memory: str, machine: Machine) -> None:
    machine("first")
    files = ("student.mp4", "teacher.mkv")
    for name in files:
        Store(memory).send(lesson / name, name)
    done = run("--pair", *(f"{memory}/{name}" for name in files), *PAIR[3:])
    assert (done.code, done.err) == (0, [])
    assert seen(lesson, "teacher") == TEACHER_SEEN


def test_segments_do_not_change_the_result(
    run: Run, lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT_S", 10)
    assert run(*PAIR).code == 0
    assert seen(lesson, "student") == STUDENT_SEEN
    assert seen(lesson, "teacher") == TEACHER_SEEN


def test_report_and_json_file(run: Run, lesson: Path) -> None:
    done = run(*PAIR)

    place = next(i for i, line in enumerate(done.out) if line.startswith("student + teacher: "))
    assert done.out[place : place + 3] == [
        "student + teacher: overlap 0:07 to 0:50 of student, 0:00 to 0:43 of teacher "
        "(from the files' creation times), 2 disconnects",
        "  student has no picture from 0:15 for 8 s, back at 0:23",
        "  teacher has no picture from 0:23 for 8 s, back at 0:30",
    ]
    assert written(lesson) == {
        "recordings": [
            {
                "name": "student",
                "begun": "2024-05-01T10:30:00+00:00",
                "on": [[0, 15.3], [23.4, 50.5]],
                "common": [7.2, 50.5],
                "looked_at": STUDENT_ANALYSED,
                "looked_at_s": 35.2,
            },
            {
                "name": "teacher",
                "begun": "2024-05-01T10:30:02+00:00",
                "on": [[0, 22.9], [30.4, 52.8]],
                "common": [0, 43.3],
                "looked_at": TEACHER_ANALYSED,
                "looked_at_s": 35.8,
            },
        ],
        "second_begins_later_s": 2,
        "first_frames_apart_s": 7.2,
        "told_by": "creation_time",
        "common_s": 43.3,
        "disconnects": [
            {"name": "student", "off_s": 15.3, "back_s": 23.4, "lasts_s": 8.1},
            {"name": "teacher", "off_s": 22.9, "back_s": 30.4, "lasts_s": 7.5},
        ],
    }


def test_the_sampling_interval_follows_the_overlap(
    run: Run, lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footage, "TARGET_SAMPLES", 60)
    assert run(*PAIR[:-2]).code == 0
    stages = stored_records(lesson / "p")
    every_s = [stages[f"faces of {name}"]["every_s"] for name in ("student", "teacher")]
    assert every_s == pytest.approx([43.3 / 60] * 2)


@pytest.mark.parametrize(
    "options",
    [("--starts", "10:30:00", "10:30:02"), ("--offset", "2")],
    ids=lambda options: options[0],
)
def test_start_times_by_option(
    run: Run, drawn: Path, lesson: Path, options: tuple[str, ...]
) -> None:
    shutil.copy(drawn / "undated.mp4", lesson / "student.mp4")
    assert run(*PAIR, *options).code == 0
    assert seen(lesson, "student") == STUDENT_SEEN
    assert seen(lesson, "teacher") == TEACHER_SEEN
    assert written(lesson)["told_by"] == options[0]


def test_start_times_by_file_name(run: Run, drawn: Path, lesson: Path) -> None:
    first, second = "A 20240501_103000.mp4", "B 2024-05-01 10.30.01.mp4"
    shutil.copy(drawn / "undated.mp4", lesson / first)
    shutil.copy(drawn / "undated.mp4", lesson / second)
    done = run("--pair", first, second, "--project", "p", "--every", "5")
    assert done.code == 0
    assert any("(from the file names), 2 disconnects" in line for line in done.out)


@pytest.mark.parametrize(
    ("options", "disconnects"),
    [(("--disconnect", "7.8"), 1), (("--disconnect", "20"), 0)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_disconnects(run: Run, lesson: Path, options: tuple[str, ...], disconnects: int) -> None:
    assert run(*PAIR, *options, "--every", "20").code == 0
    assert len(written(lesson)["disconnects"]) == disconnects


# --- later runs ---------------------------------------------------------------------------------


def test_a_second_run_does_nothing(run: Run, lesson: Path, detector: CornerDetector) -> None:
    assert run(*PAIR).code == 0
    before, frames = snapshot(lesson / "p"), detector.frames
    again = run(*PAIR)
    assert "already up to date" in again.out
    assert any("2 disconnects" in line for line in again.out)
    unnamed = run("--project", "p", "--every", "1")
    assert "already up to date" in unnamed.out
    assert snapshot(lesson / "p") == before
    assert detector.frames == frames


def test_another_offset_is_analysed_again(
    run: Run, lesson: Path, detector: CornerDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*PAIR).code == 0
    monkeypatch.setattr(recordings, "on_air_intervals", None)  # the on-air intervals are stored
    detector.frames = 0

    assert run(*PAIR, "--offset", "-3").code == 0

    # With this offset, the teacher's camera is switched on at -3 + 5.2 s.
    assert detector.frames > 0
    assert seen(lesson, "student") == [*range(30, 151, RATE), *range(240, 501, RATE)]
    assert written(lesson)["recordings"][1]["common"] == [0, 48.3]


def test_a_recording_named_alone_is_analysed_whole(run: Run, lesson: Path) -> None:
    assert run(*PAIR).code == 0
    assert run("student.mp4", "--project", "p", "--every", "5").code == 0
    assert seen(lesson, "student") == [0, 50, 100, 150, 234, 250, 300, 350, 400, 450, 500]
    assert list((lesson / "p" / "pairs").iterdir()) == []


@pytest.fixture(scope="session")
def undisturbed(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project after a complete run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("student.mp4", "teacher.mkv"):
        shutil.copy(drawn / name, folder)
    assert run_in_child(folder, *PAIR).code == 0
    return folder / "p"


@pytest.mark.parametrize(
    "what",
    [
        r"rename .*student\.parts/.*-000003\.frames\.parquet",
        pytest.param(r"rename .*project\.json", marks=pytest.mark.slow),
        pytest.param(r"rename .*student\+teacher\.json", marks=pytest.mark.slow),
        pytest.param(r"rename .*teacher\.parts/.*-000001\.frames\.parquet", marks=pytest.mark.slow),
        pytest.param(r"rename .*faces/teacher\.parquet", marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed(
    run: Run, lesson: Path, detector: CornerDetector, undisturbed: Path, what: str
) -> None:
    killed = run_in_child(lesson, *PAIR, death=Death(what))
    assert killed.code == -signal.SIGKILL, killed
    assert run(*PAIR).code == 0
    left = len(STUDENT_SEEN) + len(TEACHER_SEEN) - detector.frames
    assert (left > 0) == ("parquet" in what)
    assert_same_result(lesson / "p", undisturbed)


@pytest.mark.parametrize(
    "options",
    [(), ("--starts", "10:30:00", "10:30:02"), ("--offset", "-3", "--disconnect", "6")],
    ids=lambda options: " ".join(options),
)
def test_the_command_of_the_status_keeps_the_pair(
    run: Run, lesson: Path, options: tuple[str, ...]
) -> None:
    assert run(*PAIR, *options, "--every", "10").code == 0
    before = written(lesson)
    project = Project(lesson / "p")
    project.frames_file("teacher").unlink()
    for state in states(project):
        if state.command:
            assert run(*state.command[1:], "--every", "10").code == 0
    assert [state.state for state in states(Project(lesson / "p"))] == ["done"] * 3
    assert written(lesson) == before

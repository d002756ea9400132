"""A run that is killed at any moment and started again gives the result of one run."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from clustering.faces import stage
from clustering.output.write import pending_changes
from clustering.state import states
from data.execution import segments
from data.project.project import Project
from data.project.stages import FACES
from data.project.status import StageStatus
from data.tables.faces import Frames
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clustering.child import PART_FRAMES, Death, run_in_child
from tests.clustering.command import (
    Ran,
    assert_nothing_half_written,
    assert_refused,
    assert_same_result,
    snapshot,
)
from tests.clustering.fakes import CornerDetector

Run = Callable[..., Ran]
Undisturbed = Callable[..., Path]

BEFORE, OPTIONS = ("--every", "0.5"), ("--every", "0.15")
FRAMES = 20  # of 3 s, so 5 parts

DEATHS = {
    "project is noted": Death(r"rename .*project\.json"),
    "first picture": Death(r"write .*/clip\.parts/.*\.jpg"),
    "some picture": Death(r"write .*/clip\.parts/.*\.jpg", 53),
    "some portrait is renamed": Death(r"rename .*/clip\.parts/.*-2\.jpg", 11),
    "first part": Death(r"rename .*-000000\.faces\.parquet"),
    "first part, half of it there": Death(r"rename .*-000000\.frames\.parquet"),
    "third part, half of it there": Death(r"rename .*-000002\.frames\.parquet"),
    "last part": Death(r"rename .*-000004\.faces\.parquet"),
    "new tables": Death(r"rename .*/clip\.parts/.*/faces\.parquet"),
    "pictures are put in place": Death(r"rename .*/faces/clip/\d+-1\.jpg", 9),
    "tables": Death(r"rename .*/faces/clip\.frames\.parquet"),
    "tables, one of them there": Death(r"rename .*/faces/clip\.parquet"),
    "tables, both there": Death(r"rename .*project\.json", 2),
    "noted, no part is removed": Death(r"remove (?!.*partial).*-00000\d"),
    "parts are removed": Death(r"remove (?!.*partial).*-00000\d", 3),
    "people file": Death(r"sql\s+CREATE TABLE faces"),
    "faces are assigned": Death(r"sql\s+INSERT INTO faces", 77),
    "people are made": Death(r"sql\s+INSERT INTO people", 3),
    "assignment is committed": Death(r"sql\s+COMMIT", 2),
    "portraits are listed": Death(r"rename .*/people/\.generated"),
    "portraits": Death(r"link .*/people/Person 2/", 8),
    "montage": Death(r"rename .*/montage/Person 3"),
    "dataset is listed": Death(r"rename .*/dataset/\.generated"),
    "images": Death(r"link .*/images/train/", 4),
    "labels": Death(r"rename .*/labels/val/", 2),
    "data.yaml": Death(r"rename .*data\.yaml"),
    "people are noted": Death(r"rename .*project\.json", 3),
}
OVER_A_RESULT = {
    "people are forgotten": Death(r"rename .*project\.json", 2),
    "some picture": DEATHS["some picture"],
    "third part, half of it there": DEATHS["third part, half of it there"],
    "tables, one of them there": DEATHS["tables, one of them there"],
    "stale pictures are removed": Death(r"remove .*\d{8}\.jpg", 2),
    "faces are assigned": DEATHS["faces are assigned"],
    "portraits": DEATHS["portraits"],
    "portraits are removed": Death(r"remove .*/people/", 2),
    "labels": DEATHS["labels"],
}

SLOW = {
    "first picture",
    "some portrait is renamed",
    "first part, half of it there",
    "last part",
    "tables",
    "parts are removed",
    "people are made",
    "portraits are listed",
    "dataset is listed",
    "images",
}
QUICK = {"third part, half of it there", "portraits are removed"}


def finished_frames(folder: Path) -> int:
    """Return the number of frames in the checkpoints of a killed run."""
    project = Project(folder)
    if tables_are_finished(project):
        return FRAMES
    parts = project.parts_folder("clip").glob("*.frames.parquet")
    return sum(len(Frames.read(part)) for part in parts if not part.name.startswith("."))


def tables_are_finished(project: Project) -> bool:
    record = project.record(FACES, "clip")
    return record is not None and record.every_s == float(OPTIONS[1])


def kill(clip: Path, death: Death) -> None:
    result = run_in_child(clip.parent, "clip.mp4", *OPTIONS, death=death)
    assert result.code == -signal.SIGKILL, result


def resume(run: Run, clip: Path, detector: CornerDetector) -> None:
    """Run to the end, and once more with nothing to do."""
    folder = clip.with_name("clip.fancam")
    finished = finished_frames(folder)
    kept = [*folder.glob("faces/*.parquet"), *folder.glob("faces/clip/*.jpg")]
    done = kept if tables_are_finished(Project(folder)) else []
    changed_at = [path.stat().st_mtime_ns for path in done]
    result = run("clip.mp4", *OPTIONS)
    assert (result.code, result.err) == (0, [])
    assert detector.frames == FRAMES - finished
    assert [path.stat().st_mtime_ns for path in done] == changed_at
    before = snapshot(folder)
    again = run("clip.mp4", *OPTIONS)
    assert "(already done)" in again.out[0]
    assert "already up to date" in again.out
    assert snapshot(folder) == before
    assert detector.frames == FRAMES - finished


@pytest.mark.parametrize(
    "moment",
    [pytest.param(moment, marks=pytest.mark.slow if moment in SLOW else []) for moment in DEATHS],
)
def test_killed(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Undisturbed, moment: str
) -> None:
    kill(clip, DEATHS[moment])
    resume(run, clip, detector)
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(moment, marks=[] if moment in QUICK else pytest.mark.slow)
        for moment in OVER_A_RESULT
    ],
)
def test_killed_over_a_good_result(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Undisturbed, moment: str
) -> None:
    """The project already has people from other settings."""
    assert run("clip.mp4", *BEFORE).code == 0
    detector.frames = 0
    kill(clip, OVER_A_RESULT[moment])
    resume(run, clip, detector)
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(BEFORE, OPTIONS))


@pytest.mark.slow
def test_killed_repeatedly(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Undisturbed
) -> None:
    """Every run finishes at least one more part."""
    for part in range(FRAMES // PART_FRAMES):
        kill(clip, Death(rf"rename .*-{part:06d}\.frames\.parquet"))
        assert finished_frames(clip.with_name("clip.fancam")) == part * PART_FRAMES
        done = Death(r"write .*/clip\.parts/.*\.jpg", 5 * PART_FRAMES + 8)
        if part < FRAMES // PART_FRAMES - 1:
            kill(clip, done)
    resume(run, clip, detector)
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))


@pytest.mark.slow
@pytest.mark.parametrize("offset", range(3))
def test_killed_at_every_moment(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Undisturbed, offset: int
) -> None:
    """One project is killed at many moments spread over the whole run."""
    count = 1 + offset
    while run_in_child(clip.parent, "clip.mp4", *OPTIONS, death=Death("", count)).code:
        assert_project_opens(clip.with_name("clip.fancam"))
        count += 41
    resume(run, clip, detector)
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))


def assert_project_opens(folder: Path) -> None:
    """Assert that all files present can be read."""
    project = Project(folder)
    if project.people_file.exists():
        with open_people(project.people_file) as people:
            assert sorted(people.names()) in ([], [1, 2, 3, 4])


@pytest.mark.usefixtures("detector")
def test_long_footage_is_analysed_in_segments(
    run: Run, clip: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "CHECKPOINT_FRAMES", PART_FRAMES)
    monkeypatch.setattr(segments, "SEGMENT_S", 0.1)
    assert run(clip, *OPTIONS).code == 0
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))


@pytest.mark.parametrize(
    "moment",
    ["some picture", "third part, half of it there", "montage"],
)
def test_stopped_by_ctrl_c(
    run: Run, detector: CornerDetector, clip: Path, undisturbed: Undisturbed, moment: str
) -> None:
    death = DEATHS[moment]
    stop = Death(death.what, death.count, signal.SIGINT)
    result = run_in_child(clip.parent, "clip.mp4", *OPTIONS, death=stop)
    assert_refused(result, "stopped", "run the same command again to resume", code=130)
    assert_nothing_half_written(clip.parent)
    resume(run, clip, detector)
    assert_same_result(clip.with_name("clip.fancam"), undisturbed(OPTIONS))


def test_force_repeats_the_run(run: Run, detector: CornerDetector, clip: Path) -> None:
    assert run("clip.mp4", *OPTIONS).code == 0
    folder = clip.with_name("clip.fancam")
    before = {path: content for path, (_, content) in snapshot(folder).items()}
    assert run("clip.mp4", *OPTIONS, "--force").code == 0
    assert detector.frames == 2 * FRAMES
    after = snapshot(folder)
    labels = [path for path in before if path.endswith(".txt")]
    assert labels
    assert [path for path in labels if after[path][1] != before[path]] == []


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        (["--eps", "0.4"], 0),
        (["--label-margin", "0.3"], 0),
        (["--min-samples", "7"], 0),
        (["--plain"], 0),
        (["--threads", "1"], 0),
        (["--runtime", "onnxruntime"], 0),
        (["--min-face", "90"], FRAMES),
        (["--detector", "hog"], FRAMES),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_changed_settings_repeat_only_dependent_steps(
    run: Run, detector: CornerDetector, clip: Path, options: list[str], frames: int
) -> None:
    assert run(clip, *OPTIONS).code == 0
    detector.frames = 0
    assert run(clip, *OPTIONS, *options).code == 0
    assert detector.frames == frames


@pytest.mark.parametrize(
    "moment",
    [
        "first picture",
        "third part, half of it there",
        "tables",
        "tables, one of them there",
        "people are forgotten",
    ],
)
def test_a_forced_run_that_is_stopped_keeps_the_result(
    run: Run, detector: CornerDetector, clip: Path, moment: str
) -> None:
    """Tables, labels and records of the earlier run stay in force."""
    assert run("clip.mp4", *OPTIONS).code == 0
    folder = clip.with_name("clip.fancam")
    before, detector.frames = snapshot(folder), 0
    death = (DEATHS | OVER_A_RESULT)[moment]
    stop = Death(death.what, death.count, signal.SIGINT)
    result = run_in_child(clip.parent, "clip.mp4", *OPTIONS, "--force", death=stop)
    assert_refused(result, "stopped", code=130)
    after = snapshot(folder)
    kept = [path for path in before if path.startswith(("people", "dataset", "faces/clip/"))]
    assert [path for path in kept if after[path][1] != before[path][1]] == []
    assert Project(folder).has_record(FACES, "clip")
    assert Project(folder).label_margin == 0.15
    again = run("clip.mp4", *OPTIONS)
    assert (again.code, detector.frames) == (0, 0)
    assert states(Project(folder)) == [StageStatus("faces", "clip"), StageStatus("people", "")]


@pytest.mark.parametrize(
    ("moment", "replaced"),
    [
        pytest.param("some picture", True, id="changed footage, some picture"),
        pytest.param("new tables", True, id="changed footage, new tables", marks=pytest.mark.slow),
        pytest.param("third part, half of it there", False, id="other options, third part"),
    ],
)
def test_a_stopped_run_keeps_the_earlier_result(
    run: Run, detector: CornerDetector, clips: Clips, clip: Path, moment: str, replaced: bool
) -> None:
    """Until the new faces are whole, the old ones stay in force, with their pictures and people."""
    assert run("clip.mp4", *BEFORE).code == 0
    folder, options = clip.with_name("clip.fancam"), [*OPTIONS, *(["--force"] if replaced else [])]
    before, faces = in_force(folder), Project(folder).record(FACES, "clip")
    if replaced:
        shutil.copy(clips("varying_rate.mp4"), clip)
    death = DEATHS[moment]
    stop = Death(death.what, death.count, signal.SIGINT)
    result = run_in_child(clip.parent, "clip.mp4", *options, death=stop)
    assert_refused(result, "stopped", code=130)
    assert in_force(folder) == before
    project = Project(folder)
    assert project.record(FACES, "clip") == faces
    assert pending_changes(project).up_to_date
    kept = sum(len(Frames.read(part)) for part in project.parts_folder("clip").glob("*.frames.*"))
    detector.frames = 0
    assert run("clip.mp4", *options).code == 0
    found = Project(folder)
    assert found.record(FACES, "clip") != faces
    assert found.footages["clip"].size_bytes == clip.stat().st_size
    frames = Frames.count(found.frames_file("clip"))
    assert detector.frames == frames - kept
    assert not found.parts_folder("clip").exists()
    stills = [path for path in found.still_file("clip", 0).parent.iterdir() if "-" not in path.name]
    assert len(stills) == frames


def in_force(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a result."""
    kept = ("faces/clip/", "faces/clip.parquet", "faces/clip.frames", "people/", "dataset/")
    return {
        path: content
        for path, (_, content) in snapshot(folder).items()
        if path.startswith((*kept, "project.json"))
    }

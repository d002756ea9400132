"""`cluster-faces --known`: known people get their names at once, by decisions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from clustering.faces.networks.detector import FaceDetections
from data.core.arrays import Image
from data.project.project import Project
from data.sample.film import cast
from data.sample.truth import read_truth
from data.tables.dataset import read_data_file
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces
from data.tables.people import open_people
from data.video.pictures.jpeg import write_jpeg
from tests.clips.numbered import CORNERS, HEIGHT, WIDTH
from tests.clustering.command import (
    Ran,
    assert_refused,
    assignments,
    changed,
    listed,
    names,
    snapshot,
)
from tests.clustering.fakes import CornerDetector
from tests.clustering.known.people import write_photo, write_photos

Run = Callable[..., Ran]


def colours(project: Path) -> dict[str, str]:
    """Return the name of the person in each corner, by the corner's colour."""
    table = assignments(project, "clip")
    middle = (table.xyxy[:, :2] + table.xyxy[:, 2:]) / 2
    corner = 2 * (middle[:, 1] > HEIGHT / 2) + (middle[:, 0] > WIDTH / 2)
    found = {int(c): int(p) for c, p in zip(corner, table.person_id, strict=True)}
    return {colour: names(project)[found[i]] for i, colour in enumerate(CORNERS)}


def decide(project: Path, *decisions: Decision) -> None:
    with open_people(Project(project).people_file) as people:
        for decision in decisions:
            DecisionLog(people).decide(decision)


def number_of(project: Path, name: str) -> int:
    return {name: person for person, name in names(project).items()}[name]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", Zoe="blue", Anna="red")


def test_known_people_get_their_names_at_once(
    run: Run, detector: CornerDetector, clip: Path, photos: Path
) -> None:
    del detector
    result = run(clip, "--known", photos)
    assert result.code == 0
    project = clip.with_name("clip.fancam")
    found = colours(project)
    assert (found["red"], found["blue"]) == ("Anna", "Zoe")
    assert found["green"].startswith("Person ")
    assert found["white"].startswith("Person ")
    notes = [line for line in result.out if line.startswith("renamed ")]
    assert [line.split()[-1] for line in notes] == [
        name for name in names(project).values() if not name.startswith("Person")
    ]
    assert {"Anna", "Zoe"} < set(listed(project / "people"))
    assert {"Anna", "Zoe"} < set(read_data_file(project / "dataset" / "data.yaml").names)


def test_a_second_run_changes_nothing(
    run: Run, detector: CornerDetector, clip: Path, photos: Path
) -> None:
    assert run(clip, "--known", photos).code == 0
    project = clip.with_name("clip.fancam")
    before, detector.frames = snapshot(project), 0
    again = run(clip, "--known", photos)
    assert "already up to date" in again.out
    assert changed(before, snapshot(project)) == []
    assert detector.frames == 0  # all known people have been found
    write_photos(photos, Nils="white")
    assert "Nils" in " ".join(run(clip, "--known", photos).out)
    assert colours(project)["white"] == "Nils"
    assert "Nils" in listed(project / "people")


def test_without_a_match_nothing_changes(run: Run, good: Path, tmp_path: Path) -> None:
    before = snapshot(good)
    write_photo(tmp_path / "photos" / "Anna" / "1.png")
    result = run("clip.mp4", "--known", "photos")
    assert result.code == 0
    assert "already up to date" in result.out
    assert changed(before, snapshot(good)) == []


def test_an_existing_project_keeps_its_faces(
    run: Run, good: Path, photos: Path, detector: CornerDetector
) -> None:
    result = run("clip.mp4", "--known", photos)
    assert result.code == 0
    assert any("(already done)" in line for line in result.out)
    assert detector.frames == 4  # the pictures
    assert {"Anna", "Zoe"} < set(names(good).values())


def test_the_naming_is_undoable_and_not_repeated(run: Run, good: Path, photos: Path) -> None:
    run("clip.mp4", "--known", photos)
    with open_people(Project(good).people_file) as people:
        notes = [entry.note for entry in DecisionLog(people).history()]
        assert sorted(note.split(" to ")[1] for note in notes) == ["Anna", "Zoe"]
        undone = DecisionLog(people).undo()
    assert undone is not None
    name = undone.note.split()[-1]
    assert name not in names(good).values()
    assert run("clip.mp4", "--known", photos).code == 0
    assert name not in names(good).values()


def test_the_next_clustering_keeps_the_names(run: Run, good: Path, photos: Path) -> None:
    run("clip.mp4", "--known", photos)
    before = colours(good)
    assert run("clip.mp4", "--force", "--every", "0.5").code == 0
    assert colours(good) == before


def test_no_name_of_a_user_is_replaced_or_taken(run: Run, good: Path, photos: Path) -> None:
    plain = colours(good)
    red, white = (number_of(good, plain[colour]) for colour in ("red", "white"))
    decide(
        good,
        Decision(DecisionKind.RENAME, red, name="Maria"),
        Decision(DecisionKind.RENAME, white, name="ZOE"),
    )
    assert run("clip.mp4", "--known", photos).code == 0
    assert colours(good) == {**plain, "red": "Maria", "white": "ZOE"}


def test_unusable_pictures_are_named_and_skipped(
    run: Run, detector: CornerDetector, clip: Path, photos: Path
) -> None:
    del detector
    write_photo(photos / "Anna" / "none.png")
    write_photo(photos / "Anna" / "two.png", "red", "blue")
    (photos / "Anna" / "damaged.jpg").write_bytes(b"no picture")
    (photos / "Empty").mkdir()
    write_photo(photos / "Person 2" / "1.png", "white")
    result = run(clip, "--known", photos)
    assert (result.code, result.err) == (0, [])
    warnings = [line for line in result.out if line.startswith("warning: skipped ")]
    assert [
        line.removeprefix(f"warning: skipped {photos}").split(":")[0][1:] for line in warnings
    ] == [
        "Empty",
        "Person 2",
        "Anna/damaged.jpg",
        "Anna/none.png",
        "Anna/two.png",
    ]
    assert "no face found in it" in warnings[3]
    assert "it shows 2 faces" in warnings[4]
    assert colours(clip.with_name("clip.fancam"))["red"] == "Anna"


@pytest.mark.parametrize("kind", ["two faces", "damaged"])
def test_only_unusable_pictures(run: Run, detector: CornerDetector, clip: Path, kind: str) -> None:
    del detector
    picture = clip.parent / "photos" / "Anna" / "1.png"
    write_photo(picture, "red", "blue")
    if kind == "damaged":
        picture.write_bytes(b"no picture")
    result = run(clip, "--known", "photos")
    assert result.code == 0
    assert all(name.startswith("Person ") for name in names(clip.with_name("clip.fancam")).values())


def test_a_small_face_in_the_background_does_not_count(
    run: Run, detector: CornerDetector, clip: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del detector

    def with_small(self: CornerDetector, images: Sequence[Image]) -> list[FaceDetections]:
        small = np.array([[40, 40, 45, 45]], np.float32)
        return [
            FaceDetections(
                xyxy=np.concatenate([found.xyxy, small]),
                score=np.append(found.score, np.float32(1)),
            )
            for found in detect(self, images)
        ]

    detect = CornerDetector.__call__
    assert run(clip).code == 0
    monkeypatch.setattr(CornerDetector, "__call__", with_small)
    result = run(clip, "--known", photos)
    assert not any("skipped" in line for line in result.out)
    assert {"Anna", "Zoe"} < set(names(clip.with_name("clip.fancam")).values())


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_no_known_people(
    run: Run, detector: CornerDetector, clip: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "empty":
        (tmp_path / "photos").mkdir()
    assert_refused(run(clip, "--known", "photos"), "photos")
    assert not clip.with_name("clip.fancam").exists()
    assert detector.frames == 0


def test_nothing_of_the_pictures_is_stored(run: Run, good: Path, photos: Path) -> None:
    stored = {path for path in good.rglob("*") if path.is_file()}
    run("clip.mp4", "--known", photos)
    new = {path for path in good.rglob("*") if path.is_file()} - stored
    assert {path.relative_to(good).parts[0] for path in new} == {"people"}
    assert not any(str(photos).encode() in path.read_bytes() for path in good.rglob("*.json"))


# --- with the real networks -------------------------------------------------------------------


def known_cast(run: Run, films: Path, folder: Path) -> None:
    """Name the cast of the first film after their portraits, those who are not in it as well."""
    for name, image in cast().items():
        (folder / "photos" / name).mkdir(parents=True)
        write_jpeg(folder / "photos" / name / "portrait.jpg", image)
    shutil.copy(films / "first.mp4", folder)
    result = run("first.mp4", "--known", "photos")
    assert result.code == 0
    project = Project(folder / "first.fancam")
    truth = read_truth(films / "first.mp4")
    faces = Faces.read(project.faces_file("first"))
    people = assignments(project.folder, "first").person_id
    named = names(project.folder)
    assert set(named.values()) == set(truth.person.tolist()) == {"Amara", "Bruno", "Mei"}
    for frame, box, person in zip(faces.frame_index, faces.xyxy, people, strict=True):
        rows = np.flatnonzero(truth.frame_index == frame)
        nearest = rows[np.abs(truth.xyxy[rows] - box).sum(axis=1).argmin()]
        assert named.get(int(person), truth.person[nearest]) == truth.person[nearest]


def test_the_drawn_cast_by_dlib(run: Run, films: Path, tmp_path: Path) -> None:
    known_cast(run, films, tmp_path)


def test_the_drawn_cast_by_sface(run: Run, films: Path, tmp_path: Path, face_models: Path) -> None:
    del face_models
    known_cast(run, films, tmp_path)
    assert Faces.read(Project(tmp_path / "first.fancam").faces_file("first")).sface.any()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cropping.render.encoder import EncoderSettings
from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.core.errors import InputError
from data.execution.context import RunContext
from data.execution.failures import Failures
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import TRACKS
from tests.bars import no_bar
from tests.clips.encoding import encode
from tests.clips.numbered import picture
from tests.cropping.small_project import NAMES, QUICK, add_tracks, contents, crop
from tests.cropping.tracked_project import (
    add_footage,
    at_rate,
    box,
    timeline_of,
    tracks_of,
)


def without_tracks(project: Project) -> None:
    project.unfinish(TRACKS, "film")


def never_seen(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(40), {}))


def outside(project: Project) -> None:
    rows = {1: {0: box(50, 50), 7: box(-80, 40)}}
    add_tracks(project, tracks_of(at_rate(40), rows))


def of_another_footage(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(90), {1: {80: box(50, 50)}}), frames=40)


def changed(project: Project) -> None:
    encode(project.footages["film"].path, [picture(n) for n in range(20)])


def gone(project: Project) -> None:
    project.footages["film"].path.unlink()


def in_the_way(project: Project) -> None:
    folder = project.crops_folder("film")
    folder.mkdir(parents=True)
    (folder / "Anna.mp4").write_text("mine")


def damaged_timeline(project: Project) -> None:
    project.detections_file("film").write_bytes(b"no zip")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_tracks, "not tracked yet; run track-people .*film.fancam"),
        (never_seen, "film: no person was seen in it; there is nothing to crop"),
        (outside, r"frame 7 \(160x96\) has a face outside the picture; run track-people again"),
        (of_another_footage, "does not belong to this footage"),
        (
            changed,
            "it has changed since it was tracked; to track it again: .*, then track-people",
        ),
        (gone, "put it back"),
        (in_the_way, "did not create the existing file; move it elsewhere"),
        (damaged_timeline, "not readable .*; run track-people PROJECT --force"),
    ],
)
def test_bad_input(project: Project, spoil: Callable[[Project], None], message: str) -> None:
    spoil(project)
    before = contents(project)
    with pytest.raises(InputError, match=message) as error:
        crop(project)
    assert "\n" not in str(error.value)
    assert contents(project) == before
    assert not (project.crops_folder("film") / WORK_FOLDER).exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"people": ("Cleo",)}, "Cleo: no person of this name; the project has Anna, Ben"),
        ({"encoder": EncoderSettings("h264_none")}, "h264_none: no such encoder on this machine"),
        ({"encoder": EncoderSettings("mpeg4")}, "mpeg4: encodes mpeg4"),
    ],
    ids=["unknown person", "no encoder", "not H.264"],
)
def test_bad_settings(project: Project, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        crop(project, **settings)
    assert contents(project) == {}


def test_a_face_slightly_beyond_the_edge_is_accepted(project: Project) -> None:
    """Smoothing may move a face there."""
    rows = {1: {f: box(10 - f, 40) for f in range(26)}, 2: {0: box(165, 100), 1: box(50, 40, 0)}}
    add_tracks(project, tracks_of(at_rate(40), rows))
    assert len(crop(project).people) == 2


def test_people_without_tracks_are_listed(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(40), {1: {3: box(50, 50)}}))
    summary = crop(project)
    assert [person.name for person in summary.people] == ["Anna"]
    assert summary.never_seen == ("Ben",)
    with pytest.raises(InputError, match="Ben: never seen in film; choose another person"):
        crop(project, people=("Ben",))


def test_one_bad_footage_does_not_stop_the_run(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    encode(other, [picture(n) for n in range(10)], rate=25)
    add_footage(project, other, tracks_of(at_rate(10), {1: {3: box(50, 50)}}), NAMES, at_rate(10))
    without_tracks(project)
    failures, settings = Failures(), CropSettings(encoder=QUICK, smiles=False)
    crop_people(Project(project.folder), [], settings, context=RunContext(no_bar, failures))
    assert len(failures.lines) == 1
    assert "film: not tracked yet" in failures.lines[0]
    assert (project.crops_folder("other") / "Anna.mp4").exists()


def test_a_footage_without_people_is_no_failure(project: Project, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    encode(empty, [picture(n) for n in range(10)], rate=25)
    add_footage(project, empty, tracks_of(at_rate(10), {}), NAMES, at_rate(10))
    failures, settings = Failures(), CropSettings(encoder=QUICK, smiles=False)
    film, no_people = crop_people(
        Project(project.folder), [], settings, context=RunContext(no_bar, failures)
    )
    assert failures.lines == []
    assert (len(film.people), no_people.people, no_people.never_seen) == (
        2,
        (),
        ("Anna", "Ben"),
    )
    assert not project.crops_folder("empty").exists()


def test_pictures_are_refused(project: Project, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(picture(1)).save(tmp_path / "still.png")
    timeline = timeline_of([0.0])
    add_footage(
        project, tmp_path / "still.png", tracks_of(timeline, {1: {0: box(50, 50)}}), NAMES, timeline
    )
    assert crop(project).name == "film"
    with pytest.raises(InputError, match="still: pictures, not a video"):
        crop_people(
            Project(project.folder),
            [tmp_path / "still.png"],
            CropSettings(),
            context=RunContext(no_bar),
        )


def test_unknown_footage_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in this project yet; run track-people"):
        crop_people(project, [tmp_path / "x.mp4"], CropSettings(), context=RunContext(no_bar))

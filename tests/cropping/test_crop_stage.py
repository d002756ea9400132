from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cropping.camera.window import WindowSettings
from cropping.render import outputs as writing
from cropping.render import render as rendering
from cropping.render import segments as render_segments
from cropping.render import tasks as render_tasks
from cropping.render.encoder import EncoderSettings
from cropping.render.settings import CropSettings
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import stored_smiles
from cropping.stage import CropsSummary, crop_people
from data.core.errors import InputError
from data.execution.context import RunContext
from data.execution.failures import Failures
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import SMILES, TRACKS
from data.sample.sound import mark_times_s
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from data.tables.tracks import Tracks
from data.video.frames import Frame
from data.video.reader import read_frames
from tests.clips import VARYING_TIMES_S, Clips, encode, number_of, picture, sound
from tests.cropping.conftest import Cropped, Drawn
from tests.cropping.silent_bar import Bars, no_bar
from tests.cropping.tracked_project import (
    add_footage,
    at_rate,
    box,
    timeline_of,
    tracks_of,
    write_project,
)
from tests.cropping.written_video import decoded_sound, marks_s, read_video

NAMES = {1: "Anna", 2: "Ben"}
QUICK = EncoderSettings(preset="ultrafast")


def small_project(folder: Path, footage: Path) -> Project:
    """Anna is in the middle all the time, Ben in the first half of the frames."""
    frames = list(read_frames(footage))
    timeline = replace(
        timeline_of([frame.time_s for frame in frames]),
        frame_index=np.array([frame.index for frame in frames], np.int64),
    )
    height, width = frames[0].image.shape[:2]
    anna = {frame.index: box(width / 2, height / 2) for frame in frames}
    ben = {frame.index: box(20, 40) for frame in frames[: len(frames) // 2]}
    tracks = tracks_of(timeline, {1: anna, 2: ben})
    return write_project(folder, footage, tracks, NAMES, timeline)


def crop(project: Project, **settings: object) -> CropsSummary:
    chosen = replace(CropSettings(encoder=QUICK, smiles=False), **settings)  # type: ignore[arg-type]
    (summary,) = crop_people(Project(project.folder), [], chosen, context=RunContext(no_bar))
    return summary


# --- what the videos are ----------------------------------------------------------------------


def test_everybody_has_a_video(cropped: Cropped) -> None:
    names = sorted(cropped.drawn.names.values())
    assert sorted(person.name for person in cropped.summary.people) == names
    files = {path.name for path in cropped.folder.iterdir() if not path.name.startswith(".")}
    wanted = {f"{name}{end}" for name in names for end in (".mp4", ".best.mp4")}
    assert files == wanted | {"timeline.json", "smiles.parquet"}
    assert not cropped.summary.already_done
    assert not (cropped.folder / WORK_FOLDER).exists()


def test_videos_play_everywhere_and_keep_the_clock(cropped: Cropped) -> None:
    footage = read_video(cropped.drawn.film)
    for person in cropped.summary.people:
        video = read_video(person.files[0])
        assert (video.codec, video.pix_fmt, video.sound) == ("h264", "yuv420p", "aac")
        assert video.size_wh == (102, 180)
        assert video.moov_first
        assert np.diff(np.append(video.keyframes_s, video.duration_s)).max() <= 1
        np.testing.assert_array_equal(video.times_s, footage.times_s)
        assert video.duration_s == footage.duration_s
        assert video.sound_s == pytest.approx(footage.sound_s, abs=0.025)


def test_sound_is_in_sync(cropped: Cropped) -> None:
    marks = mark_times_s(7.0).tolist()
    for person in cropped.summary.people[:2]:
        assert marks_s(*decoded_sound(person.files[0])) == pytest.approx(marks, abs=0.012)


def test_best_of_has_the_parts_with_the_person_and_chapters(cropped: Cropped) -> None:
    content = json.loads((cropped.folder / "timeline.json").read_text("utf-8"))
    for person, times in zip(cropped.summary.people, content["people"], strict=True):
        video, best = read_video(person.files[0]), read_video(person.files[1])
        seen_s = sum(end - begin for begin, end in times["seen"] + times["filled"])
        assert best.duration_s == pytest.approx(seen_s, abs=1.5)
        assert best.duration_s < video.duration_s
        assert np.diff(best.times_s) == pytest.approx(1 / 25, abs=1e-6)
        assert best.moov_first
        if len(best.chapters) > 1:
            assert best.chapters[0][0] == 0
            assert best.chapters[-1][1] == pytest.approx(best.duration_s, abs=0.002)
            assert all(title.count(":") == 1 for _, _, title in best.chapters)
    assert any(len(read_video(p.files[1]).chapters) > 1 for p in cropped.summary.people)


def test_timeline(cropped: Cropped) -> None:
    content = json.loads((cropped.folder / "timeline.json").read_text("utf-8"))
    people = content.pop("people")
    assert content == {
        "version": 1,
        "footage": "film",
        "frames": 175,
        "duration_s": 7.0,
        "rate": "25/1",
        "size_wh": [320, 180],
    }
    assert [person["name"] for person in people] == list(cropped.drawn.names.values())
    for person in people:
        assert person["video"] == f"{person['name']}.mp4"
        spans = sorted(person["seen"] + person["filled"] + person["absent"])
        assert spans[0][0] == 0
        assert spans[-1][1] == pytest.approx(7.0)
        assert [end for _, end in spans[:-1]] == [begin for begin, _ in spans[1:]]


def test_the_person_is_what_is_shown(cropped: Cropped) -> None:
    """Each drawn person wears a colour of their own: the crop's middle is theirs."""
    truth = cropped.drawn.truth
    for person in cropped.summary.people:
        rows = (truth.person == person.name) & (truth.visible > 0.95)
        frames = {int(f): b for f, b in zip(truth.frame_index[rows], truth.xyxy[rows], strict=True)}
        index = sorted(frames)[len(frames) // 2]
        face = frames[index].astype(int)
        original = next(f for f in read_frames(cropped.drawn.film) if f.index == index).image
        shown = next(f for f in read_frames(person.files[0]) if f.index == index).image
        there = original[face[1] : face[3], face[0] : face[2]].reshape(-1, 3).mean(axis=0)
        height, width = shown.shape[:2]
        around = shown[height // 5 : height * 3 // 5, width // 4 : width * 3 // 4]
        near = np.abs(around.astype(float) - there).max(axis=2) < 60
        assert near.mean() > 0.1


def test_who_smiles_is_looked_for_in_the_same_pass(cropped: Cropped) -> None:
    """As the drawing knows it; and smile-gifs need not look again."""
    content = json.loads((cropped.folder / "timeline.json").read_text("utf-8"))
    truth = cropped.drawn.truth
    right = wrong = 0
    for person in content["people"]:
        rows = (truth.person == person["name"]) & truth.frontal
        for time_s, smiling in zip(truth.time_s[rows], truth.smiling[rows], strict=True):
            said = any(begin <= time_s < end for begin, end in person["smiling"])
            right, wrong = right + (said == smiling), wrong + (said != smiling)
    assert right > 4 * wrong
    assert stored_smiles(Project(cropped.project.folder), "film", smile_model_key()) is not None


def test_second_time_with_smiles_does_nothing(cropped: Cropped) -> None:
    before = (cropped.folder / "timeline.json").stat().st_mtime_ns
    settings = CropSettings(only_present=True)
    (summary,) = crop_people(
        Project(cropped.project.folder), [], settings, context=RunContext(no_bar)
    )
    assert summary.already_done
    assert (cropped.folder / "timeline.json").stat().st_mtime_ns == before


CLIPS = {
    "constant rate": "constant_rate.mp4",
    "varying rate": "varying_rate.mp4",
    "no sound, NTSC": "silent.mp4",
    "starts late": "delayed_start.mkv",
    "starts late, .ts": "delayed_start.ts",
    "turned": "turned_90.mp4",
    "mirrored": "mirrored.mp4",
    "odd size, RGB": "odd_size.mkv",
    "no clock": "elementary.h264",
    "open groups": "open_groups.mkv",
    "joined": "joined.ts",
    "a name": "colon: 100%d.mp4",
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_every_footage_keeps_its_clock(clip: str, clips: Clips, tmp_path: Path) -> None:
    footage = clips(clip)
    frames = list(read_frames(footage))
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    for person in summary.people:
        video = read_video(person.files[0])
        assert video.times_s == pytest.approx([frame.time_s for frame in frames], abs=1e-5)
        assert np.diff(np.append(video.keyframes_s, video.times_s[-1])).max() <= _gap(frames)
        assert video.size_wh[0] % 2 == video.size_wh[1] % 2 == 0
        shown = list(read_frames(person.files[0]))
        # Absent: the whole picture, and so its number.
        if person.name == "Ben" and shown[-1].image.shape[1] > 100:
            content = shown[-1].image
            lit = np.flatnonzero(content.mean(axis=(1, 2)) > 30)
            whole = content[lit[0] : lit[-1] + 1]
            assert number_of(whole) == number_of(frames[-1].image)


def _gap(frames: Sequence[Frame]) -> float:
    times = np.array([frame.time_s for frame in frames])
    return max(1.0, float(np.diff(times).max())) + 1e-6


def test_varying_rate_lasts_as_long(clips: Clips, tmp_path: Path) -> None:
    footage = clips("varying_rate.mp4")
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    video = read_video(summary.people[0].files[0])
    assert video.times_s == pytest.approx(VARYING_TIMES_S, abs=1e-5)
    assert video.duration_s == pytest.approx(read_video(footage).duration_s, abs=0.02)


def test_one_frame(tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(5)])
    summary = crop(small_project(tmp_path / "film.fancam", footage), only_present=True)
    assert summary.frames == 1
    assert read_video(summary.people[0].files[0]).times_s.tolist() == [0]
    assert read_video(summary.people[0].files[1]).times_s.tolist() == [0]


@pytest.mark.parametrize(
    ("window", "size_wh"),
    [
        (WindowSettings(size_wh=(40, 60)), (40, 60)),
        (WindowSettings(size_wh=(201, 631)), (200, 632)),
        (WindowSettings(size_wh=(4000, 30)), (4000, 30)),
        (WindowSettings(aspect=Fraction(1), height=333), (332, 332)),
        (WindowSettings(aspect=Fraction(16, 9), zoom="face"), (170, 96)),
        (WindowSettings(zoom="body", height=16), (8, 16)),
    ],
    ids=["small", "larger than the footage, odd", "wide", "square", "landscape", "tiny"],
)
def test_sizes(window: WindowSettings, size_wh: tuple[int, int], tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(n) for n in range(6)])
    summary = crop(small_project(tmp_path / "film.fancam", footage), window=window)
    assert {read_video(person.files[0]).size_wh for person in summary.people} == {size_wh}


@pytest.mark.parametrize("absent", ["wide", "hold", "black"])
def test_absence(absent: str, tmp_path: Path) -> None:
    footage = tmp_path / "film.mp4"
    encode(footage, [np.full((96, 160, 3), 200, np.uint8)] * 60)
    summary = crop(small_project(tmp_path / "film.fancam", footage), absent=absent)
    ben = [frame.image.astype(int) for frame in read_frames(summary.people[1].files[0])]
    assert ben[0].min() > 180
    last = ben[-1]
    expected = {"wide": (0.3, 0.5), "hold": (1, 1), "black": (0, 0)}[absent]
    assert expected[0] <= (last.mean(axis=2) > 180).mean() <= expected[1]
    assert len(ben) == 60


def test_others_are_blurred(tmp_path: Path) -> None:
    """Stripes in Ben's place are gone in Anna's video, and not in his own."""
    image = np.full((96, 160, 3), 120, np.uint8)
    image[28:52, 68:92:4] = 250
    footage = tmp_path / "film.mp4"
    encode(footage, [image] * 10, options={"crf": "10"})
    timeline = at_rate(10, rate=30)
    rows = {1: {f: box(100, 40) for f in range(10)}, 2: {f: box(80, 40) for f in range(10)}}
    tracks = tracks_of(timeline, rows)
    project = write_project(tmp_path / "film.fancam", footage, tracks, NAMES, timeline)
    window = WindowSettings(aspect=Fraction(160, 96), zoom="body")

    def stripes(summary: CropsSummary, person: int) -> float:
        last = list(read_frames(summary.people[person].files[0]))[-1].image.astype(float)
        return float(np.abs(np.diff(last[34:46, 70:90].mean(axis=2), axis=1)).mean())

    shown = stripes(crop(project, window=window), 0)
    blurred = crop(project, window=window, others="blur")
    assert stripes(blurred, 0) < shown / 5
    # Where Anna's face reaches over his, it is blurred even there.
    assert stripes(blurred, 1) > shown / 3


# --- what is done again -----------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Project:
    footage = tmp_path / "film.mp4"
    from data.video.writer import write_video

    write_video(footage, [picture(n) for n in range(40)], rate=25, audio=sound(1.6))
    return small_project(tmp_path / "film.fancam", footage)


def contents(project: Project) -> dict[str, bytes]:
    folder = project.crops_folder("film")
    shown = (file for file in folder.glob("*.*") if file.is_file() and file.name[0] != ".")
    return {file.name: file.read_bytes() for file in shown}


def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of people in each pass from now on."""
    passes: list[int] = []
    real = rendering.render

    def counted(frames: Any, lanes: Any, *rest: Any, **how: Any) -> None:
        passes.append(len(lanes))
        real(frames, lanes, *rest, **how)

    monkeypatch.setattr(render_tasks, "render", counted)
    return passes


def test_second_time_does_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    before = contents(project)
    passes = rendered(monkeypatch)
    summary = crop(project)
    assert summary.already_done
    assert (contents(project), passes) == (before, [])
    assert not crop(project, force=True).already_done
    assert (contents(project), passes) == (before, [2])


def test_only_what_is_missing_is_made(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    before = contents(project)
    (project.crops_folder("film") / "Ben.mp4").unlink()
    passes = rendered(monkeypatch)
    crop(project)
    after = contents(project)
    assert passes == [1]
    assert (after["Anna.mp4"], set(after)) == (before["Anna.mp4"], set(before))


def test_a_best_of_later_needs_no_pass(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    passes = rendered(monkeypatch)
    summary = crop(project, only_present=True)
    assert passes == []
    assert all(person.files[1].exists() for person in summary.people)
    again = crop(project)
    assert again.already_done
    assert all(person.files[1].exists() for person in again.people)


def test_renamed_people_need_no_pass(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    before = contents(project)
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(1, "Anna (was)")
        DecisionLog(people).rename(2, "Anna")
        DecisionLog(people).rename(1, "Ben")
    passes = rendered(monkeypatch)
    crop(project)
    after = contents(project)
    assert passes == []
    assert after["Ben.mp4"] == before["Anna.mp4"]
    assert after["Anna.mp4"] == before["Ben.mp4"]
    content = json.loads(after["timeline.json"])
    assert [(p["person_id"], p["name"]) for p in content["people"]] == [(1, "Ben"), (2, "Anna")]


@pytest.mark.parametrize(
    "settings",
    [{"absent": "black"}, {"window": WindowSettings(zoom="face")}, {"others": "blur"}],
    ids=["absent", "zoom", "blur"],
)
def test_other_settings_make_other_videos(project: Project, settings: dict[str, object]) -> None:
    crop(project)
    before = contents(project)
    summary = crop(project, **settings)
    assert not summary.already_done
    assert contents(project)["Ben.mp4"] != before["Ben.mp4"]


def test_one_person_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = rendered(monkeypatch)
    summary = crop(project, people=("Ben",))
    assert [person.name for person in summary.people] == ["Ben"]
    assert set(contents(project)) == {"Ben.mp4", "timeline.json"}
    ben = contents(project)["Ben.mp4"]
    crop(project)
    assert passes == [1, 1]
    # Another window for Anna only: Ben's stays as it is.
    crop(project, people=("Anna",), window=WindowSettings(zoom="face"))
    assert contents(project)["Ben.mp4"] == ben


def test_a_stopped_run_goes_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its third piece of four, it begins there, and ends with the same bytes."""
    monkeypatch.setattr(rendering, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "CHUNK_FRAMES", 10)
    crop(project)
    whole = contents(project)
    real = rendering.EncoderWorker.encode

    def breaks(lane: rendering.EncoderWorker, shown: rendering.RenderFrame) -> None:
        if shown.index == 25:
            raise KeyboardInterrupt
        real(lane, shown)

    with monkeypatch.context() as during:
        during.setattr(rendering.EncoderWorker, "encode", breaks)
        with pytest.raises(KeyboardInterrupt):
            crop(project, force=True)
    assert contents(project) == whole  # nothing half-written is in place
    for video in ("Anna.mp4", "Ben.mp4"):
        (project.crops_folder("film") / video).unlink()
    bars = Bars()
    settings = CropSettings(encoder=QUICK, smiles=False)
    crop_people(Project(project.folder), [], settings, context=RunContext(bars))
    ((name, total, done, bar),) = bars.made
    assert (name, total) == ("film", 40)
    assert done in (10, 20)
    assert bar.done == 40 - done
    assert contents(project) == whole


@pytest.fixture
def lonely(tmp_path: Path) -> Project:
    """Anna comes late, Ben goes early, Cleo is there for a moment: who is away sees everything."""
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(n) for n in range(40)], rate=25)
    timeline = at_rate(40)
    there = {1: range(28, 40), 2: range(14), 3: range(12, 32)}
    rows = {one: {f: box(40, 40) for f in frames} for one, frames in there.items()}
    names = NAMES | {3: "Cleo"}
    return write_project(
        tmp_path / "film.fancam", footage, tracks_of(timeline, rows), names, timeline
    )


def test_who_is_away_shares_a_view(lonely: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is encoded once, whole pieces of it too, and nobody's clock or picture suffers by it."""
    monkeypatch.setattr(rendering, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "CHUNK_FRAMES", 10)
    passes = rendered(monkeypatch)
    window = WindowSettings(aspect=Fraction(160, 96), height=96)
    together = crop(lonely, window=window)
    shown = [list(read_frames(person.files[0])) for person in together.people]
    assert passes == [4]
    for person, frames in zip(together.people, shown, strict=True):
        video = read_video(person.files[0])
        np.testing.assert_array_equal(video.times_s, np.arange(40) / 25)
        assert np.diff(np.append(video.keyframes_s, video.duration_s)).max() <= 1
        alone = crop(lonely, window=window, people=(person.name,), force=True)
        for frame, other in zip(frames, read_frames(alone.people[0].files[0]), strict=True):
            assert np.abs(frame.image.astype(int) - other.image).mean() < 4
    assert [number_of(frame.image) for frame in shown[0][:28]] == list(range(28))
    assert [number_of(frame.image) for frame in shown[1][14:]] == list(range(14, 40))


@pytest.mark.parametrize("leg_pieces", [12, 1])
def test_a_stopped_run_goes_on_with_what_is_shared(
    lonely: Project, monkeypatch: pytest.MonkeyPatch, leg_pieces: int
) -> None:
    monkeypatch.setattr(rendering, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "CHUNK_FRAMES", 10)
    crop(lonely)
    whole = contents(lonely)
    monkeypatch.setattr(render_segments, "SEGMENT_CHUNKS", leg_pieces)
    real = rendering.EncoderWorker.encode

    def breaks(lane: rendering.EncoderWorker, shown: rendering.RenderFrame) -> None:
        if shown.index == 25:
            raise KeyboardInterrupt
        real(lane, shown)

    for path in lonely.crops_folder("film").glob("*.mp4"):
        path.unlink()
    with monkeypatch.context() as during:
        during.setattr(rendering.EncoderWorker, "encode", breaks)
        with pytest.raises(KeyboardInterrupt):
            crop(lonely)
    crop(lonely)
    assert contents(lonely) == whole


@pytest.mark.parametrize("stopped_at", [None, 5, 25, 39])
def test_long_footage_is_passed_in_legs(
    project: Project, monkeypatch: pytest.MonkeyPatch, stopped_at: int | None
) -> None:
    """With the same bytes as in one, the timeline's smiles too, wherever it was stopped."""
    monkeypatch.setattr(rendering, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "CHUNK_FRAMES", 10)
    crop(project, smiles=True)
    whole = contents(project)
    Project(project.folder).unfinish(SMILES, "film")
    monkeypatch.setattr(render_segments, "SEGMENT_CHUNKS", 1)
    real = rendering.EncoderWorker.encode

    def breaks(lane: rendering.EncoderWorker, shown: rendering.RenderFrame) -> None:
        if shown.index == stopped_at:
            raise KeyboardInterrupt
        real(lane, shown)

    if stopped_at is not None:
        with monkeypatch.context() as during:
            during.setattr(rendering.EncoderWorker, "encode", breaks)
            with pytest.raises(KeyboardInterrupt):
                crop(project, force=True, smiles=True)
    crop(project, force=True, smiles=True)
    assert contents(project) == whole


def test_a_leg_that_was_encoded_but_not_noted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(render_segments, "SEGMENT_CHUNKS", 2)
    crop(project)
    whole = contents(project)

    def breaks(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(render_segments.SegmentRecord, "write", breaks)
        with pytest.raises(KeyboardInterrupt):
            crop(project, force=True)
    crop(project, force=True)
    assert contents(project) == whole


def test_a_run_stopped_before_the_end_of_joining(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(writing, "mux", breaks)
        with pytest.raises(KeyboardInterrupt):
            crop(project)
    assert contents(project) == {}
    passes = rendered(monkeypatch)
    crop(project)
    assert passes == []
    assert set(contents(project)) == {"Anna.mp4", "Ben.mp4", "timeline.json"}


def test_the_users_own_files_stay(project: Project) -> None:
    folder = project.crops_folder("film")
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "Anna.gif").write_bytes(b"smile")
    crop(project)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "Anna.gif").read_bytes() == b"smile"


def test_damaged_footage_is_said(clips: Clips, tmp_path: Path) -> None:
    footage = clips("damaged.mp4")
    frames = list(read_frames(footage))
    summary = crop(small_project(tmp_path / "film.fancam", footage))
    assert "damaged" in summary.damage
    assert summary.frames == len(frames)
    video = read_video(summary.people[0].files[0])
    assert video.times_s == pytest.approx([frame.time_s for frame in frames], abs=1e-5)


# --- bad input --------------------------------------------------------------------------------


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


def add_tracks(project: Project, tracks: Tracks, frames: int = 40) -> None:
    path = project.footages["film"].path
    add_footage(project, path, tracks, NAMES, at_rate(frames))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_tracks, "not tracked yet; run track-people film.fancam"),
        (never_seen, "film: no person was seen in it; there is nothing to crop"),
        (outside, "a face outside the 160x96 frame 7; run track-people again"),
        (of_another_footage, "does not belong to this footage"),
        (changed, "it has changed since it was tracked; run track-people --force"),
        (gone, "no such file"),
        (in_the_way, "not written by fancam, but in its way; move it away"),
        (damaged_timeline, "not readable .*; run track-people --force"),
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
        ({"people": ("Cleo",)}, "Cleo: no person of this name; film has Anna, Ben"),
        ({"encoder": EncoderSettings("h264_none")}, "h264_none: no such encoder on this machine"),
        ({"encoder": EncoderSettings("mpeg4")}, "mpeg4: encodes mpeg4"),
    ],
    ids=["nobody", "no encoder", "not H.264"],
)
def test_bad_settings(project: Project, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        crop(project, **settings)
    assert contents(project) == {}


def test_a_face_at_the_very_edge_is_none_outside(project: Project) -> None:
    """Smoothing put it there."""
    rows = {1: {f: box(10 - f, 40) for f in range(26)}, 2: {0: box(165, 100), 1: box(50, 40, 0)}}
    add_tracks(project, tracks_of(at_rate(40), rows))
    assert len(crop(project).people) == 2


def test_who_is_never_seen_is_named(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(40), {1: {3: box(50, 50)}}))
    summary = crop(project)
    assert [person.name for person in summary.people] == ["Anna"]
    assert summary.never_seen == ("Ben",)
    with pytest.raises(InputError, match="Ben: never seen in film; choose another person"):
        crop(project, people=("Ben",))


def test_one_bad_footage_does_not_keep_the_others(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    encode(other, [picture(n) for n in range(10)], rate=25)
    add_footage(project, other, tracks_of(at_rate(10), {1: {3: box(50, 50)}}), NAMES, at_rate(10))
    without_tracks(project)
    failures, settings = Failures(), CropSettings(encoder=QUICK, smiles=False)
    crop_people(Project(project.folder), [], settings, context=RunContext(no_bar, failures))
    assert len(failures.lines) == 1
    assert "film: not tracked yet" in failures.lines[0]
    assert (project.crops_folder("other") / "Anna.mp4").exists()


def test_one_with_nobody_in_it_is_no_failure_among_others(project: Project, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    encode(empty, [picture(n) for n in range(10)], rate=25)
    add_footage(project, empty, tracks_of(at_rate(10), {}), NAMES, at_rate(10))
    failures, settings = Failures(), CropSettings(encoder=QUICK, smiles=False)
    film, nobody = crop_people(
        Project(project.folder), [], settings, context=RunContext(no_bar, failures)
    )
    assert failures.lines == []
    assert (len(film.people), nobody.people, nobody.never_seen) == (2, (), ("Anna", "Ben"))
    assert not project.crops_folder("empty").exists()


def test_pictures_are_no_footage_to_follow_in(project: Project, tmp_path: Path) -> None:
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


def test_not_in_the_project(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in this project yet; run track-people"):
        crop_people(project, [tmp_path / "x.mp4"], CropSettings(), context=RunContext(no_bar))


def test_drawn_film_is_known(drawn: Drawn) -> None:
    assert len(drawn.names) == 6
    assert drawn.timeline.cuts.tolist() == drawn.truth.cuts.tolist()

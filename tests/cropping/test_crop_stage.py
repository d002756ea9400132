from __future__ import annotations

import json

import numpy as np
import pytest

from cropping.render.settings import CropSettings
from cropping.smiles.model import smile_model_key
from cropping.smiles.table import stored_smiles
from cropping.stage import crop_people
from data.execution.context import RunContext
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.sample.sound import mark_times_s
from data.video.reader import read_frames
from tests.bars import no_bar
from tests.cropping.conftest import Cropped, Drawn
from tests.cropping.written_video import decoded_sound, marks_s, read_video


def test_each_person_has_a_video(cropped: Cropped) -> None:
    names = sorted(cropped.drawn.names.values())
    assert sorted(person.name for person in cropped.summary.people) == names
    files = {path.name for path in cropped.folder.iterdir() if not path.name.startswith(".")}
    expected = {f"{name}{end}" for name in names for end in (".mp4", ".small.m4v", ".best.mp4")}
    assert files == expected | {"timeline.json", "smiles.parquet"}
    assert not cropped.summary.already_done
    assert not (cropped.folder / WORK_FOLDER).exists()


def test_videos_play_everywhere_and_keep_the_frame_times(cropped: Cropped) -> None:
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


def test_small_renditions_show_the_same_at_the_same_times(cropped: Cropped) -> None:
    for person in cropped.summary.people:
        file = person.files[0]
        video, small = read_video(file), read_video(cropped.folder / f"{file.stem}.small.m4v")
        assert (small.codec, small.pix_fmt, small.sound) == ("h264", "yuv420p", "")
        assert small.size_wh == (102, 180)  # the video is small, too
        assert small.moov_first
        np.testing.assert_array_equal(small.times_s, video.times_s)
        assert np.diff(np.append(small.keyframes_s, small.duration_s)).max() <= 1
        assert small.duration_s == video.duration_s
        pictures = zip(
            read_frames(file), read_frames(cropped.folder / f"{file.stem}.small.m4v"), strict=True
        )
        for frame, other in pictures:
            assert np.abs(frame.image.astype(int) - other.image).mean() < 6


def test_sound_is_in_sync(cropped: Cropped) -> None:
    marks = mark_times_s(7.0).tolist()
    for person in cropped.summary.people[:2]:
        assert marks_s(*decoded_sound(person.files[0])) == pytest.approx(marks, abs=0.012)


def test_best_of_has_the_intervals_with_the_person_and_chapters(cropped: Cropped) -> None:
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
        intervals = sorted(person["seen"] + person["filled"] + person["absent"])
        assert intervals[0][0] == 0
        assert intervals[-1][1] == pytest.approx(7.0)
        assert [end for _, end in intervals[:-1]] == [begin for begin, _ in intervals[1:]]


def test_the_crop_window_shows_the_person(cropped: Cropped) -> None:
    """Each drawn person has a colour, which the middle of their video shows."""
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


def test_smiles_are_scored_in_the_same_run(cropped: Cropped) -> None:
    """They agree with the ground truth, and smile-gifs need not score them again."""
    content = json.loads((cropped.folder / "timeline.json").read_text("utf-8"))
    truth = cropped.drawn.truth
    right = wrong = 0
    for person in content["people"]:
        rows = (truth.person == person["name"]) & truth.frontal
        for time_s, smiling in zip(truth.time_s[rows], truth.smiling[rows], strict=True):
            predicted = any(begin <= time_s < end for begin, end in person["smiling"])
            right, wrong = right + (predicted == smiling), wrong + (predicted != smiling)
    assert right > 4 * wrong
    assert stored_smiles(Project(cropped.project.folder), "film", smile_model_key()) is not None


def test_a_second_run_with_smiles_does_nothing(cropped: Cropped) -> None:
    before = (cropped.folder / "timeline.json").stat().st_mtime_ns
    settings = CropSettings(only_present=True)
    (summary,) = crop_people(
        Project(cropped.project.folder), [], settings, context=RunContext(no_bar)
    )
    assert summary.already_done
    assert (cropped.folder / "timeline.json").stat().st_mtime_ns == before


def test_drawn_film_is_known(drawn: Drawn) -> None:
    assert len(drawn.names) == 6
    assert drawn.timeline.cuts.tolist() == drawn.truth.cuts.tolist()

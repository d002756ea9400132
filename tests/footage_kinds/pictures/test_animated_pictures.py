"""Animated pictures are videos, in every command."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from cropping.state import states as crop_states
from data.core.errors import InputError
from data.execution.context import RunContext
from data.video.container import open_video
from data.video.footage import probe
from data.video.frames import Damage
from data.video.reader import decode_frames, pick_frames, read_frames, sample_frames
from tests.bars import no_bar
from tests.clips.animations import (
    DURATION_S,
    DURATIONS_MS,
    FRAMES,
    KINDS,
    TIMES_S,
    write_animation,
    write_heif_sequence,
)
from tests.clips.numbered import number_of, picture
from tests.cropping.small_project import crop, small_project
from tests.cropping.written_video import read_video
from tests.footage_kinds.stubs import Command


@pytest.mark.parametrize("name", KINDS)
def test_an_animated_picture_is_a_video(name: str, tmp_path: Path) -> None:
    write_animation(tmp_path / name)

    footage = probe(tmp_path / name)
    damage = Damage()
    frames = list(read_frames(footage, damage=damage))

    assert (footage.kind, footage.width, footage.height) == ("video", 160, 96)
    assert footage.duration_s == pytest.approx(DURATION_S)
    assert footage.rate == Fraction(FRAMES, 1) / Fraction(sum(DURATIONS_MS), 1000)
    assert not footage.has_audio
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES_S)
    assert [number_of(frame.image) for frame in frames] == list(range(FRAMES))
    assert not damage


def test_a_changed_file_is_measured_again(tmp_path: Path) -> None:
    for durations_ms in ([100] * 5, [50] * 7):
        write_animation(tmp_path / "moving.gif", durations_ms=durations_ms)

        footage = probe(tmp_path / "moving.gif")

        assert footage.duration_s == pytest.approx(sum(durations_ms) / 1000)


@pytest.mark.parametrize("name", ["moving.heics", "moving.heic", "moving.heif"])
def test_a_sequence_of_heif_is_a_video(name: str, tmp_path: Path) -> None:
    write_heif_sequence(tmp_path / name)

    footage = probe(tmp_path / name)
    frames = list(read_frames(footage))

    assert footage.kind == "video"
    assert [number_of(frame.image) for frame in frames] == list(range(FRAMES))
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES_S, abs=1e-3)


@pytest.mark.parametrize("name", ["still.gif", "still.png", "still.webp", "still.avif"])
def test_a_still_one_is_a_picture(name: str, tmp_path: Path) -> None:
    Pillow.fromarray(picture(5)).save(tmp_path / name)

    footage = probe(tmp_path / name)
    (frame,) = read_frames(footage)

    assert (footage.kind, footage.duration_s) == ("image", 1.0)
    assert number_of(frame.image) == 5


@pytest.mark.parametrize("name", ["quick.gif", "quick.webp", "quick.apng"])
def test_frames_without_a_delay_are_shown_as_in_browsers(name: str, tmp_path: Path) -> None:
    write_animation(tmp_path / name, durations_ms=[10, 20, 0, 50])

    times_s = [frame.time_s for frame in read_frames(tmp_path / name)]

    assert times_s == pytest.approx([0, 0.1, 0.12, 0.22])
    assert probe(tmp_path / name).duration_s == pytest.approx(0.27)


def test_a_first_image_that_is_not_a_frame_is_left_out(tmp_path: Path) -> None:
    images = [picture(number) for number in (99, 0, 1, 2)]
    write_animation(tmp_path / "default.png", images, durations_ms=[50, 60, 70], default_image=True)

    frames = list(read_frames(tmp_path / "default.png"))

    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.05, 0.11])


@pytest.mark.parametrize("name", ["over.gif", "over.png"])
@pytest.mark.parametrize("disposal", ["keep", "clear"])
def test_frames_are_composed_by_disposal_over_white(
    name: str, disposal: str, tmp_path: Path
) -> None:
    """A red left half, then a see-through frame with a blue right half."""
    first, second = Pillow.new("RGBA", (80, 48)), Pillow.new("RGBA", (80, 48))
    first.paste((200, 30, 40, 255), (0, 0, 40, 48))
    second.paste((30, 30, 200, 255), (40, 0, 80, 48))
    code = (disposal == "clear") + name.endswith(".gif")
    later: dict[str, Any] = {"save_all": True, "append_images": [second], "duration": 100}
    first.save(tmp_path / name, disposal=code, blend=1, **later)

    start, end = (frame.image.astype(int) for frame in read_frames(tmp_path / name))

    red, blue, white = (200, 30, 40), (30, 30, 200), (255, 255, 255)
    assert np.abs(start[24, 20] - red).max() <= 3
    assert np.abs(start[24, 60] - white).max() <= 3
    assert np.abs(end[24, 60] - blue).max() <= 3
    assert np.abs(end[24, 20] - (white if disposal == "clear" else red)).max() <= 3


def test_see_through_frames_of_webp_are_over_white(tmp_path: Path) -> None:
    first, second = Pillow.new("RGBA", (80, 48)), Pillow.new("RGBA", (80, 48), (30, 30, 200, 255))
    first.paste((200, 30, 40, 255), (0, 0, 40, 48))
    first.paste((200, 30, 40, 255), (78, 46, 80, 48))  # else the frame is stored without its gap
    write_animation(tmp_path / "over.webp", [first, second], durations_ms=[100, 100])

    start, end = (frame.image.astype(int) for frame in read_frames(tmp_path / "over.webp"))

    assert start[24, 20].tolist() == [200, 30, 40]
    assert start[24, 60].tolist() == [255, 255, 255]
    assert end[24, 20].tolist() == [30, 30, 200]


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp", "moving.avif"])
def test_pixels_and_times_do_not_depend_on_where_reading_begins(name: str, tmp_path: Path) -> None:
    write_animation(tmp_path / name)
    footage = probe(tmp_path / name)
    whole = {frame.index: frame for frame in read_frames(footage)}

    parts = [
        *read_frames(footage, after_index=6),
        *pick_frames(footage, np.array([3, 9])),
        *sample_frames(footage, every_s=0.3),
    ]

    assert [frame.index for frame in parts][:7] == [7, 8, 9, 10, 11, 3, 9]
    assert all(np.array_equal(part.image, whole[part.index].image) for part in parts)
    assert all(part.time_s == whole[part.index].time_s for part in parts)
    decoded = list(decode_frames(footage, after_index=6))
    assert [frame.start_s + Fraction(frame.time_s).limit_denominator(1000) for frame in decoded]
    assert [float(frame.duration_s) for frame in decoded] == pytest.approx(
        [ms / 1000 for ms in DURATIONS_MS[7:]]
    )


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp", "moving.avif"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_one_ends_early_or_is_refused_in_one_line(
    name: str, share: float, tmp_path: Path
) -> None:
    write_animation(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    damage = Damage()

    with suppress(InputError):
        frames = list(read_frames(tmp_path / name, damage=damage))
        assert [number_of(frame.image) for frame in frames] == list(range(len(frames)))
        assert 0 < len(frames) < FRAMES
        assert "cut off" in str(damage)


@pytest.mark.parametrize("name", ["film.gif", "film.apng", "film.webp", "film.avif"])
def test_it_is_cropped_as_a_video(name: str, tmp_path: Path) -> None:
    write_animation(tmp_path / name)
    project = small_project(tmp_path / "film.fancam", tmp_path / name)

    summary = crop(project)

    assert summary.frames == FRAMES
    video = read_video(project.crops_folder("film") / "Anna.mp4")
    assert len(video.times_s) == FRAMES
    assert np.asarray(video.times_s) == pytest.approx(TIMES_S, abs=0.002)
    assert [state.output for state in crop_states(project)] == ["videos", "smile GIFs"]


def test_a_still_one_is_not_cropped(tmp_path: Path) -> None:
    Pillow.fromarray(picture(1)).save(tmp_path / "film.gif")
    project = small_project(tmp_path / "film.fancam", tmp_path / "film.gif")

    with pytest.raises(InputError, match="pictures, not a video"):
        crop_people(project, [tmp_path / "film.gif"], CropSettings(), context=RunContext(no_bar))


def test_the_track_of_a_sequence_comes_before_its_still_picture(tmp_path: Path) -> None:
    write_animation(tmp_path / "moving.avif")

    with open_video(tmp_path / "moving.avif") as (container, stream):
        assert len(container.streams.video) == 2
        assert stream.frames == FRAMES


@pytest.mark.parametrize("name", ["film.gif", "film.png", "film.webp", "film.avif"])
def test_every_command_takes_it_as_a_video(name: str, command: Command, tmp_path: Path) -> None:
    write_animation(tmp_path / name, durations_ms=[100] * 20)

    done = command("fancam", name, "--no-review", "--weights", "yolo11n.yaml")
    again = command("cluster-faces", name)

    assert (done.code, done.err) == (0, []), done
    assert again.out[0].startswith("film: examined 10 frames (5 a second), 40 faces of ")
    assert "already up to date" in again.out
    (tracked,) = command("track-people", "film.fancam").out[1:2]
    assert tracked.startswith("film: 20 frames, 0 cuts")
    videos = list((tmp_path / "film.fancam" / "crops" / "film").glob("*.mp4"))
    assert videos
    assert {len(read_video(video).times_s) for video in videos} == {20}
    assert command("crop-people", "film.fancam", name).out[0].startswith("film: 20 frames, ")

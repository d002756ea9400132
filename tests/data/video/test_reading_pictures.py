"""Pictures as footage: a single one, or a folder."""

from __future__ import annotations

import pytest

from data.core.errors import InputError
from data.video.frames import Damage
from data.video.reader import read_frames, sample_frames
from tests.clips.catalogue import Clips
from tests.clips.numbered import number_of
from tests.data.video.test_reader import shown_frames


@pytest.mark.parametrize("every_s", [0.2, 1.0, 5.0])
def test_every_picture_of_a_folder_is_a_sample(clips: Clips, every_s: float) -> None:
    damage = Damage()

    frames = shown_frames(sample_frames(clips("pictures"), every_s=every_s, damage=damage))

    # Index 3 is the broken picture: shot 0, 1, 2, 3, 10, 11, 12.
    shown = [(0, 0), (1, 1), (2, 2), (4, 10), (5, 11), (6, 12)]
    assert [(index, number) for index, _, number in frames] == shown
    assert [time_s for _, time_s, _ in frames] == [0, 1, 2, 4, 5, 6]
    assert damage == Damage(frames=1, pictures=["shot 3.jpg"])
    assert str(damage) == "1 damaged picture skipped: shot 3.jpg"


def test_pictures_of_a_folder_keep_their_sizes(clips: Clips) -> None:
    shapes = {f.index: f.image.shape for f in read_frames(clips("pictures"))}

    assert shapes[0] == (96, 160, 3)
    assert shapes[6] == (120, 200, 3)


def test_a_folder_resumes_after_a_picture(clips: Clips) -> None:
    rest = sample_frames(clips("pictures"), every_s=1.0, after_index=2)

    assert [f.index for f in rest] == [4, 5, 6]


@pytest.mark.parametrize(
    ("name", "number", "wh"),
    [
        ("still.png", 3, (160, 96)),
        ("still odd.bmp", 3, (161, 97)),
        ("grey.png", 7, (160, 96)),
        ("see_through.png", 9, (160, 96)),
        ("exif_turned.jpg", 5, (160, 96)),
    ],
)
def test_a_single_picture(clips: Clips, name: str, number: int, wh: tuple[int, int]) -> None:
    (frame,) = sample_frames(clips(name), every_s=1.0)

    assert (frame.index, frame.time_s, number_of(frame.image)) == (0, 0.0, number)
    assert frame.image.shape == (wh[1], wh[0], 3)
    assert frame.image.flags.c_contiguous
    assert frame.image.flags.writeable


@pytest.mark.parametrize("name", ["cut_off.jpg", "broken_pictures"])
def test_only_unreadable_pictures(clips: Clips, name: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        list(read_frames(clips(name)))

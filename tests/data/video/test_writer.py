from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from data.core.arrays import Image
from data.core.errors import InputError
from data.video.footage import probe
from data.video.reader import read_frames
from data.video.writer import VideoWriter, write_video
from tests.clips.encoding import sound
from tests.clips.numbered import corners_of, number_of, picture, pictures


def audio_seconds(path: Path) -> float:
    with av.open(str(path)) as film:
        rate = film.streams.audio[0].rate
        return sum(frame.samples for frame in film.decode(audio=0)) / rate


def test_round_trip(tmp_path: Path) -> None:
    images = pictures(12)

    write_video(tmp_path / "film.mp4", images, rate=Fraction(30000, 1001))

    frames = list(read_frames(tmp_path / "film.mp4"))
    assert [number_of(f.image) for f in frames] == list(range(12))
    assert [f.time_s for f in frames] == pytest.approx([i * 1001 / 30000 for i in range(12)])
    assert corners_of(frames[0].image) == ["red", "green", "blue", "white"]
    difference = np.abs(frames[5].image.astype(int) - images[5])
    assert difference.mean() < 4


def test_the_same_film_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        write_video(tmp_path / name, pictures(10), rate=25, audio=sound(0.4))

    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_the_index_is_first_and_there_is_no_author(tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", pictures(3), rate=25)

    content = (tmp_path / "film.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    assert b"Lavf" not in content
    with av.open(str(tmp_path / "film.mp4")) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_given_frame_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.5, 2.125]

    write_video(tmp_path / "film.mp4", pictures(4), rate=25, times=times)

    assert [f.time_s for f in read_frames(tmp_path / "film.mp4")] == pytest.approx(times, abs=2e-5)


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_keeps_its_length(tmp_path: Path, channels: int) -> None:
    mono = sound(2.0, rate=44_100)
    samples = mono if channels == 1 else np.stack([mono, mono], axis=1)

    write_video(tmp_path / "film.mp4", pictures(50), rate=25, audio=samples, audio_rate=44_100)

    assert probe(tmp_path / "film.mp4").has_audio
    # AAC encodes 1024 samples per frame.
    assert audio_seconds(tmp_path / "film.mp4") == pytest.approx(2.0, abs=2 * 1024 / 44_100)


def test_sound_in_blocks_equals_sound_in_one(tmp_path: Path) -> None:
    tone = sound(1.0)
    write_video(tmp_path / "one.mp4", pictures(25), rate=25, audio=tone)

    with VideoWriter(tmp_path / "pieces.mp4", rate=25) as writer:
        writer.write_audio(tone[:0], 48_000)
        for number, image in enumerate(pictures(25)):
            writer.write_audio(tone[number * 1920 : (number + 1) * 1920], 48_000)
            writer.write(image)

    assert (tmp_path / "pieces.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_an_error_leaves_the_old_file_and_no_partial_one(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"old")

    def drawn() -> Iterator[Image]:
        yield picture(0)
        raise RuntimeError("while drawing")

    with pytest.raises(RuntimeError, match="while drawing"):
        write_video(tmp_path / "film.mp4", drawn(), rate=25)

    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]
    assert (tmp_path / "film.mp4").read_bytes() == b"old"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "none" / "film.mp4", pictures(1), rate=25)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is drawn by /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / ".film.mp4.part").symlink_to("/dev/full")

    with pytest.raises(InputError, match="cannot be written"):
        write_video(tmp_path / "film.mp4", pictures(2), rate=25)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((95, 160, 3), "even"),
        ((96, 160), r"\(h, w, 3\)"),
        ((96, 160, 4), r"\(h, w, 3\)"),
    ],
)
def test_images_that_do_not_fit(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "film.mp4", [np.zeros(shape, np.uint8)], rate=25)

    assert list(tmp_path.iterdir()) == []


def test_sizes_do_not_change_within_a_film(tmp_path: Path) -> None:
    images = [picture(0), picture(1, width=200)]

    with pytest.raises(ValueError, match="like the first"):
        write_video(tmp_path / "film.mp4", images, rate=25)


def test_times_rise(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be above"):
        write_video(tmp_path / "film.mp4", pictures(2), rate=25, times=[0.1, 0.1])


def test_sound_is_announced_before_the_first_frame(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "film.mp4", rate=25) as writer:
        writer.write(picture(0))
        with pytest.raises(ValueError, match="before the first frame"):
            writer.write_audio(sound(0.1), 48_000)


def test_a_film_without_frames(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        write_video(tmp_path / "film.mp4", [], rate=25)

    assert list(tmp_path.iterdir()) == []

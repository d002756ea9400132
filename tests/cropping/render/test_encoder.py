from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cropping.render.encoder import (
    ChunkWriter,
    EncoderSettings,
    VideoFormat,
    check_encoder,
    new_frame,
)
from data.core.errors import InputError
from data.video.yuv import BT709

FORM = VideoFormat((64, 48), Fraction(1, 90_000), Fraction(25), BT709)
QUICK = EncoderSettings(preset="ultrafast")


def write(path: Path, ticks: list[int], keyframes: list[int]) -> None:
    writer = ChunkWriter(path, QUICK, FORM)
    for number, tick in enumerate(ticks):
        frame, planes = new_frame(FORM)
        planes.y[:], planes.u[:], planes.v[:] = 40 + number * 3, 128, 128
        writer.write(frame, tick=tick, keyframe=number in keyframes)
    writer.close()


def test_times_and_keyframes_are_kept(tmp_path: Path) -> None:
    import av

    ticks = [0, 3600, 7201, 20_000, 90_000, 93_600, 200_000]
    write(tmp_path / "chunk.nut", ticks, [0, 3, 6])
    with av.open(str(tmp_path / "chunk.nut")) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        assert stream.time_base == Fraction(1, 90_000)
        assert sorted(packet.pts or 0 for packet in packets) == ticks
        assert [p.pts for p in packets if p.is_keyframe] == [0, 20_000, 200_000]
    with av.open(str(tmp_path / "chunk.nut")) as source:
        pictures = [frame.to_ndarray(format="gray") for frame in source.decode(video=0)]
    means = np.array([picture.mean() for picture in pictures])
    assert np.diff(means).min() > 1


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, threads: int) -> None:
    """This holds with the default preset, which looks ahead, and in pictures that move."""
    rng = np.random.default_rng(0)
    scene = np.kron(rng.integers(0, 200, (60, 40), np.uint8), np.ones((8, 8), np.uint8))
    grain = rng.integers(0, 12, (40, 320, 200), np.uint8)
    video_format = VideoFormat((200, 320), Fraction(1, 25), Fraction(25), BT709, threads)

    def written(name: str) -> bytes:
        writer = ChunkWriter(tmp_path / name, EncoderSettings(), video_format)
        for number, noise in enumerate(grain):
            frame, planes = new_frame(video_format)
            y, x = 3 * number, 2 * number
            planes.y[:] = scene[y : y + 320, x : x + 200] + noise
            planes.u[:] = planes.v[:] = 128
            writer.write(frame, tick=number, keyframe=not number)
        writer.close()
        return (tmp_path / name).read_bytes()

    assert len({written(f"{number}.nut") for number in range(12)}) == 1


def test_an_abandoned_chunk_leaves_no_file(tmp_path: Path) -> None:
    writer = ChunkWriter(tmp_path / "chunk.nut", QUICK, FORM)
    frame, _ = new_frame(FORM)
    writer.write(frame, tick=0, keyframe=True)
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises((InputError, OSError)):
        ChunkWriter(tmp_path / "folder" / "chunk.nut", QUICK, FORM)


def test_the_default_encoder_is_available() -> None:
    check_encoder(EncoderSettings())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", ": no such encoder on this machine; give crop-people --encoder libx264"),
        ("h265", "h265: no such encoder on this machine; give crop-people --encoder libx264"),
        ("mpeg4", "mpeg4: encodes mpeg4, not H.264; give crop-people --encoder libx264"),
        ("aac", "aac: encodes aac, not H.264"),
        (
            "h264_v4l2m2m",
            r"(does not work on this machine \(.+\)|no such encoder on this machine); give",
        ),
    ],
    ids=["empty", "unknown", "another codec", "sound", "no such hardware"],
)
def test_unusable_encoders_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        check_encoder(EncoderSettings(name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (
            EncoderSettings(crf=18.5, preset="slow"),
            {
                "crf": "18.5",
                "preset": "slow",
                "x264-params": "cpu-independent=1",
                "forced-idr": "1",
            },
        ),
        (EncoderSettings("h264_nvenc", 30), {"rc": "vbr", "cq": "30", "forced-idr": "1"}),
        (EncoderSettings("h264_none"), {}),
    ],
    ids=["x264", "nvenc", "unknown"],
)
def test_quality_options_of_each_encoder(
    settings: EncoderSettings, options: dict[str, str]
) -> None:
    assert settings.options() == options


@pytest.mark.parametrize(
    ("name", "can"),
    [("libx264", True), ("h264_nvenc", True), ("h264_qsv", False), ("h264_vaapi", False)],
)
def test_only_closed_groups_are_spliced(name: str, can: bool) -> None:
    settings = EncoderSettings(name)
    assert settings.can_be_spliced == can
    assert ("forced-idr" in settings.options()) == can

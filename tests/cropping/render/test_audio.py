from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cropping.render.audio import sound_packets, write_sound
from data.sample.sound import RATE_HZ, draw_sound
from data.video.footage import probe
from tests.clips.numbered import picture

LENGTH_S = 3.0


def film(path: Path, codec: str, *, layout: str = "mono", rate: int = RATE_HZ) -> Path:
    """Write three seconds of sound with marks, in any container and codec."""
    import av

    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        image = picture(1)
        video.height, video.width, video.pix_fmt = *image.shape[:2], "yuv420p"
        audio: Any = out.add_stream(codec, rate=rate, layout=layout)
        for number in range(round(LENGTH_S * 25)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        samples = np.ascontiguousarray(np.tile(draw_sound(LENGTH_S), (audio.channels, 1)))
        sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        sound.sample_rate, sound.pts, sound.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        resampler = av.AudioResampler(audio.format, layout, rate, frame_size=audio.frame_size or 0)
        for resampled in [*resampler.resample(sound), *resampler.resample(None)]:
            out.mux(audio.encode(resampled))
        for stream in (video, audio):
            out.mux(stream.encode(None))
    return path


def decoded_extent(path: Path) -> tuple[float, float, int]:
    """Return start and end in seconds, and the number of packets."""
    found = [(float(time_s), packet) for packet, time_s in sound_packets(path)]
    lasts = [p.duration * p.time_base if p.duration else 0 for _, p in found]
    return found[0][0], found[-1][0] + float(lasts[-1]), len(found)


@pytest.mark.parametrize(
    ("name", "codec", "layout", "rate"),
    [
        ("film.mp4", "aac", "mono", 48_000),
        ("film.mkv", "aac", "stereo", 44_100),
        ("film.ts", "aac", "mono", 48_000),
        ("film.mkv", "libopus", "stereo", 48_000),
        ("film.mov", "pcm_s16le", "mono", 22_050),
        ("film.mkv", "ac3", "5.1", 48_000),
        ("film.mp4", "libmp3lame", "mono", 44_100),
    ],
    ids=["copied", "copied from .mkv", "raw AAC", "Opus", "PCM", "six channels", "MP3"],
)
def test_every_sound_becomes_aac_of_its_length(
    name: str, codec: str, layout: str, rate: int, tmp_path: Path
) -> None:
    import av

    source = film(tmp_path / name, codec, layout=layout, rate=rate)
    write_sound(probe(source), tmp_path / "sound.nut", start_s=Fraction(0))
    with av.open(str(tmp_path / "sound.nut")) as written:
        context = written.streams.audio[0].codec_context
        assert context.name == "aac"
        assert context.channels == (1 if layout == "mono" else 2)
        assert context.sample_rate in (44_100, 48_000)
    begin, end, _ = decoded_extent(tmp_path / "sound.nut")
    assert -0.1 < begin < 0.1
    assert end == pytest.approx(LENGTH_S, abs=0.1)


def test_aac_is_copied_as_it_is(tmp_path: Path) -> None:
    import av

    source = film(tmp_path / "film.mp4", "aac")
    write_sound(probe(source), tmp_path / "sound.nut", start_s=Fraction(0))
    with av.open(str(source)) as original:
        expected = [bytes(packet) for packet in original.demux(audio=0) if packet.size]
    assert [bytes(packet) for packet, _ in sound_packets(tmp_path / "sound.nut")] == expected


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"], ids=["copied", "encoded"])
def test_times_are_from_the_first_frame_on(codec: str, tmp_path: Path) -> None:
    source = film(tmp_path / "film.mov", codec)
    write_sound(probe(source), tmp_path / "sound.nut", start_s=Fraction(2))
    begin, end, _ = decoded_extent(tmp_path / "sound.nut")
    assert -0.05 < begin < 0.05
    assert end == pytest.approx(LENGTH_S - 2, abs=0.1)


def test_sound_of_a_file_that_was_cut_off(tmp_path: Path) -> None:
    source = film(tmp_path / "film.mkv", "aac")
    content = source.read_bytes()
    source.write_bytes(content[: len(content) * 2 // 3])
    write_sound(probe(source), tmp_path / "sound.nut", start_s=Fraction(0))
    assert 0.5 < decoded_extent(tmp_path / "sound.nut")[1] < LENGTH_S

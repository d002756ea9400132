from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.video.footage import Footage, default_interval_s, probe
from tests.clips.catalogue import Clips


@pytest.mark.parametrize(
    ("duration_s", "expected_s"),
    [
        pytest.param(0.0, 0.2, id="empty"),
        pytest.param(7.0, 0.2, id="at most five per second"),
        pytest.param(120.0, 0.2, id="600 samples at five per second"),
        pytest.param(300.0, 0.5, id="600 samples"),
        pytest.param(600.0, 1.0, id="ten minutes"),
        pytest.param(7200.0, 1.0, id="long"),
    ],
)
def test_short_footage_is_sampled_more_often(duration_s: float, expected_s: float) -> None:
    assert default_interval_s(duration_s) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    ("name", "kind", "wh", "duration_s", "rate", "has_audio"),
    [
        ("constant_rate.mp4", "video", (160, 96), 3.0, Fraction(30), True),
        ("silent.mp4", "video", (160, 96), 1.335, Fraction(30000, 1001), False),
        ("Konzert Köln – 第1夜 (Kopie).mp4", "video", (160, 96), 3.0, Fraction(30), True),
        ("colon: 100%d.mp4", "video", (160, 96), 1.335, Fraction(30000, 1001), False),
        ("varying_rate.mp4", "video", (160, 96), 3.82, Fraction(200, 11), False),
        ("delayed_start.mkv", "video", (160, 96), 3.0, Fraction(30), False),
        ("delayed_start.mp4", "video", (160, 96), 3.0, Fraction(30), False),
        ("delayed_start.ts", "video", (160, 96), 3.0, Fraction(30), False),
        ("turned_90.mp4", "video", (160, 96), 0.667, Fraction(30), False),
        ("turned_180.mp4", "video", (160, 96), 0.667, Fraction(30), False),
        ("odd_size.mkv", "video", (161, 97), 0.667, Fraction(30), False),
        ("elementary.h264", "video", (160, 96), 3.0, Fraction(30), False),
        ("elementary.m4v", "video", (160, 96), 3.0, Fraction(30), False),
        ("elementary.mjpeg", "video", (160, 96), 3.6, Fraction(25), False),
        ("pictures", "images", (160, 96), 7.0, Fraction(1), False),
        ("still.png", "image", (160, 96), 1.0, None, False),
        ("exif_turned.jpg", "image", (160, 96), 1.0, None, False),
    ],
)
def test_probe_returns_size_duration_rate_and_sound(
    clips: Clips,
    name: str,
    kind: str,
    wh: tuple[int, int],
    duration_s: float,
    rate: Fraction | None,
    has_audio: bool,
) -> None:
    found = probe(clips(name))

    assert (found.kind, found.width, found.height) == (kind, *wh)
    assert found.duration_s == pytest.approx(duration_s, abs=0.01)
    assert (found.rate, found.has_audio) == (rate, has_audio)
    assert found.size_bytes > 0
    assert found.path == clips(name)


@pytest.mark.parametrize(
    ("name", "expected_error"),
    [
        ("zero_bytes.mp4", "empty"),
        ("zero_bytes.png", "empty"),
        ("text.mp4", "not a video"),
        ("text.jpg", "not a picture"),
        ("truncated.mp4", "cut off"),
        ("sound_only.m4a", "sound only"),
        ("song_with_cover.m4a", "sound only"),
        ("nothing_decodes.mp4", "none of its frames can be decoded"),
        ("absurd_size.y4m", "not a video that can be read"),
        ("absurd_size.avi", "too many"),
        ("absurd.png", "too many pixels"),
        ("no_pictures", "no pictures"),
        ("only_text_pictures", "none of its 2 pictures"),
    ],
)
def test_probe_reports_errors_in_one_line(
    clips: Clips, name: str, expected_error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = clips(name)

    with pytest.raises(InputError) as raised:
        probe(path)

    message = str(raised.value)
    assert expected_error in message
    assert str(path) in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


def test_probe_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        probe(tmp_path / "nothing.mp4")


def test_a_probe_compares_by_value(clips: Clips) -> None:
    first, second = probe(clips("silent.mp4")), probe(str(clips("silent.mp4")))

    assert isinstance(first, Footage)
    assert first == second


def test_probe_of_real_footage(shared: Path) -> None:
    found = [probe(path) for path in sorted((shared / "footage").glob("*.m*"))]

    assert found
    assert all(f.duration_s > 1 and f.rate for f in found)
    assert [f.path.stem for f in found if f.width < f.height] == ["kpop_vertical"]

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from clustering.pairing.start_times import (
    Offset,
    first_frame_s,
    offset_between,
    offset_of_starts,
    time_in_name,
)
from data.core.errors import InputError
from data.video.footage import probe
from tests.clips.catalogue import Clips
from tests.clips.encoding import encode
from tests.clips.numbered import pictures
from tests.clips.videos import DELAY_S

PLAIN = datetime(2024, 5, 1, 10, 30)
AT_UTC = PLAIN.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", None),
        ("lesson 3.mp4", None),
        ("2024-05-01_10-30-00.mp4", PLAIN),
        ("2024-05-01 10-30-00.mkv", PLAIN),
        ("2024-05-01T10:30:00.mkv", PLAIN),
        ("2024_05_01_10_30_00.mkv", PLAIN),
        ("Screen Recording 2024-05-01 at 10.30.00.mov", PLAIN),
        ("Screen Recording 2024-05-01 103000.mp4", PLAIN),
        ("VID_20240501_103000.mp4", PLAIN),
        ("PXL_20240501_103000250.mp4", PLAIN.replace(microsecond=250_000)),
        ("Maths-20240501_103000-Meeting Recording.mp4", PLAIN),
        ("20240501103000.mp4", PLAIN),
        ("20240501T103000Z.mp4", AT_UTC),
        ("20240501T103000.5Z.mp4", AT_UTC.replace(microsecond=500_000)),
        ("GMT20240501-103000_Recording_640x360.mp4", AT_UTC),
        ("2024-05-01T10-30-00+0200.mp4", PLAIN.replace(tzinfo=timezone(timedelta(hours=2)))),
        ("20240501T103000-03:30.mp4", PLAIN.replace(tzinfo=timezone(-timedelta(hours=3.5)))),
        ("20240501-103000-1234.mp4", PLAIN),
        ("2024-02-31_10-30-00, 2024-05-01_10-30-00.mp4", PLAIN),
        ("2024-05-01_25-30-00.mp4", None),
        ("2024-13-01_10-30-00.mp4", None),
        ("20240501.mp4", None),
        ("VID-20240501-WA0001.mp4", None),
        ("1714559400123.mp4", None),
        ("920240501103000.mp4", None),
    ],
)
def test_time_in_name(name: str, expected: datetime | None) -> None:
    assert time_in_name(name) == expected


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        ("10:30:00", "10:31:12", 72),
        ("10:31:12", "10:30:00", -72),
        ("9:30", "10:00", 1800),
        ("10:30:00", "10:30:00.25", 0.25),
        ("23:59:50", "00:00:10", 20),
        ("00:00:10", "23:59:50", -20),
        ("10:30:00Z", "12:30:05+02:00", 5),
        ("2024-05-01T10:30:00", "2024-05-02 10:30:00", 86_400),
        ("2024-05-01T10:30:00Z", "20240501T123005+0200", 5),
    ],
)
def test_offset_of_starts(first: str, second: str, seconds: float) -> None:
    assert offset_of_starts(first, second) == Offset(seconds, "--starts", (first, second))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("", "10:30", "not a time; give a time such as 10:30:00"),
        ("noon", "10:30", "--starts noon: not a time"),
        ("10:30", "10:61", "--starts 10:61: not a time"),
        ("10:30", "2024-05-01T10:30", "give a date for both or neither"),
        ("10:30Z", "10:30", "a time zone for both or neither"),
        ("2024-05-01T10:30", "2024-05-01T10:30Z", "a time zone for both or neither"),
    ],
)
def test_invalid_start_times(first: str, second: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        offset_of_starts(first, second)


def begun(path: Path, created: str | None) -> Path:
    encode(path, pictures(2), created=created)
    return path


@pytest.mark.parametrize(
    ("names", "created", "expected"),
    [
        (("a.mp4", "b.mp4"), ("10:30:00Z", "10:31:12Z"), (72, "creation_time")),
        (("a.mkv", "b.mov"), ("10:30:00.25Z", "10:31:12Z"), (71.75, "creation_time")),
        (("a.mkv", "b.mkv"), ("10:30:00Z", "12:31:12+02:00"), (72, "creation_time")),
        (("a 20240501_103000.mp4", "b 20240501_103005.mp4"), (None, None), (5, "file name")),
        (("20240501_103000.mp4", "20240501_103005.mp4"), ("10:30:00Z", None), (5, "file name")),
        (
            ("20240501_103000.mp4", "20240501_103005.mp4"),
            ("10:30:00Z", "10:31:12Z"),
            (72, "creation_time"),
        ),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_offset_between(
    tmp_path: Path,
    names: tuple[str, str],
    created: tuple[str | None, str | None],
    expected: tuple[float, str],
) -> None:
    files = [
        begun(tmp_path / name, time and f"2024-05-01T{time}")
        for name, time in zip(names, created, strict=True)
    ]
    offset = offset_between(files[0], files[1])
    assert (offset.seconds, offset.source) == expected


@pytest.mark.parametrize(
    ("names", "created"),
    [
        (("a.mp4", "b.mp4"), (None, None)),
        (("a.mp4", "20240501_103000.mp4"), ("2024-05-01T10:30:00Z", None)),
        (("20240501T103000Z.mp4", "20240501_103000.mp4"), (None, None)),
        (("a.mkv", "b.mkv"), ("1970-01-01T00:00:05Z", "1970-01-01T00:00:09Z")),
    ],
    ids=["nothing", "of one alone", "one without a zone", "clocks that were never set"],
)
def test_unknown_start_times(
    tmp_path: Path, names: tuple[str, str], created: tuple[str | None, str | None]
) -> None:
    files = [begun(tmp_path / name, at) for name, at in zip(names, created, strict=True)]
    with pytest.raises(InputError, match="use --starts or --offset"):
        offset_between(files[0], files[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant_rate.mp4", 0),
        ("delayed_start.mp4", DELAY_S),
        ("delayed_start.mkv", DELAY_S),
        ("delayed_start.ts", 0),  # its clock begins anywhere
        ("elementary.h264", 0),
        ("b_frames.avi", 0),
    ],
)
def test_first_frame(clips: Clips, name: str, expected: float) -> None:
    assert first_frame_s(probe(clips(name))) == pytest.approx(expected, abs=0.001)

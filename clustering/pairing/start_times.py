"""Start times of recordings: from the container, the file name, or the user."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.core.errors import InputError
from data.video.container import open_footage, open_video

if TYPE_CHECKING:
    from av import VideoStream
    from av.container import InputContainer

    from data.video.footage import Footage

CREATION_TIME: Final = "creation_time"
FILE_NAME: Final = "file name"
STARTS: Final = "--starts"
OFFSET: Final = "--offset"
_SOURCES: Final = {CREATION_TIME: "the files' creation times", FILE_NAME: "the file names"}

_LAST_IMPLAUSIBLE_YEAR = 1980
"""Creation times up to this year are implausible: devices without a clock start in 1904, 1970 or
1980."""
_OWN_CLOCK = ("mp4", "matroska")
"""Formats whose clock is 0 at the start of the recording; in other formats, it may start at any
value."""

# 2024-05-01_10-30-00, 2024-05-01 10.30.00, 20240501T103000Z, "2024-05-01 at 10.30.00",
# GMT20240501-103000, VID_20240501_103000123.
_IN_NAME = re.compile(
    r"(?P<utc>GMT|UTC)?[-_ ]?(?<!\d)"
    r"(?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?P<separator>T| at |[-_. ]{0,3})"
    r"(?P<hour>\d\d)(?P<colon>[-_.:]?)(?P<minute>\d\d)(?P=colon)(?P<second>\d\d)"
    r"(?P<fraction>[.,]\d{1,6}|\d{3})?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?(?!\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Offset:
    """Delay between the starts of two recordings."""

    seconds: float  # time from the start of the first to the start of the second
    source: str  # creation_time, file name, --starts or --offset
    starts: tuple[str, str] | None = None  # ISO 8601 or times of day; None if unknown

    @property
    def source_shown(self) -> str:
        """The source in words."""
        return _SOURCES.get(self.source, self.source)


def offset_between(first: Path, second: Path) -> Offset:
    """Return the delay of ``second`` from both creation times, or else from both file names.

    The creation_time of a container (of QuickTime, or DateUTC of Matroska) is assumed to be the
    start of the recording. QuickTime stores it in whole seconds.

    Raises:
        InputError: a start time is missing, or a file cannot be read.
    """
    stated = _created(first), _created(second)
    named = time_in_name(first.name), time_in_name(second.name)
    for (a, b), source in ((stated, CREATION_TIME), (named, FILE_NAME)):
        if a and b and (a.tzinfo is None) == (b.tzinfo is None):
            starts = a.isoformat(), b.isoformat()
            return Offset((b - a).total_seconds(), source, starts)
    unknown = "the start times are in neither the files' metadata nor their names"
    raise InputError(f"{first} and {second}: {unknown}; use --starts or --offset")


def time_in_name(name: str) -> datetime | None:
    """Return the date and time in a file name, with the time zone if it has one."""
    for found in _IN_NAME.finditer(name):
        with suppress(ValueError):  # such as February 31
            return _as_datetime(found)
    return None


def offset_of_starts(first: str, second: str) -> Offset:
    """Return the delay of ``second`` from two start times of the user.

    Both are ISO 8601 dates with times, or both are times of day. Times of day are assumed to be
    less than half a day apart, so that a lesson may continue past midnight.

    Raises:
        InputError: a time is invalid, or only one has a date or a time zone.
    """
    a, b = _parse_start(first), _parse_start(second)
    if isinstance(a, time) != isinstance(b, time) or (a.tzinfo is None) != (b.tzinfo is None):
        advice = "give a date for both or neither, and a time zone for both or neither"
        raise InputError(f"{STARTS} {first} {second}: {advice}")
    if isinstance(a, datetime) and isinstance(b, datetime):
        return Offset((b - a).total_seconds(), STARTS, (first, second))
    day = datetime(2000, 1, 1)
    later = datetime.combine(day, b) - datetime.combine(day, a)  # type: ignore[arg-type]
    half = timedelta(hours=12)
    return Offset(((later + half) % (2 * half) - half).total_seconds(), STARTS, (first, second))


def first_frame_s(footage: Footage) -> float:
    """Return the time in seconds from the start of a recording to its first frame.

    If a camera is switched on late, the file starts with sound only.

    Raises:
        InputError: the file cannot be read.
    """
    with open_footage(footage) as (container, stream):
        return _first_frame_s(container, stream)


def _first_frame_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.start_time is None or not stream.time_base:
        return 0.0
    first_s = float(stream.start_time * stream.time_base)
    if any(name in container.format.name for name in _OWN_CLOCK):
        return max(first_s, 0.0)
    return max(first_s - (container.start_time or 0) / 1e6, 0.0)


def _created(path: Path) -> datetime | None:
    """Return the container's creation_time in UTC; None if it is missing or implausible."""
    with open_video(path) as (container, _):
        written = container.metadata.get("creation_time", "")
    with suppress(ValueError):
        created = datetime.fromisoformat(written)
        created = created if created.tzinfo else created.replace(tzinfo=UTC)
        return created if created.year > _LAST_IMPLAUSIBLE_YEAR else None
    return None


def _as_datetime(found: re.Match[str]) -> datetime:
    fields = ("year", "month", "day", "hour", "minute", "second")
    fraction = (found["fraction"] or "").lstrip(".,")
    zone = found["zone"] or ""
    named = UTC if found["utc"] or zone.upper() == "Z" else None
    # In "20240501-103000-0100", the last number may mean anything.
    if zone[:1] in ("+", "-") and found["separator"].upper() == "T":
        named = _zone(zone)
    numbers = [int(found[name]) for name in fields]
    return datetime(*numbers, int(fraction.ljust(6, "0") or 0), tzinfo=named)  # type: ignore[misc,arg-type]


def _zone(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _parse_start(value: str) -> datetime | time:
    text = f"0{value}" if re.match(r"\d:", value) else value
    with suppress(ValueError):
        return time.fromisoformat(text)
    with suppress(ValueError):
        return datetime.fromisoformat(value)
    advice = "give a time such as 10:30:00 or 2024-05-01T10:30:00"
    raise InputError(f"{STARTS} {value}: not a time; {advice}")

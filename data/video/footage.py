"""Probe footage: a video, a folder of pictures, or one picture."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from data.core.digest import file_key
from data.core.errors import InputError, unreadable
from data.core.file_types import is_picture
from data.core.streams import DEFAULT_STREAMS, StreamChoice
from data.project.project import FootageEntry, Project
from data.storage.addresses import footage_address
from data.storage.fetch import fetch_footage
from data.video.clocks.clock import Join
from data.video.clocks.duration import (
    counted_duration_s,
    header_duration_s,
    header_is_plausible,
    measured_duration_s,
)
from data.video.container import check_audio_stream, open_video, stream_rate
from data.video.content import store_content
from data.video.demux import demuxed
from data.video.display.form import PLAIN, DisplayForm
from data.video.display.probing import probe_form
from data.video.pictures.animation import TICKS_PER_S, is_animated, is_sequence, measure_animation
from data.video.pictures.images import picture_wh
from data.video.pictures.media_folder import media_kind, pictures_in, size_on_disk

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

# Short footage is sampled more often: one frame per second would give too few samples.
MAX_INTERVAL_S = 1.0
MIN_INTERVAL_S = 0.2
TARGET_SAMPLES = 600

# Each picture of a folder counts as one second.
PICTURE_RATE = Fraction(1)

# Packets to try before giving up on a first frame: more than the longest common GOP.
PACKETS_TO_TRY = 1000


@dataclass(frozen=True, slots=True)
class Footage:
    """Properties of one footage."""

    path: Path
    kind: Literal["video", "images", "image"]
    width: int  # px as displayed: upright, square pixels; of the first picture in a folder
    height: int
    duration_s: float  # from the header, unless its clock is mended; a truncated file is shorter
    rate: Fraction | None  # average frames per second; None if unknown
    has_audio: bool
    size_bytes: int
    animated: bool = False  # a video that Pillow decodes; see `data.video.pictures.animation`
    streams: StreamChoice = DEFAULT_STREAMS  # as the user chose
    joins: tuple[Join, ...] = ()  # restarts of the clock, as where recordings are joined
    form: DisplayForm = PLAIN  # conversion that the frames of a video need


def default_interval_s(duration_s: float) -> float:
    """Return the seconds between sampled frames: 1, but down to 0.2 for 600 samples."""
    return min(MAX_INTERVAL_S, max(MIN_INTERVAL_S, duration_s / TARGET_SAMPLES))


def probe(path: Path | str, streams: StreamChoice = DEFAULT_STREAMS) -> Footage:
    """Read the header and the first frame of local footage.

    Args:
        path: a video in any container that PyAV opens, a folder of pictures, or one picture, which
            is a video if it is animated; see `data.storage.fetch.fetch_footage` for footage at an
            address.
        streams: streams of a video that the user chose.

    Raises:
        InputError: the path is missing, empty or not readable, a folder without pictures, not a
            video, sound only, truncated before its index, undecodable, or too large, or it lacks a
            chosen stream.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; check the name")
        if path.is_dir():
            return _probe_folder(path)
        if not path.is_file():
            raise InputError(f"{path}: neither a file nor a folder; give a video such as .mp4")
        size_bytes = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {unreadable(error)}") from error
    if size_bytes == 0:
        raise InputError(f"{path}: the file is empty; copy or record it again")
    if is_picture(path) or media_kind(path) == "picture":
        return _probe_picture(path, size_bytes)
    return _probe_video(path, size_bytes, streams)


def probe_entry(entry: FootageEntry) -> Footage:
    """Read the header and the first frame of a footage of a project.

    Raises:
        InputError: the footage is not there any more, or see `probe`.
    """
    if is_gone(entry):
        raise InputError(gone_line(entry))
    return probe(fetch_footage(entry.path), entry.streams)


def is_gone(entry: FootageEntry) -> bool:
    """Whether there is nothing at a local path of a project's footage."""
    return footage_address(entry.path) is None and size_on_disk(entry.path) is None


def gone_line(entry: FootageEntry) -> str:
    """Return a line on what to do about footage that is not there any more."""
    return f"no footage at {entry.path}; put it back, or run cluster-faces with its new path"


def add_footage(project: Project, footage: Footage, *, force: bool = False) -> FootageEntry:
    """Add a footage to a project, or find its entry; see `Project.add_footage`."""
    before = dict(project.footages)
    entry = project.add_footage(
        footage.path,
        size_bytes=footage.size_bytes,
        duration_s=footage.duration_s,
        rate=footage.rate,
        frame_wh=(footage.width, footage.height),
        streams=footage.streams,
        force=force,
    )
    store_content(project, entry.name, again=before.get(entry.name) != entry)
    return entry


def _probe_folder(folder: Path) -> Footage:
    pictures = pictures_in(folder)
    if not pictures:
        raise InputError(
            f"{folder}: no pictures in this folder; give a video, or a folder of .jpg or .png files"
        )
    return _of_pictures(pictures, folder, "images")


def _probe_picture(path: Path, size_bytes: int) -> Footage:
    if is_animated(path):
        found = measure_animation(path)
        seconds = found.ticks / TICKS_PER_S
        wh = found.width, found.height
        return Footage(path, "video", *wh, seconds, found.rate, False, size_bytes, animated=True)
    if is_sequence(path):
        with suppress(InputError):  # else its still picture is read
            return _probe_video(path, size_bytes, DEFAULT_STREAMS)
    return _of_pictures([path], path, "image")


def holds_pictures(entry: FootageEntry) -> bool:
    """Whether a footage of a project is one picture or a folder of them, and not a video."""
    if entry.path.is_dir():
        return True
    return entry.rate is None and (is_picture(entry.path) or media_kind(entry.path) == "picture")


def only_pictures(project: Project) -> bool:
    """Whether a project has footage, and no video."""
    entries = project.footages.values()
    return bool(entries) and all(holds_pictures(entry) for entry in entries)


def _of_pictures(pictures: list[Path], path: Path, kind: Literal["images", "image"]) -> Footage:
    width, height = _first_wh(pictures, path)
    return Footage(
        path=path,
        kind=kind,
        width=width,
        height=height,
        duration_s=len(pictures) / float(PICTURE_RATE),
        rate=PICTURE_RATE if kind == "images" else None,
        has_audio=False,
        size_bytes=sum(picture.stat().st_size for picture in pictures),
    )


def _first_wh(pictures: list[Path], path: Path) -> tuple[int, int]:
    """Return the size of the first readable picture."""
    reason: InputError | None = None
    for picture in pictures:
        try:
            return picture_wh(picture)
        except InputError as error:
            reason = reason or error
    if len(pictures) == 1 and reason is not None:
        raise reason
    raise InputError(
        f"{path}: none of its {len(pictures)} pictures can be read; the first problem: {reason}"
    )


def _probe_video(path: Path, size_bytes: int, streams: StreamChoice) -> Footage:
    with open_video(path, number=streams.video) as (container, stream):
        check_audio_stream(container, path, streams.audio)
        rate = stream_rate(stream)
        has_audio = any(True for _ in container.streams.audio)
        duration_s = header_duration_s(container, stream)
        frame = _first_frame(container, stream, path)
        is_plausible = duration_s is None or header_is_plausible(container, stream)
        form = probe_form(path, container, stream, frame, streams.video)
    if duration_s is None:
        duration_s = counted_duration_s(path, streams.video)
    footage = Footage(
        path,
        "video",
        *form.wh,
        duration_s,
        rate,
        has_audio,
        size_bytes,
        streams=streams,
        form=form,
    )
    if is_plausible:
        return footage
    duration_s, joins = measured_duration_s(footage, file_key(path))
    return replace(footage, duration_s=duration_s, joins=joins)


def _first_frame(container: InputContainer, stream: VideoStream, path: Path) -> VideoFrame:
    for tried, packet in enumerate(demuxed(container, stream)):
        frames = _decode_or_nothing(stream, packet)
        if frames:
            return frames[0]
        if tried > PACKETS_TO_TRY:
            break
    raise InputError(f"{path}: none of its frames can be decoded; copy, record or convert it again")


def _decode_or_nothing(stream: VideoStream, packet: object) -> list[VideoFrame]:
    import av

    try:
        return [f for f in stream.decode(packet) if not f.is_corrupt]  # type: ignore[arg-type]
    except av.FFmpegError:
        return []

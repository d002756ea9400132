"""Encode H.264 video in chunks, which are the checkpoints of a run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError
from data.video.writer import X264_SAME_BYTES, tag_colours, write_errors
from data.video.yuv import BT709, Colours, Planes

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import OutputContainer

DEFAULT_ENCODER: Final = "libx264"
_CHUNK_FORMAT: Final = "nut"
"""Unlike .mp4 and .mkv, stores timestamps in any time base unchanged."""

_QUALITY: Final = {
    # The option that --crf sets in each encoder. All scales run from 0 to 51, as in x264.
    "libx264": {"crf": "{crf}", "preset": "{preset}", **X264_SAME_BYTES},
    "h264_nvenc": {"rc": "vbr", "cq": "{crf}"},
    "h264_qsv": {"global_quality": "{crf}"},
    "h264_amf": {"rc": "cqp", "qp_i": "{crf}", "qp_p": "{crf}", "qp_b": "{crf}"},
    "h264_vaapi": {"rc_mode": "CQP", "qp": "{crf}"},
}
_FORCED_IDR: Final = ("libx264", "h264_nvenc")
"""Encoders that make each requested keyframe an IDR frame."""
_TRIAL_PX: Final = 256  # hardware encoders refuse smaller frames


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """H.264 encoder and quality.

    Args:
        name: libav's name of an H.264 encoder.
        crf: quality, 0 lossless to 51.
        preset: preset of x264, from ultrafast to veryslow.
        b_frames: whether x264 may use B-frames, which a video's index lists with their times.
    """

    name: str = DEFAULT_ENCODER
    crf: float = 21.0
    preset: str = "veryfast"
    b_frames: bool = field(default=True, repr=False)  # no setting of the user: not in cache keys

    def options(self) -> dict[str, str]:
        """Return the options for libav's encoder."""
        quality = _QUALITY.get(self.name, {})
        chosen = {
            key: v.format(crf=f"{self.crf:g}", preset=self.preset) for key, v in quality.items()
        }
        chosen |= {} if self.b_frames else {"bf": "0"}
        return chosen | ({"forced-idr": "1"} if self.can_be_spliced else {})

    @property
    def can_be_spliced(self) -> bool:
        """Whether each keyframe is an IDR frame, so that chunks can be spliced there."""
        return self.name in _FORCED_IDR


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Format of a video and all its chunks."""

    size_wh: tuple[int, int]  # px
    time_base: Fraction  # seconds per tick
    rate: Fraction  # nominal frames per second
    colours: Colours = BT709
    threads: int = 1  # of the encoder, changes the encoded bytes


def check_encoder(settings: EncoderSettings) -> None:
    """Check that an encoder works, before any frame is decoded.

    Raises:
        InputError: the encoder does not exist, is not for H.264, or fails on this machine.
    """
    import av

    advice = f"give crop-people --encoder {DEFAULT_ENCODER}"
    try:
        codec = av.Codec(settings.name, "w")
    except ValueError as error:
        raise InputError(f"{settings.name}: no such encoder on this machine; {advice}") from error
    if codec.canonical_name != "h264":
        message = f"encodes {codec.canonical_name}, not H.264"
        raise InputError(f"{settings.name}: {message}; {advice}")
    try:
        _encode_test_frame(settings)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{settings.name}: does not work on this machine ({reason}); {advice}"
        ) from error


def _encode_test_frame(settings: EncoderSettings) -> None:
    import av

    context: Any = av.CodecContext.create(settings.name, "w")
    context.width = context.height = _TRIAL_PX
    context.pix_fmt, context.time_base = _pixel_format(settings), Fraction(1, 25)
    context.options = settings.options()
    context.encode(av.VideoFrame(_TRIAL_PX, _TRIAL_PX, "yuv420p"))
    context.encode(None)


def new_frame(video_format: VideoFormat) -> tuple[VideoFrame, Planes]:
    """Return a frame for `ChunkWriter.write`, and its uninitialised planes."""
    import av

    frame = av.VideoFrame(*video_format.size_wh, "yuv420p")
    y, u, v = (_view(plane) for plane in frame.planes)
    return frame, Planes(y, u, v, video_format.colours)


def open_chunk(path: Path) -> OutputContainer:
    """Open a chunk for writing. Packets keep their timestamps, which must not be negative."""
    import av

    # By default libav shifts all timestamps so that the first negative dts becomes 0.
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    return av.open(f"file:{path}", "w", format=_CHUNK_FORMAT, options=options)


class ChunkWriter:
    """Writer of the frames of one chunk. A chunk without frames is an empty file.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path, settings: EncoderSettings, video_format: VideoFormat) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_errors(path):
            self._container = open_chunk(path)
            self._stream = _video_stream(self._container, settings, video_format)
        self._video_format = video_format
        self._empty = True

    def write(self, frame: VideoFrame, *, tick: int, keyframe: bool) -> None:
        """Encode a frame.

        Args:
            frame: from `new_frame` of the same format, with filled planes.
            tick: presentation time, which increases from frame to frame.
            keyframe: whether to make it a keyframe.
        """
        from av.video.frame import PictureType

        frame.pts, frame.time_base = tick, self._video_format.time_base
        if keyframe:
            frame.pict_type = PictureType.I
        with write_errors(self.path):
            self._container.mux(self._stream.encode(frame))
        self._empty = False

    def close(self) -> None:
        """Flush the encoder and close the file."""
        with write_errors(self.path):
            if self._empty:
                self.path.touch()  # libav creates the file with the first frame
            else:
                self._container.mux(self._stream.encode(None))
            self._container.close()

    def abandon(self) -> None:
        """Close and delete the file."""
        with contextlib.suppress(Exception):
            self._container.close()
        self.path.unlink(missing_ok=True)


def _video_stream(
    container: OutputContainer, settings: EncoderSettings, video_format: VideoFormat
) -> VideoStream:
    from av.codec.context import Flags, ThreadType

    options = settings.options()
    # Keyframes are requested by time. This is only the encoder's upper bound on their distance.
    options["g"] = str(max(ceil(video_format.rate), 1))
    stream: Any = container.add_stream(settings.name, rate=video_format.rate, options=options)
    stream.width, stream.height = video_format.size_wh
    stream.pix_fmt = _pixel_format(settings)
    stream.time_base = stream.codec_context.time_base = video_format.time_base
    stream.codec_context.flags |= Flags.bitexact | Flags.global_header
    stream.thread_count, stream.thread_type = video_format.threads, ThreadType.FRAME
    tag_colours(stream, video_format.colours)
    return stream  # type: ignore[no-any-return]


def _pixel_format(settings: EncoderSettings) -> str:
    """Return a 4:2:0 format that the encoder accepts; libav converts between them."""
    import av

    formats = {accepted.name for accepted in av.Codec(settings.name, "w").video_formats or ()}
    return "nv12" if "nv12" in formats and "yuv420p" not in formats else "yuv420p"


def _view(plane: Any) -> NDArray[np.uint8]:
    rows = np.frombuffer(plane, np.uint8)[: plane.height * plane.line_size]
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]

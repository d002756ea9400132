"""Encode H.264 video in chunks, the checkpoints of a stopped run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
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
"""Stores timestamps in any time base unchanged; .mp4 and .mkv do not."""

_QUALITY: Final = {
    # The option of each encoder that --crf sets; all scales run from 0 to 51 like x264's.
    "libx264": {"crf": "{crf}", "preset": "{preset}", **X264_SAME_BYTES},
    "h264_nvenc": {"rc": "vbr", "cq": "{crf}"},
    "h264_qsv": {"global_quality": "{crf}"},
    "h264_amf": {"rc": "cqp", "qp_i": "{crf}", "qp_p": "{crf}", "qp_b": "{crf}"},
    "h264_vaapi": {"rc_mode": "CQP", "qp": "{crf}"},
}
_FORCED_IDR: Final = ("libx264", "h264_nvenc")
"""Encoders that make every requested keyframe an IDR frame."""
_TRIAL_PX: Final = 256  # hardware encoders refuse smaller frames


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """H.264 encoder and quality.

    Args:
        name: libav's name of an H.264 encoder.
        crf: quality, 0 lossless to 51.
        preset: x264's, from ultrafast to veryslow.
    """

    name: str = DEFAULT_ENCODER
    crf: float = 21.0
    preset: str = "veryfast"

    def options(self) -> dict[str, str]:
        """Return the options of libav's encoder."""
        quality = _QUALITY.get(self.name, {})
        chosen = {
            key: v.format(crf=f"{self.crf:g}", preset=self.preset) for key, v in quality.items()
        }
        return chosen | ({"forced-idr": "1"} if self.can_be_spliced else {})

    @property
    def can_be_spliced(self) -> bool:
        """Whether every keyframe is an IDR frame, so that chunks can be spliced at it."""
        return self.name in _FORCED_IDR


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Format of a video, the same for all its chunks."""

    size_wh: tuple[int, int]  # px
    time_base: Fraction  # seconds a tick
    rate: Fraction  # nominal frames a second
    colours: Colours = BT709
    threads: int = 1  # of the encoder; another number gives other bytes


def check_encoder(settings: EncoderSettings) -> None:
    """Check that an encoder works before any frame is decoded for it.

    Raises:
        InputError: no such encoder, not an H.264 encoder, or it does not work on this machine.
    """
    import av

    advice = f"leave --encoder out for {DEFAULT_ENCODER}"
    try:
        codec = av.Codec(settings.name, "w")
    except ValueError as error:
        raise InputError(f"{settings.name}: no such encoder on this machine; {advice}") from error
    if codec.canonical_name != "h264":
        message = f"encodes {codec.canonical_name}, not H.264"
        raise InputError(f"{settings.name}: {message}; {advice}")
    try:
        _try(settings)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{settings.name}: does not work on this machine ({reason}); {advice}"
        ) from error


def _try(settings: EncoderSettings) -> None:
    import av

    context: Any = av.CodecContext.create(settings.name, "w")
    context.width = context.height = _TRIAL_PX
    context.pix_fmt, context.time_base = _pixel_format(settings), Fraction(1, 25)
    context.options = settings.options()
    context.encode(av.VideoFrame(_TRIAL_PX, _TRIAL_PX, "yuv420p"))
    context.encode(None)


def open_chunk(path: Path) -> OutputContainer:
    """Open a chunk for writing; packets keep their timestamps, which must not be negative."""
    import av

    # By default libav shifts all timestamps so that the first negative dts becomes 0.
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    return av.open(str(path), "w", format=_CHUNK_FORMAT, options=options)


class ChunkWriter:
    """Writes the frames of one chunk; without frames, an empty file.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(self, path: Path, settings: EncoderSettings, video_format: VideoFormat) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_errors(path):
            self._container = open_chunk(path)
            self._stream = _video_stream(self._container, settings, video_format)
        self._video_format = video_format
        self._empty = True

    def new_frame(self) -> tuple[VideoFrame, Planes]:
        """Return an empty frame for `write`, and its planes to fill."""
        import av

        frame = av.VideoFrame(*self._video_format.size_wh, "yuv420p")
        y, u, v = (_view(plane) for plane in frame.planes)
        return frame, Planes(y, u, v, self._video_format.colours)

    def write(self, frame: VideoFrame, *, tick: int, keyframe: bool) -> None:
        """Encode a frame; ``tick`` is its pts and rises from frame to frame."""
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
    # Keyframes are requested by time; this is only the encoder's upper bound of their distance.
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
    """Return the 4:2:0 layout that the encoder accepts; libav converts between them."""
    import av

    known = {one.name for one in av.Codec(settings.name, "w").video_formats or ()}
    return "nv12" if "nv12" in known and "yuv420p" not in known else "yuv420p"


def _view(plane: Any) -> NDArray[np.uint8]:
    rows = np.frombuffer(plane, np.uint8)[: plane.height * plane.line_size]
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]

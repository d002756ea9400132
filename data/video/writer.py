"""Write H.264 and AAC into an .mp4 file, reproducibly: the same input gives the same bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data.core.errors import InputError, RunError, ends_run
from data.video.yuv import BT709, Colours

if TYPE_CHECKING:
    from av import AudioStream, VideoFrame, VideoStream
    from av.container import OutputContainer

# Frame times have a resolution of at least this many ticks per second: MPEG's own clock.
CLOCK_HZ = 90_000

# x264's output depends on the number of encoder threads, so it does not follow the machine.
ENCODER_THREADS = 2

# Makes x264's output independent of the CPU's vector instructions: its AVX-512 code occasionally
# gives different bytes.
X264_SAME_BYTES = {"x264-params": "cpu-independent=1"}

AAC_BIT_RATE = 128_000


class VideoWriter:
    """Writer of one .mp4 (H.264 yuv420p, AAC), renamed to its path when complete.

    As a context manager it finishes the file on exit, or discards it after an exception. For a
    video with sound, call ``write_audio`` before the first ``write`` (an empty array is enough),
    since the container declares its streams at the start; sound may be any length ahead of the
    frames. All frames must have the size of the first one.

    Args:
        path: the .mp4; its folder must exist.
        rate: frames per second.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        keyframe_every: maximum frames from one keyframe to the next.
        preset: x264's preset.

    Raises:
        InputError: the file cannot be written (no such folder, read-only, disk full).
        ValueError: a frame or sound does not match the earlier ones.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        rate: Fraction | int,
        crf: float = 20,
        keyframe_every: int = 250,
        preset: str = "medium",
    ) -> None:
        self._rate = Fraction(rate)
        if self._rate <= 0:
            raise ValueError(f"rate must be above 0, got {rate}")
        self.path = Path(path)
        self.frames = 0
        # An integer number of ticks per frame for every rate: 30000/1001 stays exact.
        self._time_base = Fraction(1, self._rate.numerator * ceil(CLOCK_HZ / self._rate.numerator))
        self._options = {
            "crf": str(crf),
            "preset": preset,
            "g": str(keyframe_every),
            **X264_SAME_BYTES,
        }
        self._last_tick = -1
        self._video: VideoStream | None = None
        self._sound: _Sound | None = None
        self._part = self.path.with_name(f".{self.path.name}.part")
        with write_errors(self.path):
            self._container = open_mp4(self._part)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def write(self, image: NDArray[np.uint8], *, time_s: float | None = None) -> None:
        """Append one frame.

        Args:
            image: ``(h, w, 3)`` uint8 RGB, ``h`` and ``w`` even.
            time_s: presentation time, above the previous one; rounded to the file's clock
                (1/90000 s or finer). None for one frame duration after the previous frame.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (h, w, 3) uint8, got {image.shape} {image.dtype}")
        if self._video is None:
            self._video = self._start_video(image.shape[1], image.shape[0])
        if image.shape[:2] != (self._video.height, self._video.width):
            expected = (self._video.height, self._video.width, 3)
            raise ValueError(f"image must be {expected} like the first, got {image.shape}")
        tick = self._tick(time_s)
        with write_errors(self.path):
            self._write_sound(until_s=float(tick * self._time_base))
            self._container.mux(self._video.encode(self._picture(image, tick)))
        self._last_tick = tick
        self.frames += 1

    def write_audio(self, samples: NDArray[np.float32], rate: int) -> None:
        """Append sound, ``(n,)`` or ``(n, 2)`` float32 in -1..1, ``rate`` samples per second."""
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        if self._sound is None:
            if self._video is not None:
                raise ValueError("sound must be announced before the first frame, got it after")
            self._sound = _Sound(self._container, channels=channels, rate=rate)
        if (channels, rate) != (self._sound.channels, self._sound.rate):
            expected = f"{self._sound.channels} channels at {self._sound.rate} Hz"
            raise ValueError(f"sound must stay {expected}, got {channels} at {rate} Hz")
        self._sound.append(samples)

    def close(self) -> None:
        """Finish the file and rename it to its path."""
        if self._video is None and self._sound is None:
            self.abandon()
            raise ValueError("a film must have at least one frame, got none")
        try:
            with write_errors(self.path):
                self._write_sound(until_s=None)
                if self._video is not None:
                    self._container.mux(self._video.encode(None))
                self._container.close()
                self._part.replace(self.path)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Discard the file."""
        # Closing writes the trailer, which fails for the same reason as the failed write.
        with contextlib.suppress(Exception):
            self._container.close()
        self._part.unlink(missing_ok=True)

    def _start_video(self, width: int, height: int) -> VideoStream:
        if width % 2 or height % 2 or not width or not height:
            raise ValueError(f"width and height must be even, got {width} x {height}")
        from av.codec.context import Flags, ThreadType

        stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.codec_context.flags |= Flags.bitexact
        # Frame threads: slice threads reduce quality.
        stream.thread_count, stream.thread_type = ENCODER_THREADS, ThreadType.FRAME
        tag_colours(stream, BT709)
        return stream

    def _tick(self, time_s: float | None) -> int:
        if time_s is None:
            return self._last_tick + 1 if self._last_tick < 0 else self._last_tick + self._step()
        tick = round(Fraction(time_s) / self._time_base)
        if tick <= self._last_tick:
            last_s = float(self._last_tick * self._time_base)
            raise ValueError(f"time_s must be above {last_s}, got {time_s}")
        return tick

    def _step(self) -> int:
        return int(1 / (self._rate * self._time_base))

    def _picture(self, image: NDArray[np.uint8], tick: int) -> VideoFrame:
        import av
        from av.video.reformatter import ColorRange, Colorspace, Interpolation

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
            threads=1,
        )
        frame.pts, frame.time_base = tick, self._time_base
        return frame

    def _write_sound(self, *, until_s: float | None) -> None:
        if self._sound is not None:
            self._sound.encode(until_s=until_s)


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Raise libav's errors when writing ``path`` as input errors.

    Raises:
        RunError: the disk is full or read-only.
        InputError: the folder does not exist, or another error of libav.
    """
    try:
        yield
    except OSError as error:
        kind = RunError if ends_run(error) else InputError
        reason = error.strerror or str(error)
        remedy = "check the free space and the permissions of its folder"
        raise kind(f"{path}: cannot be written ({reason}); {remedy}") from error


class _Sound:
    """AAC stream of a video, and a buffer of the samples that are ahead of the frames."""

    def __init__(self, container: OutputContainer, *, channels: int, rate: int) -> None:
        if channels not in (1, 2):
            raise ValueError(f"sound must be (n,) or (n, 2), got {channels} channels")
        from av.codec.context import Flags

        self.channels, self.rate = channels, rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._container = container
        self._stream: AudioStream = container.add_stream("aac", rate=rate, layout=self._layout)
        self._stream.bit_rate = AAC_BIT_RATE
        self._stream.codec_context.flags |= Flags.bitexact
        self._buffer: list[NDArray[np.float32]] = []
        self._encoded = 0  # samples

    def append(self, samples: NDArray[np.float32]) -> None:
        self._buffer.append(samples.astype(np.float32).reshape(-1, self.channels))

    def encode(self, *, until_s: float | None) -> None:
        """Encode the samples up to ``until_s``; None encodes all and ends the stream."""
        buffered = np.concatenate([*self._buffer, np.zeros((0, self.channels), np.float32)])
        count = len(buffered) if until_s is None else ceil(until_s * self.rate) - self._encoded
        count = min(max(count, 0), len(buffered))
        self._buffer = [buffered[count:]]
        if count:
            self._encode(buffered[:count])
        if until_s is None:
            self._container.mux(self._stream.encode(None))

    def _encode(self, samples: NDArray[np.float32]) -> None:
        import av

        planes = np.ascontiguousarray(samples.T)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts = self.rate, self._encoded
        frame.time_base = Fraction(1, self.rate)
        self._encoded += len(samples)
        self._container.mux(self._stream.encode(frame))


def write_video(
    path: Path | str,
    frames: Iterable[NDArray[np.uint8]],
    *,
    rate: Fraction | int,
    times: Iterable[float] | None = None,
    audio: NDArray[np.float32] | None = None,
    audio_rate: int = 48_000,
    crf: float = 20,
    keyframe_every: int = 250,
    preset: str = "medium",
) -> None:
    """Write a complete video; see ``VideoWriter``.

    Args:
        path: the .mp4; its folder must exist.
        frames: ``(h, w, 3)`` uint8 RGB each, at least one.
        rate: frames per second, nominal if ``times`` are given.
        times: presentation time of every frame in seconds, increasing; None for a constant rate.
        audio: ``(n,)`` or ``(n, 2)`` float32 in -1..1.
        audio_rate: samples per second of ``audio``.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        keyframe_every: maximum frames from one keyframe to the next.
        preset: x264's preset.
    """
    clock = iter(times) if times is not None else None
    with VideoWriter(
        path, rate=rate, crf=crf, keyframe_every=keyframe_every, preset=preset
    ) as writer:
        if audio is not None:
            writer.write_audio(audio, audio_rate)
        for image in frames:
            writer.write(image, time_s=None if clock is None else next(clock))


def open_mp4(path: Path) -> OutputContainer:
    """Open an .mp4 for reproducible writing."""
    import av

    # faststart puts the index first, so that a browser plays before it has the complete file.
    # bitexact omits the library's version and the creation time.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    return av.open(f"file:{path}", "w", format="mp4", options=options)


def tag_colours(stream: VideoStream, colours: Colours) -> None:
    """Tag the stream with its colours: players guess untagged ones from the picture's size."""
    from av.video.reformatter import ColorRange

    context = stream.codec_context
    context.color_primaries = colours.primaries
    context.color_trc = colours.transfer
    context.colorspace = colours.space
    context.color_range = ColorRange.MPEG

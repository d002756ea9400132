"""Render every person's video in one decode: each encoder worker crops and encodes each frame."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes
from cropping.camera.windows import CropWindows
from cropping.render.blur import FaceBlur, blurred
from cropping.render.encoder import ChunkWriter, EncoderSettings, VideoFormat
from cropping.render.resize import crop
from data.core.atomic import partial_of
from data.execution.threaded import stream
from data.project.checkpoints import Checkpoints
from data.video.frames import DecodedFrame
from data.video.yuv import Planes

CHUNK_FRAMES: Final = 1500
"""Frames of a chunk: the most that a killed run encodes again."""
KEYFRAME_S: Final = 1
"""Longest interval between keyframes: the precision of seeking in a browser."""
_MOST_THREADS: Final = 8  # of one encoder; more cost quality and gain little
_THREADS_PER_CORE: Final = 2
"""Threads that run workers: one with absent people has little to do, another uses its core."""
_QUEUED_BYTES: Final = 64 << 20
_FEWEST_QUEUED, _MOST_QUEUED = 2, 8
"""Frames between two threads: the more there are, the less often one waits for another."""

ChunkCheckpoints = Checkpoints[Path]


class RenderFrame:
    """One decoded frame, its planes, and its presentation time in the video's ticks."""

    def __init__(self, decoded: DecodedFrame, video_format: VideoFormat) -> None:
        self.decoded, self.planes = decoded, decoded.planes()
        self.index = decoded.index
        self.tick = round(Fraction(decoded.time_s) / video_format.time_base)


@dataclass(frozen=True, slots=True, eq=False)
class RenderTarget:
    """The output of one encoder worker."""

    windows: CropWindows  # n rows, one a frame of the footage
    chunks: ChunkCheckpoints
    cuts: NDArray[np.int64]  # (c,) frames at which the output may be spliced
    frame_mask: NDArray[np.bool_]  # (n,) frames to encode
    blur: FaceBlur | None = None  # of the other people's faces

    @classmethod
    def whole(
        cls, windows: CropWindows, chunks: ChunkCheckpoints, blur: FaceBlur | None
    ) -> RenderTarget:
        """Return the target for one person's whole video."""
        return cls(windows, chunks, windows.cuts(), np.ones(len(windows), np.bool_), blur)


def chunks_in(folder: Path, key: str) -> ChunkCheckpoints:
    """Return the finished chunks of a video; ``key`` is the prefix of their files."""
    return Checkpoints(
        folder, key=key, suffix=".nut", read=lambda file: file, write=lambda new, to: _move(new, to)
    )


def _move(new: Path, to: Path) -> None:
    new.replace(to)


def keyframes(frame_times: FrameTimes, cuts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the keyframes, ``(n,)``: at chunks, at cuts, and every `KEYFRAME_S` seconds.

    Args:
        frame_times: of the n frames of the footage.
        cuts: ``(c,)`` frame indices.
    """
    wanted = np.zeros(len(frame_times), np.bool_)
    wanted[::CHUNK_FRAMES] = True
    wanted[cuts] = True
    ends_s = np.append(frame_times.time_s[1:], np.inf)
    last_s = 0.0
    for frame in np.arange(len(frame_times)):
        # The next frame would come too late.
        wanted[frame] |= ends_s[frame] - last_s > KEYFRAME_S
        if wanted[frame]:
            last_s = frame_times.time_s[frame]
    return wanted


class EncoderWorker:
    """Encodes one target, chunk by chunk."""

    def __init__(
        self,
        target: RenderTarget,
        frame_times: FrameTimes,
        folder: Path,
        settings: EncoderSettings,
        video_format: VideoFormat,
        *,
        first: int = 0,
    ) -> None:
        """Prepare to encode; finished chunks are skipped.

        Args:
            target: windows and chunks.
            frame_times: of the footage.
            folder: holds the unfinished chunk.
            settings: of the encoder.
            video_format: of the video.
            first: number of the segment's first chunk.
        """
        self._target, self._settings, self._video_format = target, settings, video_format
        self._keyframes = keyframes(frame_times, target.cuts)
        self._finished = first + len(target.chunks.read())
        self._folder = folder
        self._writer: ChunkWriter | None = None
        self._number = -1
        self._next = 0  # first frame not encoded yet

    def encode(self, frame: RenderFrame) -> None:
        """Crop and encode one frame."""
        number = frame.index // CHUNK_FRAMES
        if number < self._finished:
            return
        if number != self._number:
            self.close()
            self._number = number
            path = partial_of(self._folder / f"{number:06d}.nut")
            self._writer = ChunkWriter(path, self._settings, self._video_format)
        row = min(frame.index, len(self._target.windows) - 1)
        if self._writer is not None and self._target.frame_mask[row]:
            self._write(frame, row, self._writer)

    def _write(self, frame: RenderFrame, row: int, writer: ChunkWriter) -> None:
        output, planes = writer.new_frame()
        self._fill(frame, row, planes)
        # The keyframe of a frame that was not decoded falls to the next one.
        keyframe = bool(self._keyframes[min(self._next, row) : row + 1].any())
        self._next = frame.index + 1
        writer.write(output, tick=frame.tick, keyframe=keyframe)

    def _fill(self, frame: RenderFrame, row: int, planes: Planes) -> None:
        left, top, right, bottom = self._target.windows.xyxy[row].tolist()
        boxes = self._target.blur.at(frame.index) if self._target.blur else []
        crop(blurred(frame.planes, boxes), (left, top, right, bottom), planes)

    def close(self) -> None:
        """Finish the current chunk."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            try:
                writer.close()
                self._target.chunks.append(writer.path)
            except BaseException:
                writer.abandon()
                raise
            self._finished += 1

    def abandon(self) -> None:
        """Delete the current chunk."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None


def threads_each(encoders: int, cores: int) -> int:
    """Return the threads of each encoder when ``encoders`` of them share the cores."""
    return min(max(ceil(cores / max(encoders, 1)), 1), _MOST_THREADS)


def render(
    frames: Generator[DecodedFrame, None, None],
    workers: Sequence[EncoderWorker],
    video_format: VideoFormat,
    *,
    frame_wh: tuple[int, int],
    threads: int,
    advance: Callable[[], None],
    observers: Sequence[Callable[[RenderFrame], RenderFrame]] = (),
) -> None:
    """Encode every frame with every worker; the workers share a pool of threads.

    Args:
        frames: of the footage, in order, from the first unfinished chunk on.
        workers: one a target.
        video_format: of the videos.
        frame_wh: size of the frames, in pixels.
        threads: processor cores to use.
        advance: called after each frame.
        observers: called with each frame before the workers, each in a thread of its own.

    Raises:
        InputError: a video cannot be written.
    """
    count = max(min(_THREADS_PER_CORE * threads, len(workers)), 1)
    stages = [_in_turn(workers[first::count]) for first in range(count)]
    with _abandon_unfinished(workers), closing(frames):
        capacity = queue_capacity(frame_wh, len(observers) + len(stages) + 1)
        source = _render_frames(frames, video_format)
        with closing(stream(source, *observers, *stages, capacity=capacity)) as rendered:
            for _ in rendered:
                advance()
        # Encoders hold frames back for their lookahead: those are encoded now.
        with ThreadPoolExecutor(count) as pool:
            for _ in pool.map(EncoderWorker.close, workers):
                pass


def queue_capacity(frame_wh: tuple[int, int], queues: int) -> int:
    """Return how many frames of a size in pixels each of the ``queues`` may hold."""
    frame_bytes = frame_wh[0] * frame_wh[1] * 3 // 2
    affordable = _QUEUED_BYTES // (max(frame_bytes, 1) * queues)
    return min(max(affordable, _FEWEST_QUEUED), _MOST_QUEUED)


def _in_turn(workers: Sequence[EncoderWorker]) -> Callable[[RenderFrame], RenderFrame]:
    def encode(frame: RenderFrame) -> RenderFrame:
        for worker in workers:
            worker.encode(frame)
        return frame

    return encode


def _render_frames(
    frames: Iterator[DecodedFrame], video_format: VideoFormat
) -> Iterator[RenderFrame]:
    for decoded in frames:
        yield RenderFrame(decoded, video_format)


@contextlib.contextmanager
def _abandon_unfinished(workers: Sequence[EncoderWorker]) -> Iterator[None]:
    try:
        yield
    finally:
        for worker in workers:
            worker.abandon()

"""Render each person's video chunks in one decode of the footage."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.shots import FrameTimes
from cropping.camera.windows import CropWindows
from cropping.render.backdrop import fill_with_backdrop
from cropping.render.blur import FaceBlur, blurred
from cropping.render.encoder import ChunkWriter, EncoderSettings, VideoFormat, new_frame
from cropping.render.resize import crop
from cropping.render.small import SMALL_ENCODER, shrink, small_format
from data.core.atomic import partial_of
from data.execution.threaded import stream
from data.project.checkpoints import Checkpoints
from data.video.frames import DecodedFrame
from data.video.yuv import Planes

CHUNK_FRAMES: Final = 1500
"""Frames per chunk: the maximum that a run encodes again after it was killed."""
KEYFRAME_S: Final = 1
"""Longest interval between keyframes: the precision of seeking in a browser."""
_MAX_ENCODER_THREADS: Final = 8  # more threads cost quality and gain little
_THREADS_PER_CORE: Final = 2
"""Worker threads per core: a thread whose people are absent has little to do."""
_QUEUED_BYTES: Final = 64 << 20
_MIN_QUEUED, _MAX_QUEUED = 2, 8
"""Frames queued between two threads: with more frames, threads wait for each other less often."""

ChunkCheckpoints = Checkpoints[Path]


@dataclass(frozen=True, slots=True, eq=False)
class TargetChunks:
    """Finished chunks of a target's video and of its small rendition, by number."""

    video: ChunkCheckpoints
    small: ChunkCheckpoints

    @property
    def finished(self) -> int:
        """Number of chunks that are finished in both."""
        return min(len(self.video.read()), len(self.small.read()))


class RenderFrame:
    """One decoded frame, its planes, and its presentation time in the video's ticks."""

    def __init__(self, decoded: DecodedFrame, video_format: VideoFormat) -> None:
        self.decoded, self.planes = decoded, decoded.planes()
        self.index = decoded.index
        self.tick = round(Fraction(decoded.time_s) / video_format.time_base)


@dataclass(frozen=True, slots=True, eq=False)
class RenderTarget:
    """The output of one encoder worker."""

    windows: CropWindows  # n rows, one per frame of the footage
    chunks: TargetChunks
    cuts: NDArray[np.int64]  # (c,) frame indices at which the output may be spliced
    frame_mask: NDArray[np.bool_]  # (n,) frames to encode
    blur: FaceBlur | None = None  # of the other people's faces
    backdrop: bool = False  # absences are shown over a backdrop instead of black bars

    @classmethod
    def for_person(
        cls,
        windows: CropWindows,
        chunks: TargetChunks,
        blur: FaceBlur | None,
        *,
        backdrop: bool = False,
    ) -> RenderTarget:
        """Return the target that encodes all frames of one person's video."""
        mask = np.ones(len(windows), np.bool_)
        return cls(windows, chunks, windows.cuts(), mask, blur, backdrop)


def chunks_in(folder: Path, key: str) -> TargetChunks:
    """Return the finished chunks in a folder; ``key`` is part of their names."""
    return TargetChunks(_checkpoints(folder, key), _checkpoints(folder, f"small-{key}"))


def _checkpoints(folder: Path, key: str) -> ChunkCheckpoints:
    return Checkpoints(
        folder, key=key, suffix=".nut", read=lambda file: file, write=lambda new, to: _move(new, to)
    )


def _move(new: Path, to: Path) -> None:
    new.replace(to)


def keyframes(frame_times: FrameTimes, cuts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask of the keyframes, ``(n,)``: at chunks, at cuts, and every `KEYFRAME_S`.

    Args:
        frame_times: times of the n frames of the footage.
        cuts: ``(c,)`` frame indices.
    """
    mask = np.zeros(len(frame_times), np.bool_)
    mask[::CHUNK_FRAMES] = True
    mask[cuts] = True
    ends_s = np.append(frame_times.time_s[1:], np.inf)
    last_s = 0.0
    for frame in np.arange(len(frame_times)):
        # At the next frame the interval would be too long.
        mask[frame] |= ends_s[frame] - last_s > KEYFRAME_S
        if mask[frame]:
            last_s = frame_times.time_s[frame]
    return mask


class _Rendition:
    """Encodes one rendition of a target, chunk by chunk."""

    def __init__(
        self,
        chunks: ChunkCheckpoints,
        settings: EncoderSettings,
        video_format: VideoFormat,
        *,
        first: int,
    ) -> None:
        self._chunks, self._settings, self.format = chunks, settings, video_format
        self.finished = first + len(chunks.read())
        self.writer: ChunkWriter | None = None

    def begin(self, path: Path) -> None:
        """Begin a chunk in an unfinished file."""
        self.writer = ChunkWriter(path, self._settings, self.format)

    def close(self) -> None:
        """Finish the current chunk."""
        if self.writer is not None:
            writer, self.writer = self.writer, None
            try:
                writer.close()
                self._chunks.append(writer.path)
            except BaseException:
                writer.abandon()
                raise
            self.finished += 1

    def abandon(self) -> None:
        """Delete the current chunk."""
        if self.writer is not None:
            self.writer.abandon()
            self.writer = None


class EncoderWorker:
    """Encodes one target and its small rendition, chunk by chunk."""

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
        """Prepare to encode the unfinished chunks.

        Args:
            target: windows and chunks of the output.
            frame_times: times of all frames of the footage.
            folder: folder of the unfinished chunk.
            settings: encoder and quality.
            video_format: format of the video.
            first: number of the segment's first chunk.
        """
        self._target, self._video_format = target, video_format
        self._keyframes = keyframes(frame_times, target.cuts)
        chunks, small = target.chunks, small_format(video_format)
        self._video = _Rendition(chunks.video, settings, video_format, first=first)
        self._small = _Rendition(chunks.small, SMALL_ENCODER, small, first=first)
        self._folder = folder
        self._number = -1
        self._next = 0  # first frame not encoded yet

    def encode(self, frame: RenderFrame) -> None:
        """Crop and encode one frame."""
        number = frame.index // CHUNK_FRAMES
        if number < min(self._video.finished, self._small.finished):
            return
        if number != self._number:
            self.close()
            self._number = number
            for name, rendition in (("", self._video), ("-small", self._small)):
                if number >= rendition.finished:
                    rendition.begin(partial_of(self._folder / f"{number:06d}{name}.nut"))
        row = min(frame.index, len(self._target.windows) - 1)
        if self._target.frame_mask[row]:
            self._write(frame, row)

    def _write(self, frame: RenderFrame, row: int) -> None:
        output, planes = new_frame(self._video.format)
        self._fill(frame, row, planes)
        # If the keyframe was not decoded, the next frame becomes the keyframe.
        keyframe = bool(self._keyframes[min(self._next, row) : row + 1].any())
        self._next = frame.index + 1
        if self._small.writer is not None:
            small, small_planes = new_frame(self._small.format)
            shrink(planes, small_planes)
            self._small.writer.write(small, tick=frame.tick, keyframe=keyframe)
        if self._video.writer is not None:
            self._video.writer.write(output, tick=frame.tick, keyframe=keyframe)

    def _fill(self, frame: RenderFrame, row: int, planes: Planes) -> None:
        target = self._target
        left, top, right, bottom = target.windows.xyxy[row].tolist()
        xyxy = left, top, right, bottom
        shown = blurred(frame.planes, target.blur.at(frame.index) if target.blur else [])
        if target.backdrop and target.windows.shot[row] < 0:
            crop(shown, xyxy, planes, fill_bars=partial(fill_with_backdrop, shown, xyxy))
        else:
            crop(shown, xyxy, planes)

    def close(self) -> None:
        """Finish the current chunk."""
        self._video.close()
        self._small.close()

    def abandon(self) -> None:
        """Delete the current chunk."""
        self._video.abandon()
        self._small.abandon()


def encoder_threads(encoders: int, cores: int) -> int:
    """Return the number of threads per encoder when several encoders share the cores."""
    return min(max(ceil(cores / max(encoders, 1)), 1), _MAX_ENCODER_THREADS)


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
    """Encode each frame with all workers, which share a pool of threads.

    Args:
        frames: frames of the footage in order, from the first unfinished chunk on.
        workers: one per target.
        video_format: format of the videos.
        frame_wh: size of the frames in px.
        threads: processor cores to use.
        advance: called after each frame.
        observers: called with each frame before the workers, each in its own thread.

    Raises:
        InputError: a video cannot be written.
    """
    count = max(min(_THREADS_PER_CORE * threads, len(workers)), 1)
    stages = [_encode_with(workers[first::count]) for first in range(count)]
    with _abandon_unfinished(workers), closing(frames):
        capacity = queue_capacity(frame_wh, len(observers) + len(stages) + 1)
        source = _render_frames(frames, video_format)
        with closing(stream(source, *observers, *stages, capacity=capacity)) as rendered:
            for _ in rendered:
                advance()
        # Closing encodes the frames in the encoders' lookahead.
        with ThreadPoolExecutor(count) as pool:
            for _ in pool.map(EncoderWorker.close, workers):
                pass


def queue_capacity(frame_wh: tuple[int, int], queues: int) -> int:
    """Return the capacity of each queue in frames; ``frame_wh`` is in px."""
    frame_bytes = frame_wh[0] * frame_wh[1] * 3 // 2
    affordable = _QUEUED_BYTES // (max(frame_bytes, 1) * queues)
    return min(max(affordable, _MIN_QUEUED), _MAX_QUEUED)


def _encode_with(workers: Sequence[EncoderWorker]) -> Callable[[RenderFrame], RenderFrame]:
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

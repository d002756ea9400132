"""One decode, everybody's pictures: each person's encoder takes every frame as it comes by."""

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
from cropping.render.resize import cut
from data.core.atomic import partial_of
from data.execution.threaded import stream
from data.project.checkpoints import Checkpoints
from data.video.reader import Decoded
from data.video.yuv import Planes

CHUNK_FRAMES: Final = 1500
"""What a killed run does again at most."""
KEYFRAME_S: Final = 1
"""At most so long from one keyframe to the next: how exactly a browser jumps."""
_MOST_THREADS: Final = 8  # of one encoder; more cost quality and gain little
_A_CORE: Final = 2
"""Threads with lanes to serve: while one has little to do, as its people are away, another can."""
_WAITING_BYTES: Final = 64 << 20
_FEWEST_WAITING, _MOST_WAITING = 2, 8
"""Frames from one thread to the next: the more there are, the less often one waits for another."""

ChunkCheckpoints = Checkpoints[Path]


class RenderFrame:
    """One frame on its way past the encoders."""

    def __init__(self, decoded: Decoded, form: VideoFormat) -> None:
        self.decoded, self.planes = decoded, decoded.planes()
        self.index = decoded.index
        self.tick = round(Fraction(decoded.time_s) / form.time_base)


@dataclass(frozen=True, slots=True, eq=False)
class RenderTarget:
    """What one encoder makes of a footage."""

    views: CropWindows
    pieces: ChunkCheckpoints
    cuts: NDArray[np.int64]  # frames where what it makes may be taken apart
    taken: NDArray[np.bool_]  # (n,) which frames it takes
    others: FaceBlur | None = None  # to be blurred

    @classmethod
    def whole(
        cls, views: CropWindows, pieces: ChunkCheckpoints, others: FaceBlur | None
    ) -> RenderTarget:
        """One person's whole video."""
        return cls(views, pieces, views.cuts(), np.ones(len(views), np.bool_), others)


def chunks_in(folder: Path, key: str) -> ChunkCheckpoints:
    """The finished pieces of a video; ``key`` tells what they depend on."""
    return Checkpoints(
        folder, key=key, suffix=".nut", read=lambda file: file, write=lambda new, to: _move(new, to)
    )


def _move(new: Path, to: Path) -> None:
    new.replace(to)


def keyframes(clock: FrameTimes, cuts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which frames are to be keyframes, ``(n,)``: at pieces and cuts, and once a second."""
    wanted = np.zeros(len(clock), np.bool_)
    wanted[::CHUNK_FRAMES] = True
    wanted[cuts] = True
    ends_s = np.append(clock.time_s[1:], np.inf)
    last_s = 0.0
    for frame in np.arange(len(clock)):
        # The next would come too late.
        wanted[frame] |= ends_s[frame] - last_s > KEYFRAME_S
        if wanted[frame]:
            last_s = clock.time_s[frame]
    return wanted


class EncoderWorker:
    """One person's encoder."""

    def __init__(
        self,
        part: RenderTarget,
        clock: FrameTimes,
        folder: Path,
        settings: EncoderSettings,
        form: VideoFormat,
        *,
        first: int = 0,
    ) -> None:
        """Take what is to be shown when, and a folder for the piece that is being written.

        ``first`` is the first piece that it makes.
        """
        self._part, self._settings, self._form = part, settings, form
        self._keyframes = keyframes(clock, part.cuts)
        self._finished = first + len(part.pieces.read())
        self._folder = folder
        self._writer: ChunkWriter | None = None
        self._number = -1
        self._next = 0  # first frame that has not come by

    def take(self, shown: RenderFrame) -> None:
        """Encode one frame."""
        number = shown.index // CHUNK_FRAMES
        if number < self._finished:
            return
        if number != self._number:
            self.close()
            self._number = number
            path = partial_of(self._folder / f"{number:06d}.nut")
            self._writer = ChunkWriter(path, self._settings, self._form)
        row = min(shown.index, len(self._part.views) - 1)
        if self._writer is not None and self._part.taken[row]:
            self._encode(shown, row, self._writer)

    def _encode(self, shown: RenderFrame, row: int, writer: ChunkWriter) -> None:
        frame, planes = writer.picture()
        self._fill(shown, row, planes)
        # A damaged frame that never came by leaves its keyframe to the next.
        keyframe = bool(self._keyframes[min(self._next, row) : row + 1].any())
        self._next = shown.index + 1
        writer.write(frame, tick=shown.tick, keyframe=keyframe)

    def _fill(self, shown: RenderFrame, row: int, planes: Planes) -> None:
        left, top, right, bottom = self._part.views.xyxy[row].tolist()
        boxes = self._part.others.at(shown.index) if self._part.others else []
        cut(blurred(shown.planes, boxes), (left, top, right, bottom), planes)

    def close(self) -> None:
        """Finish the piece that is being written."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            try:
                writer.close()
                self._part.pieces.append(writer.path)
            except BaseException:
                writer.abandon()
                raise
            self._finished += 1

    def abandon(self) -> None:
        """Leave the piece that is being written."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None


def threads_each(lanes: int, cores: int) -> int:
    """Threads of each of so many encoders; with several of them, one beside one is enough."""
    return min(max(ceil(cores / max(lanes, 1)), 1), _MOST_THREADS)


def render(
    frames: Generator[Decoded, None, None],
    lanes: Sequence[EncoderWorker],
    form: VideoFormat,
    *,
    frame_wh: tuple[int, int],
    threads: int,
    advance: Callable[[], None],
    watch: Sequence[Callable[[RenderFrame], RenderFrame]] = (),
) -> None:
    """Pass every frame by every encoder.

    Args:
        frames: of the footage, in order, from the first piece that somebody lacks on.
        lanes: everybody's.
        form: of the videos.
        frame_wh: size of the frames, in pixels.
        threads: that there are cores for.
        advance: called after each frame.
        watch: what else looks at the frames.

    Raises:
        InputError: a video cannot be written.
    """
    count = max(min(_A_CORE * threads, len(lanes)), 1)
    stages = [_one_after_another(lanes[first::count]) for first in range(count)]
    with _all_or_none(lanes), closing(frames):
        waiting = frames_waiting(frame_wh, len(watch) + len(stages) + 1)
        shown = _shown(frames, form)
        with closing(stream(shown, *watch, *stages, capacity=waiting)) as passing:
            for _ in passing:
                advance()
        # An encoder keeps frames back until it knows what follows: those are encoded now.
        with ThreadPoolExecutor(count) as pool:
            for _ in pool.map(EncoderWorker.close, lanes):
                pass


def frames_waiting(frame_wh: tuple[int, int], queues: int) -> int:
    """How many frames, of a size in pixels, may wait in each of so many queues."""
    frame_bytes = frame_wh[0] * frame_wh[1] * 3 // 2
    affordable = _WAITING_BYTES // (max(frame_bytes, 1) * queues)
    return min(max(affordable, _FEWEST_WAITING), _MOST_WAITING)


def _one_after_another(lanes: Sequence[EncoderWorker]) -> Callable[[RenderFrame], RenderFrame]:
    def take(shown: RenderFrame) -> RenderFrame:
        for lane in lanes:
            lane.take(shown)
        return shown

    return take


def _shown(frames: Iterator[Decoded], form: VideoFormat) -> Iterator[RenderFrame]:
    for decoded in frames:
        yield RenderFrame(decoded, form)


@contextlib.contextmanager
def _all_or_none(lanes: Sequence[EncoderWorker]) -> Iterator[None]:
    try:
        yield
    finally:
        for lane in lanes:
            lane.abandon()

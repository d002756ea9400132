"""Task of crop-people: render each person's chunks of a segment in one decode."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Final

import numpy as np

from cropping.camera.shots import FrameTimes
from cropping.camera.windows import CropWindows, crop_windows
from cropping.render.blur import FaceBlur
from cropping.render.encoder import VideoFormat
from cropping.render.job import CropJob, CropPlan, Person, read_plan
from cropping.render.render import EncoderWorker, RenderFrame, RenderTarget, render
from cropping.render.segments import (
    RenderSegment,
    SegmentRecord,
    chunks_of,
    first_frame,
    own_chunks,
    record_file,
    segment_smiles_file,
    shared_folder,
)
from cropping.render.shared_absence import share_absence
from cropping.render.stored_areas import stored_picture_areas
from cropping.smiles.model import load_smile_model
from cropping.smiles.scorer import SmileScorer
from data.core.arrays import Values
from data.core.atomic import atomic_write
from data.core.cores import available_cores
from data.core.errors import InputError
from data.core.progress import Bar
from data.core.time_left import duration
from data.execution.tasks import TaskContext
from data.video.container import ASSUMED_RATE, open_footage
from data.video.footage import Footage
from data.video.frames import Damage, DecodedFrame
from data.video.pictures.animation import TICKS_PER_S
from data.video.reader import decode_frames

_TICK: Final = Fraction(1, 90_000)  # of MPEG, for a footage without a time base
_SHORTEST_FRAME_S: Final = Fraction(1, 1000)
# Limits of libav's .mp4: the resolution that it chooses, and the ticks from one frame to the next.
_MIN_TICKS_PER_S: Final = 10_000
_LONGEST_STEP: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Task that renders one segment of a footage.

    Args:
        job: crop job of the footage.
        people: ids of the people to render.
        segment: segment to render.
        scores_smiles: whether to score smiles as well.
        threads: threads per encoder, equal on all machines because they change the bytes.
    """

    job: CropJob
    people: tuple[int, ...]
    segment: RenderSegment
    scores_smiles: bool
    threads: int


def render_segment(task: RenderTask, context: TaskContext) -> Damage:
    """Encode each person's chunks of a segment, except those finished by an earlier run."""
    plan = context.loaded(read_plan, task.job)
    people = [person for person in plan.people if person.person_id in task.people]
    records = {
        person.person_id: SegmentRecord.read(record_file(plan, person, task.segment))
        for person in people
    }
    unfinished = [person for person in people if records[person.person_id] is None]
    if unfinished:
        record = _render(plan, unfinished, task, context)
        for person in unfinished:
            record.write(record_file(plan, person, task.segment))
        return record.damage
    return next((record.damage for record in records.values() if record), Damage())


def _render(
    plan: CropPlan, people: Sequence[Person], task: RenderTask, context: TaskContext
) -> SegmentRecord:
    segment, damage, frame_times = task.segment, Damage(), FrameTimes.of(plan.timeline)
    own = [_target(plan, person, segment) for person in people]
    shared = shared_folder(plan, people)
    spliced = plan.settings.encoder.can_be_spliced
    targets = share_absence(own, chunks_of(shared, segment)) if spliced else own
    smiles = _SegmentSmiles(plan, task)
    encoded = segment.first + min(target.chunks.finished for target in targets)
    begin = segment.first if smiles.are_missing else encoded
    frames = _decoded(plan, segment, begin, damage)
    first = next(frames, None)
    if first is None and begin > segment.first:
        # An earlier run was stopped between the last chunk and the record.
        begin, damage = begin - 1, Damage()
        frames = _decoded(plan, segment, begin, damage)
        first = next(frames, None)
    if first is None:
        if not segment.number:
            advice = "run track-people PROJECT --force"
            raise InputError(f"{plan.name}: it ends before its tracks do; {advice}")
        smiles.write()
        return SegmentRecord(None, None, damage)
    video_format = _video_format(plan, first, threads=task.threads)
    folders = [*map(plan.chunk_folder, people), shared]
    encoder = plan.settings.encoder
    workers = [
        EncoderWorker(target, frame_times, folder, encoder, video_format, first=segment.first)
        for target, folder in zip(targets, folders, strict=False)
    ]
    last = _LastFrame(first)
    render(
        last.observe(chain([first], frames)),
        workers,
        video_format,
        frame_wh=plan.job.frame_wh,
        threads=plan.settings.threads or available_cores(),
        advance=_advance(context.bar, skip=first_frame(encoded) - first_frame(begin)),
        observers=smiles.observers,
    )
    smiles.write()
    name = shared.name if len(targets) > len(own) else ""
    return SegmentRecord(last.start_s, last.end_s(frame_times.frame_s), damage, name)


def _video_format(plan: CropPlan, frame: DecodedFrame, *, threads: int) -> VideoFormat:
    time_base = _time_base(plan.footage)
    _check_gaps(plan, time_base)
    return VideoFormat(
        size_wh=plan.job.video_wh,
        time_base=time_base,
        rate=plan.footage.rate or ASSUMED_RATE,
        colours=frame.planes().colours,
        threads=threads,
    )


def _check_gaps(plan: CropPlan, time_base: Fraction) -> None:
    longest_s = float(np.diff(plan.timeline.time_s).max(initial=0))
    ticks_per_s = time_base.denominator
    while ticks_per_s < _MIN_TICKS_PER_S:
        ticks_per_s *= 2
    if longest_s * ticks_per_s > _LONGEST_STEP:
        message = f"{duration(longest_s)} without a frame is too long for an .mp4"
        raise InputError(f"{plan.name}: {message}; cut out that part of the footage")


def _target(plan: CropPlan, person: Person, segment: RenderSegment) -> RenderTarget:
    windows = _stored_windows(plan, person, segment)
    return RenderTarget.for_person(
        windows,
        own_chunks(plan, person, segment),
        _blur(plan, person),
        backdrop=plan.settings.absent == "wide",
    )


def _decoded(
    plan: CropPlan, segment: RenderSegment, chunk: int, damage: Damage
) -> Generator[DecodedFrame, None, None]:
    """Decode the frames of a segment from the given chunk on."""
    return decode_frames(
        plan.footage,
        after_index=first_frame(chunk) - 1,
        until_index=segment.end_frame,
        threads=plan.settings.threads,
        damage=damage,
    )


class _SegmentSmiles:
    """Scores the smiles of a segment while it is rendered, unless an earlier run has."""

    def __init__(self, plan: CropPlan, task: RenderTask) -> None:
        self._file = segment_smiles_file(task.job, task.segment)
        self._scorer: SmileScorer | None = None
        if task.scores_smiles and not self._file.exists():
            self._scorer = SmileScorer(load_smile_model(), plan.scored)

    @property
    def are_missing(self) -> bool:
        return self._scorer is not None

    @property
    def observers(self) -> list[Callable[[RenderFrame], RenderFrame]]:
        return [self._score] if self._scorer is not None else []

    def _score(self, frame: RenderFrame) -> RenderFrame:
        if self._scorer is not None:
            self._scorer.score(frame.index, frame.decoded.time_s, frame.planes.y)
        return frame

    def write(self) -> None:
        if self._scorer is not None:
            self._scorer.finish().write(self._file)


def _advance(bar: Bar, *, skip: int) -> Callable[[], None]:
    """Return a callback that advances the bar by one frame, except in the first ``skip`` calls."""
    calls = 0

    def advance() -> None:
        nonlocal calls
        calls += 1
        if calls > skip:
            bar.update(1)

    return advance


class _LastFrame:
    """Stores the last frame of a stream."""

    def __init__(self, first: DecodedFrame) -> None:
        self._frame = first

    def observe(self, frames: Iterable[DecodedFrame]) -> Generator[DecodedFrame, None, None]:
        for frame in frames:
            self._frame = frame
            yield frame

    @property
    def start_s(self) -> Fraction:
        return self._frame.start_s

    def end_s(self, frame_s: float) -> Fraction:
        """Return the end of the frame in seconds; ``frame_s`` replaces a missing duration.

        Some muxers give the last frame a duration of one tick, since they do not know it.
        """
        duration_s = self._frame.duration_s
        known = duration_s >= _SHORTEST_FRAME_S
        return Fraction(self._frame.time_s) + (duration_s if known else Fraction(frame_s))


def person_windows(plan: CropPlan, person: Person, areas: Values | None = None) -> CropWindows:
    """Compute the crop windows of one person, one per frame of the footage.

    Args:
        plan: crop plan of the footage.
        person: person with tracks.
        areas: area of the picture in each shot, see `find_picture_areas`.
    """
    return crop_windows(
        person.tracks,
        plan.timeline,
        plan.job.frame_wh,
        window=plan.settings.window,
        camera=plan.settings.camera,
        absent=plan.settings.absent,
        areas=areas,
    )


def _stored_windows(plan: CropPlan, person: Person, segment: RenderSegment) -> CropWindows:
    """Return the crop windows stored in the work directory, computing them if missing."""
    file = plan.chunk_folder(person) / "windows.npz"
    if file.exists():
        with np.load(file) as content:
            return CropWindows(content["xyxy"], content["shot"])
    windows = person_windows(plan, person, stored_picture_areas(plan))
    # Concurrent tasks may compute the same windows: each writes its own file, and the last stays.
    own = file.with_name(f"windows-{segment.number:04d}.npz")
    with atomic_write(own) as partial, partial.open("wb") as content:
        np.savez_compressed(content, xyxy=windows.xyxy, shot=windows.shot)
    own.replace(file)
    return windows


def _blur(plan: CropPlan, person: Person) -> FaceBlur | None:
    if plan.settings.others == "show":
        return None
    return FaceBlur(plan.tracks, person.person_id, plan.timeline, plan.job.frame_wh)


def _time_base(footage: Footage) -> Fraction:
    """Return the footage's own time base, which needs no rounding."""
    if footage.animated:
        return Fraction(1, TICKS_PER_S)
    with open_footage(footage) as (_, stream):
        return Fraction(stream.time_base or _TICK)

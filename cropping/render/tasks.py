"""A pass through a footage, in legs: everybody's pieces, and who smiles."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from cropping.camera.shots import FrameTimes
from cropping.camera.windows import CropWindows, crop_windows
from cropping.render.blur import FaceBlur
from cropping.render.encoder import VideoFormat
from cropping.render.job import CropJob, CropPlan, Person, plan_of
from cropping.render.mux import Chunk
from cropping.render.render import (
    CHUNK_FRAMES,
    ChunkCheckpoints,
    EncoderWorker,
    RenderFrame,
    RenderTarget,
    chunks_in,
    render,
)
from cropping.render.shared_absence import share_absence
from cropping.smiles.model import load_smile_model
from cropping.smiles.scorer import SmileScorer, average_over_neighbours
from cropping.smiles.table import Smiles
from data.core.atomic import whole_file, write_json
from data.core.digest import digest
from data.core.errors import InputError
from data.core.progress import Bar
from data.execution.segments import segment_begins
from data.execution.tasks import TaskContext
from data.video.footage import ASSUMED_RATE, Footage, open_video
from data.video.frames import Damage, DecodedFrame
from data.video.reader import decode_frames

SEGMENT_CHUNKS: Final = 12
"""Pieces a leg, at least: about ten minutes, as long as a segment of the stages before."""
SHARED: Final = "shared-"
"""So the names of folders begin that hold what several people share."""
_TICK: Final = Fraction(1, 90_000)  # where a footage has none of its own: MPEG's


@dataclass(frozen=True, slots=True)
class RenderSegment:
    """Some pieces of all videos of a footage."""

    number: int  # from 0
    first: int  # piece
    end: int | None  # piece, exclusive; None for the last leg


def render_segments(frames: int) -> tuple[RenderSegment, ...]:
    """Cut a pass of about so many frames into legs: alike, whoever makes it."""
    chunks = segment_begins(frames / CHUNK_FRAMES, step=1, shortest=SEGMENT_CHUNKS)
    begins = [int(chunk) for chunk in chunks]
    return tuple(map(RenderSegment, range(len(begins)), begins, [*begins[1:], None]))


@dataclass(frozen=True, slots=True)
class RenderTask:
    """One leg, and what is to be made on it.

    Args:
        request: what is asked for of the footage.
        people: whose pieces are to be made, by id.
        leg: which.
        watches: whether to look who smiles.
        threads: of each encoder, wherever it runs: another number gives other bytes.
    """

    request: CropJob
    people: tuple[int, ...]
    leg: RenderSegment
    watches: bool
    threads: int


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """What a leg told; times are None where the footage has no frame there."""

    start_s: Fraction | None  # of the footage's first frame, in its own time
    end_s: Fraction | None  # of the leg's last frame, the first of the footage at 0
    damage: Damage
    shared: str = ""  # folder of the pieces that several people share; empty for none

    def write(self, path: Path) -> None:
        """Write it whole."""
        times = {"start_s": self.start_s, "end_s": self.end_s}
        told = {name: None if time is None else str(time) for name, time in times.items()}
        damage = dataclasses.asdict(self.damage)
        write_json(path, {**told, "damage": damage, "shared": self.shared})

    @classmethod
    def read(cls, path: Path) -> SegmentRecord | None:
        """Read it; None where the leg is not done."""
        if not path.exists():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        start_s, end_s = (
            None if content[name] is None else Fraction(content[name])
            for name in ("start_s", "end_s")
        )
        return cls(start_s, end_s, Damage(**content["damage"]), content["shared"])


# --- the files of a pass ----------------------------------------------------------------------


def record_file(job: CropPlan, person: Person, leg: RenderSegment) -> Path:
    """Where it is noted that a leg of a person's video is done."""
    return job.chunk_folder(person) / f"passed-{leg.number:04d}.json"


def chunks_of(job: CropPlan, person: Person, leg: RenderSegment) -> ChunkCheckpoints:
    """The finished pieces of a leg of a person's video."""
    return _pieces_in(job.chunk_folder(person), leg)


def _pieces_in(folder: Path, leg: RenderSegment) -> ChunkCheckpoints:
    return chunks_in(folder, f"piece-{leg.number:04d}")


def joinable(job: CropPlan, person: Person, leg: RenderSegment) -> list[Chunk]:
    """What a leg of a person's video is joined of, once it is done."""
    own = chunks_of(job, person, leg).read()
    passed = SegmentRecord.read(record_file(job, person, leg))
    if passed is None or not passed.shared:
        return [Chunk(file) for file in own]
    shared = _pieces_in(job.request.work / passed.shared, leg).read()
    return [Chunk(*files) for files in zip(own, shared, strict=True)]


def shared_folder(job: CropPlan, people: Sequence[Person]) -> Path:
    """Folder of the pieces that these people share."""
    return job.request.work / f"{SHARED}{digest(*(person.key for person in people))}"


def smiles_folder(request: CropJob) -> Path:
    """Holds who smiles on each leg."""
    return request.work / f"smiles-{request.smiles}"


def _smiles_file(request: CropJob, leg: RenderSegment) -> Path:
    return smiles_folder(request) / f"{leg.number:04d}.parquet"


def segment_smiles(request: CropJob, legs: Sequence[RenderSegment]) -> Smiles | None:
    """Who smiles when; None where that was not looked for on all legs."""
    files = [_smiles_file(request, leg) for leg in legs]
    if not all(file.exists() for file in files):
        return None
    whole = Smiles.concatenate([Smiles.read(file) for file in files])
    return whole.replace(smile=average_over_neighbours(whole))


def frames_done(job: CropPlan, people: Sequence[Person], leg: RenderSegment) -> int:
    """Frames of a leg whose pieces everybody has."""
    open_ended = [person for person in people if not record_file(job, person, leg).exists()]
    if not open_ended:
        return len(_frames(job, leg))
    everybodys = [chunks_of(job, person, leg) for person in open_ended]
    shared = shared_folder(job, open_ended)
    everybodys += [_pieces_in(shared, leg)] if shared.is_dir() else []
    return min(len(pieces.read()) for pieces in everybodys) * CHUNK_FRAMES


def _frames(job: CropPlan, leg: RenderSegment) -> range:
    """The frames of a leg, as far as the tracks tell."""
    until = len(FrameTimes.of(job.timeline)) if leg.end is None else leg.end * CHUNK_FRAMES
    return range(leg.first * CHUNK_FRAMES, until)


# --- the pass ---------------------------------------------------------------------------------


def render_segment(task: RenderTask, context: TaskContext) -> Damage:
    """Encode everybody's pieces of a leg; what is there already stays."""
    job = context.loaded(plan_of, task.request)
    people = [person for person in job.people if person.person_id in task.people]
    notes = {one.person_id: SegmentRecord.read(record_file(job, one, task.leg)) for one in people}
    open_ended = [person for person in people if notes[person.person_id] is None]
    if open_ended:
        passed = _pass(job, open_ended, task, context)
        for person in open_ended:
            passed.write(record_file(job, person, task.leg))
        return passed.damage
    return next((passed.damage for passed in notes.values() if passed), Damage())


def _pass(
    job: CropPlan, people: Sequence[Person], task: RenderTask, context: TaskContext
) -> SegmentRecord:
    leg, damage, frame_times = task.leg, Damage(), FrameTimes.of(job.timeline)
    own = [
        RenderTarget.whole(_windows(job, one, leg), chunks_of(job, one, leg), _others(job, one))
        for one in people
    ]
    shared = shared_folder(job, people)
    spliced = job.settings.encoder.can_be_spliced
    parts = share_absence(own, _pieces_in(shared, leg)) if spliced else own
    smiles = _SegmentSmiles(job, task)
    encoded = leg.first + min(len(part.chunks.read()) for part in parts)
    begin = leg.first if smiles.wanted else encoded
    frames = _decoded(job, leg, begin, damage)
    first = next(frames, None)
    if first is None and begin > leg.first:
        # All was encoded when the run was stopped, but that was not noted.
        begin, damage = begin - 1, Damage()
        frames = _decoded(job, leg, begin, damage)
        first = next(frames, None)
    if first is None:
        if not leg.number:
            raise InputError(f"{job.name}: it ends before its tracks do; run track-people --force")
        smiles.keep()
        return SegmentRecord(None, None, damage)
    form = VideoFormat(
        size_wh=job.request.video_wh,
        time_base=_time_base(job.footage),
        rate=job.footage.rate or ASSUMED_RATE,
        colours=first.planes().colours,
        threads=task.threads,
    )
    folders = [*map(job.chunk_folder, people), shared]
    lanes = [
        EncoderWorker(part, frame_times, folder, job.settings.encoder, form, first=leg.first)
        for part, folder in zip(parts, folders, strict=False)
    ]
    last = _Last(first)
    render(
        last.noting(chain([first], frames)),
        lanes,
        form,
        frame_wh=job.request.frame_wh,
        threads=job.settings.threads or os.cpu_count() or 1,
        advance=_by_one(context.bar, after=(encoded - begin) * CHUNK_FRAMES),
        observers=smiles.observers,
    )
    smiles.keep()
    return last.passed(frame_times.frame_s, damage, shared.name if len(parts) > len(own) else "")


def _decoded(
    job: CropPlan, leg: RenderSegment, piece: int, damage: Damage
) -> Generator[DecodedFrame, None, None]:
    """The frames of a leg from a piece on."""
    return decode_frames(
        job.footage,
        after_index=piece * CHUNK_FRAMES - 1,
        until_index=None if leg.end is None else leg.end * CHUNK_FRAMES,
        threads=job.settings.threads,
        damage=damage,
    )


class _SegmentSmiles:
    """Looks who smiles, where that is wanted and not known; then all of the leg must come by."""

    def __init__(self, job: CropPlan, task: RenderTask) -> None:
        self._file = _smiles_file(task.request, task.leg)
        self._scorer: SmileScorer | None = None
        if task.watches and not self._file.exists():
            self._scorer = SmileScorer(load_smile_model(), job.tracks)

    @property
    def wanted(self) -> bool:
        return self._scorer is not None

    @property
    def observers(self) -> list[Callable[[RenderFrame], RenderFrame]]:
        return [self._look] if self._scorer is not None else []

    def _look(self, shown: RenderFrame) -> RenderFrame:
        if self._scorer is not None:
            self._scorer.score(shown.index, shown.decoded.time_s, shown.planes.y)
        return shown

    def keep(self) -> None:
        if self._scorer is not None:
            self._scorer.finish().write(self._file)


def _by_one(bar: Bar, *, after: int) -> Callable[[], None]:
    """Moves the bar by a frame; the first ``after`` were there before."""
    seen = 0

    def advance() -> None:
        nonlocal seen
        seen += 1
        if seen > after:
            bar.update(1)

    return advance


class _Last:
    """Remembers the last frame that came by."""

    def __init__(self, first: DecodedFrame) -> None:
        self._frame = first

    def noting(self, frames: Iterable[DecodedFrame]) -> Generator[DecodedFrame, None, None]:
        for frame in frames:
            self._frame = frame
            yield frame

    def passed(self, frame_s: float, damage: Damage, shared: str) -> SegmentRecord:
        end_s = Fraction(self._frame.time_s) + (self._frame.lasts_s or Fraction(frame_s))
        return SegmentRecord(self._frame.start_s, end_s, damage, shared)


def windows_of(job: CropPlan, person: Person) -> CropWindows:
    """Lead the camera after one person of a footage."""
    return crop_windows(
        person.tracks,
        job.timeline,
        job.request.frame_wh,
        window=job.settings.window,
        camera=job.settings.camera,
        absent=job.settings.absent,
    )


def _windows(job: CropPlan, person: Person, leg: RenderSegment) -> CropWindows:
    """The same, kept beside the pieces: the other legs need them too."""
    file = job.chunk_folder(person) / "windows.npz"
    if file.exists():
        with np.load(file) as content:
            return CropWindows(content["xyxy"], content["shot"])
    found = windows_of(job, person)
    # Several legs may do so at once: each writes a file of its own, and one of them stays.
    own = file.with_name(f"windows-{leg.number:04d}.npz")
    with whole_file(own) as partial, partial.open("wb") as content:
        np.savez_compressed(content, xyxy=found.xyxy, shot=found.shot)
    own.replace(file)
    return found


def _others(job: CropPlan, person: Person) -> FaceBlur | None:
    if job.settings.others == "show":
        return None
    return FaceBlur(job.tracks, person.person_id, job.timeline, job.request.frame_wh)


def _time_base(footage: Footage) -> Fraction:
    """The footage's own ticks, so that no time is rounded."""
    with open_video(footage.path) as (_, stream):
        return Fraction(stream.time_base or _TICK)


# --- of the whole pass ------------------------------------------------------------------------


def start_s(job: CropPlan, people: Sequence[Person], legs: Sequence[RenderSegment]) -> Fraction:
    """Where in its own time the footage's first frame is."""
    for person in people:
        passed = SegmentRecord.read(record_file(job, person, legs[0]))
        if passed is not None and passed.start_s is not None:
            return passed.start_s
    with closing(decode_frames(job.footage)) as frames:
        return next(frames).start_s


def end_s(job: CropPlan, person: Person, legs: Sequence[RenderSegment]) -> Fraction:
    """When a person's video ends, its first frame at 0."""
    notes = [SegmentRecord.read(record_file(job, person, leg)) for leg in legs]
    ends = [note.end_s for note in notes if note is not None and note.end_s is not None]
    if not ends or None in notes:
        raise ValueError(f"{person.name} must have been rendered")
    return max(ends)

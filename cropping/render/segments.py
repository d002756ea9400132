"""Segments of a crop job, and the files of their render tasks in the work directory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from cropping.camera.shots import FrameTimes
from cropping.render.job import CropJob, CropPlan, Person
from cropping.render.mux import Chunk
from cropping.render.render import CHUNK_FRAMES, TargetChunks, chunks_in
from cropping.smiles.scorer import average_over_neighbours
from data.core.atomic import write_json
from data.core.digest import digest
from data.execution.segments import segment_starts
from data.project.filenames import CropKind
from data.tables.smiles import Smiles
from data.video.frames import Damage
from data.video.reader import decode_frames

MIN_SEGMENT_CHUNKS: Final = 12
"""Minimum length of a segment, about ten minutes, as `data.execution.segments.SEGMENT_S`."""
SHARED_PREFIX: Final = "shared-"
"""Prefix of the folders of chunks shared by several people."""


@dataclass(frozen=True, slots=True)
class RenderSegment:
    """Frames of one render task, as a range of chunks.

    `data.execution.segments.Segment` is a range in seconds. Chunks have a fixed number of frames,
    and an encoder can resume only at the beginning of a chunk.
    """

    number: int  # from 0
    first: int  # first chunk
    end: int | None  # last chunk + 1; None for the last segment

    @property
    def end_frame(self) -> int | None:
        """Index of the first frame after the segment, None for the last segment."""
        return None if self.end is None else first_frame(self.end)


def render_segments(frames: int) -> tuple[RenderSegment, ...]:
    """Split a footage of about ``frames`` frames into segments, identically on all machines."""
    chunks = segment_starts(frames / CHUNK_FRAMES, step=1, shortest=MIN_SEGMENT_CHUNKS)
    begins = [int(chunk) for chunk in chunks]
    return tuple(map(RenderSegment, range(len(begins)), begins, [*begins[1:], None]))


def first_frame(chunk: int) -> int:
    """Return the index of the first frame of a chunk."""
    return chunk * CHUNK_FRAMES


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """Result of a finished segment. The times are None if the segment has no frames."""

    start_s: Fraction | None  # timestamp of the footage's first frame in the file
    end_s: Fraction | None  # presentation time at which the segment's last frame ends
    damage: Damage
    shared: str = ""  # name of the folder of shared chunks, empty for none

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        times = {"start_s": self.start_s, "end_s": self.end_s}
        texts = {name: None if time is None else str(time) for name, time in times.items()}
        damage = dataclasses.asdict(self.damage)
        write_json(path, {**texts, "damage": damage, "shared": self.shared})

    @classmethod
    def read(cls, path: Path) -> SegmentRecord | None:
        """Read a record, or return None if the segment is unfinished."""
        if not path.exists():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        start_s, end_s = (
            None if content[name] is None else Fraction(content[name])
            for name in ("start_s", "end_s")
        )
        return cls(start_s, end_s, Damage(**content["damage"]), content["shared"])


def record_file(plan: CropPlan, person: Person, segment: RenderSegment) -> Path:
    """Return the file of a person's `SegmentRecord`."""
    return plan.chunk_folder(person) / f"passed-{segment.number:04d}.json"


# --- chunks -----------------------------------------------------------------------------------


def own_chunks(plan: CropPlan, person: Person, segment: RenderSegment) -> TargetChunks:
    """Return the chunks of a segment of a person's video."""
    return chunks_of(plan.chunk_folder(person), segment)


def chunks_of(folder: Path, segment: RenderSegment) -> TargetChunks:
    """Return the chunks of a segment in the folder of a person or of shared chunks."""
    return chunks_in(folder, f"piece-{segment.number:04d}")


def shared_folder(plan: CropPlan, people: Sequence[Person]) -> Path:
    """Return the folder of the chunks shared by the given people."""
    return plan.job.work / f"{SHARED_PREFIX}{digest(*(person.key for person in people))}"


def chunks_to_mux(
    plan: CropPlan, person: Person, segment: RenderSegment, kind: CropKind
) -> list[Chunk]:
    """Return the chunks of a finished segment of a person's video, own and shared.

    Args:
        plan: crop plan of the footage.
        person: person who has been rendered.
        segment: the segment.
        kind: `CropKind.VIDEO`, or `CropKind.SMALL` for the small rendition.
    """
    own = _of_kind(own_chunks(plan, person, segment), kind)
    record = SegmentRecord.read(record_file(plan, person, segment))
    if record is None or not record.shared:
        return [Chunk(file) for file in own]
    shared = _of_kind(chunks_of(plan.job.work / record.shared, segment), kind)
    return [Chunk(*files) for files in zip(own, shared, strict=True)]


def _of_kind(chunks: TargetChunks, kind: CropKind) -> list[Path]:
    return (chunks.small if kind is CropKind.SMALL else chunks.video).read()


def frames_done(plan: CropPlan, people: Sequence[Person], segment: RenderSegment) -> int:
    """Return the number of frames in a segment that an earlier run has encoded for all people."""
    unfinished = [person for person in people if not record_file(plan, person, segment).exists()]
    if not unfinished:
        return len(_frames(plan, segment))
    chunks = [own_chunks(plan, person, segment) for person in unfinished]
    shared = shared_folder(plan, unfinished)
    chunks += [chunks_of(shared, segment)] if shared.is_dir() else []
    return first_frame(min(each.finished for each in chunks))


def _frames(plan: CropPlan, segment: RenderSegment) -> range:
    """Return the indices of a segment's frames that are in the timeline."""
    end = segment.end_frame
    return range(
        first_frame(segment.first), len(FrameTimes.of(plan.timeline)) if end is None else end
    )


# --- smiles -----------------------------------------------------------------------------------


def smiles_folder(job: CropJob) -> Path:
    """Return the folder of the segments' smiles tables."""
    return job.work / f"smiles-{job.smiles}"


def segment_smiles_file(job: CropJob, segment: RenderSegment) -> Path:
    """Return the file of a segment's smiles table."""
    return smiles_folder(job) / f"{segment.number:04d}.parquet"


def combined_smiles(job: CropJob, segments: Sequence[RenderSegment]) -> Smiles | None:
    """Return the smiles table of the footage, or None if a segment has not been scored."""
    files = [segment_smiles_file(job, segment) for segment in segments]
    if not all(file.exists() for file in files):
        return None
    smiles = Smiles.concatenate([Smiles.read(file) for file in files])
    return smiles.replace(smile=average_over_neighbours(smiles))


# --- times ------------------------------------------------------------------------------------


def start_s(
    plan: CropPlan, people: Sequence[Person], segments: Sequence[RenderSegment]
) -> Fraction:
    """Return the timestamp of the footage's first frame in the file, in seconds."""
    for person in people:
        record = SegmentRecord.read(record_file(plan, person, segments[0]))
        if record is not None and record.start_s is not None:
            return record.start_s
    with closing(decode_frames(plan.footage)) as frames:
        return next(frames).start_s


def end_s(plan: CropPlan, person: Person, segments: Sequence[RenderSegment]) -> Fraction:
    """Return the presentation time at which a person's video ends, in seconds.

    Raises:
        ValueError: a segment is unfinished.
    """
    records = [SegmentRecord.read(record_file(plan, person, segment)) for segment in segments]
    ends = [record.end_s for record in records if record is not None and record.end_s is not None]
    if not ends or None in records:
        raise ValueError(f"{person.name} must have been rendered")
    return max(ends)

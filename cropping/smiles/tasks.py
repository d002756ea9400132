"""Tasks of smile-gifs: score the smiles of a footage; encode each person's GIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.smiles.framing import crop_square, square_of, steady_box
from cropping.smiles.gif import LEAST_SIDE_PX, encode_loop
from cropping.smiles.model import load_smile_model
from cropping.smiles.scorer import SmileScorer
from cropping.smiles.selection import PersonSelection
from cropping.smiles.settings import SmileSettings, StyleName
from data.core.arrays import Image
from data.core.atomic import write_bytes
from data.execution.tasks import TaskContext
from data.project.paths import ProjectFolder
from data.tables.smiles import Smiles
from data.tables.tracks import read_csv
from data.video.footage import Footage
from data.video.frames import Damage
from data.video.reader import decode_frames, pick_frames, read_frames

_MOMENT_S: Final = 0.6  # duration of each moment
_LAST_S: Final = 0.4  # added to the last picture of a burst
_MAX_ENLARGEMENT: Final = 2.0  # of a small face


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Scoring of all smiles in one footage.

    Args:
        paths: of the project.
        name: of the footage in the project.
        footage: as it was tracked.
        tracked: names of the people when it was tracked, by id.
        model: file of the smile model.
        threads: decoder threads, 0 for all cores.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    tracked: tuple[tuple[int, str], ...]
    model: Path
    threads: int


def score_smiles(job: ScoreJob, context: TaskContext) -> Damage:
    """Write the smiles table of a footage."""
    model = context.loaded(load_smile_model, job.model)
    tracks = read_csv(job.paths.tracks_file(job.name), dict(job.tracked))
    scorer, damage = SmileScorer(model, tracks), Damage()
    for _ in _scored_frames(scorer, job, damage):
        context.bar.update(1)
    scorer.finish().write(job.paths.smiles_file(job.name))
    return damage


def _scored_frames(scorer: SmileScorer, job: ScoreJob, damage: Damage) -> Iterator[None]:
    """Pass the frames to ``scorer``, one per iteration."""
    if job.footage.kind != "video":
        for frame in read_frames(job.footage, threads=job.threads, damage=damage):
            scorer.score_frame(frame)
            yield
        return
    for decoded in decode_frames(job.footage, threads=job.threads, damage=damage):
        if scorer.is_due(decoded.time_s):
            # The luma as stored, as in crop-people: both give the same scores.
            scorer.score(decoded.index, decoded.time_s, decoded.planes().y)
        yield


@dataclass(frozen=True, slots=True, eq=False)
class GifJob:
    """Encoding of one footage's GIFs.

    Args:
        paths: of the project.
        name: of the footage in the project.
        footage: as it was tracked.
        settings: size and format of the files.
        selections: of the people whose file is stale, none of them empty.
        targets: the file to write for each selection.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    settings: SmileSettings
    selections: tuple[PersonSelection, ...]
    targets: tuple[Path, ...]


def encode_gifs(job: GifJob, context: TaskContext) -> Damage:
    """Write each person's file, except those that a stopped run has written."""
    damage, settings = Damage(), job.settings
    smiles = Smiles.read(job.paths.smiles_file(job.name))
    todo = [
        (selection, target)
        for selection, target in zip(job.selections, job.targets, strict=True)
        if not target.exists()
    ]
    pictures = _pictures(job, smiles, [selection for selection, _ in todo], damage)
    with context.progress(f"{job.name} {settings.format}", len(todo), 0) as bar:
        for selection, target in todo:
            rows = [row for row in selection.every.tolist() if row in pictures]
            loop = encode_loop(
                [pictures[row] for row in rows],
                _durations_s(smiles.time_s[rows], settings.style),
                kind=settings.format,
                max_bytes=settings.max_bytes,
            )
            write_bytes(target, loop.content)
            bar.update(1)
    return damage


def _pictures(
    job: GifJob, smiles: Smiles, selections: Sequence[PersonSelection], damage: Damage
) -> dict[int, Image]:
    """Return the square picture of each selected row of ``smiles``, by row.

    The rows of a damaged frame are left out.
    """
    boxes: dict[int, tuple[NDArray[np.float32], int]] = {}
    for selection in selections:
        steady = [steady_box(smiles.xyxy[rows]) for rows in selection.rows]
        side_px = _side_px(steady, job.footage, job.settings.size_px)
        for rows, box in zip(selection.rows, steady, strict=True):
            boxes |= dict.fromkeys(rows.tolist(), (box, side_px))
    rows_of: dict[int, list[int]] = {}
    for row in boxes:
        rows_of.setdefault(int(smiles.frame_index[row]), []).append(row)
    pictures: dict[int, Image] = {}
    wanted = np.array(list(rows_of), np.int64)
    for frame in pick_frames(job.footage, wanted, threads=job.settings.threads, damage=damage):
        frame_wh = frame.image.shape[1], frame.image.shape[0]  # photographs differ
        for row in rows_of[frame.index]:
            box, side_px = boxes[row]
            pictures[row] = crop_square(frame.image, square_of(box, frame_wh), side_px)
    return pictures


def _side_px(boxes: Sequence[NDArray[np.float32]], footage: Footage, size_px: int) -> int:
    """Return the side of a person's pictures: the median size of the face, within limits.

    Args:
        boxes: one per square, ``(4,)`` px of the full frame.
        footage: of the boxes.
        size_px: largest side.
    """
    squares = [square_of(box, (footage.width, footage.height)) for box in boxes]
    face_px = float(np.median([side for _, _, side in squares]))
    side = min(size_px, max(round(face_px * _MAX_ENLARGEMENT), LEAST_SIDE_PX))
    return side - side % 2


def _durations_s(time_s: NDArray[np.float64], style: StyleName) -> list[float]:
    """Return how long each picture is shown, in seconds.

    Args:
        time_s: ``(n,)`` presentation time of the pictures.
        style: single moments or bursts.
    """
    if style == "moments":
        return [_MOMENT_S] * len(time_s)
    gaps = np.diff(time_s)
    median_s = float(np.median(gaps)) if len(gaps) else _MOMENT_S
    # A long gap separates two bursts: the last picture of the first is shown a little longer.
    seconds = [min(gap, median_s + _LAST_S) for gap in gaps.tolist()]
    return [*seconds, median_s + _LAST_S]

"""Tasks of smile-gifs: score the smiles of a footage, and encode the GIFs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.footage_areas import FrameAreas
from cropping.smiles.framing import crop_square, square_in, square_of, steady_box
from cropping.smiles.gif import MIN_SIDE_PX, encode_loop
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

_MOMENT_S: Final = 0.6  # display time of a moment
_PAUSE_S: Final = 0.4  # additional display time of a burst's last picture
_MAX_UPSCALING: Final = 2.0  # of a small face


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Inputs for scoring all smiles in one footage.

    Args:
        paths: paths of the project.
        name: name of the footage in the project.
        footage: the footage, unchanged since it was tracked.
        tracked: person ids, and the names when the footage was tracked.
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
    """Score the frames of a footage, one per iteration."""
    if job.footage.kind != "video":
        for frame in read_frames(job.footage, threads=job.threads, damage=damage):
            scorer.score_frame(frame)
            yield
        return
    for decoded in decode_frames(job.footage, threads=job.threads, damage=damage):
        if scorer.is_due(decoded.time_s):
            # Use the decoded luma like crop-people, so that both give the same scores.
            scorer.score(decoded.index, decoded.time_s, decoded.planes().y)
        yield


@dataclass(frozen=True, slots=True, eq=False)
class GifJob:
    """Inputs for encoding the GIFs of one footage.

    Args:
        paths: paths of the project.
        name: name of the footage in the project.
        footage: the footage, unchanged since it was tracked.
        settings: size and format of the files.
        selections: non-empty selections of the people whose file is stale.
        targets: output file of each selection.
    """

    paths: ProjectFolder
    name: str
    footage: Footage
    settings: SmileSettings
    selections: tuple[PersonSelection, ...]
    targets: tuple[Path, ...]


def encode_gifs(job: GifJob, context: TaskContext) -> Damage:
    """Write each person's file, except those written by a stopped run."""
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
            rows = [row for row in selection.all_rows.tolist() if row in pictures]
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
    """Return the square picture, ``(s, s, 3)`` RGB, of each selected row of ``smiles``, by row.

    Rows of damaged frames are omitted.
    """
    boxes: dict[int, tuple[NDArray[np.float32], int]] = {}
    footage, settings = job.footage, job.settings
    timeline = job.paths.detections_file(job.name)
    areas = FrameAreas.of(footage, timeline, threads=settings.threads)
    for selection in selections:
        steady = [steady_box(smiles.xyxy[rows]) for rows in selection.rows]
        side_px = _side_px(steady, footage, settings.size_px)
        for rows, box in zip(selection.rows, steady, strict=True):
            boxes |= dict.fromkeys(rows.tolist(), (box, side_px))
    rows_of: dict[int, list[int]] = {}
    for row in boxes:
        rows_of.setdefault(int(smiles.frame_index[row]), []).append(row)
    pictures: dict[int, Image] = {}
    frame_index = np.array(list(rows_of), np.int64)
    for frame in pick_frames(footage, frame_index, threads=settings.threads, damage=damage):
        frame_wh = frame.image.shape[1], frame.image.shape[0]  # photographs differ in size
        for row in rows_of[frame.index]:
            box, side_px = boxes[row]
            square = square_in(box, areas.at(frame.index, box, frame_wh))
            pictures[row] = crop_square(frame.image, square, side_px)
    return pictures


def _side_px(boxes: Sequence[NDArray[np.float32]], footage: Footage, size_px: int) -> int:
    """Return the side of a person's pictures in px, from the median square of the face.

    Args:
        boxes: one per square, ``(4,)`` px of the full frame.
        footage: the footage with the frames.
        size_px: maximum side.
    """
    squares = [square_of(box, (footage.width, footage.height)) for box in boxes]
    median_px = float(np.median([side for _, _, side in squares]))
    side = min(size_px, max(round(median_px * _MAX_UPSCALING), MIN_SIDE_PX))
    return side - side % 2


def _durations_s(time_s: NDArray[np.float64], style: StyleName) -> list[float]:
    """Return the display time of each picture in seconds.

    Args:
        time_s: ``(n,)`` presentation times of the pictures in seconds.
        style: single moments or bursts.
    """
    if style == "moments":
        return [_MOMENT_S] * len(time_s)
    gaps = np.diff(time_s)
    median_s = float(np.median(gaps)) if len(gaps) else _MOMENT_S
    # A long gap separates two bursts: show the last picture of the first one a little longer.
    seconds = [min(gap, median_s + _PAUSE_S) for gap in gaps.tolist()]
    return [*seconds, median_s + _PAUSE_S]

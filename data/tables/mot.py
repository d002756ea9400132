"""Write tracks as text in the two formats of MOTChallenge: results and ground truth.

Frames are counted from 1. Boxes are in px with the image's top left corner at 0, 0, as CVAT and
datumaro read and write them. Only known people are written.

Source: https://motchallenge.net/instructions; Dendorfer et al., "MOT20", 2020,
https://arxiv.org/abs/2003.09003, section 4
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from data.core.arrays import UNKNOWN
from data.core.atomic import write_text
from data.tables.tracks import Tracks, box_columns, decimals

BoxesName = Literal["face", "body"]


def with_boxes(tracks: Tracks, boxes: BoxesName) -> Tracks:
    """Return the tracks with the chosen boxes as ``xyxy``, without rows that have no such box."""
    if boxes == "face":
        return tracks
    rows = tracks.take(tracks.has_body)
    return rows.replace(xyxy=rows.body_xyxy)


def write_mot(path: Path, tracks: Tracks) -> None:
    """Write ``tracks`` as results; see `result_lines`."""
    write_text(path, "".join(result_lines(tracks)))


def result_lines(tracks: Tracks) -> list[str]:
    """Return lines of a tracker's results, ten columns.

    A line is: frame, person id, left, top, width, height, confidence, -1, -1, -1.
    """
    known = tracks.take(tracks.person_id != UNKNOWN)
    confidence = decimals(known.confidence, 4)
    return _lines(known, [confidence, *(["-1"] * len(known) for _ in range(3))])


def truth_lines(tracks: Tracks, classes: Mapping[int, int]) -> list[str]:
    """Return lines of ground truth, nine columns.

    A line is: frame, person id, left, top, width, height, 1, class, visibility. The 1 says that
    the box counts in an evaluation. Visibility is 1, and 0 for an interpolated box.

    Args:
        tracks: tracks of one footage.
        classes: class of every person in ``tracks``, from 1, by id.
    """
    known = tracks.take(tracks.person_id != UNKNOWN)
    of_person = [str(classes[person]) for person in known.person_id.tolist()]
    visibility = np.where(known.filled, "0", "1").tolist()
    return _lines(known, [["1"] * len(known), of_person, visibility])


def _lines(tracks: Tracks, columns: list[list[str]]) -> list[str]:
    frames, people = (tracks.frame_index + 1).tolist(), tracks.person_id.tolist()
    rows = zip(frames, people, *box_columns(tracks.xyxy), *columns, strict=True)
    return [",".join(map(str, row)) + "\n" for row in rows]

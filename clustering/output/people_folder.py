"""The people folder: portraits and a montage of each person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clustering.faces.embedding_space import all_have_sface, face_clarity, face_embeddings
from clustering.faces.labelled import LabelledFootage, numbers_in_frame
from clustering.faces.portraits import portrait_region
from clustering.output.montage import build_montage, choose_faces, cut_tile, layout
from data.core.boxes import Box
from data.core.digest import digest, file_key
from data.project.filenames import MONTAGE_FOLDER, UNKNOWN_FOLDER, person_file_names
from data.project.manifest import OutputFile
from data.video.pictures.jpeg import encode_jpeg, read_jpeg

MONTAGE_VERSION = "2"  # increment when the same faces give a different picture

PortraitFile = Callable[[str, int, int], Path]
"""Function that returns the path of a portrait, given footage, frame index and face number."""


@dataclass(frozen=True, slots=True)
class _Tile:
    portrait: Path
    xyxy: Box  # (4,) px of the frame
    frame_wh: tuple[int, int]  # px


def people_files(
    footages: Sequence[LabelledFootage], names: Mapping[int, str], portrait_file: PortraitFile
) -> dict[str, OutputFile]:
    """List the files of the people folder: portraits of all faces, and a montage per person.

    Args:
        footages: all footages of the project.
        names: names by person id.
        portrait_file: see `PortraitFile`.

    Raises:
        InputError: a portrait is missing.
        ValueError: a person has no name.
    """
    folders = {-1: UNKNOWN_FOLDER, **person_file_names(names)}
    files: dict[str, OutputFile] = {}
    for footage in footages:
        files |= _portrait_files(footage, folders, portrait_file)
    for person in sorted(names):
        if tiles := _choose_tiles(footages, person, portrait_file):
            files[f"{MONTAGE_FOLDER}/{folders[person]}.jpg"] = _montage_file(tiles)
    return files


def _portrait_files(
    footage: LabelledFootage, folders: Mapping[int, str], portrait_file: PortraitFile
) -> dict[str, OutputFile]:
    nameless = set(footage.person_id.tolist()) - folders.keys()
    if nameless:
        raise ValueError(f"names must contain every person, but lacks {sorted(nameless)}")
    numbers = numbers_in_frame(footage.faces.frame_index)
    rows = zip(footage.person_id, footage.faces.frame_index, numbers, strict=True)
    return {
        f"{folders[person]}/{footage.name}-{frame:08d}-{number}.jpg": OutputFile.link(
            portrait_file(footage.name, frame, number)
        )
        for person, frame, number in ((int(p), int(f), int(n)) for p, f, n in rows)
    }


def _choose_tiles(
    footages: Sequence[LabelledFootage], person: int, portrait_file: PortraitFile
) -> list[_Tile]:
    """Choose the faces of a person's montage, the best and most different ones first."""
    own = [np.flatnonzero(footage.person_id == person) for footage in footages]
    total = sum(len(rows) for rows in own)
    if not total:
        return []
    footage_rows = list(zip(footages, own, strict=True))
    tables = [footage.faces.take(rows) for footage, rows in footage_rows]
    sface, shape = all_have_sface(tables), layout(total)
    embedding = np.concatenate([face_embeddings(table, sface=sface) for table in tables])
    clarity = np.concatenate([face_clarity(table, sface=sface) for table in tables])
    chosen = choose_faces(embedding, clarity, _timeline_s(footage_rows), count=shape[0] * shape[1])
    faces = [(footage, int(row)) for footage, rows in footage_rows for row in rows]
    return [_tile(*faces[i], portrait_file=portrait_file) for i in chosen]


def _timeline_s(
    footage_rows: Sequence[tuple[LabelledFootage, NDArray[np.int64]]],
) -> NDArray[np.float64]:
    """Return the time of each face, ``(n,)`` seconds, with the footages laid end to end."""
    times_s, start_s = [], 0.0
    for footage, rows in footage_rows:
        times_s.append(footage.faces.time_s[rows] + start_s)
        start_s += float(footage.frames.time_s.max(initial=0)) + 60
    return np.concatenate(times_s)


def _tile(footage: LabelledFootage, row: int, *, portrait_file: PortraitFile) -> _Tile:
    frame_index = int(footage.faces.frame_index[row])
    number = int(np.count_nonzero(footage.faces.frame_index[:row] == frame_index))
    frame_row = int(np.searchsorted(footage.frames.frame_index, frame_index))
    width, height = footage.frames.frame_wh[frame_row].tolist()
    path = portrait_file(footage.name, frame_index, number)
    return _Tile(path, footage.faces.xyxy[row], (width, height))


def _montage_file(tiles: Sequence[_Tile]) -> OutputFile:
    parts = [f"{tile.portrait.name} {file_key(tile.portrait)}" for tile in tiles]
    return OutputFile(digest(MONTAGE_VERSION, *parts), partial(_write_montage, tiles))


def _write_montage(tiles: Sequence[_Tile], path: Path) -> None:
    montage = build_montage([_draw_tile(tile) for tile in tiles])
    path.write_bytes(encode_jpeg(montage, quality=92))


def _draw_tile(tile: _Tile) -> NDArray[np.uint8]:
    """Cut the face out of its portrait, which is faster than from a frame and sharp enough."""
    portrait = read_jpeg(tile.portrait)
    region = portrait_region(tile.xyxy, tile.frame_wh)
    scale = portrait.shape[1] / (region[2] - region[0])
    return cut_tile(portrait, (tile.xyxy - np.tile(region[:2], 2)) * scale)

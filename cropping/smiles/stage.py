"""The stage from tracks to everybody's smiles: what `smile-gifs` does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cropping.smiles.framing import crop_square, square_of, steady_box
from cropping.smiles.gif import LEAST_SIDE_PX, SUFFIXES, FormatName, encode_loop
from cropping.smiles.model import SHIPPED, SmileModel, load_smile_model
from cropping.smiles.own_files import OwnFiles
from cropping.smiles.scorer import SmileScorer
from cropping.smiles.selection import LEAST_MOMENTS, choose_bursts, choose_moments
from cropping.smiles.table import Smiles, smiles_key, smiling_intervals, store_smiles, stored_smiles
from cropping.timeline_file import note_smiles
from data.core.arrays import UNKNOWN
from data.core.digest import digest
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.context import RunContext
from data.project.filenames import person_file_names
from data.project.project import TIMELINE_FILE, Project, absolute
from data.project.stages import GIFS, TRACKS, GifsRecord
from data.tables.people import open_people
from data.tables.tracks import Tracks, read_tracks
from data.video.footage import ASSUMED_RATE, Footage, probe
from data.video.frames import Damage
from data.video.reader import decode_frames, pick_frames, read_frames

StyleName = Literal["moments", "bursts"]
_MOMENT_S: Final = 0.6  # that each of the moments is shown
_MOMENTS_A_BURST: Final = 3  # one burst is shown instead of so many moments
_LAST_S: Final = 0.4  # that the last picture stays longer
_MOST_ENLARGED: Final = 2.0  # a small face is shown no larger than so many times


@dataclass(frozen=True, slots=True)
class SmileSettings:
    """What `smile-gifs` can be told.

    Args:
        frames: smiles a person.
        style: single moments, or a short sequence around every third as many.
        size_px: side of the picture, at most.
        max_bytes: of one file.
        format: of the files.
        model: that tells smiles.
        threads: processor cores to decode on, 0 all; all the same to what counts as done.
        force: do again what is done.
    """

    frames: int = 9
    style: StyleName = "moments"
    size_px: int = 360
    max_bytes: int = 2_000_000
    format: FormatName = "gif"
    model: Path = SHIPPED
    threads: int = 0
    force: bool = False


@dataclass(frozen=True, slots=True)
class PersonSmiles:
    """What came of one person's smiles in one footage."""

    name: str
    smiles: int  # different moments, or bursts, that are shown
    file: Path | None  # None: too few smiles


@dataclass(frozen=True, slots=True)
class SmileSummary:
    """What came of one footage."""

    name: str
    people: tuple[PersonSmiles, ...]
    damage: str  # one line; empty where nothing is damaged
    took_s: float
    already_done: bool


@dataclass(frozen=True, slots=True)
class _Selection:
    """What is shown of one person."""

    person: int
    moments: int  # different ones that there are, up to as many as were asked for
    rows: tuple[NDArray[np.int64], ...]  # of the smiles, one list a steady square

    @property
    def every(self) -> NDArray[np.int64]:
        return np.concatenate([*self.rows, np.zeros(0, np.int64)])


@dataclass(frozen=True, slots=True)
class _GifJob:
    """One footage on its way."""

    project: Project
    footage: str
    tracks: Tracks
    names: Mapping[int, str]
    model: SmileModel
    settings: SmileSettings

    @property
    def files(self) -> Mapping[int, str]:
        """Name of each person's file."""
        suffix = SUFFIXES[self.settings.format]
        return {p: f"{name}{suffix}" for p, name in person_file_names(self.names).items()}

    def key(self, person: int) -> str:
        """Of everything that a person's file depends on."""
        told = self.settings
        chosen = (told.frames, told.style, told.size_px, told.max_bytes, told.format)
        return gif_key(
            self.project,
            self.footage,
            person,
            settings=repr(chosen),
            model_key=self.model.key,
        )


def smile_gifs(
    project: Project,
    footages: Sequence[Path],
    settings: SmileSettings,
    *,
    context: RunContext,
) -> list[SmileSummary]:
    """Write everybody's smiles of some footages; of all that are tracked where none is named.

    Args:
        project: with tracks.
        footages: their paths.
        settings: what to choose, and how to show it.
        context: of the run.

    Raises:
        InputError: nothing is tracked yet, a footage cannot be read or has changed, or a file of
            the user's is in the place of one that is to be written.
    """
    with project.lock():
        chosen = list(footages) or _tracked(project)
        model = load_smile_model(settings.model)
        context.failures.expect(len(chosen))
        summaries = []
        for path in chosen:
            with context.failures.guard():
                job = _job(project, _footage_name(project, path), model, settings)
                summaries.append(_work(job, context.progress))
        return summaries


def _tracked(project: Project) -> list[Path]:
    paths = [entry.path for entry in project.footages_with(TRACKS)]
    if not paths:
        raise InputError(f"{project.folder}: no tracks yet; run track-people first")
    return paths


def _footage_name(project: Project, path: Path) -> str:
    for entry in project.footages.values():
        if entry.path == absolute(path):
            return entry.name
    message = "not in the project; run cluster-faces and track-people on it first"
    raise InputError(f"{path}: {message}")


def _job(project: Project, footage: str, model: SmileModel, settings: SmileSettings) -> _GifJob:
    tracks, names = read_tracks(project, footage)
    if project.people_file.exists():
        with open_people(project.people_file) as people:
            names |= {p: name for p, name in people.names().items() if p in names}
    return _GifJob(project, footage, tracks, names, model, settings)


def _work(job: _GifJob, progress: Progress) -> SmileSummary:
    start, damage = time.monotonic(), Damage()
    own = OwnFiles(job.project, job.footage)
    smiles = stored_smiles(job.project, job.footage, job.model.key)
    found_before = smiles is not None and not job.settings.force
    if smiles is None or job.settings.force:
        smiles = _watch(job, progress, damage)
        _note_in_timeline(job, smiles)
    shown = [_choose(smiles, person, job.settings) for person in _people(job.tracks)]
    wanted = {job.files[one.person]: job.key(one.person) for one in shown if one.rows}
    todo = [
        one
        for one in shown
        if one.rows and (job.settings.force or not own.has(*_entry(job, one.person)))
    ]
    own.keep_only(wanted, suffix=SUFFIXES[job.settings.format])
    if todo:
        _write(job, smiles, todo, own, progress, damage)
    if not job.project.has_record(GIFS, job.footage):
        job.project.finish(GIFS, GifsRecord(), job.footage)  # nobody smiles often enough
    return SmileSummary(
        name=job.footage,
        people=tuple(_person(job, one, own) for one in shown),
        damage=str(damage) if damage else "",
        took_s=time.monotonic() - start,
        already_done=found_before and not todo,
    )


def _note_in_timeline(job: _GifJob, smiles: Smiles) -> None:
    """Tell the page, and whoever reads the timeline, when everybody smiles."""
    spans = {person: smiling_intervals(smiles, person) for person in _people(job.tracks)}
    note_smiles(job.project.crops_folder(job.footage) / TIMELINE_FILE, spans)


def _entry(job: _GifJob, person: int) -> tuple[str, str]:
    """A person's file and its key."""
    return job.files[person], job.key(person)


def _people(tracks: Tracks) -> list[int]:
    people: list[int] = np.unique(tracks.person_id[tracks.person_id != UNKNOWN]).tolist()
    return people


def _person(job: _GifJob, shown: _Selection, own: OwnFiles) -> PersonSmiles:
    name = job.names[shown.person]
    if not shown.rows:
        return PersonSmiles(name, shown.moments, None)
    return PersonSmiles(name, shown.moments, own.path(job.files[shown.person]))


# --- finding ------------------------------------------------------------------------------------


def _watch(job: _GifJob, progress: Progress, damage: Damage) -> Smiles:
    """Look at everybody in all of the footage, and keep what was seen."""
    footage = _footage(job)
    scorer = SmileScorer(job.model, job.tracks)
    total = max(round(footage.duration_s * (footage.rate or ASSUMED_RATE)), 1)
    with progress(f"{job.footage} looking", total, 0) as bar:
        for _ in _looking(scorer, footage, job.settings.threads, damage):
            bar.update(1)
    smiles = scorer.finish()
    store_smiles(job.project, job.footage, job.model.key, smiles)
    return smiles


def _looking(scorer: SmileScorer, footage: Footage, threads: int, damage: Damage) -> Iterator[None]:
    """Show every frame to ``scorer``, one a step."""
    if footage.kind != "video":
        for frame in read_frames(footage, threads=threads, damage=damage):
            scorer.score_frame(frame)
            yield
        return
    for decoded in decode_frames(footage, threads=threads, damage=damage):
        if scorer.is_due(decoded.time_s):
            # The brightness as the file has it, which crop-people shows too: whoever of the two
            # looks, it comes to the same.
            scorer.score(decoded.index, decoded.time_s, decoded.planes().y)
        yield


def _footage(job: _GifJob) -> Footage:
    """The footage as it was when it was tracked.

    Raises:
        InputError: it is not there, or another one.
    """
    entry = job.project.footages[job.footage]
    footage = probe(entry.path)
    if (footage.width, footage.height) != (entry.width, entry.height) or (
        footage.size_bytes != entry.size_bytes
    ):
        message = "it has changed since it was tracked; run cluster-faces --force and track-people"
        raise InputError(f"{entry.path.name}: {message}")
    return footage


def _choose(smiles: Smiles, person: int, settings: SmileSettings) -> _Selection:
    rows = np.flatnonzero(smiles.person_id == person)
    mine = smiles.take(rows)
    moments = choose_moments(mine, settings.frames)
    least = min(LEAST_MOMENTS, settings.frames)
    if len(moments) < least:
        return _Selection(person, len(moments), ())
    if settings.style == "moments":
        return _Selection(person, len(moments), tuple(rows[[moment]] for moment in moments))
    bursts = choose_bursts(mine, max(settings.frames // _MOMENTS_A_BURST, 1))
    return _Selection(person, len(bursts), tuple(rows[burst] for burst in bursts))


# --- writing ------------------------------------------------------------------------------------


def _write(
    job: _GifJob,
    smiles: Smiles,
    todo: Sequence[_Selection],
    own: OwnFiles,
    progress: Progress,
    damage: Damage,
) -> None:
    own.check_free([job.files[one.person] for one in todo])
    pictures = _pictures(job, smiles, todo, damage)
    with progress(f"{job.footage} {job.settings.format}", len(todo), 0) as bar:
        for one in todo:
            rows = [row for row in one.every.tolist() if row in pictures]
            frames = [pictures[row] for row in rows]
            loop = encode_loop(
                frames,
                _seconds(smiles.time_s[rows], job.settings.style),
                kind=job.settings.format,
                max_bytes=job.settings.max_bytes,
            )
            own.write(*_entry(job, one.person), loop.content)
            bar.update(1)


def _pictures(
    job: _GifJob, smiles: Smiles, todo: Sequence[_Selection], damage: Damage
) -> dict[int, NDArray[np.uint8]]:
    """The square of each row that is shown; a damaged frame's are left out."""
    footage = _footage(job)
    boxes: dict[int, tuple[NDArray[np.float32], int]] = {}
    for one in todo:
        mine = [steady_box(smiles.xyxy[rows]) for rows in one.rows]
        side_px = _side_px(mine, footage, job.settings)
        for rows, box in zip(one.rows, mine, strict=True):
            boxes |= dict.fromkeys(rows.tolist(), (box, side_px))
    at: dict[int, list[int]] = {}
    for row in boxes:
        at.setdefault(int(smiles.frame_index[row]), []).append(row)
    pictures: dict[int, NDArray[np.uint8]] = {}
    wanted = np.array(list(at), np.int64)
    for frame in pick_frames(footage, wanted, threads=job.settings.threads, damage=damage):
        frame_wh = frame.image.shape[1], frame.image.shape[0]  # photographs differ
        for row in at[frame.index]:
            box, side_px = boxes[row]
            pictures[row] = crop_square(frame.image, square_of(box, frame_wh), side_px)
    return pictures


def _side_px(
    boxes: Sequence[NDArray[np.float32]], footage: Footage, settings: SmileSettings
) -> int:
    """Of the picture: as large as the face is seen, on the whole."""
    squares = [square_of(box, (footage.width, footage.height)) for box in boxes]
    seen = float(np.median([side for _, _, side in squares]))
    side = min(settings.size_px, max(round(seen * _MOST_ENLARGED), LEAST_SIDE_PX))
    return side - side % 2


def _seconds(time_s: NDArray[np.float64], style: StyleName) -> list[float]:
    """How long each picture is shown."""
    if style == "moments":
        return [_MOMENT_S] * len(time_s)
    between = np.diff(time_s)
    usual = float(np.median(between)) if len(between) else _MOMENT_S
    # From one burst to the next the last smile stays a moment.
    seconds = [min(gap, usual + _LAST_S) for gap in between.tolist()]
    return [*seconds, usual + _LAST_S]


GIF_VERSION: Final = 1
"""Raised when the same smiles and settings would give other pictures."""


def gif_key(project: Project, footage: str, person: int, *, settings: str, model_key: str) -> str:
    """Return the key of a person's GIF: the person, the settings, and the smiles."""
    return f"{person} {digest(settings)} {gif_smiles(project, footage, model_key)}"


def gif_smiles(project: Project, footage: str, model_key: str) -> str:
    """Return what the keys of a footage's GIFs end with, while its smiles stay as they are."""
    return digest(f"{GIF_VERSION}", smiles_key(project, footage, model_key))

"""The stage from tracks to a video of each person: what `crop-people` does."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Literal

import numpy as np

from cropping.encoding import EncoderSettings, Form, check_encoder
from cropping.joining import Piece, Span, join
from cropping.others import Others
from cropping.presence import Clock
from cropping.rendering import (
    PIECE_FRAMES,
    Lane,
    Part,
    Pieces,
    Shown,
    pieces_in,
    render,
    threads_each,
)
from cropping.sharing import share
from cropping.smile_model import load_smile_model, smile_model_key
from cropping.smile_watching import SmileWatcher
from cropping.smiles import Smiles, keep_smiles, kept_smiles, smiling_spans
from cropping.sound import write_sound
from cropping.timeline_file import person_times, timeline_json
from cropping.views import AbsentName, CameraSettings, Views, views
from cropping.window import WindowSettings
from data.boxes import expand
from data.errors import InputError
from data.files import link_or_copy, whole_file, write_json
from data.footage import ASSUMED_RATE, Footage, open_video, probe
from data.outputs import OutputFolder, Wanted, digest
from data.people import open_people
from data.person_files import person_file_names
from data.progress import Bar, Progress
from data.project import TIMELINE_FILE, FootageEntry, Project, absolute
from data.timeline import Timeline, read_timeline
from data.tracks import Tracks, read_tracks
from data.video import Damage, Decoded, decode_frames

VERSION: Final = 2
"""Raised when the same tracks and settings would give other videos."""
WORK_FOLDER: Final = ".pieces"
_TICK: Final = Fraction(1, 90_000)  # where a footage has none of its own: MPEG's

OthersName = Literal["show", "blur"]


@dataclass(frozen=True, slots=True)
class CropSettings:
    """What `crop-people` can be told.

    Args:
        window: what is cut out.
        camera: how it moves.
        absent: what is shown while the person is not there.
        others: what becomes of everybody else.
        encoder: how pictures are encoded.
        only_present: whether to write a video of just the parts with the person too.
        smiles: whether to look who smiles meanwhile, for the timeline and for smile-gifs.
        people: names; empty for everybody.
        threads: processor cores to use, 0 all.
        force: do again what is done.
    """

    window: WindowSettings = field(default_factory=WindowSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    absent: AbsentName = "wide"
    others: OthersName = "show"
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    only_present: bool = False
    smiles: bool = True
    people: tuple[str, ...] = ()
    threads: int = 0
    force: bool = False

    def of_video(self) -> str:
        """Everything that a video's content depends on."""
        return repr((self.window, self.camera, self.absent, self.others, self.encoder))


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """One person's video."""

    name: str
    frames: int  # in which they are
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class FootageSummary:
    """What was written of one footage."""

    name: str
    frames: int
    people: tuple[PersonSummary, ...]
    never_seen: tuple[str, ...]
    damage: str  # one line; empty where nothing is damaged
    took_s: float
    already_done: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Person:
    """One person on their way; files are relative to the footage's folder of crops."""

    person_id: int
    name: str
    file: str  # without suffix
    tracks: Tracks
    key: str  # what the video depends on

    @property
    def video(self) -> str:
        return f"{self.file}.mp4"

    @property
    def best(self) -> str:
        return f"{self.file}.best.mp4"


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One footage on its way."""

    project: Project
    name: str
    footage: Footage
    settings: CropSettings
    tracks: Tracks
    timeline: Timeline
    people: tuple[_Person, ...]  # who is seen
    never_seen: tuple[str, ...]

    @property
    def folder(self) -> OutputFolder:
        return OutputFolder(self.project.crops_folder(self.name))

    @property
    def work(self) -> Path:
        return self.folder.folder / WORK_FOLDER

    @property
    def sound(self) -> Path:
        return self.work / "sound.nut"

    @property
    def frame_wh(self) -> tuple[int, int]:
        return self.footage.width, self.footage.height

    @property
    def video_wh(self) -> tuple[int, int]:
        return self.settings.window.video_wh(self.frame_wh)

    def pieces(self, person: _Person) -> Path:
        return self.work / f"{person.person_id}-{person.key}"


@dataclass(frozen=True, slots=True)
class _Passed:
    """What a pass through the footage told."""

    start_s: Fraction  # of the first frame, in the footage's own time
    end_s: Fraction  # of the last frame, the first at 0
    shared: str  # folder of the pieces that several people share; empty for none

    def write(self, path: Path) -> None:
        times = {"start_s": str(self.start_s), "end_s": str(self.end_s)}
        write_json(path, times | {"shared": self.shared})

    @classmethod
    def read(cls, path: Path) -> _Passed | None:
        if not path.exists():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        start_s, end_s = (Fraction(content[name]) for name in ("start_s", "end_s"))
        return cls(start_s, end_s, content["shared"])


def crop_people(
    project: Project, paths: Sequence[Path], settings: CropSettings, *, progress: Progress
) -> list[FootageSummary]:
    """Write a video of each person for some footages; for all in the project where none is named.

    A footage that cannot be cropped does not keep the others from being.

    Raises:
        InputError: no tracks yet, nobody or somebody unknown was seen, a footage or encoder that
            cannot be used, or no room to write.
    """
    with project.lock():
        check_encoder(settings.encoder)
        done, failed = [], []
        for entry in _entries(project, paths):
            try:
                done.append(_crop(_job(project, entry, settings), progress))
            except InputError as error:
                failed.append(str(error))
        if failed:
            raise InputError("; ".join(failed))
        return done


def _entries(project: Project, paths: Sequence[Path]) -> list[FootageEntry]:
    """The footages that were named, or else all videos."""
    known = {entry.path: entry for entry in project.footages.values()}
    for path in paths:
        if absolute(path) not in known:
            message = f"not in this project yet; run track-people {project.folder.name} {path.name}"
            raise InputError(f"{path}: {message}")
    chosen = [known[absolute(path)] for path in paths]
    chosen = chosen or [entry for entry in known.values() if probe(entry.path).kind == "video"]
    if not chosen:
        raise InputError(f"{project.folder}: no video in it; run cluster-faces and track-people")
    return chosen


def _job(project: Project, entry: FootageEntry, settings: CropSettings) -> _Job:
    footage = probe(entry.path)
    if footage.kind != "video":
        raise InputError(f"{entry.name}: pictures, not a video; there is nobody to follow in them")
    if footage.size_bytes != entry.size_bytes:
        message = "it has changed since it was tracked; run track-people --force"
        raise InputError(f"{entry.path.name}: {message}")
    tracks, names = read_tracks(project, entry.name)
    timeline = read_timeline(project.detections_file(entry.name))
    _check_tracks(project.tracks_file(entry.name), tracks, timeline, footage)
    names |= {p: n for p, n in _names_by_now(project).items() if p in names}
    people = _people(tracks, names, timeline, footage, settings)
    never = tuple(name for p, name in names.items() if p not in {one.person_id for one in people})
    if unknown := [name for name in settings.people if name not in names.values()]:
        known = ", ".join(sorted(names.values()))
        raise InputError(f"{unknown[0]}: nobody of this name; {entry.name} has {known}")
    if lacking := [name for name in settings.people if name in never]:
        raise InputError(f"{lacking[0]}: never seen in {entry.name}; choose somebody else")
    if not people:
        raise InputError(f"{entry.name}: nobody was ever seen in it; there is nothing to crop")
    return _Job(project, entry.name, footage, settings, tracks, timeline, people, never)


def _check_tracks(file: Path, tracks: Tracks, timeline: Timeline, footage: Footage) -> None:
    try:
        timeline.place(tracks.frame_index)
    except ValueError as error:
        message = f"does not belong to this footage ({error}); run track-people again"
        raise InputError(f"{file}: {message}") from error
    # Smoothing may put a face that leaves the picture somewhat beyond its edge, but not far.
    near = expand(tracks.xyxy, 1.0)
    inside = (near[:, 2:] >= 0).all(axis=1)
    inside &= (near[:, :2] <= (footage.width, footage.height)).all(axis=1)
    if (outside := ~inside).any():
        frame = int(tracks.frame_index[int(np.argmax(outside))])
        size = f"{footage.width}x{footage.height}"
        message = f"a face outside the picture of {size} in frame {frame}; run track-people again"
        raise InputError(f"{file}: {message}")


def _names_by_now(project: Project) -> dict[int, str]:
    if not project.people_file.exists():
        return {}
    with open_people(project.people_file) as people:
        return people.names()


def _people(
    tracks: Tracks,
    names: Mapping[int, str],
    timeline: Timeline,
    footage: Footage,
    settings: CropSettings,
) -> tuple[_Person, ...]:
    """Everybody who is seen."""
    files = person_file_names(names)
    common = digest(
        f"{VERSION} {footage.size_bytes} {settings.of_video()}",
        *(column.tobytes() for column in (timeline.frame_index, timeline.time_s, timeline.cuts)),
    )
    everybody = _bytes(tracks) if settings.others == "blur" else b""
    people = []
    for person in sorted(set(np.unique(tracks.person_id).tolist()) & set(names)):
        own = tracks.take(tracks.person_id == person)
        key = digest(common, str(person), _bytes(own), everybody)
        people.append(_Person(person, names[person], files[person], own, key))
    return tuple(people)


def _bytes(tracks: Tracks) -> bytes:
    return b"".join(getattr(tracks, name).tobytes() for name in tracks.COLUMNS)


# --- one footage ------------------------------------------------------------------------------


def _crop(job: _Job, progress: Progress) -> FootageSummary:
    start, damage = time.monotonic(), Damage()
    known = job.folder.keys()
    wanted = _wanted(job, known)
    todo = set(job.folder.outdated(wanted))
    if job.settings.force:
        todo |= {path for path in wanted if path not in known or _is_ours(job, path)}
    if todo:
        _prepare(job, todo, known, progress, damage)
        # By now it may be known who smiles.
        wanted = _wanted(job, known)
        job.folder.sync(wanted, again=todo)
        told = {"version": VERSION, "settings": job.settings.of_video()}
        job.project.finish(f"crops of {job.name}", told)
    shutil.rmtree(job.work, ignore_errors=True)
    return FootageSummary(
        name=job.name,
        frames=_frames_and_duration(job)[0],
        people=tuple(_summary(job, person, wanted) for person in _chosen(job)),
        never_seen=job.never_seen,
        damage=str(damage) if damage else "",
        took_s=time.monotonic() - start,
        already_done=not todo,
    )


def _chosen(job: _Job) -> list[_Person]:
    names = job.settings.people
    return [person for person in job.people if not names or person.name in names]


def _is_ours(job: _Job, path: str) -> bool:
    """Whether a file is of those who were asked for."""
    files = {file for person in _chosen(job) for file in (person.video, person.best)}
    return path in files | {TIMELINE_FILE}


def _wanted(job: _Job, known: Mapping[str, str]) -> dict[str, Wanted]:
    """Every file that the folder shall hold: a best-of after its video, the timeline last."""
    wanted: dict[str, Wanted] = {}
    kept: list[_Person] = []
    chosen = {person.person_id for person in _chosen(job)}
    for person in job.people:
        asked = person.person_id in chosen
        key = person.key if asked else known.get(person.video)
        if key is None:
            continue
        kept.append(person)
        wanted[person.video] = Wanted(key, partial(_write_video, job, person))
        best = _best_key(key)
        if (asked and job.settings.only_present) or known.get(person.best) == best:
            wanted[person.best] = Wanted(best, partial(_write_best, job, person))
    names = [f"{path} {one.key} {job.name}" for path, one in wanted.items()]
    names += [f"{person.person_id} {person.name}" for person in kept]
    names.append(digest((_smiles(job) or Smiles.empty()).smile.tobytes()))
    wanted[TIMELINE_FILE] = Wanted(digest(*names), partial(_write_timeline, job, kept))
    return wanted


def _best_key(key: str) -> str:
    return f"{key}-best"


def _prepare(
    job: _Job, todo: set[str], known: Mapping[str, str], progress: Progress, damage: Damage
) -> None:
    """Make what the files in ``todo`` are put together of."""
    people = [person for person in job.people if person.video in todo]
    _remove_others(job, people)
    lacking = [person for person in people if job.settings.force or not _reuse(job, person, known)]
    if lacking:
        _render(job, lacking, progress, damage)
    joined = any(path != TIMELINE_FILE for path in todo)
    if joined and job.footage.has_audio and not job.sound.exists():
        with whole_file(job.sound) as partial_file:
            write_sound(job.footage, partial_file, start_s=_start_s(job, lacking))


def _reuse(job: _Job, person: _Person, known: Mapping[str, str]) -> bool:
    """Keep a video that is right but for its name at hand, since people are renamed often."""
    for path, key in known.items():
        if key == person.key and path != person.video:
            link_or_copy(job.folder.folder / path, _ready(job, person))
            return True
    return False


def _ready(job: _Job, person: _Person) -> Path:
    return job.work / f"{person.person_id}-{person.key}.mp4"


def _remove_others(job: _Job, people: Sequence[_Person]) -> None:
    """Remove pieces of what was asked for by an earlier run, and is no more."""
    wanted = {job.pieces(person) for person in people} | {_shared(job, _open_ended(job, people))}
    passed = (_Passed.read(_passed_file(job, person)) for person in people)
    wanted |= {job.work / one.shared for one in passed if one is not None}
    if job.work.is_dir():
        for folder in set(job.work.iterdir()) - wanted:
            if folder.is_dir():
                shutil.rmtree(folder)


def _render(job: _Job, people: Sequence[_Person], progress: Progress, damage: Damage) -> None:
    """Encode everybody's pieces in one pass; what is there already stays."""
    open_ended = _open_ended(job, people)
    if not open_ended:
        return
    clock = Clock.of(job.timeline)
    shared = _shared(job, open_ended)
    parts = [
        Part.whole(_views(job, one), _pieces(job, one), _others(job, one)) for one in open_ended
    ]
    folders = [*(job.pieces(person) for person in open_ended), shared]
    parts = share(parts, _pieces_in(shared))
    after = min(len(part.pieces.read()) for part in parts) * PIECE_FRAMES - 1
    frames = decode_frames(
        job.footage, after_index=after, threads=job.settings.threads, damage=damage
    )
    first = next(frames, None)
    if first is None:
        # All was encoded when the run was stopped, but that was not noted.
        raise InputError(f"{job.name}: it ends before its tracks do; run track-people --force")
    cores = job.settings.threads or os.cpu_count() or 1
    form = Form(
        size_wh=job.video_wh,
        time_base=_time_base(job.footage),
        rate=job.footage.rate or ASSUMED_RATE,
        colours=first.planes().colours,
        threads=threads_each(len(open_ended), cores),
    )
    lanes = [
        Lane(part, clock, folder, job.settings.encoder, form)
        for part, folder in zip(parts, folders, strict=False)
    ]
    last, smiles = _Last(first), _Smiles(job, whole=after < 0)
    with progress(job.name, max(len(clock), 1), after + 1) as bar:
        passing, watch = last.noting(chain([first], frames)), smiles.watch
        render(passing, lanes, form, threads=cores, advance=_by_one(bar), watch=watch)
    smiles.keep()
    passed = last.passed(clock.frame_s, shared.name if len(parts) > len(open_ended) else "")
    for person in open_ended:
        passed.write(_passed_file(job, person))


class _Smiles:
    """Looks who smiles, where that is wanted, not known, and the whole footage comes by."""

    def __init__(self, job: _Job, *, whole: bool) -> None:
        self._job = job
        self._watcher: SmileWatcher | None = None
        if whole and job.settings.smiles and _smiles(job) is None:
            self._watcher = SmileWatcher(load_smile_model(), job.tracks)

    @property
    def watch(self) -> list[Callable[[Shown], Shown]]:
        return [self._look] if self._watcher is not None else []

    def _look(self, shown: Shown) -> Shown:
        if self._watcher is not None:
            self._watcher.look_at(shown.index, shown.decoded.time_s, shown.planes.y)
        return shown

    def keep(self) -> None:
        if self._watcher is not None:
            found = self._watcher.finish()
            keep_smiles(self._job.project, self._job.name, smile_model_key(), found)


def _smiles(job: _Job) -> Smiles | None:
    """Who smiles when, if that was looked for before."""
    return kept_smiles(job.project, job.name, smile_model_key())


def _by_one(bar: Bar) -> Callable[[], None]:
    def advance() -> None:
        bar.update(1)

    return advance


class _Last:
    """Remembers the last frame that came by."""

    def __init__(self, first: Decoded) -> None:
        self._frame = first

    def noting(self, frames: Iterable[Decoded]) -> Generator[Decoded, None, None]:
        for frame in frames:
            self._frame = frame
            yield frame

    def passed(self, frame_s: float, shared: str) -> _Passed:
        lasts_s = self._frame.lasts_s or Fraction(frame_s)
        return _Passed(self._frame.start_s, Fraction(self._frame.time_s) + lasts_s, shared)


def _passed_file(job: _Job, person: _Person) -> Path:
    return job.pieces(person) / "passed.json"


def _open_ended(job: _Job, people: Sequence[_Person]) -> list[_Person]:
    """Those whom no pass has seen to the end."""
    return [person for person in people if _Passed.read(_passed_file(job, person)) is None]


def _shared(job: _Job, people: Sequence[_Person]) -> Path:
    """Folder of the pieces that these people share."""
    return job.work / f"shared-{digest(*(person.key for person in people))}"


def _pieces(job: _Job, person: _Person) -> Pieces:
    return _pieces_in(job.pieces(person))


def _pieces_in(folder: Path) -> Pieces:
    return pieces_in(folder, "piece")


def _views(job: _Job, person: _Person) -> Views:
    return views(
        person.tracks,
        job.timeline,
        job.frame_wh,
        window=job.settings.window,
        camera=job.settings.camera,
        absent=job.settings.absent,
    )


def _others(job: _Job, person: _Person) -> Others | None:
    if job.settings.others == "show":
        return None
    return Others(job.tracks, person.person_id, job.timeline, job.frame_wh)


def _time_base(footage: Footage) -> Fraction:
    """The footage's own ticks, so that no time is rounded."""
    with open_video(footage.path) as (_, stream):
        return Fraction(stream.time_base or _TICK)


def _start_s(job: _Job, rendered: Sequence[_Person]) -> Fraction:
    """Where in its own time the footage's first frame is."""
    for person in rendered:
        passed = _Passed.read(_passed_file(job, person))
        if passed is not None:
            return passed.start_s
    with closing(decode_frames(job.footage)) as frames:
        return next(frames).start_s


# --- the files --------------------------------------------------------------------------------


def _write_video(job: _Job, person: _Person, path: Path) -> None:
    ready = _ready(job, person)
    if ready.exists():
        link_or_copy(ready, path)
        return
    passed = _Passed.read(_passed_file(job, person))
    if passed is None:
        raise ValueError(f"{person.name} must have been rendered")
    whole = Span(Fraction(0), passed.end_s)
    join(path, _joinable(job, person, passed), [whole], sound=_sound(job))


def _joinable(job: _Job, person: _Person, passed: _Passed) -> list[Piece]:
    own = _pieces(job, person).read()
    if not passed.shared:
        return [Piece(file) for file in own]
    shared = _pieces_in(job.work / passed.shared).read()
    return [Piece(*files) for files in zip(own, shared, strict=True)]


def _sound(job: _Job) -> Path | None:
    return job.sound if job.footage.has_audio else None


def _write_best(job: _Job, person: _Person, path: Path) -> None:
    video = job.folder.folder / person.video
    clock, shown = Clock.of(job.timeline), _views(job, person).present
    spans = [
        Span(Fraction(begin), Fraction(end), f"{int(begin) // 60}:{int(begin) % 60:02d}")
        for begin, end in clock.spans(shown)
    ]
    join(path, [Piece(video)], spans, sound=_sound(job))


def _write_timeline(job: _Job, people: Sequence[_Person], path: Path) -> None:
    """Write who is seen and who smiles when."""
    frames, duration_s = _frames_and_duration(job)
    smiles = _smiles(job) or Smiles.empty()
    times = [
        person_times(
            one.person_id,
            one.name,
            one.video,
            one.tracks,
            job.timeline,
            smiling=smiling_spans(smiles, one.person_id),
        )
        for one in people
    ]
    content = timeline_json(
        job.name,
        frames=frames,
        duration_s=duration_s,
        rate=job.footage.rate,
        frame_wh=job.frame_wh,
        video_wh=job.video_wh,
        people=times,
    )
    path.write_bytes(content)


def _frames_and_duration(job: _Job) -> tuple[int, float]:
    """Of the videos, which are all alike; the first that is there."""
    for person in job.people:
        video = job.folder.folder / person.video
        if video.exists():
            with open_video(video) as (_, stream):
                return stream.frames, float((stream.duration or 0) * (stream.time_base or 0))
    raise ValueError(f"{job.name} must have a video by now")


def _summary(job: _Job, person: _Person, wanted: Mapping[str, Wanted]) -> PersonSummary:
    frames = len(person.tracks)
    files = [job.folder.folder / file for file in (person.video, person.best) if file in wanted]
    return PersonSummary(person.name, frames, tuple(files))

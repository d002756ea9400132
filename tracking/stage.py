"""The stage from footage to tracks: what `track-people` does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.errors import InputError
from data.failures import Failures, NoFailures
from data.footage import ASSUMED_RATE, Footage, probe, take_in
from data.outputs import digest
from data.parts import Parts
from data.people import Assignments, open_people
from data.progress import Bar, Progress
from data.project import Project
from data.runtime import RuntimeName
from data.timeline import Timeline
from data.tracks import Tracks, read_csv, tracks_stage, write_csv, write_mot
from data.video import Damage, Frame, read_frames
from tracking.classes import people_of_classes
from tracking.cuts import find_cuts
from tracking.detections import Detections, FootageFound, Watched
from tracking.detector import PersonDetector
from tracking.export import exported_model
from tracking.inputs import detections_inputs, detections_stage, faces_key, tracks_inputs
from tracking.naming import NamingSettings, find_tracks
from tracking.networks import DeviceName, load_yolo
from tracking.overlay import write_overlay
from tracking.watching import Watcher, frames_after, in_parts

WEIGHTS_FILE: Final = "best.pt"


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """What `track-people` can be told.

    Args:
        every_nth: look at one frame in so many.
        naming: how boxes become tracks.
        faces: whether the faces that cluster-faces knows have a say.
        overlay: whether to write a video with the boxes drawn in.
        mot: whether to write MOTChallenge's format too.
        device, runtime, threads: where the detector runs; all the same to what counts as done.
        force: do again what is done, and accept a footage that has changed.
    """

    every_nth: int = 1
    naming: NamingSettings = field(default_factory=NamingSettings)
    faces: bool = True
    overlay: bool = False
    mot: bool = False
    device: DeviceName = "auto"
    runtime: RuntimeName = "auto"
    threads: int = 0
    force: bool = False


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """How much of one person there is in one footage."""

    name: str
    detected: int  # frames
    filled: int  # frames


@dataclass(frozen=True, slots=True)
class FootageSummary:
    """What was found in one footage."""

    name: str
    frames: int  # that were looked at
    cuts: int
    people: tuple[PersonSummary, ...]
    damage: str  # one line; empty where nothing is damaged
    took_s: float
    already_done: bool
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the project knows before it tracks."""

    names: Mapping[int, str]
    classes: tuple[int, ...]  # person of each class of the detector
    model_key: str
    label_margin: float
    assignments: Mapping[str, Assignments]  # by footage


@dataclass(frozen=True, slots=True)
class _Job:
    """One footage on its way."""

    project: Project
    name: str
    footage: Footage
    known: _Known
    settings: TrackSettings

    @property
    def video(self) -> bool:
        return self.footage.kind == "video"

    @property
    def detections_stage(self) -> str:
        return detections_stage(self.name)

    @property
    def tracks_stage(self) -> str:
        return tracks_stage(self.name)

    @property
    def csv_file(self) -> Path:
        return self.project.tracks_file(self.name)

    @property
    def mot_file(self) -> Path:
        return self.csv_file.with_suffix(".txt")

    @property
    def overlay_file(self) -> Path:
        return self.csv_file.with_suffix(".mp4")

    @property
    def detections_file(self) -> Path:
        return self.project.detections_file(self.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """What is to be written."""
        files = [self.csv_file]
        files += [self.mot_file] if self.settings.mot else []
        files += [self.overlay_file] if self.settings.overlay else []
        return tuple(files)

    @property
    def faces(self) -> Assignments:
        """Whose the faces are, if that is to be heard."""
        known = self.known.assignments.get(self.name)
        return known if known is not None and self.settings.faces else Assignments.empty()

    def detections_inputs(self) -> dict[str, Any]:
        """Everything that the detections depend on."""
        return detections_inputs(
            size_bytes=self.footage.size_bytes,
            every_nth=self.settings.every_nth if self.video else 1,
            model_key=self.known.model_key,
        )

    def tracks_inputs(self) -> dict[str, Any]:
        """Everything that the tracks depend on."""
        return tracks_inputs(
            self.detections_inputs(),
            naming=dataclasses.asdict(self.settings.naming),
            label_margin=self.known.label_margin,
            classes=list(self.known.classes),
            faces=faces_key(self.faces),
            names=self.known.names,
        )


def track_people(
    project: Project,
    paths: Sequence[Path],
    settings: TrackSettings,
    *,
    progress: Progress,
    failures: Failures | None = None,
) -> list[FootageSummary]:
    """Write the tracks of some footages; of all in the project where none is named.

    What an earlier run finished, or had finished when it was stopped, is not done again.

    Args:
        project: with a trained detector.
        paths: of the footages.
        settings: how to track.
        progress: makes the bars.
        failures: takes what is wrong with single footages; None lets the first one end the run.

    Raises:
        InputError: no detector or people yet, or a footage that cannot be read or has changed.
    """
    with project.lock():
        known = _knowledge(project)
        chosen = paths or [entry.path for entry in project.footages.values()]
        if not chosen:
            raise InputError(f"{project.folder}: no footage in it; name one, such as concert.mp4")
        failures = failures or NoFailures()
        failures.expect(len(chosen))
        load = _Loader(project.tracker_folder / WEIGHTS_FILE, known, settings)
        summaries = []
        for path in chosen:
            with failures.of_one():
                footage = probe(path)
                name = take_in(project, footage, force=settings.force).name
                job = _Job(project, name, footage, known, settings)
                summaries.append(_track(job, load, progress))
        return summaries


def _knowledge(project: Project) -> _Known:
    if not project.people_file.exists():
        raise InputError(f"{project.folder}: no people in it yet; run cluster-faces first")
    weights = project.tracker_folder / WEIGHTS_FILE
    facts = exported_model(weights).facts
    with open_people(project.people_file) as people:
        names = people.names()
        assignments = {name: people.assignments(name) for name in project.footages}
    return _Known(
        names=names,
        classes=people_of_classes(weights, facts, names),
        model_key=facts.key,
        label_margin=float(project.stages.get("people", {}).get("label_margin", 0)),
        assignments=assignments,
    )


class _Loader:
    """Loads the detector when it is first wanted."""

    def __init__(self, weights: Path, known: _Known, settings: TrackSettings) -> None:
        self._weights, self._known, self._settings = weights, known, settings
        self._watcher: Watcher | None = None

    def __call__(self) -> Watcher:
        if self._watcher is None:
            chosen = self._settings
            network, facts, batch = load_yolo(
                self._weights, device=chosen.device, runtime=chosen.runtime, threads=chosen.threads
            )
            detector = PersonDetector(network, image_px=facts.image_px)
            self._watcher = Watcher(detector, people=len(facts.names), batch=batch)
        return self._watcher


def _track(job: _Job, load: Callable[[], Watcher], progress: Progress) -> FootageSummary:
    start, damage = time.monotonic(), Damage()
    detected_before = _is_detected(job)
    found = _read_found(job) if detected_before else _detect(job, load, progress, damage)
    done = detected_before and _is_tracked(job)
    if done:
        tracks = read_csv(job.csv_file, job.known.names)
    else:
        tracks = _write_tracks(job, found, progress)
    return FootageSummary(
        name=job.name,
        frames=len(found.timeline),
        cuts=len(found.timeline.cuts) if job.video else 0,
        people=_people(tracks, job.known.names),
        damage=str(damage) if damage else "",
        took_s=time.monotonic() - start,
        already_done=done,
        files=job.files,
    )


# --- detection --------------------------------------------------------------------------------


def _is_detected(job: _Job) -> bool:
    finished = job.project.finished(job.detections_stage, job.detections_inputs())
    return finished and job.detections_file.exists() and not job.settings.force


def _read_found(job: _Job) -> FootageFound:
    return FootageFound.read(job.detections_file)


def _detect(
    job: _Job, load: Callable[[], Watcher], progress: Progress, damage: Damage
) -> FootageFound:
    inputs, people = job.detections_inputs(), len(job.known.classes)
    job.project.unfinish(job.detections_stage)
    parts = Parts(
        job.csv_file.with_suffix(".parts"),
        key=digest(repr(sorted(inputs.items()))),
        suffix=".npz",
        read=Watched.read,
        write=Watched.write,
    )
    if job.settings.force:
        parts.remove()
    before = parts.read()
    frames = frames_after(
        job.footage,
        int(before[-1].frame_index[-1]) if before else -1,
        every_nth=inputs["every_nth"],
        threads=job.settings.threads,
        damage=damage,
    )
    total = _frames_expected(job.footage, inputs["every_nth"])
    with progress(job.name, total, sum(map(len, before))) as bar:
        for part in in_parts(_shown(load().watch(frames), bar), people=people):
            parts.append(part)
            before.append(part)
    found = _whole(before, people=people, video=job.video)
    found.write(job.detections_file)
    job.project.finish(job.detections_stage, inputs)
    parts.remove()
    return found


def _frames_expected(footage: Footage, every_nth: int) -> int:
    rate = footage.rate or ASSUMED_RATE
    if footage.kind != "video":
        rate = Fraction(1)
    return max(round(footage.duration_s * rate / every_nth), 1)


def _shown(watched: Iterator[Watched], bar: Bar) -> Iterator[Watched]:
    for batch in watched:
        bar.update(len(batch))
        yield batch


def _whole(parts: Sequence[Watched], *, people: int, video: bool) -> FootageFound:
    index = np.concatenate([part.frame_index for part in parts] or [np.zeros(0, np.int64)])
    time_s = np.concatenate([part.time_s for part in parts] or [np.zeros(0)])
    thumbnails = chain.from_iterable(part.thumbnail for part in parts)
    # Photographs of a folder do not follow each other.
    cuts = find_cuts(index, thumbnails) if video else index[1:]
    found = Detections.concatenate([part.detections for part in parts], people=people)
    return FootageFound(Timeline(index, time_s, cuts), found)


# --- tracks -----------------------------------------------------------------------------------


def _is_tracked(job: _Job) -> bool:
    finished = job.project.finished(job.tracks_stage, job.tracks_inputs())
    return finished and all(file.exists() for file in job.files) and not job.settings.force


def _write_tracks(job: _Job, found: FootageFound, progress: Progress) -> Tracks:
    job.project.unfinish(job.tracks_stage)
    tracks = find_tracks(
        found,
        job.known.classes,
        job.faces,
        label_margin=job.known.label_margin,
        video=job.video,
        settings=job.settings.naming,
    )
    write_csv(job.csv_file, tracks, job.known.names)
    for file in (job.mot_file, job.overlay_file):
        file.unlink(missing_ok=True)  # of earlier tracks
    if job.settings.mot:
        write_mot(job.mot_file, tracks)
    if job.settings.overlay:
        _write_overlay(job, tracks, found.timeline, progress)
    job.project.finish(job.tracks_stage, job.tracks_inputs())
    return tracks


def _write_overlay(job: _Job, tracks: Tracks, timeline: Timeline, progress: Progress) -> None:
    if not job.video:
        raise InputError(f"{job.name}: an overlay is drawn on a video, not on pictures")
    with progress(f"{job.name} overlay", len(timeline), 0) as bar:

        def frames() -> Iterator[Frame]:
            wanted = set(timeline.frame_index.tolist())
            for frame in read_frames(job.footage, threads=job.settings.threads):
                if frame.index in wanted:
                    yield frame
                    bar.update(1)

        rate = (job.footage.rate or ASSUMED_RATE) / job.settings.every_nth
        write_overlay(job.overlay_file, frames(), tracks, job.known.names, rate=rate)


def _people(tracks: Tracks, names: Mapping[int, str]) -> tuple[PersonSummary, ...]:
    summaries = []
    for person in np.unique(tracks.person_id).tolist():
        filled = tracks.filled[tracks.person_id == person]
        detected = int((~filled).sum())
        summaries.append(PersonSummary(names[person], detected, int(filled.sum())))
    return tuple(summaries)

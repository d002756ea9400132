"""Stage smile-gifs: score smiles, and write a GIF of each person's best ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cropping.smiles.cache_keys import gif_key, merges_text
from cropping.smiles.gif import CROP_KINDS
from cropping.smiles.manifest import gif_folder
from cropping.smiles.model import load_smile_model
from cropping.smiles.selection import (
    MIN_MOMENTS,
    PersonSelection,
    needed_moments,
    select_smiles,
)
from cropping.smiles.settings import SmileSettings
from cropping.smiles.table import finish_smiles, smiling_intervals, stored_smiles
from cropping.smiles.tasks import GifJob, ScoreJob, encode_gifs, score_smiles
from data.core.arrays import UNKNOWN
from data.core.atomic import link_or_copy
from data.core.digest import digest
from data.core.errors import InputError
from data.execution.context import RunContext
from data.execution.segments import damage_of_all
from data.execution.stage import FootageStage, estimated_frames, known_footages, run_footages
from data.execution.tasks import Finished, Task, Work
from data.project.filenames import person_file_names
from data.project.manifest import OutputFile, OutputFolder
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import GIFS, TRACKS, GifsRecord
from data.tables.crop_files import crop_files
from data.tables.smiles import Smiles
from data.tables.timeline_json import TIMELINE_FILE, write_smiling
from data.tables.tracked_people import (
    TrackedPeople,
    merged_smiles,
    read_current_tracks,
    tracked_people,
)
from data.tables.tracks import tracked_names
from data.video.container import ASSUMED_RATE
from data.video.content import follow_moved
from data.video.footage import Footage, probe_entry
from data.video.frames import Damage


@dataclass(frozen=True, slots=True)
class PersonSmiles:
    """One person's smiles in one footage."""

    name: str
    smiles: int  # number of different moments or bursts
    file: Path | None  # None if there are too few smiles
    needed: int = MIN_MOMENTS  # number of smiles for a file


@dataclass(frozen=True, slots=True)
class SmileSummary:
    """Result of smile-gifs for one footage."""

    name: str
    people: tuple[PersonSmiles, ...]
    damage: str  # one line, empty if the footage is undamaged
    took_s: float
    already_done: bool
    removed: tuple[str, ...] = ()  # GIFs of people who have too few smiles, or no tracks, now


def smile_gifs(
    project: Project, footages: Sequence[Path], settings: SmileSettings, *, context: RunContext
) -> list[SmileSummary]:
    """Write the GIFs of all people in each footage.

    All footages are scored before the first GIF is encoded.

    Args:
        project: project with tracks.
        footages: files of the footages, empty for all tracked ones.
        settings: settings of `smile-gifs`.
        context: progress bars, failures and runner.

    Raises:
        InputError: there are no tracks, a footage cannot be read or has changed, or an output
            would overwrite a file of the user.
    """
    with project.lock():
        context.notes.extend(follow_moved(project, footages))
        chosen = list(footages) or _tracked(project)
        model_key = load_smile_model(settings.model).key
        context.failures.expect(len(chosen))
        frames = round(estimated_frames(project, chosen))
        scoring = _Scoring(project, settings, model_key)
        threads = settings.threads
        scored = run_footages(scoring, chosen, context, threads=threads, frames=frames)
        writing = _GifWriting(project, settings, model_key)
        summaries = run_footages(writing, scored, context, threads=threads, frames=len(scored))
        context.remember_options(project)
        return summaries


def _tracked(project: Project) -> list[Path]:
    paths = [entry.path for entry in project.footages_with(TRACKS)]
    if not paths:
        raise InputError(f"{project.folder}: no tracks yet; run track-people first")
    return paths


# --- scoring ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scored:
    """A footage whose smiles table is up to date."""

    name: str
    damage: Damage
    took_s: float
    already_done: bool


@dataclass(frozen=True, slots=True)
class _Scoring(FootageStage[Path, None, None, _Scored]):
    """Scoring of all smiles in one footage."""

    project: Project
    settings: SmileSettings
    model_key: str

    def path_of(self, footage: Path) -> Path:
        """Return the path itself."""
        return footage

    def plan(self, footage: Path, *, threads: int) -> Work[None, None]:
        """Return the task that scores a footage, if its smiles are not up to date."""
        project, settings = self.project, self.settings
        if not (entries := known_footages(project, [footage])):
            message = "not in the project; run cluster-faces and track-people on it first"
            raise InputError(f"{footage}: {message}")
        name = entries[0].name
        tracked = tracked_names(project, name)
        if not settings.force and stored_smiles(project, name, self.model_key) is not None:
            return Work(name, None)
        probed = _unchanged_footage(project, name)
        people = tuple(tracked.items())
        job = ScoreJob(project.paths, name, probed, people, settings.model, threads)
        reads = project.names_of(project.tracks_file(name))
        frames = max(round(probed.duration_s * (probed.rate or ASSUMED_RATE)), 1)
        return Work(name, None, (Task(score_smiles, job, reads=reads),), total=frames)

    def finish(self, finished: Finished[None, None], *, took_s: float) -> _Scored:
        """Record the smiles table, and copy the smiles into the timeline."""
        project, name = self.project, finished.work.name
        already_done = not finished.work.tasks
        if not already_done:
            finish_smiles(project, name, self.model_key)
            merged_into = tracked_people(project, name).merged_into
            smiles = merged_smiles(Smiles.read(project.smiles_file(name)), merged_into)
            people: list[int] = np.unique(smiles.person_id).tolist()
            intervals = {person: smiling_intervals(smiles, person) for person in people}
            write_smiling(project.crops_folder(name) / TIMELINE_FILE, intervals)
        return _Scored(name, finished.damage, took_s, already_done)


def _unchanged_footage(project: Project, name: str) -> Footage:
    """Probe a footage that must not have changed since it was tracked.

    Raises:
        InputError: the footage is missing or has changed.
    """
    entry = project.footages[name]
    footage = probe_entry(entry)
    frame_wh = footage.width, footage.height
    project.require_unchanged(entry, size_bytes=footage.size_bytes, frame_wh=frame_wh)
    return footage


# --- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _PlannedGifs:
    """Planned GIFs of one footage.

    Args:
        scored: the footage.
        people: summary of each person.
        keys: cache keys of all files, by name.
        encoded: files in the work directory of the stale files, by name.
        merges: merges among the people of the footage; see `GifsRecord`.
    """

    scored: _Scored
    people: tuple[PersonSmiles, ...]
    keys: Mapping[str, str]
    encoded: Mapping[str, Path]
    merges: str


@dataclass(frozen=True, slots=True)
class _GifWriting(FootageStage[_Scored, _PlannedGifs, Damage, SmileSummary]):
    """Selection and encoding of one footage's GIFs."""

    project: Project
    settings: SmileSettings
    model_key: str

    def path_of(self, footage: _Scored) -> Path:
        """Return the path of a scored footage."""
        return self.project.footages[footage.name].path

    def plan(self, footage: _Scored, *, threads: int) -> Work[_PlannedGifs, Damage]:
        """Return the task that encodes a footage's stale files, if there are any."""
        del threads  # uses the settings' threads, since decoder threads do not change pictures
        project, settings, name = self.project, self.settings, footage.name
        selections, tracked = self._selections(name)
        names = tracked.names
        folder, work = self._folder(name), self._work_folder(name)
        kind = CROP_KINDS[settings.format]
        files = {p: kind.file_name(base) for p, base in person_file_names(names).items()}
        shown = [selection for selection in selections if selection.rows]
        keys = {
            files[person.person_id]: self._key(
                name, person.person_id, tracked.merged_ids(person.person_id)
            )
            for person in shown
        }
        stale = {*folder.outdated({file: _kept(key) for file, key in keys.items()})}
        if settings.force:
            stale = set(keys)
            shutil.rmtree(work, ignore_errors=True)
        encoded = {
            file: work / kind.file_name(digest(keys[file])) for file in keys if file in stale
        }
        if not settings.force:
            _reuse_renamed(folder, keys, encoded)
        people = tuple(
            PersonSmiles(
                names[person.person_id],
                person.moments,
                folder.folder / files[person.person_id] if person.rows else None,
                needed_moments(settings),
            )
            for person in selections
        )
        planned = _PlannedGifs(footage, people, keys, encoded, merges_text(tracked))
        todo = tuple(
            person
            for person in shown
            if (file := files[person.person_id]) in stale and not encoded[file].exists()
        )
        if not todo:
            return Work(name, planned)
        job = GifJob(
            paths=project.paths,
            name=name,
            footage=_unchanged_footage(project, name),
            settings=settings,
            selections=todo,
            targets=tuple(encoded[files[person.person_id]] for person in todo),
        )
        detections = project.detections_file(name)
        reads = project.names_of(project.smiles_file(name), work, detections)
        return Work(name, planned, last=Task(encode_gifs, job, reads=reads))

    def finish(self, finished: Finished[_PlannedGifs, Damage], *, took_s: float) -> SmileSummary:
        """Move the encoded files into place, and remove obsolete ones."""
        planned, name = finished.work.payload, finished.work.name
        scored = planned.scored
        outputs = {
            file: OutputFile(key, partial(link_or_copy, planned.encoded[file]))
            if file in planned.encoded
            else _kept(key)
            for file, key in planned.keys.items()
        }
        removed = self._of_others(name, planned)
        self._folder(name).sync(outputs, again=planned.encoded)
        # Also if no person has enough clear smiles.
        record = replace(self.project.record(GIFS, name) or GifsRecord(), merges=planned.merges)
        if not self.project.is_finished(GIFS, record, name):
            self.project.finish(GIFS, record, name)
        shutil.rmtree(self._work_folder(name), ignore_errors=True)
        with suppress(OSError):  # missing, or in use by a stopped crop-people
            self._work_folder(name).parent.rmdir()
        damage = damage_of_all([scored.damage, *([finished.result] if finished.result else [])])
        return SmileSummary(
            name=name,
            people=planned.people,
            damage=str(damage) if damage else "",
            took_s=scored.took_s + took_s,
            already_done=scored.already_done and not planned.encoded,
            removed=removed,
        )

    def _of_others(self, name: str, planned: _PlannedGifs) -> tuple[str, ...]:
        """Return the listed GIFs of people who get none; a renamed person's is not removed."""
        folder = self._folder(name)
        listed, planned_keys = folder.keys(), GifsRecord(planned.keys)
        kept = set(crop_files(folder.folder, {}, planned_keys).owners.values())
        owners = crop_files(folder.folder, {}, GifsRecord(listed)).owners
        return tuple(sorted(file for file, person in owners.items() if person not in kept))

    def _selections(self, footage: str) -> tuple[list[PersonSelection], TrackedPeople]:
        """Return the selection of each person with tracks, and the people."""
        tracks, people = read_current_tracks(self.project, footage)
        smiles = merged_smiles(Smiles.read(self.project.smiles_file(footage)), people.merged_into)
        tracked: list[int] = np.unique(tracks.person_id[tracks.person_id != UNKNOWN]).tolist()
        return [select_smiles(smiles, person, self.settings) for person in tracked], people

    def _key(self, footage: str, person: int, merged: tuple[int, ...]) -> str:
        return gif_key(
            self.project,
            footage,
            person,
            settings=self.settings.content_key(),
            model_key=self.model_key,
            merged=merged,
        )

    def _folder(self, footage: str) -> OutputFolder:
        return gif_folder(self.project, footage, suffix=CROP_KINDS[self.settings.format].suffix)

    def _work_folder(self, footage: str) -> Path:
        return self.project.crops_folder(footage) / WORK_FOLDER / "gifs"


def _reuse_renamed(
    folder: OutputFolder, keys: Mapping[str, str], encoded: Mapping[str, Path]
) -> None:
    """Link the existing GIFs of renamed people to the files in the work directory."""
    listed = {key: file for file, key in folder.keys().items()}
    for file, target in encoded.items():
        if (existing := listed.get(keys[file])) is not None and not target.exists():
            link_or_copy(folder.folder / existing, target)


def _kept(key: str) -> OutputFile:
    """Return an output file that must exist already."""

    def write(path: Path) -> None:
        raise ValueError(f"{path} must exist")

    return OutputFile(key, write)

"""A project of labelled clips whose faces are found already, at all samplings."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.extraction import Extractor
from clustering.grouping.footage import GroupingSettings
from clustering.grouping.people import identify_people
from clustering.output.dataset import plan_dataset
from clustering.output.write import identified_footages
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.project.stages import FACES
from data.tables.decisions import FaceKeys
from data.tables.faces import Faces
from data.tables.people import People, open_people
from data.video.footage import Footage, add_footage, probe
from tests import SHARED
from tests.quality.clips import SampledFaces, extract_samples
from tests.quality.labels import NOT_SCORED, persons_of, read_labels
from tests.records import faces_record

INTERVALS_S: Final = (0.1, 0.2, 0.5, 1.0)
"""Samplings; all frames of the others are among the first."""
DEFAULT_S: Final = 0.2
"""The default sampling of clips of less than two minutes."""
DURATION_S: Final = 20.0
"""Longer clips are cut: everybody is seen by then."""


@dataclass(frozen=True, eq=False)
class SampledClip:
    """A labelled clip at all samplings."""

    name: str
    footage: Footage
    by_interval: Mapping[float, SampledFaces]  # by the interval between sampled frames, seconds

    @classmethod
    def extract(cls, name: str, extractor: Extractor) -> SampledClip:
        """Extract the faces of a clip of ../shared at the finest sampling, and select the others.

        Raises:
            ValueError: the finest sampling lacks a frame of another one.
        """
        footage = probe(SHARED / "footage" / f"{name}.mp4")
        labels = read_labels(SHARED / "footage" / "labels" / f"{name}.csv")
        by_interval = extract_samples(footage, labels, extractor, INTERVALS_S, until_s=DURATION_S)
        return cls(name, footage, by_interval)


@dataclass(frozen=True)
class State:
    """The person of each face after a run, and what people and the dataset show."""

    samples: Mapping[str, SampledFaces]  # by footage
    owner: Mapping[str, NDArray[np.int64]]  # (n,) by footage
    names: Mapping[int, str]
    hidden: frozenset[int]
    classes: tuple[int, ...]


class ReviewedProject:
    """A project of one clip, or of two, whose faces are found already."""

    def __init__(self, folder: Path, clips: Sequence[SampledClip]) -> None:
        self.project = Project(folder)
        self._clips = clips

    def run(self, people: People, options: Mapping[str, Any]) -> State:
        """Cluster the faces, as `cluster-faces` with these options."""
        chosen = dict(options)
        every_s = chosen.pop("every_s", DEFAULT_S)
        clips = self._clips if chosen.pop("added", False) else self._clips[:1]
        for clip in clips:
            add_footage(self.project, clip.footage)
            self.project.finish(FACES, faces_record(every_s=every_s), clip.name)
        samples = {clip.name: clip.by_interval[every_s] for clip in clips}
        tables = {name: (sample.frames, sample.faces) for name, sample in samples.items()}
        identify_people(self.project, people, tables, GroupingSettings(**chosen))
        return self.state(people, samples)

    def undecided(self, options: Mapping[str, Any]) -> State:
        """Cluster the same faces in a new project without decisions."""
        with tempfile.TemporaryDirectory() as folder:
            other = ReviewedProject(Path(folder) / "other.fancam", self._clips)
            with other.project.lock(), open_people(other.project.people_file) as people:
                return other.run(people, options)

    def state(self, people: People, samples: Mapping[str, SampledFaces]) -> State:
        """Read the people."""
        tables = {name: (sample.frames, sample.faces) for name, sample in samples.items()}
        identified = identified_footages(people, tables)
        plan = plan_dataset(identified.visible(), identified.names)
        owner = {name: people.assignments(name).person_id for name in samples}
        return State(samples, owner, people.names(), people.hidden(), plan.person_id)


def people_of(state: State, *footages: str, without: Mapping[str, FaceKeys]) -> set[int]:
    """Return the people most of whose faces in these footages are labelled.

    Labels say nothing about the others, such as somebody whose face is undecided.

    Args:
        state: the people.
        footages: names of the footages.
        without: faces that do not count, by footage.
    """
    labelled, every = Counter[int](), Counter[int]()
    for name in footages:
        sample, owner = state.samples[name], state.owner[name]
        counts = (owner != UNKNOWN) & ~rows_among(sample.faces, without.get(name))
        every.update(owner[counts].tolist())
        is_labelled = persons_of(sample.faces, sample.labels) != NOT_SCORED
        labelled.update(owner[counts & is_labelled].tolist())
    return {person for person, count in every.items() if 2 * labelled[person] > count}


def rows_among(faces: Faces, chosen: FaceKeys | None) -> NDArray[np.bool_]:
    """Return which faces are among the chosen ones, ``(n,)``."""
    if chosen is None:
        return np.zeros(len(faces), np.bool_)
    return np.asarray(FaceKeys(faces.time_s, faces.xyxy).rows_in(chosen) != UNKNOWN, np.bool_)

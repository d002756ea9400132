"""Decisions about real people hold in every later run: `python -m tests.quality.reviewed`.

A reviewer makes 30 decisions about one labelled clip, by its labels. Then its people are clustered
again with other options and samplings, and together with a second clip that nobody reviewed. The
reviewed clip must have the people of its labels at every sampling, also in frames that the reviewer
never saw; the second clip must have as many as without decisions, since none is about it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings
from data.core.arrays import UNKNOWN
from data.inference.models.catalogue import NAMES
from data.inference.models.store import is_installed
from data.tables.decisions import FaceKeys
from data.tables.people import People, open_people
from tests import SHARED
from tests.quality.clips import BEST, load_extractor
from tests.quality.labels import NOT_SCORED, missed_persons, persons_of
from tests.quality.metrics import b_cubed
from tests.quality.reviewed_project import (
    DEFAULT_S,
    ReviewedProject,
    SampledClip,
    State,
    people_of,
    rows_among,
)
from tests.quality.reviewer import Reviewer

CLIPS: Final = ("sitcom_a", "talkshow_a")
BACKENDS: Final = {"best models": BEST, "dlib alone": BackendSettings()}
DECISIONS: Final = 30
POOR: Final = ({"eps": 0.6}, {"eps": 0.42})
"""Options that take several people for one, and one for several: the reviewer has much to do."""
RUNS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"eps": 0.35},
    {"eps": 0.42},
    {"eps": 0.55},
    {"eps": 0.7},
    {"min_samples": 2},
    {"min_samples": 20},
    {"every_s": 0.1},
    {"every_s": 0.5},
    {"every_s": 1.0},
    {"added": True},
    {"added": True, "eps": 0.42},
    {"added": True, "eps": 0.6},
    {"added": True, "every_s": 0.1},
    {"added": True, "every_s": 1.0},
    {"added": True},
)
"""Options of the runs after the decisions, in order; the last are the defaults."""


@dataclass(frozen=True, slots=True)
class Row:
    """Result of one run, next to what it is compared with.

    F is B-cubed over the labelled faces; those that were not found are lost. Faces that the
    reviewer threw out do not count.
    """

    options: str
    f: float
    undecided_f: float  # of a project without decisions, with the same options
    kept_f: float  # of the frames that the reviewer saw
    decided_f: float  # of the same frames, right after the decisions
    people: int  # see `people_of`
    expected: int
    faults: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Review:
    """What a reviewer decided about a clip, to compare later runs with."""

    clip: str
    decided: State  # right after the decisions
    thrown: Mapping[str, FaceKeys]  # faces that were thrown out, by footage
    person: Mapping[str, int]  # by label
    hidden: str  # label

    def row(self, options: Mapping[str, Any], state: State, undecided: State) -> Row:
        """Compare a run with the state after the decisions, and with one without decisions."""
        seen = {self.clip: self.decided.samples[self.clip].frames.frame_index}
        seen[self.clip] = np.intersect1d(
            seen[self.clip], state.samples[self.clip].frames.frame_index
        )
        every = {name: sample.frames.frame_index for name, sample in state.samples.items()}
        row = Row(
            options=_title(options),
            f=self._f(state, every),
            undecided_f=self._f(undecided, every),
            kept_f=self._f(state, seen),
            decided_f=self._f(self.decided, seen),
            people=len(people_of(state, *state.samples, without=self.thrown)),
            expected=self._expected(state, undecided),
            faults=(),
        )
        return replace(row, faults=tuple(self._faults(state, row)))

    def _f(self, state: State, frames: Mapping[str, NDArray[np.int64]]) -> float:
        """Return F of some frames of each footage."""
        truth, cluster, people = [], [], 0
        for name, index in frames.items():
            sample = state.samples[name]
            rows = np.isin(sample.faces.frame_index, index)
            faces, labels = sample.faces.take(rows), sample.labels.of_frames(index)
            persons = persons_of(faces, labels)
            missed = missed_persons(persons, labels)
            scored = (persons != NOT_SCORED) & ~rows_among(faces, self.thrown.get(name))
            truth += [persons[scored] + people, missed + people]
            cluster += [state.owner[name][rows][scored], np.full_like(missed, UNKNOWN)]
            people += len(labels.people)
        return b_cubed(np.concatenate(truth), np.concatenate(cluster)).f

    def _expected(self, state: State, undecided: State) -> int:
        """Return the number of people: the labels' in the reviewed clip, else as undecided."""
        others = [name for name in state.samples if name != self.clip]
        return len(state.samples[self.clip].labels.people) + len(
            people_of(undecided, *others, without={})
        )

    def _faults(self, state: State, row: Row) -> Iterator[str]:
        if row.f < row.undecided_f:
            yield "F is below that of a project without decisions"
        if row.kept_f < row.decided_f:
            yield "F is below that right after the decisions"
        if row.people != row.expected:
            yield f"{row.people} people instead of {row.expected}"
        yield from self._wrong_names(state)
        if state.hidden != {self.person[self.hidden]}:
            yield f"{self.hidden} is not hidden, or others are"
        visible = {person for ids in state.owner.values() for person in ids.tolist()}
        if set(state.classes) != visible - {UNKNOWN} - state.hidden:
            yield "the classes of the dataset are not the people"
        yield from self._thrown_back(state)

    def _wrong_names(self, state: State) -> Iterator[str]:
        """Name the labels whose person has another name, or few of their faces."""
        sample, owner = state.samples[self.clip], state.owner[self.clip]
        label = persons_of(sample.faces, sample.labels)
        for number, name in enumerate(sample.labels.people):
            if state.names.get(self.person[name]) != name:
                yield f"{name} lost the name"
            own = owner[(label == number) & (owner != UNKNOWN)]
            if 2 * (own == self.person[name]).sum() <= len(own):
                yield f"most faces of {name} are another's"

    def _thrown_back(self, state: State) -> Iterator[str]:
        """Name the people with thrown-out faces alone, and those who got them back."""
        sample, owner = state.samples[self.clip], state.owner[self.clip]
        thrown = rows_among(sample.faces, self.thrown[self.clip])
        label = persons_of(sample.faces, sample.labels)
        for person in np.unique(owner[thrown & (owner != UNKNOWN)]).tolist():
            if thrown[owner == person].all():
                yield f"{state.names[person]} has only faces that were thrown out"
        for number, name in enumerate(sample.labels.people):
            if (owner[thrown & (label == number)] == self.person[name]).any():
                yield f"a face that was thrown out is {name}'s again"


def _title(options: Mapping[str, Any]) -> str:
    """Return options as `cluster-faces` has them."""
    words = {"eps": "--eps", "min_samples": "--min-samples", "every_s": "--every"}
    added = ["second clip"] if options.get("added") else []
    chosen = [f"{words[name]} {options[name]}" for name in words if name in options]
    return ", ".join([*added, *chosen]) or "defaults"


def review(project: ReviewedProject, people: People, clip: SampledClip) -> tuple[Review, Reviewer]:
    """Cluster a clip with poor options, and make all decisions."""
    sample = clip.by_interval[DEFAULT_S]
    reviewer = Reviewer(people, clip.name, sample)
    for options in POOR:
        project.run(people, options)
        reviewer.correct(DECISIONS - reviewer.others)
    reviewer.name()
    reviewer.throw_out()
    reviewer.fill(DECISIONS)
    faces = sample.faces.take(reviewer.thrown)
    names = sample.labels.people
    person = {name: id for id, name in people.names().items() if name in names}
    decided = project.state(people, {clip.name: sample})
    thrown = {clip.name: FaceKeys(faces.time_s, faces.xyxy)}
    return Review(clip.name, decided, thrown, {n: person[n] for n in names}, names[-1]), reviewer


def rows_of(clips: Sequence[SampledClip]) -> tuple[dict[str, int], list[Row]]:
    """Review the first clip, and run everything; return the decisions by kind, and the rows."""
    with tempfile.TemporaryDirectory() as folder:
        project = ReviewedProject(Path(folder) / "reviewed.fancam", clips)
        with project.project.lock(), open_people(project.project.people_file) as people:
            made, reviewer = review(project, people, clips[0])
            runs = [(options, project.run(people, options)) for options in RUNS]
        rows = [made.row(options, state, project.undecided(options)) for options, state in runs]
    return reviewer.kinds(), rows


HEADER: Final = f"{'options':24} {'F':>6} undecided | F before {'decided':>7} | people"


def line(row: Row) -> str:
    """Format a row of the table."""
    return (
        f"{row.options:24} {row.f:6.4f}    {row.undecided_f:6.4f} |   {row.kept_f:6.4f}  "
        f"{row.decided_f:6.4f} | {row.people:2d}/{row.expected:<2d} {'; '.join(row.faults)}"
    ).rstrip()


def report(name: str, settings: BackendSettings) -> bool:
    """Print the tables of one backend; return whether all decisions hold."""
    extractor = load_extractor(settings)
    clips = [SampledClip.extract(clip, extractor) for clip in CLIPS]
    holds = True
    for ordered in (clips, clips[::-1]):
        kinds, rows = rows_of(ordered)
        made = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        print(f"\n{name}: {sum(kinds.values())} decisions about {ordered[0].name} ({made})")
        print("\n".join([HEADER, *map(line, rows)]), flush=True)
        holds = holds and not any(row.faults for row in rows)
    return holds


def main() -> int:
    """Print the tables; return 1 if a decision does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.reviewed", description=__doc__)
    parser.parse_args()
    if not SHARED.is_dir() or not all(is_installed(name) for name in NAMES):
        print("the footage of ../shared or the face models are missing; run fancam models fetch")
        return 2
    start = time.monotonic()
    held = [report(name, settings) for name, settings in BACKENDS.items()]
    print(f"\n{'every decision holds' if all(held) else 'NOT every decision holds'}", end="")
    print(f"; {time.monotonic() - start:.0f} s")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())

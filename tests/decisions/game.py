"""A project of synthetic faces in which random decisions and clusterings are made and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clustering.grouping.footage import GroupingSettings
from clustering.grouping.people import identify_people
from clustering.output.dataset import plan_dataset
from clustering.output.write import identified_footages
from data.core.arrays import UNKNOWN
from data.project.filenames import person_file_names
from data.project.project import Project
from data.project.stages import FacesRecord
from data.tables.decisions import DecisionKind, FaceKeys
from data.tables.faces import Faces, Frames
from data.tables.people import People
from data.tables.projection import update_projection
from tests.clustering.crowd import crowd
from tests.clustering.labelled_footage import table
from tests.decisions.decider import Decider, Step, random_steps
from tests.decisions.model import Face
from tests.records import faces_record

PEOPLE = 4
FRAMES = 24
FRAME_WH = (1000, 200)
RERUNS: tuple[dict[str, Any], ...] = (
    {},
    {"min_samples": 20},
    {"min_samples": 5},
    {"eps": 0.42},
    {"eps": 0.6},
    {"every": 3},
)
ACTS = (
    *DecisionKind,
    DecisionKind.EJECT,
    DecisionKind.RENAME,
    "undo",
    "undo",
    "redo",
    "run",
    "add",
)


def game_steps(seed: int, count: int) -> list[Step]:
    """Return the steps of a game."""
    return random_steps(seed, count, ACTS)


class _Records:
    def require_record(self, stage: object, name: str) -> FacesRecord:
        del stage, name
        return faces_record()


class Game(Decider):
    """Decisions and clusterings on an open people file, with the rules they must follow."""

    def __init__(self, people: People, seed: int) -> None:
        super().__init__(people)
        self.seed = seed
        self.whole = {"a": draw_footage(seed)}
        self.options: dict[str, Any] = {}
        self.run()

    def play(self, step: Step) -> None:
        """Do a step and check everything.

        Raises:
            AssertionError: a rule is broken.
        """
        if step.act == "undo":
            self.undo()
        elif step.act == "redo":
            self.redo()
        elif step.act == "run":
            self.options = RERUNS[int(step.numbers[0] * len(RERUNS))]
            self.run()
        elif step.act == "add":
            if "b" not in self.whole:
                self.whole["b"] = draw_footage(self.seed + 1000)
            self.run()
        else:
            self.decide(DecisionKind(step.act), step.numbers)
        self.check()

    def run(self) -> None:
        """Cluster all footages; a second run must change nothing."""
        self._cluster()
        first = self._state()
        self._cluster()
        assert self._state() == first, "a second run changed people"
        self._check_founders(self.owners())

    def check(self) -> None:
        """Compare the people with the rules."""
        owners = self.owners()
        self.rules.check(self.people.names(), self.people.hidden(), owners)
        assert self._covers() == self.rules.shown_covers(owners), "other cover pictures are shown"
        self._check_outputs()
        state = self._state()
        with self.people.transaction():
            update_projection(self.people)
        assert self._state() == state, "an incremental update differs from a full replay"

    def finish(self) -> None:
        """Undo and redo everything: all faces return to their people."""
        states = [self._state()]
        while len(self.history) > 1:
            self.play(Step("undo", ()))
            states.append(self._state())
        assert not self.people.hidden()
        found = [self.people.clustered_assignments(name).person_id.tolist() for name in self.whole]
        assert found == [self.people.assignments(name).person_id.tolist() for name in self.whole]
        for state in reversed(states[:-1]):
            self.play(Step("redo", ()))
            assert self._state() == state, "redo gives another state"

    def owners(self) -> dict[Face, int]:
        """Return the person of each face of the current sampling."""
        every = self.options.get("every", 1)
        return {
            (name, int(row)): int(person)
            for name, faces in self.whole.items()
            for row, person in zip(
                _sampled(faces, every), self.people.assignments(name).person_id, strict=True
            )
        }

    def _tables(self) -> dict[str, tuple[Frames, Faces]]:
        return sampled_tables(self.whole, self.options.get("every", 1))

    def _cluster(self) -> None:
        chosen = {name: value for name, value in self.options.items() if name != "every"}
        project = cast(Project, _Records())
        identify_people(project, self.people, self._tables(), GroupingSettings(**chosen))

    def _covers(self) -> dict[int, Face]:
        """Return the face of each cover picture, by person."""
        rows = {n: _sampled(faces, self.options.get("every", 1)) for n, faces in self.whole.items()}
        found = {name: self.people.clustered_assignments(name) for name in self.whole}
        joined = {name: self.people.joined_people(name) for name in self.whole}
        keys = {name: table.face_keys for name, table in found.items()}
        people = {name: table.person_id for name, table in found.items()}
        covers = self.people.reviewed(keys, people, joined).covers
        return {person: (name, int(rows[name][row])) for person, (name, row) in covers.items()}

    def _state(self) -> tuple[object, ...]:
        return self.people.names(), self.people.hidden(), self.owners()

    def _check_founders(self, owners: dict[Face, int]) -> None:
        """No person that a run finds consists only of ejected faces."""
        rules = self.rules
        removed = {face for face in owners if rules.never.get(face) and face not in rules.pinned}
        for person in set(owners.values()) - {UNKNOWN}:
            faces = {face for face, owner in owners.items() if owner == person}
            assert faces - removed, f"person {person} has ejected faces alone"

    def _check_outputs(self) -> None:
        identified = identified_footages(self.people, self._tables())
        plan = plan_dataset(identified.visible(), identified.names)
        assert list(plan.person_id) == sorted(plan.person_id)
        assert plan.names == tuple(identified.names[person] for person in plan.person_id)
        assert not set(plan.person_id) & self.people.hidden(), "a hidden person is a class"
        files = person_file_names(identified.names)
        assert len({file.casefold() for file in files.values()}) == len(identified.names)

    def keys_of(self, faces: list[Face]) -> dict[str, FaceKeys]:
        keys = {}
        for name in sorted({name for name, _ in faces}):
            rows = np.array([row for footage, row in faces if footage == name])
            whole = self.whole[name]
            keys[name] = FaceKeys(whole.time_s[rows], whole.xyxy[rows])
        return keys


def sampled_tables(whole: Mapping[str, Faces], every: int) -> dict[str, tuple[Frames, Faces]]:
    """Return frames and faces of every ``every``-th frame, by footage."""
    index = np.arange(0, FRAMES, every)
    frames = table(Frames, len(index), frame_index=index, time_s=index, frame_wh=FRAME_WH)
    return {name: (frames, faces.take(_sampled(faces, every))) for name, faces in whole.items()}


def _sampled(faces: Faces, every: int) -> NDArray[np.int64]:
    return np.flatnonzero(faces.frame_index % every == 0)


def draw_footage(seed: int) -> Faces:
    """Return faces of four people: two in each frame, one of them in tracklets of six frames."""
    random = np.random.default_rng(seed)
    frames = [random.choice(PEOPLE, 2, replace=False).tolist() for _ in range(FRAMES // 6)]
    faces = crowd([row for row in frames for _ in range(6)], seed=seed)
    block = faces.frame_index // 6
    place = (faces.xyxy[:, 0] > 0).astype(np.int64)
    return faces.replace(tracklet=np.where(place == 0, block, UNKNOWN).astype(np.int32))


def play(path: Path, seed: int, steps: list[Step]) -> str | None:
    """Play a game; return what broke and after which step, or None.

    Args:
        path: a new file.
        seed: seed of the faces.
        steps: the steps.
    """
    from data.tables.people import open_people

    with open_people(path) as people:
        people.connection.execute("PRAGMA synchronous = OFF")
        number = 0
        try:
            game = Game(people, seed)
            for step in steps:
                number += 1
                game.play(step)
            game.finish()
        except AssertionError as error:
            return (
                f"step {number}: {str(error).splitlines()[0] if str(error) else 'a check failed'}"
            )
    return None

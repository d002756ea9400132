"""Play random decisions and commands of all stages: ``python -m tests.decisions.walk --seeds 300``.

A walk is a small project with cheap networks. After every step, names, numbers and files must
agree everywhere, and in a copy of the project, what `fancam status` names next must lead to a
project in which no stage has anything to do.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageSequence

import fancam.cli
from clustering.output.dataset import plan_dataset
from clustering.output.write import identified_footages, read_tables
from data.core.arrays import UNKNOWN, Image
from data.core.digest import digest
from data.core.run_log import log_files
from data.project.filenames import (
    MONTAGE_FOLDER,
    UNKNOWN_FOLDER,
    VIDEO_KINDS,
    CropKind,
    person_file_names,
)
from data.project.manifest import OutputFolder
from data.project.project import PROJECT_FILE, Project
from data.project.stages import CROPS, GIFS
from data.project.status import StageStatus
from data.tables.crop_files import CropFiles, crop_files
from data.tables.dataset import DATA_FILE, read_data_file
from data.tables.decisions import DecisionKind, FaceKeys, default_name
from data.tables.faces import Faces
from data.tables.people import People, open_people
from data.tables.projection import update_projection
from data.tables.timeline_json import TIMELINE_FILE, read_timeline_json
from data.tables.tracked_people import read_current_tracks
from data.tables.tracks import tracked_names
from tests.clustering.command import changed, snapshot
from tests.decisions.decider import Decider, Step, random_steps
from tests.decisions.model import Face
from tests.decisions.play import main
from tests.decisions.stages import (
    COMMANDS,
    arrive,
    corner_of,
    draw_footage,
    install,
    last_line,
    shown_corner,
)
from web.core.library import Library
from web.core.status import statuses_of
from web.watch.crops import current_crops
from web.watch.routes import footage_cards, watch_data

FILM_FRAMES, ENCORE_FRAMES = 30, 24
FOLLOWED = 0.2
"""Share of the steps after which the status is followed in a copy of the project."""
CLUSTERINGS = (
    ["--every", "0.1"],
    ["--every", "0.2"],
    ["--every", "0.1", "--min-samples", "10"],
    ["--every", "0.1", "--eps", "0.6"],
)
GIF_OPTIONS: tuple[list[str], ...] = ([], ["--format", "webp"], ["--frames", "4"])
KINDS = ("crops", "tracks", "tracker", "dataset", "cache")
LOSABLE = (
    *("crops/*/*.mp4", "crops/*/*.gif", "crops/*/timeline.json", "crops/*/smiles.parquet"),
    *("tracks/*.csv", "tracks/*.npz", "tracker/best.pt"),
)
ACTS = (
    *(kind for kind in DecisionKind for _ in range(3)),
    *("undo", "undo", "redo", "swap", "swap", "reuse"),
    *("cluster", "cluster", "cluster-faces", "train-tracker", "track-people", "crop-people"),
    *("smile-gifs", "crop-one", "crop-best", "arrive", "arrive", "arrive", "arrive"),
    *("move", "add", "remove", "clean", "lose", "lose", "crop-otherwise", "gifs-otherwise"),
    *("stop", "stop", "stop", "stop"),
)


def walk_steps(seed: int, count: int) -> list[Step]:
    """Return the steps of a walk; with an odd seed, all stages are up to date at first."""
    steps = random_steps(seed, count, ACTS)
    return [Step("arrive", (0.0,) * 5 + (1.0,)), *steps[1:]] if seed % 2 else steps


class Walk(Decider):
    """Decisions and commands on a project in the working directory."""

    def __init__(self, project: Project, people: People) -> None:
        super().__init__(people)
        self.folder = project.folder
        self.options: dict[str, Sequence[str]] = {
            "cluster-faces": CLUSTERINGS[0],
            "crop-people": ["--zoom", "face", "--absent", "black"],  # no other corner is shown
        }
        self.owners_of: dict[str, set[int]] = {}  # people by digest of a file that shows them
        self.moves = 0
        self._note_files(self.project)

    @property
    def project(self) -> Project:
        """The project as it is on the disk."""
        return Project(self.folder)

    # --- faces ----------------------------------------------------------------------------------

    def owners(self) -> dict[Face, int]:
        project = self.project
        return {
            (name, number): int(person)
            for name in project.footages
            if project.faces_file(name).exists()
            for number, person in zip(
                _numbers(project, name), self.people.assignments(name).person_id, strict=True
            )
        }

    def keys_of(self, faces: list[Face]) -> dict[str, FaceKeys]:
        keys, project = {}, self.project
        for name in sorted({name for name, _ in faces}):
            table, numbers = Faces.read(project.faces_file(name)), _numbers(project, name)
            rows = [numbers.index(number) for footage, number in faces if footage == name]
            keys[name] = FaceKeys(table.time_s[rows], table.xyxy[rows])
        return keys

    # --- steps ----------------------------------------------------------------------------------

    def play(self, step: Step) -> None:
        """Do a step and check everything.

        Raises:
            AssertionError: a rule is broken.
        """
        act = getattr(self, f"_{step.act.replace('-', '_')}", None)
        if act is not None:
            act(step.numbers)
        elif step.act in COMMANDS:
            self._run(step.act, [])
        elif step.act in ("undo", "redo"):
            getattr(self, step.act)()
        elif not self._would_leave_one(step.act):
            self.decide(DecisionKind(step.act), step.numbers)
        self.check()
        if step.numbers[5] < FOLLOWED:
            self.follow()

    def _would_leave_one(self, act: str) -> bool:
        """Whether a decision could leave less than two people to train on."""
        shown = self.people.names().keys() - self.people.hidden()
        return act in (DecisionKind.MERGE, DecisionKind.HIDE) and len(shown) < 4

    def undo(self) -> None:
        if len(self.history) > 1:  # those before a removed footage stay
            super().undo()

    def _swap(self, numbers: tuple[float, ...]) -> None:
        names = self.people.names()
        there = sorted(names)
        first, other = (there[int(number * len(there))] for number in numbers[:2])
        if first != other:
            self.renames += 1
            self.rename(first, f"Name {self.renames}")  # an undo may leave it
            self.rename(other, names[first])
            self.rename(first, names[other])

    def _reuse(self, numbers: tuple[float, ...]) -> None:
        """Give somebody the name that a person who is gone or merged had."""
        names = self.people.names()
        former = map(default_name, range(1, self.people.next_person_id()))
        free = [name for name in former if name not in names.values()]
        if free:
            person = sorted(names)[int(numbers[0] * len(names))]
            self.rename(person, free[int(numbers[1] * len(free))])

    def _cluster(self, numbers: tuple[float, ...]) -> None:
        self.options["cluster-faces"] = CLUSTERINGS[int(numbers[0] * len(CLUSTERINGS))]
        project = self.project
        paths = [os.path.relpath(entry.path) for entry in project.footages.values()]
        self._run("cluster-faces", [], where=["--project", "p.fancam", *paths])

    def _crop_one(self, numbers: tuple[float, ...]) -> None:
        names = list(self.people.names().values())
        self._run("crop-people", ["--person", names[int(numbers[0] * len(names))]])

    def _crop_best(self, numbers: tuple[float, ...]) -> None:
        del numbers
        self._run("crop-people", ["--only-present"])

    def _crop_otherwise(self, numbers: tuple[float, ...]) -> None:
        del numbers
        options = list(self.options["crop-people"])
        blur = ["--others", "blur"]
        self._run_with("crop-people", options[:-2] if options[-2:] == blur else [*options, *blur])

    def _gifs_otherwise(self, numbers: tuple[float, ...]) -> None:
        self._run_with("smile-gifs", GIF_OPTIONS[int(numbers[0] * len(GIF_OPTIONS))])

    def _run_with(self, name: str, options: Sequence[str]) -> None:
        """Run a command with other options, which are those of later runs unless it is refused."""
        before = self.options.get(name, ())
        self.options[name] = options
        if self._run(name, []) == 2:
            self.options[name] = before

    def _stop(self, numbers: tuple[float, ...]) -> None:
        """Stop a command before it replaces or removes a file."""
        name = list(COMMANDS)[int(numbers[0] * len(COMMANDS))]
        place = ["--project", "p.fancam"] if name == "cluster-faces" else ["p.fancam"]
        with _stopped_after(int(numbers[1] ** 2 * 40)):
            code = COMMANDS[name]([*place, *self.options.get(name, ())])
        assert code in (0, 1, 2, 130), f"a stopped {name} returned {code}"

    def _arrive(self, numbers: tuple[float, ...]) -> None:
        del numbers
        before = self._decided()
        self._follow(self.project)
        assert self._decided() == before, "following the status changed decisions"

    def _move(self, numbers: tuple[float, ...]) -> None:
        self.moves += 1
        entries = list(self.project.footages.values())
        entry = entries[int(numbers[0] * len(entries))]
        place = Path(f"moved-{self.moves}.mp4")
        entry.path.rename(place)
        name = list(COMMANDS)[int(numbers[1] * len(COMMANDS))]
        if name not in ("cluster-faces", "train-tracker"):
            self._run(name, [], where=["p.fancam", str(place)])
        self._run("cluster-faces", [], where=["--project", "p.fancam", str(place)])
        assert self.project.footages[entry.name].path == place.absolute(), "a move is not followed"

    def _add(self, numbers: tuple[float, ...]) -> None:
        del numbers
        if "encore" not in self.project.footages:
            draw_footage(Path("encore.mp4"), ENCORE_FRAMES, first=100)
            self._run("cluster-faces", [], where=["--project", "p.fancam", "encore.mp4"])

    def _remove(self, numbers: tuple[float, ...]) -> None:
        names = list(self.project.footages)
        if len(names) < 2:
            return
        name = names[int(numbers[0] * len(names))]
        rules = self.rules
        for faces in (rules.pinned, rules.never):
            for face in [face for face in faces if face[0] == name]:
                del faces[face]
        self.history, self.undone = [rules], []
        assert fancam.cli.main(["remove", "p.fancam", name, "--yes"]) == 0

    def _clean(self, numbers: tuple[float, ...]) -> None:
        kind = KINDS[int(numbers[0] * len(KINDS))]
        assert fancam.cli.main(["clean", "p.fancam", "--yes", "--only", kind]) == 0

    def _lose(self, numbers: tuple[float, ...]) -> None:
        files = sorted(file for pattern in LOSABLE for file in self.folder.glob(pattern))
        if files:
            files[int(numbers[0] * len(files))].unlink()

    def _run(self, name: str, options: Sequence[str], *, where: Sequence[str] = ()) -> int:
        """Run a command, and return its exit code; one that is refused must change nothing."""
        before, best = snapshot(self.folder), _people_with_best(self.project)
        place = ["--project", "p.fancam"] if name == "cluster-faces" else ["p.fancam"]
        code = COMMANDS[name]([*(where or place), *self.options.get(name, ()), *options])
        if code == 2:
            moved = ["project.json"] if where else []
            assert set(changed(before, snapshot(self.folder))) <= {*moved}, "refused and changed"
        if name == "crop-people" and code == 0:
            after = _people_with_best(self.project)
            kept = {(footage, p) for footage, p in best if p in _corners(self.project, footage)}
            assert kept <= after, "a best-of was dropped"
        return code

    # --- following the status -------------------------------------------------------------------

    def follow(self) -> None:
        """Follow the status in a copy of the project, and run every command that it names."""
        copy = self.folder.with_name("q.fancam")
        names = {status.command: status for status in self._statuses(self.project)}
        for command in [command for command in names if command]:
            shutil.copytree(self.folder, copy)
            words = [word.replace(str(self.folder), str(copy)) for word in command]
            options = self.options.get(words[0], ())
            assert COMMANDS[words[0]]([*options, *words[1:]]) == 0, f"refused: {command}"
            shutil.rmtree(copy)
        shutil.copytree(self.folder, copy)
        try:
            with open_people(copy / "people.sqlite") as people:
                before = _decided(people)
                self._follow(Project(copy))
                assert _decided(people) == before, "following the status changed decisions"
                self._check_files(Project(copy), people)
        finally:
            shutil.rmtree(copy)

    def _follow(self, project: Project) -> None:
        """Follow the status to its end; then no stage has anything to do."""
        arrive(project, self.options)
        line = last_line(project)
        if not line.startswith("everything is up to date"):
            assert COMMANDS["train-tracker"]([str(project.folder)]) == 2, f"no next command: {line}"
            return
        self._note_files(Project(project.folder))
        before = _files(project)
        states = {status.output: status.state for status in self._statuses(project)}
        untrained = {"train-tracker"} if states["tracker"] == "optional" else set()
        for name in (name for name in COMMANDS if name not in untrained):
            for words in _places(Project(project.folder), name):
                assert COMMANDS[name]([*words, *self.options.get(name, ())]) == 0, f"refused {name}"
            differ = changed(before, _files(project))
            assert differ == [], f"{name} of an up-to-date project wrote {differ[:3]}"

    # --- what must hold -------------------------------------------------------------------------

    def check(self) -> None:
        """Compare the decisions with the rules, and the files with the decisions."""
        owners = self.owners()
        self.rules.check(self.people.names(), self.people.hidden(), owners)
        with self.people.transaction():
            update_projection(self.people)
        assert self.owners() == owners, "an incremental update differs from a full replay"
        self._check_files(self.project, self.people)

    def _check_files(self, project: Project, people: People) -> None:
        self._note_files(project)
        for log in log_files(project.logs_folder):
            assert "Traceback" not in log.read_text("utf-8"), "a command failed"
        done = {
            (status.output, status.footage)
            for status in self._statuses(project)
            if status.state == "done"
        }
        if ("people", "") in done:
            _check_people_folder(project, people)
        for name in project.footages:
            if ("tracks", name) in done:
                assert set(tracked_names(project, name)) <= set(people.names()), "tracks of others"
            if ("videos", name) in done:
                _check_videos(project, people, name)
            if ("smile GIFs", name) in done:
                _check_gifs(project, people, name)
        self._check_watch(project, people)

    def _statuses(self, project: Project) -> list[StageStatus]:
        return statuses_of(Project(project.folder))

    def _check_watch(self, project: Project, people: People) -> None:
        """Compare what Watch shows with the people, and its files with those they show."""
        library = Library([project.folder])
        served = next(iter(library))
        names, hidden, merged = people.names(), people.hidden(), people.merged_into()
        cards = list(footage_cards(library))
        for number, entry in enumerate(served.footages(), start=1):
            crops = current_crops(served.read(), entry.name)
            if crops is None:
                continue
            shown = watch_data(served, number, crops)["people"]
            assert cards[number - 1].people == len(shown), "the card counts other people"
            assert len({person["name"] for person in shown}) == len(shown), "a name is shown twice"
            for person in shown:
                number_of, kinds = person["id"], person["files"]
                assert number_of not in hidden, "Watch shows a hidden person"
                assert number_of not in merged or number_of in names, "Watch shows a merged person"
                assert names.get(number_of, person["name"]) == person["name"], "an earlier name"
                crop = crops.person(number_of)
                assert crop is not None
                for kind in (kind for kind in CropKind if kind.value in kinds):
                    file = crop.file(kind)
                    assert file is not None
                    owners = self.owners_of.get(digest(file.read_bytes()), set())
                    assert number_of in {merged.get(owner, owner) for owner in owners} | owners, (
                        f"Watch shows {file.name} of {owners} as {number_of}"
                    )

    def _note_files(self, project: Project) -> None:
        """Note whom each new file shows, and look into it."""
        for name in project.footages:
            folder, files = project.crops_folder(name), _crop_files(project, name)
            for file, person in files.owners.items():
                if not (folder / file).exists():
                    continue
                owners = self.owners_of.setdefault(digest((folder / file).read_bytes()), set())
                if person not in owners:
                    corners = _corners(project, name).get(person, set())
                    shown = _shown_corner(folder / file)
                    assert shown in corners, f"{file} of {person}: {shown}, not {corners}"
                    owners.add(person)

    def _decided(self) -> tuple[object, ...]:
        return _decided(self.people)


@contextmanager
def _stopped_after(changes: int) -> Iterator[None]:
    """Interrupt whatever replaces or removes a file after so many times, once."""
    left = changes

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def changing(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
            return change(*arguments, **options)

        return changing

    with (
        patch.object(Path, "replace", counted(Path.replace)),
        patch.object(Path, "unlink", counted(Path.unlink)),
    ):
        yield


def _decided(people: People) -> tuple[object, ...]:
    return people.names(), people.hidden(), people.decisions_key()


def _files(project: Project) -> dict[str, Any]:
    """Return what a run that has nothing to do leaves as it is.

    Not the remembered options, which are those of the last run, and not the checkpoints of a
    stopped run whose work is no longer needed, which the next run removes.
    """
    found: dict[str, Any] = {
        path: content for path, content in snapshot(project.folder).items() if ".parts/" not in path
    }
    content = json.loads(found[PROJECT_FILE][1])
    content.pop("options", None)
    return found | {PROJECT_FILE: content}


def _numbers(project: Project, footage: str) -> list[int]:
    """Return a number of each face of a footage, from its frame and corner."""
    faces = Faces.read(project.faces_file(footage))
    corners = [corner_of(box) for box in faces.xyxy]
    return [int(f) * 4 + c for f, c in zip(faces.frame_index, corners, strict=True)]


def _crop_files(project: Project, footage: str) -> CropFiles:
    folder = project.crops_folder(footage)
    return crop_files(folder, OutputFolder(folder).keys(), project.record(GIFS, footage))


def _people_with_best(project: Project) -> set[tuple[str, int]]:
    """Return footage and number of the people with a best-of."""
    return {
        (name, files.owners[file])
        for name in project.footages
        for files in [_crop_files(project, name)]
        for file, kind in files.kinds.items()
        if kind is CropKind.BEST
    }


def _corners(project: Project, footage: str) -> dict[int, set[int]]:
    """Return the corners in which the tracks of a footage have each person."""
    tracks, _ = read_current_tracks(project, footage)
    found: dict[int, set[int]] = {}
    for person, box in zip(tracks.person_id.tolist(), tracks.xyxy, strict=True):
        if person != UNKNOWN:
            found.setdefault(person, set()).add(corner_of(box))
    return found


def _shown_corner(file: Path) -> int:
    """Return the corner that most pictures of a video or GIF show."""
    counts = np.bincount([shown_corner(image) + 1 for image in _images(file)], minlength=2)
    return int(counts[1:].argmax())


def _images(file: Path) -> Iterator[Image]:
    if file.suffix in (".gif", ".webp"):
        with PillowImage.open(file) as animation:
            for image in ImageSequence.Iterator(animation):
                yield np.asarray(image.convert("RGB"))
    else:
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _places(project: Project, name: str) -> list[list[str]]:
    """Return the arguments with which a command does the same as before."""
    folder = str(project.folder)
    if name == "cluster-faces":
        return [["--project", folder]]
    if name != "crop-people":
        return [[folder]]
    places = []
    with open_people(project.people_file) as open_file:
        people = open_file.names()
    for footage, entry in project.footages.items():
        record, files = project.record(CROPS, footage), _crop_files(project, footage)
        own = sorted({p for f, p in files.owners.items() if files.kinds[f] is CropKind.VIDEO})
        everybody = record is None or record.everybody
        chosen = [] if everybody else [w for p in own for w in ("--person", people[p])]
        if _corners(project, footage):
            places.append([folder, str(entry.path), *chosen])
    return places


# --- the files -----------------------------------------------------------------------------------


def _check_people_folder(project: Project, people: People) -> None:
    """Compare the people folder and the dataset with the people."""
    tables = {name: read_tables(project, name) for name in project.footages}
    identified = identified_footages(people, tables)
    files = {UNKNOWN: UNKNOWN_FOLDER, **person_file_names(identified.names)}
    expected: dict[str, int] = {}
    for footage in identified.footages:
        for person in footage.person_id.tolist():
            expected[files[person]] = expected.get(files[person], 0) + 1
    found = {
        place.name: len(list(place.iterdir()))
        for place in project.people_folder.iterdir()
        if place.is_dir() and place.name != MONTAGE_FOLDER
    }
    assert found == expected, f"portraits {found}, not {expected}"
    plan = plan_dataset(identified.visible(), identified.names)
    if plan.images:
        names = read_data_file(project.dataset_folder / DATA_FILE).names
        assert tuple(names) == plan.names, f"classes {names}, not {plan.names}"


def _check_videos(project: Project, people: People, footage: str) -> None:
    """Compare the videos of an up-to-date footage with the people."""
    folder, names, merged = project.crops_folder(footage), people.names(), people.merged_into()
    if not (folder / TIMELINE_FILE).exists():
        return
    files = _crop_files(project, footage)
    for person in read_timeline_json(folder / TIMELINE_FILE).people:
        assert person.person_id not in merged or person.person_id in names, "a merged person"
        assert names.get(person.person_id, person.name) == person.name, "an earlier name"
        assert files.owners.get(person.video) == person.person_id, "the timeline names other files"
    listed = {file for file, kind in files.kinds.items() if kind in VIDEO_KINDS}
    found = {file.name for suffix in ("mp4", "m4v") for file in folder.glob(f"*.{suffix}")}
    assert listed == found, "files of nobody"


def _check_gifs(project: Project, people: People, footage: str) -> None:
    """Compare the GIFs of an up-to-date footage with the people."""
    bases, files = person_file_names(people.names()), _crop_files(project, footage)
    folder = project.crops_folder(footage)
    found = {file.name for suffix in ("gif", "webp") for file in folder.glob(f"*.{suffix}")}
    expected = {
        kind.file_name(bases[files.owners[file]])
        for file, kind in files.kinds.items()
        if kind in (CropKind.GIF, CropKind.WEBP) and files.owners[file] in bases
    }
    assert found == expected, f"GIFs {found}, not {expected}"


# --- walks ---------------------------------------------------------------------------------------


def start(folder: Path) -> None:
    """Make film.mp4 and p.fancam, clustered, in an empty folder that is the working directory."""
    draw_footage(folder / "film.mp4", FILM_FRAMES)
    assert COMMANDS["cluster-faces"](["film.mp4", "--project", "p.fancam", *CLUSTERINGS[0]]) == 0


def walk(
    folder: Path, steps: Sequence[Step], *, before_last: Callable[[Path], None] = lambda _: None
) -> str | None:
    """Walk through a project in a new folder; return what broke and after which step, or None.

    Args:
        folder: new folder.
        steps: the steps; the networks are replaced already, see `install`.
        before_last: called with the folder before the last step.
    """
    folder.mkdir()
    printed, number = io.StringIO(), 0
    with chdir(folder), redirect_stdout(printed), redirect_stderr(printed):
        try:
            start(folder)
            project = Project(Path("p.fancam"))
            with open_people(project.people_file) as people:
                people.connection.execute("PRAGMA synchronous = OFF")
                walking = Walk(project, people)
                for step in steps:
                    number += 1
                    if number == len(steps):
                        before_last(folder)
                    walking.play(step)
                walking.follow()
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            first = (str(error) or place.line or "a check failed").splitlines()[0]
            last = [line for line in printed.getvalue().splitlines() if line][-2:]
            return f"step {number}: {type(error).__name__}: {first}; {place.name}; printed {last}"
    return None


def walked(seed: int, steps: list[Step]) -> str | None:
    """Walk in a temporary folder, with cheap networks in this process; return what broke."""
    del seed
    _install_once()
    with tempfile.TemporaryDirectory() as folder:
        return walk(Path(folder) / "walk", steps)


def _install_once() -> None:
    if not _installed:
        _installed.append(True)
        install(setattr)


_installed: list[bool] = []

if __name__ == "__main__":
    sys.exit(main("walk", walk_steps, walked))

"""Running only what the status and the reports name next leads to the page, from any state."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fancam.cli
from clustering import cli as clustering_cli
from clustering.output.write import clustered_record, mark_stopped
from cropping import crop_cli
from cropping.render import outputs
from cropping.render.settings import CropSettings
from cropping.smiles import tasks as smile_tasks
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.stage import crop_people
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import TRACKS, Stage
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind, FaceKeys
from data.tables.people import open_people
from data.video.footage import add_footage, probe
from tests.bars import no_bar
from tests.clustering.command import changed, snapshot
from tests.cropping.smiles.stage_stubs import kill_the_second
from tests.decisions import stages
from tests.decisions.stages import COMMANDS, UP_TO_DATE, draw_footage, install, last_line, run_all
from tests.renames import rename

_CLUSTER, _LESS = ["--every", "0.1"], ["--every", "0.2"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with film.mp4 and p.fancam, after all stages."""
    return run_all(
        tmp_path_factory.mktemp("done"), ["film.mp4", "--project", "p.fancam", *_CLUSTER]
    )


@pytest.fixture
def project(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    install(monkeypatch.setattr)
    return Project(Path("p.fancam"))


def decide(project: Project, *decisions: Decision) -> None:
    with open_people(project.people_file) as people:
        for decision in decisions:
            DecisionLog(people).decide(decision)


def swap(project: Project) -> None:
    rename(project, {1: "x", 2: "Person 1"})
    rename(project, {1: "Person 2"})


def merge(project: Project) -> None:
    decide(project, Decision(DecisionKind.MERGE, 2, 1))


def merge_and_reuse(project: Project) -> None:
    merge(project)
    rename(project, {1: "Person 2"})


def undone_merge(project: Project) -> None:
    merge(project)
    arrive(project)
    undo(project)


def undo(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).undo()


def faces(project: Project, person: int, count: int | None) -> dict[str, FaceKeys]:
    with open_people(project.people_file) as people:
        found = people.assignments("film")
    rows = np.flatnonzero(found.person_id == person)[:count]
    return {"film": FaceKeys(found.time_s[rows], found.xyxy[rows])}


def eject(project: Project) -> None:
    decide(project, Decision(DecisionKind.EJECT, 1, faces=faces(project, 1, 3)))


def split(project: Project) -> None:
    decide(project, Decision(DecisionKind.SPLIT, -1, faces=faces(project, 1, 8)))


def move_all(project: Project) -> None:
    decide(project, Decision(DecisionKind.MOVE, 2, faces=faces(project, 3, None)))


def hide(project: Project) -> None:
    decide(project, Decision(DecisionKind.HIDE, 2))


def lose(path: str) -> Callable[[Project], None]:
    def lost(project: Project) -> None:
        place = project.folder / path
        assert place.exists(), path
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    return lost


def clean(kind: str) -> Callable[[Project], None]:
    def cleaned(project: Project) -> None:
        arguments = ["clean", str(project.folder), "--yes", "--only", kind]
        assert fancam.cli.main(arguments) == 0

    return cleaned


def stopped_writing(project: Project) -> None:
    mark_stopped(project, clustered_record(project))


def add(project: Project) -> None:
    draw_footage(Path("encore.mp4"), 24, first=100)
    assert clustering_cli.main(["encore.mp4", "--project", str(project.folder), *_CLUSTER]) == 0


def add_and_remove(project: Project) -> None:
    add(project)
    arrive(project)
    assert fancam.cli.main(["remove", "p.fancam", "encore", "--yes"]) == 0


def move_footage(project: Project) -> None:
    del project
    Path("film.mp4").rename("finale.mp4")
    assert clustering_cli.main(["finale.mp4", "--project", "p.fancam", *_CLUSTER]) == 0


def change_footage(project: Project) -> None:
    del project
    draw_footage(Path("film.mp4"), 27)


def forget(project: Project) -> None:
    assert fancam.cli.main(["forget", str(project.folder), "Person 3", "--yes"]) == 0


def only_best(project: Project) -> None:
    assert crop_cli.main([str(project.folder), "--only-present"]) == 0
    rename(project, {3: "Cleo"})


def after(*commands: str) -> Callable[[Project], None]:
    """Return the state of a new project after a few commands."""

    def made(project: Project) -> None:
        shutil.rmtree(project.folder)
        assert clustering_cli.main(["film.mp4", "--project", "p.fancam", *_CLUSTER]) == 0
        for name in commands:
            assert COMMANDS[name](["p.fancam"]) == 0

    return made


def not_analysed(project: Project) -> None:
    shutil.rmtree(project.folder)
    fresh = Project(project.folder)
    with fresh.lock():
        add_footage(fresh, probe(Path("film.mp4")))


def clustered_and_named(project: Project) -> None:
    after()(project)
    rename(project, {1: "Anna", 2: "Ben"})


def tracked_and_merged(project: Project) -> None:
    after("train-tracker", "track-people")(project)
    merge(project)


def one_person_cropped(project: Project) -> None:
    after("train-tracker", "track-people")(project)
    assert crop_cli.main(["p.fancam", "--person", "Person 2"]) == 0


def one_person_cropped_again(project: Project) -> None:
    merge(project)
    assert crop_cli.main(["p.fancam", "--person", "Person 3"]) == 0


def half_cropped(project: Project) -> None:
    after("train-tracker", "track-people")(project)
    with pytest.MonkeyPatch.context() as patch:
        kill_the_second(
            patch,
            lambda: crop_people(project, [], CropSettings(), context=RunContext(no_bar)),
            outputs,
            "mux",
        )


def tracking_stopped(project: Project) -> None:
    """Stop track-people when all but its record is written."""
    swap(project)
    after_tracks = Project.finish

    def finish(self: Project, stage: Stage[Any], record: Any, footage: str | None = None) -> None:
        if stage is TRACKS:
            raise KeyboardInterrupt
        after_tracks(self, stage, record, footage)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Project, "finish", finish)
        assert COMMANDS["track-people"](["p.fancam"]) == 130


def linking_stopped(project: Project) -> None:
    tracking_stopped(project)
    assert not Project(project.folder).has_record(TRACKS, "film")  # else names would be wrong


def detection_stopped(project: Project) -> None:
    eject(project)
    for name, words in (("cluster-faces", ["--project", *_CLUSTER]), ("train-tracker", [])):
        assert COMMANDS[name]([*words[:1], "p.fancam", *words[1:]]) == 0
    rename(project, {1: "Anna"})
    tracking_stopped(project)


def two_formats_and_renamed(project: Project) -> None:
    assert COMMANDS["smile-gifs"](["p.fancam", "--format", "webp"]) == 0
    rename(project, {1: "Anna"})


def two_formats_and_merged(project: Project) -> None:
    assert COMMANDS["smile-gifs"](["p.fancam", "--format", "webp"]) == 0
    merge(project)


def tracks_damaged(project: Project) -> None:
    project.tracks_file("film").write_text("damaged")


def half_of_the_gifs(project: Project) -> None:
    after("train-tracker", "track-people", "crop-people")(project)
    context = RunContext(no_bar)
    with pytest.MonkeyPatch.context() as patch:
        kill_the_second(
            patch,
            lambda: smile_gifs(project, [], SmileSettings(), context=context),
            smile_tasks,
            "write_bytes",
        )


def hidden_and_cropped(project: Project) -> None:
    hide(project)
    arrive(project)
    decide(project, Decision(DecisionKind.SHOW, 2))


def merged_cropped_and_undone(project: Project) -> None:
    merge(project)
    assert crop_cli.main(["p.fancam"]) == 0
    undo(project)


def sampled_less(project: Project) -> None:
    del project
    assert clustering_cli.main(["--project", "p.fancam", "film.mp4", *_LESS]) == 0


def added_and_moved(project: Project) -> None:
    add(project)
    Path("encore.mp4").rename("finale.mp4")
    assert clustering_cli.main(["finale.mp4", "--project", "p.fancam", *_CLUSTER]) == 0


def moved_and_cropped(project: Project) -> None:
    rename(project, {1: "Anna"})
    Path("film.mp4").rename("finale.mp4")
    assert crop_cli.main(["p.fancam", "finale.mp4"]) == 0


STATES: dict[str, Callable[[Project], None]] = {
    "fresh": not_analysed,
    "clustered": after(),
    "clustered and named": clustered_and_named,
    "trained": after("train-tracker"),
    "tracked": after("train-tracker", "track-people"),
    "tracked and merged": tracked_and_merged,
    "one person cropped": one_person_cropped,
    "merged, and one person cropped": one_person_cropped_again,
    "half cropped": half_cropped,
    "done": lambda _: None,
    "renamed": lambda project: rename(project, {1: "Anna"}),
    "names swapped": swap,
    "merged": merge,
    "merged, and the name reused": merge_and_reuse,
    "a merge undone": undone_merge,
    "merged, cropped and undone": merged_cropped_and_undone,
    "shown again": hidden_and_cropped,
    "sampled less often": sampled_less,
    "moved and cropped": moved_and_cropped,
    "footage added and moved": added_and_moved,
    "ejected": eject,
    "split": split,
    "all faces moved": move_all,
    "hidden": hide,
    "forgotten": forget,
    "best-of and renamed": only_best,
    "video lost": lose("crops/film/Person 1.mp4"),
    "timeline lost": lose("crops/film/timeline.json"),
    "tracks lost": lose("tracks/film.csv"),
    "detections lost": lose("tracks/film.npz"),
    "tracker lost": lose("tracker/best.pt"),
    "faces lost": lose("faces/film.parquet"),
    "dataset lost": lose("dataset"),
    "people folder lost": lose("people"),
    "crops cleaned": clean("crops"),
    "tracks cleaned": clean("tracks"),
    "tracker cleaned": clean("tracker"),
    "linking stopped": linking_stopped,
    "tracking stopped": detection_stopped,
    "two formats, and renamed": two_formats_and_renamed,
    "two formats, and merged": two_formats_and_merged,
    "tracks damaged": tracks_damaged,
    "half of the GIFs": half_of_the_gifs,
    "writing stopped": stopped_writing,
    "footage added": add,
    "footage removed": add_and_remove,
    "footage moved": move_footage,
    "footage changed": change_footage,
}


OPTIONS = {
    "sampled less often": {"cluster-faces": _LESS},
    "one person cropped": {"crop-people": ["--person", "Person 2"]},
}
"""Options with which commands are run again in a state; others as in `_DEFAULTS`."""
_DEFAULTS = {"cluster-faces": _CLUSTER}


def arrive(project: Project, state: str = "") -> list[str]:
    """Follow the status until everything is up to date; return the commands."""
    commands = stages.arrive(project, _DEFAULTS | OPTIONS.get(state, {}))
    assert last_line(project) == UP_TO_DATE, commands
    return commands


def decided(project: Project) -> tuple[object, ...]:
    """Return everything that people decided."""
    with open_people(project.people_file) as people:
        return people.names(), people.hidden(), people.decisions_key()


@pytest.mark.parametrize("state", STATES)
def test_the_status_leads_to_the_page(project: Project, state: str) -> None:
    STATES[state](project)
    before = last_line(project)
    decisions = decided(project) if state != "fresh" else ()
    assert bool(arrive(project, state)) == before.startswith("next: ")
    if state not in ("done", "footage moved"):
        assert before.startswith("next: ")
    assert state == "fresh" or decided(project) == decisions
    written = snapshot(project.folder)
    stages_run = [n for n in COMMANDS if n != "train-tracker" or project.tracker_file.exists()]
    for name in stages_run:
        command = COMMANDS[name]
        options = (_DEFAULTS | OPTIONS.get(state, {})).get(name, [])
        words = ["--project", "p.fancam"] if name == "cluster-faces" else ["p.fancam"]
        assert command([*words, *options]) == 0
        assert changed(written, snapshot(project.folder)) == [], name


def test_the_reports_lead_to_the_page(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    add(project)
    for _ in range(3):
        line = capsys.readouterr().out.splitlines()[-1]
        words = shlex.split(line.removeprefix("next: "))
        assert COMMANDS[words[0]](words[1:]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == "next: serve-people p.fancam --open"

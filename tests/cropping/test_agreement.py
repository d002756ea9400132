"""Files follow their person through renames and merges; the status and the stages agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cropping.render.settings import CropSettings
from cropping.smiles import stage as smile_stage
from cropping.smiles.cache_keys import gif_key
from cropping.smiles.manifest import gif_folder
from cropping.smiles.model import smile_model_key
from cropping.smiles.selection import PersonSelection
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.smiles.table import stored_smiles
from cropping.stage import crop_people
from cropping.state import states
from data.execution.context import RunContext
from data.project.filenames import CropKind
from data.project.manifest import MANIFEST, OutputFile
from data.project.project import Project
from data.project.stages import GIFS, TRACKS, GifsRecord
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.export_mot import read_sequence
from data.tables.people import open_people
from data.tables.timeline_json import TIMELINE_FILE
from tests.bars import no_bar
from tests.cropping.interrupted import count_renders
from tests.cropping.small_project import QUICK, add_tracks, contents
from tests.cropping.smiles.stage_stubs import let_all_smile
from tests.cropping.tracked_project import at_rate, box, tracks_of
from tests.renames import rename
from web.watch.crops import current_crops

SETTINGS = CropSettings(encoder=QUICK)


def crop(project: Project, **settings: object) -> None:
    chosen = replace(SETTINGS, **settings)  # type: ignore[arg-type]
    crop_people(Project(project.folder), [], chosen, context=RunContext(no_bar))


def gifs(project: Project) -> None:
    smile_gifs(Project(project.folder), [], SmileSettings(), context=RunContext(no_bar))


def swap(project: Project) -> None:
    rename(project, {1: "for a moment", 2: "Anna"})
    rename(project, {1: "Ben"})


def merge(project: Project, person: int, into: int) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, person, into))


def add_gifs(project: Project) -> None:
    """Write a GIF of both people, as smile-gifs would."""
    gifs(project)
    project = Project(project.folder)
    keys = {
        f"{name}.gif": gif_key(
            project,
            "film",
            person,
            settings=SmileSettings().content_key(),
            model_key=smile_model_key(),
        )
        for person, name in ((1, "Anna"), (2, "Ben"))
    }
    files = {name: OutputFile(key, _write(f"GIF of {key[0]}")) for name, key in keys.items()}
    gif_folder(project, "film", suffix=".gif").sync(files)


def _write(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text)

    return write


def states_of(project: Project) -> list[tuple[str, str]]:
    return [(one.state, one.reason) for one in states(Project(project.folder))]


def test_watch_shows_the_own_gif_after_a_swap_of_names(project: Project) -> None:
    crop(project)
    add_gifs(project)
    swap(project)
    for step in ("named", "cropped"):
        if step == "cropped":
            crop(project)
        crops = current_crops(Project(project.folder), "film")
        assert crops is not None
        shown = {p.person_id: (p.name, p.file(CropKind.GIF)) for p in crops.people}
        assert [shown[1][0], shown[2][0]] == ["Ben", "Anna"]
        assert shown[1][1] is not None
        assert shown[2][1] is not None
        assert shown[1][1].read_text() == "GIF of 1", step
        assert shown[2][1].read_text() == "GIF of 2", step
        anna = crops.person(2)
        assert anna is not None
        assert anna.download_name(CropKind.GIF) == "Anna.gif"


def test_gifs_are_renamed_without_encoding(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop(project)
    add_gifs(project)
    swap(project)
    selected = [_selection(person) for person in (1, 2)]
    monkeypatch.setattr(smile_stage, "select_smiles", lambda _, person, __: selected[person - 1])
    monkeypatch.setattr(smile_stage, "encode_gifs", None)
    gifs(project)
    folder = project.crops_folder("film")
    assert (folder / "Ben.gif").read_text() == "GIF of 1"
    assert (folder / "Anna.gif").read_text() == "GIF of 2"
    assert states_of(project)[1][0] == "done"


def _selection(person: int) -> PersonSelection:
    return PersonSelection(person, 1, (np.array([0]),))


def test_the_best_of_follows_its_person(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project, only_present=True)
    before = contents(project)
    swap(project)
    renders = count_renders(monkeypatch)
    crop(project)
    after = contents(project)
    assert renders == []
    assert after["Anna.best.mp4"] == before["Ben.best.mp4"]
    assert after["Ben.best.mp4"] == before["Anna.best.mp4"]
    assert states_of(project)[0] == ("done", "")


def test_a_best_of_is_written_again_with_its_video(project: Project) -> None:
    crop(project, only_present=True)
    before = contents(project)
    crop(project, absent="black")
    after = contents(project)
    assert set(after) == set(before)
    assert after["Ben.best.mp4"] != before["Ben.best.mp4"]


def test_a_renamed_person_who_is_not_chosen_keeps_the_video(project: Project) -> None:
    crop(project, only_present=True)
    before = contents(project)
    rename(project, {2: "Cleo"})
    crop(project, people=("Anna",), force=True)
    after = contents(project)
    assert after["Cleo.mp4"] == before["Ben.mp4"]
    assert after["Cleo.best.mp4"] == before["Ben.best.mp4"]
    assert "Ben.mp4" not in after


def test_files_of_earlier_versions_are_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop(project, only_present=True)
    manifest = project.crops_folder("film") / MANIFEST
    content = json.loads(manifest.read_text("utf-8"))
    files = {path: key.split()[-1] for path, key in content["files"].items()}
    manifest.write_text(json.dumps({**content, "files": files}))
    before = contents(project)
    renders = count_renders(monkeypatch)
    crop(project)
    assert contents(project) == before
    swap(project)
    crop(project)
    assert renders == []
    assert contents(project)["Ben.best.mp4"] == before["Anna.best.mp4"]


def test_renamed_people_keep_their_smiles(project: Project) -> None:
    crop(project)
    record = project_of(project).require_record(TRACKS, "film")
    rename(project, {1: "Cleo"})
    project_of(project).finish(TRACKS, replace(record, names={1: "Cleo", 2: "Ben"}), "film")
    assert stored_smiles(project_of(project), "film", smile_model_key()) is not None


def project_of(project: Project) -> Project:
    return Project(project.folder)


def test_a_merge_is_followed_everywhere(project: Project) -> None:
    crop(project)
    gifs(project)
    merge(project, 2, 1)
    crops = current_crops(project_of(project), "film")
    assert crops is not None
    assert [person.person_id for person in crops.people] == [1]
    assert states_of(project) == [("stale", "people were merged"), ("stale", "people were merged")]
    crop(project)
    videos = {"Anna.mp4", "Anna.small.m4v"}
    assert set(contents(project)) == videos | {"timeline.json", "smiles.parquet"}
    timeline = json.loads(contents(project)["timeline.json"])
    assert [person["person_id"] for person in timeline["people"]] == [1]
    gifs(project)
    assert [state for state, _ in states_of(project)] == ["done", "done"]
    sequence, _ = read_sequence(project_of(project), project_of(project).footages["film"])
    assert set(sequence.names) == {1}
    assert set(sequence.tracks.person_id.tolist()) == {1}


def test_a_reused_name_is_one_person(project: Project) -> None:
    crop(project)
    merge(project, 2, 1)
    rename(project, {1: "Ben"})
    crop(project)
    timeline = json.loads(contents(project)["timeline.json"])
    assert [(p["person_id"], p["name"]) for p in timeline["people"]] == [(1, "Ben")]


def test_a_merged_person_alone_in_a_footage_becomes_the_other(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(40), {2: {frame: box(20, 40) for frame in range(20)}}))
    crop(project)
    merge(project, 2, 1)
    crops = current_crops(project_of(project), "film")
    assert crops is not None
    assert [(person.person_id, person.name) for person in crops.people] == [(1, "Anna")]
    crop(project)
    videos = {"Anna.mp4", "Anna.small.m4v"}
    assert set(contents(project)) == videos | {"timeline.json", "smiles.parquet"}
    assert states_of(project)[0] == ("done", "")


def test_undoing_a_merge_brings_both_back(project: Project) -> None:
    crop(project)
    before = contents(project)
    merge(project, 2, 1)
    crop(project)
    with open_people(project.people_file) as people:
        log = DecisionLog(people)
        log.undo(seen=people.revision())
    crop(project)
    assert set(contents(project)) == set(before)
    assert contents(project)["timeline.json"] == before["timeline.json"]


def test_a_person_without_a_video_makes_the_videos_stale(project: Project) -> None:
    crop(project, people=("Anna",))
    assert states_of(project)[0] == ("done", "1 of 2 people")
    crop(project)
    (project.crops_folder("film") / "Ben.mp4").unlink()
    manifest = project.crops_folder("film") / MANIFEST
    content = json.loads(manifest.read_text("utf-8"))
    del content["files"]["Ben.mp4"]
    manifest.write_text(json.dumps(content))
    crop(project, people=("Anna",))  # keeps it in the record that all have a video
    assert states_of(project)[0] == ("stale", "some people have no video yet")


def test_smiles_of_another_model_stay_in_the_timeline(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop(project)
    let_all_smile(monkeypatch)
    gifs(project)
    before = (project.crops_folder("film") / TIMELINE_FILE).read_bytes()
    assert b'"smiling": [\n        [' in before
    assert states_of(project)[0] == ("done", "")
    crop(project)
    assert (project.crops_folder("film") / TIMELINE_FILE).read_bytes() == before


def test_scoring_smiles_leaves_the_videos_done(project: Project) -> None:
    crop(project)
    record = project_of(project).require_record(TRACKS, "film")
    project_of(project).finish(TRACKS, replace(record, faces="others"), "film")
    for step in (crop, gifs):
        step(project)
    assert states_of(project)[0] == ("done", "")
    before = contents(project)
    timeline = (project.crops_folder("film") / TIMELINE_FILE).stat().st_mtime_ns
    crop(project)
    assert contents(project) == before
    assert (project.crops_folder("film") / TIMELINE_FILE).stat().st_mtime_ns == timeline


def test_a_gif_that_a_stopped_run_did_not_write_makes_gifs_stale(project: Project) -> None:
    crop(project)
    add_gifs(project)
    record = project_of(project).require_record(GIFS, "film")
    pending = replace(record, keys={**record.keys, "Anna.gif": ""})
    project_of(project).finish(GIFS, pending, "film")
    assert states_of(project)[1][0] == "stale"
    assert current_crops(project_of(project), "film") is not None


def test_the_record_of_gifs_keeps_its_merges() -> None:
    record = GifsRecord({"Anna.gif": "1 a b"}, merges="2>1")
    assert GifsRecord.from_json(record.to_json()) == record

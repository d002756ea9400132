"""The People page while `cluster-faces` runs as another process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.project.project import Project
from data.tables.dataset import read_data_file
from data.tables.people import open_people
from tests.clips.catalogue import Clips
from tests.clustering.child import Death, held_in_child, run_in_child
from tests.web.people.test_api import ApiClient
from tests.web.serving import served_client

PEOPLE = "/api/projects/clip/people"
FIRST, OTHER = ("--every", "0.2"), ("--every", "0.1")
MOMENTS = {
    "faces are searched": r"rename .*/clip\.parts/.*-000001\.frames\.parquet",
    "faces are written": r"rename .*/faces/clip\.parquet",
    "faces are written, people are not": r"sql SELECT .*FROM decisions",
    "people are written": r"rename .*/people/.*\.jpg",
    "the dataset is written": r"\w+ .*/dataset/.*",
}


@pytest.fixture
def folder(clips: Clips, tmp_path: Path) -> Path:
    """Return a folder with a clip and its project."""
    made = tmp_path / "work"
    made.mkdir()
    shutil.copy(clips("constant_rate.mp4"), made / "clip.mp4")
    assert run_in_child(made, "clip.mp4", *FIRST).code == 0
    return made


@pytest.fixture
def ask(folder: Path) -> Iterator[ApiClient]:
    with served_client([folder / "clip.fancam"]) as client:
        yield ApiClient(client)


def face_count(content: dict[str, Any]) -> int:
    """Return the number of faces on the page, after checking that names are unique."""
    names = [person["name"] for person in content["people"]]
    assert len(set(names)) == len(names)
    return sum(int(each["count"]) for each in (*content["people"], content["unknown"]))


def check_true(people: list[dict[str, Any]], bodies: list[dict[str, Any]]) -> None:
    """Check that the page shows what these requests decided."""
    by_id = {person["id"]: person for person in people}
    for body in bodies:
        if body["kind"] == "rename":
            assert by_id[body["person"]]["name"] == body["name"]
        elif body["kind"] == "hide":
            assert by_id[body["people"][0]]["hidden"]


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_decisions_during_a_run_hold_or_are_refused(
    folder: Path, ask: ApiClient, moment: str
) -> None:
    """A page that was loaded before the run, and one that is loaded during it, decide."""
    before = ask.get(PEOPLE)
    with held_in_child(folder, "clip.mp4", *OTHER, moment=Death(moment)) as finish:
        during = ask.get(PEOPLE)
        faces = ask.get(f"{PEOPLE}/1/faces")["faces"] or ask.get(f"{PEOPLE}/unknown/faces")["faces"]
        bodies: list[dict[str, Any]] = [
            {"seen": before["revision"], "kind": "rename", "person": 1, "name": "Anna"},
            {"seen": during["revision"], "kind": "rename", "person": 2, "name": "Ben"},
            {"seen": during["revision"], "kind": "move", "person": 4, "faces": faces[:1]},
            {"seen": during["revision"], "kind": "hide", "people": [3]},
        ]
        answers = [ask.post(f"{PEOPLE}/decisions", body) for body in bodies]
        decided = ask.get(PEOPLE)
        ended = finish()
    assert (ended.code, ended.err) == (0, [])
    after = ask.get(PEOPLE)
    whole = {face_count(before), face_count(after)}
    assert {face_count(during), face_count(decided)} <= whole
    accepted = [body for body, (status, _) in zip(bodies, answers, strict=True) if status == 200]
    refused = [content["error"] for status, content in answers if status != 200]
    advice = ("in the meantime", "reload the page", "run cluster-faces")
    assert all("\n" not in line and any(a in line for a in advice) for line in refused), refused
    with open_people(folder / "clip.fancam" / "people.sqlite") as people:
        made = [decision.kind.value for decision in people.decisions()]
    assert made == [body["kind"] for body in accepted]
    assert {"rename", "hide"} <= set(made)
    check_true(after["people"], accepted)
    assert run_in_child(folder, "clip.mp4", *OTHER).code == 0
    people_now = ask.get(PEOPLE)["people"]
    check_true(people_now, accepted)
    classes = read_data_file(Project(folder / "clip.fancam").dataset_folder / "data.yaml").names
    assert list(classes) == [person["name"] for person in people_now if not person["hidden"]]

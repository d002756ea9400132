"""API of the People and Label pages: valid and invalid requests."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.project.stages import TRACKER, TRACKS
from data.tables.people import open_people
from tests.records import tracker_record, tracks_record
from tests.web.serving import own_origin, served_client
from tests.web.sorted_project import decisions, faces_per_person, person_ids, rows

PEOPLE = "/api/projects/film/people"
LABELS = "/api/projects/film/labels"


class ApiClient:
    """Client that sends requests as the pages' scripts do."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, address: str) -> Any:
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, address: str, body: Any) -> tuple[int, Any]:
        answer = self.send(address, body)
        return answer.status_code, answer.json()

    def send(self, address: str, body: Any) -> httpx.Response:
        # Not httpx's JSON encoder, which refuses a lone surrogate.
        return self.client.post(
            address,
            content=json.dumps(body),
            headers={**own_origin(self.client), "content-type": "application/json"},
        )

    def decide(self, **decision: Any) -> Any:
        seen = self.get(PEOPLE + "/revision")["revision"]
        status, content = self.post(PEOPLE + "/decisions", {"seen": seen, **decision})
        assert status == 200, content
        return content


@pytest.fixture
def ask(sorted_project: Project) -> Iterator[ApiClient]:
    with served_client([sorted_project.folder]) as client:
        yield ApiClient(client)


# --- people -----------------------------------------------------------------------------------


def test_people(ask: ApiClient, sorted_project: Project) -> None:
    content = ask.get(PEOPLE)
    assert [person["id"] for person in content["people"]] == [1, 2, 3, 4, 5]
    assert sum(p["count"] for p in content["people"]) + content["unknown"]["count"] == len(
        person_ids(sorted_project)
    )
    assert {content["pairs"][0][side] for side in ("a", "b")} == {1, 5}
    assert (content["undo"], content["redo"]) == (None, None)
    first, last = content["people"][0]["first"], content["people"][0]["last"]
    assert first["time_s"] < last["time_s"] < content["people"][4]["first"]["time_s"]


def test_every_face_has_a_small_and_a_large_picture(ask: ApiClient) -> None:
    (face, *_) = ask.get(PEOPLE + "/1/faces")["faces"]
    address = "/faces/film/" + face.replace(".", "/")
    small, large = ask.client.get(address), ask.client.get(address + "?large=true")
    for answer in (small, large):
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert len(small.content) < len(large.content)
    assert "immutable" in small.headers["cache-control"]


def test_every_face_belongs_to_one_person(ask: ApiClient, sorted_project: Project) -> None:
    lists = [ask.get(f"{PEOPLE}/{person}/faces")["faces"] for person in range(1, 6)]
    lists.append(ask.get(PEOPLE + "/unknown/faces")["faces"])
    together = [face for faces in lists for face in faces]
    assert len(together) == len(set(together)) == len(person_ids(sorted_project))
    assert [len(faces) for faces in lists][-1] == 6


def test_faces_are_sorted_by_doubt(ask: ApiClient) -> None:
    doubt = ask.get(PEOPLE + "/4/faces")["doubt"]
    assert doubt == sorted(doubt, reverse=True)
    assert doubt[2] > doubt[3]


SOME_FACE = "1.0.0"
WRONG: dict[str, tuple[str, Any, int]] = {
    "no body": ("/decisions", None, 422),
    "a list": ("/decisions", [], 422),
    "no kind": ("/decisions", {"seen": 1}, 422),
    "a strange kind": ("/decisions", {"seen": 1, "kind": "drop", "person": 1}, 422),
    "an extra field": ("/decisions", {"seen": 1, "kind": "hide", "people": [1], "x": 1}, 422),
    "a person below 0": ("/decisions", {"seen": 1, "kind": "hide", "people": [-1]}, 422),
    "a huge number": ("/decisions", {"seen": 1, "kind": "hide", "people": [2**70]}, 422),
    "unknown person": ("/decisions", {"seen": 1, "kind": "hide", "people": [99]}, 409),
    "oneself": ("/decisions", {"seen": 1, "kind": "merge", "people": [1], "other": 1}, 422),
    "oneself among others": (
        "/decisions",
        {"seen": 1, "kind": "merge", "people": [2, 1], "other": 1},
        422,
    ),
    "hidden twice": ("/decisions", {"seen": 1, "kind": "hide", "people": [2, 2]}, 422),
    "twice the same": (
        "/decisions",
        {"seen": 1, "kind": "merge", "people": [2, 2], "other": 1},
        422,
    ),
    "nobody": ("/decisions", {"seen": 1, "kind": "merge", "people": [], "other": 1}, 422),
    "one of two is unknown": (
        "/decisions",
        {"seen": 1, "kind": "merge", "people": [2, 99], "other": 1},
        409,
    ),
    "merge into unknown person": (
        "/decisions",
        {"seen": 1, "kind": "merge", "people": [1], "other": 9},
        409,
    ),
    "an empty name": ("/decisions", {"seen": 1, "kind": "rename", "person": 1, "name": ""}, 422),
    "a blank name": ("/decisions", {"seen": 1, "kind": "rename", "person": 1, "name": " "}, 409),
    "a name of lines": (
        "/decisions",
        {"seen": 1, "kind": "rename", "person": 1, "name": "a\nb"},
        409,
    ),
    "half a character": (
        "/decisions",
        {"seen": 1, "kind": "rename", "person": 1, "name": "\ud800"},
        422,
    ),
    "a long name": (
        "/decisions",
        {"seen": 1, "kind": "rename", "person": 1, "name": "x" * 201},
        422,
    ),
    "a taken name": (
        "/decisions",
        {"seen": 1, "kind": "rename", "person": 1, "name": "Person 2"},
        409,
    ),
    "no faces": ("/decisions", {"seen": 1, "kind": "eject", "person": 1, "faces": []}, 422),
    "faces by path": (
        "/decisions",
        {"seen": 1, "kind": "eject", "person": 1, "faces": ["../../etc/passwd"]},
        422,
    ),
    "a face that is not there": (
        "/decisions",
        {"seen": 1, "kind": "eject", "person": 1, "faces": ["1.1.99"]},
        404,
    ),
    "too many faces": (
        "/decisions",
        {"seen": 1, "kind": "eject", "person": 1, "faces": [SOME_FACE] * 50_001},
        422,
    ),
    "an old page": ("/undo", {"seen": 0}, 409),
    "a revision that does not exist yet": ("/redo", {"seen": 77}, 409),
    "a later page": ("/decisions", {"seen": 77, "kind": "hide", "people": [1]}, 409),
    "undo of more": ("/undo", {"seen": 1, "kind": "hide"}, 422),
    "writing with an extra field": ("/writing", {"folder": "/tmp"}, 422),
}


@pytest.mark.parametrize(("address", "body", "status"), WRONG.values(), ids=WRONG)
def test_refused(
    ask: ApiClient, sorted_project: Project, address: str, body: Any, status: int
) -> None:
    before = rows(sorted_project, "SELECT * FROM faces"), decisions(sorted_project)
    answer = ask.send(PEOPLE + address, body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert "Traceback" not in answer.text
    assert str(sorted_project.folder.parent) not in answer.text
    assert (rows(sorted_project, "SELECT * FROM faces"), decisions(sorted_project)) == before


@pytest.mark.parametrize(
    "address",
    [
        "/people/film/99",
        "/people/other",
        "/people/film/../../x",
        "/people/film/x",
        PEOPLE + "/99/faces",
        "/faces/film/1/1/99",
        "/faces/film/9/0/0",
        "/faces/film/1/-1/0",
        "/frames/film/1/77777",
        "/label/other",
        LABELS + "/none/faces/1",
        LABELS + "/..%2f..%2fpeople/faces/1",
        LABELS + "/timeline/9",
    ],
)
def test_unknown_addresses(ask: ApiClient, address: str) -> None:
    answer = ask.client.get(address)
    assert answer.status_code == 404, answer.text


def test_decisions_and_their_history(ask: ApiClient, sorted_project: Project) -> None:
    ask.decide(kind="rename", person=2, name="Anna")
    content = ask.decide(kind="different", person=1, other=5)
    note = "Marked Person 1 and Person 5 as different people"
    assert (content["note"], content["undo"], content["pairs"]) == (note, note, [])
    status, content = ask.post(PEOPLE + "/undo", {"seen": content["revision"]})
    assert (status, content["redo"]) == (200, note)
    past = ask.get(PEOPLE + "/history")["history"]
    assert [(one["note"], one["state"]) for one in past] == [
        (note, "undone"),
        ("Renamed Person 2 to Anna", "made"),
    ]
    assert [state for *_, state in decisions(sorted_project)] == ["made", "undone"]


TOGETHER: dict[str, tuple[dict[str, Any], str, list[int]]] = {
    "three merged": (
        {"kind": "merge", "people": [5, 2, 3], "other": 1},
        "; ".join(f"Merged Person {person} into Person 1" for person in (5, 2, 3)),
        [1, 4],
    ),
    "four merged": (
        {"kind": "merge", "people": [5, 2, 3, 4], "other": 1},
        "Merged Person 5 into Person 1; Merged Person 2 into Person 1; 2 more",
        [1],
    ),
    "two hidden": ({"kind": "hide", "people": [4, 2]}, "Hid Person 4; Hid Person 2", [1, 3, 5]),
}


@pytest.mark.parametrize(("decision", "note", "left"), TOGETHER.values(), ids=TOGETHER)
def test_people_decided_together_are_undone_together(
    ask: ApiClient, sorted_project: Project, decision: dict[str, Any], note: str, left: list[int]
) -> None:
    before = faces_per_person(sorted_project)
    content = ask.decide(**decision)
    assert content["note"] == content["undo"] == note
    assert shown(content) == left
    undo = {"seen": content["revision"], "decision": content["decision"]}
    status, content = ask.post(PEOPLE + "/undo", undo)
    assert (status, content["note"], content["redo"], content["undo"]) == (200, note, note, None)
    assert faces_per_person(sorted_project) == before
    assert shown(content) == [1, 2, 3, 4, 5]
    status, content = ask.post(PEOPLE + "/redo", {"seen": content["revision"]})
    assert shown(content) == left
    states = [state for *_, state in decisions(sorted_project)]
    assert states == ["made"] * len(decision["people"])


def shown(content: dict[str, Any]) -> list[int]:
    return [person["id"] for person in content["people"] if not person["hidden"]]


def test_a_removed_face_is_not_suggested_for_the_person(ask: ApiClient) -> None:
    faces = ask.get(PEOPLE + "/2/faces")["faces"][:2]
    ask.decide(kind="eject", person=2, faces=faces)
    content = ask.get(PEOPLE + "/unknown/faces")
    likely = dict(zip(content["faces"], content["likely"], strict=True))
    assert all(likely[face] != 2 for face in faces)


def test_stale_stages_are_listed(ask: ApiClient, sorted_project: Project) -> None:
    content = ask.get(PEOPLE + "/changes")
    assert not content["up_to_date"]  # the clustering differs from the written dataset
    assert (content["trained"], content["tracker"], content["tracked"]) == (False, False, [])
    trained = tracker_record(dataset="of before", person_id=(1, 2, 3, 4))
    sorted_project.finish(TRACKER, trained)
    sorted_project.finish(TRACKS, tracks_record({1: "Person 1"}, faces="of before"), "film")
    content = ask.get(PEOPLE + "/changes")
    assert (content["trained"], content["tracker"]) == (True, True)
    assert (content["tracked"], content["tracks"]) == (["film"], ["film"])


def test_writing_in_the_background(ask: ApiClient, sorted_project: Project) -> None:
    ask.decide(kind="rename", person=2, name="Anna")
    assert not ask.get(PEOPLE)["written"]
    status, _ = ask.post(PEOPLE + "/writing", {})
    assert status == 202
    job = _finished(ask)
    assert (job["state"], job["done"]) == ("done", job["total"])
    assert ask.get(PEOPLE)["written"]
    assert (sorted_project.people_folder / "Anna").is_dir()


def test_writing_while_the_project_is_in_use(ask: ApiClient, sorted_project: Project) -> None:
    with sorted_project.lock():
        ask.post(PEOPLE + "/writing", {})
        job = _finished(ask)
    assert job["state"] == "failed"
    assert "another run is using this project" in job["message"]
    assert str(sorted_project.folder.parent) not in job["message"]


def _finished(ask: ApiClient) -> Any:
    for _ in range(600):
        job = ask.get(PEOPLE + "/writing")
        if job["state"] not in ("running", "idle"):
            return job
        time.sleep(0.05)
    raise AssertionError("it does not end")


@pytest.mark.parametrize("address", ["/people/film", "/label/film"])
def test_a_project_that_was_never_clustered(tmp_path: Path, address: str) -> None:
    project = Project(tmp_path / "film.fancam")
    project.save()
    with served_client([project.folder]) as client:
        answer = client.get(address)
        assert (answer.status_code, "cluster-faces" in answer.text) == (200, True)
        assert client.get(PEOPLE).status_code == 409


# --- labels -----------------------------------------------------------------------------------


@pytest.fixture
def smile(ask: ApiClient) -> str:
    """Return the id of a label set."""
    status, made = ask.post(LABELS, {"name": "smile", "labels": ["no_smile", "smile"]})
    assert (status, made["counts"]) == (201, [0, 0])
    return f"{LABELS}/{made['id']}/faces"


def test_label_and_remove_label(ask: ApiClient, smile: str, sorted_project: Project) -> None:
    faces = ask.get(PEOPLE + "/1/faces")["faces"]
    index_of = ask.get(smile + "/1")["faces"].index

    def labels() -> list[int]:
        return [ask.get(smile + "/1")["label"][index_of(face)] for face in faces[:3]]

    new_labels = [{"face": faces[0], "label": "smile"}, {"face": faces[1], "label": "no_smile"}]
    status, content = ask.post(smile, {"by": "me", "labels": new_labels})
    assert (status, content["counts"]) == (200, [1, 1])
    assert labels() == [1, 0, -1]
    folder = sorted_project.labels_folder / "smile"
    with (folder / "labels.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["label"] for line in lines] == ["smile", "no_smile"]
    assert all((folder / line["file"]).is_file() for line in lines)
    assert {line["by"] for line in lines} == {"me"}
    assert {line["person"] for line in lines} == {"1"}
    ask.post(smile, {"by": "me", "labels": [{"face": faces[0], "label": ""}]})
    assert labels() == [-1, 0, -1]


def test_labellers_disagree(ask: ApiClient, smile: str) -> None:
    faces = ask.get(smile + "/1")["faces"]
    for by, label in (("Anna", "smile"), ("Ben", "no_smile")):
        ask.post(smile, {"by": by, "labels": [{"face": faces[2], "label": label}]})
    status, content = ask.post(
        smile, {"by": "Ben", "labels": [{"face": faces[3], "label": "smile"}]}
    )
    assert (status, content["disagreements"]) == (200, 1)
    content = ask.get(smile + "/1")
    answers = {each["by"]: each["label"][2:4] for each in content["answers"]}
    assert answers == {"Anna": [1, -1], "Ben": [0, 1]}
    both = [{"by": "Anna", "label": 1}, {"by": "Ben", "label": 0}]
    assert content["disagreements"] == [{"row": 2, "answers": both}]
    decision = {"by": "Cleo", "decided": True, "labels": [{"face": faces[2], "label": "smile"}]}
    status, content = ask.post(smile, decision)
    assert (status, content["disagreements"]) == (200, 0)
    content = ask.get(smile + "/1")
    assert (content["label"][2], content["disagreements"]) == (1, [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"by": "me", "labels": []}, 422, id="nothing"),
        pytest.param(
            {"by": "", "labels": [{"face": SOME_FACE, "label": "smile"}]}, 422, id="no name"
        ),
        pytest.param({"by": "me", "labels": [{"face": "x", "label": "smile"}]}, 422, id="no face"),
        pytest.param(
            {"by": "me", "labels": [{"face": "1.1.99", "label": "smile"}]}, 404, id="gone"
        ),
        pytest.param(
            {"by": "me", "labels": [{"face": SOME_FACE, "label": "x"}]}, 409, id="strange"
        ),
        pytest.param(
            {"by": "me", "labels": [{"face": SOME_FACE, "label": "smile"}] * 1001}, 422, id="many"
        ),
        pytest.param(
            {"by": "\ud800", "labels": [{"face": SOME_FACE, "label": "smile"}]}, 422, id="half"
        ),
    ],
)
def test_invalid_labels(
    ask: ApiClient, smile: str, sorted_project: Project, body: Any, status: int
) -> None:
    answer = ask.send(smile, body)
    assert answer.status_code == status, answer.text
    assert not (sorted_project.labels_folder / "smile" / "labels.csv").exists()


def test_predictions(ask: ApiClient, smile: str, sorted_project: Project) -> None:
    """Predictions are computed once and cached."""
    content = ask.get(smile + "/1")
    deadline = time.monotonic() + 60
    while content["pending"] and time.monotonic() < deadline:
        time.sleep(0.1)
        content = ask.get(smile + "/1")
    scores = np.array(content["model"])
    assert scores.shape == (len(content["faces"]), 2)
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-3)
    (kept,) = (sorted_project.folder / ".web" / "guesses").glob("*.npy")
    before = kept.stat().st_mtime_ns
    assert ask.get(smile + "/1")["model"] == content["model"]
    assert kept.stat().st_mtime_ns == before
    status, other = ask.post(LABELS, {"name": "age", "labels": ["adult", "child"]})
    assert status == 201
    content = ask.get(f"{LABELS}/{other['id']}/faces/1")
    assert (content["model"], content["pending"]) == (None, False)


def test_a_damaged_custom_model(ask: ApiClient, smile: str, sorted_project: Project) -> None:
    (sorted_project.labels_folder / "smile" / "model.onnx").write_bytes(b"no model")
    content = ask.get(smile + "/1")
    deadline = time.monotonic() + 60
    while content["pending"] and time.monotonic() < deadline:
        time.sleep(0.1)
        content = ask.get(smile + "/1")
    assert (content["model"], content["pending"]) == (None, False)


def test_timeline(ask: ApiClient) -> None:
    line = ask.get(LABELS + "/timeline/1")
    assert line["duration_s"] == pytest.approx(3, abs=0.2)
    assert line["time_s"] == sorted(line["time_s"])
    gaps = np.diff(line["time_s"])
    assert gaps.max() < 2 * np.median(gaps) + 0.11
    assert len(line["frames"]) == len(line["time_s"]) <= 48
    answer = ask.client.get(f"/frames/film/1/{line['frames'][3]}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


def test_unknown_faces_have_no_person(ask: ApiClient, smile: str, sorted_project: Project) -> None:
    (face, *_) = ask.get(PEOPLE + "/unknown/faces")["faces"]
    ask.post(smile, {"by": "me", "labels": [{"face": face, "label": "smile"}]})
    with (sorted_project.labels_folder / "smile" / "labels.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["person"] == ""
    with open_people(sorted_project.people_file) as people:
        assert UNKNOWN in people.assignments("film").person_id

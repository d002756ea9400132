"""Requests of a page while a command or another page changes the project."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from data.erasure.footage import erase_footage
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces
from data.tables.people import open_people
from data.tables.projection import store_clustering
from tests.web.people.test_api import PEOPLE, ApiClient, ask
from tests.web.sorted_project import decisions, person_ids

__all__ = ["ask"]


def test_new_faces_are_unknown_until_they_are_clustered(
    ask: ApiClient, sorted_project: Project
) -> None:
    """Faces have new sampling times, and the run was stopped before the clustering."""
    table = Faces.read(sorted_project.faces_file("film"))
    table.take(np.arange(len(table) - 3)).write(sorted_project.faces_file("film"))
    content = ask.get(PEOPLE)
    assert content["unknown"]["count"] == len(table) - 3
    (face, *_) = ask.get(PEOPLE + "/unknown/faces")["faces"]
    body = {"seen": content["revision"], "kind": "move", "person": 2, "faces": [face]}
    status, content = ask.post(PEOPLE + "/decisions", body)
    assert (status, "the faces of film have been detected again" in content["error"]) == (409, True)
    assert not decisions(sorted_project)


def test_faces_of_a_person_who_is_gone_are_unknown(ask: ApiClient, sorted_project: Project) -> None:
    """The only face of a person is found again, and not clustered yet."""
    (face, *_) = ask.get(PEOPLE + "/2/faces")["faces"]
    ask.decide(kind="split", faces=[face])
    table, ids = Faces.read(sorted_project.faces_file("film")), np.array(person_ids(sorted_project))
    rest = ids != 6
    with open_people(sorted_project.people_file) as people:
        store_clustering(people, {"film": table.take(rest)}, {"film": ids[rest]})
    content = ask.get(PEOPLE)
    assert 6 not in [person["id"] for person in content["people"]]
    assert content["unknown"]["count"] == len(table)


def test_a_footage_removed_meanwhile(ask: ApiClient, sorted_project: Project) -> None:
    """The numbers in face ids are those of other footages then."""
    content = ask.get(PEOPLE)
    (face, *_) = ask.get(PEOPLE + "/2/faces")["faces"]
    with open_people(sorted_project.people_file) as people:
        erase_footage(people, "an earlier one")
    body = {"seen": content["revision"], "kind": "eject", "person": 2, "faces": [face]}
    status, content = ask.post(PEOPLE + "/decisions", body)
    assert (status, content["error"]) == (
        409,
        "somebody changed the same people in the meantime: check them, then try again",
    )
    assert not decisions(sorted_project)


def test_a_snapshot_is_of_one_revision(sorted_project: Project) -> None:
    with open_people(sorted_project.people_file) as people, ThreadPoolExecutor(1) as pool:
        with people.reading():
            names = people.names()
            merging = pool.submit(_merge, sorted_project)
            time.sleep(0.2)
            assert (people.names(), people.merged_into()) == (names, {})
        merging.result()
        assert (list(people.names()), people.merged_into()) == ([1, 3, 4, 5], {2: 1})


def _merge(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 2, 1))

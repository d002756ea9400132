"""The pages of one person and of the unknown faces in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.web.people.pages import NO_PERSON, choose_faces, go, wait_for_toast
from tests.web.serving import Running
from tests.web.sorted_project import cluster_again, decisions, faces_per_person, person_ids

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The server starts before the page and stops after it.
pytestmark = pytest.mark.usefixtures("review")


@pytest.fixture
def person_4(review: Running, page: Page) -> Page:
    """Return the page of a person with three faces of another person."""
    return go(page, f"{review.address}/people/film/4")


def test_the_least_certain_come_first(person_4: Page, sorted_project: Project) -> None:
    """The three wrong faces come first; when removed, they are clustered again."""
    before = faces_per_person(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("e")
    wait_for_toast(person_4, "Removed 3 faces from Person 4")
    after = faces_per_person(sorted_project)
    assert after[4] == before[4] - 3
    assert after[UNKNOWN] == before[UNKNOWN] + 3
    assert decisions(sorted_project) == [("eject", 4, NO_PERSON, "", 3, "made")]
    cluster_again(sorted_project)
    # The clustering may assign them to person 3, but not to person 4.
    assert faces_per_person(sorted_project)[4] == before[4] - 3


def test_move(person_4: Page, sorted_project: Project) -> None:
    before = faces_per_person(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("m")
    person_4.locator("#choose-person input").fill("son 3")
    person_4.keyboard.press("Enter")
    wait_for_toast(person_4, "Moved 3 faces to Person 3")
    assert faces_per_person(sorted_project)[3] == before[3] + 3
    assert decisions(sorted_project) == [("move", 3, NO_PERSON, "", 3, "made")]


def test_split_off(person_4: Page, sorted_project: Project) -> None:
    before = faces_per_person(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("n")
    wait_for_toast(person_4, "Split off 3 faces as Person 6")
    assert faces_per_person(sorted_project) == {**before, 4: before[4] - 3, 6: 3}
    assert decisions(sorted_project) == [("split", 6, NO_PERSON, "", 3, "made")]


def test_choose_by_dragging_and_keyboard(person_4: Page) -> None:
    chosen = person_4.locator("#chosen")
    faces = person_4.locator(".face")
    first, last = faces.nth(0).bounding_box(), faces.nth(2).bounding_box()
    assert first
    assert last
    person_4.mouse.move(first["x"] - 3, first["y"] - 3)
    person_4.mouse.down()
    person_4.mouse.move(last["x"] + 20, last["y"] + 40, steps=5)
    person_4.mouse.up()
    assert chosen.inner_text() == "3 faces selected"
    person_4.keyboard.press("Escape")
    assert "drag" in chosen.inner_text()
    person_4.locator("#grid").focus()
    person_4.keyboard.press("Home")
    person_4.keyboard.press("Space")
    person_4.keyboard.press("Shift+ArrowRight")
    person_4.keyboard.press("Shift+ArrowRight")
    assert chosen.inner_text() == "3 faces selected"
    assert person_4.locator('.face[aria-selected="true"]').count() == 3
    person_4.keyboard.press("Control+a")
    assert chosen.inner_text() == f"{faces.count()} faces selected"
    person_4.keyboard.press("Enter")
    assert person_4.locator("#face-viewer").is_visible()


def test_a_person_who_was_merged_meanwhile(
    person_4: Page, sorted_project: Project, review: Running
) -> None:
    """Merged by another client: the page returns to the People page."""
    from data.tables.decisions import Decision, DecisionKind

    with open_people(sorted_project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 3))
    person_4.wait_for_url(f"{review.address}/people/film", timeout=10_000)


def test_accept_all(review: Running, page: Page, sorted_project: Project) -> None:
    before = faces_per_person(sorted_project)
    go(page, f"{review.address}/people/film/unknown")
    assert page.locator(".face-grid-head h2").all_inner_texts() == ["Possibly Person 2 6 faces"]
    page.get_by_role("button", name="Accept all as Person 2").click()
    wait_for_toast(page, "Accepted 6 faces as Person 2")
    assert faces_per_person(sorted_project)[2] == before[2] + 6
    assert UNKNOWN not in person_ids(sorted_project)
    assert decisions(sorted_project) == [("accept", 2, NO_PERSON, "", 6, "made")]
    assert page.locator("#no-unknown").is_visible()


def test_accept_some(review: Running, page: Page, sorted_project: Project) -> None:
    go(page, f"{review.address}/people/film/unknown")
    choose_faces(page, 1, 3)
    page.keyboard.press("a")
    wait_for_toast(page, "Accepted 3 faces as Person 2")
    assert faces_per_person(sorted_project)[UNKNOWN] == 3

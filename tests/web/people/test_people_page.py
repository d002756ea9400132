"""The People page in a browser, and the decisions that SQLite holds afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.project.project import Project
from tests.web.people.pages import NO_PERSON, card, go, reload, wait_for_toast
from tests.web.serving import Running, running
from tests.web.sorted_project import cluster_again, decisions, faces_per_person, person_ids, rows
from web.core.static_files import static_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The server starts before the page and stops after it.
pytestmark = pytest.mark.usefixtures("review")


@pytest.fixture
def people(review: Running, page: Page) -> Page:
    """Return the People page."""
    return go(page, f"{review.address}/people/film")


def test_cards(people: Page, sorted_project: Project) -> None:
    there = faces_per_person(sorted_project)
    assert people.locator("#count").inner_text() == "5 people"
    for person in range(1, 6):
        assert card(people, person).locator(".facts").inner_text().startswith(f"{there[person]} ")
        assert card(people, person).locator("img").count() == 6
    assert people.locator("#unknown-card .facts").inner_text() == "6 faces"
    assert people.locator("#undo").is_disabled()
    assert people.locator("#redo").is_disabled()


def test_rename_in_place(people: Page, sorted_project: Project) -> None:
    name = "Zoë <b>&amp; Bob</b>"
    field = card(people, 2).locator(".name-field")
    field.fill(name)
    field.press("Enter")
    wait_for_toast(people, f"Renamed Person 2 to {name}")
    assert decisions(sorted_project) == [("rename", 2, NO_PERSON, name, 0, "made")]
    assert rows(sorted_project, "SELECT name FROM people WHERE person_id = 2") == [(name,)]
    reload(people)
    assert card(people, 2).locator(".name-field").input_value() == name
    assert people.locator("main b").count() == 0


def test_a_cancelled_rename(people: Page, sorted_project: Project) -> None:
    field = card(people, 2).locator(".name-field")
    for text, key in (("Anna", "Escape"), ("", "Enter"), ("Person 2", "Enter")):
        field.fill(text)
        field.press(key)
        assert field.input_value() == "Person 2"
    assert decisions(sorted_project) == []


def test_pair_same_person(people: Page, sorted_project: Project) -> None:
    before = faces_per_person(sorted_project)
    assert people.locator("#pair").is_visible()
    names = {people.locator(f"#pair-{side} h3").inner_text() for side in ("a", "b")}
    assert names == {"Person 1", "Person 5"}
    people.keyboard.press("s")
    wait_for_toast(people, "Merged Person")
    ((kind, gone, into, *_),) = decisions(sorted_project)
    assert (kind, {gone, into}) == ("merge", {1, 5})
    assert faces_per_person(sorted_project)[into] == before[1] + before[5]
    assert rows(sorted_project, f"SELECT * FROM people WHERE person_id = {gone}") == []
    assert card(people, gone).count() == 0


def test_pair_different_people(people: Page, sorted_project: Project) -> None:
    people.keyboard.press("d")
    wait_for_toast(people, "as different people")
    ((kind, person, other, *_),) = decisions(sorted_project)
    assert (kind, {person, other}) == ("different", {1, 5})
    people.locator("#pair").wait_for(state="hidden")
    reload(people)
    assert not people.locator("#pair").is_visible()


def test_a_skipped_pair_is_shown_in_the_next_session(
    people: Page, browser: Browser, review: Running
) -> None:
    people.keyboard.press("k")
    people.locator("#pair").wait_for(state="hidden")
    reload(people)
    assert not people.locator("#pair").is_visible()
    later = browser.new_page()
    go(later, f"{review.address}/people/film")
    assert later.locator("#pair").is_visible()
    later.close()


def test_merge_by_dragging(people: Page, sorted_project: Project) -> None:
    card(people, 5).locator(".montage").drag_to(card(people, 1).locator(".montage"))
    wait_for_toast(people, "Merged Person 5 into Person 1")
    assert decisions(sorted_project) == [("merge", 5, 1, "", 0, "made")]
    assert 5 not in person_ids(sorted_project)


def test_merge_by_choosing(people: Page, sorted_project: Project) -> None:
    """The named person is kept, whatever the order of selection."""
    field = card(people, 5).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    wait_for_toast(people, "to Anna")
    for person in (1, 5):
        card(people, person).get_by_role("checkbox").check()
    assert people.locator("#chosen-names").inner_text() == "Person 1, Anna"
    people.get_by_role("button", name="Same person", exact=True).click()
    wait_for_toast(people, "Merged Person 1 into Anna")
    assert decisions(sorted_project)[1] == ("merge", 1, 5, "", 0, "made")
    assert people.locator("#chosen-bar").is_hidden()


def test_hide_and_show(people: Page, sorted_project: Project) -> None:
    card(people, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 3")
    assert rows(sorted_project, "SELECT * FROM hidden") == [(3,)]
    assert people.locator("#cards [data-person]").count() == 4
    people.locator("#hidden-part summary").click()
    card(people, 3).get_by_role("button", name="Show again").click()
    wait_for_toast(people, "Showed Person 3 again")
    assert rows(sorted_project, "SELECT * FROM hidden") == []
    assert [kind for kind, *_ in decisions(sorted_project)] == ["hide", "show"]
    assert people.locator("#cards [data-person]").count() == 5


def test_hiding_several_is_one_undo(people: Page, sorted_project: Project) -> None:
    for person in (2, 4):
        card(people, person).get_by_role("checkbox").check()
    people.locator("#chosen-bar").get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 2; Hid Person 4")
    assert rows(sorted_project, "SELECT * FROM hidden") == [(2,), (4,)]
    people.locator(".toast button").click()
    wait_for_toast(people, "Undone: Hid Person 2; Hid Person 4")
    assert rows(sorted_project, "SELECT * FROM hidden") == []


def test_undo_and_redo(people: Page, sorted_project: Project) -> None:
    before = person_ids(sorted_project)
    people.keyboard.press("s")
    wait_for_toast(people, "Merged Person")
    merged = person_ids(sorted_project)
    people.locator("#undo").click()
    wait_for_toast(people, "Undone: ")
    assert person_ids(sorted_project) == before
    assert [state for *_, state in decisions(sorted_project)] == ["undone"]
    people.keyboard.press("Control+Shift+Z")
    wait_for_toast(people, "Redone: ")
    assert person_ids(sorted_project) == merged
    people.keyboard.press("Control+z")
    people.locator(".toast", has_text="Undone: ").nth(1).wait_for()
    assert person_ids(sorted_project) == before
    card(people, 4).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 4")
    assert [state for *_, state in decisions(sorted_project)] == ["dropped", "made"]
    assert people.locator("#redo").is_disabled()
    people.locator("#show-history").click()
    people.locator("#history li").first.wait_for()
    lines = people.locator("#history li").all_inner_texts()
    assert lines[0].startswith("Hid Person 4")
    assert "undone" in lines[1]


def test_undo_on_the_toast(people: Page, sorted_project: Project) -> None:
    card(people, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person")
    people.locator(".toast button").click()
    wait_for_toast(people, "Undone: Hid Person 3")
    assert rows(sorted_project, "SELECT * FROM hidden") == []


def test_undo_on_a_toast_is_of_its_own_decision(people: Page, sorted_project: Project) -> None:
    """The first is undone only when nothing that was decided after it is in force."""
    card(people, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 3")
    field = card(people, 2).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    wait_for_toast(people, "to Anna")
    first = people.locator(".toast", has_text="Hid Person 3").get_by_role("button")
    first.hover()  # messages stay while they are used
    second = people.locator(".toast", has_text="to Anna").get_by_role("button")
    second.click()
    wait_for_toast(people, "Undone: Renamed Person 2 to Anna")
    first.click()
    wait_for_toast(people, "Undone: Hid Person 3")
    assert [state for *_, state in decisions(sorted_project)] == ["undone", "undone"]


def test_an_undo_that_would_be_of_another_decision(people: Page, sorted_project: Project) -> None:
    card(people, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 3")
    card(people, 4).get_by_role("button", name="Hide").click()
    wait_for_toast(people, "Hid Person 4")
    people.locator(".toast", has_text="Hid Person 3").get_by_role("button").click()
    wait_for_toast(people, "“Hid Person 3” cannot be undone on its own. Undo “Hid Person 4” first.")
    assert [state for *_, state in decisions(sorted_project)] == ["made", "made"]
    assert rows(sorted_project, "SELECT * FROM hidden") == [(3,), (4,)]


def test_toasts_do_not_pile_up(people: Page) -> None:
    most = people.evaluate(
        """async (script) => {
          const { toast } = await import(script);
          for (let i = 0; i < 9; i++) toast(`message ${i}`, { problem: i % 3 === 0 });
          for (let i = 0; i < 2; i++) toast("the same problem", { problem: true });
          return [...document.querySelectorAll(".toast")].map((line) => line.textContent);
        }""",
        static_url("shared/page.js"),
    )
    assert most == ["message 7", "message 8", "the same problem"]


def test_keys_do_nothing_while_typing(people: Page, sorted_project: Project) -> None:
    field = card(people, 2).locator(".name-field")
    field.focus()
    people.keyboard.type("sdk")
    assert decisions(sorted_project) == []
    field.press("Enter")
    wait_for_toast(people, "to sdk")


def test_several_projects(page: Page, sorted_project: Project, crops_project: Path) -> None:
    with running([sorted_project.folder, crops_project]) as served:
        go(page, f"{served.address}/people")
        page.get_by_role("link", name="film").first.click()
        page.wait_for_url("**/people/film")
        page.goto("about:blank")


def test_footage_that_is_added_while_the_page_is_open(
    people: Page, sorted_project: Project
) -> None:
    film = sorted_project.folder.parent / "film.mp4"
    other = Path(shutil.copy(film, film.with_name("other.mp4")))
    other.write_bytes(other.read_bytes() + b"\0")  # the same film would be recognised
    cluster_again(sorted_project, film, other)
    people.locator(".facts", has_text="other").first.wait_for()
    facts = " ".join(people.locator(".facts").all_inner_texts())
    assert "film 0:00 – other 0:" in facts
    assert "undefined" not in facts


@pytest.mark.parametrize("way", ["back", "link"])
def test_back_to_people_keeps_the_place(people: Page, review: Running, way: str) -> None:
    people.set_viewport_size({"width": 390, "height": 400})
    card(people, 5).locator(".montage").scroll_into_view_if_needed()
    top = people.evaluate("scrollY")
    assert top > 200
    card(people, 5).locator(".montage").click()
    people.locator(".face").first.wait_for()
    if way == "back":
        people.go_back()
    else:
        people.get_by_label("Back to all people").click()
    card(people, 5).wait_for()
    assert people.evaluate("scrollY") == pytest.approx(top, abs=2)
    # A visit from elsewhere begins at the top.
    people.goto("about:blank")
    go(people, f"{review.address}/people/film")
    assert people.evaluate("scrollY") == 0

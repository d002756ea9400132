"""The People room in a real browser, and what stands in SQLite afterwards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clustering.grouping.footage import GroupingSettings
from clustering.settings import ClusterSettings
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.tables.dataset import read_data_file
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.web.serving import Running, running
from tests.web.sorted_project import cluster_again, decisions, rows, whose

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NONE = -1


@pytest.fixture(autouse=True)
def _served_to_the_end(review: Running) -> None:
    """The server comes before the page, and goes after it."""


@pytest.fixture
def people(page: Page, review: Running) -> Page:
    """The page of everybody."""
    return go(page, f"{review.address}/people/film")


def go(page: Page, address: str) -> Page:
    """Open a page, and wait until it shows what it is about."""
    page.goto(address)
    page.locator("[data-person], .face, .plain-link").first.wait_for()
    return page


def reload(page: Page) -> None:
    go(page, page.url)


def card(page: Page, person: int) -> Locator:
    return page.locator(f'[data-person="{person}"]')


def said(page: Page, text: str) -> None:
    """Wait until the page says so, and so the server has it."""
    page.locator(".toast", has_text=text).first.wait_for()


def counts(project: Project) -> dict[int, int]:
    return dict(Counter(whose(project)))


def choose_faces(page: Page, first: int, last: int) -> None:
    faces = page.locator(".face")
    faces.nth(first).click()
    if last > first:
        faces.nth(last).click(modifiers=["Shift"])


# --- everybody --------------------------------------------------------------------------------


def test_what_is_there(people: Page, sorted_project: Project) -> None:
    there = counts(sorted_project)
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
    said(people, f"Person 2 is called {name}")
    assert decisions(sorted_project) == [("rename", 2, NONE, name, 0, "made")]
    assert rows(sorted_project, "SELECT name FROM people WHERE person_id = 2") == [(name,)]
    reload(people)
    assert card(people, 2).locator(".name-field").input_value() == name
    assert people.locator("main b").count() == 0


def test_a_rename_that_is_given_up(people: Page, sorted_project: Project) -> None:
    field = card(people, 2).locator(".name-field")
    for text, key in (("Anna", "Escape"), ("", "Enter"), ("Person 2", "Enter")):
        field.fill(text)
        field.press(key)
        assert field.input_value() == "Person 2"
    assert decisions(sorted_project) == []


def test_these_two_are_the_same(people: Page, sorted_project: Project) -> None:
    before = counts(sorted_project)
    assert people.locator("#pair").is_visible()
    names = {people.locator(f"#pair-{side} h3").inner_text() for side in ("a", "b")}
    assert names == {"Person 1", "Person 5"}
    people.keyboard.press("s")
    said(people, "is Person")
    ((kind, gone, into, *_),) = decisions(sorted_project)
    assert (kind, {gone, into}) == ("merge", {1, 5})
    assert counts(sorted_project)[into] == before[1] + before[5]
    assert rows(sorted_project, f"SELECT * FROM people WHERE person_id = {gone}") == []
    assert card(people, gone).count() == 0


def test_these_two_are_different(people: Page, sorted_project: Project) -> None:
    people.keyboard.press("d")
    said(people, "is not")
    ((kind, person, other, *_),) = decisions(sorted_project)
    assert (kind, {person, other}) == ("different", {1, 5})
    people.locator("#pair").wait_for(state="hidden")
    reload(people)
    assert not people.locator("#pair").is_visible()


def test_skip_asks_again_another_day(people: Page, browser: Browser, review: Running) -> None:
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
    said(people, "Person 5 is Person 1")
    assert decisions(sorted_project) == [("merge", 5, 1, "", 0, "made")]
    assert 5 not in whose(sorted_project)


def test_merge_by_choosing(people: Page, sorted_project: Project) -> None:
    """Who has a name stays, whoever was chosen first."""
    field = card(people, 5).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    said(people, "is called Anna")
    for person in (1, 5):
        card(people, person).get_by_role("checkbox").check()
    assert people.locator("#chosen-names").inner_text() == "Person 1, Anna"
    people.get_by_role("button", name="Same person", exact=True).click()
    said(people, "Person 1 is Anna")
    assert decisions(sorted_project)[1] == ("merge", 1, 5, "", 0, "made")
    assert people.locator("#chosen-bar").is_hidden()


def test_hide_and_show(people: Page, sorted_project: Project) -> None:
    card(people, 3).get_by_role("button", name="Hide").click()
    said(people, "Person 3 hidden")
    assert rows(sorted_project, "SELECT * FROM hidden") == [(3,)]
    assert people.locator("#cards [data-person]").count() == 4
    people.locator("#hidden-part summary").click()
    card(people, 3).get_by_role("button", name="Show again").click()
    said(people, "Person 3 shown again")
    assert rows(sorted_project, "SELECT * FROM hidden") == []
    assert [kind for kind, *_ in decisions(sorted_project)] == ["hide", "show"]
    assert people.locator("#cards [data-person]").count() == 5


def test_undo_and_redo(people: Page, sorted_project: Project) -> None:
    before = whose(sorted_project)
    people.keyboard.press("s")
    said(people, "is Person")
    merged = whose(sorted_project)
    people.locator("#undo").click()
    said(people, "Undone: ")
    assert whose(sorted_project) == before
    assert [state for *_, state in decisions(sorted_project)] == ["undone"]
    people.keyboard.press("Control+Shift+Z")
    said(people, "Redone: ")
    assert whose(sorted_project) == merged
    people.keyboard.press("Control+z")
    people.locator(".toast", has_text="Undone: ").nth(1).wait_for()
    assert whose(sorted_project) == before
    card(people, 4).get_by_role("button", name="Hide").click()
    said(people, "Person 4 hidden")
    assert [state for *_, state in decisions(sorted_project)] == ["dropped", "made"]
    assert people.locator("#redo").is_disabled()
    people.locator("#show-history").click()
    people.locator("#history li").first.wait_for()
    lines = people.locator("#history li").all_inner_texts()
    assert lines[0].startswith("Person 4 hidden")
    assert "undone" in lines[1]


def test_undo_on_the_toast(people: Page, sorted_project: Project) -> None:
    card(people, 3).get_by_role("button", name="Hide").click()
    said(people, "hidden")
    people.locator(".toast button").click()
    said(people, "Undone: Person 3 hidden")
    assert rows(sorted_project, "SELECT * FROM hidden") == []


# --- one person -------------------------------------------------------------------------------


@pytest.fixture
def person_4(page: Page, review: Running) -> Page:
    """The page of a person among whose faces are three of somebody else."""
    return go(page, f"{review.address}/people/film/4")


def test_the_most_doubtful_come_first(person_4: Page, sorted_project: Project) -> None:
    """The three that are not theirs; see what they are of once they were thrown out."""
    before = counts(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("e")
    said(person_4, "3 faces not Person 4")
    after = counts(sorted_project)
    assert after[4] == before[4] - 3
    assert after[UNKNOWN] == before[UNKNOWN] + 3
    assert decisions(sorted_project) == [("eject", 4, NONE, "", 3, "made")]
    cluster_again(sorted_project)
    # The clustering knows them for person 3's by then; person 4 they are not.
    assert counts(sorted_project)[4] == before[4] - 3


def test_move(person_4: Page, sorted_project: Project) -> None:
    before = counts(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("m")
    person_4.locator("#choose-person input").fill("son 3")
    person_4.keyboard.press("Enter")
    said(person_4, "3 faces moved to Person 3")
    assert counts(sorted_project)[3] == before[3] + 3
    assert decisions(sorted_project) == [("move", 3, NONE, "", 3, "made")]


def test_split_off(person_4: Page, sorted_project: Project) -> None:
    before = counts(sorted_project)
    choose_faces(person_4, 0, 2)
    person_4.keyboard.press("n")
    said(person_4, "3 faces split off as Person 6")
    assert counts(sorted_project) == {**before, 4: before[4] - 3, 6: 3}
    assert decisions(sorted_project) == [("split", 6, NONE, "", 3, "made")]


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
    assert chosen.inner_text() == "3 faces chosen"
    person_4.keyboard.press("Escape")
    assert "drag" in chosen.inner_text()
    person_4.locator("#grid").focus()
    person_4.keyboard.press("Home")
    person_4.keyboard.press("Space")
    person_4.keyboard.press("Shift+ArrowRight")
    person_4.keyboard.press("Shift+ArrowRight")
    assert chosen.inner_text() == "3 faces chosen"
    assert person_4.locator('.face[aria-selected="true"]').count() == 3
    person_4.keyboard.press("Control+a")
    assert chosen.inner_text() == f"{faces.count()} faces chosen"
    person_4.keyboard.press("Enter")
    assert person_4.locator("#face-viewer").is_visible()


def test_a_person_who_is_gone(person_4: Page, sorted_project: Project, review: Running) -> None:
    """Somebody else merges them meanwhile: the page leads back to everybody."""
    from data.tables.decisions import Decision, DecisionKind

    with open_people(sorted_project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 3))
    person_4.wait_for_url(f"{review.address}/people/film", timeout=10_000)


# --- the unknown ------------------------------------------------------------------------------


def test_accept_all(page: Page, review: Running, sorted_project: Project) -> None:
    before = counts(sorted_project)
    go(page, f"{review.address}/people/film/unknown")
    assert page.locator(".face-grid-head h2").all_inner_texts() == ["Maybe Person 2 6 faces"]
    page.get_by_role("button", name="Accept all as Person 2").click()
    said(page, "6 faces accepted as Person 2")
    assert counts(sorted_project)[2] == before[2] + 6
    assert UNKNOWN not in whose(sorted_project)
    assert decisions(sorted_project) == [("accept", 2, NONE, "", 6, "made")]
    assert page.locator("#no-unknown").is_visible()


def test_accept_some(page: Page, review: Running, sorted_project: Project) -> None:
    go(page, f"{review.address}/people/film/unknown")
    choose_faces(page, 1, 3)
    page.keyboard.press("a")
    said(page, "3 faces accepted as Person 2")
    assert counts(sorted_project)[UNKNOWN] == 3


# --- what is kept -----------------------------------------------------------------------------


def review_everything(page: Page, address: str) -> None:
    """Every kind of decision, each by the page."""
    go(page, f"{address}/people/film")
    field = card(page, 2).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    said(page, "is called Anna")
    page.keyboard.press("s")
    said(page, "Person 5 is Person 1")
    card(page, 3).get_by_role("button", name="Hide").click()
    said(page, "hidden")
    go(page, f"{address}/people/film/4")
    choose_faces(page, 0, 0)
    page.keyboard.press("e")
    said(page, "1 face not Person 4")
    choose_faces(page, 0, 0)
    page.keyboard.press("m")
    page.locator("#choose-person input").fill("Person 3")
    page.keyboard.press("Enter")
    said(page, "1 face moved to Person 3")
    choose_faces(page, 0, 0)
    page.keyboard.press("n")
    said(page, "1 face split off as Person 6")
    go(page, f"{address}/people/film/unknown")
    page.get_by_role("button", name="Accept all as Anna").click()
    said(page, "faces accepted as Anna")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(ClusterSettings(every_s=0.1), id="again", marks=pytest.mark.slow),
        pytest.param(ClusterSettings(every_s=0.1, force=True), id="by force"),
        pytest.param(
            ClusterSettings(every_s=0.1, grouping=GroupingSettings(eps=0.45)),
            id="stricter",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_clustering_again_keeps_everything(
    page: Page, review: Running, sorted_project: Project, settings: ClusterSettings
) -> None:
    review_everything(page, review.address)
    before = whose(sorted_project)
    known = rows(sorted_project, "SELECT * FROM people")
    cluster_again(sorted_project, settings=settings)
    after = whose(sorted_project)
    assert rows(sorted_project, "SELECT * FROM people") == known
    assert rows(sorted_project, "SELECT * FROM hidden") == [(3,)]
    assert known == [
        (1, "Person 1"),
        (2, "Anna"),
        (3, "Person 3"),
        (4, "Person 4"),
        (6, "Person 6"),
    ]
    thrown_out = before.index(UNKNOWN) if UNKNOWN in before else None
    changed = [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    # Only who was thrown out may have found somebody else by now.
    assert set(changed) <= {thrown_out}
    assert thrown_out is None or after[thrown_out] != 4
    names = read_data_file(sorted_project.dataset_folder / "data.yaml").names
    assert (
        {"Person 1", "Anna", "Person 4"} <= set(names) <= set(dict(known).values()) - {"Person 3"}
    )


def test_writing_the_dataset_again(page: Page, review: Running, sorted_project: Project) -> None:
    review_everything(page, review.address)
    go(page, f"{review.address}/people/film")
    assert "due" in (page.locator("#show-writing").get_attribute("class") or "")
    page.locator("#show-writing").click()
    page.locator(".writing-text", has_text="Person 2 is now Anna").wait_for()
    assert "labels change" in page.locator(".writing-text").inner_text()
    page.locator("#start-writing").click()
    page.locator(".writing-text", has_text="Written: ").wait_for()
    names = read_data_file(sorted_project.dataset_folder / "data.yaml").names
    assert "Anna" in names
    assert not {"Person 2", "Person 3", "Person 5"} & set(names)
    assert (sorted_project.people_folder / "Anna").is_dir()
    assert (sorted_project.people_folder / "montage" / "Anna.jpg").is_file()
    page.keyboard.press("Escape")
    assert "due" not in (page.locator("#show-writing").get_attribute("class") or "")


# --- two at once ------------------------------------------------------------------------------


def test_two_browsers_do_not_lose_each_others_decisions(
    page: Page, browser: Browser, review: Running, sorted_project: Project
) -> None:
    """One renames, the other merges, on pages that were loaded before; then both want the same."""
    other = browser.new_page()
    for one in (page, other):
        go(one, f"{review.address}/people/film")
    field = card(page, 2).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    said(page, "is called Anna")
    card(other, 3).get_by_role("button", name="Hide").click()
    said(other, "Person 3 hidden")
    assert [kind for kind, *_ in decisions(sorted_project)] == ["rename", "hide"]
    card(other, 2).locator(".name-field").wait_for()
    other.wait_for_function(
        "document.querySelector('[data-person=\"2\"] .name-field').value === 'Anna'"
    )
    other.close()


def test_the_same_person_at_once(
    browser: Browser, review: Running, sorted_project: Project
) -> None:
    from playwright.sync_api import expect

    pages = [browser.new_page() for _ in range(2)]
    for one in pages:
        # Neither looks for the other's decisions by itself.
        one.route("**/people/revision", lambda route: route.abort())
        go(one, f"{review.address}/people/film")
    for one, name in zip(pages, ("Anna", "Ben"), strict=True):
        field = card(one, 2).locator(".name-field")
        field.fill(name)
        field.press("Enter")
    said(pages[0], "is called Anna")
    said(pages[1], "meanwhile; look again")
    assert [name for *_, name, _, _ in decisions(sorted_project)] == ["Anna"]
    # The page says it first, and then looks again.
    expect(card(pages[1], 2).locator(".name-field")).to_have_value("Anna")
    for one in pages:
        one.close()


# --- looks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["", "/4", "/unknown"])
@pytest.mark.parametrize("width", [1440, 390])
def test_everything_has_a_name_and_fits(
    page: Page, review: Running, place: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    go(page, f"{review.address}/people/film{place}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    nameless = page.evaluate(NAMELESS)
    assert nameless == []


NAMELESS = """
() => [...document.querySelectorAll('button, a, input, select, [role=option]')]
  .filter((one) => one.offsetParent)
  .filter((one) => !(one.ariaLabel || one.innerText?.trim() || one.labels?.length))
  .map((one) => one.outerHTML.slice(0, 120))
"""


def test_keys_do_nothing_while_one_types(people: Page, sorted_project: Project) -> None:
    field = card(people, 2).locator(".name-field")
    field.focus()
    people.keyboard.type("sdk")
    assert decisions(sorted_project) == []
    field.press("Enter")
    said(people, "is called sdk")


def test_several_projects(page: Page, sorted_project: Project, crops_project: Path) -> None:
    with running([sorted_project.folder, crops_project]) as served:
        go(page, f"{served.address}/people")
        page.get_by_role("link", name="film").first.click()
        page.wait_for_url("**/people/film")
        page.goto("about:blank")

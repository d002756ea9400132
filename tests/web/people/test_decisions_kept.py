"""Decisions survive a new clustering, a rewrite of the dataset, and a second browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clustering.grouping.footage import GroupingSettings
from clustering.settings import ClusterSettings
from data.core.arrays import UNKNOWN
from data.project.project import Project
from data.tables.dataset import read_data_file
from tests.web.people.pages import card, choose_faces, go, wait_for_toast
from tests.web.serving import Running
from tests.web.sorted_project import cluster_again, decisions, person_ids, rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The server starts before the page and stops after it.
pytestmark = pytest.mark.usefixtures("review")


def review_everything(page: Page, address: str) -> None:
    """Make every kind of decision on the pages."""
    go(page, f"{address}/people/film")
    field = card(page, 2).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    wait_for_toast(page, "to Anna")
    page.keyboard.press("s")
    wait_for_toast(page, "Merged Person 5 into Person 1")
    card(page, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(page, "Hid Person")
    go(page, f"{address}/people/film/4")
    choose_faces(page, 0, 0)
    page.keyboard.press("e")
    wait_for_toast(page, "Removed 1 face from Person 4")
    choose_faces(page, 0, 0)
    page.keyboard.press("m")
    page.locator("#choose-person input").fill("Person 3")
    page.keyboard.press("Enter")
    wait_for_toast(page, "Moved 1 face to Person 3")
    choose_faces(page, 0, 0)
    page.keyboard.press("n")
    wait_for_toast(page, "Split off 1 face as Person 6")
    go(page, f"{address}/people/film/unknown")
    page.get_by_role("button", name="Accept all as Anna").click()
    wait_for_toast(page, "faces as Anna")


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
    before = person_ids(sorted_project)
    known = rows(sorted_project, "SELECT * FROM people")
    cluster_again(sorted_project, settings=settings)
    after = person_ids(sorted_project)
    assert rows(sorted_project, "SELECT * FROM people") == known
    assert rows(sorted_project, "SELECT * FROM hidden") == [(3,)]
    assert known == [
        (1, "Person 1"),
        (2, "Anna"),
        (3, "Person 3"),
        (4, "Person 4"),
        (6, "Person 6"),
    ]
    removed = before.index(UNKNOWN) if UNKNOWN in before else None
    changed = [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    # Only the removed face may have another person now.
    assert set(changed) <= {removed}
    assert removed is None or after[removed] != 4
    names = read_data_file(sorted_project.dataset_folder / "data.yaml").names
    assert (
        {"Person 1", "Anna", "Person 4"} <= set(names) <= set(dict(known).values()) - {"Person 3"}
    )


def test_writing_the_dataset_again(review: Running, page: Page, sorted_project: Project) -> None:
    review_everything(page, review.address)
    go(page, f"{review.address}/people/film")
    assert "due" in (page.locator("#show-writing").get_attribute("class") or "")
    page.locator("#show-writing").click()
    page.locator(".writing-text", has_text="Person 2 is now Anna").wait_for()
    assert "files will change" in page.locator(".writing-text").inner_text()
    page.locator("#start-writing").click()
    page.locator(".writing-text", has_text="Updated: ").wait_for()
    names = read_data_file(sorted_project.dataset_folder / "data.yaml").names
    assert "Anna" in names
    assert not {"Person 2", "Person 3", "Person 5"} & set(names)
    assert (sorted_project.people_folder / "Anna").is_dir()
    assert (sorted_project.people_folder / "montage" / "Anna.jpg").is_file()
    assert "Out of date" in page.locator("#project-state").inner_text()
    with page.expect_navigation():
        page.keyboard.press("Escape")
    page.locator("[data-person]").first.wait_for()
    assert "Out of date" not in page.locator("#project-state").inner_text()
    assert "due" not in (page.locator("#show-writing").get_attribute("class") or "")


def test_two_browsers_do_not_lose_each_others_decisions(
    page: Page, browser: Browser, review: Running, sorted_project: Project
) -> None:
    """One page renames, the other hides a person; both were loaded before."""
    other = browser.new_page()
    for one in (page, other):
        go(one, f"{review.address}/people/film")
    field = card(page, 2).locator(".name-field")
    field.fill("Anna")
    field.press("Enter")
    wait_for_toast(page, "to Anna")
    card(other, 3).get_by_role("button", name="Hide").click()
    wait_for_toast(other, "Hid Person 3")
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
        # Neither page polls for the other's decisions.
        one.route("**/people/revision", lambda route: route.abort())
        go(one, f"{review.address}/people/film")
    for one, name in zip(pages, ("Anna", "Ben"), strict=True):
        field = card(one, 2).locator(".name-field")
        field.fill(name)
        field.press("Enter")
    wait_for_toast(pages[0], "to Anna")
    wait_for_toast(pages[1], "in the meantime: check them")
    assert [name for *_, name, _, _ in decisions(sorted_project)] == ["Anna"]
    # The page shows the error first, then reloads.
    expect(card(pages[1], 2).locator(".name-field")).to_have_value("Anna")
    for one in pages:
        one.close()

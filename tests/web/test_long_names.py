"""Names of up to 200 letters and a password fit into every page, from wide to very narrow."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.project.project import Project
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.people.pages import card, choose_faces
from tests.web.serving import Running, running
from web.core.settings import ServerSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "correct horse"
NAMES = ("X" * 200, "Anna Magdalena von und zu " * 7, "W" * 60, "Ümlaut-" * 20, "Y" * 120)
WIDTHS = [1440, 844, 390, 320]
BEYOND = """() => {
  const root = document.documentElement;
  const inside = (box) => box.left >= -1 && box.right <= innerWidth + 1;
  const shown = [...document.querySelectorAll(
    "header *, dialog[open], dialog[open] *, .toast, .toast *, .action-bar")]
    .filter((one) => one.getClientRects().length && !inside(one.getBoundingClientRect()));
  return [root.scrollWidth - innerWidth, shown.map((one) => one.outerHTML.slice(0, 80))];
}"""


@pytest.fixture(scope="module")
def served(sorted_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield a server with a password of a project to review and one to watch."""
    folder = tmp_path_factory.mktemp("names")
    project = Project(Path(shutil.copytree(sorted_folder, folder / "sorted")) / "film.fancam")
    connection = sqlite3.connect(project.people_file)
    connection.executemany(
        "UPDATE people SET name = ? WHERE person_id = ?",
        [(name.strip(), person) for person, name in enumerate(NAMES, start=1)],
    )
    connection.commit()
    connection.close()
    drawing = Drawing(names=NAMES, seconds=1.0, size_wh=(96, 120))
    footage = "a-footage-of-a-long-name-" * 2
    crops = draw_crops(folder / f"{'z' * 90}.fancam", drawing, footage=footage)
    settings = ServerSettings(password=PASSWORD)
    with running([project.folder, crops.folder], settings) as one:
        yield one


@pytest.fixture(params=WIDTHS)
def visit(request: pytest.FixtureRequest, browser: Browser, served: Running) -> Iterator[Page]:
    """Yield a page of this width that is logged in."""
    context = browser.new_context(viewport={"width": request.param, "height": 640})
    page = context.new_page()
    page.goto(served.address)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator(".library").wait_for()
    yield page
    context.close()


def check(page: Page) -> None:
    assert page.evaluate(BEYOND) == [0, []], page.url


def test_people(visit: Page, served: Running) -> None:
    visit.goto(f"{served.address}/people/film")
    card(visit, 1).wait_for()
    check(visit)
    for person in (1, 2, 3):
        card(visit, person).get_by_role("checkbox").check()
    check(visit)
    card(visit, 4).get_by_role("button", name="Hide").click()
    visit.locator(".toast").wait_for()
    check(visit)
    visit.locator(".toast").get_by_role("button").click()
    visit.locator(".toast", has_text="Undone").wait_for()
    visit.locator("#show-writing").click()
    visit.locator("#writing p").nth(2).wait_for()
    check(visit)


def test_faces(visit: Page, served: Running) -> None:
    for place in ("1", "unknown"):
        visit.goto(f"{served.address}/people/film/{place}")
        visit.locator(".face").first.wait_for()
        check(visit)
    for place in ("1/moments", "together?person=1&person=2&person=3"):
        visit.goto(f"{served.address}/people/film/{place}")
        visit.locator(".moment").first.wait_for()
        check(visit)
    visit.goto(f"{served.address}/people/film/unknown")
    visit.locator(".face").first.wait_for()
    choose_faces(visit, 0, 0)
    visit.keyboard.press("m")
    visit.locator(".person-choice").first.wait_for()
    check(visit)


def test_watch_and_label(visit: Page, served: Running) -> None:
    check(visit)
    for address in (f"/watch/{'z' * 40}/1", "/label/film", "/nowhere"):
        visit.goto(served.address + address)
        visit.wait_for_load_state("load")
        check(visit)
        if "watch" in address:
            visit.locator(".tile.on-stage").wait_for()
            check(visit)
            visit.keyboard.press("g")
            check(visit)

"""Accessibility of every page and state by axe-core: light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.web.serving import Running, open_client, own_origin, running
from web.core.settings import ServerSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Step = Callable[["Page"], object]


def press(key: str) -> Step:
    return lambda page: page.keyboard.press(key)


def click(selector: str) -> Step:
    """Click by script: some buttons are hidden on a narrow page."""
    return lambda page: page.locator(selector).first.evaluate("(button) => button.click()")


def wait(selector: str) -> Step:
    return lambda page: page.locator(selector).first.wait_for()


def choose(selector: str, value: str) -> Step:
    return lambda page: page.select_option(selector, value)


def open_settings(page: Page) -> None:
    """Open the settings of the Label page, which are folded on a narrow page."""
    page.evaluate("document.getElementById('settings').open = true")


CARDS, FACES, TILES, STAGE = "[data-person]", ".face", ".tile", ".tile.on-stage"
# Page and steps to every state, by the server that has it: "library", "review" or "locked".
STATES: dict[str, tuple[str, str, list[Step]]] = {
    "library": ("library", "/", [wait(".footage")]),
    "library of a project without footage": ("library", "/watch/nobody", []),
    "after the first visit": ("library", "/", [click("#first-steps-done")]),
    "watch": ("library", "/watch/film/1", [wait(STAGE)]),
    "many people": ("library", "/watch/many/1", [wait(STAGE)]),
    "grid": ("library", "/watch/film/1", [wait(STAGE), press("g")]),
    "somebody away": (
        "library",
        "/watch/film/1",
        [wait(STAGE), press("ArrowRight"), press("4"), wait("#stage-return:not([hidden])")],
    ),
    "a moment under the pointer": (
        "library",
        "/watch/film/1",
        [wait(STAGE), lambda page: page.hover("#seek"), wait("#preview video.loaded")],
    ),
    "side by side": ("library", "/watch/film/1", [wait(STAGE), press("b"), wait(".tile.beside")]),
    "shortcuts of watch": ("library", "/watch/film/1", [wait(STAGE), press("?")]),
    "no videos": ("library", "/watch/empty/1", []),
    "no people": ("library", "/people/nobody", []),
    "no clustering": ("library", "/label/empty", []),
    "choice of a project": ("library", "/people", []),
    "no such page": ("library", "/nowhere", []),
    "no such person": ("review", "/people/film/77", []),
    "login": ("locked", "/", [wait("#password")]),
    "wrong password": (
        "locked",
        "/",
        [lambda page: page.fill("#password", "no"), press("Enter"), wait("#wrong")],
    ),
    "people": ("review", "/people/film", [wait(CARDS)]),
    "state of the project": ("review", "/people/film", [wait(CARDS), click("summary")]),
    "selected people": ("review", "/people/film", [wait(CARDS), click(".choose")]),
    "a person is hidden": (
        "review",
        "/people/film",
        [wait(CARDS), click(".hide"), wait(".toast"), click("#hidden-part summary")],
    ),
    "history": ("review", "/people/film", [click("#show-history"), wait("#history li")]),
    "shortcuts of people": ("review", "/people/film", [wait(CARDS), click("#show-keys")]),
    "dataset": (
        "review",
        "/people/film",
        [wait(CARDS), click("#show-writing"), wait("#start-writing:enabled")],
    ),
    "a person": ("review", "/people/film/4", [wait(FACES)]),
    "selected faces": ("review", "/people/film/4", [wait(FACES), click("#all")]),
    "where to move faces": (
        "review",
        "/people/film/4",
        [wait(FACES), click("#all"), click("#move"), wait("#choose-person[open] button")],
    ),
    "an enlarged face": (
        "review",
        "/people/film/4",
        [wait(FACES), lambda page: page.locator(FACES).first.dblclick(), wait("dialog[open]")],
    ),
    "a person's moments": ("review", "/people/film/4/moments", [wait(".moment")]),
    "people together": (
        "review",
        "/people/film/together?person=1&person=2",
        [wait(".moment")],
    ),
    "unknown faces": ("review", "/people/film/unknown", [wait(FACES)]),
    "label": ("review", "/label/film", [wait(TILES)]),
    "label, nothing left": (
        "review",
        "/label/film",
        [wait(TILES), open_settings, choose("#which", "labelled"), wait("#done")],
    ),
    "label, labellers disagree": (
        "review",
        "/label/film",
        [
            wait(TILES),
            open_settings,
            choose("#set", "mood"),
            choose("#which", "disagreements"),
            wait(".disagreement"),
        ],
    ),
    "label, many answers": (
        "review",
        "/label/film",
        [wait(TILES), choose("#set", "expressions"), wait("#click-label.many")],
    ),
    "a new question": ("review", "/label/film", [wait(TILES), click("#new-set")]),
    "shortcuts of label": ("review", "/label/film", [wait(TILES), click("#show-keys")]),
}


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violations(
    browser: Browser,
    library: Running,
    review: Running,
    crops_project: Path,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with open_client(review) as client:
        labels, origin = "/api/projects/film/labels", own_origin(client)
        for question in (
            {"name": "mood", "labels": ["calm", "glad", "sad"]},
            {"name": "expressions", "labels": [f"answer {i}" for i in range(17)]},
        ):
            client.post(labels, json=question, headers=origin).raise_for_status()
        (face, *_) = client.get(f"{labels}/mood/faces/1").json()["faces"]
        for by, label in (("Anna", "glad"), ("Ben", "sad")):
            body = {"by": by, "labels": [{"face": face, "label": label}]}
            client.post(f"{labels}/mood/faces", json=body, headers=origin).raise_for_status()
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    found = {}
    with running([crops_project], ServerSettings(password="correct horse")) as locked:
        servers = {"library": library, "review": review, "locked": locked}
        for state, (server, path, steps) in STATES.items():
            page.goto(f"{servers[server].address}{path}")
            for step in steps:
                step(page)
            violations = axe.run(page).response["violations"]
            found[state] = [(each["id"], each["nodes"][0]["html"]) for each in violations]
        page.close()
    assert {state: violations for state, violations in found.items() if violations} == {}

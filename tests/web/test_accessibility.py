"""Accessibility and layout of the pages: wide and narrow, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.web.serving import Running, open_client, own_origin, running
from web.core.settings import ServerSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
# Time of the first paint, measured by the browser.
PAINTED = """() => new Promise((resolve) => {
  const look = () => {
    const entry = performance.getEntriesByName("first-contentful-paint")[0];
    if (entry) resolve(entry.startTime);
    else setTimeout(look, 10);
  };
  look();
})"""


def check(page: Page) -> None:
    page.wait_for_load_state("load")  # waits for the style sheets
    found = page.evaluate(CHECKS)
    assert found["title"]
    none: list[object] = []
    lists = ("nameless", "misnamed", "targets", "inLists", "pictures", "faint")
    expected = dict.fromkeys(lists, none) | {"overflow": 0, "ids": 0}
    assert {name: found[name] for name in expected} == expected
    assert (found["lang"], found["headings"]) == ("en", 1)


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages(
    browser: Browser, library: Running, size: str, scheme: Literal["light", "dark"]
) -> None:
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    for address in (
        *("/", "/watch/film/1", "/watch/many/1", "/watch/empty/1", "/watch/nowhere/1"),
        *("/people", "/people/nobody", "/people/film/77"),
    ):
        page.goto(f"{library.address}{address}")
        check(page)
        if address.endswith("/1") and page.locator("#player").count():
            page.keyboard.press("g")
            check(page)
            page.keyboard.press("?")
            check(page)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_login(browser: Browser, crops_project: Path, scheme: Literal["light", "dark"]) -> None:
    with running([crops_project], ServerSettings(password="correct horse")) as served:
        page = browser.new_page(color_scheme=scheme)
        page.goto(served.address)
        check(page)
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        check(page)
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()
        page.locator("#player").wait_for()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Password").wait_for()
        page.close()


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_review_pages(
    review: Running, browser: Browser, size: str, scheme: Literal["light", "dark"]
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    ask_three_answers(review)
    for place, ready, dialogs in (
        ("people/film", "[data-person]", ("show-history", "show-keys", "show-writing")),
        ("people/film/4", ".face", ()),
        ("people/film/unknown", ".face", ()),
        ("people/film/4/moments", ".moment", ()),
        ("people/film/together?person=1&person=2", ".moment", ()),
        ("label/film", ".tile", ("new-set", "show-keys")),
    ):
        page.goto(f"{review.address}/{place}")
        page.locator(ready).first.wait_for()
        check(page)
        for opens in dialogs:
            page.evaluate("(id) => document.getElementById(id).click()", opens)
            page.locator("dialog[open]").wait_for()
            check(page)
            page.keyboard.press("Escape")
    context.close()


# Whether all pictures that are in view are loaded.
LOADED = """() => [...document.images]
  .filter((picture) => picture.getBoundingClientRect().top < innerHeight)
  .every((picture) => picture.complete)
"""
# Sum of all layout shifts since the page was opened.
SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    const unasked = list.getEntries().filter((entry) => !entry.hadRecentInput);
    for (const { value } of unasked) shifted += value;
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.mark.parametrize("size", list(SIZES))
def test_nothing_moves_while_a_page_loads(
    review: Running, browser: Browser, library: Running, size: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(f"({SHIFTS})()")
    page = context.new_page()
    ask_three_answers(review)
    pages = {
        f"{library.address}/": ".footage",
        f"{library.address}/watch/film/1": ".tile.on-stage",
        f"{library.address}/watch/many/1": ".tile.on-stage",
        f"{review.address}/people/film": "[data-person]",
        f"{review.address}/people/film/4": ".face",
        f"{review.address}/people/film/unknown": ".face",
        f"{review.address}/label/film": ".tile",
    }
    shifted = {}
    for address, ready in pages.items():
        page.goto(address)
        page.locator(ready).first.wait_for()
        page.wait_for_function(LOADED)
        page.wait_for_timeout(200)
        shifted[address.split("/", 3)[3]] = round(page.evaluate("shifted"), 3)
    print(size, shifted)
    assert {place: shift for place, shift in shifted.items() if shift >= 0.05} == {}
    context.close()


def ask_three_answers(served: Running) -> None:
    """Add a question with three answers to the Label page of a project."""
    with open_client(served) as client:
        question = {"name": "mood", "labels": ["calm", "glad", "sad"]}
        address = "/api/projects/film/labels"
        client.post(address, json=question, headers=own_origin(client)).raise_for_status()


def test_keyboard_focus_is_visible(browser: Browser, library: Running) -> None:
    page = browser.new_page()
    page.goto(f"{library.address}/watch/film/1")
    for _ in range(30):
        page.keyboard.press("Tab")
        ring = page.evaluate(
            """() => {
              const style = getComputedStyle(document.activeElement);
              const { width } = document.activeElement.getBoundingClientRect();
              return [style.outlineStyle, parseFloat(style.outlineWidth), width > 0];
            }"""
        )
        assert ring[0] != "none"
        assert ring[1] >= 2
        assert ring[2]
    page.close()


def test_the_skip_link_leads_to_the_content(page: Page, library: Running) -> None:
    page.goto(f"{library.address}/watch/film/1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.alone
def test_first_paint(browser: Browser, server: Running) -> None:
    """A page is painted within 300 ms, or within three times what this machine needs for any page.

    The reference is the page that says that there is no such page, in turns with the other.
    """
    times: list[float] = []
    references: list[float] = []
    # The best of several, since the machine may be busy.
    while len(times) < 10 and min(times, default=300) >= 300:
        for found, address in ((times, server.address), (references, f"{server.address}/none")):
            page = browser.new_page()
            page.goto(address)
            found.append(page.evaluate(PAINTED))
            page.close()
    assert min(times) < max(300, 3 * min(references))


def test_all_people_fit_into_the_grid(page: Page, library: Running) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{library.address}/watch/many/1")
    page.locator(".tile.on-stage").wait_for()
    page.keyboard.press("g")
    page.wait_for_timeout(200)
    outside = page.evaluate(
        """() => {
          const strip = document.getElementById("strip").getBoundingClientRect();
          return [...document.querySelectorAll(".screen")].filter((screen) => {
            const box = screen.getBoundingClientRect();
            return box.width < 100 || box.bottom > strip.bottom + 1 || box.right > strip.right + 1;
          }).length;
        }"""
    )
    assert outside == 0


def test_all_people_can_be_scrolled_to_on_a_phone(page: Page, library: Running) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{library.address}/watch/many/1")
    page.locator(".tile.on-stage").wait_for()
    ends = page.evaluate(
        """() => {
          const strip = document.getElementById("strip");
          const [first, ...others] = [...strip.querySelectorAll(".tile-face")];
          const left = () => strip.getBoundingClientRect().left;
          strip.scrollLeft = 0;
          const start = first.getBoundingClientRect().left - left();
          strip.scrollLeft = strip.scrollWidth;
          return [start, others.at(-1).getBoundingClientRect().right - left() - strip.clientWidth];
        }"""
    )
    assert ends[0] >= 0
    assert ends[1] <= 0


def test_the_checks_find_faults(page: Page, library: Running) -> None:
    page.goto(f"{library.address}/watch/empty/1")
    page.evaluate(
        """() => {
          const text = document.createElement("p");
          text.textContent = "faint";
          text.style.color = "#aaa";
          const button = document.createElement("button");
          button.style.cssText = "min-height: 0; height: 20px";
          const wide = document.createElement("div");
          wide.style.cssText = "width: 5000px; height: 1px";
          document.getElementById("main").append(text, button, new Image(9, 9), wide);
        }"""
    )
    found = page.evaluate(CHECKS)
    assert [text for text, _ in found["faint"]] == ["faint"]
    assert len(found["nameless"]) == len(found["pictures"]) == len(found["targets"]) == 1
    assert found["overflow"] > 0

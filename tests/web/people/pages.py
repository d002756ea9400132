"""Helpers for the browser tests of the People pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NO_PERSON: Final = -1
"""Value of the other person in a decision without one."""


def go(page: Page, address: str) -> Page:
    """Open a page and wait for its content."""
    page.goto(address)
    page.locator("[data-person], .face, .footage").first.wait_for()
    return page


def reload(page: Page) -> None:
    go(page, page.url)


def card(page: Page, person: int) -> Locator:
    return page.locator(f'[data-person="{person}"]')


def wait_for_toast(page: Page, text: str) -> None:
    """Wait for a message with ``text``: then the server has saved the decision."""
    page.locator(".toast", has_text=text).first.wait_for()


def choose_faces(page: Page, first: int, last: int) -> None:
    faces = page.locator(".face")
    faces.nth(first).click()
    if last > first:
        faces.nth(last).click(modifiers=["Shift"])

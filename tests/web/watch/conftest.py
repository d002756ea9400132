"""The drawn film opened in the Watch page, shared by the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.random_play import MEASURE
from tests.web.serving import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def opened(browser: Browser, server: Running) -> Iterator[Page]:
    """Yield the page of the drawn film, opened once; script errors fail the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.address)
    page.evaluate(MEASURE)
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def watching(opened: Page) -> Page:
    """Return the page of the drawn film in its initial state, all videos in sync."""
    assert opened.evaluate("measuring.reset()")
    return opened

"""The login page in a browser leads back to the page that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.serving import Running, open_client, own_origin, running
from web.core.security import own_path
from web.core.settings import ServerSettings
from web.core.static_files import static_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def locked(crops_project: Path) -> Iterator[Running]:
    """Yield a server with a password."""
    with running([crops_project], ServerSettings(password=PASSWORD)) as served:
        yield served


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """Yield a page without a login."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("path", ["/watch/film/1#t=2.5&person=3", "/label/film?x=1&y=%2F", "/"])
def test_the_login_leads_to_the_address_that_was_opened(
    visitor: Page, locked: Running, path: str
) -> None:
    visitor.goto(locked.address + path)
    log_in(visitor, "wrong")
    visitor.get_by_role("alert").wait_for()
    log_in(visitor)
    visitor.wait_for_url(lambda url: url.startswith(locked.address + path))


def test_a_login_that_expired_is_renewed_in_place(visitor: Page, locked: Running) -> None:
    address = f"{locked.address}/people/film"
    visitor.goto(address)
    log_in(visitor)
    visitor.wait_for_url(address)
    visitor.context.clear_cookies()
    visitor.evaluate(
        "(page) => void import(page).then((page) => page.request('/api')).catch(String)",
        static_url("shared/page.js"),
    )
    log_in(visitor)
    visitor.wait_for_url(address)


HOSTILE = [
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/a\r\nset-cookie: a=b",
    " /watch",
    "",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_the_login_leads_to_no_other_site(locked: Running, address: str) -> None:
    assert own_path(address) == "/"
    with open_client(locked) as client:
        form = {"password": PASSWORD, "next": address}
        answer = client.post("/login", data=form, headers=own_origin(client))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        answer = client.get("/login", params={"next": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/", "/watch/film/1#t=1", "/watch//film", "/label?x=//y"])
def test_own_paths(path: str) -> None:
    assert own_path(path) == path

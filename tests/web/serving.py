"""Test helpers: a running server, an HTTP client, a browser."""

from __future__ import annotations

import gc
import shutil
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI

from web.core.settings import ServerSettings
from web.serving import listening_server

if TYPE_CHECKING:
    import uvicorn
    from playwright.sync_api import Browser

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No sandbox: CI runs as root. Sound may start without a click.
_ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
]


@dataclass(frozen=True, slots=True)
class Running:
    """A running server."""

    app: FastAPI
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(projects: list[Path], settings: ServerSettings | None = None) -> Iterator[Running]:
    """Serve ``projects`` on a free port of this machine."""
    settings = replace(settings or ServerSettings(), port=0)
    with listening_server(projects, settings) as (server, listener):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert isinstance(server.config.app, FastAPI)
        yield Running(server.config.app, listener.getsockname()[1])
        server.should_exit = True
        thread.join(timeout=10)
        if server.server_state.connections:
            _drop_connections(server)


def _drop_connections(server: uvicorn.Server) -> None:
    """Collect aborted connections here, so that their warnings do not fail another test."""
    server.server_state.connections.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def served_client(
    projects: list[Path], settings: ServerSettings | None = None
) -> Iterator[httpx.Client]:
    """Serve ``projects``; yield a client that follows no redirects."""
    with running(projects, settings) as served, open_client(served) as client:
        yield client


def open_client(served: Running) -> httpx.Client:
    """Return a client of the server; closing it closes its connections."""
    # trust_env=False: ignore proxy settings.
    return httpx.Client(base_url=served.address, trust_env=False, timeout=20)


def own_origin(client: httpx.Client) -> dict[str, str]:
    """Return the Origin header that a page of the server sends with a write."""
    return {"origin": str(client.base_url).rstrip("/")}


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless Chromium; skip the test if none is installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()

"""The next command of a project, run from its pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from data.project.project import Project
from fancam import start
from tests.web.serving import Running, open_client, own_origin, running
from web import next_command

if TYPE_CHECKING:
    from playwright.sync_api import Page

MODULES = dict(next_command.MODULES)
API = "/api/projects/film/command"
# A command that shows progress until there is a file `go`, and prints its arguments at the end.
COMMAND = """
import json, pathlib, sys, time
print("loading the networks", flush=True)
print(json.dumps({"progress": "cluster-faces: film", "done": 3, "total": 12}), flush=True)
try:
    while not (go := pathlib.Path("go")).exists():
        time.sleep(0.02)
except KeyboardInterrupt:
    sys.exit(130)
print(json.dumps(sys.argv[1:]) + " at " + str(pathlib.Path.cwd()), flush=True)
sys.exit(int(go.read_text() or 0))
"""


@pytest.fixture(autouse=True)
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace cluster-faces."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "stub_command.py").write_text(COMMAND)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setitem(next_command.MODULES, "cluster-faces", "stub_command")


@pytest.fixture
def ask(review: Running) -> Iterator[httpx.Client]:
    with open_client(review) as client:
        client.headers.update(own_origin(client))
        yield client


def until(ask: httpx.Client, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: dict[str, Any] = ask.get(API).json()
        if found["state"] == state and (state != "running" or found["total"]):
            return found
        time.sleep(0.05)
    raise AssertionError(f"not {state}: {found}")


def finish(project: Project, code: str = "") -> None:
    (project.folder.parent / "go").write_text(code)


def test_progress_and_result(ask: httpx.Client, sorted_project: Project) -> None:
    assert ask.get(API).json()["state"] == "idle"
    started = ask.post(API, json={})
    assert (started.status_code, started.json()["state"]) == (202, "running")
    shown = until(ask, "running")
    assert shown["command"] == "cluster-faces --project film.fancam"
    assert (shown["label"], shown["done"], shown["total"]) == ("cluster-faces: film", 3, 12)
    assert ask.post(API, json={}).status_code == 409  # one at a time
    finish(sorted_project)
    message = until(ask, "done")["message"]
    assert message.startswith("loading the networks\n")
    assert '["--project", "film.fancam", "--progress", "json"]' in message
    assert ask.post(API, json={}).status_code == 202  # and then another
    until(ask, "done")


def test_a_command_that_fails(ask: httpx.Client, sorted_project: Project) -> None:
    ask.post(API, json={}).raise_for_status()
    finish(sorted_project, "2")
    assert until(ask, "failed")["message"]


def test_stopping(ask: httpx.Client) -> None:
    assert ask.post(f"{API}/stop", json={}).json()["state"] == "idle"
    ask.post(API, json={}).raise_for_status()
    until(ask, "running")
    ask.post(f"{API}/stop", json={}).raise_for_status()
    until(ask, "stopped")


def test_a_server_that_stops_ends_the_command(sorted_project: Project) -> None:
    with running([sorted_project.folder]) as served:
        with open_client(served) as client:
            client.headers.update(own_origin(client))
            client.post(API, json={}).raise_for_status()
            until(client, "running")
        runner = served.app.state.command_runner
    deadline = time.monotonic() + 20
    while runner.state(served.app.state.library.get("film")).state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("path", ["", "/stop"])
def test_only_pages_of_the_server_start_and_stop(ask: httpx.Client, path: str) -> None:
    assert ask.get(API + "/stop").status_code == 405
    foreign = ask.post(API + path, json={}, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert ask.post(API + path, json={"command": "rm"}).status_code == 422
    assert ask.get(API).json()["state"] == "idle"


def test_nothing_to_run(ask: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.next_command.statuses_of", lambda _: [])
    refused = ask.post(API, json={})
    assert (refused.status_code, refused.json()["error"][:16]) == (409, "there is no comm")


@pytest.mark.parametrize(("command", "module"), MODULES.items())
def test_modules_are_those_of_the_commands(command: str, module: str) -> None:
    installed = getattr(start, command.replace("-", "_"))
    assert installed.args == (module, "main")


def test_the_page_runs_it(review: Running, page: Page, sorted_project: Project) -> None:
    page.goto(f"{review.address}/people/film")
    page.get_by_role("button", name="Run it here").click()
    page.locator("#command-progress", has_text="cluster-faces: film").wait_for()
    assert page.locator("#project-state progress").evaluate("(bar) => bar.value / bar.max") == 0.25
    # Another page shows it, too.
    page.goto(f"{review.address}/label/film")
    page.get_by_role("button", name="Stop").click()
    page.locator(".toast", has_text="Stopped").wait_for()
    page.get_by_role("button", name="Run it here").click()
    page.locator("#command-progress", has_text="cluster-faces: film").wait_for()
    with page.expect_navigation():
        finish(sorted_project)
    page.get_by_role("button", name="Run it here").wait_for()

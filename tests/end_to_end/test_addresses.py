"""Every command accepts a project at an address, and uploads its changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import fancam.cli
from clustering import cli as clustering_cli
from cropping import crop_cli
from cropping.smiles import cli as smile_cli
from data.storage.store import Store
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.machines import Machine
from tests.tracking.drawn_project import draw_project
from tracking import track_cli
from tracking.training import cli as train_cli
from web import cli as web_cli
from web import serving

Main = Callable[[Sequence[str]], int]
COMMANDS: dict[str, tuple[Main, list[str]]] = {
    "cluster-faces": (clustering_cli.main, ["--project", "PROJECT"]),
    "train-tracker": (train_cli.main, ["PROJECT"]),
    "track-people": (track_cli.main, ["PROJECT"]),
    "crop-people": (crop_cli.main, ["PROJECT"]),
    "smile-gifs": (smile_cli.main, ["PROJECT"]),
    "serve-people": (web_cli.main, ["PROJECT", "--port", "0"]),
    "fancam export": (fancam.cli.main, ["export", "PROJECT"]),
    "fancam forget": (fancam.cli.main, ["forget", "PROJECT", "Anna", "--yes"]),
}


@pytest.fixture
def home(memory: str, machine: Machine, tmp_path: Path) -> str:
    """Return the address of a project with people."""
    machine("first")
    folder = draw_project(tmp_path / "drawn").folder
    store = Store(f"{memory}/drawn.fancam")
    for path in [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]:
        store.send(path, path.relative_to(folder).as_posix())
    shutil.rmtree(folder)
    return f"{memory}/drawn.fancam"


@pytest.mark.parametrize("command", COMMANDS)
def test_no_project_there(
    command: str, memory: str, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine("first")
    main, arguments = COMMANDS[command]
    address = f"{memory}/none.fancam"
    assert main([address if one == "PROJECT" else one for one in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert address in error
    assert "not a fancam project" in error or "no project" in error
    assert Store(memory).files() == {}


def test_decisions_on_the_pages_are_uploaded(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(projects: Sequence[Path], *_: object, **__: object) -> int:
        with open_people(projects[0] / "people.sqlite") as people:
            DecisionLog(people).rename(10, "Anna")
        return 0

    monkeypatch.setattr(serving, "serve", decide)
    assert web_cli.main([home]) == 0
    machine("second")
    seen: list[str] = []

    def look(projects: Sequence[Path], *_: object, **__: object) -> int:
        with open_people(projects[0] / "people.sqlite") as people:
            seen.append(people.names()[10])
        return 0

    monkeypatch.setattr(serving, "serve", look)
    assert web_cli.main([home]) == 0
    assert seen == ["Anna"]
    assert json.loads(Store(home).read("project.json") or b"")["schema"] == 1

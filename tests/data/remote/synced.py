"""Work on a project at an address, as by commands on several machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data.remote.sync import ProjectSync, synced_project
from data.remote.sync_state import IN_USE_FILE, MANIFEST_FILE
from data.storage.addresses import project_path
from data.storage.store import Store

OLD_NS = 1_500_000_000_123_456_789


class Killed(BaseException):
    """Simulated SIGKILL: nothing more is sent."""


def say(line: str) -> None:
    raise AssertionError(line)


def work(home: str, change: Callable[[Path], object], **options: Callable[[str], None]) -> None:
    """Sync and change the project as a command does."""
    folder = project_path(home)
    with synced_project(folder, **{"say": say, **options}):
        change(folder)


def write(**files: str) -> Callable[[Path], None]:
    """Return a writer of files; ``a__b`` is file b in folder a, ``project`` the finished stages."""

    def change(folder: Path) -> None:
        for name, content in files.items():
            file = folder / name.replace("__", "/")
            if name == "project":
                file = folder / "project.json"
                content = json.dumps({"schema": 1, "footages": [], "stages": json.loads(content)})
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")

    return change


def nothing(_: Path) -> None:
    pass


def killed_after(home: str, change: Callable[[Path], object]) -> None:
    """Simulate a command that is killed after its work: it sends nothing, and its lock stays."""
    folder = project_path(home)
    sync = ProjectSync(folder, say=say)
    with sync.locked():
        note = Store(home).read(IN_USE_FILE)
        sync.pull()
        change(folder)
    Store(home).write(IN_USE_FILE, note or b"")


def remote_files(home: str) -> dict[str, str]:
    """Return the files at the address, except for the manifest."""
    store = Store(home)
    names = [name for name in store.files() if name != MANIFEST_FILE]
    return {name: (store.read(name) or b"").decode() for name in names}


def local_files(home: str) -> dict[str, str]:
    """Return the files in the local folder."""
    folder = project_path(home)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}

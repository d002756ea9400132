"""Sync of a project at an address with several machines, some of which die."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from data.core.errors import InputError
from data.remote import transfer
from data.remote.sync import ProjectSync
from data.remote.sync_state import IN_USE_FILE, SyncState
from data.remote.transfer import Transfer
from data.storage.addresses import project_path
from data.storage.cache import cache_folder
from data.storage.store import Store
from tests.data.remote.synced import (
    OLD_NS,
    Killed,
    killed_after,
    local_files,
    nothing,
    remote_files,
    work,
    write,
)
from tests.machines import Machine

# --- upload and download ----------------------------------------------------------------------


def test_no_changes(home: str) -> None:
    work(home, nothing)
    assert Store(home).files() == {}
    assert not project_path(home).exists()


def test_written_files_are_sent(home: str, transfers: list[str]) -> None:
    work(home, write(a="1", in__b="2", project="{}"))
    assert sorted(remote_files(home)) == ["a", "in/b", "project.json"]
    assert sorted(transfers) == ["send a", "send in/b"]
    transfers.clear()
    work(home, nothing)
    assert transfers == []
    work(home, write(in__b="3"))
    assert transfers == ["send in/b"]
    assert remote_files(home)["in/b"] == "3"


def test_a_rewritten_file_of_the_same_content_is_not_sent(home: str, transfers: list[str]) -> None:
    work(home, write(a="1", project="{}"))
    transfers.clear()
    work(home, lambda folder: os.utime(folder / "a", ns=(OLD_NS, OLD_NS)))
    assert transfers == []
    work(home, nothing)


def test_files_that_are_never_sent(home: str) -> None:
    names = [".lock", ".web/a.jpg", ".a.partial.csv", "in/.a.old.csv", "crops/.a.mp4.part"]
    work(home, write(**dict.fromkeys(names, "x"), in__generated="y", project="{}"))
    assert sorted(remote_files(home)) == ["in/generated", "project.json"]


def test_another_machine_continues(home: str, machine: Machine, transfers: list[str]) -> None:
    def first(folder: Path) -> None:
        write(a="1", gone="2", project='{"faces": 1}')(folder)
        os.utime(folder / "a", ns=(OLD_NS, OLD_NS))

    work(home, first)
    transfers.clear()
    machine("second")
    work(home, lambda folder: (folder / "gone").unlink())
    assert sorted(transfers) == ["fetch a", "fetch gone"]
    assert (project_path(home) / "a").stat().st_mtime_ns == OLD_NS
    assert sorted(remote_files(home)) == ["a", "project.json"]
    transfers.clear()
    machine("first")
    work(home, nothing)
    assert transfers == []
    assert sorted(local_files(home)) == ["a", "project.json"]


@pytest.mark.parametrize("error", [InputError("bad"), KeyboardInterrupt(), OSError("disk")])
def test_files_are_sent_after_an_error(home: str, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        raise error

    with pytest.raises(type(error)):
        work(home, fail)
    assert sorted(remote_files(home)) == ["a", "project.json"]


def test_both_errors_are_reported(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        write(a="1")(folder)
        monkeypatch.setattr(Store, "send", refuse)
        raise InputError("no faces")

    with pytest.raises(InputError, match="no faces; and no permission"):
        work(home, fail)
    monkeypatch.undo()


def refuse(*_: object) -> None:
    raise InputError("no permission")


def test_a_project_that_was_copied_to_the_address(home: str, transfers: list[str]) -> None:
    store = Store(home)
    store.write("project.json", b'{"schema": 1, "footages": [], "stages": {}}')
    store.write("faces/a.parquet", b"1")
    work(home, write(b="2"))
    assert sorted(local_files(home)) == ["b", "faces/a.parquet", "project.json"]
    transfers.clear()
    work(home, nothing)
    assert transfers == []


def test_files_of_the_user_stay(home: str) -> None:
    work(home, write(a="1", project="{}"))
    Store(home).write("notes.txt", b"mine")
    work(home, lambda folder: (folder / "a").unlink())
    assert sorted(remote_files(home)) == ["notes.txt", "project.json"]
    with pytest.raises(
        InputError, match=r"notes\.txt: fancam needs this file name, but did not create"
    ):
        work(home, write(**{"notes.txt": "ours"}))
    assert remote_files(home)["notes.txt"] == "mine"


def test_a_project_that_was_removed_at_the_address(home: str) -> None:
    work(home, write(a="1", project="{}"))
    store = Store(home)
    for name in store.files():
        store.remove(name)
    work(home, nothing)
    assert local_files(home) == {}


# --- runs that die ----------------------------------------------------------------------------


def test_killed_before_sending(home: str, transfers: list[str]) -> None:
    work(home, write(a="1", b="1", project='{"faces": 1}'))

    def change(folder: Path) -> None:
        write(a="2", c="2")(folder)
        (folder / "b").unlink()

    killed_after(home, change)
    assert remote_files(home)["a"] == "1"
    transfers.clear()
    work(home, nothing)
    assert {name: text for name, text in remote_files(home).items() if name != "project.json"} == {
        "a": "2",
        "c": "2",
    }
    assert sorted(transfers) == ["send a", "send c"]


@pytest.mark.parametrize(
    ("owner", "stage"),
    [
        (ProjectSync, "_unfinish_stages"),
        (Transfer, "send"),
        (Transfer, "remove"),
        (ProjectSync, "_send_project"),
    ],
)
def test_killed_while_sending(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch, owner: type, stage: str
) -> None:
    """The same machine gives the same result; another one sees no unfinished work as finished."""
    work(home, write(a="1", b="1", project='{"faces": 1, "tracks": 1}'))

    def change(folder: Path) -> None:
        write(a="2", c="2", project='{"faces": 2, "tracks": 1}')(folder)
        (folder / "b").unlink()

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, stage, die)
        with pytest.raises(Killed):
            work(home, change)
    machine("second")
    seen_files: dict[str, str] = {}
    work(home, lambda _: seen_files.update(local_files(home)))
    stages = json.loads(seen_files["project.json"])["stages"]
    assert stages == ({"faces": 1, "tracks": 1} if stage == "_unfinish_stages" else {"tracks": 1})
    assert seen_files["a"] == ("1" if stage in ("_unfinish_stages", "send") else "2")
    machine("first")
    work(home, nothing)
    assert {"a": remote_files(home)["a"], "c": remote_files(home)["c"]} == {"a": "2", "c": "2"}
    assert "b" not in remote_files(home)
    assert json.loads(remote_files(home)["project.json"])["stages"] == {"faces": 2, "tracks": 1}


def test_killed_while_sending_many_files(
    home: str, monkeypatch: pytest.MonkeyPatch, transfers: list[str]
) -> None:
    """Uploaded files are not sent again."""
    monkeypatch.setattr(transfer, "_THREADS", 1)
    files = {f"f{number}": "x" for number in range(9)}
    send, left = Store.send, [5]

    def dying(store: Store, source: Path, name: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        send(store, source, name)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "send", dying)
        with pytest.raises(KeyboardInterrupt):
            work(home, write(**files, project="{}"))
    assert "project.json" not in remote_files(home)
    transfers.clear()
    work(home, nothing)
    assert len(transfers) == 4
    assert sorted(remote_files(home)) == [*sorted(files), "project.json"]


def test_killed_before_recording_the_upload(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploaded files are not mistaken for earlier ones, even if the local file is old again."""

    def old(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        os.utime(folder / "a", ns=(OLD_NS, OLD_NS))

    def die(*_: object) -> None:
        raise Killed

    work(home, old)
    with monkeypatch.context() as patch:
        send = Store.send

        def send_last(*given: Any) -> None:
            patch.setattr(SyncState, "write", lambda _: None)
            send(*given)

        patch.setattr(Store, "send", send_last)
        patch.setattr(Transfer, "remove", die)
        with pytest.raises(Killed):
            work(home, write(a="2"))
    assert remote_files(home)["a"] == "2"
    work(home, old)
    assert remote_files(home)["a"] == "1"


def test_another_machine_changed_the_project_meanwhile(home: str, machine: Machine) -> None:
    work(home, write(a="1", b="1", project='{"faces": 1}'))
    killed_after(home, write(a="ours", c="ours"))
    Store(home).remove(IN_USE_FILE)
    machine("second")
    work(home, write(a="theirs", project='{"faces": 2}'))
    machine("first")
    messages: list[str] = []
    work(home, nothing, say=messages.append)
    assert (local_files(home)["a"], local_files(home)["b"]) == ("theirs", "1")
    assert "c" not in local_files(home)
    (aside,) = (cache_folder() / "unsent").iterdir()
    assert sorted(path.read_text() for path in aside.iterdir()) == ["ours", "ours"]
    assert len(messages) == 1
    since = "another machine has changed it since a run here was stopped; its version is used"
    assert messages[0] == f"{home}: {since}, and files that were not sent are kept in {aside}"


def test_an_emptied_cache_deletes_nothing(home: str, transfers: list[str]) -> None:
    work(home, write(a="1", b="1", project="{}"))
    (project_path(home) / "a").unlink()
    transfers.clear()
    work(home, nothing)
    assert transfers == ["fetch a"]
    killed_after(home, nothing)
    for file in [path for path in project_path(home).rglob("*") if path.is_file()]:
        file.unlink()
    work(home, nothing)
    assert sorted(remote_files(home)) == sorted(local_files(home)) == ["a", "b", "project.json"]

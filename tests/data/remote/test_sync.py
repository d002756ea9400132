"""A project at an address, worked on by several machines, some of which die."""

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
from data.storage.addresses import project_place
from data.storage.cache import cache_folder
from data.storage.store import Store
from tests.data.remote.synced import (
    OLD_NS,
    Killed,
    here,
    killed_after,
    nothing,
    there,
    work,
    write,
)
from tests.machines import Machine

# --- to and fro -------------------------------------------------------------------------------


def test_nothing_was_done(home: str) -> None:
    work(home, nothing)
    assert Store(home).files() == {}
    assert not project_place(home).exists()


def test_what_was_written_is_sent(home: str, travelled: list[str]) -> None:
    work(home, write(a="1", in__b="2", project="{}"))
    assert sorted(there(home)) == ["a", "in/b", "project.json"]
    assert sorted(travelled) == ["send a", "send in/b"]
    travelled.clear()
    work(home, nothing)
    assert travelled == []
    work(home, write(in__b="3"))
    assert travelled == ["send in/b"]
    assert there(home)["in/b"] == "3"


def test_a_file_that_was_only_written_again_does_not_travel(
    home: str, travelled: list[str]
) -> None:
    work(home, write(a="1", project="{}"))
    travelled.clear()
    work(home, lambda folder: os.utime(folder / "a", ns=(OLD_NS, OLD_NS)))
    assert travelled == []
    work(home, nothing)


def test_what_does_not_travel(home: str) -> None:
    names = [".lock", ".web/a.jpg", ".a.partial.csv", "in/.a.old.csv", "crops/.a.mp4.part"]
    work(home, write(**dict.fromkeys(names, "x"), in__generated="y", project="{}"))
    assert sorted(there(home)) == ["in/generated", "project.json"]


def test_another_machine_goes_on(home: str, machine: Machine, travelled: list[str]) -> None:
    def first(folder: Path) -> None:
        write(a="1", gone="2", project='{"faces": 1}')(folder)
        os.utime(folder / "a", ns=(OLD_NS, OLD_NS))

    work(home, first)
    travelled.clear()
    machine("second")
    work(home, lambda folder: (folder / "gone").unlink())
    assert sorted(travelled) == ["fetch a", "fetch gone"]
    assert (project_place(home) / "a").stat().st_mtime_ns == OLD_NS
    assert sorted(there(home)) == ["a", "project.json"]
    travelled.clear()
    machine("first")
    work(home, nothing)
    assert travelled == []
    assert sorted(here(home)) == ["a", "project.json"]


@pytest.mark.parametrize("error", [InputError("bad"), KeyboardInterrupt(), OSError("disk")])
def test_sent_also_after_an_error(home: str, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        raise error

    with pytest.raises(type(error)):
        work(home, fail)
    assert sorted(there(home)) == ["a", "project.json"]


def test_both_errors_are_told(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        write(a="1")(folder)
        monkeypatch.setattr(Store, "send", refuse)
        raise InputError("no faces")

    with pytest.raises(InputError, match="no faces; and no permission"):
        work(home, fail)
    monkeypatch.undo()


def refuse(*_: object) -> None:
    raise InputError("no permission")


def test_a_project_that_somebody_copied_there(home: str, travelled: list[str]) -> None:
    store = Store(home)
    store.write("project.json", b'{"schema": 1, "footages": [], "stages": {}}')
    store.write("faces/a.parquet", b"1")
    work(home, write(b="2"))
    assert sorted(here(home)) == ["b", "faces/a.parquet", "project.json"]
    travelled.clear()
    work(home, nothing)
    assert travelled == []


def test_what_is_not_ours_stays(home: str) -> None:
    work(home, write(a="1", project="{}"))
    Store(home).write("notes.txt", b"mine")
    work(home, lambda folder: (folder / "a").unlink())
    assert sorted(there(home)) == ["notes.txt", "project.json"]
    with pytest.raises(InputError, match=r"notes\.txt: not written by fancam, but in its way"):
        work(home, write(**{"notes.txt": "ours"}))
    assert there(home)["notes.txt"] == "mine"


def test_a_project_that_was_removed_there(home: str) -> None:
    work(home, write(a="1", project="{}"))
    store = Store(home)
    for name in store.files():
        store.remove(name)
    work(home, nothing)
    assert here(home) == {}


# --- runs that die ----------------------------------------------------------------------------


def test_killed_before_it_sent(home: str, travelled: list[str]) -> None:
    work(home, write(a="1", b="1", project='{"faces": 1}'))

    def change(folder: Path) -> None:
        write(a="2", c="2")(folder)
        (folder / "b").unlink()

    killed_after(home, change)
    assert there(home)["a"] == "1"
    travelled.clear()
    work(home, nothing)
    assert {name: text for name, text in there(home).items() if name != "project.json"} == {
        "a": "2",
        "c": "2",
    }
    assert sorted(travelled) == ["send a", "send c"]


@pytest.mark.parametrize(
    ("owner", "stage"),
    [
        (ProjectSync, "_unfinish"),
        (Transfer, "send"),
        (Transfer, "remove"),
        (ProjectSync, "_send_project"),
    ],
)
def test_killed_while_it_sent(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch, owner: type, stage: str
) -> None:
    """The same machine comes to the same end; another one finds nothing done that is not."""
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
    looked: dict[str, str] = {}
    work(home, lambda _: looked.update(here(home)))
    stages = json.loads(looked["project.json"])["stages"]
    assert stages == ({"faces": 1, "tracks": 1} if stage == "_unfinish" else {"tracks": 1})
    assert looked["a"] == ("1" if stage in ("_unfinish", "send") else "2")
    machine("first")
    work(home, nothing)
    assert {"a": there(home)["a"], "c": there(home)["c"]} == {"a": "2", "c": "2"}
    assert "b" not in there(home)
    assert json.loads(there(home)["project.json"])["stages"] == {"faces": 2, "tracks": 1}


def test_killed_while_it_sent_many(
    home: str, monkeypatch: pytest.MonkeyPatch, travelled: list[str]
) -> None:
    """What has arrived is not sent again."""
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
    assert "project.json" not in there(home)
    travelled.clear()
    work(home, nothing)
    assert len(travelled) == 4
    assert sorted(there(home)) == [*sorted(files), "project.json"]


def test_killed_before_it_noted_what_it_sent(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is not taken for what lay there before, also where it is that again here."""

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
    assert there(home)["a"] == "2"
    work(home, old)
    assert there(home)["a"] == "1"


def test_somebody_else_worked_on_it_meanwhile(home: str, machine: Machine) -> None:
    work(home, write(a="1", b="1", project='{"faces": 1}'))
    killed_after(home, write(a="ours", c="ours"))
    Store(home).remove(IN_USE_FILE)
    machine("second")
    work(home, write(a="theirs", project='{"faces": 2}'))
    machine("first")
    said: list[str] = []
    work(home, nothing, say=said.append)
    assert (here(home)["a"], here(home)["b"]) == ("theirs", "1")
    assert "c" not in here(home)
    (aside,) = (cache_folder() / "unsent").iterdir()
    assert sorted(path.read_text() for path in aside.iterdir()) == ["ours", "ours"]
    assert len(said) == 1
    assert str(aside) in said[0]


def test_a_cache_that_was_emptied_is_no_decision(home: str, travelled: list[str]) -> None:
    work(home, write(a="1", b="1", project="{}"))
    (project_place(home) / "a").unlink()
    travelled.clear()
    work(home, nothing)
    assert travelled == ["fetch a"]
    killed_after(home, nothing)
    for file in [path for path in project_place(home).rglob("*") if path.is_file()]:
        file.unlink()
    work(home, nothing)
    assert sorted(there(home)) == sorted(here(home)) == ["a", "b", "project.json"]

"""Locks of a project at an address, and untrusted content there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.remote import lock as store_lock
from data.remote.sync_state import IN_USE_FILE, MANIFEST_FILE, SyncState
from data.storage.addresses import project_path
from data.storage.store import Store
from tests.data.remote.synced import (
    OLD_NS,
    killed_after,
    local_files,
    nothing,
    remote_files,
    work,
    write,
)
from tests.machines import Machine

# --- locks ------------------------------------------------------------------------------------


def test_a_project_in_use_is_refused(home: str, machine: Machine) -> None:
    def others(_: Path) -> None:
        with pytest.raises(InputError, match="another run on this machine is using it"):
            work(home, nothing)
        machine("second")
        with pytest.raises(InputError, match=r"has been using it since \d\d:\d\d UTC"):
            work(home, nothing)
        machine("first")

    work(home, others)
    assert IN_USE_FILE not in remote_files(home)


def test_the_lock_of_a_dead_machine_expires(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_after(home, nothing)
    assert IN_USE_FILE in remote_files(home)
    work(home, nothing)  # the machine itself continues immediately
    killed_after(home, nothing)
    machine("second")
    with pytest.raises(InputError, match="using it since"):
        work(home, nothing)
    monkeypatch.setattr(store_lock, "STALE_S", -1.0)
    work(home, nothing)
    assert remote_files(home) == {}


def test_the_lock_is_refreshed(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(store_lock, "BEAT_S", 0.01)
    beats: set[float] = set()

    def wait(_: Path) -> None:
        until = time.monotonic() + 5
        while len(beats) < 3 and time.monotonic() < until:
            beats.add(json.loads(remote_files(home)[IN_USE_FILE])["beat"])

    work(home, wait)
    assert len(beats) == 3


def test_a_machine_that_lost_the_lock_sends_nothing(home: str) -> None:
    def sleep(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        Store(home).write(IN_USE_FILE, b'{"machine": "another", "token": "theirs"}')

    with pytest.raises(InputError, match="another machine took over"):
        work(home, sleep)
    assert list(remote_files(home)) == [IN_USE_FILE]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"beat": "soon"}', b'{"since": null}'])
def test_a_damaged_lock_is_ignored(home: str, note: bytes) -> None:
    Store(home).write(IN_USE_FILE, note)
    work(home, write(a="1", project="{}"))
    assert sorted(remote_files(home)) == ["a", "project.json"]


# --- untrusted content ------------------------------------------------------------------------

EVIL = [
    "../out",
    "a/../../out",
    "/etc/passwd",
    "a//b",
    "a\\..\\out",
    "C:evil",
    "..",
    ".",
    "",
    "nul\0",
    "project.json",
    ".lock",
    ".mirror.json",
]


@pytest.mark.parametrize("name", EVIL)
def test_names_outside_the_project_are_refused(home: str, name: str) -> None:
    store = Store(home)
    store.write("project.json", b"{}")
    files = {"a": [1, 1, ""], name: [1, 1, ""]}
    manifest = {"schema": 1, "revision": "x", "files": files}
    store.write(MANIFEST_FILE, json.dumps(manifest).encode())
    with pytest.raises(InputError, match="does not belong in a project"):
        work(home, nothing)
    assert local_files(home) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"schema": 1, "revision": "x", "files": [1]}',
        b'{"schema": 1, "revision": "x", "files": {"a": 1}}',
        b'{"schema": 1, "revision": "x", "files": {"a": [1, 1e300, ""]}}',
        b'{"schema": 1, "revision": "x", "files": {"a": [1, -1, ""]}}',
    ],
)
def test_a_damaged_manifest(home: str, content: bytes) -> None:
    Store(home).write(MANIFEST_FILE, content)
    with pytest.raises(InputError, match=r"\.mirror\.json is damaged"):
        work(home, nothing)


def test_a_manifest_of_another_version(home: str) -> None:
    Store(home).write(MANIFEST_FILE, b'{"schema": 2, "revision": "x", "files": {}}')
    with pytest.raises(InputError, match="made by another version"):
        work(home, nothing)


def test_content_that_differs_from_the_manifest(home: str, machine: Machine) -> None:
    """A partial upload of another machine is downloaded, but not treated as up to date."""

    def old(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        os.utime(folder / "a", ns=(OLD_NS, OLD_NS))

    work(home, old)
    Store(home).write("a", b"2")
    machine("second")
    work(home, nothing)
    assert local_files(home)["a"] == "2"
    assert (project_path(home) / "a").stat().st_mtime_ns > OLD_NS


def test_links_are_not_followed(home: str, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")

    def link(folder: Path) -> None:
        write(a="1", project="{}")(folder)
        (folder / "in").symlink_to(tmp_path / "private")
        (folder / "key").symlink_to(tmp_path / "private" / "key")

    work(home, link)
    assert sorted(remote_files(home)) == ["a", "project.json"]


def test_a_damaged_state_is_ignored(home: str) -> None:
    work(home, write(a="1", project="{}"))
    state = project_path(home).with_name(".concert.fancam.state.json")
    assert SyncState.read(state).files["a"].size_bytes == 1
    state.write_text("{")
    work(home, nothing)
    assert sorted(local_files(home)) == ["a", "project.json"]

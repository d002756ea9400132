"""Fixtures of a project at an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.storage.store import Store
from tests.machines import Machine


@pytest.fixture
def home(memory: str, machine: Machine) -> str:
    """Return the address of a project that does not exist yet."""
    machine("first")
    return f"{memory}/concert.fancam"


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that records the names of files sent or fetched."""
    names: list[str] = []
    send, fetch = Store.send, Store.fetch

    def noted_send(store: Store, source: Path, name: str) -> None:
        names.append(f"send {name}")
        send(store, source, name)

    def noted_fetch(store: Store, name: str, target: Path, *, size_bytes: int) -> None:
        names.append(f"fetch {name}")
        fetch(store, name, target, size_bytes=size_bytes)

    monkeypatch.setattr(Store, "send", noted_send)
    monkeypatch.setattr(Store, "fetch", noted_fetch)
    return names

"""Fixtures of a people file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.tables.people import People, open_people
from tests.data.tables.reviewed import FOUND, found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.sqlite"


@pytest.fixture
def people(path: Path) -> Iterator[People]:
    with open_people(path) as opened:
        found(opened, *FOUND)
        yield opened

"""Fixtures and test order that all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests import SHARED
from tests.clips.catalogue import clips
from tests.machines import machine, memory, s3, s3_server
from tests.model_index import model_index

__all__ = ["clips", "machine", "memory", "model_index", "s3", "s3_server"]

# A shell that starts the tests in the background makes them ignore Ctrl-C, and the commands that
# they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real footage next to the checkout, which users do not have."""
    if not SHARED.is_dir():
        pytest.skip("the real footage of ../shared is not on this machine")
    return SHARED


_LONGEST = ("quality", "fancam", "end_to_end")
"""Folders with the longest tests: they start first, so that none runs alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order tests by folder, the longest first; the order within a file stays."""
    items.sort(key=lambda item: not set(_LONGEST) & set(item.path.parts))

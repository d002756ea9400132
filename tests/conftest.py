"""Fixtures and test order that all tests share."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from clustering.faces import choice
from data.inference.models.catalogue import NAMES
from data.inference.models.store import cached_folder, chosen_folder, is_installed
from tests import SHARED
from tests.clips.catalogue import clips
from tests.machines import machine, memory, s3, s3_server
from tests.model_index import model_index
from tracking.detection import weights

__all__ = ["clips", "machine", "memory", "model_index", "s3", "s3_server"]

# Tests run with dlib alone, as on a machine without models, unless they use `face_models`. Test
# processes inherit this environment, so the user's own folder is kept in another variable.
os.environ.setdefault("FANCAM_TEST_MODELS", str(chosen_folder() or cached_folder()))
os.environ["FANCAM_MODELS"] = str(Path(__file__).parent)  # no models there
os.environ["FANCAM_OFFLINE"] = "1"

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


@pytest.fixture
def face_models(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of CenterFace and SFace, which runs of this test then use."""
    folder = Path(os.environ["FANCAM_TEST_MODELS"])
    if not folder.is_dir() or not all(is_installed(name, folder) for name in NAMES):
        pytest.skip("CenterFace and SFace are not on this machine; run fancam models fetch")
    monkeypatch.setenv("FANCAM_MODELS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _dlib_alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs in this process choose dlib without a line about the missing models."""
    if not {"face_models", "model_index"} & set(request.fixturenames):
        monkeypatch.setattr(choice, "ensure_models", lambda *_, **__: frozenset())


@pytest.fixture(autouse=True)
def _no_cached_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs in this process find no weights that the user has downloaded."""
    monkeypatch.setattr(weights, "cache_folder", lambda: Path(__file__).parent)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip slow tests after the time that `.ci/run` sets, in seconds since 1970."""
    until_s = float(os.environ.get("SLOW_TESTS_UNTIL", "inf"))
    if time.time() > until_s and item.get_closest_marker("slow"):
        pytest.skip("no time left on this machine")


_LONGEST = ("quality", "fancam", "end_to_end")
"""Folders with the longest tests: they start first, so that none runs alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order tests by folder, the longest first; the order within a file stays."""
    items.sort(key=lambda item: not set(_LONGEST) & set(item.path.parts))

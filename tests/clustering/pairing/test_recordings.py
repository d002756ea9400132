from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clustering.pairing.on_air import OffSettings
from clustering.pairing.recordings import find_on_air_times
from data.execution.context import RunContext
from data.execution.tasks import LocalRunner
from data.project.project import Project


def test_without_recordings_no_bar_is_shown(tmp_path: Path) -> None:
    """A Ray runner showed one of no frames, with no time left."""

    class Runner(LocalRunner):
        def run(self, *_: Any, **__: Any) -> Any:
            pytest.fail("there is nothing to run")

    context = RunContext(lambda *_: pytest.fail("a bar"), runner=Runner())
    options: dict[str, Any] = {"threads": 0, "force": False, "context": context}
    assert find_on_air_times(Project(tmp_path), [], OffSettings(), **options) == {}

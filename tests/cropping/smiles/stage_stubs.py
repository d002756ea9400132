"""Stubs for the smile stage: a model that scores every face as a smile, and killed runs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cropping.smiles import stage as smile_stage
from cropping.smiles import tasks as smile_tasks


def let_all_smile(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (smile_stage, smile_tasks):
        monkeypatch.setattr(module, "load_smile_model", lambda _: AlwaysSmiling())


def kill_the_second(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], object], module: ModuleType, name: str
) -> None:
    """Run the stage until a function of a module is called for the second time."""
    calls = 0
    function = getattr(module, name)

    def killing(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        return function(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killing)
        with pytest.raises(KeyboardInterrupt):
            run()


class AlwaysSmiling:
    """Score every face as a smile."""

    key = "always smiling"

    def smile(self, patches: np.ndarray) -> np.ndarray:
        return np.full(len(patches), 0.99, np.float32)

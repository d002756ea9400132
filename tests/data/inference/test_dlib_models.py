from __future__ import annotations

import importlib.util

import pytest

from data.core.errors import InputError
from data.inference.dlib_models import model_file


def test_weights_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install face_recognition_models"):
        model_file("mmod_human_face_detector.dat")


def test_unknown_weights() -> None:
    with pytest.raises(InputError, match=r"other\.dat is missing"):
        model_file("other.dat")

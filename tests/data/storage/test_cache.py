from __future__ import annotations

import sys
from pathlib import Path

import pytest

from data.storage.cache import cache_folder


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/fancam"),
        ("linux", {"HOME": "/home/a"}, "/home/a/.cache/fancam"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Caches/fancam"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/fancam"),
    ],
    ids=["xdg", "linux", "mac", "windows"],
)
def test_cache_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(expected)

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from data.core.disk_space import readable, require_space
from data.core.errors import InputError


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 0, 1_500_000_000))
    require_space(tmp_path / "new" / "a.fancam", {"a": 10, "b": 1_400_000_000})
    with pytest.raises(
        InputError, match=r"about 3\.2 GB will be needed, most of it by b, and 1\.5 GB is free"
    ):
        require_space(tmp_path / "new" / "a.fancam", {"a": 200_000_000, "b": 3_000_000_000})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 KB"), (25e6, "25 MB"), (3.21e12, "3.2 TB")],
)
def test_readable(size: float, text: str) -> None:
    assert readable(size) == text

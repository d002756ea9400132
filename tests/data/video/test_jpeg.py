from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from data.video.pictures.jpeg import decode_jpeg, read_jpeg, write_jpeg


def test_colours_keep_their_order_and_names_may_be_unicode(tmp_path: Path) -> None:
    image = np.zeros((16, 24, 3), np.uint8)
    image[:] = (200, 100, 20)
    write_jpeg(tmp_path / "名 é.jpg", image)
    again = read_jpeg(tmp_path / "名 é.jpg")
    assert again.shape == image.shape
    assert np.abs(again.astype(int) - image).max() <= 3


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match="not an image"):
        decode_jpeg(content)
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(InputError, match="--force"):
        read_jpeg(tmp_path / "x.jpg")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        read_jpeg(tmp_path / "gone.jpg")

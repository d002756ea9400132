"""All clips and pictures by name, each written on first use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.clips.damaged import (
    absurd_size,
    absurd_size_in_avi,
    damaged,
    nothing_decodes,
    song_with_cover,
    sound_only,
    text,
    truncated,
    zero_bytes,
)
from tests.clips.stills import (
    absurd_picture,
    exif_turned,
    folder_of_broken_pictures,
    folder_of_pictures,
    folder_of_text_pictures,
    folder_without_pictures,
    grey,
    see_through,
    still,
    still_cut_off,
)
from tests.clips.videos import (
    constant_rate,
    delayed_start,
    display_matrix,
    elementary,
    hidden_references,
    intra_only,
    joined,
    long_group,
    odd_size,
    open_groups,
    rotated,
    silent,
    starts_between_keyframes,
    varying_rate,
)

CLIPS: dict[str, Callable[[Path], None]] = {
    "constant_rate.mp4": constant_rate,
    "Konzert Köln – 第1夜 (Kopie).mp4": constant_rate,
    "colon: 100%d.mp4": silent,
    "silent.mp4": silent,
    "varying_rate.mp4": varying_rate,
    "delayed_start.mkv": delayed_start,
    "delayed_start.mp4": delayed_start,
    "delayed_start.ts": delayed_start,
    "long_group.mp4": long_group,
    "intra_only.mp4": intra_only,
    "open_groups.mkv": open_groups,
    "starts_between_keyframes.ts": starts_between_keyframes,
    "turned_90.mp4": rotated(display_matrix(0, 1, -1, 0), lambda image: np.rot90(image, 1)),
    "turned_180.mp4": rotated(display_matrix(-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "turned_270.mp4": rotated(display_matrix(0, -1, 1, 0), lambda image: np.rot90(image, 3)),
    "mirrored.mp4": rotated(display_matrix(-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "odd_size.mkv": odd_size,
    "elementary.h264": elementary("libx264", {"g": "15"}),
    "elementary.m4v": elementary("mpeg4", {"g": "15", "bf": "2", "qscale": "2"}),
    "elementary.mjpeg": elementary("mjpeg", {}, "yuvj420p"),
    "b_frames.avi": elementary("mpeg4", {"g": "15", "bf": "2"}),
    "hidden_references.webm": hidden_references,
    "joined.ts": joined,
    "damaged.mp4": damaged,
    "nothing_decodes.mp4": nothing_decodes,
    "truncated.mkv": truncated("mkv"),
    "truncated.ts": truncated("ts"),
    "truncated.mp4": truncated("mp4"),
    "truncated_index_first.mp4": truncated("mp4", movflags="+faststart"),
    "sound_only.m4a": sound_only,
    "song_with_cover.m4a": song_with_cover,
    "zero_bytes.mp4": zero_bytes,
    "text.mp4": text,
    "absurd_size.y4m": absurd_size,
    "absurd_size.avi": absurd_size_in_avi,
    "still.png": still(),
    "still odd.bmp": still(width=161, height=97),
    "cut_off.jpg": still_cut_off,
    "text.jpg": text,
    "zero_bytes.png": zero_bytes,
    "grey.png": grey,
    "see_through.png": see_through,
    "exif_turned.jpg": exif_turned,
    "absurd.png": absurd_picture,
    "pictures": folder_of_pictures,
    "broken_pictures": folder_of_broken_pictures,
    "only_text_pictures": folder_of_text_pictures,
    "no_pictures": folder_without_pictures,
}


class Clips:
    """Write each clip of ``CLIPS`` once per session, on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> Path:
        path = self._folder / name
        if not path.exists():
            CLIPS[name](path)
        return path


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Return the clips; ``clips("truncated.mkv")`` is the path of one."""
    return Clips(tmp_path_factory.mktemp("clips"))

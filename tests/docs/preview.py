"""Draw the README's animation: the drawn film with boxes and names, and each person's video.

Boxes come from the film's exact truth and crop windows from the camera of crop-people, so no model
is trained. Run as `python -m tests.docs.preview [OUT]`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import PIL.Image

from cropping.camera.follow import CameraSettings
from cropping.camera.window import WindowSettings
from cropping.camera.windows import CropWindows, crop_windows
from cropping.render.resize import fit
from data.core.arrays import Image
from data.sample.film import FPS, Film
from data.tables.tracks import Tracks
from tests import ROOT
from tests.cropping.tracked_project import truth_tracks
from tracking.overlay import colours, draw_tracks

FILE: Final = ROOT / "docs" / "preview.webp"
SHOTS: Final = ("everyone", "approach", "walk")
DURATION_S: Final = 10.0
EVERY_NTH: Final = 3  # one film frame in three
SCALE: Final = 2  # the film is drawn larger than shown, for smooth edges
FILM_WH: Final = (496, 278)
CROP_WH: Final = (74, 132)
GAP_PX: Final = 12
STRIPE_PX: Final = 4  # bar in the person's colour above each video
GROUND: Final = (24, 26, 32)
QUALITY: Final = 40


@dataclass(frozen=True)
class Preview:
    """Frames of the animation, drawn on demand."""

    film: Film

    @property
    def frame_indices(self) -> range:
        """Indices of the film's frames that are shown."""
        return range(0, self.film.frame_count, EVERY_NTH)

    def frame(self, index: int) -> Image:
        """Draw one frame of the animation.

        Args:
            index: index of the film's frame, from 0.

        Returns:
            ``(h, w, 3)`` RGB.
        """
        tracks, names = self._tracks, self._names
        drawn = self.film.frame(index)
        height = GAP_PX + FILM_WH[1] + GAP_PX + STRIPE_PX + CROP_WH[1] + GAP_PX
        picture = np.full((height, FILM_WH[0] + 2 * GAP_PX, 3), GROUND, np.uint8)
        rows = tracks.take(np.flatnonzero(tracks.frame_index == index))
        boxed = draw_tracks(_resized(drawn, FILM_WH), _scaled(rows, self.film.size_wh), names)
        _put(picture, boxed, GAP_PX, GAP_PX)
        for number, (person, windows) in enumerate(self._windows.items()):
            left = GAP_PX + round(number * (FILM_WH[0] - CROP_WH[0]) / (len(names) - 1))
            top = GAP_PX + FILM_WH[1] + GAP_PX
            picture[top : top + STRIPE_PX, left : left + CROP_WH[0]] = colours(names)[person]
            _put(picture, _crop(drawn, windows, index), left, top + STRIPE_PX)
        return picture

    @cached_property
    def _tracks(self) -> Tracks:
        return truth_tracks(self.film.truth)[0]

    @cached_property
    def _names(self) -> Mapping[int, str]:
        return truth_tracks(self.film.truth)[1]

    @cached_property
    def _windows(self) -> dict[int, CropWindows]:
        tracks, names, timeline = truth_tracks(self.film.truth)
        return {
            person: crop_windows(
                tracks.take(np.flatnonzero(tracks.person_id == person)),
                timeline,
                self.film.size_wh,
                window=WindowSettings(aspect=Fraction(*CROP_WH), zoom="face"),
                camera=CameraSettings(),
                absent="wide",
            )
            for person in names
        }


def preview() -> Preview:
    """Return the frames of the committed animation."""
    size_wh = (SCALE * 640, SCALE * 360)
    return Preview(Film(shots=SHOTS, duration_s=DURATION_S, size_wh=size_wh))


def write_preview(path: Path) -> None:
    """Write the animation.

    Args:
        path: target file, an animated WebP.
    """
    source = preview()
    frames = [PIL.Image.fromarray(source.frame(index)) for index in source.frame_indices]
    frames[0].save(
        path,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=round(1000 * EVERY_NTH / FPS),
        loop=0,
        quality=QUALITY,
        method=6,
    )


def _resized(image: Image, size_wh: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(rows: Tracks, frame_wh: tuple[int, int]) -> Tracks:
    """Return the rows with boxes in pixels of the animation."""
    columns = {name: getattr(rows, name) for name in Tracks.COLUMNS}
    scale = np.array(FILM_WH, np.float32) / np.array(frame_wh, np.float32)
    return Tracks(**{**columns, "xyxy": rows.xyxy * np.tile(scale, 2)})


def _crop(drawn: Image, windows: CropWindows, index: int) -> Image:
    """Cut one person's window out of a frame, with bars where the shapes differ."""
    left, top, right, bottom = windows.xyxy[index].tolist()
    place = fit((right - left, bottom - top), CROP_WH)
    centre = ((left + right - 1) / 2, (top + bottom - 1) / 2)
    size_wh = (round(right - left), round(bottom - top))
    window = np.asarray(cv2.getRectSubPix(drawn, size_wh, centre), np.uint8)
    picture = np.zeros((CROP_WH[1], CROP_WH[0], 3), np.uint8)
    _put(picture, _resized(window, (place.width, place.height)), place.left, place.top)
    return picture


def _put(picture: Image, image: Image, left: int, top: int) -> None:
    height, width = image.shape[:2]
    picture[top : top + height, left : left + width] = image


def main() -> int:
    """Write the animation and print its size."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.preview", description=__doc__)
    parser.add_argument(
        "out", nargs="?", type=Path, default=FILE, help="default: docs/preview.webp"
    )
    parsed = parser.parse_args()
    write_preview(parsed.out)
    print(f"{parsed.out}: {parsed.out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Drawn dancers who turn their backs, cross, leave and return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from data.core.arrays import Image
from data.core.boxes import Box

FRAME_WH: Final = (640, 360)
FRAMES: Final = 250
RATE: Final = 25
NAMES: Final = {1: "Red", 2: "Green", 3: "Blue"}
COLOURS: Final = {1: (220, 40, 40), 2: (40, 190, 60), 3: (50, 80, 230)}
_HEIGHT_PX: Final = 190
_FLOOR_PX: Final = 330
_SKIN: Final = (235, 195, 165)
_HAIR: Final = (70, 50, 35)


@dataclass(frozen=True, slots=True, eq=False)
class Dancer:
    """One dancer in one frame."""

    face: Box  # (4,) px, not clipped to the frame
    body: Box  # (4,) px, clipped to the frame
    turned: bool  # the back is towards the camera
    height_px: float  # of the whole body


def dancers(index: int) -> dict[int, Dancer]:
    """Return the dancers of a frame by person id, without those who are outside of it.

    Red walks to the right and back, passing Green, who shows their back for four seconds and bows.
    Blue leaves to the right with their back to the camera, and returns.
    """
    time_s = index / RATE
    red = 320 - 220 * np.cos(2 * np.pi * time_s / 10)
    blue = np.interp(time_s, [0, 3, 4.5, 6, 7.5, 10], [520, 560, 760, 760, 540, 500])
    figures = {
        1: _dancer(float(red), 1.0, turned=5 < time_s < 9),
        2: _dancer(330.0, 1 - 0.35 * _bump(time_s, 5.0), turned=2 < time_s < 6),
        3: _dancer(float(blue), 1.0, turned=2.5 < time_s < 7),
    }
    return {person: figure for person, figure in figures.items() if figure.body[2] > figure.body[0]}


def _bump(time_s: float, at_s: float) -> float:
    return float(np.exp(-(((time_s - at_s) / 0.5) ** 2)))


def _dancer(x: float, upright: float, *, turned: bool) -> Dancer:
    height = _HEIGHT_PX * upright
    top, head = _FLOOR_PX - height, _HEIGHT_PX / 7
    face = [x - head * 0.35, top + head * 0.3, x + head * 0.35, top + head]
    arms = _HEIGHT_PX * 0.22
    body = np.array([x - arms, top, x + arms, _FLOOR_PX], np.float32)
    limits = np.tile(np.array(FRAME_WH, np.float32), 2)
    return Dancer(np.array(face, np.float32), np.clip(body, 0, limits), turned, height)


def draw(index: int) -> Image:
    """Draw a frame, ``(h, w, 3)`` RGB; Red is behind the others."""
    image = np.full((FRAME_WH[1], FRAME_WH[0], 3), 120, np.uint8)
    image[::24], image[:, ::24] = 140, 140
    for person, dancer in dancers(index).items():
        _draw(image, person, dancer)
    return image


def _draw(image: Image, person: int, dancer: Dancer) -> None:
    left, top, right, bottom = (float(side) for side in dancer.face)
    x, head = (left + right) / 2, (bottom - top) / 0.7
    crown, hips = top - 0.3 * head, _FLOOR_PX - 0.45 * dancer.height_px
    colour, arms = COLOURS[person], _HEIGHT_PX * 0.22
    limbs = [
        ((x, hips), (x - head * 0.5, _FLOOR_PX)),
        ((x, hips), (x + head * 0.5, _FLOOR_PX)),
        ((x, bottom + head * 0.3), (x - arms + 4, hips)),
        ((x, bottom + head * 0.3), (x + arms - 4, hips)),
    ]
    for begin, end in limbs:
        cv2.line(image, _px(*begin), _px(*end), colour, 8)
    cv2.rectangle(image, _px(x - head * 0.6, bottom), _px(x + head * 0.6, hips), colour, -1)
    axes = _px(head * 0.4, head * 0.5)
    middle = _px(x, crown + head / 2)
    cv2.ellipse(image, middle, axes, 0, 0, 360, _HAIR if dancer.turned else _SKIN, -1)


def _px(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)

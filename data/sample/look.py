"""Appearance of a drawn person: every measure and colour of the drawing."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """One person. Lengths in half head widths; y is 0 between the eyes and grows downwards."""

    name: str
    skin: RGB
    hair: RGB
    lips: RGB
    iris: RGB
    shirt: RGB
    collar: RGB
    # the head
    crown: float = -1.42
    chin: float = 1.40
    forehead: float = 2.2  # 2 a round skull, more a squarer one
    cheek: float = 0.97
    jaw: float = 0.80
    chin_width: float = 0.46
    # the features
    eye_apart: float = 0.42
    eye_width: float = 0.20
    eye_open: float = 0.095
    eye_slant: float = 0.0  # outer corner up
    brow_y: float = -0.30
    brow_thick: float = 0.085
    brow_arch: float = 0.06
    nose_length: float = 0.50
    nose_width: float = 0.17
    nose_out: float = 0.34
    mouth_y: float = 0.86
    mouth_width: float = 0.33
    upper_lip: float = 0.065
    lower_lip: float = 0.085
    ear: float = 0.30
    age: float = 0.0  # 0 smooth, 1 deeply lined
    freckles: float = 0.0
    stubble: float = 0.0
    blush: float = 0.15
    makeup: float = 0.0
    # what is worn on the head
    hair_style: str = "short"
    beard: str = "none"  # none, full, goatee, moustache
    glasses: str = "none"  # none, round, square
    earrings: RGB | None = None
    brow_colour: RGB | None = None
    build: float = 1.0  # width of the shoulders

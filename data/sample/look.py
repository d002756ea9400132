"""Appearance of a drawn person: sizes and colours."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """Appearance of one person.

    Lengths are in half head widths; y is 0 between the eyes and increases downwards. Strengths
    such as ``age`` and ``freckles`` are 0 to 1.
    """

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
    forehead: float = 2.2  # exponent of the skull's superellipse: 2 is round, more is squarer
    cheek: float = 0.97
    jaw: float = 0.80
    chin_width: float = 0.46
    # the features
    eye_x: float = 0.42  # of the eye centres
    eye_width: float = 0.20  # half the width
    eye_height: float = 0.095  # half the height
    eye_slant: float = 0.0  # rise of the outer corner
    brow_y: float = -0.30
    brow_thickness: float = 0.085
    brow_arch: float = 0.06
    nose_length: float = 0.50
    nose_width: float = 0.17
    nose_depth: float = 0.34
    mouth_y: float = 0.86
    mouth_width: float = 0.33
    upper_lip: float = 0.065
    lower_lip: float = 0.085
    ear: float = 0.30
    age: float = 0.0  # wrinkles: 0 none, 1 deep
    freckles: float = 0.0
    stubble: float = 0.0
    blush: float = 0.15
    makeup: float = 0.0
    # hair, beard and accessories
    hair_style: str = "short"  # see `hair.CUTS`
    beard: str = "none"  # none, full, goatee, moustache
    glasses: str = "none"  # none, round, square
    earrings: RGB | None = None
    brow_colour: RGB | None = None
    build: float = 1.0  # width of the shoulders

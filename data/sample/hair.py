"""Model hair as a second solid around the head, visible above a hairline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.sample.face import TEXTURE_WH
from data.sample.look import Look
from data.sample.shell import COLUMNS, ROWS, Grid, Shell, angle_of, dome, stack

Line = list[tuple[float, float]]
"""(degrees from the front, height y), from front to back."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Shape of a hair style, in the units of `Look`."""

    hairline: Line  # no hair below this line
    lift: float = 0.12  # height above the crown
    puff: float = 0.08  # thickness at the sides of the head
    bottom: float = 0.75  # y of the lower end
    flare: float = 0.0  # additional half width at the bottom
    top: Line | None = None  # no hair above this line
    curl: float = 0.0  # 0 straight strands, 1 curls
    ragged: float = 0.04  # unevenness of the hairline
    behind: float | None = None  # y of the lower end of hair behind the neck
    bun: float = 0.0  # radius of a bun on the crown
    part: float = 0.0  # degrees from the centre of the face to the parting


CUTS = {
    "short": Cut(
        [
            (0, -0.86),
            (35, -0.84),
            (55, -0.62),
            (68, -0.30),
            (80, 0.18),
            (88, 0.1),
            (96, -0.28),
            (115, 0.4),
            (180, 0.7),
        ]
    ),
    "crop": Cut(
        [
            (0, -0.92),
            (40, -0.90),
            (54, -0.60),
            (70, -0.40),
            (80, 0.10),
            (88, 0.1),
            (96, -0.3),
            (115, 0.4),
            (180, 0.6),
        ],
        lift=0.05,
        puff=0.03,
        curl=0.8,
        ragged=0.01,
    ),
    "quiff": Cut(
        [
            (0, -0.98),
            (30, -0.90),
            (50, -0.72),
            (66, -0.35),
            (78, 0.22),
            (86, 0.12),
            (96, -0.28),
            (115, 0.4),
            (180, 0.7),
        ],
        lift=0.42,
        puff=0.10,
        ragged=0.06,
        part=26,
    ),
    "curls": Cut(
        [(0, -0.66), (30, -0.62), (52, -0.5), (66, -0.1), (80, 0.45), (100, 0.6), (180, 0.8)],
        lift=0.36,
        puff=0.24,
        curl=1.0,
        ragged=0.14,
    ),
    "afro": Cut(
        [(0, -0.80), (35, -0.76), (55, -0.50), (68, -0.05), (80, 0.45), (110, 0.6), (180, 0.8)],
        lift=0.60,
        puff=0.50,
        curl=1.0,
        ragged=0.05,
        bottom=0.98,
        flare=-0.75,
        behind=2.0,
    ),
    "bob": Cut(
        [(0, -0.44), (40, -0.42), (50, -0.30), (56, 0.3), (62, 1.02), (180, 1.05)],
        lift=0.14,
        puff=0.16,
        bottom=1.10,
        flare=0.06,
        ragged=0.015,
        behind=1.05,
    ),
    "long": Cut(
        [
            (0, -1.26),
            (10, -1.14),
            (30, -0.92),
            (48, -0.5),
            (58, 0.0),
            (66, 0.7),
            (71, 1.4),
            (78, 2.25),
            (180, 2.3),
        ],
        lift=0.14,
        puff=0.15,
        bottom=2.35,
        flare=0.10,
        ragged=0.05,
        behind=2.2,
        part=10,
    ),
    "bun": Cut(
        [
            (0, -0.96),
            (35, -0.90),
            (56, -0.60),
            (70, -0.20),
            (80, 0.10),
            (96, -0.2),
            (115, 0.3),
            (180, 0.4),
        ],
        lift=0.08,
        puff=0.05,
        ragged=0.015,
        bun=0.46,
    ),
    "fringe": Cut(
        [(0, -9), (70, -9), (74, 0.02), (84, 0.16), (96, -0.1), (112, 0.5), (180, 0.7)],
        lift=0.02,
        puff=0.10,
        top=[(0, 9), (70, 9), (76, -0.42), (100, -0.62), (180, -0.7)],
        ragged=0.05,
        curl=0.4,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """Hair of one person, independent of the view."""

    shell: Shell
    texture: Image  # (h, w, 3)
    cover: NDArray[np.float32]  # (h, w) opacity, 0 to 1
    shade: NDArray[np.float32]  # (h, w) brightness of the head's texture; below 1 under hair
    cut: Cut


def hair_of(look: Look, head: Shell) -> Hair:
    """Build the hair of one person around ``head``."""
    cut = CUTS[look.hair_style]
    random = np.random.default_rng(sum(look.name.encode()))
    shell = _around(look, cut, random)
    width, height = TEXTURE_WH
    degrees = np.degrees(angle_of(np.linspace(-1, 1, width)))
    edge, top = _edges(cut, degrees, random)
    y = np.linspace(shell.y[0], shell.y[-1], height)[:, None]
    cover = np.clip((edge[None, :] - y) / 0.035 + 0.5, 0, 1) * np.clip((y - top) / 0.05 + 0.5, 0, 1)
    face_y = np.linspace(head.y[0], head.y[-1], height)[:, None]
    under = np.exp(-np.maximum(face_y - edge[None, :], 0) / 0.08) * (face_y > top + 0.03)
    return Hair(
        shell,
        _strands(look, cut, random),
        cover.astype(np.float32),
        (1 - 0.38 * under).astype(np.float32),
        cut,
    )


def _around(look: Look, cut: Cut, random: np.random.Generator) -> Shell:
    top, p = look.crown - cut.lift, cut.puff
    middle = -0.1 - 0.4 * max(cut.lift - 0.2, 0)  # voluminous hair is widest higher up
    square = max(look.forehead, 2.0)
    back = -0.16 - 0.3 * p
    vault = [(y, dome(y, top, middle, square)) for y in np.linspace(top, middle - 0.15, 10)]
    profile = [(float(y), w * (1 + p), w * (1.03 + 0.5 * p), back) for y, w in vault]
    front = 1.03 + 0.5 * p
    low_front = back + (0.95 * front - back) * (1 + 0.7 * min(cut.flare, 0))
    profile += [
        (middle, 1.0 + p, front, back),
        (0.45, 1.0 + p + 0.3 * cut.flare, 0.97 * front, back),
        (max(cut.bottom, 0.6), 1.0 + p + cut.flare, low_front, back),
    ]
    shell = stack(profile, soften=9)
    if not cut.curl:
        return shell
    rough = 1 + 0.05 * min(4 * cut.puff, 1) * _around_noise(random, ROWS, COLUMNS, 6.5)
    return Shell(shell.y, shell.x * rough, shell.z * rough, shell.half_width)


def _noise(
    random: np.random.Generator, shape: tuple[int, int], blur: float, elongation: float = 1.0
) -> Grid:
    """Return blurred noise of unit variance; ``elongation`` is vertical over horizontal blur."""
    step = max(int(blur * elongation / 8), 1)  # a strong vertical blur is computed at fewer rows
    noise = random.standard_normal((-(-shape[0] // step), shape[1]))
    blurred = cv2.GaussianBlur(noise, (0, 0), blur, sigmaY=blur * elongation / step)
    if step > 1:
        blurred = cv2.resize(blurred, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred / blurred.std())


def _around_noise(random: np.random.Generator, rows: int, columns: int, blur: float) -> Grid:
    """Return noise that is uniform over the angle rather than over the texture's columns."""
    noise = _noise(random, (rows, 540), blur)
    position = (angle_of(np.linspace(-1, 1, columns)) / np.pi + 1) / 2 * 539
    return np.asarray(noise[:, np.round(position).astype(int)])


def _edges(cut: Cut, degrees: Grid, random: np.random.Generator) -> tuple[Grid, Grid]:
    along = np.abs(degrees + cut.part * np.exp(-((degrees / 45) ** 2)))
    uneven = _noise(random, (1, len(degrees)), 3)[0] * cut.ragged
    edge = _along(cut.hairline, along) + uneven
    if cut.top is None:
        return edge, np.full(len(degrees), -9.0)
    return edge, _along(cut.top, along) + uneven


def _along(line: Line, degrees: Grid) -> Grid:
    table = np.array(line)
    return np.asarray(np.interp(degrees, table[:, 0], table[:, 1]))


def _strands(look: Look, cut: Cut, random: np.random.Generator) -> Image:
    width, height = TEXTURE_WH
    straight = _noise(random, (height, width), 1.6, 40) + 0.8 * _noise(
        random, (height, width), 5, 30
    )
    curly = 1.2 * _around_noise(random, height, width, 4)
    pattern = (1 - cut.curl) * straight + cut.curl * curly
    factor = 1 + 0.13 * np.clip(pattern, -2, 2)
    colour = (
        factor[:, :, None] * np.array(look.hair, np.float64)
        + 6 * np.maximum(pattern, 0)[:, :, None]
    )
    return np.asarray(np.clip(colour, 0, 255), np.uint8)

"""Relief and texture of a drawn face."""

from __future__ import annotations

import cv2
import numpy as np

from data.core.arrays import Image
from data.sample.look import Look
from data.sample.paint import Colour, Points, ellipse, fill, ribbon, smooth
from data.sample.shell import COLUMNS, Grid, Shell, angle_of, dome, position_of, stack

TEXTURE_WH = (640, 480)


def face_shell(look: Look, smile: float = 0.0) -> Shell:
    """Build the head without hair; a smile (0 to 1) lifts the cheeks."""
    low, top = look.chin, look.crown
    vault = [(y, dome(y, top, -0.1, look.forehead)) for y in np.linspace(top, -0.35, 9)]
    profile = [(float(y), width, 1.0 * width, -0.16) for y, width in vault]
    profile += [
        (0.0, 1.0, 1.0, -0.16),
        (0.25, look.cheek, 0.99, -0.14),
        (0.42 * low, (look.cheek + look.jaw) / 2, 0.98, -0.05),
        (0.68 * low, look.jaw, 0.95, 0.12),
        (0.86 * low, (look.jaw + look.chin_width) / 2, 0.92, 0.30),
        (0.95 * low, look.chin_width, 0.88, 0.45),
        (low, 0.0, 0.74, 0.70),
    ]
    bare = stack(profile)
    return Shell(bare.y, bare.x, bare.z + _relief(look, bare, smile), bare.half_width)


def _relief(look: Look, bare: Shell, smile: float) -> Grid:
    x, y = bare.x, np.broadcast_to(bare.y[:, None], bare.x.shape)
    front = np.clip(3 * np.cos(angle_of(np.linspace(-1, 1, COLUMNS))), 0, 1)[None, :]

    def hill(cx: float, cy: float, sx: float, sy: float) -> Grid:
        up_down = np.exp(-(((y - cy) / sy) ** 2))
        return np.asarray(
            (np.exp(-(((x - cx) / sx) ** 2)) + np.exp(-(((x + cx) / sx) ** 2))) * up_down
        )

    tip = look.nose_length
    ridge = np.interp(
        bare.y,
        [-0.28, -0.05, 0.5 * tip, 0.88 * tip, tip, tip + 0.06, tip + 0.16],
        [
            0,
            0.10,
            0.58 * look.nose_depth,
            look.nose_depth,
            0.95 * look.nose_depth,
            0.55 * look.nose_depth,
            0,
        ],
    )
    ridge = np.asarray(cv2.GaussianBlur(ridge[:, None], (1, 9), 0), np.float64).ravel()
    wide = np.interp(bare.y, [0, tip], [0.60, 1.0]) * look.nose_width
    relief = ridge[:, None] * np.exp(-((x / wide[:, None]) ** 2) * 1.1)
    relief = relief + 0.09 * hill(look.nose_width * 0.95, tip + 0.02, 0.085, 0.09)
    relief += -0.13 * hill(look.eye_x, 0.0, 0.24, 0.15)
    relief += 0.05 * hill(look.eye_x, 0.0, 0.15, 0.09)
    relief += 0.05 * hill(look.eye_x * 0.9, look.brow_y, 0.30, 0.10)
    relief += (0.04 + 0.07 * smile) * hill(0.56, 0.46 - 0.06 * smile, 0.20, 0.17)
    relief += 0.035 * hill(0, look.mouth_y, 0.30, 0.16)
    relief += -0.05 * hill(0, (look.mouth_y + 0.56 * look.chin + 0.42) / 2 + 0.06, 0.22, 0.06)
    relief += 0.05 * hill(0, look.chin - 0.22, 0.22, 0.15)
    relief += -0.05 * look.age * hill(0.58, 0.72, 0.14, 0.20)
    return np.asarray(relief * front)


class Skin:
    """Texture of the head, painted at positions ``(x, y)`` of the frontal view."""

    def __init__(self, shell: Shell, colour: Colour) -> None:
        width, height = TEXTURE_WH
        self.shell = shell
        self.image: Image = np.full((height, width, 3), np.round(colour), np.uint8)
        self.px = height / (shell.y[-1] - shell.y[0])  # texture pixels per unit, downwards

    def to_texture(self, points: Points) -> Points:
        """Return the texture pixels, ``(n, 2)``, of frontal positions, ``(n, 2)``."""
        half = np.interp(points[:, 1], self.shell.y, self.shell.half_width)
        angle = np.arcsin(np.clip(points[:, 0] / np.maximum(half, 1e-6), -0.999, 0.999))
        u = (position_of(angle) + 1) / 2 * TEXTURE_WH[0]
        return np.stack([u, (points[:, 1] - self.shell.y[0]) * self.px], 1)

    def fill(
        self,
        points: Points,
        colour: Colour,
        alpha: float = 1.0,
        blur: float = 0.0,
        clip: Points | None = None,
    ) -> None:
        """Fill a polygon of frontal positions, ``(n, 2)``; ``blur`` is in the same units."""
        limit = None if clip is None else self.to_texture(clip)
        corners, blur_px = self.to_texture(points), blur * self.px
        fill(self.image, corners, colour, alpha=alpha, blur_px=blur_px, clip=limit)

    def stroke(
        self,
        line: Points | list[tuple[float, float]],
        colour: Colour,
        width: float,
        alpha: float = 1.0,
        blur: float = 0.0,
    ) -> None:
        """Draw a brush stroke through frontal positions, ``(n, 2)``, tapered at both ends."""
        path = _curve(np.asarray(line, np.float64))
        taper = np.sin(np.linspace(0.12, np.pi - 0.12, len(path))) ** 0.6
        self.fill(ribbon(path, width * taper), colour, alpha, blur)


def _curve(corners: Points, steps: int = 24) -> Points:
    """Return an open quadratic or cubic curve, ``(steps, 2)``, fitted to 3 or more points."""
    t = np.linspace(0, 1, len(corners))
    fine = np.linspace(0, 1, steps)
    degree = min(len(corners) - 1, 3)
    return np.stack([np.polyval(np.polyfit(t, c, degree), fine) for c in corners.T], 1)


def tone(colour: Colour, factor: float, warm: float = 0.0) -> Colour:
    """Return the colour brightened by ``factor``, and made redder by ``warm``."""
    r, g, b = (c * factor for c in colour)
    return (min(r * (1 + warm), 255), min(g, 255), min(b * (1 - warm), 255))


def paint_face(look: Look, shell: Shell, smile: float = 0.0, blink: float = 0.0) -> Image:
    """Paint the head's texture, ``(h, w, 3)`` uint8 RGB; ``smile`` and ``blink`` are in 0..1."""
    skin = Skin(shell, look.skin)
    _complexion(skin, look, smile)
    for side in (-1, 1):
        _eye(skin, look, side, smile, blink)
        _brow(skin, look, side, smile)
    _nose(skin, look)
    _beard_shadow(skin, look)
    if look.beard in ("full", "goatee"):
        _beard(skin, look, smile)
    _mouth(skin, look, smile)
    _lines(skin, look, smile)
    if look.beard in ("full", "moustache", "goatee"):
        _moustache(skin, look, smile)
    return skin.image


def _complexion(skin: Skin, look: Look, smile: float) -> None:
    shade = tone(look.skin, 0.72, 0.06)
    red = (min(look.skin[0] * 1.02 + 12, 255), look.skin[1] * 0.78, look.skin[2] * 0.74)
    for side in (-1, 1):
        cheek = ellipse((side * 0.58, 0.50 - 0.05 * smile), (0.24, 0.17))
        skin.fill(cheek, red, look.blush * (1 + 0.8 * smile), 0.10)
        skin.fill(ellipse((side * 0.80, 0.62), (0.14, 0.28)), shade, 0.35, 0.10)
        socket = ellipse((side * look.eye_x, -0.06), (0.27, 0.16))
        skin.fill(socket, shade, 0.50, 0.055)
    skin.fill(ellipse((0, look.crown + 0.62), (0.5, 0.2)), tone(look.skin, 1.10), 0.35, 0.15)
    if look.freckles:
        _freckles(skin, look)


def _freckles(skin: Skin, look: Look) -> None:
    random = np.random.default_rng(7)
    for _ in range(int(90 * look.freckles)):
        x, y = random.normal(0, 0.42), random.normal(0.40, 0.13)
        size = random.uniform(0.010, 0.019)
        skin.fill(ellipse((x, y), (size, size), 8), tone(look.skin, 0.72, 0.12), 0.65, 0.004)


def _lids(look: Look, side: int, smile: float, blink: float) -> tuple[Points, Points]:
    """Return the upper and the lower lid from the inner to the outer corner, each ``(n, 2)``."""
    t = np.linspace(-1, 1, 25)
    w, h = look.eye_width, look.eye_height
    slant = -look.eye_slant * (t + 1) / 2 * 0.5
    bow = (1 - np.abs(t) ** 2.2) ** 0.8
    up = h * (1 - 0.14 * smile) * (1 - blink) - 0.35 * h * blink
    down = 0.62 * h * (1 - 0.45 * smile)
    x = side * (look.eye_x + w * t)
    upper = np.stack([x, slant - up * bow], 1)
    lower = np.stack([x, slant + np.maximum(down, -up + 0.004) * bow], 1)
    return upper, lower


def _eye(skin: Skin, look: Look, side: int, smile: float, blink: float) -> None:
    upper, lower = _lids(look, side, smile, blink)
    opening = np.concatenate([upper, lower[::-1]])
    dark = tone(look.skin, 0.42, 0.10)
    if look.makeup:
        lid = np.concatenate([upper, np.add(upper, (0, -0.10))[::-1]])
        skin.fill(lid, tone(look.lips, 0.7), 0.45 * look.makeup, 0.02)
    if blink < 0.8:
        skin.fill(opening, (246, 242, 236))
        _iris(skin, look, side, opening)
        shadow = np.concatenate([upper, np.add(upper, (0, 0.035))[::-1]])
        skin.fill(shadow, (60, 45, 45), 0.45, 0.008, clip=opening)
    crease = upper * [1, 1.0] + [0, -0.055]
    skin.stroke(crease[3:-1], dark, 0.020, 0.55, 0.004)
    lash = 0.030 + 0.020 * look.makeup
    outer = upper[-1] + [side * (0.01 + 0.05 * look.makeup), -0.03 * look.makeup]
    rim = np.concatenate([upper, outer[None]])
    widths = lash * np.linspace(0.5, 1.25, len(rim))
    skin.fill(ribbon(rim, widths), (32, 22, 22), 0.95, 0.002)
    skin.fill(ribbon(lower[2:], np.full(len(lower) - 2, 0.012)), dark, 0.75, 0.003)
    if look.age > 0.2 or smile > 0.3:
        bag = lower * [1, 1] + [0, 0.075]
        skin.stroke(bag[4:-4], dark, 0.018, 0.20 + 0.35 * look.age, 0.008)


def _iris(skin: Skin, look: Look, side: int, opening: Points) -> None:
    centre = (side * look.eye_x, -0.14 * look.eye_height)
    r = 0.98 * look.eye_height
    skin.fill(ellipse(centre, (r, r)), tone(look.iris, 0.45), clip=opening)
    skin.fill(ellipse(centre, (0.84 * r, 0.84 * r)), look.iris, clip=opening)
    glow = ellipse((centre[0], centre[1] + 0.35 * r), (0.55 * r, 0.40 * r))
    skin.fill(glow, tone(look.iris, 1.5), 0.5, 0.012, clip=opening)
    skin.fill(ellipse(centre, (0.46 * r, 0.46 * r)), (14, 10, 12), clip=opening)
    spark = ellipse((centre[0] - 0.33 * r, centre[1] - 0.36 * r), (0.25 * r, 0.25 * r))
    skin.fill(spark, (255, 255, 255), clip=opening)


def _brow(skin: Skin, look: Look, side: int, smile: float) -> None:
    y = look.brow_y - 0.025 * smile
    inner, outer = look.eye_x - 0.24, look.eye_x + 0.30
    colour = look.brow_colour or tone(look.hair, 0.8)
    path = _curve(
        np.array(
            [
                (side * inner, y - 0.015 - 0.02 * smile),
                (side * (inner + 0.20), y - 0.75 * look.brow_arch - 0.01),
                (side * (outer - 0.18), y - look.brow_arch),
                (side * outer, y + 0.06),
            ]
        )
    )
    widths = look.brow_thickness * np.interp(
        np.linspace(0, 1, len(path)), [0, 0.3, 1], [0.85, 1, 0.25]
    )
    skin.fill(ribbon(path, widths), colour, 0.95, 0.010)


def _nose(skin: Skin, look: Look) -> None:
    tip, w = look.nose_length, look.nose_width
    dark, shade = tone(look.skin, 0.36, 0.14), tone(look.skin, 0.70, 0.08)
    # Light comes from the upper left: the shadow is to the right of the ridge and below it.
    side = np.array(
        [(0.07, -0.06), (0.10, 0.2), (w + 0.06, tip), (0.3 * w, tip + 0.05), (0.05, 0.25)]
    )
    skin.fill(smooth(side), shade, 0.50, 0.035)
    skin.fill(ellipse((0.02, tip + 0.13), (1.15 * w, 0.055)), shade, 0.55, 0.03)
    for sign in (-1, 1):
        nostril = ellipse((sign * 0.50 * w, tip + 0.065), (0.30 * w, 0.030))
        skin.fill(nostril, dark, 0.95, 0.010)
        wing = [
            (sign * 0.88 * w, tip - 0.09),
            (sign * 1.22 * w, tip + 0.0),
            (sign * 0.98 * w, tip + 0.075),
        ]
        skin.stroke(wing, dark, 0.030, 0.60, 0.010)
    skin.fill(ellipse((-0.02, tip - 0.07), (0.30 * w, 0.045)), tone(look.skin, 1.30), 0.45, 0.025)
    skin.fill(ellipse((-0.015, 0.18), (0.035, 0.20)), tone(look.skin, 1.22), 0.35, 0.025)


def _mouth(skin: Skin, look: Look, smile: float) -> None:
    top, upper, lower, bottom = _lip_lines(look, smile)
    dark = (62, 18, 22)
    opening = np.concatenate([upper, lower[::-1]])
    skin.fill(
        ellipse((0, bottom[len(bottom) // 2, 1] + 0.05), (0.7 * look.mouth_width, 0.04)),
        tone(look.skin, 0.66, 0.06),
        0.5,
        0.03,
    )
    skin.fill(np.concatenate([top, upper[::-1]]), tone(look.lips, 0.82), 1.0, 0.004)
    skin.fill(np.concatenate([lower, bottom[::-1]]), look.lips, 1.0, 0.004)
    if smile > 0.12:
        skin.fill(opening, dark)
        teeth = np.concatenate([upper, (upper * 0.28 + lower * 0.72)[::-1]])
        inset = teeth * [0.92, 1.0]
        skin.fill(inset, (250, 247, 240), min(1.0, 2.2 * smile), 0.003, clip=opening)
        skin.fill(ribbon(upper, np.full(len(upper), 0.02)), dark, 0.5, 0.006)
    else:
        line = (upper + lower) / 2
        skin.fill(ribbon(line, np.full(len(line), 0.022)), dark, 0.85, 0.003)
    shine = ellipse((-0.05, (lower[12, 1] + bottom[12, 1]) / 2), (0.10, 0.018))
    skin.fill(shine, tone(look.lips, 1.45), 0.55, 0.014)
    for x, y in (upper[0], upper[-1]):
        skin.fill(ellipse((x, y), (0.030, 0.022)), tone(look.skin, 0.45, 0.1), 0.7, 0.012)


def _lip_lines(look: Look, smile: float) -> tuple[Points, Points, Points, Points]:
    """Return the four edges of the lips from top to bottom, each ``(25, 2)`` from left to right."""
    t = np.linspace(-1, 1, 25)
    w = look.mouth_width * (1 + 0.36 * smile)
    x = w * t
    curl = -(0.065 + 0.075 * smile) * t**2 + 0.02 * smile
    y = look.mouth_y + curl + 0.012 * np.cos(2 * np.pi * t) * (1 - smile)
    gap = 0.165 * smile * np.sqrt(np.maximum(1 - t**2, 0)) ** 1.1
    bow = np.cos(np.pi * t / 2) ** 0.9
    cupid = 1 - 0.30 * np.exp(-((t / 0.16) ** 2))
    upper, lower = y - 0.22 * gap, y + 0.78 * gap
    top = upper - look.upper_lip * (1 - 0.25 * smile) * bow * cupid
    bottom = lower + look.lower_lip * (1 - 0.15 * smile) * bow
    first, second, third, fourth = (np.stack([x, v], 1) for v in (top, upper, lower, bottom))
    return first, second, third, fourth


def _lines(skin: Skin, look: Look, smile: float) -> None:
    dark = tone(look.skin, 0.48, 0.10)
    fold = 0.55 * look.age + 0.42 * smile
    for side in (-1, 1):
        edge = look.mouth_width * (1 + 0.30 * smile) + 0.09
        cheek = [
            (side * (look.nose_width + 0.09), look.nose_length - 0.02),
            (side * (edge - 0.04), look.nose_length + 0.17),
            (side * (edge + 0.02), look.mouth_y - 0.02),
        ]
        if fold > 0.1:
            skin.stroke(cheek, dark, 0.035, min(fold, 0.8), 0.016)
        for k in range(round(3 * look.age)):
            out = side * (look.eye_x + look.eye_width + 0.05)
            crow = [
                (out, -0.02 + 0.05 * k),
                (out + side * 0.06, -0.03 + 0.07 * k),
                (out + side * 0.13, -0.06 + 0.09 * k),
            ]
            skin.stroke(crow, dark, 0.016, 0.55, 0.005)
    for k in range(round(3 * look.age)):
        y = look.brow_y - 0.20 - 0.13 * k
        skin.stroke(
            [(-0.45, y + 0.02), (0, y - 0.03), (0.45, y + 0.02)], dark, 0.020, 0.5 * look.age, 0.008
        )


def _beard_shadow(skin: Skin, look: Look) -> None:
    if look.stubble:
        low = smooth(_beard_edge(look, 0.0, wide=True))
        skin.fill(low, tone(look.hair, 0.8), 0.35 * look.stubble, 0.05)


def _beard_edge(look: Look, smile: float, *, wide: bool) -> list[tuple[float, float]]:
    m, c = look.mouth_y - 0.02 * smile, look.chin
    if not wide:
        w = look.mouth_width + 0.10
        return [
            (-w, m - 0.12),
            (0, m - 0.16),
            (w, m - 0.12),
            (w, m + 0.22),
            (0.30, c - 0.02),
            (-0.30, c - 0.02),
            (-w, m + 0.22),
        ]
    e, j, w = look.cheek * 0.985, look.jaw * 0.99, look.chin_width
    half = [
        (0.36, m - 0.19),
        (0.62, m - 0.10),
        (0.86, 0.52),
        (e, 0.25),
        (j, 0.68 * c),
        (w, 0.96 * c),
    ]
    return [(0, m - 0.16), *half, (0, c), *((-x, y) for x, y in reversed(half))]


def _beard(skin: Skin, look: Look, smile: float) -> None:
    colour = look.brow_colour or look.hair
    edge = smooth(_beard_edge(look, smile, wide=look.beard == "full"))
    skin.fill(edge, tone(colour, 0.85), 0.95, 0.03)
    random = np.random.default_rng(11)
    inside = skin.to_texture(edge).astype(np.float32)
    for _ in range(260):
        x, y = random.uniform(-0.95, 0.95), random.uniform(0.3, look.chin)
        u, v = skin.to_texture(np.array([[x, y]]))[0]
        if cv2.pointPolygonTest(inside[:, None], (float(u), float(v)), False) > 0:
            hair = [(x, y), (x * 1.01 + 0.01, y + 0.05), (x * 0.98, y + 0.11)]
            skin.stroke(hair, tone(colour, random.choice([0.65, 1.2])), 0.018, 0.55)


def _moustache(skin: Skin, look: Look, smile: float) -> None:
    colour = tone(look.brow_colour or look.hair, 0.8)
    top = _lip_lines(look, smile)[0]
    lift = 0.10 if look.beard == "moustache" else 0.06
    w = 1.12
    outline = np.concatenate([top * [w, 1] + [0, 0.012], (top * [w * 0.8, 1] + [0, -lift])[::-1]])
    skin.fill(outline, colour, 0.95, 0.014)

"""Draw the parts of a person other than head and hair: ears, neck, clothes and glasses."""

from __future__ import annotations

import numpy as np

from data.core.arrays import Image
from data.sample.look import Look
from data.sample.paint import Points, ellipse, fill, ribbon, smooth

Placement = tuple[float, tuple[float, float]]
"""Pixels per unit, and the pixel between the eyes."""


def _to_px(points: Points | list[tuple[float, float]], placement: Placement) -> Points:
    return np.asarray(np.asarray(points, np.float64) * placement[0] + np.asarray(placement[1]))


def _scaled(colour: tuple[int, int, int], factor: float) -> tuple[float, float, float]:
    r, g, b = (min(c * factor, 255.0) for c in colour)
    return r, g, b


def _both_sides(half: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return half + [(-x, y) for x, y in reversed(half)]


def draw_body(look: Look, size_wh: tuple[int, int], placement: Placement) -> Image:
    """Draw neck, shoulders, arms and collar as ``(h, w, 4)`` uint8 RGBA, premultiplied."""
    image = np.zeros((size_wh[1], size_wh[0], 4), np.uint8)
    scale, b = placement[0], look.build
    floor = (size_wh[1] - placement[1][1]) / scale + 1
    neck = 0.56 * (0.7 + 0.3 * b)
    torso = [
        (neck - 0.02, 1.74),
        (1.05 * b, 1.98),
        (1.62 * b, 2.16),
        (1.92 * b, 2.62),
        (2.06 * b, 3.7),
        (2.12 * b, 5.2),
        (2.0 * b, floor),
    ]
    outline = smooth(_both_sides(torso), 6)
    fill(image, _to_px(outline, placement), look.shirt)
    _folds(image, look, _to_px(outline, placement), placement)
    red, green, blue = look.skin
    skin_shade = (red * 0.84, green * 0.76, blue * 0.74)
    throat = _both_sides([(neck * 0.94, 0.7), (neck, 1.45), (neck * 1.25, 1.86), (0.30, 2.10)])
    fill(image, _to_px(throat, placement), skin_shade)
    fill(
        image,
        _to_px(
            smooth([(-neck, 1.0), (neck, 1.0), (neck * 0.9, 1.62), (0, 1.80), (-neck * 0.6, 1.56)]),
            placement,
        ),
        _scaled(look.skin, 0.52),
        alpha=0.85,
        blur_px=0.06 * scale,
        clip=_to_px(throat, placement),
    )
    fill(
        image,
        _to_px(ellipse((-0.25, 1.86), (0.18, 0.10)), placement),
        _scaled(look.skin, 1.12),
        alpha=0.4,
        blur_px=0.06 * scale,
    )
    for side in (-1, 1):
        collar = [
            (side * neck * 0.98, 1.55),
            (side * (neck + 0.24), 1.84),
            (side * 0.42, 2.30),
            (side * 0.02, 2.14),
            (side * neck * 0.75, 1.86),
        ]
        fill(image, _to_px(collar, placement), _scaled(look.collar, 1.0 if side < 0 else 0.86))
        edge = np.array([(side * 0.02, 2.14), (side * 0.42, 2.30), (side * (neck + 0.24), 1.84)])
        fill(image, _to_px(ribbon(edge, np.full(3, 0.03)), placement), _scaled(look.collar, 0.62))
    return image


def _folds(image: Image, look: Look, outline: Points, placement: Placement) -> None:
    scale, b = placement[0], look.build
    dark, light = _scaled(look.shirt, 0.58), _scaled(look.shirt, 1.22)
    soft = 0.16 * scale
    floor = (image.shape[0] - placement[1][1]) / scale + 1
    fill(
        image,
        _to_px([(0.95 * b, 1.7), (2.6, 1.7), (2.6, floor), (1.5 * b, floor)], placement),
        dark,
        alpha=0.55,
        blur_px=2.4 * soft,
        clip=outline,
    )
    fill(
        image,
        _to_px(ellipse((-1.05 * b, 2.42), (0.62, 0.26)), placement),
        light,
        alpha=0.55,
        blur_px=soft,
        clip=outline,
    )
    for side in (-1, 1):
        arm = np.array([(side * 1.42 * b, 3.0), (side * 1.46 * b, 4.2), (side * 1.50 * b, floor)])
        fill(
            image,
            _to_px(ribbon(arm, np.array([0.02, 0.09, 0.09])), placement),
            dark,
            alpha=0.8,
            blur_px=0.3 * soft,
            clip=outline,
        )
    fill(
        image,
        _to_px([(-0.02, 2.1), (0.03, 2.1), (0.03, floor), (-0.02, floor)], placement),
        dark,
        alpha=0.6,
        blur_px=1,
        clip=outline,
    )
    for k in range(3):
        button = ellipse((0.10, 2.75 + 0.62 * k), (0.055, 0.055))
        fill(image, _to_px(button, placement), _scaled(look.collar, 0.95))


def draw_ear(image: Image, look: Look, side: int, yaw: float, placement: Placement) -> None:
    """Draw one ear onto an RGBA image, ``(h, w, 4)``, in place; ``side`` is -1 (left) or 1."""
    turned = side * np.sin(-yaw)  # 1 where the ear faces the camera
    centre = side * 1.0 * np.cos(yaw) - 0.14 * np.sin(yaw)
    half_width = 0.115 + 0.10 * max(turned, 0)
    middle = (centre + side * 0.02, 0.16)
    outer = np.array([(-0.9, -0.7), (0, -1), (1, -0.75), (0.95, 0), (0.2, 0.95), (-0.8, 0.6)])
    shape = smooth(outer * [side * half_width, look.ear] + middle)
    light = 0.98 if side < 0 else 0.74
    fill(image, _to_px(shape, placement), _scaled(look.skin, light))
    inner = (shape - middle) * [0.55, 0.6] + middle + [0.01 * side, -0.01]
    fill(
        image,
        _to_px(inner, placement),
        _scaled(look.skin, 0.60 * light),
        alpha=0.7,
        blur_px=0.02 * placement[0],
    )
    if look.earrings is not None:
        drop = ellipse((middle[0] + side * 0.01, middle[1] + look.ear + 0.09), (0.075, 0.075), 20)
        fill(image, _to_px(drop, placement), look.earrings)
        spark = ellipse((middle[0] - 0.02, middle[1] + look.ear + 0.065), (0.025, 0.025), 12)
        fill(image, _to_px(spark, placement), (255, 255, 240))


def draw_glasses(image: Image, look: Look, yaw: float, placement: Placement) -> None:
    """Draw glasses onto an RGBA image, ``(h, w, 4)``, in place."""
    if look.glasses == "none":
        return
    frame = (38, 30, 34)
    # Draw the side turned away from the camera first.
    for side in (1, -1) if yaw >= 0 else (-1, 1):
        rim = _lens(look, side)
        projected = _to_px(_turned(rim, yaw), placement)
        fill(image, projected, (235, 244, 255), alpha=0.10)
        closed = np.concatenate([projected, projected[:2]])
        fill(image, ribbon(closed, np.full(len(closed), 0.050 * placement[0])), frame)
        if side * yaw <= 0.15:
            temple = np.array(
                [
                    (side * (look.eye_x + 0.28), -0.03, 0.90),
                    (side * 1.02, -0.05, 0.30),
                    (side * 1.03, -0.03, -0.10),
                ]
            )
            line = _to_px(_turned(temple, yaw), placement)
            fill(image, ribbon(line, np.full(3, 0.05 * placement[0])), frame)
    bridge = np.array(
        [
            (-(look.eye_x - 0.27), 0.0, 1.10),
            (0, -0.05, 1.17),
            (look.eye_x - 0.27, 0.0, 1.10),
        ]
    )
    fill(
        image,
        ribbon(_to_px(_turned(bridge, yaw), placement), np.full(3, 0.05 * placement[0])),
        frame,
    )


def _lens(look: Look, side: int) -> Points:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    power = 1.0 if look.glasses == "round" else 0.55
    x = 0.285 * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power
    y = (
        (0.255 if look.glasses == "round" else 0.20)
        * np.sign(np.sin(turn))
        * np.abs(np.sin(turn)) ** power
    )
    x = side * look.eye_x + x
    return np.stack([x, y + 0.03, 1.12 - 0.28 * x * x], 1)


def _turned(points: Points, yaw: float) -> Points:
    return np.stack([points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw), points[:, 1]], 1)

"""Draw a person as a transparent picture: body, hair and rotated head, lit from upper left."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from data.sample.body import Placement, draw_body, draw_ear, draw_glasses
from data.sample.face import face_shell, paint_face
from data.sample.hair import hair_of
from data.sample.look import Look
from data.sample.paint import ellipse, fill
from data.sample.shell import Grid, Shell, View, look_at

# Size of the picture in units, relative to the point between the eyes, which is centred in x.
WIDTH, ABOVE, BELOW = 5.5, 2.25, 7.0
HEAD_BELOW = 2.75  # extent of head and hair below the eyes
_SUPERSAMPLING = 2

LIGHT = np.array([-0.42, -0.50, 0.76])


def light_on(shell: Shell, yaw: float, skin_shine: float) -> tuple[Grid, Grid]:
    """Return diffuse light and highlights on a solid at ``yaw``, each ``(ROWS, COLUMNS)`` 0..1."""
    nx, ny, nz = shell.normals()
    turned_x = nx * np.cos(yaw) + nz * np.sin(yaw)
    turned_z = nz * np.cos(yaw) - nx * np.sin(yaw)
    lx, ly, lz = LIGHT / np.linalg.norm(LIGHT)
    facing = turned_x * lx + ny * ly + turned_z * lz
    soft = np.clip((facing + 0.30) / 1.25, 0, 1)
    half = np.array([lx, ly, lz + 1])
    half /= np.linalg.norm(half)
    gleam = np.clip(turned_x * half[0] + ny * half[1] + turned_z * half[2], 0, 1) ** 28
    return soft, gleam * skin_shine


def lit(texture: Image, view: View, soft: Grid, gleam: Grid) -> NDArray[np.float32]:
    """Return the projected and shaded texture, ``(h, w, 3)`` float32, 0 to 255."""
    albedo = view.take(texture).astype(np.float32)
    bright = view.take(soft.astype(np.float32)).astype(np.float32)[:, :, None]
    shine = view.take(gleam.astype(np.float32)).astype(np.float32)[:, :, None]
    shadow = np.array([0.46, 0.40, 0.44], np.float32)
    sun = np.array([1.13, 1.10, 1.06], np.float32)
    colour = albedo * (shadow + (sun - shadow) * bright) + 255 * shine
    return np.asarray(np.minimum(colour, 255), np.float32)


@dataclass(frozen=True, slots=True)
class Pose:
    """Pose and expression of the head."""

    yaw_deg: float = 0.0  # positive to the right of the picture
    smile: float = 0.0  # 0 to 1
    blink: float = 0.0  # 0 to 1


class Figure:
    """Drawer of one person in any pose; parts that do not depend on the pose are cached."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.shell = face_shell(look)
        self.hair = hair_of(look, self.shell)
        self._bodies: dict[float, tuple[Image, Image]] = {}
        self._faces: dict[tuple[float, float], tuple[Shell, Image]] = {}

    def draw(self, pose: Pose, *, scale: float = 64.0) -> Image:
        """Draw the person on a transparent background at ``scale`` pixels per unit.

        Returns:
            ``(h, w, 4)`` RGBA uint8, colours premultiplied; `origin_px` is between the eyes.
        """
        yaw = float(np.radians(pose.yaw_deg))
        placement = _supersampled_placement(scale)
        upper, lower = self._body(scale)
        hair_view = look_at(self.hair.shell, yaw, origin=placement[1], scale=placement[0])
        canvas = self._behind(upper, yaw, hair_view, placement)
        self._ears(canvas, yaw, placement, behind=True)
        self._face(canvas, yaw, pose, placement)
        self._ears(canvas, yaw, placement, behind=False)
        soft, gleam = light_on(self.hair.shell, yaw, 0.20)
        cover = hair_view.take(self.hair.cover).astype(np.float32) * hair_view.hit
        _lay(canvas, hair_view, lit(self.hair.texture, hair_view, soft, gleam), cover)
        draw_glasses(canvas, self.look, yaw, placement)
        return np.concatenate([_reduced(canvas), lower])

    def _body(self, scale: float) -> tuple[Image, Image]:
        """Return the body beside the head, supersampled, and below the head, at final size."""
        if scale not in self._bodies:
            placement = _supersampled_placement(scale)
            head_rows = round((ABOVE + HEAD_BELOW) * scale) * _SUPERSAMPLING
            size = (
                round(WIDTH * scale) * _SUPERSAMPLING,
                head_rows + round((BELOW - HEAD_BELOW) * scale) * _SUPERSAMPLING,
            )
            body = draw_body(self.look, size, placement)
            self._bodies[scale] = (body[:head_rows], _reduced(body[head_rows:]))
        return self._bodies[scale]

    def _expression(self, smile: float, blink: float) -> tuple[Shell, Image]:
        key = (smile, blink)
        if key not in self._faces:
            relief = face_shell(self.look, smile)
            texture = paint_face(self.look, relief, smile, blink)
            self._faces[key] = (relief, (texture * self.hair.shade[:, :, None]).astype(np.uint8))
        return self._faces[key]

    def _face(self, canvas: Image, yaw: float, pose: Pose, placement: Placement) -> None:
        relief, texture = self._expression(pose.smile, pose.blink)
        soft, gleam = light_on(relief, yaw, 0.10)
        view = look_at(self.shell, yaw, origin=placement[1], scale=placement[0])
        _lay(canvas, view, lit(texture, view, soft, gleam), view.hit.astype(np.float32))

    def _ears(self, canvas: Image, yaw: float, placement: Placement, *, behind: bool) -> None:
        for side in (-1, 1):
            if (side * yaw > -0.1) == behind:
                draw_ear(canvas, self.look, side, yaw, placement)

    def _behind(self, body: Image, yaw: float, view: View, placement: Placement) -> Image:
        """Return the body with the hair behind it."""
        cut = self.hair.cut
        if cut.behind is None and not cut.bun:
            return body.copy()
        canvas = np.zeros_like(body)
        if cut.behind is not None:
            y = (np.arange(view.hit.shape[0]) + view.corner[1] + 0.5 - placement[1][1]) / placement[
                0
            ]
            above = np.clip((cut.behind - y) / 0.05 + 0.5, 0, 1).astype(np.float32)
            fall = view.take(self.hair.texture).astype(np.float32) * 0.50
            _lay(canvas, view, fall, view.hit * above[:, None])
        if cut.bun:
            self._bun(canvas, yaw, placement)
        _over(canvas, body, np.s_[:, :])
        return canvas

    def _bun(self, image: Image, yaw: float, placement: Placement) -> None:
        scale, origin = placement
        r = self.hair.cut.bun
        centre = np.array([-0.35 * np.sin(yaw), self.look.crown - 0.55 * r])
        for k, (part, factor) in enumerate([(1.0, 0.62), (0.88, 0.85), (0.55, 1.1), (0.25, 1.4)]):
            x, y = (centre - 0.06 * k * r * np.array([1.0, 1.2])) * scale + origin
            red, green, blue = (min(c * factor + 4.0 * k, 255.0) for c in self.look.hair)
            outline = ellipse((x, y), (part * r * scale, part * r * scale))
            fill(image, outline, (red, green, blue), blur_px=0.0 if k == 0 else 0.09 * scale)


def origin_px(scale: float) -> tuple[float, float]:
    """Return the pixel between the eyes in a picture of `Figure.draw`."""
    return round(WIDTH * scale) / 2, ABOVE * scale


def _supersampled_placement(scale: float) -> Placement:
    x, y = origin_px(scale)
    return scale * _SUPERSAMPLING, (x * _SUPERSAMPLING, y * _SUPERSAMPLING)


def _lay(
    canvas: Image, view: View, colour: NDArray[np.float32], cover: NDArray[np.float32]
) -> None:
    """Draw a view onto the premultiplied canvas, clipped to the canvas."""
    (left, above), (height, width) = view.corner, view.hit.shape
    x, y = max(left, 0), max(above, 0)
    right, below = min(left + width, canvas.shape[1]), min(above + height, canvas.shape[0])
    inside = np.s_[y - above : below - above, x - left : right - left]
    alpha = cover[inside]
    layer = cv2.merge([colour[inside] * alpha[:, :, None], alpha * 255])
    _over(canvas, (layer + 0.5).astype(np.uint8), np.s_[y:below, x:right])


def _over(canvas: Image, layer: Image, window: tuple[slice, slice]) -> None:
    transparency = cv2.merge([255 - layer[:, :, 3]] * 4)
    canvas[window] = cv2.add(cv2.multiply(canvas[window], transparency, scale=1 / 255), layer)


def _reduced(image: Image) -> Image:
    size = (image.shape[1] // _SUPERSAMPLING, image.shape[0] // _SUPERSAMPLING)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

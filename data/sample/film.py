"""Draw the sample film: single frames, the film as a file, and its ground truth."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.boxes import clamp
from data.sample.backdrop import draw_backdrop
from data.sample.cast import CAST
from data.sample.head import Figure, Pose, origin_px
from data.sample.look import Look
from data.sample.shots import SHOTS, Entrance, ScriptedShot
from data.sample.sound import RATE_HZ, draw_sound, mark_times_s
from data.sample.truth import Truth, write_truth

if TYPE_CHECKING:
    from data.core.arrays import Image

_T = TypeVar("_T", Look, ScriptedShot)

FPS = Fraction(25)
DURATION_S = 50.0
SIZE_WH = (640, 360)

# dlib's face box reaches from the middle of the forehead to just above the chin and from ear to
# ear, and moves with the features when the head turns.
BOX_TOP, BOX_BOTTOM = 0.46, 0.86  # fractions of `Look.crown` and `Look.chin`
BOX_HALF_WIDTH = 0.93  # half head widths
BOX_YAW_SHIFT = 0.45  # half head widths, at a right angle

_SCALES = (32.0, 64.0, 96.0)  # pixels per unit at which people are drawn before they are scaled
_OUTLINE_SCALE = 24.0  # sufficient to decide which figure hides another
_YAW_STEP_DEG = 4.0
_SMILE_LEVELS = 4
_CACHED_DRAWINGS = 96
_BLINK_FRAMES = 4


@dataclass(frozen=True, slots=True)
class _PlacedFigure:
    """One person in one frame."""

    look: Look
    pose: Pose
    eyes: tuple[float, float]  # px, point between the eyes
    unit_px: float  # px per half head width
    lean: float  # radians

    drawing_scale: float | None = None  # px per unit; None for the next of `_SCALES`

    @property
    def scale(self) -> float:
        """Pixels per unit of the drawing."""
        return self.drawing_scale or next((s for s in _SCALES if s >= self.unit_px), _SCALES[-1])

    def matrix(self) -> NDArray[np.float64]:
        """Return the affine map from pixels of the drawing to pixels of the frame, ``(2, 3)``."""
        x, y = origin_px(self.scale)
        factor = self.unit_px / self.scale
        c, s = factor * np.cos(self.lean), factor * np.sin(self.lean)
        rotation = np.array([[c, -s], [s, c]])
        offset = np.array(self.eyes) - rotation @ np.array([x - 0.5, y - 0.5])
        return np.column_stack([rotation, offset])

    def box(self) -> NDArray[np.float64]:
        """Return the face box in frame pixels, ``(4,)`` xyxy, not clipped to the frame."""
        top, bottom = BOX_TOP * self.look.crown, BOX_BOTTOM * self.look.chin
        shift = BOX_YAW_SHIFT * np.sin(np.radians(self.pose.yaw_deg))
        middle = np.array([shift, (top + bottom) / 2])
        c, s = np.cos(self.lean), np.sin(self.lean)
        centre = np.array(self.eyes) + self.unit_px * (np.array([[c, -s], [s, c]]) @ middle)
        half = self.unit_px * np.array([BOX_HALF_WIDTH, (bottom - top) / 2])
        return np.concatenate([centre - half, centre + half]) + 0.5


@dataclass(frozen=True, slots=True)
class _TruthRow:
    """One row of the ground truth."""

    index: int
    person: _PlacedFigure
    visible: float


class Film:
    """The sample film, deterministic in its arguments."""

    def __init__(
        self,
        *,
        people: Sequence[str] | None = None,
        shots: Sequence[str] | None = None,
        duration_s: float = DURATION_S,
        size_wh: tuple[int, int] = SIZE_WH,
        seed: int = 0,
    ) -> None:
        """Set the film's parameters.

        Args:
            people: names from `cast.CAST`, in order of the parts they play; None for all. Parts
                without a person are omitted.
            shots: names from `shots.SHOTS`, in order; None for all.
            duration_s: length of the film; the shots are shortened or stretched to fill it.
            size_wh: width and height in px, even.
            seed: of random details: blinking, swaying, and the backdrops.
        """
        self.looks = tuple(_select(list(CAST), people, "people"))
        self.shots = tuple(_select(list(SHOTS), shots, "shots"))
        self.size_wh = size_wh
        self.seed = seed
        self.frame_count = round(duration_s * FPS)
        if self.frame_count < len(self.shots):
            raise ValueError(
                f"duration_s must allow a frame for each of {len(self.shots)} shots,"
                f" got {duration_s}"
            )
        ends = np.cumsum([shot.weight for shot in self.shots])
        self._ends = np.round(ends / ends[-1] * self.frame_count).astype(np.int64)
        self._figures: dict[str, Figure] = {}
        self._drawn: OrderedDict[tuple[str, Pose, float], Image] = OrderedDict()
        self._outlines: dict[tuple[str, float], NDArray[np.bool_]] = {}
        self._backdrop: tuple[int, Image] | None = None
        self._truth_rows: dict[int, list[_TruthRow]] = {}

    @property
    def cuts(self) -> NDArray[np.int64]:
        """First frame of each shot after the first, ``(k,)``."""
        return np.asarray(self._ends[:-1].copy(), np.int64)

    @property
    def duration_s(self) -> float:
        """Length of the film."""
        return float(self.frame_count / FPS)

    def frame(self, index: int) -> Image:
        """Draw frame ``index`` (0-based) as ``(h, w, 3)`` uint8 RGB."""
        shot, _ = self._locate(index)
        if self._backdrop is None or self._backdrop[0] != shot:
            scene = self.shots[shot]
            seed = self.seed * 1000 + sum(scene.name.encode())
            image = draw_backdrop(scene.place, self.size_wh, zoom=scene.zoom, seed=seed)
            self._backdrop = (shot, image)
        picture = self._backdrop[1].copy()
        for person in self._figures_in(index):
            _composite(picture, self._drawing(person), person.matrix())
        self._record_truth(index)
        return picture

    def sound(self) -> NDArray[np.float32]:
        """Return the sound track, ``(n,)`` mono at `sound.RATE_HZ`, as long as the film."""
        return draw_sound(self.duration_s)

    @cached_property
    def truth(self) -> Truth:
        """Ground truth of every frame."""
        for frame in range(self.frame_count):
            self._record_truth(frame)
        rows = [row for frame in range(self.frame_count) for row in self._truth_rows[frame]]
        index = np.array([row.index for row in rows], np.int64)
        boxes = np.array([row.person.box() for row in rows], np.float32).reshape(-1, 4)
        return Truth(
            frame_index=index,
            time_s=index / float(FPS),
            person=np.array([row.person.look.name for row in rows], np.str_),
            xyxy=clamp(boxes, self.size_wh),
            smiling=np.array([row.person.pose.smile >= 0.5 for row in rows], np.bool_),
            yaw_deg=np.array([row.person.pose.yaw_deg for row in rows], np.float32),
            visible=np.array([row.visible for row in rows], np.float32),
            frame_count=self.frame_count,
            fps=FPS,
            frame_wh=self.size_wh,
            people=tuple(look.name for look in self.looks),
            cuts=self.cuts,
            sound_marks_s=mark_times_s(self.duration_s),
        )

    def _record_truth(self, index: int) -> None:
        """Record the people in a frame; cheap right after the frame was drawn."""
        if index in self._truth_rows:
            return
        people = self._figures_in(index)
        rows = []
        for order, person in enumerate(people):
            box = person.box()
            if np.all(box[:2] < self.size_wh) and np.all(box[2:] > 0):
                visible = self._visible(box, people[order + 1 :])
                rows.append(_TruthRow(index, person, visible))
        self._truth_rows[index] = rows

    def _visible(self, box: NDArray[np.float64], nearer: list[_PlacedFigure]) -> float:
        """Return the share of the box's ellipse inside the frame and not hidden by a person."""
        points = _points_in_ellipse(box)
        visible = np.all((points >= 0) & (points < self.size_wh), axis=1)
        for person in nearer:
            reach = 2.6 * person.unit_px + (box[2] - box[0])
            if abs(person.eyes[0] - (box[0] + box[2]) / 2) < reach:
                visible &= ~self._hides(person, points)
        return float(visible.mean())

    def _hides(self, person: _PlacedFigure, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which frame positions ``(n, 2)`` a person hides, ``(n,)``, by a small drawing."""
        outline = replace(person, pose=Pose(person.pose.yaw_deg), drawing_scale=_OUTLINE_SCALE)
        key = (person.look.name, person.pose.yaw_deg)
        if key not in self._outlines:
            drawn = self._figure(person.look).draw(outline.pose, scale=_OUTLINE_SCALE)
            self._outlines[key] = drawn[:, :, 3] > 127
        return _covered(points, self._outlines[key], outline.matrix())

    def _locate(self, index: int) -> tuple[int, float]:
        """Return the number of a frame's shot, and the frame's position in it (0 to 1)."""
        if not 0 <= index < self.frame_count:
            raise IndexError(f"frame index must be in 0..{self.frame_count - 1}, got {index}")
        shot = int(np.searchsorted(self._ends, index, "right"))
        start = int(self._ends[shot - 1]) if shot else 0
        return shot, (index - start) / max(int(self._ends[shot]) - start - 1, 1)

    def _figures_in(self, index: int) -> list[_PlacedFigure]:
        shot, moment = self._locate(index)
        return [
            self._place_part(part, shot, moment, index)
            for part in self.shots[shot].parts
            if part.cast_index < len(self.looks)
        ]

    def _place_part(self, part: Entrance, shot: int, moment: float, index: int) -> _PlacedFigure:
        width, height = self.size_wh
        look = self.looks[part.cast_index]
        x, y, size, yaw, smile = part.at(moment)
        random = np.random.default_rng([self.seed, shot, part.cast_index])
        phase, blink_phase, period = (
            random.uniform(0, 6.28),
            random.integers(20, 90),
            random.integers(70, 110),
        )
        time_s = index / float(FPS)
        bob = 0.004 * np.sin(2.1 * time_s + phase)
        blink = float((index + blink_phase) % period < _BLINK_FRAMES)
        pose = Pose(
            yaw_deg=round(yaw / _YAW_STEP_DEG) * _YAW_STEP_DEG,
            smile=round(smile * _SMILE_LEVELS) / _SMILE_LEVELS,
            blink=blink,
        )
        box_height = BOX_BOTTOM * look.chin - BOX_TOP * look.crown
        lean = 0.03 * np.sin(1.3 * time_s + 2 * phase)
        return _PlacedFigure(
            look, pose, (x * width, (y + bob) * height), size * height / box_height, float(lean)
        )

    def _figure(self, look: Look) -> Figure:
        if look.name not in self._figures:
            self._figures[look.name] = Figure(look)
        return self._figures[look.name]

    def _drawing(self, person: _PlacedFigure) -> Image:
        key = (person.look.name, person.pose, person.scale)
        if key not in self._drawn:
            self._drawn[key] = self._figure(person.look).draw(person.pose, scale=person.scale)
            if len(self._drawn) > _CACHED_DRAWINGS:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]


def _select(items: list[_T], names: Sequence[str] | None, parameter: str) -> list[_T]:
    if names is None:
        return items
    by_name = {item.name: item for item in items}
    if not names or len(set(names)) < len(names) or not set(names) <= set(by_name):
        choices = sorted(by_name)
        raise ValueError(f"{parameter} must be distinct names from {choices}, got {list(names)}")
    return [by_name[name] for name in names]


def _composite(picture: Image, sprite: Image, matrix: NDArray[np.float64]) -> None:
    """Draw a sprite, ``(h, w, 4)`` premultiplied RGBA, onto an RGB picture in place."""
    height, width = picture.shape[:2]
    h, w = sprite.shape[:2]
    corners = np.array([[0, 0, 1], [w, 0, 1], [0, h, 1], [w, h, 1]]) @ matrix.T
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, [width, height])
    if right <= left or bottom <= top:
        return
    shifted = matrix.copy()
    shifted[:, 2] -= (left, top)
    layer = cv2.warpAffine(
        sprite, shifted, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR
    )
    background = picture[top:bottom, left:right]
    transparency = cv2.merge([255 - layer[:, :, 3]] * 3)
    picture[top:bottom, left:right] = cv2.add(
        cv2.multiply(background, transparency, scale=1 / 255), layer[:, :, :3]
    )


def _points_in_ellipse(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points spread evenly over the ellipse inscribed in a box, ``(n, 2)``."""
    side = (np.arange(16) + 0.5) / 8 - 1
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    inside = x * x + y * y <= 1
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return np.asarray(np.stack([x[inside], y[inside]], 1) * half + middle)


def _covered(
    points: NDArray[np.float64], outline: NDArray[np.bool_], matrix: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which frame positions ``(n, 2)`` a drawing covers, ``(n,)``.

    Args:
        points: ``(n, 2)`` px of the frame.
        outline: ``(h, w)`` opaque pixels of the drawing.
        matrix: ``(2, 3)`` from pixels of the drawing to those of the frame.
    """
    inverse = np.asarray(cv2.invertAffineTransform(matrix))
    pixels = np.floor(points @ inverse[:, :2].T + inverse[:, 2]).astype(int)
    inside = np.all((pixels >= 0) & (pixels < [outline.shape[1], outline.shape[0]]), axis=1)
    covered = np.zeros(len(points), np.bool_)
    covered[inside] = outline[pixels[inside, 1], pixels[inside, 0]]
    return covered


def _prefetched_frames(film: Film) -> Iterator[Image]:
    """Yield all frames in order; draw the next one while the consumer encodes the current one."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        pending = executor.submit(film.frame, 0)
        for index in range(1, film.frame_count):
            frame = pending.result()
            pending = executor.submit(film.frame, index)
            yield frame
        yield pending.result()


def draw_film(
    path: Path,
    *,
    people: Sequence[str] | None = None,
    shots: Sequence[str] | None = None,
    duration_s: float = DURATION_S,
    size_wh: tuple[int, int] = SIZE_WH,
    seed: int = 0,
) -> Truth:
    """Write the film to ``path`` (.mp4), and its truth next to it; see `Film` for the arguments.

    Raises:
        InputError: the film cannot be written.
    """
    from data.video.writer import VideoWriter

    film = Film(people=people, shots=shots, duration_s=duration_s, size_wh=size_wh, seed=seed)
    with VideoWriter(path, rate=FPS, preset="veryfast") as writer:
        writer.write_audio(film.sound(), RATE_HZ)
        for frame in _prefetched_frames(film):
            writer.write(frame)
    write_truth(path, film.truth)
    return film.truth


def cast(size_px: int = 256) -> dict[str, Image]:
    """Draw a portrait of each person, ``(size_px, size_px, 3)`` uint8 RGB, by name."""
    portraits = {}
    for look in CAST:
        scale = size_px / 4.2
        image = np.full((size_px, size_px, 3), (196, 212, 220), np.uint8)
        sprite = Figure(look).draw(Pose(smile=0.25), scale=scale)
        x, y = origin_px(scale)
        translation = np.array([[1.0, 0, size_px / 2 - x], [0, 1.0, 0.46 * size_px - y]])
        _composite(image, sprite, translation)
        portraits[look.name] = image
    return portraits

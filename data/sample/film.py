"""The sample film: single frames, the whole film on disk, and its ground truth."""

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

# dlib frames a face from the middle of the forehead to just above the chin, ear to ear, and the
# frame goes with the features when the head turns. In half head widths:
BOX_TOP, BOX_BOTTOM, BOX_HALF = 0.46, 0.86, 0.93  # shares of crown and chin; half the width
BOX_TURN = 0.45

_SCALES = (32.0, 64.0, 96.0)  # pixels a unit at which people are drawn before they are placed
_OUTLINE_SCALE = 24.0  # enough to decide which figure hides another
_YAW_STEP = 4.0
_SMILES = 4
_KEPT = 96  # drawn people in memory at once
_BLINK_FRAMES = 4


@dataclass(frozen=True, slots=True)
class _PlacedFigure:
    """One person in one frame."""

    look: Look
    pose: Pose
    eyes: tuple[float, float]  # px
    unit_px: float
    lean: float  # radians

    drawn_at: float | None = None  # px a unit; by default the next above ``unit_px``

    @property
    def scale(self) -> float:
        """Pixels a unit of the drawing that is placed."""
        return self.drawn_at or next((s for s in _SCALES if s >= self.unit_px), _SCALES[-1])

    def matrix(self) -> NDArray[np.float64]:
        """From the pixels of the drawing to those of the frame, ``(2, 3)``."""
        x, y = origin_px(self.scale)
        factor = self.unit_px / self.scale
        c, s = factor * np.cos(self.lean), factor * np.sin(self.lean)
        turn = np.array([[c, -s], [s, c]])
        return np.column_stack([turn, np.array(self.eyes) - turn @ np.array([x - 0.5, y - 0.5])])

    def box(self) -> NDArray[np.float64]:
        """The face's box in frame pixels, ``(4,)``, not cut."""
        top, bottom = BOX_TOP * self.look.crown, BOX_BOTTOM * self.look.chin
        middle = np.array([BOX_TURN * np.sin(np.radians(self.pose.yaw_deg)), (top + bottom) / 2])
        c, s = np.cos(self.lean), np.sin(self.lean)
        centre = np.array(self.eyes) + self.unit_px * (np.array([[c, -s], [s, c]]) @ middle)
        half = self.unit_px * np.array([BOX_HALF, (bottom - top) / 2])
        return np.concatenate([centre - half, centre + half]) + 0.5


@dataclass(frozen=True, slots=True)
class _Seen:
    """One row of the truth."""

    index: int
    person: _PlacedFigure
    visible: float


class Film:
    """The sample film; the same arguments always give the same pixels."""

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
            people: names out of `cast`, who take the parts in this order; all by default. A shot
                that asks for more people than there are plays with fewer.
            shots: names of `shots.SHOTS` in this order; all by default.
            duration_s: length; shots take their share of it and play faster or slower.
            size_wh: even width and height.
            seed: of the small things: when people blink and sway, details of the backdrops.
        """
        self.looks = tuple(_chosen(list(CAST), people, "people"))
        self.shots = tuple(_chosen(list(SHOTS), shots, "shots"))
        self.size_wh = size_wh
        self.seed = seed
        self.frame_count = round(duration_s * FPS)
        if self.frame_count < len(self.shots):
            raise ValueError(
                f"duration_s must give each of {len(self.shots)} shots a frame, got {duration_s}"
            )
        ends = np.cumsum([shot.weight for shot in self.shots])
        self._ends = np.round(ends / ends[-1] * self.frame_count).astype(np.int64)
        self._figures: dict[str, Figure] = {}
        self._drawn: OrderedDict[tuple[str, Pose, float], Image] = OrderedDict()
        self._outlines: dict[tuple[str, float], NDArray[np.bool_]] = {}
        self._backdrop: tuple[int, Image] | None = None
        self._known: dict[int, list[_Seen]] = {}

    @property
    def cuts(self) -> NDArray[np.int64]:
        """First frame of each shot but the first, ``(k,)``."""
        return np.asarray(self._ends[:-1].copy(), np.int64)

    @property
    def duration_s(self) -> float:
        """Length of the pictures."""
        return float(self.frame_count / FPS)

    def frame(self, index: int) -> Image:
        """Draw frame ``index`` (0-based): ``(h, w, 3)`` uint8 RGB."""
        shot, _ = self._moment(index)
        if self._backdrop is None or self._backdrop[0] != shot:
            scene = self.shots[shot]
            seed = self.seed * 1000 + sum(scene.name.encode())
            image = draw_backdrop(scene.place, self.size_wh, zoom=scene.zoom, seed=seed)
            self._backdrop = (shot, image)
        picture = self._backdrop[1].copy()
        for person in self._placed(index):
            _place(picture, self._sprite(person), person.matrix())
        self._rows(index)
        return picture

    def sound(self) -> NDArray[np.float32]:
        """The sound track, ``(n,)`` mono at `sound.RATE_HZ`, as long as the pictures."""
        return draw_sound(self.duration_s)

    @cached_property
    def truth(self) -> Truth:
        """Ground truth of every frame."""
        for frame in range(self.frame_count):
            self._rows(frame)
        rows = [row for frame in range(self.frame_count) for row in self._known[frame]]
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

    def _rows(self, index: int) -> None:
        """Record the people in a frame; cheap right after it was drawn."""
        if index in self._known:
            return
        people = self._placed(index)
        rows = []
        for order, person in enumerate(people):
            box = person.box()
            if np.all(box[:2] < self.size_wh) and np.all(box[2:] > 0):
                visible = self._visible(box, people[order + 1 :])
                rows.append(_Seen(index, person, visible))
        self._known[index] = rows

    def _visible(self, box: NDArray[np.float64], nearer: list[_PlacedFigure]) -> float:
        """Share of the box's oval that is in the frame and not hidden by another person."""
        points = _oval(box)
        seen = np.all((points >= 0) & (points < self.size_wh), axis=1)
        for person in nearer:
            reach = 2.6 * person.unit_px + (box[2] - box[0])
            if abs(person.eyes[0] - (box[0] + box[2]) / 2) < reach:
                seen &= ~self._hides(person, points)
        return float(seen.mean())

    def _hides(self, person: _PlacedFigure, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which frame positions ``(n, 2)`` another person hides, by a small drawing: ``(n,)``."""
        outline = replace(person, pose=Pose(person.pose.yaw_deg), drawn_at=_OUTLINE_SCALE)
        key = (person.look.name, person.pose.yaw_deg)
        if key not in self._outlines:
            drawn = self._figure(person.look).draw(outline.pose, scale=_OUTLINE_SCALE)
            self._outlines[key] = drawn[:, :, 3] > 127
        return _covered(points, self._outlines[key], outline.matrix())

    def _moment(self, index: int) -> tuple[int, float]:
        """Number of the shot, and how far it has come (0 to 1)."""
        if not 0 <= index < self.frame_count:
            raise IndexError(f"frame index must be in 0..{self.frame_count - 1}, got {index}")
        shot = int(np.searchsorted(self._ends, index, "right"))
        start = int(self._ends[shot - 1]) if shot else 0
        return shot, (index - start) / max(int(self._ends[shot]) - start - 1, 1)

    def _placed(self, index: int) -> list[_PlacedFigure]:
        shot, moment = self._moment(index)
        return [
            self._place_part(part, shot, moment, index)
            for part in self.shots[shot].parts
            if part.who < len(self.looks)
        ]

    def _place_part(self, part: Entrance, shot: int, moment: float, index: int) -> _PlacedFigure:
        width, height = self.size_wh
        look = self.looks[part.who]
        x, y, size, yaw, smile = part.at(moment)
        random = np.random.default_rng([self.seed, shot, part.who])
        phase, blink_phase, period = (
            random.uniform(0, 6.28),
            random.integers(20, 90),
            random.integers(70, 110),
        )
        time_s = index / float(FPS)
        bob = 0.004 * np.sin(2.1 * time_s + phase)
        blink = float((index + blink_phase) % period < _BLINK_FRAMES)
        pose = Pose(
            yaw_deg=round(yaw / _YAW_STEP) * _YAW_STEP,
            smile=round(smile * _SMILES) / _SMILES,
            blink=blink,
        )
        tall = BOX_BOTTOM * look.chin - BOX_TOP * look.crown
        lean = 0.03 * np.sin(1.3 * time_s + 2 * phase)
        return _PlacedFigure(
            look, pose, (x * width, (y + bob) * height), size * height / tall, float(lean)
        )

    def _figure(self, look: Look) -> Figure:
        if look.name not in self._figures:
            self._figures[look.name] = Figure(look)
        return self._figures[look.name]

    def _sprite(self, person: _PlacedFigure) -> Image:
        key = (person.look.name, person.pose, person.scale)
        if key not in self._drawn:
            self._drawn[key] = self._figure(person.look).draw(person.pose, scale=person.scale)
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]


def _chosen(known: list[_T], names: Sequence[str] | None, what: str) -> list[_T]:
    if names is None:
        return known
    by_name = {one.name: one for one in known}
    if not names or len(set(names)) < len(names) or not set(names) <= set(by_name):
        raise ValueError(f"{what} must be different ones of {sorted(by_name)}, got {list(names)}")
    return [by_name[name] for name in names]


def _place(picture: Image, sprite: Image, matrix: NDArray[np.float64]) -> None:
    """Lay the sprite over the picture in place."""
    height, width = picture.shape[:2]
    h, w = sprite.shape[:2]
    corners = np.array([[0, 0, 1], [w, 0, 1], [0, h, 1], [w, h, 1]]) @ matrix.T
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, [width, height])
    if right <= left or bottom <= top:
        return
    moved = matrix.copy()
    moved[:, 2] -= (left, top)
    seen = cv2.warpAffine(
        sprite, moved, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR
    )
    under = picture[top:bottom, left:right]
    keep = cv2.merge([255 - seen[:, :, 3]] * 3)
    picture[top:bottom, left:right] = cv2.add(
        cv2.multiply(under, keep, scale=1 / 255), seen[:, :, :3]
    )


def _oval(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points spread evenly over the oval in a box, ``(n, 2)``."""
    side = (np.arange(16) + 0.5) / 8 - 1
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    inside = x * x + y * y <= 1
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return np.asarray(np.stack([x[inside], y[inside]], 1) * half + middle)


def _covered(
    points: NDArray[np.float64], outline: NDArray[np.bool_], matrix: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which frame positions ``(n, 2)`` lie on a drawing placed by ``matrix``."""
    back = np.asarray(cv2.invertAffineTransform(matrix))
    at = np.floor(points @ back[:, :2].T + back[:, 2]).astype(int)
    inside = np.all((at >= 0) & (at < [outline.shape[1], outline.shape[0]]), axis=1)
    hidden = np.zeros(len(points), np.bool_)
    hidden[inside] = outline[at[inside, 1], at[inside, 0]]
    return hidden


def _one_ahead(film: Film) -> Iterator[Image]:
    """All frames in order, the next one drawn while the last one is encoded."""
    with ThreadPoolExecutor(max_workers=1) as drawing:
        coming = drawing.submit(film.frame, 0)
        for index in range(1, film.frame_count):
            frame = coming.result()
            coming = drawing.submit(film.frame, index)
            yield frame
        yield coming.result()


def draw_film(
    path: Path,
    *,
    people: Sequence[str] | None = None,
    shots: Sequence[str] | None = None,
    duration_s: float = DURATION_S,
    size_wh: tuple[int, int] = SIZE_WH,
    seed: int = 0,
) -> Truth:
    """Draw the film to ``path`` (.mp4) and its truth beside it; arguments as for `Film`.

    Raises:
        InputError: the film cannot be written there.
    """
    from data.video.writer import VideoWriter

    film = Film(people=people, shots=shots, duration_s=duration_s, size_wh=size_wh, seed=seed)
    with VideoWriter(path, rate=FPS, preset="veryfast") as writer:
        writer.write_audio(film.sound(), RATE_HZ)
        for frame in _one_ahead(film):
            writer.write(frame)
    write_truth(path, film.truth)
    return film.truth


def cast(size_px: int = 256) -> dict[str, Image]:
    """Portrait of each person by name, ``(size_px, size_px, 3)`` uint8 RGB."""
    portraits = {}
    for look in CAST:
        scale = size_px / 4.2
        image = np.full((size_px, size_px, 3), (196, 212, 220), np.uint8)
        sprite = Figure(look).draw(Pose(smile=0.25), scale=scale)
        x, y = origin_px(scale)
        move = np.array([[1.0, 0, size_px / 2 - x], [0, 1.0, 0.46 * size_px - y]])
        _place(image, sprite, move)
        portraits[look.name] = image
    return portraits

"""A drawn lesson of one minute, recorded by two cameras, with its ground truth.

Every picture shows its number; there are ten per second from the start of the lesson.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.core.arrays import Image
from data.sample.film import FPS, Film
from tests.clips.encoding import encode
from tests.clips.numbered import HEIGHT, WIDTH, picture

RATE = 10
STUDENT_BEGUN = "2024-05-01T10:30:00Z"
TEACHER_BEGUN = "2024-05-01T10:30:02Z"  # the camera is switched on 5.2 s later

STUDENT_ON = [(0.0, 15.3), (23.4, 50.5)]  # seconds of the lesson; no frames in between
TEACHER_ON = [(7.2, 30.1), (37.6, 60.0)]  # black in between

_BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def draw_student(path: Path, *, created: str | None = STUDENT_BEGUN) -> None:
    """Draw a recording from the start to 50.5 s, without frames from 15.3 to 23.4 s."""
    numbers = [number for on in STUDENT_ON for number in numbers_in(*on)]
    _write(path, numbers, [picture(number) for number in numbers], begun=0, created=created)


def draw_teacher(path: Path, *, created: str | None = TEACHER_BEGUN) -> None:
    """Draw a recording from 2 s on, with pictures from 7.2 s on and black from 30.1 to 37.6 s."""
    numbers = numbers_in(TEACHER_ON[0][0], TEACHER_ON[-1][1])
    off = numbers_in(TEACHER_ON[0][1], TEACHER_ON[1][0])
    images = [_BLACK if number in off else picture(number) for number in numbers]
    _write(path, numbers, images, begun=2 * RATE, created=created)


def film_lesson(folder: Path) -> None:
    """Write a lesson of half a minute with people in it: ``student.mp4`` and ``teacher.mkv``.

    A picture is drawn only where another follows, so that both recordings show the same moment.
    """
    film = Film(shots=["talk"], duration_s=30)
    images = [film.frame(number * int(FPS) // RATE) for number in numbers_in(0, 30)]
    black = np.zeros_like(images[0])
    present = [*numbers_in(0, 8.2), *numbers_in(14, 26)]
    _write(folder / "student.mp4", present, [images[n] for n in present], begun=0, created=None)
    numbers, away = numbers_in(3.5, 30), numbers_in(16.6, 22.4)
    shown = [black if number in away else images[number] for number in numbers]
    _write(folder / "teacher.mkv", numbers, shown, begun=RATE, created=None)


def numbers_in(begin_s: float, end_s: float) -> range:
    """Return the numbers of the pictures in an interval of the lesson."""
    return range(round(begin_s * RATE), round(end_s * RATE))


def _write(
    path: Path, numbers: Iterable[int], images: Iterable[Image], *, begun: int, created: str | None
) -> None:
    times_s = [(number - begun) / RATE for number in numbers]
    encode(path, images, rate=RATE, times_s=times_s, created=created)

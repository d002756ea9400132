"""A project of two people drawn as discs, small enough to train on within a test."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.atomic import write_text
from data.project.project import Project
from data.tables.dataset import (
    DATA_FILE,
    DatasetFile,
    ImageLabels,
    format_data_file,
    format_labels,
    image_path,
    label_path,
)
from data.video.pictures.jpeg import write_jpeg
from tests.tracking.coloured import add_people

WIDTH, HEIGHT = 128, 96
NAMES = ("Zoë & <Bob>", "Person 2")
COLOURS = ((210, 60, 50), (40, 90, 200))


def draw_project(
    folder: Path,
    *,
    train: int = 16,
    val: int = 6,
    names: tuple[str, ...] = NAMES,
    known: tuple[str, ...] | None = None,
) -> Project:
    """Draw a project with a dataset; ``known`` are the people of its database."""
    project = Project(folder)
    project.save()
    numbered = enumerate(known or names, start=1)
    add_people(project, {10 * number: name for number, name in numbered})
    content = DatasetFile("images/train", "images/val", names)
    write_text(project.dataset_folder / DATA_FILE, format_data_file(content))
    random = np.random.default_rng(5)
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            _draw_example(project.dataset_folder, split, f"{number:03d}", len(names), random)
    return project


def _draw_example(
    folder: Path, split: str, name: str, people: int, random: np.random.Generator
) -> None:
    image = random.integers(90, 160, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    boxes: list[tuple[float, float, float, float]] = []
    for person in range(people):
        radius = int(random.integers(12, 18))
        left = person * WIDTH // people + radius + 2
        right = (person + 1) * WIDTH // people - radius - 2
        x = int(random.integers(left, max(right, left + 1)))
        y = int(random.integers(radius + 2, HEIGHT - radius - 2))
        _draw_person(image, (x, y), radius, COLOURS[person % len(COLOURS)])
        boxes.append((x - radius, y - radius, x + radius, y + radius))
    labels = ImageLabels(
        np.arange(people, dtype=np.int64), np.array(boxes, np.float32).reshape(-1, 4)
    )
    write_jpeg(folder / image_path(split, name), image)
    text = folder / label_path(image_path(split, name))
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(format_labels(labels, (WIDTH, HEIGHT)), encoding="utf-8")


def _draw_person(
    image: NDArray[np.uint8], centre: tuple[int, int], radius: int, colour: tuple[int, int, int]
) -> None:
    cv2.circle(image, centre, radius, colour, -1)
    x, y = centre
    for side in (-1, 1):
        cv2.circle(image, (x + side * radius // 3, y - radius // 4), 2, (250, 250, 250), -1)

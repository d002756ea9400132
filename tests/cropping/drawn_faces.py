"""Drawn labelled faces: people of different appearance, smiling or not."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64


def face(label: str, subject: int, variant: int) -> NDArray[np.uint8]:
    """Return a grey face, ``(SIDE, SIDE)``; the label begins with smile, frown or o."""
    random = np.random.default_rng([subject, variant])
    person = np.random.default_rng(subject)
    skin = int(person.integers(110, 220))
    image = np.full((SIDE, SIDE), int(person.integers(30, 100)), np.uint8)
    x, y = (32 + random.integers(-3, 4, 2)).tolist()
    cv2.ellipse(image, (x, y), (int(person.integers(22, 28)), 29), 0, 0, 360, skin, -1)
    for side in (-1, 1):
        cv2.circle(image, (x + side * int(person.integers(8, 11)), y - 8), 3, 20, -1)
    mouth = (x, y + 12)
    if label.startswith("smile"):
        cv2.ellipse(image, mouth, (11, 7), 0, 10, 170, 20, 3)
    elif label.startswith("frown"):
        cv2.ellipse(image, (x, y + 18), (11, 7), 0, 190, 350, 20, 3)
    else:
        cv2.circle(image, (x, y + 14), 6, 20, 3)
    noise = random.normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def jpeg(label: str, subject: int, variant: int) -> bytes:
    done, content = cv2.imencode(".jpg", face(label, subject, variant))
    assert done
    return content.tobytes()


def rows(labels: Sequence[str], subjects: int, variants: int) -> list[tuple[str, str, str]]:
    """Return file, label and subject of each face."""
    return [
        (f"{label}-{subject}-{variant}.jpg", label, f"Person {subject}")
        for label in labels
        for subject in range(subjects)
        for variant in range(variants)
    ]


def content_of(file: str) -> bytes:
    label, subject, variant = file.removesuffix(".jpg").split("-")
    return jpeg(label, int(subject), int(variant))


def write_classes(
    folder: Path,
    labels: Sequence[str] = ("smile", "frown"),
    *,
    subjects: int = 8,
    variants: int = 2,
) -> Path:
    """Write one folder per class."""
    for file, label, _ in rows(labels, subjects, variants):
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / file).write_bytes(content_of(file))
    return folder


def write_csv(
    folder: Path,
    labels: Sequence[str] = ("smile", "frown"),
    *,
    subjects: int = 8,
    variants: int = 2,
    header: Sequence[str] = ("file", "label", "subject"),
) -> Path:
    """Write a CSV file, and the faces in a folder next to it."""
    (folder / "faces").mkdir(parents=True)
    listed = rows(labels, subjects, variants)
    for file, _, _ in listed:
        (folder / "faces" / file).write_bytes(content_of(file))
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(row[: len(header)] for row in listed)
    return folder / "labels.csv"


def write_zip(path: Path, folder: Path) -> Path:
    """Write a zip of the files in a folder."""
    with zipfile.ZipFile(path, "w") as out:
        for file in sorted(folder.rglob("*")):
            out.write(file, file.relative_to(folder).as_posix())
    return path

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.erasure.residue_scan import Needle, Residue, find_residues, picture_digest, picture_mark
from data.tables.faces import Faces
from data.video.pictures.jpeg import encode_jpeg
from tests.clustering.labelled_footage import table

NAME = "Zoë O'Brien"
EMBEDDINGS = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(3, 128)).astype(np.float32)

PORTRAIT, FRAME = (
    encode_jpeg(np.random.default_rng(seed).integers(0, 255, (64, 48, 3)).astype(np.uint8))
    for seed in (2, 3)
)
SOUGHT = Needle((NAME, "Zed"), EMBEDDINGS, (picture_mark(PORTRAIT),), (picture_digest(FRAME),))


def faces(embedding: NDArray[np.float32]) -> Faces:
    return table(Faces, len(embedding), embedding_mirrored=embedding)


def packed(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/file.txt", content)


LEFT: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "text": ("a.csv", lambda p: p.write_text(f"0,{NAME},1", "utf-8"), "name"),
    "escaped": ("a.json", lambda p: p.write_text(json.dumps({"name": NAME})), "name"),
    "utf-16": ("a.txt", lambda p: p.write_text(NAME, "utf-16-le"), "name"),
    "former name": ("a.txt", lambda p: p.write_text("Zed is called Zoe", "utf-8"), "name"),
    "file name": (f"{NAME}.jpg", lambda p: p.write_bytes(b"x"), "name"),
    "archive": ("a.zip", lambda p: packed(p, NAME.encode()), "name"),
    "over the edge": (
        "a.bin",
        lambda p: p.write_bytes(bytes((1 << 22) - 5) + NAME.encode()),
        "name",
    ),
    "table": ("a.parquet", lambda p: faces(EMBEDDINGS).write(p), "embedding"),
    "raw": ("a.npy", lambda p: np.save(p, EMBEDDINGS), "embedding"),
    "portrait": ("a.jpg", lambda p: p.write_bytes(PORTRAIT), "portrait"),
    "portrait in a page": ("a.html", lambda p: p.write_bytes(b"<p>x" + PORTRAIT), "portrait"),
    "portrait in an archive": ("a.zip", lambda p: packed(p, PORTRAIT), "portrait"),
    "frame": ("a.jpg", lambda p: p.write_bytes(FRAME), "frame"),
    "frame in an archive": ("a.zip", lambda p: packed(p, FRAME), "frame"),
    "compressed": ("a.npz", lambda p: np.savez_compressed(p, a=EMBEDDINGS), "embedding"),
}


@pytest.mark.parametrize("case", LEFT)
def test_residues_are_found(tmp_path: Path, case: str) -> None:
    name, leave, what = LEFT[case]
    leave(tmp_path / name)
    assert find_residues(tmp_path, SOUGHT) == [Residue(tmp_path / name, what)]


def test_other_people_are_not_matched(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Person 12, Person 1a, xPerson 1, Person 1é", "utf-8")
    faces(OTHERS).write(tmp_path / "a.parquet")
    np.save(tmp_path / "a.npy", OTHERS)
    (tmp_path / "a.jpg").write_bytes(FRAME[:-1])
    assert find_residues(tmp_path, Needle(("Person 1",), EMBEDDINGS, SOUGHT.portraits)) == []
    assert len(find_residues(tmp_path, Needle(("Person 12",), EMBEDDINGS))) == 1


def test_no_needles(tmp_path: Path) -> None:
    nothing = Needle((), np.zeros((0, 128), np.float32))
    (tmp_path / "a.txt").write_text("nothing", "utf-8")
    assert find_residues(tmp_path, nothing) == []
    assert find_residues(tmp_path / "missing", SOUGHT) == []


def test_a_needle_is_not_of_a_plain_area() -> None:
    plain = bytes([40, 162, 138]) * 40
    assert picture_mark(plain + PORTRAIT + plain) in PORTRAIT

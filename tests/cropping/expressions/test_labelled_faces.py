from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cropping.expressions.labelled_faces import (
    DEFAULT_LIMITS,
    FaceLimits,
    LabelledFaces,
    read_labelled_faces,
    trim_border,
    trimmed_face,
)
from data.core.errors import InputError
from tests.bars import no_bar
from tests.cropping.drawn_faces import jpeg, write_classes, write_csv, write_zip


def read(*sources: Path, limits: FaceLimits = DEFAULT_LIMITS) -> LabelledFaces:
    return read_labelled_faces(sources, progress=no_bar, limits=limits)


def test_one_folder_per_class(tmp_path: Path) -> None:
    faces = read(write_classes(tmp_path / "faces"))
    assert faces.classes == ("frown", "smile")
    assert faces.counts().tolist() == [16, 16]
    assert set(faces.subject.tolist()) == {""}
    assert all(image.shape == (64, 64) for image in faces.images)


@pytest.mark.parametrize(
    "header",
    [("file", "label", "subject"), ("file", "expression", "subject"), ("\ufefffile", "Label ")],
    ids=["label", "expression", "as a spreadsheet saves it"],
)
def test_a_csv_file(tmp_path: Path, header: tuple[str, ...]) -> None:
    faces = read(write_csv(tmp_path / "faces", header=header))
    assert faces.classes == ("frown", "smile")
    assert len(faces) == 32
    known = set(faces.subject.tolist())
    assert known == ({f"Person {i}" for i in range(8)} if len(header) == 3 else {""})


def test_a_zip_reads_like_its_folder(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "faces")
    packed = write_zip(tmp_path / "faces.zip", table.parent)
    folder, zipped = read(table.parent), read(packed)
    assert folder.label.tolist() == zipped.label.tolist()
    assert folder.subject.tolist() == zipped.subject.tolist()
    assert all((a == b).all() for a, b in zip(folder.images, zipped.images, strict=True))
    classes = write_zip(tmp_path / "classes.zip", write_classes(tmp_path / "classes"))
    assert read(classes).counts().tolist() == [16, 16]


def test_sources_are_joined_and_labels_merged(tmp_path: Path) -> None:
    sources = [
        write_classes(tmp_path / "a", ("smile", "frown")),
        write_classes(tmp_path / "b", ("smile_wide", "o")),
    ]
    faces = read_labelled_faces(
        sources,
        progress=no_bar,
        merge=lambda label: "smile" if label.startswith("smile") else "no",
        order=("no", "smile"),
    )
    assert faces.classes == ("no", "smile")
    assert faces.counts().tolist() == [32, 32]
    assert set(faces.source_label.tolist()) == {"smile", "frown", "smile_wide", "o"}
    some = faces.take(np.array([0, 40]))
    assert some.names == (faces.names[0], faces.names[40])


def test_black_borders_are_trimmed() -> None:
    image = np.zeros((112, 112), np.uint8)
    image[20:90, 10:100] = 150
    assert trim_border(image).shape == (70, 90)
    assert trim_border(image[20:90, 10:100]).shape == (70, 90)
    with pytest.raises(InputError, match="the face is smaller than 8 px"):
        trimmed_face(np.zeros((50, 50), np.uint8))


def test_large_faces_are_shrunk() -> None:
    assert trimmed_face(np.full((600, 400), 100, np.uint8)).shape == (112, 112)


# --- bad input ----------------------------------------------------------------------------------


def test_corrupt_pictures_are_reported_and_skipped(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "faces")
    (folder / "smile" / "a.jpg").write_bytes(b"not a picture")
    whole = jpeg("smile", 0, 0)
    (folder / "smile" / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "smile" / "c.jpg").write_bytes(b"")
    faces = read(folder)
    assert len(faces) == 32
    assert [line.split(":")[0] for line in faces.skipped] == [
        "faces/smile/a.jpg",
        "faces/smile/b.jpg",
        "faces/smile/c.jpg",
    ]


def test_mostly_corrupt_pictures_are_refused(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "faces")
    for number in range(20):
        (folder / "smile" / f"x{number}.jpg").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"20 of 52 pictures cannot be read; the first: faces/"):
        read(folder)


def one_class(folder: Path) -> Path:
    return write_classes(folder / "faces", ("smile",))


def nothing(folder: Path) -> Path:
    (folder / "faces").mkdir()
    return folder / "faces"


def no_classes(folder: Path) -> Path:
    (folder / "a.jpg").write_bytes(jpeg("smile", 0, 0))
    return folder


def no_label(folder: Path) -> Path:
    (folder / "labels.csv").write_text("file,what\na.jpg,smile\n")
    return folder / "labels.csv"


def empty_label(folder: Path) -> Path:
    (folder / "labels.csv").write_text("file,label\na.jpg,\n")
    (folder / "a.jpg").write_bytes(jpeg("smile", 0, 0))
    return folder / "labels.csv"


def not_there(folder: Path) -> Path:
    (folder / "labels.csv").write_text("file,label\na.jpg,smile\n")
    return folder / "labels.csv"


def outside(folder: Path) -> Path:
    (folder / "a.jpg").write_bytes(jpeg("smile", 0, 0))
    (folder / "in").mkdir()
    (folder / "in" / "labels.csv").write_text("file,label\n../a.jpg,smile\n")
    return folder / "in" / "labels.csv"


def not_text(folder: Path) -> Path:
    (folder / "labels.csv").write_bytes(b"file,label\n\xff\xfe\xff,smile\n")
    return folder / "labels.csv"


def broken_zip(folder: Path) -> Path:
    (folder / "faces.zip").write_bytes(b"PK\x03\x04 and no more")
    return folder / "faces.zip"


def empty_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "faces.zip", "w"):
        pass
    return folder / "faces.zip"


def other_file(folder: Path) -> Path:
    (folder / "faces.txt").write_text("smile")
    return folder / "faces.txt"


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (one_class, 'all faces have the label "smile"; give faces with at least two labels'),
        (nothing, "no faces; give one folder of pictures per class"),
        (no_classes, "pictures outside the class folders"),
        (no_label, "the first line must name the columns 'file', 'label'"),
        (empty_label, "line 2 has no file or no label"),
        (not_there, "line 2 lists 'a.jpg', which does not exist"),
        (outside, r"line 2 lists '\.\./a\.jpg', which does not exist"),
        (not_text, "not a readable CSV file"),
        (broken_zip, "not a readable zip"),
        (empty_zip, "no faces"),
        (other_file, "give a folder with one folder per class, a CSV file with labels, or a zip"),
        (lambda folder: folder / "missing.csv", "cannot be read"),
        (lambda folder: folder / "missing", "no such file"),
    ],
)
def test_bad_sources(tmp_path: Path, write: object, message: str) -> None:
    assert callable(write)
    with pytest.raises(InputError, match=message):
        read(write(tmp_path))


def test_zip_entries_outside_the_folder_are_not_written(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "faces.zip", write_classes(tmp_path / "faces"))
    with zipfile.ZipFile(packed, "a") as out:
        out.writestr("../smile/slip.jpg", jpeg("smile", 0, 0))
        out.writestr("/frown/slip.jpg", jpeg("frown", 0, 0))
    before = sorted(tmp_path.parent.rglob("*"))
    assert len(read(packed)) in (32, 33)
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "faces.zip", write_classes(tmp_path / "faces"))
    content = bytearray(packed.read_bytes())
    # The first flag of every entry says that it is encrypted.
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 1)
    packed.write_bytes(content)
    with pytest.raises(InputError, match=r"32 of 32 pictures cannot be read; .*encrypted"):
        read(packed)


def test_a_zip_entry_over_the_size_limit_is_skipped(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "faces.zip", write_classes(tmp_path / "faces"))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as out:
        out.writestr("smile/bomb.jpg", bytes(10_000_000))
    faces = read(packed, limits=FaceLimits(file_bytes=100_000))
    reason = "larger than 100 KB; give a smaller file"
    assert faces.skipped == (f"faces.zip/smile/bomb.jpg: {reason}",)


def test_pictures_of_too_many_pixels_are_skipped(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "faces")
    huge = io.BytesIO()
    Image.new("L", (9000, 20)).save(huge, "PNG")
    (folder / "smile" / "huge.png").write_bytes(huge.getvalue())
    reason = "a side is longer than 8192 px; crop it to the face"
    assert read(folder).skipped == (f"faces/smile/huge.png: {reason}",)


def test_too_many_faces(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="32 faces are too many; give at most 10"):
        read(write_classes(tmp_path / "faces"), limits=FaceLimits(faces=10))


def test_too_many_classes(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "faces", ("smile", "frown", "o"), subjects=2)
    with pytest.raises(InputError, match="3 classes are too many"):
        read(folder, limits=FaceLimits(classes=2))


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="must have 1 entries"):
        LabelledFaces(("a",), (), np.zeros(0, np.int64), np.zeros(0, "U1"), np.zeros(0, "U1"), ())

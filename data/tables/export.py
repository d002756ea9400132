"""Export dataset and tracks as zip archives in formats of other tools.

CVAT ("COCO 1.0", "MOT 1.1") and Label Studio import these archives without changes. COCO is
written by the library supervision.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from data.core.atomic import atomic_write
from data.core.errors import InputError
from data.project.project import FootageEntry, Project
from data.tables.dataset import DATA_FILE, DatasetFile, label_path, read_data_file, read_labels
from data.tables.timeline import read_timeline
from data.tables.tracks import Tracks, mot_lines, read_tracks
from data.video.container import ASSUMED_RATE

SPLITS: Final = ("train", "val")


def export_coco(dataset: Path, archive: Path) -> int:
    """Write the dataset as COCO: ``annotations/instances_SPLIT.json`` and ``images/SPLIT``.

    Args:
        dataset: folder of data.yaml.
        archive: the zip file, written atomically.

    Returns:
        Number of images.

    Raises:
        InputError: there is no dataset.
    """
    images = _images(dataset)
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        first = 1, 1
        for split in SPLITS:
            content, first = _coco(dataset, split, first)
            text = json.dumps(content, ensure_ascii=False, indent=1)
            _write_text(target, f"annotations/instances_{split}.json", text)
        _write_images(target, dataset, images)
    return len(images)


def _coco(
    dataset: Path, split: str, first: tuple[int, int]
) -> tuple[dict[str, Any], tuple[int, int]]:
    """Return one split's annotations, and the first image and box numbers of the next split."""
    from supervision import DetectionDataset

    yolo = DetectionDataset.from_yolo(
        images_directory_path=str(dataset / "images" / split),
        annotations_directory_path=str(dataset / "labels" / split),
        data_yaml_path=str(dataset / DATA_FILE),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coco.json"
        next_first = yolo.as_coco(
            annotations_path=str(file), starting_image_id=first[0], starting_annotation_id=first[1]
        )
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    # The library invents a licence and a date.
    content["licenses"] = []
    for image in content["images"]:
        del image["license"], image["date_captured"]
    return content, next_first


def export_label_studio(dataset: Path, archive: Path) -> int:
    """Write the dataset for Label Studio: ``tasks.json``, ``label_config.xml`` and the images.

    The tasks refer to the images as local files of Label Studio: set its
    ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`` to the unpacked folder.

    Args:
        dataset: folder of data.yaml.
        archive: the zip file, written atomically.

    Returns:
        Number of images.

    Raises:
        InputError: there is no dataset.

    Source: https://labelstud.io/guide/task_format
    """
    images, content = _images(dataset), read_data_file(dataset / DATA_FILE)
    tasks = [_task(dataset, image, content) for image in images]
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        _write_text(target, "tasks.json", json.dumps(tasks, ensure_ascii=False, indent=1))
        _write_text(target, "label_config.xml", _label_config(content.names))
        _write_images(target, dataset, images)
    return len(images)


def _task(dataset: Path, image: str, content: DatasetFile) -> dict[str, Any]:
    width, height = _size(dataset / image)
    labels = read_labels(dataset / label_path(image), (width, height))
    results = [
        {
            "type": "rectanglelabels",
            "from_name": "person",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "value": {
                "x": float(100 * box[0] / width),
                "y": float(100 * box[1] / height),
                "width": float(100 * (box[2] - box[0]) / width),
                "height": float(100 * (box[3] - box[1]) / height),
                "rotation": 0,
                "rectanglelabels": [content.names[index]],
            },
        }
        for index, box in zip(labels.class_index.tolist(), labels.xyxy, strict=True)
    ]
    data = {"image": f"/data/local-files/?d={image}"}
    return {"data": data, "annotations": [{"result": results}]}


def _label_config(names: tuple[str, ...]) -> str:
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in names)
    return (
        '<View>\n  <Image name="image" value="$image"/>\n'
        f'  <RectangleLabels name="person" toName="image">\n{labels}'
        "  </RectangleLabels>\n</View>\n"
    )


def export_mot(
    tracks: Tracks,
    names: Mapping[int, str],
    archive: Path,
    *,
    footage: str,
    frames: int,
    rate: Fraction | None,
    frame_wh: tuple[int, int],
) -> int:
    """Write tracks as MOTChallenge: ``gt/gt.txt``, ``gt/labels.txt`` and ``seqinfo.ini``.

    People are numbered by their ids, which ``people.json`` in the archive maps to names.

    Args:
        tracks: tracks of one footage.
        names: names of the people, by id.
        archive: the zip file, written atomically.
        footage: name of the sequence.
        frames: number of frames.
        rate: frames per second; None if unknown.
        frame_wh: size of a frame in px.

    Returns:
        Number of rows.
    """
    lines = mot_lines(tracks)
    sequence = {
        "name": footage,
        "frameRate": f"{float(rate or ASSUMED_RATE):g}",
        "seqLength": str(frames),
        "imWidth": str(frame_wh[0]),
        "imHeight": str(frame_wh[1]),
    }
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        _write_text(target, "gt/gt.txt", "".join(lines))
        _write_text(target, "gt/labels.txt", "person\n")
        info = "".join(f"{key}={value}\n" for key, value in sequence.items())
        _write_text(target, "seqinfo.ini", f"[Sequence]\n{info}")
        people = {str(person): name for person, name in names.items()}
        _write_text(target, "people.json", json.dumps(people, ensure_ascii=False, indent=1))
    return len(lines)


def export_tracks(project: Project, entry: FootageEntry, archive: Path) -> int:
    """Write a footage's tracks as MOTChallenge and return the number of rows; see `export_mot`.

    Raises:
        InputError: tracks or detections are missing or damaged.
    """
    tracks, names = read_tracks(project, entry.name)
    timeline = read_timeline(project.detections_file(entry.name))
    return export_mot(
        tracks,
        names,
        archive,
        footage=entry.name,
        frames=int(timeline.frame_index[-1]) + 1 if len(timeline) else 0,
        rate=entry.rate,
        frame_wh=(entry.width, entry.height),
    )


def archives_in(folder: Path) -> list[Path]:
    """List the archives in a project's folder of exports."""
    patterns = ("coco.zip", "label-studio.zip", "*.mot.zip")
    return [archive for pattern in patterns for archive in sorted(folder.glob(pattern))]


def _images(dataset: Path) -> list[str]:
    """List the dataset's images, relative to its folder."""
    if not (dataset / DATA_FILE).exists():
        raise InputError(f"{dataset}: no dataset to export; run cluster-faces first")
    return list(_images_of(dataset))


def _images_of(dataset: Path) -> Iterator[str]:
    for split in SPLITS:
        for path in sorted((dataset / "images" / split).glob("*.jpg")):
            yield path.relative_to(dataset).as_posix()


def _size(path: Path) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.size
    except OSError as error:
        raise InputError(f"{path}: not a picture ({error}); run cluster-faces again") from error


def _write_text(target: zipfile.ZipFile, name: str, text: str) -> None:
    target.writestr(_entry(name), text.encode())


def _write_images(target: zipfile.ZipFile, dataset: Path, images: list[str]) -> None:
    for image in images:
        with (dataset / image).open("rb") as source, target.open(_entry(image), "w") as entry:
            shutil.copyfileobj(source, entry)


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed date, so that the same project gives the same archive, byte for byte.
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))

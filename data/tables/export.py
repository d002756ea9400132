"""Export the dataset as zip archives in formats of other tools.

CVAT ("COCO 1.0") and Label Studio import these archives without changes. COCO is written by the
library supervision.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from data.core.atomic import atomic_write
from data.core.errors import InputError
from data.tables.archives import write_entry, zip_entry
from data.tables.dataset import DATA_FILE, DatasetFile, label_path, read_data_file, read_labels

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
            write_entry(target, f"annotations/instances_{split}.json", text)
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
    # Label Studio numbers tasks and boxes itself; its library for converting wants them numbered.
    tasks = [{"id": n, **_task(dataset, image, content)} for n, image in enumerate(images, start=1)]
    with atomic_write(archive) as partial, zipfile.ZipFile(partial, "w") as target:
        write_entry(target, "tasks.json", json.dumps(tasks, ensure_ascii=False, indent=1))
        write_entry(target, "label_config.xml", _label_config(content.names))
        _write_images(target, dataset, images)
    return len(images)


def _task(dataset: Path, image: str, content: DatasetFile) -> dict[str, Any]:
    width, height = _size(dataset / image)
    labels = read_labels(dataset / label_path(image), (width, height))
    results = [
        {
            "id": f"{number}",
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
        for number, (index, box) in enumerate(
            zip(labels.class_index.tolist(), labels.xyxy, strict=True), start=1
        )
    ]
    # Label Studio decodes the path as a part of a URL, in which # and + have a meaning.
    data = {"image": f"/data/local-files/?d={quote(image)}"}
    return {"data": data, "annotations": [{"result": results}]}


def _label_config(names: tuple[str, ...]) -> str:
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in names)
    return (
        '<View>\n  <Image name="image" value="$image"/>\n'
        f'  <RectangleLabels name="person" toName="image">\n{labels}'
        "  </RectangleLabels>\n</View>\n"
    )


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
    # ImportError: ultralytics, where loaded, makes Pillow try a plugin that is not installed.
    except (OSError, ImportError) as error:
        message = f"{path}: not a picture ({error}); run cluster-faces --project PROJECT"
        raise InputError(message) from error


def _write_images(target: zipfile.ZipFile, dataset: Path, images: list[str]) -> None:
    for image in images:
        with (dataset / image).open("rb") as source, target.open(zip_entry(image), "w") as entry:
            shutil.copyfileobj(source, entry)

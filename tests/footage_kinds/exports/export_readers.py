"""Read exports by libraries of other tools, as boxes in px by image and name.

A box is ``(name, x, y, w, h)``. An image is named by its file without suffix, a frame by
its number from 1.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np

Box = tuple[str, float, float, float, float]
Boxes = dict[str, list[Box]]
"""Boxes by image."""

SPLITS: Final = ("train", "val")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what libraries print and warn of."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


# --- COCO -------------------------------------------------------------------------------------


def coco_by_pycocotools(folder: Path) -> Boxes:
    from pycocotools.coco import COCO

    read: Boxes = {}
    for split in SPLITS:
        with quiet():
            coco = COCO(str(folder / "annotations" / f"instances_{split}.json"))
        names = {category["id"]: category["name"] for category in coco.dataset["categories"]}
        for image in coco.imgs.values():
            found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
            assert (folder / "images" / split / image["file_name"]).is_file()
            read[Path(image["file_name"]).stem] = [
                (names[annotation["category_id"]], *annotation["bbox"]) for annotation in found
            ]
    return read


def coco_by_datumaro(folder: Path) -> Boxes:
    return _by_datumaro(folder, "coco_instances")


def coco_by_supervision(folder: Path) -> Boxes:
    from supervision import DetectionDataset

    read: Boxes = {}
    for split in SPLITS:
        dataset = DetectionDataset.from_coco(
            images_directory_path=str(folder / "images" / split),
            annotations_path=str(folder / "annotations" / f"instances_{split}.json"),
        )
        read |= _of_supervision(dataset)
    return read


# --- YOLO -------------------------------------------------------------------------------------


def yolo_by_supervision(folder: Path) -> Boxes:
    from supervision import DetectionDataset

    read: Boxes = {}
    for split in SPLITS:
        dataset = DetectionDataset.from_yolo(
            images_directory_path=str(folder / "images" / split),
            annotations_directory_path=str(folder / "labels" / split),
            data_yaml_path=str(folder / "data.yaml"),
        )
        read |= _of_supervision(dataset)
    return read


def yolo_by_ultralytics(folder: Path) -> Boxes:
    with quiet():
        from ultralytics.data.dataset import YOLODataset
        from ultralytics.data.utils import check_det_dataset

        data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
        images = sorted({data["train"], data["val"]})
        labels = [
            label
            for split in images
            for label in YOLODataset(img_path=split, data=data, augment=False, imgsz=64).labels
        ]
    return {
        Path(label["im_file"]).stem: [
            (data["names"][int(index)], *_scaled(box, label["shape"]))
            for index, box in zip(label["cls"].ravel(), label["bboxes"], strict=True)
        ]
        for label in labels
    }


def _scaled(box: Any, shape_hw: tuple[int, int]) -> tuple[float, float, float, float]:
    cx, cy, w, h = (box * np.array([*shape_hw[::-1], *shape_hw[::-1]])).tolist()
    return cx - w / 2, cy - h / 2, w, h


# --- Label Studio -----------------------------------------------------------------------------


def label_studio_by_its_converter(folder: Path) -> Boxes:
    """Convert the tasks to COCO by Label Studio's library, and read that."""
    with quiet(), tempfile.TemporaryDirectory() as converted:
        from label_studio_converter import Converter

        converter = Converter(
            str(folder / "label_config.xml"), project_dir=str(folder), download_resources=False
        )
        converter.convert_to_coco(str(folder / "tasks.json"), converted, is_dir=False)
        coco = json.loads((Path(converted) / "result.json").read_text("utf-8"))
        labels = ElementTree.parse(folder / "label_config.xml").getroot().iter("Label")
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert set(names.values()) == {label.get("value") for label in labels}
    read: Boxes = {}
    for image in coco["images"]:
        # As Label Studio's view of local files reads an address.
        (path,) = parse_qs(urlsplit(image["file_name"]).query)["d"]
        assert (folder / path).is_file()
        found = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        read[Path(path).stem] = [(names[a["category_id"]], *a["bbox"]) for a in found]
    return read


# --- MOTChallenge -----------------------------------------------------------------------------


def mot_by_datumaro(folder: Path) -> Boxes:
    return _by_datumaro(folder, "mot_seq")


def mot_by_motmetrics(file: Path, names: Mapping[int, str]) -> Boxes:
    """Read ground truth or results; ``names`` are by id."""
    import motmetrics

    with quiet():
        table = motmetrics.io.loadtxt(str(file), fmt="mot15-2D")
    read: Boxes = defaultdict(list)
    for (frame, person), row in table.iterrows():
        # motmetrics subtracts 1, for files that count pixels from 1.
        box = row.X + 1, row.Y + 1, row.Width, row.Height
        read[str(frame)].append((names[person], *box))
    return dict(read)


def scores_by_trackeval(truth: Path, results: Path, folder: Path) -> tuple[int, dict[str, float]]:
    """Score the results against the ground truth of one sequence, as its docs lay files out.

    Args:
        truth: unpacked archive of the ground truth.
        results: text file of the results.
        folder: folder to arrange the files in.

    Returns:
        The number of frames, and scores by name.
    """
    with quiet():
        import trackeval

        sequence = results.stem
        shutil.copytree(truth, folder / "gt" / sequence)
        data = folder / "trackers" / "fancam" / "data"
        data.mkdir(parents=True)
        (data / results.name).write_bytes(results.read_bytes())
        config = {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "BENCHMARK": "MOT15",
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {sequence: None},
            "PRINT_CONFIG": False,
        }
        dataset = trackeval.datasets.MotChallenge2DBox(config)
        raw = dataset.get_raw_seq_data("fancam", sequence)
        data_of = dataset.get_preprocessed_seq_data(raw, "pedestrian")
        clear = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(data_of)
        identity = trackeval.metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(data_of)
    scores = {name: float(value) for name, value in {**clear, **identity}.items()}
    return int(raw["num_timesteps"]), scores


# --- libraries for several formats ------------------------------------------------------------


def _by_datumaro(folder: Path, kind: str) -> Boxes:
    with quiet():
        from datumaro.components.annotation import AnnotationType, Bbox
        from datumaro.components.dataset import Dataset

        dataset = Dataset.import_from(str(folder), kind)
        labels = dataset.categories()[AnnotationType.label]
        return {
            str(item.id): [
                (labels[annotation.label].name, *annotation.get_bbox())
                for annotation in item.annotations
                if isinstance(annotation, Bbox)
            ]
            for item in dataset
        }


def _of_supervision(dataset: Any) -> Boxes:
    return {
        Path(path).stem: [
            (dataset.classes[int(index)], x1, y1, x2 - x1, y2 - y1)
            for index, (x1, y1, x2, y2) in zip(
                detections.class_id, detections.xyxy.tolist(), strict=True
            )
        ]
        for path, _, detections in dataset
    }


READERS: Final[dict[str, list[Callable[[Path], Boxes]]]] = {
    "coco": [coco_by_pycocotools, coco_by_datumaro, coco_by_supervision],
    "label-studio": [label_studio_by_its_converter],
    "yolo": [yolo_by_supervision, yolo_by_ultralytics],
}

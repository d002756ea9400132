# mypy: disable-error-code="no-untyped-call"
"""Training examples as an ultralytics dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ultralytics.data.dataset import YOLODataset

from tracking.training.examples import Example


class ExampleDataset(YOLODataset):
    """ultralytics dataset of examples, without cache files and with a single batch shape."""

    def __init__(self, examples: Sequence[Example], **options: Any) -> None:
        """Load ``examples`` with the options of ultralytics' dataset class."""
        self.examples = examples
        super().__init__(img_path="", **options)

    def get_img_files(self, _: object) -> list[str]:
        """Return the image paths, in the order of the examples."""
        return [str(example.path) for example in self.examples]

    def get_labels(self) -> list[dict[str, Any]]:
        """Return the labels of every image, in the order of the examples."""
        return [ultralytics_labels(example) for example in self.examples]

    def set_rectangle(self) -> None:
        """Use one shape that fits every image: for films, half the computation of squares.

        ultralytics sorts the images by shape instead, and then trains in that order.
        """
        sizes = np.array([example.frame_wh for example in self.examples], float)
        largest = (sizes / sizes.max(axis=1, keepdims=True)).max(axis=0)[::-1]  # h, w
        shape = np.ceil(largest * self.imgsz / self.stride + self.pad).astype(int) * self.stride
        self.batch_shapes = shape[None]
        self.batch = np.zeros(self.ni, int)


def ultralytics_labels(example: Example) -> dict[str, Any]:
    """Convert the labels of one image to ultralytics' record.

    Returns:
        Among other keys, ``cls``: ``(n, 1)`` float32 class index; ``bboxes``: ``(n, 4)`` float32
        centre, width and height as shares of the image, 0 to 1.
    """
    width, height = example.frame_wh
    xyxy = example.labels.xyxy / np.array([width, height, width, height], np.float32)
    cxcywh = np.hstack([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]])
    return {
        "im_file": str(example.path),
        "shape": (height, width),
        "cls": example.labels.class_index[:, None].astype(np.float32),
        "bboxes": cxcywh.astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }

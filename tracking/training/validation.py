# mypy: disable-error-code="no-untyped-call"
"""ultralytics' validation, which can also record the detections that it scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from ultralytics.models.yolo.detect import DetectionValidator

from tracking.training.confusion import LabelledDetections


class RecordingValidator(DetectionValidator):
    """Validate as ultralytics does; record detections and labels once ``recorded`` is a list."""

    recorded: list[LabelledDetections] | None = None

    def update_metrics(self, preds: list[dict[str, Any]], batch: dict[str, Any]) -> None:
        """Score the predictions of a batch, and record them."""
        super().update_metrics(preds, batch)
        if self.recorded is None:
            return
        for index, detected in enumerate(preds):
            labels = self._prepare_batch(index, batch)
            self.recorded.append(
                LabelledDetections(
                    label_xyxy=labels["bboxes"].cpu().numpy().reshape(-1, 4).astype(np.float32),
                    label_class=labels["cls"].cpu().numpy().astype(np.int64),
                    xyxy=detected["bboxes"].cpu().numpy().reshape(-1, 4).astype(np.float32),
                    class_index=detected["cls"].cpu().numpy().astype(np.int64),
                    score=detected["conf"].cpu().numpy().astype(np.float32),
                )
            )

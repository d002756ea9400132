"""What a model says about every face of a footage: looked at beside the requests, and kept."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.labelled import numbers_in_frame
from clustering.output.label_pictures import box_in_portrait
from data.core.atomic import write_bytes
from data.core.digest import digest, file_key
from data.core.errors import InputError
from data.project.project import CACHE_FOLDER, Project
from data.tables.faces import Faces, Frames
from data.video.jpeg import read_jpeg
from web.label.prelabels import SMILE

if TYPE_CHECKING:
    from cropping.expressions.model import ExpressionModel

MODEL_FILE: Final = "model.onnx"
"""In a label set's folder: a model that somebody trained on it."""
_BATCH: Final = 128
_LOG = logging.getLogger(__name__)


class ModelGuesses:
    """Looks at a footage's faces once a model, one after another."""

    def __init__(self) -> None:
        self._at_work: set[Path] = set()
        self._failed: set[Path] = set()
        self._lock = threading.Lock()

    def ask(
        self, project: Project, footage: str, set_folder: Path, labels: Sequence[str]
    ) -> tuple[NDArray[np.float64] | None, bool]:
        """Return the probability of each label, ``(n, labels)``, and whether that is coming.

        The set's own model is asked, or the one of smiles that fancam brings; where neither knows
        these labels, or the faces were not looked at yet, there is None.
        """
        model = _model_file(set_folder, labels)
        if model is None:
            return None, False
        key = digest(file_key(model), file_key(project.faces_file(footage)), *labels)
        place = project.folder / CACHE_FOLDER / "guesses" / f"{key}.npy"
        if place.is_file():
            return _read(place), False
        with self._lock:
            if place in self._failed:
                return None, False
            if place not in self._at_work:
                self._at_work.add(place)
                work = (project, footage, model, tuple(labels), place)
                threading.Thread(target=self._look, args=work, daemon=True).start()
        return None, True

    def _look(
        self, project: Project, footage: str, model: Path, labels: tuple[str, ...], place: Path
    ) -> None:
        try:
            _write(place, _guesses(project, footage, model, labels))
        except Exception as error:
            if not isinstance(error, InputError):
                _LOG.exception("looking at the faces of %s", footage)
            self._failed.add(place)  # not again and again
        finally:
            self._at_work.discard(place)


def _model_file(set_folder: Path, labels: Sequence[str]) -> Path | None:
    """The model that knows these labels."""
    from cropping.smiles.model import SHIPPED

    own = set_folder / MODEL_FILE
    if own.is_file():
        return own
    return SHIPPED if SMILE in labels and len(labels) == 2 else None


def _guesses(
    project: Project, footage: str, model: Path, labels: Sequence[str]
) -> NDArray[np.float64]:
    """Probability of each label for each face, ``(n, labels)``; NaN for a picture that is bad.

    Raises:
        InputError: the model is damaged, or knows other labels.
    """
    from cropping.expressions.model import load_expression_model

    loaded = load_expression_model(model)
    columns = _columns(loaded.classes, labels)
    faces = Faces.read(project.faces_file(footage))
    frames = Frames.read(project.frames_file(footage))
    wh = frames.frame_wh[np.searchsorted(frames.frame_index, faces.frame_index)]
    numbers = numbers_in_frame(faces.frame_index)
    scores = np.full((len(faces), len(labels)), np.nan)
    for first in range(0, len(faces), _BATCH):
        rows = range(first, min(first + _BATCH, len(faces)))
        views = [
            _views(
                project.portrait_file(footage, int(faces.frame_index[row]), int(numbers[row])),
                faces.xyxy[row],
                (int(wh[row, 0]), int(wh[row, 1])),
            )
            for row in rows
        ]
        _score(loaded, columns, views, scores[first : first + len(rows)])
    return scores


def _columns(classes: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Which of the model's classes each label is; -1 for what a smile is not."""
    if set(labels) <= set(classes):
        return [list(classes).index(label) for label in labels]
    if SMILE in classes and SMILE in labels and len(labels) == 2:
        smile = list(classes).index(SMILE)
        return [smile if label == SMILE else -1 for label in labels]
    raise InputError(f"the model knows {', '.join(classes)}, but is asked for {', '.join(labels)}")


def _views(
    portrait: Path, xyxy: NDArray[np.float32], frame_wh: tuple[int, int]
) -> NDArray[np.uint8] | None:
    from cropping.expressions.patch import cut_views

    try:
        picture = read_jpeg(portrait)
    except InputError:
        return None
    return cut_views(picture, box_in_portrait(xyxy, frame_wh, picture.shape[1]))


def _score(
    model: ExpressionModel,
    columns: Sequence[int],
    views: Sequence[NDArray[np.uint8] | None],
    scores: NDArray[np.float64],
) -> None:
    """Fill ``scores`` in, one row a face."""
    there = [row for row, view in enumerate(views) if view is not None]
    if not there:
        return
    patches = np.stack([view for view in views if view is not None])
    count, each = patches.shape[:2]
    found = model.probabilities(patches.reshape(count * each, *patches.shape[2:]))
    means = found.reshape(count, each, -1).mean(axis=1)
    known = max(columns)  # where there is a -1, the smile
    for place, column in enumerate(columns):
        scores[there, place] = means[:, column] if column >= 0 else 1 - means[:, known]


def _write(place: Path, scores: NDArray[np.float64]) -> None:
    content = io.BytesIO()
    np.save(content, scores, allow_pickle=False)
    write_bytes(place, content.getvalue())


def _read(place: Path) -> NDArray[np.float64] | None:
    try:
        scores: NDArray[np.float64] = np.load(place, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return scores

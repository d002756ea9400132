"""Predictions of an expression model for all faces of a footage, cached on disk."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
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
from data.video.pictures.jpeg import read_jpeg
from web.label.prelabels import SMILE

if TYPE_CHECKING:
    from cropping.expressions.model import ExpressionModel

MODEL_FILE: Final = "model.onnx"
"""Model in a label set's folder that was trained on the set."""
_BATCH: Final = 128
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FootagePredictions:
    """Predictions for the faces of a footage.

    Args:
        scores: ``(n, labels)`` float64 probabilities, 0 to 1, NaN rows for unreadable pictures;
            None without a usable model for these labels, or while the model is running.
        pending: whether the model is still running.
        problem: why the model cannot be used; empty if it can, or if there is none.
    """

    scores: NDArray[np.float64] | None = None
    pending: bool = False
    problem: str = ""


class Predictions:
    """Predictions for all footages; each footage is computed once per model."""

    def __init__(self) -> None:
        self._running: set[Path] = set()
        self._failed: dict[Path, str] = {}  # the reason by file
        self._lock = threading.Lock()

    def of_footage(
        self, project: Project, footage: str, set_folder: Path, labels: Sequence[str]
    ) -> FootagePredictions:
        """Return the probability of each label of each face.

        The model is the label set's own, or the bundled smile model.
        """
        model = _model_file(set_folder, labels)
        if model is None:
            return FootagePredictions()
        key = digest(file_key(model), file_key(project.faces_file(footage)), *labels)
        file = project.folder / CACHE_FOLDER / "guesses" / f"{key}.npy"
        if file.is_file():
            return FootagePredictions(_read(file))
        with self._lock:
            if file in self._failed:
                return FootagePredictions(problem=self._failed[file])
            if file not in self._running:
                self._running.add(file)
                arguments = (project, footage, model, tuple(labels), file)
                threading.Thread(target=self._compute, args=arguments, daemon=True).start()
        return FootagePredictions(pending=True)

    def _compute(
        self, project: Project, footage: str, model: Path, labels: tuple[str, ...], file: Path
    ) -> None:
        try:
            _write(file, _predict(project, footage, model, labels))
        except InputError as error:
            # Not tried again by every request.
            self._failed[file] = str(error).replace(str(model), model.name)
        except Exception:
            _LOG.exception("predicting labels of %s", footage)
            self._failed[file] = "internal error; see the terminal that runs this server"
        finally:
            self._running.discard(file)


def _model_file(set_folder: Path, labels: Sequence[str]) -> Path | None:
    """Return the model for these labels, if any."""
    from cropping.smiles.model import SHIPPED

    trained = set_folder / MODEL_FILE
    if trained.is_file():
        return trained
    return SHIPPED if SMILE in labels and len(labels) == 2 else None


def _predict(
    project: Project, footage: str, model: Path, labels: Sequence[str]
) -> NDArray[np.float64]:
    """Return the probability of each label per face, ``(n, labels)``; NaN for unreadable pictures.

    Raises:
        InputError: the model is damaged, or has other classes.
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
        patches = [
            _patches(
                project.portrait_file(footage, int(faces.frame_index[row]), int(numbers[row])),
                faces.xyxy[row],
                (int(wh[row, 0]), int(wh[row, 1])),
            )
            for row in rows
        ]
        _score(loaded, columns, patches, scores[first : first + len(rows)])
    return scores


def _columns(classes: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Return the class index of each label; -1 for the label that means no smile."""
    if set(labels) <= set(classes):
        return [list(classes).index(label) for label in labels]
    if SMILE in classes and SMILE in labels and len(labels) == 2:
        smile = list(classes).index(SMILE)
        return [smile if label == SMILE else -1 for label in labels]
    raise InputError(
        f"the model has the classes {', '.join(classes)}, but the question has the answers"
        f" {', '.join(labels)}; train a model for this question"
    )


def _patches(
    portrait: Path, xyxy: NDArray[np.float32], frame_wh: tuple[int, int]
) -> NDArray[np.uint8] | None:
    """Return the model's input patches of one face; None for an unreadable picture."""
    from cropping.expressions.patch import cut_views

    try:
        picture = read_jpeg(portrait)
    except InputError:
        return None
    return cut_views(picture, box_in_portrait(xyxy, frame_wh, picture.shape[1]))


def _score(
    model: ExpressionModel,
    columns: Sequence[int],
    patches: Sequence[NDArray[np.uint8] | None],
    scores: NDArray[np.float64],
) -> None:
    """Write the mean probability over each face's patches into ``scores``, ``(faces, labels)``.

    Rows of faces without patches are not changed.
    """
    rows = [row for row, face in enumerate(patches) if face is not None]
    if not rows:
        return
    stacked = np.stack([face for face in patches if face is not None])
    faces, per_face = stacked.shape[:2]
    probabilities = model.probabilities(stacked.reshape(faces * per_face, *stacked.shape[2:]))
    means = probabilities.reshape(faces, per_face, -1).mean(axis=1)
    smile = max(columns)  # used where a column is -1
    for label, column in enumerate(columns):
        scores[rows, label] = means[:, column] if column >= 0 else 1 - means[:, smile]


def _write(file: Path, scores: NDArray[np.float64]) -> None:
    content = io.BytesIO()
    np.save(content, scores, allow_pickle=False)
    write_bytes(file, content.getvalue())


def _read(file: Path) -> NDArray[np.float64] | None:
    try:
        scores: NDArray[np.float64] = np.load(file, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return scores

"""Find faces without a project: detection and embedding alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clustering.faces.backends import BackendSettings
from clustering.faces.choice import choose_backend
from data.command.command import say
from data.core.arrays import Image

if TYPE_CHECKING:
    from data.tables.faces import Faces
    from data.video.frames import Frame


def find_faces(
    source: str | Path | Image,
    *,
    every_s: float | None = None,
    backend: BackendSettings | None = None,
) -> Faces:
    """Detect and embed the faces of a video, a picture or an image.

    Nothing is written. `FancamProject.cluster` finds the same faces, and sorts them into people.

    Examples:
        >>> from fancam import find_faces
        >>> faces = find_faces("concert.mp4", every_s=0.5)
        >>> faces.xyxy.shape == (len(faces), 4)
        True
        >>> faces.embedding.shape == (len(faces), 128)
        True

    Args:
        source: a video, a picture or a folder of pictures; or an image, ``(h, w, 3)`` uint8 RGB.
        every_s: seconds between the sampled frames of a video; None chooses by its length, as
            `cluster-faces` does.
        backend: settings of the detector and the embedder; None for `best_backend`.

    Returns:
        The faces, one row each, by frame and from left to right: ``frame_index`` and ``time_s``,
        ``xyxy`` in px, ``score``, ``landmarks``, ``sharpness``, ``turn``, and the embeddings
        ``embedding`` (dlib) and ``sface``, both ``(n, 128)``.

    Raises:
        InputError: the source cannot be read, or a model is missing.
        ValueError: the image has another shape or dtype.
    """
    from clustering.faces.extraction import Extracted
    from clustering.faces.tasks import load_extractor

    extractor = load_extractor(best_backend() if backend is None else backend)
    return Extracted.concatenate(list(extractor.extract(_frames(source, every_s)))).faces


def best_backend(
    *, models: Path | None = None, offline: bool = False, threads: int = 0
) -> BackendSettings:
    """Return settings with the best installed detector and embedder; fetch missing models first.

    Args:
        models: folder to read face models from; None for the cache.
        offline: do not download models.
        threads: cores to use; 0 for all.

    Raises:
        InputError: the folder does not exist.
    """
    from data.inference.models.store import use_models

    use_models(models)
    settings = BackendSettings(threads=threads)
    return choose_backend(
        settings, "auto", "auto", offline=offline, say=lambda line: say("fancam", line)
    )


def _frames(source: str | Path | Image, every_s: float | None) -> Iterator[Frame]:
    from data.storage.addresses import footage_path
    from data.storage.fetch import fetch_footage
    from data.video.footage import default_interval_s, probe
    from data.video.reader import sample_frames

    if not isinstance(source, str | Path):
        return iter([_frame(source)])
    footage = probe(fetch_footage(footage_path(str(source))))
    return sample_frames(footage, every_s=every_s or default_interval_s(footage.duration_s))


def _frame(image: Image) -> Frame:
    import numpy as np

    from data.video.frames import Frame

    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be (h, w, 3) uint8 RGB, got {image.shape} {image.dtype}")
    return Frame(0, 0.0, np.ascontiguousarray(image))

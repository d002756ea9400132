"""Choose detector and embedder: those that the user names, else the best that are installed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, TypeAlias

from clustering.faces.backends import BackendSettings, DetectorName, EmbedderName
from data.core.errors import InputError
from data.inference.models.catalogue import ModelName
from data.inference.models.ensure import Say, ensure_models
from data.inference.models.store import read_model

DetectorChoice: TypeAlias = Literal["auto", "centerface", "cnn", "hog"]
EmbedderChoice: TypeAlias = Literal["auto", "sface", "dlib"]


def choose_backend(
    settings: BackendSettings,
    detector: DetectorChoice,
    embedder: EmbedderChoice,
    *,
    offline: bool,
    say: Say,
) -> BackendSettings:
    """Return ``settings`` with the detector and the embedder, fetching missing models first.

    ``auto`` takes CenterFace and SFace where they are installed, else dlib's networks. It takes
    dlib's too for ``--backend face_recognition`` and ``--upsample``, which are options of dlib.

    Args:
        settings: everything else.
        detector: the user's choice.
        embedder: the user's choice.
        offline: fetch nothing.
        say: prints a line about what is fetched or missing.

    Raises:
        InputError: a model that the user names is not installed and cannot be fetched, or
            ``--upsample`` is set for CenterFace.
    """
    if detector == "centerface" and settings.upsample is not None:
        raise InputError("--upsample is dlib's scale; choose --detector cnn, or set --min-face")
    names = _usable(settings, detector, embedder)
    installed = ensure_models(names, offline=offline, say=say, required=(detector, embedder))
    for named in (detector, embedder):
        if named in ("centerface", "sface") and named not in installed:
            read_model(named)
    chosen = _detector(detector, installed)
    return replace(settings, detector=chosen, embedder=_embedder(embedder, chosen, installed))


def _usable(
    settings: BackendSettings, detector: DetectorChoice, embedder: EmbedderChoice
) -> list[ModelName]:
    """Return the models that the choice can use."""
    of_dlib = settings.backend != "fast" or settings.upsample is not None
    best = detector == "centerface" or (detector == "auto" and not of_dlib)
    names: list[ModelName] = ["centerface"] if best else []
    if embedder == "sface" or (embedder == "auto" and best):
        names.append("sface")
    return names


def _detector(choice: DetectorChoice, installed: Collection[ModelName]) -> DetectorName:
    if choice != "auto":
        return choice
    return "centerface" if "centerface" in installed else "cnn"


def _embedder(
    choice: EmbedderChoice, detector: DetectorName, installed: Collection[ModelName]
) -> EmbedderName:
    if choice != "auto":
        return choice
    return "sface" if "sface" in installed and detector == "centerface" else "dlib"

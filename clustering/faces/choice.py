"""Select the detector and the embedder: the user's choice, or else the best installed."""

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
    """Return ``settings`` with the selected detector and embedder; fetch missing models first.

    ``auto`` selects CenterFace and SFace if they are installed, else dlib's networks. With
    ``--backend face_recognition`` or ``--upsample``, which are options of dlib, it selects dlib's.

    Args:
        settings: all other settings.
        detector: the user's choice.
        embedder: the user's choice.
        offline: do not fetch models.
        say: prints a line about fetched or missing models.

    Raises:
        InputError: a model that the user selects is not installed and cannot be fetched, or
            ``--upsample`` is set for CenterFace.
    """
    if detector == "centerface" and settings.upsample is not None:
        raise InputError(
            "--upsample needs one of dlib's detectors; give --detector cnn, or --min-face instead"
        )
    names = _usable(settings, detector, embedder)
    installed = ensure_models(names, offline=offline, say=say, required=(detector, embedder))
    for name in names:
        if name in (detector, embedder) and name not in installed:
            read_model(name)  # raises the error that says how to install it
    chosen = _detector(detector, installed)
    return replace(settings, detector=chosen, embedder=_embedder(embedder, chosen, installed))


def _usable(
    settings: BackendSettings, detector: DetectorChoice, embedder: EmbedderChoice
) -> list[ModelName]:
    """Return which of CenterFace and SFace the selection may use."""
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

"""Cache keys of the GIFs: a person's file is stale when its key changes."""

from __future__ import annotations

from typing import Final

from cropping.smiles.table import smiles_key
from data.core.digest import digest
from data.project.project import Project

GIF_VERSION: Final = 1
"""Raised when the same smiles and settings would give other pictures."""


def gif_key(project: Project, footage: str, person: int, *, settings: str, model_key: str) -> str:
    """Return the key of a person's GIF: the person, the settings, and the smiles."""
    return f"{person} {digest(settings)} {gif_smiles(project, footage, model_key)}"


def gif_smiles(project: Project, footage: str, model_key: str) -> str:
    """Return the last part of the keys of a footage's GIFs, which depends on its smiles."""
    return digest(f"{GIF_VERSION}", smiles_key(project, footage, model_key))

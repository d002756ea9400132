"""Cache keys of the GIFs: a file is stale when its key has changed."""

from __future__ import annotations

from typing import Final

from cropping.smiles.table import smiles_key
from data.core.digest import digest
from data.project.project import Project

GIF_VERSION: Final = 1
"""Increase it when a change alters the GIFs of unchanged smiles and settings."""


def gif_key(project: Project, footage: str, person: int, *, settings: str, model_key: str) -> str:
    """Return the cache key of a person's GIF, from the person, the settings and the smiles."""
    return f"{person} {digest(settings)} {gif_key_suffix(project, footage, model_key)}"


def gif_key_suffix(project: Project, footage: str, model_key: str) -> str:
    """Return the last part of all keys of a footage's GIFs, which depends on its smiles."""
    return digest(f"{GIF_VERSION}", smiles_key(project, footage, model_key))

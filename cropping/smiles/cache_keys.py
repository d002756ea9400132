"""Cache keys of the GIFs: a file is stale when its key has changed."""

from __future__ import annotations

from typing import Final

from cropping.smiles.table import smiles_key
from data.core.digest import digest
from data.project.project import Project
from data.tables.tracked_people import TrackedPeople

GIF_VERSION: Final = 3
"""Increase it when a change alters the GIFs of unchanged smiles and settings."""


def gif_key(
    project: Project,
    footage: str,
    person: int,
    *,
    settings: str,
    model_key: str,
    merged: tuple[int, ...] = (),
) -> str:
    """Return the cache key of a person's GIF, from the person, the settings and the smiles.

    Args:
        project: project with tracks.
        footage: name of the footage.
        person: id of the person.
        settings: from `SmileSettings.content_key`.
        model_key: key of the smile model.
        merged: ids of the tracked people who were merged into the person.
    """
    suffix = gif_key_suffix(project, footage, model_key, merged)
    return f"{person} {digest(settings)} {suffix}"


def gif_key_suffix(
    project: Project, footage: str, model_key: str, merged: tuple[int, ...] = ()
) -> str:
    """Return the last part of the key of a GIF, which depends on the person's smiles."""
    smiles = smiles_key(project, footage, model_key)
    return digest(f"{GIF_VERSION}", smiles, *([f"{merged}"] if merged else []))


def merges_text(people: TrackedPeople) -> str:
    """Return the merges among the people of a footage as text; see `GifsRecord`."""
    return " ".join(f"{person}>{into}" for person, into in sorted(people.merged_into.items()))

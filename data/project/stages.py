"""Names of the stages that a project notes as finished."""

from __future__ import annotations


def tracks_stage(footage: str) -> str:
    """What the stage that tracks a footage is called in the project."""
    return f"tracks of {footage}"


PEOPLE_STAGE = "people"


def faces_stage(name: str) -> str:
    """What the project calls the finding of a footage's faces."""
    return f"faces of {name}"


def crops_stage(footage: str) -> str:
    """What the project calls the videos of a footage."""
    return f"crops of {footage}"


def gifs_stage(footage: str) -> str:
    """What the project calls the GIFs of a footage."""
    return f"smile gifs of {footage}"


def smiles_stage(footage: str) -> str:
    """What the project calls the finding of a footage's smiles."""
    return f"smiles of {footage}"


def detections_stage(footage: str) -> str:
    """What the project calls the detections of a footage."""
    return f"detections of {footage}"

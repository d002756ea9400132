"""Which person each class of the trained detector is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.errors import InputError
from tracking.export import ModelFacts

MODEL_FILE = "model.json"
"""Beside the weights: what training knew of them."""
_RETRAIN = "run train-tracker again"


def people_of_classes(folder: Path, facts: ModelFacts, names: Mapping[int, str]) -> tuple[int, ...]:
    """Person of each class, in their order.

    Args:
        folder: where the weights lie, and what training wrote beside them.
        facts: of the weights.
        names: of the people of the project.

    Raises:
        InputError: the detector was trained for other people.
    """
    people = _written(folder / MODEL_FILE, facts) or _by_name(facts.names, names)
    strangers = [facts.names[i] for i, person in enumerate(people) if person not in names]
    if strangers:
        message = f"the tracker was trained for {strangers[0]!r}, who is not in this project"
        raise InputError(f"{folder}: {message}; {_RETRAIN}")
    return people


def _by_name(classes: Sequence[str], names: Mapping[int, str]) -> tuple[int, ...]:
    ids = {name: person for person, name in names.items()}
    return tuple(ids.get(name, -1) for name in classes)


def _written(path: Path, facts: ModelFacts) -> tuple[int, ...] | None:
    """What training wrote; None where it wrote nothing of this network."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        people = tuple(int(person) for person in content["person_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return people if len(people) == len(facts.names) else None

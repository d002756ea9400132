"""Which person each class of the trained detector is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.errors import InputError
from tracking.export import ModelFacts


def people_of_classes(
    weights: Path, facts: ModelFacts, names: Mapping[int, str]
) -> tuple[int, ...]:
    """Person of each class, in their order.

    Args:
        weights: the file, to be named in an error.
        facts: of the weights; where they do not tell the people, these are found by name.
        names: of the people of the project.

    Raises:
        InputError: the detector was trained for other people.
    """
    ids = {name: person for person, name in names.items()}
    people = facts.person_id or tuple(ids.get(name, -1) for name in facts.names)
    strangers = [facts.names[i] for i, person in enumerate(people) if person not in names]
    if strangers:
        message = f"trained for {strangers[0]!r}, who is not in this project"
        raise InputError(f"{weights}: {message}; run train-tracker again")
    return people

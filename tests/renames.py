"""Rename people of a project, as on the page."""

from __future__ import annotations

from collections.abc import Mapping

from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people


def rename(project: Project, names: Mapping[int, str]) -> None:
    """Give people new names, by id, one after the other."""
    with open_people(project.people_file) as people:
        for person, name in names.items():
            DecisionLog(people).rename(person, name)

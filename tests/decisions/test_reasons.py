"""The status gives the real reason after each kind of decision, before and after clustering."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustering import cli as clustering_cli
from data.project.project import Project
from tests.decisions.test_next_steps import done, eject, hide, merge, project, split
from tests.renames import rename
from web.core.status import statuses_of

__all__ = ["done", "project"]

RENAMED, MERGED = "people were renamed", "people were merged"
FACES = "some of its faces now belong to other people"
DATASET = "the dataset has changed since"


def name(project: Project) -> None:
    rename(project, {1: "Anna"})


CASES: dict[str, tuple[Callable[[Project], None], dict[str, str], dict[str, str]]] = {
    "rename": (name, {}, {"tracks": RENAMED, "videos": RENAMED, "smile GIFs": RENAMED}),
    "merge": (
        merge,
        {"tracker": DATASET},
        {"tracks": MERGED, "videos": MERGED, "smile GIFs": MERGED},
    ),
    "split": (split, {"tracker": DATASET}, {"tracks": FACES}),
    "eject": (eject, {"tracker": DATASET}, {"tracks": FACES}),
    "hide": (hide, {"tracker": DATASET}, {}),
}


@pytest.mark.parametrize(("decide", "clustered", "stale"), CASES.values(), ids=CASES)
def test_only_what_is_stale_has_a_reason(
    project: Project,
    decide: Callable[[Project], None],
    clustered: dict[str, str],
    stale: dict[str, str],
) -> None:
    decide(project)
    later = "people have been reviewed since, or writing was stopped"
    assert reasons(project) == {"people": later, **stale}
    assert clustering_cli.main(["film.mp4", "--project", "p.fancam"]) == 0
    assert reasons(project) == {**clustered, **stale}


def reasons(project: Project) -> dict[str, str]:
    """Return the reason of each output that is not done."""
    statuses = statuses_of(Project(project.folder))
    return {status.output: status.reason for status in statuses if status.state != "done"}

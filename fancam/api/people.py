"""The people of a project: their table, and the decisions about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data.core.errors import InputError
from data.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from data.core.progress import Progress
    from data.tables.decisions import Decision
    from data.tables.people import People


class FancamPeople:
    """The people of a project, and what the user decides about them.

    Decisions are those of the review page: the next clustering keeps them. Each call rewrites the
    people folder and the dataset.

    Examples:
        >>> from fancam import FancamProject
        >>> project = FancamProject("concert.fancam")
        >>> summary = project.cluster("concert.mp4")
        >>> project.people.rename({"Person 1": "Anna", "Person 2": "Berta"})
        >>> project.people.undo()
        'Renamed Person 1 to Anna; Renamed Person 2 to Berta'
    """

    def __init__(self, folder: Path, progress: Progress | None) -> None:
        self._folder, self._progress = folder, progress

    def table(self) -> pd.DataFrame:
        """Return the people, in the order of their ids.

        Returns:
            One row each with the columns ``person_id``, ``name``, ``faces`` (their number),
            ``seen_s`` (about, seconds) and ``hidden``.

        Raises:
            InputError: the faces are not sorted into people yet.
        """
        import pandas as pd

        from clustering.output.write import identified_footages, read_tables
        from clustering.summary import count_faces

        project = Project(self._folder)
        with opened_people(project) as people:
            tables = {name: read_tables(project, name) for name in project.footages}
            identified = identified_footages(people, tables)
        counted, _ = count_faces(project, identified)
        rows = [
            (person_id, one.name, one.faces, one.seen_s, one.hidden)
            for person_id, one in zip(identified.names, counted, strict=True)
        ]
        return pd.DataFrame(rows, columns=["person_id", "name", "faces", "seen_s", "hidden"])

    def rename(self, names: Mapping[str, str]) -> None:
        """Give people other names, in the people folder and the dataset too.

        Args:
            names: new name by current name.

        Raises:
            InputError: a name is unknown, invalid or taken.
        """
        from data.tables.decisions import Decision, DecisionKind

        ids = self._ids(*names)
        self._decide(
            *(
                Decision(DecisionKind.RENAME, person_id, name=name)
                for person_id, name in zip(ids, names.values(), strict=True)
            )
        )

    def merge(self, name: str, into: str) -> None:
        """Make two people one, in the people folder and the dataset too.

        Args:
            name: the person whose faces move.
            into: the person who gets them, and whose name stays.

        Raises:
            InputError: a name is unknown, or both are the same.
        """
        from data.tables.decisions import Decision, DecisionKind

        person, other = self._ids(name, into)
        self._decide(Decision(DecisionKind.MERGE, person, other))

    def hide(self, *names: str) -> None:
        """Leave people out of the dataset and the pages; nothing of theirs is deleted.

        Args:
            names: names of the people.

        Raises:
            InputError: a name is unknown.
        """
        from data.tables.decisions import Decision, DecisionKind

        self._decide(*(Decision(DecisionKind.HIDE, person) for person in self._ids(*names)))

    def show(self, *names: str) -> None:
        """Undo `hide`.

        Args:
            names: names of the people.

        Raises:
            InputError: a name is unknown.
        """
        from data.tables.decisions import Decision, DecisionKind

        self._decide(*(Decision(DecisionKind.SHOW, person) for person in self._ids(*names)))

    def undo(self) -> str:
        """Undo the last call, or decision of the page or a command; return its text, if any."""
        from data.tables.decision_log import DecisionLog

        with opened_people(Project(self._folder)) as people:
            undone = DecisionLog(people).undo()
        if undone is None:
            return ""
        self._write_people()
        return undone.note

    def _ids(self, *names: str) -> list[int]:
        with opened_people(Project(self._folder)) as people:
            ids = {name: person_id for person_id, name in people.names().items()}
        if unknown := [name for name in names if name not in ids]:
            known = ", ".join(ids)
            raise InputError(f"{unknown[0]}: no such person in {self._folder}; it has {known}")
        return [ids[name] for name in names]

    def _decide(self, *decisions: Decision) -> None:
        """Make all decisions or none, and rewrite the people folder and the dataset once."""
        from data.tables.decision_log import DecisionLog

        with opened_people(Project(self._folder)) as people:
            if decisions:
                DecisionLog(people).decide(*decisions)
        self._write_people()

    def _write_people(self) -> None:
        from clustering.output.write import write_people
        from data.core.progress import bars

        write_people(Project(self._folder), progress=self._progress or bars("cluster-faces"))


@contextmanager
def opened_people(project: Project) -> Iterator[People]:
    """Open the people of a project.

    Raises:
        InputError: the faces are not sorted into people yet.
    """
    from clustering.output.write import clustered_record
    from data.tables.people import open_people

    clustered_record(project)  # opening would make the file
    with open_people(project.people_file) as people:
        yield people

"""A project folder, and the stages that fill it, as Python calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data.core.errors import InputError
from data.project.project import Project
from fancam import stage_options
from fancam.api.people import FancamPeople, opened_people

if TYPE_CHECKING:
    import pandas as pd

    from clustering.settings import ClusterSettings
    from clustering.summary import ClusterSummary
    from cropping.render.settings import CropSettings
    from cropping.smiles.settings import SmileSettings
    from cropping.smiles.stage import SmileSummary
    from cropping.stage import CropsSummary
    from data.core.progress import Progress
    from data.execution.context import RunContext
    from data.tables.faces import Faces
    from tracking.stage import TrackSettings, TracksSummary
    from tracking.training.stage import TrackerSettings, TrackerSummary


class FancamProject:
    """A project folder, and the stages that fill it.

    Every stage resumes a stopped run, and does nothing if its output is up to date. Without
    settings it uses the options that the project saved in earlier runs, those of the user's
    config file, and defaults, in this order. The command
    `fancam` and the commands of the stages call the same functions.

    Examples:
        >>> from fancam import FancamProject
        >>> project = FancamProject("concert.fancam")
        >>> summary = project.cluster("concert.mp4")
        >>> project.people.rename({"Person 1": "Anna"})
        >>> project.people.table()["name"][0]
        'Anna'
    """

    def __init__(self, folder: str | Path, *, progress: Progress | None = None) -> None:
        """Open a project, which need not exist yet.

        Args:
            folder: project folder, such as ``concert.fancam``; the first `cluster` makes it.
            progress: function that makes a bar from its name, the total and the steps done before;
                None for bars on the terminal.

        Raises:
            InputError: the folder holds something else, or is of a newer version.
        """
        self.project = Project(Path(folder))
        self._progress = progress

    @property
    def folder(self) -> Path:
        """The project folder."""
        return self.project.folder

    @property
    def people(self) -> FancamPeople:
        """The people, and what the user decides about them."""
        return FancamPeople(self.folder, self._progress)

    @property
    def footages(self) -> list[str]:
        """The names of the footage in the project."""
        return list(self._reread().footages)

    # --- stages -------------------------------------------------------------------------------

    def cluster(
        self,
        *footages: str | Path,
        settings: ClusterSettings | None = None,
        context: RunContext | None = None,
    ) -> ClusterSummary:
        """Find the faces in footage, and sort them into people; the command `cluster-faces`.

        Args:
            footages: texts as on the command line, which name videos, folders, patterns or
                addresses; a `Path` is a single video, picture or folder. None at all for those of
                the project.
            settings: settings of detection and clustering; None for the project's options.
            context: progress, failures and runner; None raises the first failure.

        Raises:
            InputError: footage cannot be read, or has no faces.
        """
        from clustering.stage import cluster_faces

        if settings is None:
            settings, _ = stage_options.clustering(self._reread())
        context = context or self._context("cluster-faces")
        return cluster_faces(self.project, _paths(footages), settings, context=context)

    def train(
        self, settings: TrackerSettings | None = None, *, context: RunContext | None = None
    ) -> TrackerSummary:
        """Train a detector that knows each person, which `track` then uses; `train-tracker`.

        Args:
            settings: settings of the training; None for the project's options.
            context: progress; None for that of the project.

        Raises:
            InputError: there is no dataset, or the weights cannot be used.
        """
        from tracking.training.stage import train_tracker

        if settings is None:
            settings, _ = stage_options.training(self._reread())
        context = context or self._context("train-tracker", unit="batches")
        return train_tracker(self.project, settings, context=context)

    def track(
        self,
        *footages: str | Path,
        settings: TrackSettings | None = None,
        context: RunContext | None = None,
    ) -> list[TracksSummary]:
        """Follow each person through every frame; the command `track-people`.

        Args:
            footages: videos and pictures of the project; none for all.
            settings: settings of tracking; None for the project's options.
            context: progress, failures and runner; None raises the first failure.

        Raises:
            InputError: there are no people, or footage cannot be read.
        """
        from tracking.stage import track_people

        if settings is None:
            settings, _ = stage_options.tracking(self._reread())
        context = context or self._context("track-people")
        return track_people(self.project, _paths(footages), settings, context=context)

    def crop(
        self,
        *footages: str | Path,
        settings: CropSettings | None = None,
        context: RunContext | None = None,
    ) -> list[CropsSummary]:
        """Write the video of each person; the command `crop-people`.

        Args:
            footages: videos of the project; none for all.
            settings: settings of the crops; None for the project's options.
            context: progress, failures and runner; None raises the first failure.

        Raises:
            InputError: there are no tracks, or footage cannot be read.
        """
        from cropping.stage import crop_people

        if settings is None:
            settings, _ = stage_options.cropping(self._reread())
        context = context or self._context("crop-people")
        return crop_people(self.project, _paths(footages), settings, context=context)

    def smile_gifs(
        self,
        *footages: str | Path,
        settings: SmileSettings | None = None,
        context: RunContext | None = None,
    ) -> list[SmileSummary]:
        """Write a GIF of the smiles of each person; the command `smile-gifs`.

        Args:
            footages: videos of the project; none for all that are tracked.
            settings: settings of the GIFs; None for the project's options.
            context: progress and failures; None raises the first failure.

        Raises:
            InputError: there are no tracks, or footage cannot be read.
        """
        from cropping.smiles.stage import smile_gifs

        if settings is None:
            settings, _ = stage_options.smiling(self._reread())
        context = context or self._context("smile-gifs")
        return smile_gifs(self.project, _paths(footages), settings, context=context)

    @contextmanager
    def watch(self, *, port: int = 0) -> Iterator[str]:
        """Serve the page of the videos and of the review on this machine while the block runs.

        Args:
            port: port of the server; 0 for a free one.

        Yields:
            The address of the page.

        Raises:
            InputError: there is no project, or the port is taken.
        """
        from web.core.settings import ServerSettings
        from web.serving import serve_in_background

        with serve_in_background([self.folder], ServerSettings(port=port)) as address:
            yield address

    def status(self) -> pd.DataFrame:
        """Return the state of every output, as `fancam status` prints it.

        Returns:
            One row each with the columns ``output``, ``footage``, ``state`` (done, stale or
            missing), ``reason``, and ``command``, a tuple of the words that bring it up to date.

        Raises:
            InputError: a table of the project cannot be read.
        """
        import pandas as pd

        from web.core.status import statuses_of

        columns = ["output", "footage", "state", "reason", "command"]
        statuses = statuses_of(self._reread())
        rows = [[getattr(status, name) for name in columns] for status in statuses]
        return pd.DataFrame(rows, columns=columns)

    # --- tables -------------------------------------------------------------------------------

    def faces(self, footage: str) -> tuple[Faces, list[str]]:
        """Return the faces found in footage, and the name of each face's person.

        Args:
            footage: name of the footage, one of `footages`.

        Returns:
            The table as in `find_faces`, and a name per row, empty for an unknown person.

        Raises:
            InputError: there is no such footage, or its faces are not sorted into people yet.
        """
        from clustering.output.write import read_tables

        _, faces = read_tables(self._with(footage), footage)
        with opened_people(self._reread()) as people:
            person_id, names = people.assignments(footage).person_id, people.names()
        return faces, [names.get(person, "") for person in person_id.tolist()]

    def tracks(self, footage: str) -> pd.DataFrame:
        """Return the tracks of footage under the people's current names.

        Args:
            footage: name of the footage, one of `footages`.

        Returns:
            One row per frame and person with the columns ``frame``, ``time_s``, ``person``,
            ``x``, ``y``, ``w``, ``h`` (face, px of the upright frame), ``confidence``, ``source``
            (``face``, ``body`` or ``filled``), and ``body_x``, ``body_y``, ``body_w``, ``body_h``
            (body, NaN where it was not detected).

        Raises:
            InputError: there is no such footage, or it is not tracked yet.
        """
        import pandas as pd

        from data.core.boxes import sizes_wh
        from data.tables.tracked_people import read_current_tracks
        from data.tables.tracks import BODY_COLUMNS, SOURCES

        tracks, people = read_current_tracks(self._with(footage), footage)
        (x, y), (w, h) = tracks.xyxy[:, :2].T, sizes_wh(tracks.xyxy).T
        body = (*tracks.body_xyxy[:, :2].T, *sizes_wh(tracks.body_xyxy).T)
        return pd.DataFrame(
            {
                "frame": tracks.frame_index,
                "time_s": tracks.time_s,
                "person": [people.names.get(person, "") for person in tracks.person_id.tolist()],
                **{"x": x, "y": y, "w": w, "h": h},
                "confidence": tracks.confidence,
                "source": [SOURCES[source] for source in tracks.source.tolist()],
                **dict(zip(BODY_COLUMNS, body, strict=True)),
            }
        )

    # --- internals ----------------------------------------------------------------------------

    def _context(self, command: str, *, unit: str = "frames") -> RunContext:
        from data.command.command import say
        from data.core.progress import bars
        from data.execution.context import RunContext

        return RunContext(self._progress or bars(command, unit=unit), say=partial(say, "fancam"))

    def _reread(self) -> Project:
        """Return the project as it is now: another process may have changed it."""
        return Project(self.folder)

    def _with(self, footage: str) -> Project:
        """Return the project as it is now, which has the footage."""
        project = self._reread()
        if footage not in project.footages:
            known = ", ".join(project.footages) or "none"
            raise InputError(f"{footage}: no such footage in {self.folder}; it has {known}")
        return project


def _paths(footages: tuple[str | Path, ...]) -> list[Path]:
    """Return the footages that texts name as on the command line; a path is one footage."""
    from data.command.inputs import footage_paths
    from data.storage.addresses import footage_path

    paths: list[Path] = []
    for footage in footages:
        if isinstance(footage, Path):
            paths.append(footage)
        else:
            paths += footage_paths([footage_path(footage)])
    return list(dict.fromkeys(paths))

"""Settings of each stage where `fancam` or the Python API runs it.

They are from config files, variables, and the options that the project remembers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data.command.remembered import StageOptions, options_for
from data.core.errors import InputError
from data.project.project import Project

if TYPE_CHECKING:
    from clustering.settings import ClusterSettings
    from cropping.render.settings import CropSettings
    from cropping.smiles.settings import SmileSettings
    from tracking.stage import TrackSettings
    from tracking.training.stage import TrackerSettings


def clustering(project: Project, *words: str) -> tuple[ClusterSettings, StageOptions]:
    """Return the settings of `cluster-faces` with the options that ``words`` give.

    Raises:
        InputError: an option is invalid, or a model is missing.
    """
    from clustering.cli import cluster_settings, make_parser

    options = options_for(make_parser(), project, *words)
    with _naming(options):
        return cluster_settings(options.parsed, "fancam"), options


def training(project: Project, *words: str) -> tuple[TrackerSettings, StageOptions]:
    """Return the settings of `train-tracker` with the options that ``words`` give.

    Raises:
        InputError: an option is invalid.
    """
    from tracking.training.cli import make_parser, tracker_settings

    options = options_for(make_parser(), project, *words)
    with _naming(options):
        return tracker_settings(options.parsed), options


def tracking(project: Project, *words: str) -> tuple[TrackSettings, StageOptions]:
    """Return the settings of `track-people` with the options that ``words`` give.

    Raises:
        InputError: an option is invalid.
    """
    from tracking.track_cli import make_parser, track_settings

    options = options_for(make_parser(), project, *words)
    with _naming(options):
        return track_settings(options.parsed), options


def cropping(project: Project, *words: str) -> tuple[CropSettings, StageOptions]:
    """Return the settings of `crop-people` with the options that ``words`` give.

    Raises:
        InputError: an option is invalid.
    """
    from cropping.crop_cli import crop_settings, make_parser

    options = options_for(make_parser(), project, *words)
    with _naming(options):
        return crop_settings(options.parsed), options


def smiling(project: Project, *words: str) -> tuple[SmileSettings, StageOptions]:
    """Return the settings of `smile-gifs` with the options that ``words`` give.

    Raises:
        InputError: an option is invalid.
    """
    from cropping.smiles.cli import make_parser, smile_settings

    options = options_for(make_parser(), project, *words)
    with _naming(options):
        return smile_settings(options.parsed), options


@contextmanager
def _naming(options: StageOptions) -> Iterator[None]:
    """Name the stage in an error about one of its options, which `fancam` need not have."""
    try:
        yield
    except InputError as error:
        if not str(error).startswith("--"):
            raise
        command, _ = options.remembered
        raise InputError(f"{command} {error}") from error

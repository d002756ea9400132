"""What `cluster-faces` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clustering.faces.backends import BackendSettings
from clustering.grouping.footage import GroupingSettings
from clustering.output.dataset import LABEL_MARGIN
from clustering.pairing.on_air import OffSettings
from clustering.pairing.start_times import Offset

VERSION = 1
"""Raised when the same footage and settings would give other faces or people."""


@dataclass(frozen=True, slots=True)
class RecordingPair:
    """Two recordings of one lesson; both are among the footages that are named."""

    first: Path
    second: Path
    offset: Offset | None = None  # None: as their containers or names say


@dataclass(frozen=True, slots=True)
class PairingSettings:
    """Which footages are two recordings of one lesson, and when one of them counts as off."""

    pairs: tuple[RecordingPair, ...] = ()
    off: OffSettings = field(default_factory=OffSettings)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What `cluster-faces` can be told.

    Args:
        every_s: from one sampled frame to the next; None follows the footage's length.
        label_margin: share of the face that its label is larger by, on each side.
        force: do again what is done, and accept a footage that has changed.
    """

    every_s: float | None = None
    backend: BackendSettings = field(default_factory=BackendSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    pairing: PairingSettings = field(default_factory=PairingSettings)
    label_margin: float = LABEL_MARGIN
    force: bool = False

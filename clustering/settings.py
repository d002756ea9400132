"""What `cluster-faces` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustering.faces.backends import BackendSettings
from clustering.grouping.footage import GroupingSettings
from clustering.output.dataset import LABEL_MARGIN
from clustering.pairing.settings import PairingSettings

VERSION = 1
"""Raised when the same footage and settings would give other faces or people."""


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

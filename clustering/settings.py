"""Settings of `cluster-faces`."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustering.faces.backends import BackendSettings
from clustering.grouping.footage import GroupingSettings
from clustering.output.dataset import LABEL_MARGIN
from clustering.pairing.settings import PairingSettings

VERSION = 1
"""Increment when the same footage and settings would give other faces or people."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Settings of `cluster-faces`.

    Args:
        every_s: interval between sampled frames; None follows the footage's length.
        backend: of detection and embedding.
        grouping: of the clustering.
        pairing: pairs of recordings of one lesson.
        label_margin: of the face's size: margin of its label, on each side.
        force: repeat finished work, and accept a footage that has changed.
    """

    every_s: float | None = None
    backend: BackendSettings = field(default_factory=BackendSettings)
    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    pairing: PairingSettings = field(default_factory=PairingSettings)
    label_margin: float = LABEL_MARGIN
    force: bool = False

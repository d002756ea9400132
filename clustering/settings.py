"""Settings of `cluster-faces`."""

from __future__ import annotations

from dataclasses import dataclass, field

from clustering.faces.known_folder import KnownFolder
from clustering.faces.settings import FaceSettings
from clustering.grouping.footage import GroupingSettings
from clustering.output.dataset import LABEL_MARGIN
from clustering.pairing.settings import PairingSettings
from data.core.streams import DEFAULT_STREAMS, StreamChoice

VERSION = 1
"""Increment when the same faces and settings would give different people."""


@dataclass(frozen=True, slots=True)
class ClusterSettings(FaceSettings):
    """Settings of `cluster-faces`.

    Args:
        grouping: settings of the clustering.
        pairing: pairs of recordings of one lesson.
        known: pictures of known people, whose names the people get.
        streams: streams of the named footages that the user chose.
        label_margin: margin of a label on each side, as a share of the face's size.
    """

    grouping: GroupingSettings = field(default_factory=GroupingSettings)
    pairing: PairingSettings = field(default_factory=PairingSettings)
    known: KnownFolder | None = None
    streams: StreamChoice = DEFAULT_STREAMS
    label_margin: float = LABEL_MARGIN

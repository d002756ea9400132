"""Settings of paired recordings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clustering.pairing.on_air import OffSettings
from clustering.pairing.start_times import Offset


@dataclass(frozen=True, slots=True)
class RecordingPair:
    """Two recordings of one lesson."""

    first: Path
    second: Path
    offset: Offset | None = None  # None: derived from containers or file names


@dataclass(frozen=True, slots=True)
class PairingSettings:
    """Pairs of recordings, and what counts as off air."""

    pairs: tuple[RecordingPair, ...] = ()
    off: OffSettings = field(default_factory=OffSettings)

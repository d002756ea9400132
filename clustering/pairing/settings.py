"""Which footages are two recordings of one lesson, and when a recording counts as off the air."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clustering.pairing.on_air import OffSettings
from clustering.pairing.start_times import Offset


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

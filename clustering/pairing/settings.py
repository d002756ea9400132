"""Settings of pairs of recordings, and of what counts as off the air."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clustering.pairing.on_air import OffSettings
from clustering.pairing.start_times import Offset


@dataclass(frozen=True, slots=True)
class RecordingPair:
    """Two recordings of one lesson; both are footages of the command."""

    first: Path
    second: Path
    offset: Offset | None = None  # None: from containers or file names


@dataclass(frozen=True, slots=True)
class PairingSettings:
    """Pairs of recordings, and what counts as off the air."""

    pairs: tuple[RecordingPair, ...] = ()
    off: OffSettings = field(default_factory=OffSettings)

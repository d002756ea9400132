"""Command-line options for pairs of recordings of one lesson."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.command.parser import require_range
from data.core.errors import InputError
from data.storage.addresses import footage_path

if TYPE_CHECKING:
    from clustering.pairing.settings import PairingSettings, RecordingPair
    from clustering.pairing.start_times import Offset

PAIR, DISCONNECT, FROZEN = "--pair", "--disconnect", "--frozen"
_STARTS, _OFFSET = "--starts", "--offset"
_MAX_OFF_S = 3600
_MAX_OFFSET_S = 10 * 366 * 86_400  # clocks may never have been set


class _InOrder(argparse.Action):
    """Collect options in order, because an option applies to the pair before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        collected = [*getattr(namespace, self.dest), (self.option_strings[0], values)]
        setattr(namespace, self.dest, collected)


def add_pair_options(parser: argparse.ArgumentParser) -> None:
    """Add the group of pair options."""
    group = parser.add_argument_group(
        "lessons recorded by two cameras", "only the time that both recordings share is analysed"
    )
    collected: dict[str, Any] = {"action": _InOrder, "dest": "pairs", "default": []}
    add = group.add_argument
    files = ("FIRST", "SECOND")
    add(
        PAIR,
        nargs=2,
        type=footage_path,
        metavar=files,
        help="two recordings of one lesson; repeatable",
        **collected,
    )
    add(
        _STARTS,
        nargs=2,
        metavar=("TIME", "TIME"),
        help="when the recordings of the preceding pair began, such as 10:30:00 10:31:12 "
        "(default: read from the files or their names)",
        **collected,
    )
    add(
        _OFFSET,
        type=float,
        metavar="SECONDS",
        help="instead of --starts: how much later the second recording began; negative if earlier",
        **collected,
    )
    add(
        DISCONNECT,
        type=float,
        metavar="SECONDS",
        help="how long frames must be missing or black to count as a disconnect (default: 5)",
    )
    add(
        FROZEN,
        type=float,
        metavar="SECONDS",
        help="how long the picture must be frozen to count as a disconnect (default: never)",
    )


def pairing_of(parsed: argparse.Namespace) -> PairingSettings:
    """Return the settings from the pair options.

    Raises:
        InputError: an option is out of range, or there is no pair for it.
    """
    from clustering.pairing.on_air import SHORTEST_OFF_S, OffSettings
    from clustering.pairing.settings import PairingSettings

    for option, value in ((DISCONNECT, parsed.disconnect), (FROZEN, parsed.frozen)):
        require_range(option, value, low=0.5, high=_MAX_OFF_S, unit=" seconds")
        if value is not None and not parsed.pairs:
            raise InputError(f"{option}: there is no pair; give two recordings with --pair")
    shortest_s = SHORTEST_OFF_S if parsed.disconnect is None else parsed.disconnect
    pairs = _pairs(parsed.pairs)
    _require_once([path for pair in pairs for path in (pair.first, pair.second)])
    return PairingSettings(pairs, OffSettings(shortest_s, parsed.frozen))


def with_pairs(
    named: Sequence[Path], footages: Sequence[Path], pairing: PairingSettings
) -> list[Path]:
    """Return ``named`` plus the paired recordings that are not among ``footages``."""
    from data.project.project import absolute

    known = {absolute(path) for path in footages}
    paired = [path for pair in pairing.pairs for path in (pair.first, pair.second)]
    return [*named, *(path for path in paired if absolute(path) not in known)]


def _pairs(collected: Sequence[tuple[str, Any]]) -> tuple[RecordingPair, ...]:
    from clustering.pairing.settings import RecordingPair

    pairs: list[RecordingPair] = []
    for option, value in collected:
        if option == PAIR:
            pairs.append(RecordingPair(*value))
            continue
        if not pairs:
            raise InputError(f"{option}: no pair before it; give two recordings with --pair first")
        if pairs[-1].offset is not None:
            raise InputError(
                f"{option}: the pair before it already has start times; give them once"
            )
        pairs[-1] = RecordingPair(pairs[-1].first, pairs[-1].second, _offset(option, value))
    return tuple(pairs)


def _require_once(paths: Sequence[Path]) -> None:
    from data.project.project import absolute

    seen = set()
    for path in paths:
        if absolute(path) in seen:
            raise InputError(f"{PAIR} {path}: named twice; a recording can be in one pair only")
        seen.add(absolute(path))


def _offset(option: str, value: Any) -> Offset:
    from clustering.pairing.start_times import OFFSET, Offset, offset_of_starts

    if option == _STARTS:
        return offset_of_starts(*value)
    require_range(_OFFSET, value, low=-_MAX_OFFSET_S, high=_MAX_OFFSET_S, unit=" seconds")
    return Offset(value, OFFSET)

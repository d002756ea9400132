"""Options that say which footages are two recordings of one lesson, for every command with them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.command.command import require_range
from data.core.errors import InputError
from data.storage.addresses import footage_place

if TYPE_CHECKING:
    from clustering.pairing.settings import PairingSettings, RecordingPair
    from clustering.pairing.start_times import Offset

PAIR, DISCONNECT, FROZEN = "--pair", "--disconnect", "--frozen"
_STARTS, _OFFSET = "--starts", "--offset"
_MAX_OFF_S = 3600
_MAX_OFFSET_S = 10 * 366 * 86_400  # clocks that were never set


class _InOrder(argparse.Action):
    """Notes options one after the other: those that follow a pair are about it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        noted = [*getattr(namespace, self.dest), (self.option_strings[0], values)]
        setattr(namespace, self.dest, noted)


def add_pair_options(parser: argparse.ArgumentParser) -> None:
    """Add the group of options about pairs."""
    group = parser.add_argument_group(
        "lessons recorded by two cameras", "only what both have in common is looked at"
    )
    noted: dict[str, Any] = {"action": _InOrder, "dest": "pairs", "default": []}
    add = group.add_argument
    files = ("FIRST", "SECOND")
    add(
        PAIR, nargs=2, type=footage_place, metavar=files, help="two recordings; repeatable", **noted
    )
    add(
        _STARTS,
        nargs=2,
        metavar=("TIME", "TIME"),
        help="when those of the pair before were begun, such as 10:30:00 10:31:12 "
        "(default: as their containers say, or their names)",
        **noted,
    )
    add(
        _OFFSET,
        type=float,
        metavar="SECONDS",
        help="or how much later the second was begun; below 0 earlier",
        **noted,
    )
    add(
        DISCONNECT,
        type=float,
        metavar="SECONDS",
        help="so long without pictures, or black, is a disconnect (default: 5)",
    )
    add(
        FROZEN,
        type=float,
        metavar="SECONDS",
        help="so long with one still picture is one too (default: never)",
    )


def pairing_of(parsed: argparse.Namespace) -> PairingSettings:
    """Return what was said about pairs.

    Raises:
        InputError: it makes no sense.
    """
    from clustering.pairing.on_air import SHORTEST_OFF_S, OffSettings
    from clustering.pairing.settings import PairingSettings

    for option, value in ((DISCONNECT, parsed.disconnect), (FROZEN, parsed.frozen)):
        require_range(option, value, low=0.5, high=_MAX_OFF_S, unit=" seconds")
        if value is not None and not parsed.pairs:
            raise InputError(f"{option}: nothing is paired; name two recordings by --pair")
    shortest_s = SHORTEST_OFF_S if parsed.disconnect is None else parsed.disconnect
    pairs = _pairs(parsed.pairs)
    _require_once([path for pair in pairs for path in (pair.first, pair.second)])
    return PairingSettings(pairs, OffSettings(shortest_s, parsed.frozen))


def with_pairs(
    named: Sequence[Path], given: Sequence[Path], pairing: PairingSettings
) -> list[Path]:
    """Return ``named`` and the paired recordings that are not among ``given``."""
    from data.project.project import absolute

    known = {absolute(path) for path in given}
    paired = [path for pair in pairing.pairs for path in (pair.first, pair.second)]
    return [*named, *(path for path in paired if absolute(path) not in known)]


def _pairs(noted: Sequence[tuple[str, Any]]) -> tuple[RecordingPair, ...]:
    from clustering.pairing.settings import RecordingPair

    pairs: list[RecordingPair] = []
    for option, value in noted:
        if option == PAIR:
            pairs.append(RecordingPair(*value))
            continue
        if not pairs:
            raise InputError(f"{option}: no pair before it; name two recordings by --pair first")
        if pairs[-1].offset is not None:
            raise InputError(f"{option}: the pair before it has its times already; say them once")
        pairs[-1] = RecordingPair(pairs[-1].first, pairs[-1].second, _offset(option, value))
    return tuple(pairs)


def _require_once(paths: Sequence[Path]) -> None:
    from data.project.project import absolute

    seen = set()
    for path in paths:
        if absolute(path) in seen:
            raise InputError(f"{PAIR} {path}: named twice; a recording is paired with one other")
        seen.add(absolute(path))


def _offset(option: str, value: Any) -> Offset:
    from clustering.pairing.start_times import OFFSET, Offset, offset_of_starts

    if option == _STARTS:
        return offset_of_starts(*value)
    require_range(_OFFSET, value, low=-_MAX_OFFSET_S, high=_MAX_OFFSET_S, unit=" seconds")
    return Offset(value, OFFSET)

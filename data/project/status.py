"""Status of a stage's outputs: done, stale, missing or optional."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

StatusName = Literal["done", "stale", "missing", "optional"]
"""``optional`` is missing, but nothing needs it."""
OTHER_OPTIONS: Final = "made with other options"
"""Reason for an output that a run with the chosen options would make again."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Status of one output of a stage.

    Raises:
        ValueError: the output is neither done nor has a reason.
    """

    output: str  # faces, people, tracker, tracks, videos or smile GIFs
    footage: str  # name; empty for the whole project
    state: StatusName = "done"
    reason: str = ""  # may be empty if done
    command: tuple[str, ...] = ()  # updates the output; empty if done, or if there is none

    def __post_init__(self) -> None:
        if self.state != "done" and not self.reason:
            raise ValueError(f"reason must not be empty if the state is {self.state}")


def next_command(statuses: Iterable[StageStatus]) -> tuple[str, ...]:
    """Return the command to run next; empty if there is none."""
    return next((s.command for s in statuses if is_due(s) and s.command), ())


def is_due(status: StageStatus) -> bool:
    """Return whether an output is stale or missing, and needed."""
    return status.state in ("stale", "missing")

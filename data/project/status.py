"""Status of a stage's outputs: done, stale or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StatusName = Literal["done", "stale", "missing"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Status of one output of a stage.

    Raises:
        ValueError: the output is not done and has no reason.
    """

    output: str  # faces, people, tracker, tracks, videos or smile GIFs
    footage: str  # name; empty for the whole project
    state: StatusName = "done"
    reason: str = ""  # may be empty if done
    command: tuple[str, ...] = ()  # updates the output; empty if done, or if there is none

    def __post_init__(self) -> None:
        if self.state != "done" and not self.reason:
            raise ValueError(f"reason must not be empty if the state is {self.state}")

"""Status of a stage's outputs: done, stale or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StatusName = Literal["done", "stale", "missing"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Status of one output of a stage.

    Raises:
        ValueError: it is not done and gives no reason.
    """

    what: str  # faces, people, tracker, tracks, videos or smile GIFs
    footage: str  # by name; empty: the whole project
    state: StatusName = "done"
    why: str = ""  # may be empty where it is done
    command: tuple[str, ...] = ()  # that makes it again; empty if done or none can

    def __post_init__(self) -> None:
        if self.state != "done" and not self.why:
            raise ValueError(f"why must tell why it is {self.state}, got nothing")

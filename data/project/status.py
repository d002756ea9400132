"""How what the stages make stands: done, out of date, or missing. Each stage says so of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StatusName = Literal["done", "stale", "missing"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How one thing stands that a stage makes.

    Raises:
        ValueError: it is not done, and nothing says why.
    """

    what: str  # faces, people, tracker, tracks, videos or smile GIFs
    footage: str  # its name in the project; empty: of the whole project
    state: StatusName = "done"
    why: str = ""  # may be empty where it is done
    command: tuple[str, ...] = ()  # brings it up to date; empty where it is done or none can

    def __post_init__(self) -> None:
        if self.state != "done" and not self.why:
            raise ValueError(f"why must tell why it is {self.state}, got nothing")

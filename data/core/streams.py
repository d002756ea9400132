"""Choice of a file's video and sound stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StreamChoice:
    """Streams that the user chose, counted from 1 among the file's streams of their kind.

    None leaves the choice to the file: the stream flagged as default, else the first.
    """

    video: int | None = None
    audio: int | None = None

    def __bool__(self) -> bool:
        """Return whether the user chose any stream."""
        return self.video is not None or self.audio is not None

    def or_else(self, other: StreamChoice) -> StreamChoice:
        """Return these streams, with those of ``other`` where none is chosen."""
        video = other.video if self.video is None else self.video
        return StreamChoice(video, other.audio if self.audio is None else self.audio)


DEFAULT_STREAMS: Final = StreamChoice()

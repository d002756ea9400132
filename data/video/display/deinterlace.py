"""Deinterlace frames with bwdif; each depends on itself and its two neighbours only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from data.video.display.form import FieldOrder
from data.video.display.graph import FilterGraph, properties
from data.video.frames import Damage, DecodedFrame

if TYPE_CHECKING:
    from av import VideoFrame

Candidate = tuple[DecodedFrame, bool]
"""A decoded frame, and whether it is selected; the others are only neighbours."""

_OPTIONS: Final[dict[FieldOrder, dict[str, str]]] = {
    "flagged": {"mode": "send_frame", "parity": "auto", "deint": "interlaced"},
    "top": {"mode": "send_frame", "parity": "tff", "deint": "all"},
    "bottom": {"mode": "send_frame", "parity": "bff", "deint": "all"},
}


def with_neighbours(selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add the frame before and after each of the ``selected`` ones, ``(n,)``."""
    widened = selected.copy()
    widened[1:] |= selected[:-1]
    widened[:-1] |= selected[1:]
    return widened


def deinterlaced(
    frames: Iterable[Candidate], fields: FieldOrder, *, threads: int, damage: Damage
) -> Iterator[DecodedFrame]:
    """Deinterlace the selected frames; their number and times stay.

    Args:
        frames: frames in order, with the neighbours of the selected ones.
        fields: interlacing, not progressive.
        threads: of the filter; 0 for one per core.
        damage: incremented by the number of frames that cannot be deinterlaced.
    """
    graph = _Deinterlacer(fields, threads, damage)
    needed: list[bool] = []
    window: list[Candidate] = []
    for candidate in frames:
        window, needed = [*window, candidate], [*needed, candidate[1]]
        if len(window) > 1:
            yield from _push(graph, window[-2], is_needed=any(needed))
            window, needed = window[-1:], needed[-2:]
    if window:
        yield from _push(graph, window[-1], is_needed=any(needed))
    yield from graph.finish()


def _push(graph: _Deinterlacer, candidate: Candidate, *, is_needed: bool) -> Iterator[DecodedFrame]:
    return graph.push(candidate) if is_needed else iter(())


class _Deinterlacer:
    """Graph of the current run of consecutive frames; it starts again after a gap."""

    def __init__(self, fields: FieldOrder, threads: int, damage: Damage) -> None:
        self._filter, self._threads = ("bwdif", _OPTIONS[fields]), threads
        self._damage = damage
        self._graph: FilterGraph | None = None
        self._properties: object = None
        self._pending: deque[Candidate] = deque()
        self._next = 0  # index that continues the run

    def push(self, candidate: Candidate) -> Iterator[DecodedFrame]:
        """Send a frame; yield the selected frames that are ready."""
        frame = candidate[0]
        if frame.index != self._next or properties(frame.picture) != self._properties:
            yield from self.finish()
        self._properties, self._next = properties(frame.picture), frame.index + 1
        self._pending.append(candidate)
        yield from self._selected(candidate)

    def finish(self) -> Iterator[DecodedFrame]:
        """End the run; yield the selected frames that were waiting for a neighbour."""
        if self._graph is not None:
            yield from self._selected(None)
            self._graph = None
        self._pending.clear()

    def _selected(self, candidate: Candidate | None) -> Iterator[DecodedFrame]:
        for picture in self._filtered(None if candidate is None else candidate[0].picture):
            frame, is_selected = self._pending.popleft()
            if is_selected:
                yield replace(frame, picture=picture)

    def _filtered(self, picture: VideoFrame | None) -> list[VideoFrame]:
        import av

        try:
            if self._graph is None and picture is not None:
                self._graph = FilterGraph(picture, [self._filter], threads=self._threads)
            return [] if self._graph is None else self._graph.push(picture)
        except av.FFmpegError:
            self._damage.frames += sum(is_selected for _, is_selected in self._pending)
            self._graph = None
            self._pending.clear()
            return []

"""Deinterlace frames with bwdif; each depends on itself and its two neighbours only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.video.display.form import FieldOrder
from data.video.display.graph import FilterGraph, properties
from data.video.frames import DecodedFrame

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
    frames: Iterable[Candidate], fields: FieldOrder, *, threads: int
) -> Iterator[DecodedFrame]:
    """Deinterlace the selected frames; their number and times stay.

    Args:
        frames: frames in order, with the neighbours of the selected ones.
        fields: interlacing, not progressive.
        threads: of the filter; 0 for one per core.
    """
    graph = _Deinterlacer(fields, threads)
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

    def __init__(self, fields: FieldOrder, threads: int) -> None:
        self._filter, self._threads = ("bwdif", _OPTIONS[fields]), threads
        self._graph: FilterGraph | None = None
        self._properties: object = None
        self._pending: deque[Candidate] = deque()
        self._next = 0  # index that continues the run

    def push(self, candidate: Candidate) -> Iterator[DecodedFrame]:
        """Send a frame; yield the selected frames that are ready."""
        frame = candidate[0]
        if frame.index != self._next or properties(frame.picture) != self._properties:
            yield from self.finish()
        if self._graph is None:
            self._graph = FilterGraph(frame.picture, [self._filter], threads=self._threads)
            self._properties = properties(frame.picture)
        self._pending.append(candidate)
        self._next = frame.index + 1
        yield from self._selected(self._graph, candidate)

    def finish(self) -> Iterator[DecodedFrame]:
        """End the run; yield the selected frames that were waiting for a neighbour."""
        if self._graph is not None:
            yield from self._selected(self._graph, None)
            self._graph = None

    def _selected(self, graph: FilterGraph, candidate: Candidate | None) -> Iterator[DecodedFrame]:
        for picture in graph.push(candidate[0].picture if candidate else None):
            frame, is_selected = self._pending.popleft()
            if is_selected:
                yield replace(frame, picture=picture)

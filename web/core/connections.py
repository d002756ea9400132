"""Connections of the server: deadlines for requests, and a limit on their number.

uvicorn waits for the rest of a request forever, and accepts connections until the process can open
no more files.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from operator import itemgetter
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS: Final = 512
HEADERS_S: Final = 10.0
"""Time from the connection, or the end of the response before, to the end of the headers, s."""
BODY_S: Final = 60.0
"""Time from the end of the headers to the end of the body, s."""
STALLED_S: Final = 10.0
"""Time after which a client that accepts no data may lose its connection to a new one, s."""

_OTHER_FILES: Final = 256  # database, pictures, libraries, connections that are being accepted
_FILES_EACH: Final = 2  # the connection, and the video that it sends


class LimitedConnection(H11Protocol):
    """Connection of one client: closed if a request does not arrive in time, or to make room.

    If there are too many, new ones replace those that have waited longest for a request, of the
    address that has the most; if none waits, those that have accepted no data for longest.
    """

    _deadline: asyncio.TimerHandle | None = None
    _awaited: Any = None  # part of the request that has not arrived: h11.IDLE or h11.SEND_BODY
    _since_s = 0.0  # time at which waiting for this part started
    _stalled_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request; close another connection if there are too many."""
        has_room = self._make_room()
        super().connection_made(transport)
        if has_room:
            self._watch()
        else:
            self._drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle a part of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def shutdown(self) -> None:
        """Close the connection, after the response if one is being sent."""
        super().shutdown()
        if self._awaited is not None:
            self._drop()

    def pause_writing(self) -> None:
        """Note that the client accepts no data."""
        self._stalled_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client accepts data again."""
        self._stalled_since_s = None
        super().resume_writing()

    def _watch(self) -> None:
        """Set the deadline for the part of the request that has not arrived yet."""
        state = self.conn.their_state
        awaited = state if state in (h11.IDLE, h11.SEND_BODY) else None
        if awaited is self._awaited or self.transport.is_closing():
            return
        self._stop_deadline()
        self._awaited, self._since_s = awaited, self.loop.time()
        if awaited is not None:
            wait_s = HEADERS_S if awaited is h11.IDLE else BODY_S
            self._deadline = self.loop.call_later(wait_s, self._drop)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        self.connections.discard(self)
        self.transport.abort()

    def _make_room(self) -> bool:
        """Close connections if there is no room for one more; return whether there is."""
        most = max_connections()
        if len(self.connections) >= most:
            # Several, because each search looks at all of them.
            for dispensable in self._dispensable(count=1 + most // 16):
                dispensable._drop()
        return len(self.connections) < most

    def _dispensable(self, count: int) -> list[LimitedConnection]:
        others = [other for other in self.connections if isinstance(other, LimitedConnection)]
        waiting = [other for other in others if other._awaited is not None]
        if waiting:
            counts = Counter(other._address for other in waiting)
            waiting.sort(key=lambda other: (-counts[other._address], other._since_s))
            return waiting[:count]
        stalled = [(other._stalled_since_s, other) for other in others if other._is_stalled()]
        return [other for _, other in sorted(stalled, key=itemgetter(0))[:count]]

    def _is_stalled(self) -> bool:
        since_s = self._stalled_since_s
        return since_s is not None and self.loop.time() - since_s >= STALLED_S

    @property
    def _address(self) -> str:
        return self.client[0] if self.client is not None else ""


def max_connections() -> int:
    """Return the largest number of connections, which leaves files for everything else."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(files - _OTHER_FILES, files // 4) // _FILES_EACH)

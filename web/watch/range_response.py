"""File response that limits the byte ranges of media players."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from anyio import Semaphore
from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

_ONE_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


async def _hold_reader_slot(request: Request) -> AsyncIterator[None]:
    async with request.app.state.readers:
        yield


ONE_OF_THE_READERS: Final = Depends(_hold_reader_slot, scope="function")
"""Dependency of handlers that find a media file: many requests for videos delay no others."""


class RangeResponse(FileResponse):
    """File response that sends a media player at most `max_range_bytes` per request.

    Chromium's player requests an open-ended range, reads as far as it needs, and keeps the request
    open until it needs more. It opens at most six connections to a server, so a seventh video would
    never start. At the end of a limited range the player sends the next request, and other videos
    can use the connection in between. Other clients get the full range that they request.

    Source: RFC 9110, 14.2 and 15.3.7: a server may send less than the requested range.
    """

    # Every read is a call in a thread: larger reads need fewer of them.
    chunk_size = 256 * 1024
    max_range_bytes = 1024 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request; hold a reader slot only while reading the file."""
        slot = _ReaderSlot(scope["app"].state.readers)

        async def send_without_slot(message: Message) -> None:
            slot.release()  # a player may accept data slowly
            await send(message)
            await slot.acquire()

        await slot.acquire()
        try:
            await super().__call__(
                _limit_range(scope, self.max_range_bytes), receive, send_without_slot
            )
        finally:
            slot.release()


class _ReaderSlot:
    """One of a limited number of permits to read a file."""

    def __init__(self, readers: Semaphore) -> None:
        self._readers = readers
        self._held = False

    async def acquire(self) -> None:
        await self._readers.acquire()
        self._held = True

    def release(self) -> None:
        # A request that is cancelled while sending does not hold the slot.
        if self._held:
            self._held = False
            self._readers.release()


def _limit_range(scope: Scope, max_bytes: int) -> Scope:
    """Return the scope with the range of a player's request shortened to ``max_bytes``."""
    headers = Headers(scope=scope)
    requested = _ONE_RANGE.fullmatch(headers.get("range", ""))
    if not requested or not _is_player(headers):
        return scope
    start, end = int(requested[1]), int(requested[1]) + max_bytes - 1
    end = min(end, int(requested[2])) if requested[2] else end
    limited = MutableHeaders(raw=list(scope["headers"]))
    limited["range"] = f"bytes={start}-{end}"
    return {**scope, "headers": limited.raw}


def _is_player(headers: Headers) -> bool:
    if headers.get("sec-fetch-dest") in {"video", "audio"}:
        return True
    # Browsers send sec-fetch-dest only to localhost and over TLS. Otherwise Chromium's player is
    # recognised by its accept-encoding.
    return headers.get("accept-encoding", "").startswith("identity;q=1")

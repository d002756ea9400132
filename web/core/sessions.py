"""Browsers that are logged in: a random token each, in a cookie and in memory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from web.core.settings import ServerSettings

SESSION_S: Final = 14 * 24 * 60 * 60
"""Seconds after which a browser must log in again."""

_MAX_SESSIONS: Final = 1000
_TOKEN_BYTES: Final = 32


class Sessions:
    """Sessions of one server; they end when the browser logs out or the server stops.

    Args:
        settings: settings with the port: browsers send the cookies of all servers of a host to
            each of them, so that the name of the cookie contains the port.
        clock: monotonic clock, s.
    """

    def __init__(
        self, settings: ServerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cookie = f"fancam-{settings.port}"
        self._clock = clock
        self._started_s: dict[str, float] = {}  # by token, oldest first

    def is_open(self, request: Request) -> bool:
        """Return whether the browser is logged in."""
        started_s = self._started_s.get(request.cookies.get(self._cookie, ""))
        return started_s is not None and self._clock() - started_s < SESSION_S

    def open(self, request: Request, response: Response) -> None:
        """Log the browser in."""
        while len(self._started_s) >= _MAX_SESSIONS:
            del self._started_s[next(iter(self._started_s))]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._started_s[token] = self._clock()
        self._set_cookie(request, response, token, SESSION_S)

    def close(self, request: Request, response: Response) -> None:
        """Log the browser out; its cookie is invalid from now on."""
        self._started_s.pop(request.cookies.get(self._cookie, ""), None)
        self._set_cookie(request, response, "", 0)

    def _set_cookie(self, request: Request, response: Response, value: str, age_s: int) -> None:
        # Behind a proxy that ends HTTPS, only the page's origin tells that the browser uses it.
        schemes = {request.url.scheme, urlsplit(request.headers.get("origin", "")).scheme}
        secure = "https" in schemes
        response.set_cookie(
            self._cookie, value, max_age=age_s, httponly=True, samesite="lax", secure=secure
        )

"""Middleware that refuses requests from other sites and requests without a login.

A page of another site can make a browser send requests to this server, and an attacker can make
their own domain resolve to 127.0.0.1 (DNS rebinding). Therefore the Host header must name this
server, writes must come from its own pages (Origin header), and no page may be framed or embedded.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.core.error_responses import error_response
from web.core.errors import RefusedError
from web.core.security_headers import SECURITY_HEADERS
from web.core.settings import LOOPBACK, ServerSettings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN_PATH: Final = "/login"
STATIC_PATH: Final = "/static/"

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # listen on all interfaces of this machine
_BODY_TYPES: Final = frozenset({"application/json", "text/csv"})
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


class Guard:
    """ASGI middleware: check host, origin, size and login; add `SECURITY_HEADERS` to responses.

    Must run inside the session middleware: it reads ``scope["session"]``.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        self._names = _own_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            # The application refuses WebSockets itself.
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            self._check(request)
        except RefusedError as refusal:
            await self._refuse(request, refusal)(scope, receive, _with_headers(send))
            return
        counted = _LimitedBody(receive, self._settings.max_body_bytes)
        await self._app(scope, counted, _with_headers(send))

    def _check(self, request: Request) -> None:
        headers = request.headers
        if not self._is_own_host(headers):
            raise RefusedError(400, "unknown host name; use the address that serve-people printed")
        if request.method not in SAFE_METHODS:
            _check_write(headers, request.url.path)
            _check_length(headers, self._settings.max_body_bytes)
        elif headers.get("sec-fetch-site") == "cross-site" and not _is_visit(headers):
            raise RefusedError(403, "requests from other sites are refused")
        if not self._may_enter(request):
            raise RefusedError(401, "log in first")

    def _is_own_host(self, headers: Headers) -> bool:
        if len(headers.getlist("host")) != 1:
            return False
        name = _host_name(headers["host"])
        if name in self._names:
            return True
        # Unlike a name, an IP address is not affected by DNS rebinding.
        return bool(_WILDCARDS & self._names) and _is_address(name)

    def _may_enter(self, request: Request) -> bool:
        path = request.url.path
        if self._settings.password is None or path == LOGIN_PATH or path.startswith(STATIC_PATH):
            return True
        return bool(request.session.get("entered"))

    def _refuse(self, request: Request, refusal: RefusedError) -> ASGIApp:
        if (
            refusal.status_code == 401
            and request.method in SAFE_METHODS
            and _is_visit(request.headers)
        ):
            from starlette.responses import RedirectResponse

            return RedirectResponse(LOGIN_PATH, 303)
        return error_response(request, refusal.status_code, refusal.detail, refusal.headers)


def _own_names(settings: ServerSettings) -> frozenset[str]:
    host = settings.host
    names = LOOPBACK | {_host_name(f"[{host}]" if ":" in host else host)}
    names |= {_host_name(name) for name in settings.names}
    if host in _WILDCARDS:
        hostname = socket.gethostname().casefold()
        names |= {hostname, f"{hostname}.local"}
    return names - {""}


def _host_name(host: str) -> str:
    """Return the name in a Host header without the port; empty if malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises if it is not a number
    except ValueError:
        return ""
    # urlsplit also accepts "a@b" and "a/b".
    plain = not (parts.path or parts.query or parts.fragment or "@" in host)
    return (parts.hostname or "") if plain else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_visit(headers: Headers) -> bool:
    """Return whether the browser navigates to the URL, rather than a page embedding it."""
    mode = headers.get("sec-fetch-mode")
    if mode is None:  # older browsers do not send it
        return "text/html" in headers.get("accept", "")
    return mode == "navigate" and headers.get("sec-fetch-dest") in {"document", None}


def _check_write(headers: Headers, path: str) -> None:
    """Refuse a write unless it comes from a page of this server."""
    origin = urlsplit(headers.get("origin", ""))
    if origin.scheme not in {"http", "https"} or origin.netloc != headers["host"]:
        raise RefusedError(403, "writes are allowed from pages of this server only")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RefusedError(403, "writes are allowed from pages of this server only")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (_BODY_TYPES | ({_FORM_TYPE} if path == LOGIN_PATH else set())):
        raise RefusedError(415, "send application/json")


def _check_length(headers: Headers, max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RefusedError(400, "the content-length is not a number")
    if len(length) > 20 or int(length) > max_bytes:
        raise RefusedError(413, f"request too large; the limit is {max_bytes} bytes")


class _LimitedBody:
    """Forward a request's body; refuse it once it exceeds the limit.

    Chunked bodies do not declare their length.
    """

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._received = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._max_bytes:
            raise RefusedError(413, f"request too large; the limit is {self._max_bytes} bytes")
        return message


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending

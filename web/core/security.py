"""Who is answered at all: this machine's own pages, and who knows the password.

A page of any other site can make a browser send requests here, and a name that an attacker owns can
be made to point to 127.0.0.1 ("DNS rebinding"). So the Host must be one of ours, a request that
changes something must come from a page of ours (Origin), and nothing may be framed or embedded.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.core.error_answers import error_answer
from web.core.errors import RefusedError
from web.core.security_headers import SECURITY_HEADERS
from web.core.settings import LOOPBACK, Settings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN_PATH: Final = "/login"
STATIC_PATH: Final = "/static/"

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # every address of this machine
_BODY_TYPES: Final = frozenset({"application/json", "text/csv"})
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


class Guard:
    """Middleware that refuses what must not be answered, and adds `SECURITY_HEADERS` to the rest.

    Stands inside the sessions' middleware: it reads ``scope["session"]``.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._names = _own_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            # Nothing here speaks WebSocket; the application says so.
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            self._check(request)
        except RefusedError as refusal:
            await self._refuse(request, refusal)(scope, receive, _with_headers(send))
            return
        counted = _CountedBody(receive, self._settings.max_body_bytes)
        await self._app(scope, counted, _with_headers(send))

    def _check(self, request: Request) -> None:
        headers = request.headers
        if not self._is_own_host(headers):
            raise RefusedError(400, "not a name of this server; use the address that it printed")
        if request.method not in SAFE_METHODS:
            _check_write(headers, request.url.path)
            _check_length(headers, self._settings.max_body_bytes)
        elif headers.get("sec-fetch-site") == "cross-site" and not _is_visit(headers):
            raise RefusedError(403, "pages of other sites get nothing from here")
        if not self._may_enter(request):
            raise RefusedError(401, "log in first")

    def _is_own_host(self, headers: Headers) -> bool:
        if len(headers.getlist("host")) != 1:
            return False
        name = _host_name(headers["host"])
        if name in self._names:
            return True
        # An address cannot be made to point elsewhere, as a name can.
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
        return error_answer(request, refusal.status_code, refusal.detail, refusal.headers)


def _own_names(settings: Settings) -> frozenset[str]:
    host = settings.host
    names = LOOPBACK | {_host_name(f"[{host}]" if ":" in host else host)}
    names |= {_host_name(name) for name in settings.names}
    if host in _WILDCARDS:
        own = socket.gethostname().casefold()
        names |= {own, f"{own}.local"}
    return names - {""}


def _host_name(host: str) -> str:
    """The name in a Host header, without port; empty where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return ""
    # "a@b", "a/b": not a host, but urlsplit would find one in it.
    plain = not (parts.path or parts.query or parts.fragment or "@" in host)
    return (parts.hostname or "") if plain else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_visit(headers: Headers) -> bool:
    """Whether a person goes to the address, rather than a page embedding it."""
    mode = headers.get("sec-fetch-mode")
    if mode is None:  # an old browser
        return "text/html" in headers.get("accept", "")
    return mode == "navigate" and headers.get("sec-fetch-dest") in {"document", None}


def _check_write(headers: Headers, path: str) -> None:
    """Refuse a request that changes something unless it comes from a page of ours."""
    origin = urlsplit(headers.get("origin", ""))
    if origin.scheme not in {"http", "https"} or origin.netloc != headers["host"]:
        raise RefusedError(403, "only pages of this server may change anything")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RefusedError(403, "only pages of this server may change anything")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_BODY_TYPES | ({_FORM_TYPE} if path == LOGIN_PATH else set())):
        raise RefusedError(415, "send application/json")


def _check_length(headers: Headers, most: int) -> None:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RefusedError(400, "the length of the request is no number")
    if len(length) > 20 or int(length) > most:
        raise RefusedError(413, f"too large: at most {most} bytes")


class _CountedBody:
    """Hands on a request's body, and refuses it once it is larger than it may be.

    One that is sent in chunks does not say how long it will be.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise RefusedError(413, f"too large: at most {self._most} bytes")
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

"""Middleware that refuses requests from other sites and requests without a login.

A page of another site can make a browser send requests to this server, and an attacker can make
their own domain resolve to 127.0.0.1 (DNS rebinding). Therefore the Host header must name this
server, writes must come from its own pages (Origin header), and no page may be framed or embedded.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.core.error_responses import error_response
from web.core.errors import RefusedError
from web.core.security_headers import SECURITY_HEADERS
from web.core.sessions import Sessions
from web.core.settings import LOOPBACK, MAX_LOGIN_BYTES, ServerSettings
from web.core.static_files import STATIC_PATH

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOGIN_PATH: Final = "/login"
LOGOUT_PATH: Final = "/logout"
START_PATH: Final = "/"

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # listen on all interfaces of this machine
_BODY_TYPES: Final = frozenset({"application/json", "text/csv"})
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FORM_PATHS: Final = frozenset({LOGIN_PATH, LOGOUT_PATH})  # the rest is written by scripts
_OTHER_PAGE: Final = "changes can only be made from fancam's own pages; reload the page"


def own_path(address: str) -> str:
    r"""Return an address that a browser may be sent to: itself if of this server, else the start.

    Browsers read ``//evil.example`` and ``/\evil.example`` as another host, and drop tabs and line
    breaks from an address before they do.
    """
    return address if re.fullmatch(r"/([!-.0-\[\]-~][!-\[\]-~]*)?", address) else START_PATH


def login_address(request: Request) -> str:
    """Return the address of the login page that leads back to the requested page."""
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = own_path(quote(request.url.path) + query)
    return LOGIN_PATH if wanted == START_PATH else f"{LOGIN_PATH}?next={quote(wanted, safe='/')}"


class Guard:
    """ASGI middleware: check host, origin, size and login; add `SECURITY_HEADERS` to responses."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, sessions: Sessions) -> None:
        self._app = app
        self._settings = settings
        self._sessions = sessions
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
            # Before the application starts its work: a client may not send the rest of its body.
            body = await _read_body(receive, self._max_body_bytes(request))
        except RefusedError as refusal:
            await self._refuse(request, refusal)(scope, receive, _with_headers(send))
            return
        if body is not None:
            await self._app(scope, _first(body, receive), _with_headers(send))

    def _check(self, request: Request) -> None:
        headers = request.headers
        if not self._is_own_host(headers):
            raise RefusedError(400, "unknown host name; use the address that the terminal shows")
        if request.method not in SAFE_METHODS:
            _check_write(headers, request.url.path)
            _check_length(headers, self._max_body_bytes(request))
        elif headers.get("sec-fetch-site") == "cross-site" and not _is_visit(headers):
            raise RefusedError(403, "requests from other sites are refused")
        if not self._may_enter(request):
            raise RefusedError(401, "log in first")

    def _max_body_bytes(self, request: Request) -> int:
        most = self._settings.max_body_bytes
        return min(most, MAX_LOGIN_BYTES) if request.url.path in _FORM_PATHS else most

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
        if self._settings.password is None or path in _FORM_PATHS or path.startswith(STATIC_PATH):
            return True
        return self._sessions.is_open(request)

    def _refuse(self, request: Request, refusal: RefusedError) -> ASGIApp:
        if (
            refusal.status_code == 401
            and request.method in SAFE_METHODS
            and _is_visit(request.headers)
        ):
            from starlette.responses import RedirectResponse

            return RedirectResponse(login_address(request), 303)
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
        raise RefusedError(403, _OTHER_PAGE)
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RefusedError(403, _OTHER_PAGE)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (_BODY_TYPES | ({_FORM_TYPE} if path in _FORM_PATHS else set())):
        raise RefusedError(415, "send application/json")


def _check_length(headers: Headers, max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RefusedError(400, "the content-length is not a number")
    if len(length) > 20 or int(length) > max_bytes:
        raise RefusedError(413, f"request too large; the limit is {max_bytes} bytes")


async def _read_body(receive: Receive, max_bytes: int) -> Message | None:
    """Return the whole body as one message; None if the client disconnects before its end.

    Raises:
        RefusedError: the body exceeds the limit; a chunked one does not declare its length.
    """
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise RefusedError(413, f"request too large; the limit is {max_bytes} bytes")
        if not message.get("more_body", False):
            return {"type": "http.request", "body": body, "more_body": False}


def _first(message: Message, receive: Receive) -> Receive:
    """Return a ``receive`` that returns ``message``, and then what ``receive`` returns."""
    messages = [message]

    async def receiving() -> Message:
        return messages.pop() if messages else await receive()

    return receiving


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending

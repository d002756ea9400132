"""Login page, with a limit on wrong passwords by client address."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from data.core.counts import counted
from web.core.errors import RefusedError
from web.core.security import LOGIN_PATH, LOGOUT_PATH, START_PATH, own_path
from web.core.sessions import Sessions
from web.core.settings import ServerSettings
from web.core.templates import page

MAX_WRONG: Final = 5
"""Number of wrong passwords after which an address has to wait."""
FIRST_WAIT_S: Final = 15.0
"""First wait; each further wrong password doubles it."""
MAX_WAIT_S: Final = 15 * 60.0
FORGOTTEN_S: Final = 60 * 60.0
"""Time after which the wrong passwords of an address no longer count."""

_MAX_ADDRESSES: Final = 10_000
_IPV6_NETWORK_BITS: Final = 64  # one client may use all addresses of such a network

router = APIRouter(include_in_schema=False)


@dataclass(slots=True)
class _WrongPasswords:
    """Wrong passwords of one address."""

    count: int
    last_s: float

    @property
    def wait_s(self) -> float:
        """Wait after the last one, s."""
        doublings = self.count - MAX_WRONG
        return min(FIRST_WAIT_S * 2**doublings, MAX_WAIT_S) if doublings >= 0 else 0.0


class LoginGate:
    """Check passwords; an address with `MAX_WRONG` wrong ones waits, longer after each.

    Other addresses do not wait, so that nobody can lock out the others.

    Args:
        settings: settings with the password.
        clock: monotonic clock, s.
    """

    def __init__(
        self, settings: ServerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._password = (settings.password or "").encode()
        self._clock = clock
        self._wrong: dict[str, _WrongPasswords] = {}  # by client, the last wrong one at the end

    def check(self, address: str, password: str) -> bool:
        """Return whether the password is right; count a wrong one.

        Nothing is awaited between the test of the limit and the count, so that concurrent requests
        cannot pass the limit.

        Raises:
            RefusedError: the address has to wait; the password was not compared.
        """
        wait_s = self.wait_s(address)
        if wait_s > 0:
            seconds = int(wait_s) + 1
            message = f"too many wrong passwords; try again in {counted(seconds, 'second')}"
            raise RefusedError(429, message, {"retry-after": str(seconds)})
        right = hmac.compare_digest(password.encode(errors="replace"), self._password)
        before = self._wrong.pop(_client(address), None)
        if not right:
            count = before.count + 1 if before is not None else 1
            self._wrong[_client(address)] = _WrongPasswords(count, self._clock())
        return right

    def wait_s(self, address: str) -> float:
        """Return the seconds until ``address`` may try again; 0 if it may now."""
        self._forget()
        wrong = self._wrong.get(_client(address))
        return max(0.0, wrong.last_s + wrong.wait_s - self._clock()) if wrong is not None else 0.0

    def _forget(self) -> None:
        """Drop the oldest entries."""
        while self._wrong:
            oldest = next(iter(self._wrong))
            outdated = self._clock() - self._wrong[oldest].last_s >= FORGOTTEN_S
            if not outdated and len(self._wrong) <= _MAX_ADDRESSES:
                return
            del self._wrong[oldest]


def _client(address: str) -> str:
    """Return the address, or its network if one client may use all addresses of the network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))


@router.get(LOGIN_PATH)
def login_page(request: Request) -> Response:
    """Show the login page; it leads to the page ``next`` of this server."""
    wanted = own_path(request.query_params.get("next", START_PATH))
    if request.app.state.settings.password is None or _sessions(request).is_open(request):
        return RedirectResponse(wanted, 303)
    return page(request, "shared/login.html", wrong=False, wanted=wanted)


@router.post(LOGIN_PATH)
async def log_in(request: Request) -> Response:
    """Check the password and log the browser in."""
    form = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    wanted = own_path(form.get("next", [START_PATH])[0])
    if request.app.state.settings.password is None:
        return RedirectResponse(wanted, 303)
    gate: LoginGate = request.app.state.login_gate
    address = request.client.host if request.client else ""
    if not gate.check(address, form.get("password", [""])[0]):
        return page(request, "shared/login.html", status=401, wrong=True, wanted=wanted)
    response = RedirectResponse(wanted, 303)
    _sessions(request).open(request, response)
    return response


@router.post(LOGOUT_PATH)
async def log_out(request: Request) -> Response:
    """Log the browser out; lead to the login page."""
    response = RedirectResponse(LOGIN_PATH, 303)
    _sessions(request).close(request, response)
    return response


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions

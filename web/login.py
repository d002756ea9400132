"""The password: asked for once, and not too often."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from web.core.errors import RefusedError
from web.core.security import LOGIN_PATH
from web.core.settings import Settings
from web.core.templates import page

TRIES: Final = 5
"""Wrong passwords that one address may give within `WINDOW_S`."""
TRIES_OF_ALL: Final = 50
"""As many of all addresses together: who has many gets no further."""
WINDOW_S: Final = 60.0

router = APIRouter(include_in_schema=False)


class LoginGate:
    """Compares passwords, and stops counting on luck after `TRIES` wrong ones.

    Args:
        settings: with the password.
        clock: seconds that only rise.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._password = (settings.password or "").encode()
        self._clock = clock
        self._wrong: deque[tuple[float, str]] = deque()  # at most TRIES_OF_ALL, oldest first

    def wait_s(self, address: str) -> float:
        """Seconds until ``address`` may try again; 0 now."""
        now = self._clock()
        while self._wrong and now - self._wrong[0][0] >= WINDOW_S:
            self._wrong.popleft()
        own = [when for when, who in self._wrong if who == address]
        if len(self._wrong) >= TRIES_OF_ALL:
            return self._wrong[0][0] + WINDOW_S - now
        return own[-TRIES] + WINDOW_S - now if len(own) >= TRIES else 0.0

    def admits(self, address: str, password: str) -> bool:
        """Whether the password is right; a wrong one is counted."""
        right = hmac.compare_digest(password.encode(errors="replace"), self._password)
        if not right:
            self._wrong.append((self._clock(), address))
        return right


@router.get(LOGIN_PATH)
def login_page(request: Request) -> Response:
    """Ask for the password."""
    if request.app.state.settings.password is None or request.session.get("entered"):
        return RedirectResponse("/", 303)
    return page(request, "login.html", wrong=False)


@router.post(LOGIN_PATH)
async def log_in(request: Request) -> Response:
    """Let in who knows the password."""
    gate: LoginGate = request.app.state.login_gate
    address = request.client.host if request.client else ""
    wait_s = gate.wait_s(address)
    if wait_s > 0:
        seconds = str(int(wait_s) + 1)
        message = f"too many wrong passwords; try again in {seconds} seconds"
        raise RefusedError(429, message, {"retry-after": seconds})
    form = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    if request.app.state.settings.password is None:
        return RedirectResponse("/", 303)
    if not gate.admits(address, form.get("password", [""])[0]):
        return page(request, "login.html", status=401, wrong=True)
    request.session["entered"] = True
    return RedirectResponse("/", 303)


@router.post("/logout")
def log_out(request: Request) -> dict[str, bool]:
    """Forget that the password was given."""
    request.session.clear()
    return {"ok": True}

"""Login page, with a limit on wrong passwords."""

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
from web.core.settings import ServerSettings
from web.core.templates import page

MAX_WRONG: Final = 5
"""Maximum number of wrong passwords from one address within `WINDOW_S`."""
MAX_WRONG_TOTAL: Final = 50
"""Maximum number from all addresses together, to limit clients with many addresses."""
WINDOW_S: Final = 60.0

router = APIRouter(include_in_schema=False)


class LoginGate:
    """Check passwords; limit the attempts after `MAX_WRONG` wrong ones.

    Args:
        settings: settings with the password.
        clock: monotonic clock, s.
    """

    def __init__(
        self, settings: ServerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._password = (settings.password or "").encode()
        self._clock = clock
        self._wrong: deque[tuple[float, str]] = deque()  # (time, address), oldest first

    def wait_s(self, address: str) -> float:
        """Return the seconds until ``address`` may try again; 0 if it may now."""
        now = self._clock()
        while self._wrong and now - self._wrong[0][0] >= WINDOW_S:
            self._wrong.popleft()
        times = [time_s for time_s, source in self._wrong if source == address]
        if len(self._wrong) >= MAX_WRONG_TOTAL:
            return self._wrong[0][0] + WINDOW_S - now
        return times[-MAX_WRONG] + WINDOW_S - now if len(times) >= MAX_WRONG else 0.0

    def check(self, address: str, password: str) -> bool:
        """Return whether the password is right; count a wrong one."""
        right = hmac.compare_digest(password.encode(errors="replace"), self._password)
        if not right:
            self._wrong.append((self._clock(), address))
        return right


@router.get(LOGIN_PATH)
def login_page(request: Request) -> Response:
    """Show the login page."""
    if request.app.state.settings.password is None or request.session.get("entered"):
        return RedirectResponse("/", 303)
    return page(request, "shared/login.html", wrong=False)


@router.post(LOGIN_PATH)
async def log_in(request: Request) -> Response:
    """Check the password and log the browser in."""
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
    if not gate.check(address, form.get("password", [""])[0]):
        return page(request, "shared/login.html", status=401, wrong=True)
    request.session["entered"] = True
    return RedirectResponse("/", 303)


@router.post("/logout")
def log_out(request: Request) -> dict[str, bool]:
    """Log the browser out."""
    request.session.clear()
    return {"ok": True}

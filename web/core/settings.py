"""Settings of the server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from data.core.errors import InputError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_BODY_BYTES = 1024 * 1024
"""Maximum size of a request body: enough for thousands of decisions."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Host, port and password of the server.

    Raises:
        InputError: the server would be reachable from other machines without a password.
    """

    host: str = "127.0.0.1"
    port: int = 8000  # 0: any free port
    names: tuple[str, ...] = ()  # host names of a reverse proxy
    password: str | None = field(default=None, repr=False)
    max_body_bytes: int = MAX_BODY_BYTES
    # Regenerated on every start: browsers must log in again after a restart.
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def __post_init__(self) -> None:
        if self.password is not None and not self.password.strip():
            raise InputError("the password is empty; give one with --password or --password-file")
        if self.password is not None:
            return
        message = "others could watch and change everything; give --password-file as well"
        if self.host.casefold() not in LOOPBACK:
            raise InputError(f"--host {self.host}: {message}")
        if self.names:
            raise InputError(f"--name {self.names[0]}: {message}")

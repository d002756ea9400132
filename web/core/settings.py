"""Settings of the server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from data.core.errors import InputError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MAX_BODY_BYTES = 1024 * 1024
"""Maximum size of a request body: enough for thousands of decisions."""
MAX_LOGIN_BYTES = 16 * 1024
"""Maximum size of a login form: a request that needs no password."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Host, port and password of the server.

    Raises:
        InputError: the server would be reachable from other machines without a password, or a
            proxy is no IP address.
    """

    host: str = "127.0.0.1"
    port: int = 8000  # 0: any free port
    names: tuple[str, ...] = ()  # host names of a reverse proxy
    trusted_proxies: tuple[str, ...] = ()  # addresses or networks whose X-Forwarded-For is trusted
    password: str | None = field(default=None, repr=False)
    max_body_bytes: int = MAX_BODY_BYTES

    def __post_init__(self) -> None:
        if self.password is not None and not self.password.strip():
            raise InputError("the password is empty; give one with --password or --password-file")
        for proxy in self.trusted_proxies:
            _check_proxy(proxy)
        if self.password is not None:
            return
        message = "others could watch and change everything; give --password-file as well"
        if self.host.casefold() not in LOOPBACK:
            raise InputError(f"--host {self.host}: {message}")
        if self.names:
            raise InputError(f"--name {self.names[0]}: {message}")


def _check_proxy(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy)
    except ValueError as error:
        message = "give an IP address or a network, such as 127.0.0.1 or 172.17.0.0/16"
        raise InputError(f"--trusted-proxy {proxy}: {message}") from error

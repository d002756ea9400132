"""Record which hosts are looked up or connected to."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = {
    "socket.connect": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyaddr": 0,
    "socket.gethostbyname": 0,
    "socket.sendto": 1,
}
"""Audit events, each with the place of the address in its arguments."""
_RECORDS: list[list[str]] = []


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield a list of hosts other than this machine that any code of this process asks for."""
    if not getattr(sys, "_audited_by_tests", False):
        sys.addaudithook(_record)  # cannot be removed
        sys._audited_by_tests = True  # type: ignore[attr-defined]
    hosts: list[str] = []
    _RECORDS.append(hosts)
    try:
        yield hosts
    finally:
        _RECORDS.remove(hosts)


def _record(event: str, details: tuple[Any, ...]) -> None:
    if _RECORDS and event in _EVENTS:
        address = details[_EVENTS[event]]
        host = address[0] if isinstance(address, tuple) else address
        if not _is_local(host):
            for hosts in _RECORDS:
                hosts.append(str(host))


def _is_local(host: object) -> bool:
    if host is None or isinstance(host, bytes) or str(host).startswith("/"):
        return True  # any address of this machine, or a Unix socket
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return host == "localhost"

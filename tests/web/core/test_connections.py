"""Connections that send no whole request, or accept no data: closed in time, or to make room."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.posix import needs_signals
from tests.web.serving import Running, open_client, running
from web.core import connections
from web.core.connections import max_connections
from web.core.settings import ServerSettings

LIMIT = 16
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Unfinished: "


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Yield a stack that closes the connections of a test."""
    with ExitStack() as stack:
        yield stack


def connect(
    served: Running, opened: ExitStack, data: bytes, source: str = "127.0.0.1"
) -> socket.socket:
    """Open a connection and send ``data``."""
    address = ("127.0.0.1", served.port)
    client = socket.create_connection(address, timeout=10, source_address=(source, 0))
    opened.enter_context(client)
    client.sendall(data)
    return client


def is_closed(client: socket.socket, wait_s: float = 0.0) -> bool:
    """Return whether the server closes the connection within ``wait_s``, without a response."""
    client.settimeout(wait_s)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except (BlockingIOError, TimeoutError):
        return False


def login_head(served: Running) -> bytes:
    """Return the headers of a login whose body is still to come."""
    lines = [
        "POST /login HTTP/1.1",
        f"Host: 127.0.0.1:{served.port}",
        f"Origin: {served.address}",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 100",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_unfinished_requests_are_closed(
    crops_project: Path,
    opened: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    monkeypatch.setattr(connections, "BODY_S", 0.5)
    with running([crops_project], ServerSettings(password="correct horse")) as served:
        for data in (b"", HALF, login_head(served), login_head(served) + b"password="):
            assert is_closed(connect(served, opened, data), wait_s=10)
        second = connect(served, opened, b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        response = opened.enter_context(second.makefile("rb"))
        assert response.readline().startswith(b"HTTP/1.1 200")
        second.sendall(HALF)
        assert response.read().endswith(b"</html>")  # until the server closes the connection
    assert capfd.readouterr().err == ""


def test_a_request_in_small_pieces_has_the_same_time(
    crops_project: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    with running([crops_project]) as served:
        client = connect(served, opened, HALF)
        start = time.monotonic()
        while not is_closed(client, wait_s=0.05) and time.monotonic() < start + 10:
            client.sendall(b"x")
    assert time.monotonic() - start < 10


def test_a_slow_response_is_not_unfinished(
    crops_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)
    monkeypatch.setattr(connections, "BODY_S", 0.2)
    with running([crops_project]) as served:

        def slow() -> Response:
            time.sleep(1)
            return Response("done")

        served.app.get("/slow")(slow)
        with open_client(served) as ask:
            assert ask.get("/slow").text == "done"


def test_half_open_connections_make_room(
    crops_project: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", LIMIT)
    with running([crops_project], ServerSettings(password="correct horse")) as served:
        half = [
            connect(served, opened, data)
            for _ in range(LIMIT)
            for data in (b"", HALF, login_head(served))
        ]
        with open_client(served) as ask:
            assert ask.get("/login").status_code == 200
        closed = [is_closed(client, wait_s=0.02) for client in half]
    # The oldest are closed, and most of the room is used.
    assert closed[:LIMIT] == [True] * LIMIT
    assert LIMIT // 2 < closed.count(False) < LIMIT


def test_the_address_with_most_connections_makes_room(
    crops_project: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", LIMIT)
    with running([crops_project]) as served:
        try:
            other = connect(served, opened, HALF, source="127.0.0.2")
        except OSError:
            pytest.skip("this machine has only one address")
        for _ in range(3 * LIMIT):
            connect(served, opened, HALF)
        other.sendall(b"x\r\n\r\n")
        other.settimeout(10)
        assert other.recv(100).startswith(b"HTTP/1.1 200")


def test_stalled_readers_make_room(
    crops_project: Path, opened: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", LIMIT)
    monkeypatch.setattr(connections, "STALLED_S", 0.5)
    with running([crops_project]) as served:
        served.app.get("/large")(lambda: Response(b"x" * 16_000_000))
        request = b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for _ in range(LIMIT):
            # One byte of each response is read, so that it has started.
            assert connect(served, opened, request).recv(1) == b"H"
        time.sleep(1)
        with open_client(served) as ask:
            assert ask.get("/watch/film/1").status_code == 200


def test_malformed_requests_print_nothing(
    crops_project: Path, opened: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    with running([crops_project]) as served:
        for data in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 20 + b"\r\n\r\n"):
            client = connect(served, opened, data)
            assert client.recv(100).startswith(b"HTTP/1.1 400")
        upgrade = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        assert connect(served, opened, upgrade).recv(100).startswith(b"HTTP/1.1 200")
    assert capfd.readouterr().err == ""


@needs_signals
@pytest.mark.parametrize(("files", "most"), [(256, 32), (1024, 384), (65536, 512), (-1, 512)])
def test_connections_leave_files_for_everything_else(
    files: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    assert resource.RLIM_INFINITY == -1
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert max_connections() == most

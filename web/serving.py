"""Serve the application with uvicorn."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from data.command.interrupts import until_interrupt
from data.core.errors import InputError
from web.core.settings import ServerSettings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

_BACKLOG = 1024  # maximum number of pending connections
# Connections that the server accepts at once, before it closes others to make room.
_ACCEPT = 32
_SHUTDOWN_S = 2  # grace period for open responses; a video could stream for minutes


def serve(projects: Sequence[Path], settings: ServerSettings, *, open_page: bool = False) -> int:
    """Serve ``projects`` until Ctrl-C; return the exit code.

    Raises:
        InputError: no such project or address, or the port is taken.
    """
    with listening_server(projects, settings) as (server, listener):
        url = _url(settings.host, listener.getsockname()[1])
        # The socket already accepts connections; they wait until the server runs.
        print(f"serving at {url}   (press Ctrl-C to stop)", flush=True)  # noqa: T201
        if open_page:
            # In a thread, because the call blocks with some browsers until they are closed.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        with until_interrupt():
            server.run(sockets=[listener])
    return 0


@contextlib.contextmanager
def serve_in_background(projects: Sequence[Path], settings: ServerSettings) -> Iterator[str]:
    """Serve ``projects`` while the block runs; yield the URL.

    Raises:
        InputError: no such project or address, or the port is taken.
    """
    with listening_server(projects, settings) as (server, listener):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield _url(settings.host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def listening_server(
    projects: Sequence[Path], settings: ServerSettings
) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    """Yield a server of ``projects`` that is not started yet, and its listening socket.

    Raises:
        InputError: no such project or address, or the port is taken.
    """
    from web.app import create_app

    with listen(settings.host, settings.port) as listener:
        settings = dataclasses.replace(settings, port=listener.getsockname()[1])
        yield _server(create_app(projects, settings), settings), listener


def _server(app: FastAPI, settings: ServerSettings) -> uvicorn.Server:
    import uvicorn

    from web.core.connections import LimitedConnection

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            for listener in sockets or ():
                # asyncio reduces it to the number of connections that it accepts at once.
                listener.listen(_BACKLOG)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # A second Ctrl-C would cut off the shutdown, and log a traceback.
            if not self.should_exit:
                super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        http=LimitedConnection,
        # A warning for each malformed request would let any client fill the terminal.
        log_level="error",
        access_log=False,
        server_header=False,
        # Clients can forge these headers; a proxy replaces them or appends to them.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ws="none",
        backlog=_ACCEPT,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 selects any free port.

    Raises:
        InputError: the host is not this machine, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets created with IPPROTO_TCP; without it every small
    # response waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).partition(" (")[0].lower()
        message = f"cannot serve there ({reason}); try serve-people with another --port or --host"
        raise InputError(f"{host}:{port}: {message}") from error
    return listener


def _url(host: str, port: int) -> str:
    """Return the URL of the pages for a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"

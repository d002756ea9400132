"""A proxy that passes a server's answers on at a limited rate, shared by all connections.

Chromium's own throttling (`Network.emulateNetworkConditions`) does not limit videos.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK_BYTES = 8192


class Throttle:
    """A running proxy. The rate may be changed at any time."""

    def __init__(self, port: int, mbit_s: float, delay_s: float) -> None:
        self.mbit_s = mbit_s
        self.received_bytes = 0  # of the server's answers, by the client
        self.port = 0
        self._server_port, self._delay_s = port, delay_s
        self._free_at = 0.0  # time at which the line is free
        self._open: set[asyncio.StreamWriter] = set()
        self._served: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def run(self, started: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        while self._served:
            for writer in self._open:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve(reader, writer))
        self._served.add(serving)
        serving.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._open |= {writer, to_server}
            passing = [
                asyncio.ensure_future(self._requests(reader, to_server)),
                asyncio.ensure_future(self._answers(from_server, writer)),
            ]
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for each in passing:
                each.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            to_server.close()
            self._open -= {writer, to_server}
        writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(_CHUNK_BYTES):
            await asyncio.sleep(self._delay_s)
            writer.write(content)
            await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(_CHUNK_BYTES):
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + len(content) * 8 / (self.mbit_s * 1e6)
            await asyncio.sleep(self._free_at - now)
            self.received_bytes += len(content)
            writer.write(content)
            await writer.drain()


@contextmanager
def throttled(port: int, *, mbit_s: float, delay_s: float = 0.02) -> Iterator[Throttle]:
    """Pass the answers of a server of this machine on at a limited rate.

    Args:
        port: port of the server.
        mbit_s: megabits per second.
        delay_s: added to each request.
    """
    throttle, started, stop = Throttle(port, mbit_s, delay_s), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def serve() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(throttle.run(started, stop))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    started.wait(10)
    yield throttle
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)

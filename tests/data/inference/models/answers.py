"""A server on this machine in place of a package index: an answer for each path."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!DOCTYPE html><title>Log in</title><p>Log in to use this network.</p>"


@dataclass(frozen=True, slots=True)
class AnsweringServer:
    """A running server."""

    url: str
    asked: threading.Event = field(default_factory=threading.Event)  # set by the first request


@contextmanager
def answering(
    answers: dict[str, bytes], *, other: bytes | None = PAGE
) -> Iterator[AnsweringServer]:
    """Serve bytes by the end of a path.

    Args:
        answers: by the end of the path.
        other: the answer to all other paths; None never answers.
    """
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.set()
            content = next((answers[end] for end in answers if self.path.endswith(end)), other)
            if content is None:
                over.wait()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = AnsweringServer(f"http://127.0.0.1:{server.server_address[1]}/simple")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()

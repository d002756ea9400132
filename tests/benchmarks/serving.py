"""Many players at one server: errors, memory, and a reviewer's response times meanwhile.

Run it alone: `python -m tests.benchmarks.serving`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from data.project.project import Project
from data.tables.timeline_json import TIMELINE_FILE, FootageTimes, PersonTimes, timeline_json
from tests.targets import verdict
from tests.web.crowded_project import crowd_project

CLIENTS: Final = 50
SECONDS: Final = 30.0
QUICK_SECONDS: Final = 4.0
VIDEO_BYTES: Final = 6 * 2**20
RANGE_BYTES: Final = 2**20  # of one range request
PLAYER_MBIT_S: Final = 4.0
"""Rate of a 720p video."""
TARGET_P95_S: Final = 0.3
GROWTH_MB: Final = 30.0
"""Largest growth of memory during a run."""
_REVIEW_EVERY_S: Final = 0.1
_VIEWS: Final = {
    "all people": "",
    "a person": "/1/faces",
    "unknown faces": "/unknown/faces",
    "history": "/history",
}
_RENAME: Final = "renaming"
_MOVE: Final = "moving a face"


@dataclass(slots=True)
class Load:
    """Measurements of one run."""

    seconds: float
    answers: int = 0  # responses to players
    sent_mb: float = 0.0
    errors: list[str] = field(default_factory=list)
    review: list[tuple[str, float]] = field(default_factory=list)  # request, seconds
    memory_mb: list[float] = field(default_factory=list)  # memory of the server over time

    @property
    def grown_mb(self) -> float:
        """Return the growth from the second fifth of the run to the last, by medians."""
        part = max(len(self.memory_mb) // 5, 1)
        return float(np.median(self.memory_mb[-part:]) - np.median(self.memory_mb[part : 2 * part]))


def report(seconds: float = SECONDS, *, faces: int = 20_000) -> list[str]:
    """Measure players at playback rate, and at full speed."""
    lines = [f"Serving: {CLIENTS} players of different videos, one reviewer, {faces} faces"]
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder) / "concert.fancam", faces)
        for name, pace in ((f"at {PLAYER_MBIT_S:g} Mbit/s each", PLAYER_MBIT_S), ("full speed", 0)):
            with _served(project.folder) as (server, port):
                load = asyncio.run(_measure(server, port, seconds, pace))
            lines += _lines(name, load)
    return lines


def _lines(name: str, load: Load) -> list[str]:
    p50, p95 = np.percentile([seconds for _, seconds in load.review], [50, 95])
    first = f"; first: {load.errors[0]}" if load.errors else ""
    return [
        f"  {name}: {load.answers} answers, {load.sent_mb / load.seconds:.0f} MB/s",
        f"    errors: {len(load.errors)}{first} {verdict(not load.errors)}",
        f"    server's memory: at most {max(load.memory_mb):.0f} MB, grown by"
        f" {load.grown_mb:.1f} MB {verdict(load.grown_mb < GROWTH_MB)}",
        f"    review: {len(load.review)} answers, median {1000 * p50:.0f} ms, 95 % within"
        f" {1000 * p95:.0f} ms; target {1000 * TARGET_P95_S:.0f} ms {verdict(p95 < TARGET_P95_S)}",
        *_by_question(load),
    ]


def _by_question(load: Load) -> Iterator[str]:
    """Yield the response times of each kind of request."""
    for request in dict.fromkeys(request for request, _ in load.review):
        took_ms = [1000 * seconds for each, seconds in load.review if each == request]
        p50, p95 = np.percentile(took_ms, [50, 95])
        yield f"      {request:15} median {p50:4.0f} ms, 95 % within {p95:4.0f} ms"


# --- what is served -------------------------------------------------------------------------------


def _project(folder: Path, faces: int) -> Project:
    """Make a project to review, with a footage that has a file for each player."""
    project = crowd_project(folder, faces=faces, unknown=min(500, faces // 10))
    crops = project.crops_folder("concert")
    crops.mkdir(parents=True)
    random = np.random.default_rng(0)
    for person in range(1, CLIENTS + 1):
        (crops / f"{person}.mp4").write_bytes(random.bytes(VIDEO_BYTES))
    people = tuple(
        PersonTimes(
            person, f"Person {person}", f"{person}.mp4", (720, 1280), ((0, 60),), (), (), (), ()
        )
        for person in range(1, CLIENTS + 1)
    )
    times = FootageTimes("concert", 1500, 60.0, Fraction(25), (1920, 1080), people)
    (crops / TIMELINE_FILE).write_bytes(timeline_json(times))
    return project


@contextmanager
def _served(folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    command = [sys.executable, "-m", "web.cli", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r":(\d+)/", server.stdout.readline())
            assert address is not None
            yield psutil.Process(server.pid), int(address[1])
        finally:
            server.terminate()


# --- players and a reviewer -----------------------------------------------------------------------


async def _measure(server: psutil.Process, port: int, seconds: float, mbit_s: float) -> Load:
    load = Load(seconds)
    for path in _VIEWS.values():  # loads the tables
        await _once(port, _API + path)
    until = time.monotonic() + seconds
    players = (_play(load, port, person, until, mbit_s) for person in range(1, CLIENTS + 1))
    await asyncio.gather(_review(load, port, until), _weigh(load, server, until), *players)
    return load


_API: Final = "/api/projects/concert/people"


async def _play(load: Load, port: int, person: int, until: float, mbit_s: float) -> None:
    """Read one video in ranges, repeatedly, on one connection."""
    if mbit_s:  # players start at different moments
        await asyncio.sleep(RANGE_BYTES * 8 / 1e6 / mbit_s * person / CLIENTS)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.monotonic()
    read = 0
    while time.monotonic() < until:
        at = read % VIDEO_BYTES
        byte_range = f"bytes={at}-{min(at + RANGE_BYTES, VIDEO_BYTES) - 1}"
        try:
            path = f"/media/concert/1/people/{person}/video"
            status, length = await _ask(reader, writer, path, {"range": byte_range})
        except (OSError, asyncio.IncompleteReadError) as error:
            load.errors.append(repr(error))
            break
        if (status, length) != (206, min(RANGE_BYTES, VIDEO_BYTES - at)):
            load.errors.append(f"{status} with {length} bytes for {byte_range}")
        read += length
        load.answers += 1
        load.sent_mb += length / 1e6
        if mbit_s:
            ahead_s = read * 8 / 1e6 / mbit_s - (time.monotonic() - start)
            await asyncio.sleep(max(min(ahead_s, until - time.monotonic()), 0))
    writer.close()


async def _review(load: Load, port: int, until: float) -> None:
    """Request people, and sometimes rename one or move a face."""
    for turn, request in enumerate(itertools.cycle((*_VIEWS, _RENAME, *_VIEWS, _MOVE))):
        if time.monotonic() >= until:
            break
        path, body = _API + _VIEWS.get(request, "/decisions"), None
        if request not in _VIEWS:
            body = await _decision(port, request, turn)
        start = time.monotonic()
        status, _ = await _once(port, path, body)
        load.review.append((request, time.monotonic() - start))
        if status != 200:
            load.errors.append(f"{status} for the reviewer")
        await asyncio.sleep(_REVIEW_EVERY_S)


async def _decision(port: int, request: str, turn: int) -> dict[str, object]:
    """Return a decision: rename a person, or move their least certain face to another person."""
    shown = json.loads((await _once(port, _API + _VIEWS["a person"]))[1])
    if request == _RENAME:
        decision = {"kind": "rename", "person": 1, "name": f"Anna {turn}"}
    else:
        decision = {"kind": "move", "person": 2, "faces": shown["faces"][:1]}
    return {"seen": shown["revision"], **decision}


async def _weigh(load: Load, server: psutil.Process, until: float) -> None:
    while time.monotonic() < until:
        load.memory_mb.append(server.memory_info().rss / 2**20)
        await asyncio.sleep(0.2)


async def _once(port: int, path: str, body: object = None) -> tuple[int, bytes]:
    """Send one request on a new connection; return status and content."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    headers = {"connection": "close", "origin": f"http://127.0.0.1:{port}"}
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        headers |= {"content-type": "application/json", "content-length": str(len(content))}
    _send(writer, "POST" if content else "GET", path, headers, content)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    headers: dict[str, str],
) -> tuple[int, int]:
    """Send a request on an open connection, discard the content; return status and length."""
    _send(writer, "GET", path, headers, b"")
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    found = re.search(r"\r\ncontent-length: (\d+)", head)
    length = int(found[1]) if found else 0
    left = length
    while left:
        got = len(await reader.read(min(left, 2**16)))
        if not got:
            raise asyncio.IncompleteReadError(b"", left)
        left -= got
    return int(head.split(" ", 2)[1]), length


def _send(
    writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], content: bytes
) -> None:
    host = writer.get_extra_info("peername")
    lines = [f"{method} {path} HTTP/1.1", f"host: {host[0]}:{host[1]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content)


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.serving")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--faces", type=int, default=20_000)
    parsed = parser.parse_args()
    print("\n".join(report(parsed.seconds, faces=parsed.faces)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Addresses for tests: a local S3 server, in-memory stores, and simulated machines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Machine = Callable[[str], Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a function: ``machine("second")`` simulates another machine with its own cache.

    It returns the cache folder. The test starts on the first machine.
    """

    def become(name: str) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "machines" / name))
        return tmp_path / "machines" / name / "fancam"

    become("first")
    return become


@pytest.fixture
def memory() -> Iterator[str]:
    """Yield an empty address in this process's memory."""
    from fsspec.implementations.memory import MemoryFileSystem

    def forget() -> None:
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]

    forget()
    yield "memory://store"
    forget()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Yield the address of a server with S3's protocol."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of an empty bucket, with a user's environment set."""
    from s3fs import S3FileSystem

    for name, value in credentials(s3_server).items():
        monkeypatch.setenv(name, value)
    system = S3FileSystem(skip_instance_cache=True)
    system.mkdir("bucket")
    yield "s3://bucket"
    system.rm("bucket", recursive=True)


def credentials(server: str) -> dict[str, str]:
    """Return the environment of a user of this server."""
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "AKIAOFNOBODY",
        "AWS_SECRET_ACCESS_KEY": "a secret of the tests",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

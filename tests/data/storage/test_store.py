from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from fsspec.registry import _registry

from data.core.errors import InputError
from data.storage import store as stores
from data.storage.store import Store

BOUND_S = 30


@pytest.fixture(params=["memory", "file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind: written in place, renamed into place, and S3."""
    if request.param == "file":
        return Store(f"{(tmp_path / 'store').as_uri()}/folder")
    return Store(f"{request.getfixturevalue(request.param)}/folder")


def test_an_empty_store(store: Store) -> None:
    assert store.info() is None
    assert store.info("a.txt") is None
    assert store.read("a.txt") is None
    assert store.files() == {}
    store.remove("a.txt")


def test_written_files_are_listed_and_read(store: Store, tmp_path: Path) -> None:
    store.write("a.txt", b"first")
    (tmp_path / "source").write_bytes(b"second")
    store.send(tmp_path / "source", "in/Köln.txt")
    assert list(store.files()) == ["a.txt", "in/Köln.txt"]
    assert store.read("a.txt") == b"first"
    found = store.info("in/Köln.txt")
    assert found is not None
    assert (found.size_bytes, found.is_folder) == (6, False)
    store.fetch("in/Köln.txt", tmp_path / "target", size_bytes=6)
    assert (tmp_path / "target").read_bytes() == b"second"
    folder = store.info()
    assert folder is not None
    assert folder.is_folder
    store.remove("a.txt")
    assert list(store.files()) == ["in/Köln.txt"]


def test_another_content_has_another_key(store: Store) -> None:
    store.write("a.txt", b"first")
    before = store.info("a.txt")
    assert store.info("a.txt") == before == store.files()["a.txt"]
    time.sleep(0.01)
    store.write("a.txt", b"again")
    assert store.info("a.txt") != before


def test_only_the_first_creates(store: Store) -> None:
    assert store.create("lock", b"first")
    assert not store.create("lock", b"second")
    assert store.read("lock") == b"first"


def test_chunks_and_ranges(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "CHUNK_BYTES", 4)
    store.write("a.txt", b"0123456789")
    assert b"".join(store.chunks("a.txt", size_bytes=10)) == b"0123456789"
    assert b"".join(store.chunks("a.txt", size_bytes=10, start=7)) == b"789"


def test_patterns(store: Store) -> None:
    for name in ("a.mp4", "b.mp4", "c.txt", "in/d.mp4"):
        store.write(name, b"x")
    assert list(store.matching("*.mp4")) == ["a.mp4", "b.mp4"]
    assert list(store.matching("**/*.mp4"))[-1] == "in/d.mp4"
    assert [name for name, one in store.matching("*").items() if one.is_folder] == ["in"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("nonsense://a/b", ["nonsense://", "unknown protocol"], id="protocol"),
        pytest.param("gcs://bucket/a", ["gcs://", "pip install gcsfs"], id="package"),
        pytest.param("ftp://127.0.0.1:9/a", ["cannot be reached", "connection"], id="ftp"),
    ],
)
def test_unusable_stores(address: str, words: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        Store(address).info()
    assert [word for word in [address, *words] if word not in str(refused.value)] == []


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(_registry, "s3", raising=False)
    with pytest.raises(InputError, match=r"pip install 'fancam\[remote\]'"):
        Store("s3://bucket/a")


def test_no_such_bucket(s3: str) -> None:
    del s3
    for ask in (Store.info, Store.files, lambda one: one.read("a"), lambda one: one.remove("a")):
        with pytest.raises(InputError, match="s3://missing/a: no such bucket"):
            ask(Store("s3://missing/a"))


def test_no_permission(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    async def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(s3fs.S3FileSystem, "_info", refuse)
    with pytest.raises(InputError, match="no permission; check the credentials"):
        Store(f"{s3}/a").info()


def test_no_credentials(s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match="no credentials"):
        Store(f"{s3}/a").info()


def test_a_lost_connection_is_reported_in_time(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(InputError) as refused:
        Store(f"{s3}/a").info()
    assert time.monotonic() - start < BOUND_S
    assert "cannot be reached" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_unknown_host_is_no_missing_file() -> None:
    with pytest.raises(InputError, match=r"nohost\.invalid/a\.mp4: cannot be reached; check"):
        Store("https://nohost.invalid/a.mp4").info()

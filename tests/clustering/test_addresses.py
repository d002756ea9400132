"""`cluster-faces` with footage and projects at an address."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import fancam.cli
from data.project.project import Project
from data.remote.sync_state import IN_USE_FILE
from data.sample.film import draw_film
from data.storage.addresses import project_path
from data.storage.store import Store
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests import ROOT
from tests.clips.catalogue import Clips
from tests.clustering.command import Ran, assert_refused, names
from tests.clustering.fakes import PEOPLE, CornerDetector
from tests.machines import Machine
from tests.posix import needs_signals

Run = Callable[..., Ran]
SAMPLING = ("--every", "1")


ON_S3_TOO = pytest.mark.parametrize(
    "bucket", ["memory", pytest.param("s3", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture
def bucket(
    request: pytest.FixtureRequest, machine: Machine, detector: CornerDetector, clips: Clips
) -> str:
    """Return an address with a clip and a folder of lessons; the networks are cheap ones."""
    del detector
    machine("first")
    address = str(request.getfixturevalue(getattr(request, "param", "memory")))
    store = Store(address)
    store.send(clips("constant_rate.mp4"), "clip.mp4")
    for name in ("lessons/01.mp4", "lessons/may/02.mp4"):
        store.send(clips("constant_rate.mp4"), name)
    store.write("lessons/03 broken.mp4", b"no video" * 100)
    return address


LOGGED = [".mirror.json", "logs/fancam.log", ".mirror.json", "project.json"]
"""Transfers of a run that changes only the log."""


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that records reads and writes at addresses, except for lock files."""
    names: list[str] = []
    for method in ("send", "write", "chunks"):
        before = getattr(Store, method)

        def noted(
            store: Store, *given: object, _before: Callable[..., object] = before, **more: object
        ) -> object:
            if IN_USE_FILE not in given:
                names.append(str(given[-1] if isinstance(given[0], Path) else given[0]))
            return _before(store, *given, **more)

        monkeypatch.setattr(Store, method, noted)
    return names


@ON_S3_TOO
def test_footage_at_an_address(run: Run, bucket: str, tmp_path: Path, transfers: list[str]) -> None:
    done = run(f"{bucket}/clip.mp4")
    assert (done.code, done.err) == (0, [])
    assert len(names(tmp_path / "clip.fancam")) == PEOPLE
    assert transfers == [""]
    again = run(f"{bucket}/clip.mp4")
    assert "already up to date" in again.out
    by_project = run("--project", "clip.fancam")
    assert "already up to date" in by_project.out
    assert transfers == [""]


def test_the_project_fetches_it_on_another_machine(
    run: Run, bucket: str, machine: Machine, detector: CornerDetector
) -> None:
    assert run(f"{bucket}/clip.mp4").code == 0
    detector.frames = 0
    machine("second")
    again = run("--project", "clip.fancam", "--every", "0.5")
    assert (again.code, again.err) == (0, [])
    assert detector.frames > 0


def test_a_folder_and_a_pattern(run: Run, bucket: str, tmp_path: Path) -> None:
    done = run(f"{bucket}/lessons/")
    assert_refused(done, f"{bucket}/lessons/03 broken.mp4", "not a video", code=1)
    assert sorted(Project(tmp_path / "lessons.fancam").footages) == ["01", "02"]
    done = run(f"{bucket}/lessons/*1.mp4", "--project", "one.fancam")
    assert list(Project(tmp_path / "one.fancam").footages) == ["01"]


@ON_S3_TOO
def test_a_project_at_an_address(
    run: Run, bucket: str, machine: Machine, tmp_path: Path, transfers: list[str]
) -> None:
    home = f"{bucket}/clip.fancam"
    done = run(f"{bucket}/clip.mp4", *SAMPLING, "--project", home)
    assert (done.code, done.err) == (0, [])
    assert f"faces    {home}/people  (check the montages in {home}/people/montage)" in done.out
    stored = Store(home).files()
    assert {"project.json", "people.sqlite", "faces/clip.parquet", "dataset/data.yaml"} <= set(
        stored
    )
    assert IN_USE_FILE not in stored
    assert b'"path": "../clip.mp4"' in (Store(home).read("project.json") or b"")
    assert [path.name for path in tmp_path.iterdir()] == ["machines"]
    assert transfers[-2:] == [".mirror.json", "project.json"]
    for name in ("first", "second"):
        transfers.clear()
        machine(name)
        again = run(*SAMPLING, "--project", home)
        assert (again.code, again.err) == (0, [])
        assert "already up to date" in again.out, name
        if name == "first":
            assert transfers == LOGGED


def test_decisions_are_kept(run: Run, bucket: str, machine: Machine) -> None:
    home = f"{bucket}/clip.fancam"
    assert run(f"{bucket}/clip.mp4", *SAMPLING, "--project", home).code == 0
    with open_people(project_path(home) / "people.sqlite") as people:
        DecisionLog(people).rename(1, "Anna")
    assert run(*SAMPLING, "--project", home).code == 0
    machine("second")
    assert run("--project", home, "--every", "0.5").code == 0
    machine("first")
    assert run(*SAMPLING, "--project", home).code == 0
    assert names(project_path(home))[1] == "Anna"


def test_forget_erases_at_the_address(
    run: Run, bucket: str, capfd: pytest.CaptureFixture[str]
) -> None:
    home = f"{bucket}/clip.fancam"
    assert run(f"{bucket}/clip.mp4", *SAMPLING, "--project", home).code == 0
    assert fancam.cli.main(["export", home]) == 0
    assert f"{home}/export/coco.zip" in capfd.readouterr().out
    store = Store(home)
    before = set(store.files())
    assert fancam.cli.main(["forget", home, "Person 1", "--yes"]) == 0
    assert ": 0 traces left" in capfd.readouterr().out
    after = set(store.files())
    assert not any("Person 1" in path for path in after)
    assert "export/coco.zip" in before - after
    assert b"Person 1" not in b"".join(store.read(path) or b"" for path in after)


@ON_S3_TOO
def test_no_secret_is_written_or_printed(run: Run, bucket: str, tmp_path: Path) -> None:
    done = run(f"{bucket}/clip.mp4", *SAMPLING, "--project", f"{bucket}/clip.fancam")
    Store(bucket).remove("clip.mp4")
    refused = run(f"{bucket}/clip.mp4", *SAMPLING, "--project", f"{bucket}/clip.fancam")
    assert_refused(refused, f"{bucket}/clip.mp4", "no such file")
    secrets = ("AKIAOFNOBODY", "a secret of the tests")
    texts = [*done.out, *done.err, *refused.err]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    stored = Store(f"{bucket}/clip.fancam")
    contents = [*(path.read_bytes() for path in files), *map(stored.read, stored.files())]
    for secret in secrets:
        assert not any(secret in text for text in texts)
        assert not any(secret.encode() in (content or b"") for content in contents)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["s3://missing/a.mp4"], ["s3://missing/a.mp4", "no such bucket"]),
        (
            ["a.mp4", "--project", "s3://missing/a.fancam"],
            ["s3://missing/a.fancam", "no such bucket"],
        ),
        (["gcs://bucket/a.mp4"], ["pip install gcsfs"]),
        (["nonsense://bucket/a.mp4"], ["unknown protocol nonsense://"]),
        (["ftp://anna:secret@host/a.mp4"], ["leave the password out"]),
        (["--project", "s3://bucket/none.fancam"], ["s3://bucket/none.fancam", "no project yet"]),
    ],
)
@pytest.mark.usefixtures("s3")
def test_unusable_addresses(run: Run, arguments: list[str], words: list[str]) -> None:
    refused = run(*arguments)
    assert_refused(refused, *words)
    assert "secret" not in refused.err[0]


def test_a_project_in_use_is_refused(run: Run, bucket: str) -> None:
    home = f"{bucket}/clip.fancam"
    note = f'{{"machine": "x", "host": "studio", "beat": {time.time()}, "since": {time.time()}}}'
    Store(home).write(IN_USE_FILE, note.encode())
    assert_refused(run(f"{bucket}/clip.mp4", "--project", home), home, "studio has been using it")


CHILD = """
import sys
from tests.clustering import child
child._main(sys.argv[1], sys.argv[3:], child.Death(sys.argv[2]), without_rights=False, hold=False)
"""


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize("what", ["rename .*faces", "write .*dataset", r"rename .*\.state\.json"])
@pytest.mark.usefixtures("detector")
def test_killed_and_run_again(
    run: Run, clips: Clips, machine: Machine, tmp_path: Path, what: str
) -> None:
    """After SIGKILL at any moment, the same command gives the result of an undisturbed run."""
    address = (tmp_path / "store").as_uri()
    Store(address).send(clips("constant_rate.mp4"), "clip.mp4")
    home = f"{address}/killed.fancam"
    options = [f"{address}/clip.mp4", *SAMPLING, "--project"]
    child = [sys.executable, "-c", CHILD, str(tmp_path), what, *options, home]
    place = str(ROOT)
    died = subprocess.run(child, env={**os.environ, "PYTHONPATH": place}, check=False)
    assert died.returncode == -signal.SIGKILL
    assert run(*options, home).code == 0
    assert run(*options, f"{address}/undisturbed.fancam").code == 0
    stored = [set(Store(f"{address}/{name}.fancam").files()) for name in ("killed", "undisturbed")]
    assert stored[0] == stored[1]
    machine("second")
    assert "already up to date" in run(*SAMPLING, "--project", home).out


@pytest.mark.slow
def test_the_drawn_film(run: Run, s3: str, machine: Machine, tmp_path: Path) -> None:
    """The real networks turn a film at an address into a project at an address."""
    draw_film(tmp_path / "film.mp4", shots=["talk"], duration_s=2)
    Store(s3).send(tmp_path / "film.mp4", "film.mp4")
    (tmp_path / "film.mp4").unlink()
    home = f"{s3}/film.fancam"
    options = ("--every", "0.4", "--project", home)
    assert run(f"{s3}/film.mp4", *options).code == 0
    machine("second")
    again = run(*options)
    assert "already up to date" in again.out
    assert len(names(project_path(home))) >= 1

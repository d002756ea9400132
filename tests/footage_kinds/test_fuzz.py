"""No damaged footage of any container leads to an error in fancam."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from data.video.reader import read_frames
from tests.footage_kinds.fuzz.__main__ import FuzzRun, table
from tests.footage_kinds.fuzz.cases import Case, Seeds
from tests.footage_kinds.fuzz.mutations import MUTATIONS
from tests.footage_kinds.fuzz.pool import Target, run_cases
from tests.footage_kinds.fuzz.seeds import CONTAINERS, make_seeds
from tests.footage_kinds.fuzz.trial import Outcome

SEED = 1


def assert_no_failure(run: FuzzRun, numbers: Iterable[int], *, workers: int) -> None:
    outcomes = list(run.tried(numbers, workers=workers))
    failed = [f"{run.kept(case)}: {one.detail}" for case, one in outcomes if one.status == "failed"]
    assert failed == [], "\n".join([*failed, table(outcomes)])
    counts = Counter(outcome.status for _, outcome in outcomes)
    assert counts["read"] > counts["refused"] > 0  # the damage is neither trivial nor total


def test_damaged_footage_of_all_containers(tmp_path: Path) -> None:
    assert_no_failure(FuzzRun(tmp_path, SEED), range(len(CONTAINERS) * 2), workers=1)


@pytest.mark.parametrize(
    ("seed", "number", "status"),
    [
        (1, 211, "read"),
        (5, 431, "read"),
        (6, 450, "read"),
        (1, 2845, "read"),
        (1, 2993, "read"),
        (1, 9380, "refused"),
    ],
    ids=[
        "sound without end",
        "crash of VP9",
        "best-of without a frame",
        "millions of frames a second",
        "last frame of a tick",
        "message of Pillow",
    ],
)
def test_footage_that_failed_before(tmp_path: Path, seed: int, number: int, status: str) -> None:
    run = FuzzRun(tmp_path, seed)
    ((_, outcome),) = run.tried([number], workers=1)
    assert outcome.status == status, outcome.detail


@pytest.mark.slow
@pytest.mark.alone
def test_five_hundred_files(tmp_path: Path) -> None:
    begin_s = time.monotonic()
    assert_no_failure(FuzzRun(tmp_path, SEED), range(500), workers=os.cpu_count() or 1)
    assert time.monotonic() - begin_s < 180


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    return make_seeds(tmp_path_factory.mktemp("seeds"))


def test_intact_footage_is_read(seeds: Seeds) -> None:
    assert len(CONTAINERS) >= 12
    for path in (path for paths in seeds.values() for path in paths):
        assert next(read_frames(path)).index == 0, path


def test_the_same_seed_gives_the_same_bytes(seeds: Seeds, tmp_path: Path) -> None:
    first, again, other = (
        written(seeds, tmp_path / name, seed)
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again != other


def written(seeds: Seeds, folder: Path, seed: int) -> dict[str, bytes]:
    folder.mkdir()
    for number in range(2 * len(CONTAINERS)):
        Case(seed, number).write(seeds, folder)
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_all_mutations_are_used() -> None:
    used = {Case(SEED, number).mutation for number in range(200)}
    assert used == set(MUTATIONS)


# --- crashes and hangs ------------------------------------------------------------------------


def crash(connection: Connection, _folder: Path, _seeds: Seeds) -> None:
    """End the process at every second case, as a fault in a library does."""
    while True:
        if connection.recv().number % 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        connection.send(Outcome("read"))


def hang(connection: Connection, _folder: Path, _seeds: Seeds) -> None:
    """Compute without end at the second case."""
    while True:
        while connection.recv().number == 1:
            sum(range(10**9))
        connection.send(Outcome("read"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (crash, ["read", "crash: SIGSEGV", "read", "crash: SIGSEGV"]),
        (hang, ["read", "hang: ", "read", "read"]),
    ],
)
def test_crashes_and_hangs_fail_only_their_footage(target: Target, expected: list[str]) -> None:
    cases = [Case(SEED, number) for number in range(4)]
    outcomes = dict(run_cases(cases, {}, workers=1, limit_s=4, target=target))
    found = [outcomes[case] for case in cases]
    assert all(
        (outcome.detail or outcome.status).startswith(start)
        for outcome, start in zip(found, expected, strict=True)
    ), found


def conceal(connection: Connection, _folder: Path, _seeds: Seeds) -> None:
    """Fail at every case but the first of a process; for certain at case 2."""
    connection.recv()
    connection.send(Outcome("read"))
    while True:
        number = connection.recv().number
        connection.send(Outcome("failed", f"{number}", uncertain=number != 2))


def test_an_uncertain_failure_is_tried_again_in_a_new_process() -> None:
    cases = [Case(SEED, number) for number in range(3)]
    outcomes = dict(run_cases(cases, {}, workers=1, target=conceal))
    assert [outcomes[case].status for case in cases] == ["read", "read", "failed"]


def test_a_stopped_run_resumes_and_failures_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def run(cases: list[Case], _seeds: Seeds, **_: int) -> Iterable[tuple[Case, Outcome]]:
        for case in cases:
            tried.append(case.number)
            yield case, Outcome("failed", "crash: SIGSEGV") if case.number == 1 else Outcome("read")

    monkeypatch.setattr("tests.footage_kinds.fuzz.__main__.run_cases", run)
    assert len(list(FuzzRun(tmp_path, SEED).tried(range(2), workers=1))) == 2
    again = FuzzRun(tmp_path, SEED)
    assert len(list(again.tried(range(4), workers=1))) == 2
    assert tried == [0, 1, 2, 3]
    (kept,) = again.kept(Case(SEED, 1)).parent.iterdir()
    assert {path.name for path in kept.iterdir()} == {"failure.txt", Case(SEED, 1).name}
    assert table(again.outcomes()).splitlines()[-1].split() == ["all", "all", "4", "3", "0", "1"]

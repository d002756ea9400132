from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path

import av
import numpy as np
import pytest

from data.core.errors import InputError, InternalError, RunError
from data.core.run_log import run_log
from data.execution.failures import FailFast, Failures
from data.video.pictures.jpeg import encode_jpeg

PLACE = "tests/data/execution/test_failures.py"


def line_of(error: Exception) -> int:
    assert error.__traceback__ is not None
    return traceback.extract_tb(error.__traceback__)[-1].lineno or 0


def work(failures: Failures, *broken: bool) -> list[int]:
    failures.expect(len(broken))
    done = []
    for number, is_broken in enumerate(broken):
        with failures.guard(Path(f"{number}")):
            if is_broken:
                raise InputError(f"{number}: broken")
            done.append(number)
    return done


def test_no_footage() -> None:
    failures = Failures()
    assert work(failures) == []
    assert failures.lines == []


def test_other_footages_are_processed() -> None:
    failures = Failures()
    assert work(failures, False, True, True, False) == [0, 3]
    assert failures.lines == ["1: broken", "2: broken"]


@pytest.mark.parametrize(
    ("count", "message"),
    [(1, "0: broken"), (2, "none of the footage can be used; the first of 2 errors: 0: broken")],
)
def test_no_usable_footage_is_an_error(count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        work(Failures(), *[True] * count)


def test_footages_that_fail_together_count_each() -> None:
    failures = Failures()
    failures.expect(3)
    pair = Path("0"), Path("1")
    with failures.guard(*pair):
        raise InputError("0 and 1: broken")
    with (
        pytest.raises(InputError, match=r"none of the footage .* of 2 errors"),
        failures.guard(Path("2")),
    ):
        raise InputError("2: broken")
    failures = Failures()
    failures.expect(2)
    with pytest.raises(InputError, match=r"^0 and 1: broken"), failures.guard(*pair):
        raise InputError("0 and 1: broken")


def test_an_unexpected_error_is_one_footages(tmp_path: Path) -> None:
    failures = Failures()
    failures.expect(2)
    with run_log() as log, failures.guard(Path("a.mp4")):
        log.write_to(tmp_path / "logs", tmp_path / "project.json")
        encode_jpeg(np.zeros((0, 0), np.uint8))
    (line,) = failures.lines
    place = r"\w+ in data/video/pictures/jpeg\.py:\d+"
    problem, _, file_name = line.partition("; details are in ")
    assert re.fullmatch(rf"a\.mp4: unexpected error, a bug in fancam \({place}\)", problem)
    file = Path(file_name)
    assert file == tmp_path / "logs" / "fancam.log"
    text = file.read_text(encoding="utf-8")
    assert "a.mp4" in text
    assert "Traceback (most recent call last)" in text
    with pytest.raises(InternalError, match=r"^none of the footage"), failures.guard(Path("b.mp4")):
        raise InputError("b.mp4: broken")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.ENOSPC, "full"), id="disk full"),
        pytest.param(OSError(errno.EROFS, "read-only"), id="read-only"),
        pytest.param(PermissionError(errno.EACCES, "no"), id="no permission"),
        pytest.param(RunError("the cluster was lost"), id="cluster"),
        pytest.param(ImportError("libGL.so.1"), id="library"),
        pytest.param(BrokenPipeError(), id="pipe"),
        pytest.param(KeyboardInterrupt(), id="interrupted"),
        pytest.param(SystemExit(3), id="exit"),
    ],
)
def test_errors_of_the_run_stop_it(error: BaseException) -> None:
    failures = Failures()
    failures.expect(2)
    with pytest.raises(type(error)), failures.guard(Path("a.mp4")):
        raise error
    assert failures.lines == []


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.EIO, "bad sector"), id="bad disk"),
        pytest.param(MemoryError(), id="memory"),
        pytest.param(av.error.PermissionError(errno.EPERM, "not permitted", "a"), id="decoder"),
        pytest.param(RecursionError(), id="recursion"),
    ],
)
def test_errors_of_a_footage(error: Exception) -> None:
    failures = Failures()
    failures.expect(2)
    with failures.guard(Path("a.mp4")):
        raise error
    place = f"{type(error).__name__} in {PLACE}:{line_of(error)}"
    assert failures.lines == [f"a.mp4: unexpected error, a bug in fancam ({place})"]


def test_a_footage_is_reported_once() -> None:
    failures = Failures()
    for stage in ("tracking", "cropping"):
        failures.expect(2)
        with failures.guard(Path("a.mp4")):
            raise InputError(f"a.mp4: {stage} failed")
    assert failures.lines == ["a.mp4: tracking failed"]
    assert failures.includes(Path("a.mp4").absolute())
    assert not failures.includes(Path("b.mp4"))


def test_without_tolerance_the_first_failure_ends_the_run() -> None:
    with pytest.raises(InputError, match="1: broken"):
        work(FailFast(), False, True, False)

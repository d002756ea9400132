from __future__ import annotations

import pytest

from data.core.errors import InputError
from data.execution.failures import FailFast, Failures


def work(failures: Failures, *broken: bool) -> list[int]:
    failures.expect(len(broken))
    done = []
    for number, is_broken in enumerate(broken):
        with failures.guard():
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
    [(1, "0: broken"), (2, "none of 2 footages can be used; the first: 0: broken")],
)
def test_no_usable_footage_is_an_error(count: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        work(Failures(), *[True] * count)


def test_footages_that_fail_together_count_each() -> None:
    failures = Failures()
    failures.expect(3)
    with failures.guard(footages=2):
        raise InputError("0 and 1: broken")
    with pytest.raises(InputError, match="none of 3 footages"), failures.guard():
        raise InputError("2: broken")
    failures = Failures()
    failures.expect(2)
    with pytest.raises(InputError, match=r"^0 and 1: broken"), failures.guard(footages=2):
        raise InputError("0 and 1: broken")


def test_a_programming_error_stops_the_run() -> None:
    with pytest.raises(ZeroDivisionError), Failures().guard():
        print(1 / 0)


def test_without_tolerance_the_first_failure_ends_the_run() -> None:
    with pytest.raises(InputError, match="1: broken"):
        work(FailFast(), False, True, False)

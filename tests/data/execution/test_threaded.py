from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import pytest

from data.execution.threaded import stream


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Assert that a test ends with the threads it began with."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Source:
    """Source that counts up to ``end``; records how far it was read and whether it was closed."""

    def __init__(self, end: int, *, error: BaseException | None = None) -> None:
        self.end = end
        self.error = error
        self.given = 0
        self.closed = False

    def items(self) -> Generator[int, None, None]:
        try:
            for number in range(self.end):
                self.given += 1
                yield number
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


def double(item: int) -> int:
    return item * 2


def add_one(item: int) -> int:
    return item + 1


def failing_at(bad: int, error: BaseException) -> Callable[[int], int]:
    def stage(item: int) -> int:
        if item == bad:
            raise error
        return item

    return stage


def settled(value: Callable[[], int]) -> int:
    """Wait until ``value`` has not changed for a while, and return it."""
    seen, since = value(), time.monotonic()
    while time.monotonic() - since < 0.12:
        time.sleep(0.01)
        if value() != seen:
            seen, since = value(), time.monotonic()
    return seen


@pytest.mark.parametrize("capacity", [1, 2, 50])
@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        pytest.param((), lambda n: n, id="no stage"),
        pytest.param((double,), lambda n: n * 2, id="one"),
        pytest.param((double, add_one, double), lambda n: (n * 2 + 1) * 2, id="three"),
    ],
)
@pytest.mark.parametrize("end", [0, 1, 100])
def test_every_item_comes_out_in_order(
    end: int,
    stages: tuple[Callable[[int], int], ...],
    expected: Callable[[int], int],
    capacity: int,
) -> None:
    source = Source(end)
    found = list(stream(source.items(), *stages, capacity=capacity))
    assert found == [expected(number) for number in range(end)]
    assert source.closed


def test_order_is_kept_where_durations_differ() -> None:
    def slow_if_even(item: int) -> int:
        time.sleep(0.002 * (item % 2 == 0))
        return item

    def slow_if_odd(item: int) -> int:
        time.sleep(0.002 * (item % 2))
        return item

    assert list(stream(range(40), slow_if_even, slow_if_odd)) == list(range(40))


@pytest.mark.parametrize("item", [None, False, 0, StopIteration, ()], ids=repr)
def test_any_item_goes_through(item: object) -> None:
    assert list(stream([item, item], lambda given: given)) == [item, item]


def test_nothing_starts_before_the_first_read() -> None:
    source = Source(5)
    before = threading.active_count()
    made = stream(source.items(), double)
    assert threading.active_count() == before
    made.close()
    assert source.given == 0


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt(), SystemExit(2)])
@pytest.mark.parametrize("where", ["source", "first", "middle", "last"])
def test_an_error_is_raised_unchanged_after_earlier_items(where: str, error: BaseException) -> None:
    source = Source(3 if where == "source" else 1000, error=error if where == "source" else None)
    fails, passes = failing_at(3, error), failing_at(-1, error)
    stages = [fails if where == place else passes for place in ("first", "middle", "last")]
    before = threading.active_count()
    found: list[int] = []
    with pytest.raises(type(error)) as raised:
        found.extend(stream(source.items(), *stages))
    assert raised.value is error
    assert found == [0, 1, 2]
    assert threading.active_count() == before
    assert source.closed
    assert source.given < 50


def test_a_source_that_cannot_start() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        list(stream(Broken(), double))


@pytest.mark.parametrize("taken", [1, 5])
def test_closing_half_way_ends_everything(taken: int) -> None:
    source = Source(10_000)
    before = threading.active_count()
    with closing(stream(source.items(), double, add_one)) as results:
        found = [next(results) for _ in range(taken)]
        assert threading.active_count() == before + 3
    assert found == [n * 2 + 1 for n in range(taken)]
    assert threading.active_count() == before
    assert source.closed
    assert source.given < 50


def test_an_error_of_the_reader_ends_everything() -> None:
    source = Source(10_000)

    def read() -> None:
        with closing(stream(source.items(), double)) as results:
            for item in results:
                raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        read()
    assert source.closed


@pytest.mark.parametrize("capacity", [1, 2, 4])
@pytest.mark.parametrize("stages", [0, 1, 3])
def test_the_source_is_never_far_ahead(stages: int, capacity: int) -> None:
    source = Source(10_000)
    doing: list[Callable[[Any], Any]] = [double] * stages
    with closing(stream(source.items(), *doing, capacity=capacity)) as results:
        for _ in range(3):
            next(results)
        ahead = settled(lambda: source.given) - 3
    # At most all queues are full, and each thread has one item.
    assert capacity <= ahead <= (stages + 1) * (capacity + 1)


def test_stages_run_concurrently() -> None:
    both = threading.Barrier(2, timeout=20)

    def meet_at(meeting: int) -> Callable[[int], int]:
        def stage(item: int) -> int:
            if item == meeting:
                both.wait()
            return item

        return stage

    # The first stage waits at item 1 for the second, which is still at item 0.
    assert list(stream(range(4), meet_at(1), meet_at(0))) == [0, 1, 2, 3]

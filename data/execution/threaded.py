"""A pipeline of functions, one thread each, with bounded queues between them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_POLL_S = 0.1
"""Interval at which a waiting thread checks whether the run was stopped."""
_END = object()


class _Failure:
    """Error that is passed through the queues to the consumer."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def stream(
    source: Iterable[Any], *stages: Callable[[Any], Any], capacity: int = 2
) -> Generator[Any, None, None]:
    """Apply ``stages`` to each item of ``source``, and yield the results in order.

    The source and each stage run in threads of their own. An error in any thread is raised here
    unchanged. All threads have ended when the generator raises, is exhausted or is closed.

    Args:
        source: items to process.
        stages: functions of one item; each receives the result of the previous one.
        capacity: maximum number of items per queue, which bounds the memory.
    """
    stop = threading.Event()
    queues: list[queue.Queue[Any]] = [queue.Queue(capacity) for _ in range(len(stages) + 1)]
    threads = [threading.Thread(target=_feed, args=(source, queues[0], stop), daemon=True)]
    for stage, upstream, downstream in zip(stages, queues, queues[1:], strict=False):
        results = _apply(stage, upstream, stop)
        threads.append(
            threading.Thread(target=_feed, args=(results, downstream, stop), daemon=True)
        )
    for thread in threads:
        thread.start()
    try:
        yield from _receive(queues[-1], stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _feed(items: Iterable[Any], downstream: queue.Queue[Any], stop: threading.Event) -> None:
    """Put every item, and then the end marker or the error of the source."""
    last: Any = _END
    try:
        for item in items:
            if not _put(downstream, item, stop):
                break
    except BaseException as error:
        last = _Failure(error)
    finally:
        if isinstance(items, Generator):
            items.close()
    _put(downstream, last, stop)


def _apply(
    stage: Callable[[Any], Any], upstream: queue.Queue[Any], stop: threading.Event
) -> Iterator[Any]:
    for item in _receive(upstream, stop):
        yield stage(item)


def _receive(upstream: queue.Queue[Any], stop: threading.Event) -> Iterator[Any]:
    while not stop.is_set():
        try:
            item = upstream.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if item is _END:
            return
        if isinstance(item, _Failure):
            raise item.error
        yield item


def _put(downstream: queue.Queue[Any], item: Any, stop: threading.Event) -> bool:
    """Put an item when the queue has room; return False if the run was stopped meanwhile."""
    while not stop.is_set():
        try:
            downstream.put(item, timeout=_POLL_S)
        except queue.Full:
            continue
        return True
    return False

"""Undo what an encoder does to the process that uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_scheduling() -> Iterator[None]:
    """Restore the calling thread's scheduling on exit.

    Run by root, SVT-AV1 gives the calling thread the highest real-time priority. The processes that
    it starts inherit it: a browser that is busy then leaves no processor to anybody else.
    """
    if not hasattr(os, "sched_getscheduler"):  # not on macOS and Windows
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)

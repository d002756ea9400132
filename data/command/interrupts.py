"""Ctrl-C: the first one stops a command; more of them do not disturb its clean-up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from data.core.errors import is_interrupt

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

EXIT_INTERRUPTED: Final = 130
STOPPED: Final = "stopped; run the same command again to resume"
_PATIENCE_S: Final = 5.0
"""Time of a clean-up, after which another Ctrl-C ends the process at once."""
_AGAIN_S: Final = 0.05
"""From a lost `KeyboardInterrupt` to the next: the code that lost it has returned by then."""


class _Interrupt(KeyboardInterrupt):
    """A `KeyboardInterrupt` that can be referenced weakly, to see whether it still exists."""


class _Handler:
    """Handler of SIGINT that raises `KeyboardInterrupt` until one stops the command.

    One that is neither caught by the command nor exists any more was lost, in ``__del__`` or in an
    ``except`` of all errors. It is raised again, by a timer where the system has one, or else at
    the next Ctrl-C.
    """

    def __init__(self, name: str) -> None:
        self._name, self._process = name, os.getpid()
        self._raised: weakref.ref[_Interrupt] | None = None
        self.since_s: float | None = None  # when the first Ctrl-C came
        self.caught = False  # the command is over

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise, or end the process if its clean-up takes long."""
        del number, frame
        now_s = time.monotonic()
        if self.since_s is None:
            self.since_s = now_s
        if not self._is_stopping():
            error = _Interrupt()
            self._raised = weakref.ref(error, self._lose)
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        if now_s - self.since_s > _PATIENCE_S:
            # Files are renamed when they are whole, so nothing is lost.
            os.write(2, f"\n{self._name}: {STOPPED}\n".encode())
            os._exit(EXIT_INTERRUPTED)

    def again(self, number: int, frame: FrameType | None) -> None:
        """Raise if the last one was lost; handler of the timer's signal."""
        if not self._is_stopping():
            self(number, frame)

    def _is_stopping(self) -> bool:
        raised = self._raised is not None and self._raised() is not None
        return self.caught or raised or is_interrupt(sys.exception())  # perhaps one of C code

    def _lose(self, _: object) -> None:
        # No exception can leave this function. A process forked from this one is not the command.
        if sys.platform != "win32" and not self.caught and os.getpid() == self._process:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)


def _report_unraisable(unraisable: UnraisableHookArgs, /) -> None:
    """Print an error that Python ignores, but not a `KeyboardInterrupt`: it is raised again."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


@contextmanager
def one_interrupt(name: str) -> Iterator[None]:
    """Let Ctrl-C within the block raise `KeyboardInterrupt`, but not in the clean-up after it.

    There, a later one would make Python print a traceback; after `_PATIENCE_S` it ends the process.
    A `KeyboardInterrupt` that was lost is raised again. After a Ctrl-C, the process ignores all of
    them until it ends. Another handler than Python's own is kept.

    Args:
        name: name of the command, the prefix of messages.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    handler = _Handler(name)
    signal.signal(signal.SIGINT, handler)
    try:
        with _lost_ones_raised_again(handler):
            yield
    finally:
        sys.stderr.flush()
        stopped = handler.since_s is not None
        signal.signal(signal.SIGINT, signal.SIG_IGN if stopped else signal.default_int_handler)


@contextmanager
def _lost_ones_raised_again(handler: _Handler) -> Iterator[None]:
    unraisable = sys.unraisablehook
    if unraisable is sys.__unraisablehook__:
        sys.unraisablehook = _report_unraisable
    alarm = None if sys.platform == "win32" else signal.signal(signal.SIGALRM, handler.again)
    try:
        yield
    finally:
        handler.caught = True
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)
        sys.unraisablehook = unraisable


@contextmanager
def until_interrupt() -> Iterator[None]:
    """End the block at a `KeyboardInterrupt`, without an error; more of them are ignored."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not is_interrupt(error):
            raise
        interrupt_caught()


def interrupt_caught() -> None:
    """Ignore Ctrl-C from now on; to be called where a `KeyboardInterrupt` is handled."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, _Handler):
        handler.caught = True

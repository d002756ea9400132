"""Restore the alternate signal stack of a thread after a library has replaced it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class _LinuxStack(ctypes.Structure):
    _fields_: ClassVar = [
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    ]


class _MacStack(ctypes.Structure):
    _fields_: ClassVar = [
        ("address", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Restore the calling thread's alternate signal stack on exit; do nothing on Windows.

    OpenVINO installs a stack while it compiles a network and frees it with the network, in
    whichever thread that happens. A later signal, such as Ctrl-C, would then end the process by a
    segmentation fault.
    """
    if sys.platform == "win32":
        yield
        return
    library = ctypes.CDLL(None)
    stack = _MacStack() if sys.platform == "darwin" else _LinuxStack()
    library.sigaltstack(None, ctypes.byref(stack))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(stack), None)

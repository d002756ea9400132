"""A mark for tests that need what only POSIX systems have."""

from __future__ import annotations

import signal

import pytest

needs_signals = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL, and no SIGINT for one process"
)

"""Mark for tests that need POSIX."""

from __future__ import annotations

import signal

import pytest

needs_signals = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL, and no SIGINT for one process"
)

"""Clips for the tests of reading and writing."""

from __future__ import annotations

from tests.clips import clips

__all__ = ["clips"]

"""Fixtures of the kinds of footage."""

from __future__ import annotations

from tests.footage_kinds.stubs import command

__all__ = ["command"]

"""Targets in the lines of benchmarks and quality reports."""

from __future__ import annotations


def verdict(met: bool) -> str:
    """Return whether a target is met."""
    return "(met)" if met else "(MISSED)"

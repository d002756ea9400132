"""Tests, quality figures and benchmarks; they mirror the tree."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""Real footage, labels and weights; a user does not have them."""

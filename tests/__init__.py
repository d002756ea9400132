"""Tests, which mirror the product's tree, with quality figures and benchmarks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""Real footage, labels and weights; a user does not have them."""

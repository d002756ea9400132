"""Tests, which mirror the product's tree, with quality figures and benchmarks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""Folder of real footage, labels and weights, which users do not have."""

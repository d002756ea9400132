"""Runs of `cluster-faces` with known people."""

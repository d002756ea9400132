"""Runs of `cluster-faces` that fail, are stopped, or meet damage."""

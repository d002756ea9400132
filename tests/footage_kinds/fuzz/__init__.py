"""Fuzzing of footage: damaged files of every container through reading, clustering and cropping."""

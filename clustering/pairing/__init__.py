"""Pairs of recordings of one lesson: on-air times and overlap."""

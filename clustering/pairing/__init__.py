"""Pairs of recordings of one lesson: their overlap, and when each is on air."""

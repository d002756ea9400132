"""Footage and projects at an address: what an address is, its stores, and the cache."""

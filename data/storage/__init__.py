"""Addresses of footage and projects, access to their stores, and the local cache."""

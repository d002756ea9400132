"""Addresses of footage and projects, the stores behind them, and the local cache."""

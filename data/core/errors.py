"""Errors that the user can correct."""

from __future__ import annotations


class InputError(Exception):
    """An error that the user can correct.

    The message is one line: what is wrong, why, and what to do. Commands print it without a
    traceback and exit with code 2.
    """


class OutdatedError(InputError):
    """A change is based on data that has been modified since the user loaded it."""

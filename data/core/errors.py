"""What can be wrong with what the user gave, and how a command says so."""

from __future__ import annotations


class InputError(Exception):
    """Something that the user can mend.

    The message is one line: what is wrong, why, and what to do. Commands print it without a
    traceback and exit with code 2.
    """


class OutdatedError(InputError):
    """Something that somebody else has changed since the user looked at it."""

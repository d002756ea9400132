"""Errors that become HTTP error responses."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException


class NotFoundError(Exception):
    """Nothing has this id: 404."""


class RefusedError(HTTPException):
    """The request is refused.

    Args:
        status: of the response, 400 to 499.
        message: one line: what is wrong and what to do.
        headers: of the response.
    """

    # An HTTPException: FastAPI replaces any other exception raised while it reads a body.
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)

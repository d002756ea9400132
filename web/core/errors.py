"""Errors that become HTTP error responses."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException


class NotFoundError(Exception):
    """No object has this id: status 404."""


class RefusedError(HTTPException):
    """The request is refused.

    Args:
        status: HTTP status, 400 to 499.
        message: one line: what is wrong and what to do.
        headers: additional response headers.
    """

    # An HTTPException, because FastAPI replaces other exceptions raised while it reads a body.
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)

"""What keeps a request from being answered."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException


class NotFoundError(Exception):
    """There is nothing of that id: 404."""


class RefusedError(HTTPException):
    """The request is not one that is answered.

    Args:
        status: of the answer, 400 to 499.
        message: one line: what, and what to do.
        headers: of the answer.
    """

    # An HTTPException, since FastAPI lets no other one through from where it reads a body.
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)

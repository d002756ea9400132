"""How errors become answers: one line and the right status, and never a trace of the code."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from data.core.errors import InputError
from web.core.errors import NotFoundError
from web.core.security_headers import SECURITY_HEADERS
from web.core.templates import page


def add_error_answers(app: FastAPI) -> None:
    """Answer every error of ``app``: a page for a person, ``{"error": ...}`` for a script."""
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(InputError, _input)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_answer(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that says ``message``."""
    message = " ".join(message.split())
    if _wants_page(request):
        return page(request, "error.html", status=status, headers=headers, message=message)
    return JSONResponse({"error": message}, status, headers)


def _wants_page(request: Request) -> bool:
    # What a browser asks for when a person goes to an address; its scripts ask for anything.
    return "text/html" in request.headers.get("accept", "")


def _not_found(request: Request, error: Exception) -> Response:
    return error_answer(request, 404, str(error))


def _input(request: Request, error: Exception) -> Response:
    """What the user can mend, without where on the disk everything lies."""
    message = str(error)
    for project in request.app.state.library:
        message = message.replace(str(project.folder), project.folder.name)
    return error_answer(request, 409, message)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # A wrong id in an address names nothing; a wrong body is the sender's to mend.
    if all(problem["loc"][0] == "path" for problem in error.errors()):
        return error_answer(request, 404, "there is nothing at this address")
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return error_answer(request, 422, f"{place or 'the request'}: {first['msg']}")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_answer(request, error.status_code, error.detail, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """Our own mistake; the server prints it where it was started."""
    del error
    # This answer passes none of the middleware.
    message = "something went wrong; the terminal that serves this says what"
    return error_answer(request, 500, message, SECURITY_HEADERS)

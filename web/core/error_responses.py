"""Convert exceptions to error responses: a status and one line, never a traceback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from data.core.errors import InputError
from web.core.errors import NotFoundError
from web.core.library import OpenProject, get_library
from web.core.security_headers import SECURITY_HEADERS
from web.core.templates import page

_TITLES: Final = {404: "This page does not exist", 429: "Too many attempts"}
_SECTIONS: Final = ("watch", "people", "label")
_NO_PAGE: Final = "check the address, or begin at the start page"


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers: an HTML page for a browser, ``{"error": ...}`` for a script."""
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(InputError, _input)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_response(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error response: a page for a browser, JSON for a script."""
    message = " ".join(message.split())
    if _wants_page(request):
        section = request.url.path.split("/")[1]
        return page(
            request,
            "shared/error.html",
            status=status,
            headers=headers,
            project=_project(request),
            title=_TITLES.get(status, "Something went wrong"),
            message=message,
            section=section if section in _SECTIONS else "",
        )
    return JSONResponse({"error": message}, status, headers)


def _project(request: Request) -> OpenProject | None:
    """Return the project of the page that could not be shown."""
    try:
        return get_library(request).get(request.path_params.get("project_id", ""))
    except NotFoundError:
        return None


def _wants_page(request: Request) -> bool:
    # Browsers send it on navigation; scripts accept JSON.
    return "text/html" in request.headers.get("accept", "")


def _not_found(request: Request, error: Exception) -> Response:
    return error_response(request, 404, str(error))


def _input(request: Request, error: Exception) -> Response:
    """Return a user error with status 409; project paths are shortened to the folder name."""
    message = str(error)
    for project in request.app.state.library:
        message = project.shown(message)
    return error_response(request, 409, message)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # 404 for a malformed id in the path, 422 for anything else.
    if all(problem["loc"][0] == "path" for problem in error.errors()):
        return error_response(request, 404, _NO_PAGE)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return error_response(request, 422, f"{field or 'the request'}: {first['msg']}")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = _NO_PAGE if error.status_code == 404 else error.detail
    return error_response(request, error.status_code, message, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    """Return status 500; the server prints the traceback in its terminal."""
    del error
    # This response bypasses the middleware.
    message = "internal error; see the terminal that runs this server"
    return error_response(request, 500, message, SECURITY_HEADERS)

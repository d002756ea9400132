"""The Watch room: everybody's video, in sync."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from web.library import TheLibrary
from web.pages import page

router = APIRouter()


@router.get("/", include_in_schema=False)
def front(request: Request, library: TheLibrary) -> Response:
    """The footage, or the choice of footages."""
    return page(request, "library.html", library=library)

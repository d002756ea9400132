"""Pages of templates: names of people are text in them, never HTML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from web.core.library import OpenProject, library_of

STATIC_FOLDER = Path(__file__).parents[1] / "static"
_TEMPLATES = Path(__file__).parents[1] / "templates"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    project: OpenProject | None = None,
    **values: Any,
) -> Response:
    """Return a page.

    Args:
        request: what it answers.
        template: file in ``templates/``; extends ``base.html``.
        status: of the answer.
        headers: of the answer.
        project: the one that the page is about, for the links to the other rooms.
        values: what the template shows.
    """
    html = (
        _environment()
        .get_template(template)
        .render(
            project=project,
            projects=list(library_of(request)),
            with_password=request.app.state.settings.password is not None,
            path=request.url.path,
            **values,
        )
    )
    return HTMLResponse(html, status, headers)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

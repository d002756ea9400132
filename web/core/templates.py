"""Render HTML pages from templates, with autoescaping."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from data.storage.shown import command_line
from web.core.library import Library, OpenProject, get_library
from web.core.static_files import static_url
from web.core.status import project_status

FIRST_VISIT_COOKIE = "fancam-visited"
"""Set by a browser whose user has read what one can do here."""
_TEMPLATES = Path(__file__).parents[1] / "templates"


def project_page(request: Request, library: Library, *, title: str, section: str) -> Response:
    """Redirect to a section of the only project, or list the projects."""
    projects = list(library)
    if len(projects) == 1:
        return RedirectResponse(f"/{section}/{projects[0].id}", 303)
    return page(request, "shared/choose_project.html", title=title, section=section)


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
        request: the request to respond to.
        template: file in ``templates/``; extends ``shared/base.html``.
        status: HTTP status.
        headers: additional response headers.
        project: the page's project, for its state and the links to its other pages.
        values: variables of the template.
    """
    html = (
        _environment()
        .get_template(template)
        .render(
            project=project,
            first_visit=FIRST_VISIT_COOKIE not in request.cookies,
            projects=list(get_library(request)),
            with_password=request.app.state.settings.password is not None,
            path=request.url.path,
            **values,
        )
    )
    return HTMLResponse(html, status, headers)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["command_line"] = command_line
    environment.globals["static"] = static_url
    environment.globals["status_of"] = project_status
    return environment

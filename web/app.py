"""The application: every room's routes behind one guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from web import login
from web.core.error_answers import add_error_answers
from web.core.library import Library
from web.core.security import Guard
from web.core.settings import Settings
from web.core.templates import STATIC_FOLDER
from web.label import routes as label_pages
from web.login import LoginGate
from web.people import routes as people_pages
from web.watch import media
from web.watch import routes as watch

# Threads that answer and read files. Each of more would keep memory of its own for good.
_THREADS = 8
# Files that are read for players at once; a reviewer's question must find a thread free.
READERS = 2
_SESSION_S = 14 * 24 * 60 * 60


def create_app(projects: Iterable[Path], settings: Settings) -> FastAPI:
    """Return the application that serves ``projects``.

    Args:
        projects: project folders.
        settings: where it is served, and to whom.

    Raises:
        InputError: a folder is no project, or there is none.
    """
    app = FastAPI(
        title="fancam",
        # The pages that FastAPI would make of itself load from a CDN.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        # FastAPI would hand its figures to whatever OpenTelemetry finds on this machine.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[
            Middleware(
                SessionMiddleware,
                secret_key=settings.secret,
                session_cookie="fancam",
                max_age=_SESSION_S,
                same_site="lax",
            ),
            Middleware(Guard, settings=settings),
        ],
    )
    app.state.library = Library(projects)
    app.state.settings = settings
    app.state.login_gate = LoginGate(settings)
    add_error_answers(app)
    for room in (login, watch, media, people_pages, label_pages):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    from anyio import Semaphore
    from anyio.to_thread import current_default_thread_limiter
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    current_default_thread_limiter().total_tokens = _THREADS
    app.state.readers = Semaphore(READERS)
    # A product of a few milliseconds is quicker alone than where it waits for threads on other
    # cores, which videos keep busy.
    with threadpool_limits(1, user_api="blas"):
        yield

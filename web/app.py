"""The web application: routes of all pages, and middleware for sessions and access checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from web import login
from web.core.error_responses import add_error_handlers
from web.core.library import Library
from web.core.security import Guard
from web.core.settings import ServerSettings
from web.core.templates import STATIC_FOLDER
from web.label import routes as label_routes
from web.label.predictions import Predictions
from web.login import LoginGate
from web.people import routes as people_routes
from web.people.writing import WritingJobs
from web.watch import media
from web.watch import routes as watch_routes

# Threads that run handlers and read files; each additional one would hold memory permanently.
_THREADS = 8
# Concurrent reads of media files; fewer than the threads, so that they do not block other requests.
READERS = 2
_SESSION_S = 14 * 24 * 60 * 60


def create_app(projects: Iterable[Path], settings: ServerSettings) -> FastAPI:
    """Return the application that serves ``projects``.

    Args:
        projects: project folders.
        settings: host, port and password.

    Raises:
        InputError: a folder is not a project, or ``projects`` is empty.
    """
    app = FastAPI(
        title="fancam",
        # FastAPI's documentation pages load scripts from a CDN.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        # Otherwise FastAPI reports to any OpenTelemetry exporter configured on this machine.
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
    app.state.writing_jobs = WritingJobs()
    app.state.predictions = Predictions()
    add_error_handlers(app)
    for module in (login, watch_routes, media, people_routes, label_routes):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    from anyio import Semaphore
    from anyio.to_thread import current_default_thread_limiter
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    current_default_thread_limiter().total_tokens = _THREADS
    app.state.readers = Semaphore(READERS)
    # A matrix product of a few milliseconds is faster on one thread: the other cores are busy
    # decoding videos.
    with threadpool_limits(1, user_api="blas"):
        yield

"""The web application: routes of all pages, and middleware for access checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from web import login, next_command
from web.core.error_responses import add_error_handlers
from web.core.library import Library
from web.core.security import Guard
from web.core.sessions import Sessions
from web.core.settings import ServerSettings
from web.core.static_files import StaticFolder, static_folder
from web.core.status import import_states
from web.label import routes as label_routes
from web.label.predictions import Predictions
from web.login import LoginGate
from web.next_command import CommandRunner
from web.people import routes as people_routes
from web.people.writing import WritingJobs
from web.watch import media
from web.watch import routes as watch_routes

# Threads that run handlers and read files; each additional one would hold memory permanently.
_THREADS = 8
# Concurrent reads of media files; fewer than the threads, so that they do not block other requests.
READERS = 2
_COMPRESSION = 5  # of 9: almost as small as 9, in half the time


def create_app(projects: Iterable[Path], settings: ServerSettings) -> FastAPI:
    """Return the application that serves ``projects``.

    Args:
        projects: project folders.
        settings: host, port that the server listens on, and password.

    Raises:
        InputError: a folder is not a project, or ``projects`` is empty.
    """
    sessions = Sessions(settings)
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
            Middleware(Guard, settings=settings, sessions=sessions),
            Middleware(GZipMiddleware, compresslevel=_COMPRESSION),
        ],
    )
    app.state.library = Library(projects)
    app.state.settings = settings
    app.state.sessions = sessions
    app.state.login_gate = LoginGate(settings)
    app.state.writing_jobs = WritingJobs()
    app.state.predictions = Predictions()
    app.state.command_runner = CommandRunner()
    add_error_handlers(app)
    for module in (login, next_command, watch_routes, media, people_routes, label_routes):
        app.include_router(module.router)
    app.mount(static_folder(), StaticFolder(), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    from anyio import Semaphore, to_thread
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    app.state.readers = Semaphore(READERS)
    # The modules that the first page needs take a second to import.
    Thread(target=import_states, daemon=True).start()
    # A matrix product of a few milliseconds is faster on one thread: the other cores are busy
    # decoding videos.
    with threadpool_limits(1, user_api="blas"):
        yield
    await to_thread.run_sync(app.state.command_runner.close)

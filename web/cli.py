"""The command `serve-people`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import Parser, require_range, run, with_projects
from data.core.errors import InputError
from data.storage.addresses import project_place

if TYPE_CHECKING:
    from web.core.settings import Settings

NAME = "serve-people"
_MAX_PASSWORD_BYTES = 4096


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, _parser().parse_args(arguments), _serve))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=NAME,
        description="Serve the pages where one watches everybody in sync, names people, and labels "
        "faces, to a browser on this machine.",
        epilog="Ctrl-C ends it. Every decision is on disk as soon as the page shows it.",
    )
    add = parser.add_argument
    add(
        "project", nargs="+", type=project_place, help="project folders, as cluster-faces made them"
    )
    add("--host", default="127.0.0.1", help="address to serve at (default: 127.0.0.1, nobody else)")
    add("--port", type=int, default=8000, help="port to serve at; 0: a free one (default: 8000)")
    add(
        "--name",
        action="append",
        default=[],
        help="name by which browsers reach it through another server; may be given several times",
    )
    add("--open", action="store_true", help="open the page in the browser")
    secret = parser.add_mutually_exclusive_group()
    add = secret.add_argument
    add("--password", help="what a browser must say first; others on this machine may see it here")
    add("--password-file", type=Path, metavar="FILE", help="the same, from a file's first line")
    return parser


def _serve(parsed: argparse.Namespace) -> int:
    require_range("--port", parsed.port, low=0, high=65535)
    settings = _settings(parsed)
    from web.serving import serve

    return serve(parsed.project, settings, open_page=parsed.open)


def _settings(parsed: argparse.Namespace) -> Settings:
    from web.core.settings import Settings

    password = parsed.password
    if parsed.password_file is not None:
        password = _read_password(parsed.password_file)
    names = tuple(parsed.name)
    return Settings(host=parsed.host, port=parsed.port, names=names, password=password)


def _read_password(path: Path) -> str:
    try:
        with path.open("rb") as file:
            first = file.read(_MAX_PASSWORD_BYTES).split(b"\n")[0]
        return first.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        message = f"cannot be read ({reason}); write the password into its first line"
        raise InputError(f"--password-file {path}: {message}") from error


if __name__ == "__main__":
    sys.exit(main())

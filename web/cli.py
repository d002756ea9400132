"""The command `serve-people`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.command.command import run, with_projects
from data.command.parser import Parser, require_range
from data.core.errors import InputError
from data.storage.addresses import project_path

if TYPE_CHECKING:
    from web.core.settings import ServerSettings

NAME = "serve-people"
_MAX_PASSWORD_BYTES = 4096


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: with_projects(NAME, make_parser().parse_args(arguments), _serve))


def make_parser() -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=NAME,
        description="Serve web pages to watch all videos in sync, name people and label faces.",
        epilog="Press Ctrl-C to stop. A decision is saved as soon as the page shows it.",
    )
    add = parser.add_argument
    add(
        "project",
        nargs="+",
        type=project_path,
        help="project folder, such as concert.fancam, or several of them",
    )
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine only)",
    )
    add(
        "--port", type=int, default=8000, help="port to listen on; 0: any free port (default: 8000)"
    )
    add(
        "--name",
        action="append",
        default=[],
        help="host name under which a reverse proxy serves the pages; repeatable",
    )
    add(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network of a reverse proxy whose X-Forwarded-For is trusted; repeatable",
    )
    add("--open", action="store_true", help="open the start page in the browser")
    secret = parser.add_mutually_exclusive_group()
    add = secret.add_argument
    add(
        "--password",
        help="password of the pages; other users of this machine can see it in the process list",
    )
    add(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="read the password from the first line of a file",
    )
    return parser


def _serve(parsed: argparse.Namespace) -> int:
    require_range("--port", parsed.port, low=0, high=65535)
    settings = _settings(parsed)
    from web.serving import serve

    return serve(parsed.project, settings, open_page=parsed.open)


def _settings(parsed: argparse.Namespace) -> ServerSettings:
    from web.core.settings import ServerSettings

    password = parsed.password
    if parsed.password_file is not None:
        password = _read_password(parsed.password_file)
    return ServerSettings(
        host=parsed.host,
        port=parsed.port,
        names=tuple(parsed.name),
        trusted_proxies=tuple(parsed.trusted_proxy),
        password=password,
    )


def _read_password(path: Path) -> str:
    try:
        with path.open("rb") as file:
            line = file.read(_MAX_PASSWORD_BYTES).split(b"\n")[0]
        return line.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        message = f"cannot be read ({reason}); write the password on its first line"
        raise InputError(f"--password-file {path}: {message}") from error


if __name__ == "__main__":
    sys.exit(main())

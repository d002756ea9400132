"""The front door: `fancam demo` runs every stage on a film that the project draws itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.command import run
from data.errors import InputError

NAME = "fancam"
FILM = "film.mp4"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parsed = _parser().parse_args(arguments)
    return run(NAME, lambda: demo(parsed.folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME, description="From raw footage to a video of each person."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drawn = commands.add_parser(
        "demo",
        help="draw a short film and run every stage on it",
        description="Draw a short film with a cast of six, and run every stage on it.",
    )
    drawn.add_argument(
        "--folder", type=Path, default=Path("demo"), help="where to put it all (default: demo)"
    )
    return parser


def demo(folder: Path) -> int:
    """Draw the sample film into ``folder`` and find its people; return the exit code."""
    film = _drawn_film(folder)
    from clustering.cli import main as cluster_faces

    print(f"\ncluster-faces {film} --project {folder / 'film.fancam'}")
    code = cluster_faces([str(film), "--project", str(folder / "film.fancam")])
    if code == 0:
        montages = folder / "film.fancam" / "people" / "montage"
        print("\nThe cast, as fancam found it; open one:")
        for montage in sorted(montages.glob("*.jpg")):
            print(f"  {montage}")
    return code


def _drawn_film(folder: Path) -> Path:
    """The sample film, drawn unless an earlier run drew it."""
    film = folder / FILM
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file is in the place of the folder; choose another --folder")
    from data.sample.film import draw_film
    from data.sample.truth import truth_paths

    if not all(path.exists() for path in (film, *truth_paths(film))):
        print(f"drawing a film with a cast of six: {film}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        draw_film(film)
    return film


if __name__ == "__main__":
    sys.exit(main())

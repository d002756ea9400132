"""The front door: `fancam demo` runs every stage on a film that the project draws itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.command import Parser, run
from data.errors import InputError

NAME = "fancam"
FILM = "film.mp4"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run(NAME, lambda: demo(_parser().parse_args(arguments).folder))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=NAME, description="From raw footage to a video of each person.")
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
    """Draw the sample film into ``folder`` and run every stage on it; return the exit code."""
    film = _drawn_film(folder)
    project = folder / "film.fancam"
    from clustering.cli import main as cluster_faces
    from cropping.crop_cli import main as crop_people
    from cropping.smile_cli import main as smile_gifs
    from tracking.evaluate import main as evaluate
    from tracking.track_cli import main as track_people
    from tracking.train_cli import main as train_tracker

    tracks = project / "tracks" / "film.csv"
    # From scratch, since trained weights would have to be downloaded.
    stages = [
        ("cluster-faces", cluster_faces, [str(film), "--project", str(project)]),
        ("train-tracker", train_tracker, [str(project), "--weights", "yolo11n.yaml"]),
        ("track-people", track_people, [str(project), "--overlay"]),
        (
            "python -m tracking.evaluate",
            evaluate,
            [str(tracks), str(film.with_suffix(".truth.csv"))],
        ),
        ("crop-people", crop_people, [str(project), "--only-present"]),
        ("smile-gifs", smile_gifs, [str(project)]),
    ]
    for name, stage, arguments in stages:
        print(f"\n{name} {' '.join(arguments)}", flush=True)
        if code := stage(arguments):
            return code
    print("\nThe cast, as fancam found it:")
    for montage in sorted((project / "people" / "montage").glob("*.jpg")):
        print(f"  {montage}")
    print("Their smiles:")
    for gif in sorted((project / "crops" / "film").glob("*.gif")):
        print(f"  {gif}")
    print("How well the detector knows them, and the film with everybody's name on it:")
    print(f"  {project / 'tracker' / 'report' / 'report.html'}\n  {tracks.with_suffix('.mp4')}")
    print("A video of each of them, and the best of it:")
    for video in sorted((project / "crops" / "film").glob("*.mp4")):
        print(f"  {video}")
    return 0


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

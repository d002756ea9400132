"""The command `fancam demo`: run every stage on a synthetic film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from data.command.command import runnable
from data.core.errors import InputError
from data.storage.shown import command_line, not_an_option

FILM: Final = "film.mp4"


def demo(folder: Path) -> int:
    """Draw the sample film in ``folder`` and run every stage on it; return the exit code.

    Raises:
        InputError: ``folder`` is a file.
    """
    film = _drawn_film(folder)
    project = folder / "film.fancam"
    from clustering.cli import main as cluster_faces
    from cropping.crop_cli import main as crop_people
    from cropping.smiles.cli import main as smile_gifs
    from tracking.evaluation.__main__ import main as evaluate
    from tracking.track_cli import main as track_people
    from tracking.training.cli import main as train_tracker

    tracks = project / "tracks" / "film.csv"
    # From scratch, since pretrained weights would have to be downloaded.
    stages: list[tuple[str, Callable[[Sequence[str]], int], list[str]]] = [
        ("cluster-faces", cluster_faces, [_word(film), "--project", _word(project)]),
        ("train-tracker", train_tracker, [_word(project), "--weights", "yolo11n.yaml"]),
        ("track-people", track_people, [_word(project), "--overlay"]),
        (
            "python -m tracking.evaluation",
            evaluate,
            [_word(tracks), _word(film.with_suffix(".truth.csv"))],
        ),
        ("crop-people", crop_people, [_word(project), "--only-present"]),
        ("smile-gifs", smile_gifs, [_word(project)]),
    ]
    for name, stage, arguments in stages:
        print(f"\n{command_line(name, *arguments)}", flush=True)
        if code := stage(arguments):
            return code
    print("\nThe people that fancam found:")
    for montage in sorted((project / "people" / "montage").glob("*.jpg")):
        print(f"  {montage}")
    print("The accuracy of the detector, and the film with every person's name:")
    print(f"  {project / 'tracker' / 'report' / 'report.html'}\n  {tracks.with_suffix('.mp4')}")
    print("Each person's video, a shorter one without gaps, and their smile GIFs:")
    for pattern in ("*.mp4", "*.gif"):
        for file in sorted((project / "crops" / "film").glob(pattern)):
            print(f"  {file}")
    watch = command_line(runnable("serve-people"), project, "--open")
    print(f"To watch them in sync and name them:\n  {watch}")
    return 0


def _word(path: Path) -> str:
    """Return a path as an argument that no command takes for an option."""
    return not_an_option(str(path))


def _drawn_film(folder: Path) -> Path:
    """Draw the sample film unless it exists, and return its path."""
    film = folder / FILM
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder; choose another --folder")
    from data.sample.film import draw_film
    from data.sample.truth import truth_paths

    if not all(path.exists() for path in (film, *truth_paths(film))):
        print(f"drawing a film with a cast of six: {film}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        draw_film(film)
    return film

"""The front door: all stages by one command, and what else one does with a project."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.command import Parser, require_range, run, say_failed, shown
from data.errors import InputError

if TYPE_CHECKING:
    from data.failures import Failures
    from data.overall import Overall, Step
    from data.progress import Progress
    from data.project import Project

NAME = "fancam"
FILM = "film.mp4"
_EXPORTS = ("coco", "label-studio", "mot")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _COMMANDS:
        command = _COMMANDS[given[0]]
        parser = Parser(prog=f"{NAME} {given[0]}", description=command.does)
        command.add_options(parser)
        return run(NAME, lambda: command.work(parser.parse_args(given[1:])))
    return run(NAME, lambda: _run(_parser().parse_args(given)))


# --- all stages -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _COMMANDS))
    others = "\n".join(f"  {NAME} {name:<{width}}  {c.does}" for name, c in _COMMANDS.items())
    parser = Parser(
        prog=NAME,
        description="From raw footage to a video of each person, and a page to watch them on.",
        epilog=f"A run that was stopped goes on where it was when it is given again.\n\n{others}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("footage", nargs="+", type=Path, help="videos, or folders of them")
    add("--project", type=Path, metavar="DIR", help="project folder (default: FOOTAGE.fancam here)")
    add(
        "--weights",
        default="yolo11n.pt",
        metavar="FILE",
        help="what the tracker starts from, as in train-tracker (default: yolo11n.pt)",
    )
    add("--no-review", action="store_true", help="do not wait for names after people were found")
    add("--open", action="store_true", help="serve the page at the end and open it in the browser")
    add("--threads", type=int, default=0, metavar="N", help="processor cores to use (default: all)")
    return parser


def _run(parsed: argparse.Namespace) -> int:
    require_range("--threads", parsed.threads, low=0, high=256)
    from data.failures import Failures
    from data.footage_paths import footage_paths, project_for
    from data.overall import overall

    footages = footage_paths(parsed.footage)
    project = project_for(parsed.footage, footages, named=parsed.project)
    failures = Failures()
    _refuse_early(project, footages, parsed.weights)
    review = not parsed.no_review and sys.stdin.isatty() and sys.stderr.isatty()
    stages = _Stages(project, footages, parsed.weights, parsed.threads, failures)
    with overall(NAME, stages.steps()) as line:
        for number, stage in enumerate(stages.in_order()):
            with line.step(number) as progress:
                for said in stage(progress):
                    line.say(said)
            if number == 0 and review:
                _review(project, line)
    folder = shown(project.folder)
    print(f"videos  {folder}/crops\nwatch   serve-people {folder} --open", flush=True)
    code = say_failed(NAME, sorted(set(failures.lines)))
    return (_serve(project) or code) if parsed.open else code


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stages of one run, as one does them by hand; each says in a line what came of it."""

    project: Project
    footages: list[Path]
    weights: str
    threads: int
    failures: Failures

    def steps(self) -> list[Step]:
        """How long each may take, from what they took on a laptop of two cores, in seconds."""
        from data.footage import probe
        from data.overall import Step

        seconds = 0.0
        for path in self.footages:
            with suppress(InputError):
                seconds += probe(path).duration_s
        count = max(len(self.footages), 1)
        return [
            Step("cluster-faces", 5 + 0.5 * seconds, bars=count),
            Step("train-tracker", 60 + min(4 * seconds, 500)),
            Step("track-people", 5 + 1.0 * seconds, bars=count),
            Step("crop-people", 5 + 1.0 * seconds, bars=count),
            Step("smile-gifs", 10 + 0.3 * seconds, bars=2 * count),
        ]

    def in_order(self) -> list[Callable[[Progress], Iterator[str]]]:
        """Every stage, to be run with its bars."""
        return [self._cluster, self._train, self._track, self._crop, self._smile]

    def _cluster(self, progress: Progress) -> Iterator[str]:
        from clustering.backends import BackendSettings
        from clustering.settings import ClusterSettings
        from clustering.stage import cluster_faces

        settings = ClusterSettings(backend=BackendSettings(threads=self.threads))
        summary = cluster_faces(self.project, self.footages, settings, progress=progress)
        self.failures.lines.extend(summary.failed)
        faces = sum(person.faces for person in summary.people)
        names = ", ".join(person.name for person in summary.people)
        yield f"cluster-faces  {len(summary.people)} people in {faces} faces: {names}"
        if not summary.people:
            raise InputError("too few alike faces to make a person; see cluster-faces --help")

    def _train(self, progress: Progress) -> Iterator[str]:
        from tracking.training_stage import TrackerSettings, train_tracker

        settings = TrackerSettings(weights=self.weights)
        with self.project.lock():
            result = train_tracker(self.project, settings, progress=progress).result
        yield f"train-tracker  {result.epochs} epochs, mAP50 {result.map50:.2f}"

    def _track(self, progress: Progress) -> Iterator[str]:
        from tracking.stage import TrackSettings, track_people

        settings = TrackSettings(threads=self.threads)
        tracked = track_people(
            self.project, self._usable(), settings, progress=progress, failures=self.failures
        )
        rows = sum(person.detected + person.filled for one in tracked for person in one.people)
        frames = sum(one.frames for one in tracked)
        yield f"track-people   {rows} rows in {frames} frames"

    def _crop(self, progress: Progress) -> Iterator[str]:
        from cropping.settings import CropSettings
        from cropping.stage import crop_people

        settings = CropSettings(threads=self.threads)
        done = crop_people(self.project, self._tracked(), settings, progress=progress)
        yield f"crop-people    {sum(len(one.people) for one in done)} videos"

    def _smile(self, progress: Progress) -> Iterator[str]:
        from cropping.smile_stage import SmileSettings, smile_gifs

        settings = SmileSettings(threads=self.threads)
        done = smile_gifs(self.project, self._tracked(), settings, progress=progress)
        people = [person for one in done for person in one.people]
        made = sum(person.file is not None for person in people)
        few = f"; too few smiles of {len(people) - made}" if made < len(people) else ""
        yield f"smile-gifs     {made} GIFs{few}"

    def _usable(self) -> list[Path]:
        """The footages in which faces were looked for: the others are named already."""
        from data.project import absolute

        known = {entry.path for entry in self.project.footages.values()}
        return [path for path in self.footages if absolute(path) in known]

    def _tracked(self) -> list[Path]:
        """The videos that are tracked."""
        from data.tracks import tracks_stage

        entries = self.project.footages.values()
        tracked = [e for e in entries if e.rate and tracks_stage(e.name) in self.project.stages]
        paths = {entry.path for entry in tracked}
        from data.project import absolute

        return [path for path in self._usable() if absolute(path) in paths]


def _refuse_early(project: Project, footages: Sequence[Path], weights: str) -> None:
    """Refuse what would fail late: weights that are not there, no encoder, a disk too small."""
    from cropping.encoding import EncoderSettings, check_encoder
    from data.disk_space import require_space, space_needed
    from data.footage import probe
    from tracking.weights import find_weights

    readable = []
    for path in footages:
        try:
            readable.append(probe(path))
        except InputError:
            if len(footages) == 1:
                raise  # of several, it is named at the end
    find_weights(weights, project.tracker_folder / "weights")
    check_encoder(EncoderSettings())
    if not project.folder.exists():
        require_space(project.folder, space_needed(readable))


def _review(project: Project, line: Overall) -> None:
    """Let the user name people, and write the dataset again if they did."""
    from clustering.writing import review_people, write_people
    from data.people import open_people
    from data.progress import bars
    from web.serving import served
    from web.settings import Settings

    with open_people(project.people_file) as people:
        count = len(people.names())
    with served([project.folder], Settings(port=0)) as address:
        line.say(f"found {count} people: press Enter to go on, or name them at {address}people")
        input()
    if not review_people(project).up_to_date:
        write_people(project, progress=bars(NAME))


def _serve(project: Project) -> int:
    from web.serving import serve
    from web.settings import Settings

    return serve([project.folder], Settings(), open_page=True)


# --- what else one does with a project --------------------------------------------------------


def _project_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", type=Path, help="project folder, such as concert.fancam")


def _existing(folder: Path) -> Project:
    from data.project import Project, require_project

    require_project(folder)
    return Project(folder)


def _confirmed(question: str, *, yes: bool) -> bool:
    """Ask, unless it was said that the answer is yes.

    Raises:
        InputError: there is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody to ask: give --yes")
    return input(f"{question} [y/N] ").strip().casefold() in ("y", "yes")


def _forget_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument("person", help="name of the person, as the project has it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _forget(parsed: argparse.Namespace) -> int:
    from clustering.forgetting import forget_faces, renamed_pictures
    from cropping.forgetting import forget_crops
    from data.exporting import remove_exports
    from data.labels import LabelFolder
    from data.people import open_people
    from data.progress import bars
    from data.project import CACHE_FOLDER
    from data.traces import find_traces
    from tracking.forgetting import forget_tracks

    project = _existing(parsed.project)
    with open_people(project.people_file) as people:
        ids = {name: person for person, name in people.names().items()}
    if parsed.person not in ids:
        known = ", ".join(ids) or "nobody"
        raise InputError(f"{parsed.person}: nobody of that name; the project knows {known}")
    if not _confirmed(f"Forget {parsed.person}? This cannot be undone.", yes=parsed.yes):
        return 0
    person = ids[parsed.person]
    with project.lock():
        remove_exports(project.export_folder)
        shutil.rmtree(project.folder / CACHE_FOLDER, ignore_errors=True)
        forget_crops(project, person)
        had_tracker = forget_tracks(project, person)
        LabelFolder(project.labels_folder).rename_pictures(renamed_pictures(project, person))
        gone = forget_faces(project, person, progress=bars(NAME, unit="files"))
    print(f"{parsed.person}: {gone.faces} faces taken out, covered in the frames that were kept")
    if had_tracker:
        print("the tracker knew them and is gone: run train-tracker and track-people again")
    print("others' videos may show them in the background: crop-people --others blur --force")
    traces = find_traces(project.folder, name=parsed.person, embeddings=gone.embeddings)
    lines = [f"{trace.path}: their {trace.what} is still in it; remove it" for trace in traces]
    print(f"searched every byte of {shown(project.folder)}: {len(traces)} traces left")
    return say_failed(NAME, lines)


def _export_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    add = parser.add_argument
    add("--format", choices=_EXPORTS, action="append", help="only this (default: all)")
    add("--out", type=Path, metavar="DIR", help="where to (default: PROJECT/export)")


def _export(parsed: argparse.Namespace) -> int:
    from data.exporting import export_coco, export_label_studio, export_mot
    from data.timeline import read_timeline
    from data.tracks import read_tracks, tracks_stage

    project = _existing(parsed.project)
    out = parsed.out or project.export_folder
    formats = parsed.format or list(_EXPORTS)
    writers = {"coco": export_coco, "label-studio": export_label_studio}
    for name in [name for name in formats if name in writers]:
        images = writers[name](project.dataset_folder, out / f"{name}.zip")
        print(f"{shown(out / f'{name}.zip')}  {images} images")
    entries = project.footages.values()
    tracked = [entry for entry in entries if tracks_stage(entry.name) in project.stages]
    if "mot" in formats and not tracked and parsed.format:
        raise InputError(f"{project.folder}: no tracks to export; run track-people first")
    for entry in tracked if "mot" in formats else []:
        tracks, names = read_tracks(project, entry.name)
        timeline = read_timeline(project.detections_file(entry.name))
        archive = out / f"{entry.name}.mot.zip"
        rows = export_mot(
            tracks,
            names,
            archive,
            footage=entry.name,
            frames=int(timeline.frame_index[-1]) + 1 if len(timeline) else 0,
            rate=entry.rate,
            frame_wh=(entry.width, entry.height),
        )
        print(f"{shown(archive)}  {rows} rows")
    return 0


# --- demo -------------------------------------------------------------------------------------


def _demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=Path("demo"), help="where to put it all (default: demo)"
    )


def demo(parsed: argparse.Namespace) -> int:
    """Draw the sample film and run every stage on it; return the exit code."""
    film = _drawn_film(parsed.folder)
    project = parsed.folder / "film.fancam"
    from clustering.cli import main as cluster_faces
    from cropping.crop_cli import main as crop_people
    from cropping.smile_cli import main as smile_gifs
    from tracking.evaluate import main as evaluate
    from tracking.track_cli import main as track_people
    from tracking.train_cli import main as train_tracker

    tracks = project / "tracks" / "film.csv"
    # From scratch, since trained weights would have to be downloaded.
    stages: list[tuple[str, Callable[[Sequence[str]], int], list[str]]] = [
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
    print("How well the detector knows them, and the film with everybody's name on it:")
    print(f"  {project / 'tracker' / 'report' / 'report.html'}\n  {tracks.with_suffix('.mp4')}")
    print("A video of each of them, the best of it, and their smiles:")
    for pattern in ("*.mp4", "*.gif"):
        for file in sorted((project / "crops" / "film").glob(pattern)):
            print(f"  {file}")
    print(f"Watch them in sync, and name them:\n  serve-people {project} --open")
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


@dataclass(frozen=True, slots=True)
class _Command:
    """One of the other commands."""

    work: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None]
    does: str


_COMMANDS = {
    "demo": _Command(demo, _demo_options, "draw a short film and run every stage on it"),
    "export": _Command(_export, _export_options, "write dataset and tracks for other tools"),
    "forget": _Command(_forget, _forget_options, "take a person out of a project for good"),
}


if __name__ == "__main__":
    sys.exit(main())

"""Overhead of Ray on one machine, and costs per hour of footage: the figures of docs/scale.md."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from clustering.faces.backends import BackendSettings
from clustering.settings import ClusterSettings
from clustering.stage import cluster_faces
from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.core.progress import NoBar
from data.execution.context import RunContext
from data.execution.ray import LOCAL, ray_at
from data.execution.tasks import LocalRunner, Runner
from data.project.project import Project
from data.sample.film import draw_film
from data.video.footage import probe
from data.video.packet_index import index_packets
from tests.cropping.tracked_project import truth_tracks, write_project
from tests.targets import verdict
from tests.tracking.untrained import write_untrained
from tracking.detection.export import exported_model
from tracking.stage import TrackSettings, track_people

TARGET: Final = 0.20
"""Largest overhead of Ray over the plain run on one machine, with its workers started."""
COPIES: Final = 4
SECONDS, QUICK_SECONDS = 50.0, 4.0
FOLLOWED_S: Final = 20.0
PEOPLE: Final = 2
"""Videos per footage: a lesson's teacher and student."""
IMAGE_PX: Final = 416
"""Image size that train-tracker chooses for small footage on a CPU."""
_HOUR_S: Final = 3600


@dataclass(slots=True)
class Times:
    """Seconds of each run, taken in turn."""

    plain: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # of the plain runs, summed over all cores
    ray: list[float] = field(default_factory=list)
    start: float = 0.0  # until Ray runs
    first: float = 0.0  # of the first run on Ray, in which its workers start and load

    @property
    def overhead(self) -> float:
        """Return the extra time with Ray, as a share of the plain time."""
        return float(np.median(np.divide(self.ray, self.plain))) - 1


def report(folder: Path, *, seconds: float = SECONDS, rounds: int = 3) -> list[str]:
    """Measure everything, in the empty ``folder``."""
    films = _films(folder, seconds)
    times = _measure(films, folder, rounds)
    pairs = zip(times.ray, times.plain, strict=True)
    ratios = " ".join(f"{ray / plain:.2f}" for ray, plain in pairs)
    met = verdict(times.overhead < TARGET)
    lines = [
        f"more than one machine: cluster-faces of {COPIES} footages of {seconds:.0f} s, 1 frame/s",
        f"  plain {_listed(times.plain)} s, --ray local {_listed(times.ray)} s, ratios [{ratios}]",
        f"  Ray takes {times.overhead:+.0%} on one machine, target under {TARGET:.0%} {met}",
        f"  before that: {times.start:.1f} s until Ray runs; the first run on it, in which its"
        f" processes load, takes {times.first:.1f} s",
    ]
    hours = COPIES * seconds / _HOUR_S
    cpu = float(np.median(times.cpu)) / hours / _HOUR_S
    lines.append(f"  an hour of footage takes {cpu:.2f} core hours to cluster")
    lines += _follow(folder, min(seconds, FOLLOWED_S))
    return [*lines, *_an_hour(Project(folder / "plain.fancam"), films)]


def _films(folder: Path, seconds: float) -> list[Path]:
    films = [folder / f"{number}.mp4" for number in range(COPIES)]
    draw_film(films[0], duration_s=seconds)
    for copy in films[1:]:
        shutil.copyfile(films[0], copy)
    return films


def _measure(films: list[Path], folder: Path, rounds: int) -> Times:
    times, here = Times(), LocalRunner()

    def run(name: str, runner: Runner) -> float:
        return _timed(lambda: _cluster(Project(folder / f"{name}.fancam"), films, runner))

    start = time.perf_counter()
    with ray_at(LOCAL) as cluster:
        times.start = time.perf_counter() - start
        times.first = run("ray", cluster)
        run("plain", here)
        for _ in range(rounds):
            cpu = time.process_time()
            times.plain.append(run("plain", here))
            times.cpu.append(time.process_time() - cpu)
            times.ray.append(run("ray", cluster))
    return times


def _cluster(project: Project, films: list[Path], runner: Runner) -> None:
    backend = BackendSettings(upsample=0)
    settings = ClusterSettings(every_s=1.0, backend=backend, force=True)
    cluster_faces(project, films, settings, context=RunContext(_no_bar, runner=runner))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _follow(folder: Path, seconds: float) -> list[str]:
    """Measure core hours and output of the stages that process every frame."""
    film = folder / "followed.mp4"
    truth = draw_film(film, duration_s=seconds)
    tracks, names, timeline = truth_tracks(truth)
    project = write_project(folder / "followed.fancam", film, tracks, names, timeline)
    write_untrained(project, image_px=IMAGE_PX)
    people = tuple(sorted(names.values())[:PEOPLE])
    settings = CropSettings(people=people)
    exported_model(project.tracker_file)  # exported once per tracker
    # An untrained detector gives no tracks to crop by.
    crop_s = _cpu_s(lambda: crop_people(project, [], settings, context=RunContext(_no_bar)))
    crops = sum(file.stat().st_size for file in project.crops_folder("followed").glob("*.mp4"))
    tables = sum(file.stat().st_size for file in project.tracks_folder.glob("followed.*"))
    chosen = TrackSettings(device="cpu")
    track_s = _cpu_s(lambda: track_people(project, [film], chosen, context=RunContext(_no_bar)))
    shown = f"{len(people)} videos and smile scores"
    return [
        f"  {track_s / seconds:.2f} to track (yolo11n at {IMAGE_PX} px),"
        f" {crop_s / seconds:.2f} to crop, {shown}; at {truth.frame_wh[0]}x{truth.frame_wh[1]}",
        f"  an hour of it: tracks {tables / seconds * _HOUR_S / 1e6:.0f} MB, a person's video"
        f" {crops / len(people) / seconds * _HOUR_S / 1e6:.0f} MB",
    ]


def _cpu_s(call: Callable[[], object]) -> float:
    """Return seconds summed over all cores."""
    start = time.process_time()
    call()
    return time.process_time() - start


def _an_hour(project: Project, films: list[Path]) -> list[str]:
    """Measure the files of an hour of footage, and the time of the submitting process."""
    footages = [probe(film) for film in films]
    hours = sum(footage.duration_s for footage in footages) / _HOUR_S
    tables = sum(file.stat().st_size for file in project.faces_folder.glob("*.parquet"))
    pictures = sum(file.stat().st_size for file in project.faces_folder.glob("*/*.jpg"))
    index_s = _cpu_s(lambda: [index_packets(footage) for footage in footages])
    save_s = min(_cpu_s(project.save) for _ in range(5))
    return [
        f"  an hour of it: faces tables {tables / hours / 1e6:.0f} MB, pictures"
        f" {pictures / hours / 1e6:.0f} MB; finding its packets {index_s / hours:.1f} s",
        f"  project.json: {save_s / len(films) * 1e3:.2f} ms per footage each time it is written",
    ]


def _listed(values: list[float]) -> str:
    return f"{float(np.median(values)):.1f} [{' '.join(f'{value:.1f}' for value in values)}]"


def _no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[NoBar]:
    return nullcontext(NoBar())

"""Frames per second of `crop-people`, against fixed crops by ffmpeg and one pass per person.

Processor time is printed as well: it is more reliable on a machine that is busy with other work.
Run it alone: `python -m tests.benchmarks.cropping`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from cropping.camera.window import WindowSettings
from cropping.render.render import KEYFRAME_S
from cropping.render.settings import CropSettings
from cropping.stage import crop_people
from data.core.cores import available_cores
from data.execution.context import RunContext
from data.project.project import Project
from data.sample.film import draw_film
from data.video.container import ASSUMED_RATE
from data.video.footage import probe
from data.video.reader import decode_frames
from tests import SHARED
from tests.cropping.tracked_project import write_project
from tests.quality.cropping import person_views
from tests.quality.cropping_clips import TrackedClip, drawn_clip, labelled_clip

TARGET_FFMPEG: Final = 0.9
TARGET_PASSES: Final = 1.5
PEOPLE: Final = 4
SERVICE: Final = WindowSettings(size_wh=(200, 630))
"""The fixed crop size of the service that fancam replaces, in footage pixels, unscaled."""
CASES: Final = (
    ("pexels_03", SERVICE),
    ("pexels_03", WindowSettings()),
    ("talkshow_a", WindowSettings()),
)
"""720p without sound, all people always visible; 360p with sound and cuts."""


@dataclass(frozen=True, slots=True)
class RunTime:
    """Time of one run."""

    wall_s: float
    cpu_s: float  # of all threads and child processes

    def __add__(self, other: RunTime) -> RunTime:
        return RunTime(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@dataclass(slots=True)
class Rounds:
    """Times of each contender, one entry per round."""

    frames: int = 0
    decoding: list[RunTime] = field(default_factory=list)
    ours: list[RunTime] = field(default_factory=list)
    passes: list[RunTime] = field(default_factory=list)
    ffmpeg: dict[str, list[RunTime]] = field(default_factory=dict)

    def best_ffmpeg(self) -> str:
        """Name of the fastest ffmpeg variant."""
        return min(
            self.ffmpeg, key=lambda variant: _median(took.wall_s for took in self.ffmpeg[variant])
        )


def report(clip: TrackedClip, window: WindowSettings, folder: Path, *, rounds: int) -> list[str]:
    """Measure one clip, all contenders in turn."""
    found = measure(clip, window, folder, rounds)
    size, typical = window.video_wh(clip.frame_wh), typical_crops(clip, window)[0].wh
    lines = [
        f"Cropping {clip.name}, {clip.frame_wh[0]}x{clip.frame_wh[1]} to {PEOPLE} videos of"
        f" {size[0]}x{size[1]} from windows of mostly {typical[0]}x{typical[1]}"
        f" ({found.frames} frames)",
        _listed("crop-people, all in one pass", found.ours, found.frames),
        _listed("crop-people, one pass per person", found.passes, found.frames),
        _compared("one pass", found.passes, found.ours, TARGET_PASSES),
        f"    of which by decoding once alone: {_by_decoding_once(found):.2f} times the work",
    ]
    if not found.ffmpeg:
        return [*lines, "  ffmpeg is not on this machine (apt-get install ffmpeg)"]
    lines += [_listed(variant, took, found.frames) for variant, took in found.ffmpeg.items()]
    best = found.best_ffmpeg()
    compared = _compared("crop-people", found.ffmpeg[best], found.ours, TARGET_FFMPEG)
    return [*lines, f"{compared}, against {best}"]


def measure(clip: TrackedClip, window: WindowSettings, folder: Path, rounds: int) -> Rounds:
    """Run all contenders in turn, after one warm-up round."""
    found = Rounds(frames=len(clip.timeline))
    people = _people(clip)
    project = write_project(
        folder / f"{clip.name}.fancam", clip.footage, clip.tracks, clip.names, clip.timeline
    )
    contenders: list[tuple[list[RunTime], Callable[[], RunTime]]] = [
        (found.decoding, partial(_timed, partial(_decode, clip.footage))),
        (found.ours, partial(_ours, project, window, people)),
        (found.passes, partial(_passes, project, window, people)),
    ]
    for variant, threads in _ffmpeg_variants().items():
        command = ffmpeg_command(clip, window, folder, threads)
        run = partial(subprocess.run, command, check=True)
        contenders.append((found.ffmpeg.setdefault(variant, []), partial(_timed, run)))
    _ours(project, window, people)
    for number in range(rounds):
        # Rotate which one is first: a machine's speed depends on what it did just before.
        first = number % len(contenders)
        for took, contender in [*contenders[first:], *contenders[:first]]:
            took.append(contender())
    return found


def _by_decoding_once(found: Rounds) -> float:
    """Return the factor of work that one pass saves if people shared only the decoding.

    The cheaper decoding is compared with encoding, the less a shared pass can save.
    """
    decoding = _median(took.cpu_s for took in found.decoding)
    passes = _median(took.cpu_s for took in found.passes)
    return passes / (passes - (PEOPLE - 1) * decoding)


def _people(clip: TrackedClip) -> list[str]:
    """Return the people who are seen most."""
    seen = {name: len(clip.of(person)) for person, name in clip.names.items()}
    return sorted(seen, key=lambda name: seen[name], reverse=True)[:PEOPLE]


def _ours(project: Project, window: WindowSettings, people: Sequence[str]) -> RunTime:
    """Time the command from tracks to finished files, without Python's start-up."""
    # No video of an earlier measurement is reused, and smiles are not scored.
    shutil.rmtree(project.folder / "crops", ignore_errors=True)
    settings = CropSettings(window=window, people=tuple(people), smiles=False)
    return _timed(partial(crop_people, project, [], settings, context=RunContext(_no_bar)))


def _passes(project: Project, window: WindowSettings, people: Sequence[str]) -> RunTime:
    return sum((_ours(project, window, [name]) for name in people), RunTime(0, 0))


def _decode(footage: Path) -> None:
    for _ in decode_frames(probe(footage)):
        pass


def _timed(work: Callable[[], object]) -> RunTime:
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    work()
    return RunTime(time.perf_counter() - wall_s, _cpu_s() - cpu_s)


def _cpu_s() -> float:
    import resource  # not on Windows

    used = [resource.getrusage(usage) for usage in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _ffmpeg_variants() -> dict[str, list[str]]:
    if shutil.which("ffmpeg") is None:
        return {}
    return {"ffmpeg, its own threads": [], "ffmpeg, 1 thread per encoder": ["-threads", "1"]}


def ffmpeg_command(
    clip: TrackedClip, window: WindowSettings, folder: Path, threads: Sequence[str]
) -> list[str]:
    """Return a command for fixed crops of the place, size and scale typical of crop-people."""
    settings, footage = CropSettings(), probe(clip.footage)
    crops = typical_crops(clip, window)
    width, height = crops[0].wh
    video_wh = window.video_wh(clip.frame_wh)
    scale = f",scale={video_wh[0]}:{video_wh[1]}" if (width, height) != video_wh else ""
    keyframes = round((footage.rate or ASSUMED_RATE) * KEYFRAME_S)
    names = [f"o{number}" for number in range(PEOPLE)]
    graph = [f"[0:v]split={PEOPLE}{''.join(f'[i{name}]' for name in names)}"]
    graph += [
        f"[i{name}]crop={width}:{height}:{crop.left}:{crop.top}{scale}[{name}]"
        for name, crop in zip(names, crops, strict=True)
    ]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(clip.footage)]
    command += ["-filter_complex", ";".join(graph)]
    for name in names:
        sound = ["-map", "0:a", "-c:a", "copy"] if footage.has_audio else []
        command += ["-map", f"[{name}]", *sound, "-c:v", settings.encoder.name]
        command += ["-preset", settings.encoder.preset, "-crf", f"{settings.encoder.crf:g}"]
        command += ["-g", str(keyframes), "-movflags", "+faststart", *threads]
        command += [str(folder / f"{name}.mp4")]
    return command


@dataclass(frozen=True, slots=True)
class Crop:
    """A fixed window, in pixels of the frame."""

    left: int
    top: int
    wh: tuple[int, int]  # even


def typical_crops(clip: TrackedClip, window: WindowSettings) -> list[Crop]:
    """Return a typical crop window of each tracked person; all have one size."""
    windows = []
    ids = {name: person for person, name in clip.names.items()}
    for name in _people(clip):
        found = person_views(clip, clip.of(ids[name]), "steady", window)
        windows.append(found.xyxy[found.present])
    shown = np.concatenate(windows)
    wh = np.round(np.median(shown[:, 2:] - shown[:, :2], axis=0) / 2).astype(int) * 2
    crops = []
    for each in windows:
        middles = (each[:, :2] + each[:, 2:]) / 2
        # A person who is never tracked gets the middle of the frame.
        middle = np.median(middles, axis=0) if len(middles) else np.array(clip.frame_wh) / 2
        left, top = np.clip(np.round(middle - wh / 2), 0, np.array(clip.frame_wh) - wh).tolist()
        crops.append(Crop(int(left), int(top), (int(wh[0]), int(wh[1]))))
    return crops


class _Silent:
    def update(self, n: int) -> None:
        """Show nothing."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show nothing."""


def _no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[_Silent]:
    return nullcontext(_Silent())


def _listed(name: str, rounds: Sequence[RunTime], frames: int) -> str:
    """Format frames per second of each round, and processor time per frame."""
    rates = [frames / took.wall_s for took in rounds]
    listed = " ".join(f"{rate:6.1f}" for rate in rates)
    work_ms = 1000 * _median(took.cpu_s for took in rounds) / frames
    rate = f"{_median(rates):6.1f} frames/s  [{listed}]"
    return f"  {name:32} {rate}  {work_ms:5.1f} ms of a core per frame"


def _compared(name: str, slow: Sequence[RunTime], quick: Sequence[RunTime], target: float) -> str:
    """Format the ratio of each round, since other load affects both sides of a round alike."""
    pairs = list(zip(slow, quick, strict=True))
    ratio = _median(one.wall_s / other.wall_s for one, other in pairs)
    work = _median(one.cpu_s / other.cpu_s for one, other in pairs)
    verdict = "met" if ratio >= target else "MISSED"
    return f"  {name} is {ratio:.2f} times as fast, target {target} ({verdict}); by work {work:.2f}"


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def cases(folder: Path) -> Iterator[tuple[TrackedClip, WindowSettings]]:
    """Yield the real clips, or the drawn film where they are missing."""
    if SHARED.is_dir():
        yield from ((labelled_clip(SHARED, name), window) for name, window in CASES)
        return
    film = folder / "film.mp4"
    clip = drawn_clip(film, draw_film(film, size_wh=(1280, 720)))
    yield from ((clip, window) for window in (SERVICE, WindowSettings()))


def all_reports(*, rounds: int) -> Iterator[list[str]]:
    """Yield the report of each case when it is measured."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (clip, window) in enumerate(cases(Path(folder))):
            place = Path(folder) / str(number)
            place.mkdir()
            yield report(clip, window, place, rounds=rounds)


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cropping")
    parser.add_argument("--rounds", type=int, default=3)
    parsed = parser.parse_args()
    print(f"{available_cores()} cores")
    for lines in all_reports(rounds=parsed.rounds):
        print("\n".join(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

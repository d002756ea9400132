"""Frames a second: `crop-people` against ffmpeg with fixed crops, and against a pass a person.

Alone: `python -m tests.benchmarks.cropping`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from cropping.rendering import KEYFRAME_S
from cropping.settings import CropSettings
from cropping.stage import crop_people
from cropping.window import WindowSettings
from data.footage import ASSUMED_RATE, probe
from data.project import Project
from data.sample.film import draw_film
from tests.benchmarks.machine import cores
from tests.conftest import SHARED
from tests.cropping.tracked_project import write_project
from tests.quality.cropping import person_views
from tests.quality.cropping_clips import TrackedClip, drawn_clip, labelled_clip

TARGET_FFMPEG: Final = 0.9
TARGET_PASSES: Final = 1.5
PEOPLE: Final = 4
SERVICE: Final = WindowSettings(size_wh=(200, 630))
"""What the service that this grew from cut out: so many pixels as they are, as ffmpeg does."""
CASES: Final = (
    ("pexels_03", SERVICE),
    ("pexels_03", WindowSettings()),
    ("talkshow_a", WindowSettings()),
)
"""720p without sound, where everybody is seen all the time; 360p with sound and cuts."""


@dataclass(slots=True)
class Rates:
    """Frames of footage a second, one entry a round."""

    frames: int = 0
    ours: list[float] = field(default_factory=list)
    passes: list[float] = field(default_factory=list)
    ffmpeg: dict[str, list[float]] = field(default_factory=dict)

    def best_ffmpeg(self) -> str:
        """The quickest way of running it."""
        return max(self.ffmpeg, key=lambda way: float(np.median(self.ffmpeg[way])))


def report(clip: TrackedClip, window: WindowSettings, folder: Path, *, rounds: int) -> list[str]:
    """Measure one clip; all sides in turn."""
    rates = measure(clip, window, folder, rounds)
    ours, passes = float(np.median(rates.ours)), float(np.median(rates.passes))
    size, typical = window.video_wh(clip.frame_wh), typical_wh(clip, window)
    lines = [
        f"Cropping {clip.name}, {clip.frame_wh[0]}x{clip.frame_wh[1]} to {PEOPLE} videos of"
        f" {size[0]}x{size[1]} from windows of mostly {typical[0]}x{typical[1]}, frames a second"
        f" ({rates.frames} frames)",
        f"  crop-people, all in one pass      {_listed(rates.ours)}",
        f"  crop-people, one pass a person    {_listed(rates.passes)}",
        f"  one pass is {ours / passes:.2f} times as fast, target {TARGET_PASSES}"
        f" {_verdict(ours / passes >= TARGET_PASSES)}",
    ]
    if not rates.ffmpeg:
        return [*lines, "  ffmpeg is not on this machine (apt-get install ffmpeg)"]
    lines += [f"  {way:32}  {_listed(found)}" for way, found in rates.ffmpeg.items()]
    ratio = ours / float(np.median(rates.ffmpeg[rates.best_ffmpeg()]))
    lines.append(
        f"  crop-people is {ratio:.2f} times as fast as the quickest ffmpeg, target"
        f" {TARGET_FFMPEG} {_verdict(ratio >= TARGET_FFMPEG)}"
    )
    return lines


def measure(clip: TrackedClip, window: WindowSettings, folder: Path, rounds: int) -> Rates:
    """Let all sides work in turn."""
    rates = Rates(frames=len(clip.timeline))
    people = _people(clip)
    project = write_project(
        folder / f"{clip.name}.fancam", clip.footage, clip.tracks, clip.names, clip.timeline
    )
    for _ in range(rounds):
        rates.ours.append(rates.frames / _ours(project, window, [people]))
        rates.passes.append(rates.frames / _ours(project, window, [[n] for n in people]))
        for way, threads in _ffmpeg_ways().items():
            took_s = _ffmpeg(clip, window, folder, threads)
            rates.ffmpeg.setdefault(way, []).append(rates.frames / took_s)
    return rates


def _people(clip: TrackedClip) -> list[str]:
    """Those who are seen most."""
    seen = {name: len(clip.of(person)) for person, name in clip.names.items()}
    return sorted(seen, key=lambda name: seen[name], reverse=True)[:PEOPLE]


def _ours(project: Project, window: WindowSettings, passes: Sequence[Sequence[str]]) -> float:
    """Seconds of the whole command, but for Python's start: from tracks to finished files."""
    shutil.rmtree(project.folder / "crops", ignore_errors=True)
    start = time.perf_counter()
    for people in passes:
        # Nobody else looks who smiles.
        settings = CropSettings(window=window, people=tuple(people), smiles=False)
        crop_people(project, [], settings, progress=_no_bar)
    return time.perf_counter() - start


def _ffmpeg_ways() -> dict[str, list[str]]:
    if shutil.which("ffmpeg") is None:
        return {}
    return {"ffmpeg, its own threads": [], "ffmpeg, 1 thread an encoder": ["-threads", "1"]}


def _ffmpeg(
    clip: TrackedClip, window: WindowSettings, folder: Path, threads: Sequence[str]
) -> float:
    """Seconds of one process that writes as many fixed crops with the same settings."""
    command = ffmpeg_command(clip, window, folder, threads)
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def ffmpeg_command(
    clip: TrackedClip, window: WindowSettings, folder: Path, threads: Sequence[str]
) -> list[str]:
    """Fixed crops side by side, as large as crop-people's mostly are, and scaled where its are."""
    settings, footage = CropSettings(), probe(clip.footage)
    width, height = typical_wh(clip, window)
    video_wh = window.video_wh(clip.frame_wh)
    scale = f",scale={video_wh[0]}:{video_wh[1]}" if (width, height) != video_wh else ""
    keyframes = round((footage.rate or ASSUMED_RATE) * KEYFRAME_S)
    names = [f"o{number}" for number in range(PEOPLE)]
    step = (clip.frame_wh[0] - width) // (PEOPLE - 1)
    graph = [f"[0:v]split={PEOPLE}{''.join(f'[i{name}]' for name in names)}"]
    graph += [f"[i{n}]crop={width}:{height}:{i * step}:0{scale}[{n}]" for i, n in enumerate(names)]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(clip.footage)]
    command += ["-filter_complex", ";".join(graph)]
    for name in names:
        sound = ["-map", "0:a", "-c:a", "copy"] if footage.has_audio else []
        command += ["-map", f"[{name}]", *sound, "-c:v", settings.encoder.name]
        command += ["-preset", settings.encoder.preset, "-crf", f"{settings.encoder.crf:g}"]
        command += ["-g", str(keyframes), "-movflags", "+faststart", *threads]
        command += [str(folder / f"{name}.mp4")]
    return command


def typical_wh(clip: TrackedClip, window: WindowSettings) -> tuple[int, int]:
    """Even size of the window while somebody is followed, the middle of all frames and people."""
    sizes = []
    for person in clip.names:
        tracks = clip.of(person)
        found = person_views(clip, tracks, "steady", window)
        shown = found.xyxy[found.present]
        sizes.append(shown[:, 2:] - shown[:, :2])
    width, height = np.median(np.concatenate(sizes), axis=0).tolist()
    return round(width / 2) * 2, round(height / 2) * 2


class _Silent:
    def update(self, n: int) -> None:
        """Show nothing."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> None:
        """Show nothing."""


def _no_bar(_name: str, _total: int, _done: int) -> AbstractContextManager[_Silent]:
    return nullcontext(_Silent())


def _listed(values: list[float]) -> str:
    listed = " ".join(f"{value:6.1f}" for value in values)
    return f"{float(np.median(values)):6.1f}  [{listed}]"


def _verdict(met: bool) -> str:
    return "(met)" if met else "(MISSED)"


def cases(folder: Path) -> Iterator[tuple[TrackedClip, WindowSettings]]:
    """The real clips, or the drawn film where they are not on this machine."""
    if SHARED.is_dir():
        yield from ((labelled_clip(SHARED, name), window) for name, window in CASES)
        return
    film = folder / "film.mp4"
    clip = drawn_clip(film, draw_film(film, size_wh=(1280, 720)))
    yield from ((clip, window) for window in (SERVICE, WindowSettings()))


def all_reports(*, rounds: int) -> Iterator[list[str]]:
    """Each case, as soon as it is measured."""
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
    print(f"{cores()} cores")
    for lines in all_reports(rounds=parsed.rounds):
        print("\n".join(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One damaged footage through reading, `cluster-faces` and `crop-people`, with cheap networks."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from pathlib import Path
from typing import Final, Literal

import numpy as np

from clustering import cli as clustering_cli
from cropping import crop_cli
from data.core import progress
from data.core.errors import InputError
from data.execution.failures import Failures
from data.execution.segments import segment_starts
from data.video.footage import Footage, probe
from data.video.frames import Damage, DecodedFrame
from data.video.reader import decode_frames, read_frames, sample_frames
from tests.bars import no_bar
from tests.clustering.child import install_fakes
from tests.clustering.fakes import CornerDetector
from tests.cropping.tracked_project import box, timeline_of, tracks_of, write_project

NAMES: Final = {1: "Anna", 2: "Ben"}
MAX_FRAMES: Final = 2000
"""Frames of a seed are at most 16; a damaged header that declares more must not add frames."""
_SEGMENTS: Final = 3
_EVERY_S: Final = 0.2

Status = Literal["read", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one footage."""

    status: Status
    detail: str = ""  # line of the refusal, or traceback or description of the failure


class FuzzError(Exception):
    """A requirement on the outputs or messages that a footage breaks."""


@contextmanager
def _only_input_errors(self: Failures, *, footages: int = 1) -> Iterator[None]:
    """Stand in for `Failures.guard`: every other error ends the run."""
    try:
        yield
    except InputError as error:
        self.lines.append(str(error))
        self._failed += footages
        if self._failed >= self._count:
            raise InputError(self._summary()) from error


def install() -> None:
    """Replace the networks of this process by cheap ones, and let unforeseen errors through."""
    setattr(progress, "bars", lambda _command, **_: no_bar)  # noqa: B010 - its type is another
    install_fakes(setattr, CornerDetector())
    setattr(Failures, "guard", _only_input_errors)  # noqa: B010 - a method, to mypy


def run_trial(path: Path, folder: Path, printed: Callable[[], str]) -> Outcome:
    """Read, cluster and crop one footage.

    Args:
        path: the footage.
        folder: an empty folder for the projects.
        printed: returns what was printed to the standard error stream since the last call.
    """
    try:
        return _run(path, folder, printed)
    except FuzzError as error:
        return Outcome("failed", str(error))
    except BaseException:
        return Outcome("failed", traceback.format_exc())


def _run(path: Path, folder: Path, printed: Callable[[], str]) -> Outcome:
    footage, lines = None, []
    try:
        footage = probe(path)
        _read(footage)
    except InputError as error:
        lines.append(_checked(path, str(error)))
    lines += _command(
        clustering_cli.main,
        ["--project", str(folder / "faces.fancam"), "--every", str(_EVERY_S), "--", str(path)],
        path,
        printed,
    )
    if footage is not None and footage.kind == "video":
        lines += _crop(footage, folder / "crops.fancam", printed)
    refused = [line for line in lines if "no face found" not in line]
    return Outcome("refused", refused[0]) if refused else Outcome("read")


# --- reading ----------------------------------------------------------------------------------


def _read(footage: Footage) -> None:
    """Read a footage in all ways, in several segments as the stages do."""
    starts = segment_starts(footage.duration_s, step=max(footage.duration_s, 1e-3) / 3, shortest=1)
    starts = starts[:_SEGMENTS]
    for begin, end in zip(starts, [*starts[1:], inf], strict=True):
        damage = Damage()
        samples = sample_frames(footage, every_s=_EVERY_S, from_s=begin, until_s=end, damage=damage)
        _require(len(str(damage).splitlines()) == 1, f"damage is not one line: {damage}")
        with closing(samples):
            _check_order([(frame.index, frame.time_s) for frame in islice(samples, MAX_FRAMES)])
    with closing(read_frames(footage)) as frames:
        _check_order([(frame.index, frame.time_s) for frame in islice(frames, MAX_FRAMES)])
    if footage.kind == "video":
        middle = MAX_FRAMES
        with closing(decode_frames(footage, until_index=middle)) as decoded:
            _check_order([(frame.index, frame.time_s) for frame in map(_used, decoded)])


def _used(frame: DecodedFrame) -> DecodedFrame:
    frame.planes()
    return frame


def _check_order(frames: Sequence[tuple[int, float]]) -> None:
    index = np.array([number for number, _ in frames], np.int64)
    time_s = np.array([time_s for _, time_s in frames])
    _require(bool((np.diff(index) > 0).all()), f"frame indices do not increase: {index.tolist()}")
    _require(bool((np.diff(time_s) > 0).all()), f"frame times do not increase: {time_s.tolist()}")
    _require(bool(np.isfinite(time_s).all()), f"frame times are not finite: {time_s.tolist()}")


# --- commands ---------------------------------------------------------------------------------


def _command(
    main: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    path: Path,
    printed: Callable[[], str],
) -> list[str]:
    """Run a command; return the lines in which it refuses the footage.

    Raises:
        FuzzError: it exits with an unknown code, or prints anything but such lines.
    """
    printed()
    code = main(arguments)
    lines = printed().splitlines()
    _require(code in (0, 1, 2), f"exit code {code}: {lines}")
    _require(bool(code) == bool(lines), f"exit code {code} with the lines {lines}")
    return [_checked(path, line) for line in lines]


def _checked(path: Path, line: str) -> str:
    """Return a refusal of a footage, which is one line with the footage's name."""
    _require(path.stem in line, f"the footage is not named: {line!r}")
    _require(len(line.splitlines()) == 1, f"not one line: {line!r}")
    return line


def _crop(footage: Footage, folder: Path, printed: Callable[[], str]) -> list[str]:
    """Crop two people with made up tracks; check the videos."""
    with closing(read_frames(footage)) as frames:
        seen = [(frame.index, frame.time_s) for frame in islice(frames, MAX_FRAMES)]
    if not seen:
        return []
    name = _track(footage, folder, seen)
    lines = _command(
        crop_cli.main,
        [str(folder), "--preset", "ultrafast", "--only-present"],
        footage.path,
        printed,
    )
    if not lines:
        counts = {_readable_frames(folder / "crops" / name / f"{n}.mp4") for n in NAMES.values()}
        _require(counts == {len(seen)}, f"{counts} frames in the videos of {len(seen)}")
    return lines


def _track(footage: Footage, folder: Path, seen: Sequence[tuple[int, float]]) -> str:
    """Write a project in which Anna is in all frames and Ben in the first half of them."""
    index, time_s = (np.array(column) for column in zip(*seen, strict=True))
    timeline = replace(timeline_of(time_s), frame_index=index)
    middle = box(footage.width / 2, footage.height / 2, side=min(footage.width, footage.height) / 3)
    corner = (0.0, 0.0, footage.width / 4, footage.height / 4)
    rows = {
        1: {int(frame): middle for frame in index},
        2: {int(frame): corner for frame in index[: len(index) // 2 + 1]},
    }
    tracks = tracks_of(timeline, rows)
    project = write_project(folder, footage.path, tracks, NAMES, timeline)
    return next(iter(project.footages))


def _readable_frames(video: Path) -> int:
    try:
        with closing(read_frames(video)) as frames:
            return sum(1 for _ in frames)
    except InputError as error:
        raise FuzzError(f"the written video cannot be read: {error}") from error


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise FuzzError(message)


def emptied(folder: Path) -> Path:
    """Return the folder, without its content."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def disk_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

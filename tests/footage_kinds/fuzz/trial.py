"""One damaged footage through reading, `cluster-faces` and `crop-people`, with cheap networks."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from pathlib import Path
from typing import Final, Literal

import numpy as np

from data.core import progress
from data.core.errors import InputError
from data.core.run_log import LOG_FILE
from data.execution.segments import segment_starts
from data.project.project import Project
from data.tables.people import open_people
from data.video.footage import Footage, probe
from data.video.frames import Damage, DecodedFrame
from data.video.reader import decode_frames, read_frames, sample_frames
from tests.bars import no_bar
from tests.clustering.fakes import PEOPLE
from tests.cropping.tracked_project import box, timeline_of, tracks_of, write_project
from tests.footage_kinds.stubs import COMMANDS, add_tracker, install_stubs

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
    took_s: float = 0.0
    peak_mb: int = 0  # memory of the process; 0 where unknown
    uncertain: bool = False  # a failure that a decoder may cause which conceals errors at random


class FuzzError(Exception):
    """A requirement on the outputs or messages that a footage breaks."""


class FrameCountError(FuzzError):
    """A video has more or fewer frames than the footage had when it was read before."""


def install() -> None:
    """Replace the networks of this process by cheap ones."""
    setattr(progress, "bars", lambda _command, **_: no_bar)  # noqa: B010 - its type is another
    install_stubs(setattr)


def run_trial(path: Path, folder: Path, printed: Callable[[], str]) -> Outcome:
    """Read, cluster and crop one footage.

    Args:
        path: the footage.
        folder: an empty folder for the projects.
        printed: returns what was printed to the standard error stream since the last call.
    """
    os.environ["XDG_CACHE_HOME"] = str(folder)  # of the errors that no project logs
    try:
        return _run(path, folder, printed)
    except FuzzError as error:
        return Outcome("failed", str(error), uncertain=isinstance(error, FrameCountError))
    except BaseException:
        return Outcome("failed", traceback.format_exc())


def _run(path: Path, folder: Path, printed: Callable[[], str]) -> Outcome:
    footage, lines = None, []
    try:
        footage = probe(path)
        _read(footage)
    except InputError as error:
        lines.append(_checked(path, str(error)))
    command = _Command(path, folder, printed)
    project = folder / "faces.fancam"
    lines += command("cluster-faces", "--project", project, "--every", _EVERY_S, "--", path)
    if not lines and footage is not None and footage.kind == "video" and _are_all_found(project):
        add_tracker(Project(project))
        lines += command("track-people", project)
    if footage is not None and footage.kind == "video":
        lines += _crop(footage, folder / "crops.fancam", command)
    refused = [line for line in lines if "no face found" not in line]
    return Outcome("refused", refused[0]) if refused else Outcome("read")


def _are_all_found(project: Path) -> bool:
    """Whether the stub network finds the people of the project."""
    with open_people(Project(project).people_file) as people:
        return len(people.names()) == PEOPLE


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


@dataclass(frozen=True, slots=True)
class _Command:
    """Runs commands on one footage, and checks what they print."""

    path: Path
    folder: Path
    printed: Callable[[], str]

    def __call__(self, name: str, *arguments: object) -> list[str]:
        """Run a command; return the lines in which it refuses the footage.

        Raises:
            FuzzError: there is an unexpected error, an unknown exit code, or any other output.
        """
        self.printed()
        code = COMMANDS[name]([str(argument) for argument in arguments])
        lines = self.printed().splitlines()
        for log in self.folder.rglob(LOG_FILE):
            text = log.read_text(encoding="utf-8")
            _require("Traceback" not in text, text)
        _require(code in (0, 1, 2), f"{name}: exit code {code}: {lines}")
        _require(bool(code) == bool(lines), f"{name}: exit code {code} with the lines {lines}")
        return [_checked(self.path, line) for line in lines]


def _checked(path: Path, line: str) -> str:
    """Return a refusal of a footage, which is one line with the footage's name."""
    _require(path.stem in line, f"the footage is not named: {line!r}")
    _require(len(line.splitlines()) == 1, f"not one line: {line!r}")
    return line


def _crop(footage: Footage, folder: Path, command: _Command) -> list[str]:
    """Crop two people with made up tracks; check the videos."""
    damage = Damage()
    with closing(read_frames(footage, damage=damage)) as frames:
        seen = [(frame.index, frame.time_s) for frame in islice(frames, MAX_FRAMES)]
    if not seen:
        return []
    name = _track(footage, folder, seen)
    lines = command("crop-people", folder, "--preset", "ultrafast", "--only-present")
    if not lines:
        counts = {_readable_frames(folder / "crops" / name / f"{n}.mp4") for n in NAMES.values()}
        whole = len(counts) == 1 and min(counts) > 0
        known = damage.frames > 0 or _is_damaged(footage)
        if counts != {len(seen)} and not (whole and known):
            raise FrameCountError(f"{counts} frames in the videos of {len(seen)}")
    return lines


def _is_damaged(footage: Footage) -> bool:
    """Read a footage again: libav's decoders may conceal errors differently each time."""
    damage = Damage()
    with closing(read_frames(footage, damage=damage)) as frames:
        for _ in islice(frames, MAX_FRAMES):
            pass
    return damage.frames > 0


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

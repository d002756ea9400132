from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from data.core.atomic import write_text
from data.execution.segments import (
    Segment,
    damage_of_all,
    read_damage,
    resume_segment,
    segments_of,
    write_damage,
)
from data.project.checkpoints import Checkpoints
from data.video.footage import Footage
from data.video.frames import Damage

VIDEO = Footage(Path("a.mp4"), "video", 640, 360, 0.0, None, False, 1)


@pytest.mark.parametrize(
    ("duration_s", "step_s", "begins"),
    [
        (0.0, 1.0, [0]),
        (899.0, 1.0, [0]),
        (900.0, 1.0, [0, 600]),
        (2000.0, 1.0, [0, 600, 1200]),
        (2000.0, 64.0, [0, 576, 1152]),
        (2000.0, 2000.0, [0]),
        (36000.0, 1.0, [3000 * number for number in range(12)]),
    ],
    ids=["empty", "short", "just long enough", "long", "steps", "one step", "very long"],
)
def test_segments_follow_each_other(duration_s: float, step_s: float, begins: list[float]) -> None:
    found = segments_of(replace(VIDEO, duration_s=duration_s), step_s=step_s)
    assert [segment.from_s for segment in found] == begins
    assert [segment.until_s for segment in found] == [*begins[1:], inf]
    assert [segment.number for segment in found] == list(range(len(begins)))


@pytest.mark.parametrize("kind", ["images", "image"])
def test_pictures_are_one_segment(kind: str) -> None:
    footage = replace(VIDEO, kind=kind, duration_s=9000.0)  # type: ignore[arg-type]
    assert segments_of(footage) == (Segment(0, 0.0, inf),)


def test_damage_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "parts" / "0.json"
    assert read_damage(file) is None
    write_damage(file, Damage(2, 5))
    assert read_damage(file) == Damage(2, 5)


@pytest.mark.parametrize(
    ("segments", "whole"),
    [([], Damage()), ([Damage(1, 4)], Damage(1, 4)), ([Damage(1, 4), Damage(2, 4)], Damage(3, 4))],
    ids=["none", "one", "two report the same end"],
)
def test_damage_of_a_footage(segments: list[Damage], whole: Damage) -> None:
    assert damage_of_all(segments) == whole


def text_checkpoints(folder: Path) -> Checkpoints[str]:
    return Checkpoints(
        folder,
        key="k",
        suffix=".txt",
        read=lambda file: file.read_text("utf-8"),
        write=lambda part, file: write_text(file, part),
    )


def test_a_stopped_segment_resumes_after_its_checkpoints(tmp_path: Path) -> None:
    record, checkpoints = tmp_path / "0.json", text_checkpoints(tmp_path)
    received: list[list[str]] = []

    def parts_after(finished: list[str], damage: Damage) -> Iterator[str]:
        received.append(finished)
        yield from ["a", "b"][len(finished) :]
        if len(received) == 1:
            raise KeyboardInterrupt
        damage.frames += 1

    with pytest.raises(KeyboardInterrupt):
        resume_segment(record, checkpoints, parts_after)
    assert read_damage(record) is None
    (tmp_path / "k-000001.txt").unlink()
    assert resume_segment(record, checkpoints, parts_after) == Damage(1)
    assert resume_segment(record, checkpoints, parts_after) == Damage(1)
    assert received == [[], ["a"]]
    assert checkpoints.read() == ["a", "b"]

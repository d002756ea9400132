"""Ground truth of the pair of drawn recordings, and the results of a run on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.project.project import Project
from data.tables.faces import Frames
from data.video.pictures.jpeg import read_jpeg
from tests.clips.numbered import number_of
from tests.clustering.drawn_lesson import RATE

PAIR = ("--pair", "student.mp4", "teacher.mkv", "--project", "p", "--every", "1")
RECORDINGS = ("student", "teacher")

# Times by each recording's clock: the student's is the lesson's, the teacher's starts at 7.2 s.
STUDENT_ANALYSED = [[7.2, 15.3], [23.4, 50.5]]
TEACHER_ANALYSED = [[0, 22.9], [30.4, 43.3]]
STUDENT_SEEN = [*range(80, 151, RATE), *range(240, 501, RATE)]  # from 8 to 15 s, 24 to 50 s
TEACHER_SEEN = [*range(72, 293, RATE), *range(382, 503, RATE)]  # from 0 to 22 s, 31 to 43 s


def seen(folder: Path, name: str) -> list[int]:
    """Return the numbers of the pictures that were sampled."""
    project = Project(folder / "p")
    frames = Frames.read(project.frames_file(name))
    stills = [project.still_file(name, int(index)) for index in frames.frame_index]
    return [number_of(read_jpeg(still)) for still in stills]


def written(folder: Path) -> Any:
    """Return the content of the JSON file of the pair."""
    return json.loads((folder / "p" / "pairs" / "student+teacher.json").read_text("utf-8"))

"""`make bench-scale`: cluster a million faces of 5,000 people, compared with scikit-learn's DBSCAN.

With `child` as its first argument, this module is the measured process: it reads the faces of a
project and clusters them into people as `cluster-faces` does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.embedding_space import face_embeddings
from clustering.grouping.footage import GroupingSettings
from clustering.output.write import read_tables
from data.core.arrays import UNKNOWN
from data.project import stages
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.faces import Faces, Frames
from data.tables.people import open_people
from tests import SHARED
from tests.benchmarks.figures import store_figures
from tests.benchmarks.machine import describe, peak_memory_mb
from tests.benchmarks.scale_faces import (
    FILE,
    PERCENTILES,
    Statistics,
    distances,
    draw,
    load,
    measure,
    mixed_people,
    people_by_footage,
    save,
    shares,
)
from tests.clustering.labelled_footage import table
from tests.records import faces_record
from tests.targets import verdict

FACES: Final = 1_000_000
PEOPLE: Final = 5_000
SAMPLE: Final = 50_000
FACES_PER_FOOTAGE: Final = 1_000
CAST: Final = 20  # people per footage
LIMIT_S: Final = 30 * 60
MAX_COUNT_ERROR: Final = 0.2
LIMIT_MB: Final = 6 * 1024
EPS: Final = tuple(round(0.26 + 0.01 * step, 2) for step in range(19))
MIN_SAMPLES: Final = (2, 5, 10)
_NAMED: Final = 10
_MODULE: Final = "tests.benchmarks.scale"

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Precision and recall over all pairs of faces."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)

    def __str__(self) -> str:
        return f"precision {self.precision:.4f}, recall {self.recall:.4f}, F {self.f:.4f}"


def pairwise(truth: Labels, found: Labels) -> Pairwise:
    """Score ``found`` ``(n,)`` against ``truth`` ``(n,)``; an unknown face (-1) is in no pair."""
    known = found != UNKNOWN
    both = np.stack([truth[known], found[known]], axis=1)
    together = _pairs(np.unique(both, axis=0, return_counts=True)[1])
    put = _pairs(np.unique(found[known], return_counts=True)[1])
    real = _pairs(np.unique(truth, return_counts=True)[1])
    return Pairwise(together / put if put else 1.0, together / real if real else 1.0)


def _pairs(counts: NDArray[np.int64]) -> float:
    sizes = counts.astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())


# --- scikit-learn -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Best:
    """scikit-learn's DBSCAN at the settings that score best against the ground truth."""

    score: Pairwise
    eps: float
    min_samples: int
    seconds: float  # of one run at these settings


def best_dbscan(points: NDArray[np.float32], truth: Labels) -> Best:
    """Try all of EPS and MIN_SAMPLES; the distances are computed once."""
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import radius_neighbors_graph

    graph = radius_neighbors_graph(points, max(EPS), mode="distance", n_jobs=-1)
    tried = []
    for eps in EPS:
        for min_samples in MIN_SAMPLES:
            dbscan = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed")
            score = pairwise(truth, np.asarray(dbscan.fit_predict(graph), np.int64))
            tried.append((score, eps, min_samples))
    score, eps, min_samples = max(tried, key=lambda one: one[0].f)
    del graph
    start = time.perf_counter()
    DBSCAN(eps=eps, min_samples=min_samples, n_jobs=-1).fit(points)
    return Best(score, eps, min_samples, time.perf_counter() - start)


# --- ours, in a project -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Result and resource use of clustering a project in a separate process."""

    seconds: float
    cpu_s: float
    peak_mb: float
    person: Labels  # (n,) person of every face, footage by footage


def make_project(folder: Path, faces: Faces, *, footages: int) -> Project:
    """Make a project of ``footages`` folders of photographs whose faces are detected already."""
    project = Project(folder)
    for part in np.array_split(np.arange(len(faces)), footages):
        entry = project.add_footage(
            folder.with_name(f"photographs {len(project.footages):05}"),
            size_bytes=0,
            duration_s=float(len(part)),
            rate=None,
            frame_wh=(640, 480),
        )
        frame = np.arange(len(part))
        own = faces.take(part).replace(frame_index=frame, time_s=frame.astype(np.float64))
        own.write(project.faces_file(entry.name))
        frames = table(Frames, len(part), frame_index=frame, time_s=frame, frame_wh=(640, 480))
        frames.write(project.frames_file(entry.name))
        project.finish(stages.FACES, faces_record("images"), entry.name)
    project.save()
    return project


def find_people(project: Project) -> Run:
    """Cluster a project in a separate process."""
    command = [sys.executable, "-m", _MODULE, "child", str(project.folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Run(found["seconds"], found["cpu_s"], found["peak_mb"], people_of(project))


def people_of(project: Project) -> Labels:
    """Return the person of every face, footage by footage."""
    with open_people(project.people_file) as people:
        return np.concatenate([people.assignments(name).person_id for name in project.footages])


def _child(folder: Path) -> None:
    from clustering.grouping.people import identify_people

    start = time.perf_counter(), time.process_time()
    project = Project(folder)
    tables = {name: read_tables(project, name) for name in project.footages}
    with open_people(project.people_file) as people:
        identify_people(project, people, tables, GroupingSettings())
    took = {"seconds": time.perf_counter() - start[0], "cpu_s": time.process_time() - start[1]}
    print(json.dumps({**took, "peak_mb": peak_memory_mb()}))


def name_people(project: Project, found: Labels) -> dict[int, str]:
    """Name the people with the most faces, as a user does on the People page."""
    people, counts = np.unique(found[found != UNKNOWN], return_counts=True)
    often = people[np.argsort(-counts)[:_NAMED]].tolist()
    names = {int(person): f"Name {number}" for number, person in enumerate(often)}
    with open_people(project.people_file) as stored:
        for person, name in names.items():
            DecisionLog(stored).decide(Decision(DecisionKind.RENAME, person, name=name))
    return names


# --- the report -------------------------------------------------------------------------------


def distance_lines(statistics: Statistics, *, faces: int = 3000) -> list[str]:
    """Compare the distances between drawn faces with those between the real faces behind them."""
    person = np.arange(faces) // 11  # as many per person as in the real set
    same, different = distances(face_embeddings(draw(statistics, person)), person)
    lines = ["Distances of two faces          " + "".join(f"{p:>7g}%" for p in PERCENTILES)]
    rows: Mapping[str, tuple[Any, Any]] = {
        "of one person": (statistics.same, same),
        "of two people": (statistics.different, different),
    }
    for label, (real, drawn) in rows.items():
        lines.append(f"  {label}, real          " + "".join(f"{d:8.3f}" for d in real))
        drawn = np.percentile(drawn, PERCENTILES)
        lines.append(f"  {label}, drawn         " + "".join(f"{d:8.3f}" for d in drawn))
    return lines


def collection_lines(statistics: Statistics, size: int, people: int) -> list[str]:
    """Report one folder of photographs, and a sample of it next to scikit-learn's DBSCAN."""
    person = mixed_people(size, shares(people))
    faces = draw(statistics, person)
    rows = np.sort(np.random.default_rng(0).choice(size, min(SAMPLE, size), replace=False))
    sample = faces.take(rows)
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "pile.fancam", faces, footages=1)
        del faces
        whole = find_people(project)
        few = find_people(make_project(Path(folder) / "few.fancam", sample, footages=1))
    best = best_dbscan(face_embeddings(sample), person[rows])
    ours, of_sample = pairwise(person, whole.person), pairwise(person[rows], whole.person[rows])
    return [
        f"One collection of {size:,} faces of {len(np.unique(person)):,} people",
        f"  ours: {ours}; {_people(whole.person)}",
        _count_line(person, whole.person),
        _took(whole, size),
        f"A sample of {len(rows):,} of them, of {len(np.unique(person[rows])):,} people",
        f"  ours, of all faces:      {of_sample}",
        f"  ours, of the sample:     {pairwise(person[rows], few.person)}; {few.seconds:.0f} s",
        f"  scikit-learn's DBSCAN:   {best.score}; {best.seconds:.0f} s",
        f"    at its best of {len(EPS) * len(MIN_SAMPLES)} settings, eps {best.eps},"
        f" min_samples {best.min_samples}",
        f"  F of all faces at least DBSCAN's of the sample {verdict(ours.f >= best.score.f)}",
    ]


def archive_lines(statistics: Statistics, size: int, people: int) -> list[str]:
    """Report the same number of faces in many footages, clustered twice."""
    footages = max(size // FACES_PER_FOOTAGE, 2)
    person = people_by_footage(size, shares(people), footages=footages, cast=CAST)
    with tempfile.TemporaryDirectory() as folder:
        faces = draw(statistics, person)
        project = make_project(Path(folder) / "archive.fancam", faces, footages=footages)
        del faces
        first = find_people(project)
        names = name_people(project, first.person)
        again = find_people(project)
        with open_people(project.people_file) as stored:
            kept = sum(stored.names().get(number) == name for number, name in names.items())
    moved = float((first.person != again.person).mean())
    lines = [f"{footages:,} footages of {size // footages:,} faces, {CAST} people in each"]
    for label, run in (("first run", first), ("second run", again)):
        lines += [f"  {label}: {pairwise(person, run.person)}; {_people(run.person)}"]
        lines += [_took(run, size)]
    lines.append(
        f"  names kept by the second run: {kept} of {len(names)}; faces moved: {moved:.2%}"
    )
    return lines


def _people(found: Labels) -> str:
    count = len(np.unique(found[found != UNKNOWN]))
    return f"{count:,} people, {(found == UNKNOWN).mean():.1%} of the faces unknown"


def _count_line(truth: Labels, found: Labels) -> str:
    real, count = len(np.unique(truth)), len(np.unique(found[found != UNKNOWN]))
    off = abs(count - real) / real
    return f"  number of people off by {off:.1%} of {real:,} {verdict(off <= MAX_COUNT_ERROR)}"


def _took(run: Run, size: int) -> str:
    rate = size / run.cpu_s
    return (
        f"  {run.seconds / 60:.1f} minutes {verdict(run.seconds < LIMIT_S)},"
        f" peak {run.peak_mb / 1024:.2f} GB {verdict(run.peak_mb < LIMIT_MB)};"
        f" {run.cpu_s / 60:.1f} core minutes: {rate:.0f} faces per core second;"
        f" {run.peak_mb * 1024 / size:.1f} KB per face"
    )


def _measured() -> Statistics:
    from tests.quality.clips import BEST
    from tests.quality.photographs import real_faces  # loads the networks' libraries

    faces, person = real_faces(SHARED, BEST)
    return measure(faces, person)


def main() -> int:
    """Print one report."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--faces", type=int, default=FACES)
    parser.add_argument("--people", type=int, help="number of people; default: one per 200 faces")
    parser.add_argument("--only", choices=("pile", "archive"), help="run only this part")
    parser.add_argument(
        "--kept", action="store_true", help="use the stored statistics of ../shared/faces"
    )
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="only measure ../shared/faces, and store the statistics",
    )
    parser.add_argument("--update", action="store_true", help="store the figures of this run")
    parsed = parser.parse_args()
    if parsed.statistics:
        save(_measured())
        return 0
    real = (SHARED / "faces").is_dir() and not parsed.kept
    print(describe(), flush=True)
    statistics = _measured() if real else load()
    source = "../shared/faces, measured now" if real else f"{FILE.name}, stored"
    _print([f"Drawn around {source}", *distance_lines(statistics)])
    people = parsed.people or parsed.faces * PEOPLE // FACES
    if parsed.only != "archive":
        lines = collection_lines(statistics, parsed.faces, people)
        _print(lines)
        if parsed.update:
            store_figures("scale", lines)
    if parsed.only != "pile":
        lines = archive_lines(statistics, parsed.faces, people)
        _print(lines)
        if parsed.update:
            store_figures("archive", lines)
    return 0


def _print(lines: list[str]) -> None:
    print("\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        _child(Path(sys.argv[2]))
    else:
        sys.exit(main())

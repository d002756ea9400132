"""Figures on the pages equal the committed ones, and docs/figures.md has no others."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from cropping.camera.follow import AVERAGE_S
from tests import ROOT
from tests.benchmarks import figures as benchmarks
from tests.benchmarks.scale import FACES, PEOPLE, SAMPLE
from tests.benchmarks.scaling import IMAGE_PX
from tests.benchmarks.scaling import PEOPLE as CROPPED
from tests.benchmarks.serving import PLAYER_MBIT_S
from tests.docs.pages import prose, section
from tests.quality import figures as quality
from tests.quality.clips import SAMPLINGS
from tests.quality.cropping import MAX_ACCELERATION_RATIO, MAX_DISTANCE_RATIO
from tests.quality.figures import DLIB_ALONE
from tests.quality.montages import MIN_RATIO
from tests.quality.tracking import CLIPS, REFERENCES

FIGURES = ROOT / "docs" / "figures.md"
SCALE = ROOT / "docs" / "scale.md"
README = ROOT / "README.md"
CARD = ROOT / "cropping" / "models" / "smile.md"
KEPT = quality.read_figures()
MEASURED = benchmarks.read_figures()
UNTRAINED = [name.split()[-1] for name in KEPT if name.startswith("untrained bodies of ")]
TRACKED = [name for name in CLIPS if f"tracks of {name}" in KEPT]
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:x\d+)?")


def _clustering(sampling: str) -> str:
    row = KEPT[sampling]
    names = ("found", "min_found", "mean_f", "mean_precision", "min_f")
    scores = " | ".join(f"{row[name]:.3f}" for name in names)
    return f"| {scores} | {row['people_right']:.0f} of {row['clips']:.0f} |"


def _photographs() -> list[str]:
    row = KEPT["photographs"]
    return [
        f"{row['photographs']:,.0f} photographs of {row['people']:.0f} people, F is {row['f']:.3f}",
        f"dlib alone {row['dlib_f']:.3f}",
        f"with the truth, {row['dbscan_f']:.3f}",
    ]


def _tracking(clip: str) -> str:
    ours, references = KEPT[f"tracks of {clip}"], KEPT[f"references of {clip}"]
    scores = [ours["idf1"], ours["idp"], *(references[name] for name in REFERENCES)]
    return f"| {clip} | " + " | ".join(f"{score:.3f}" for score in scores) + " |"


def _untrained(clip: str) -> str:
    faces, bodies = KEPT[f"untrained faces of {clip}"], KEPT[f"untrained bodies of {clip}"]
    scores = [f"{value:.3f}" for value in (faces["idf1"], bodies["idf1"], bodies["idp"])]
    right = [f"{kind['right']:.3f}" if "right" in kind else "" for kind in (faces, bodies)]
    return " ".join(f"| {clip} | {' | '.join([*scores, *right])} |".split())


def _whole() -> list[str]:
    run = MEASURED["whole"]
    return [f"clip of {run['footage_s']:g} s", f"{run['seconds']:g} s"]


def _core_hours() -> list[str]:
    run = MEASURED["scaling"]
    stages = {"cluster": "to cluster", "track": "to track", "crop": "to crop two people"}
    return [f"{run[f'{stage}_core_hours']:g} {does}" for stage, does in stages.items()]


def _scale() -> list[str]:
    run = MEASURED["scale"]
    return [
        f"{run['minutes']:g} minutes",
        f"{run['peak_gb']:g} GB of memory",
        f"pairwise F is {run['f']:.3f}",
        f"it is {run['sample_f']:.3f}",
        f"is {run['dbscan_f']:.3f}",
    ]


def _smiles() -> list[str]:
    one_crop = re.search(r"one crop per face +\| (\d+) +\| ([\d.]+)", CARD.read_text("utf-8"))
    assert one_crop is not None
    auc = f"ROC AUC {KEPT['smiles, people held out']['auc']:.3f}"
    return [f"{auc} over {one_crop[1]} faces", f"{one_crop[2]} with one crop"]


def _serving() -> list[str]:
    run = MEASURED["serving"]
    p95_ms = max(run["p95_ms"], run["full_speed_p95_ms"])
    return [
        f"{run['players']:g} players",
        f"about {run['faces']:,.0f} faces are answered within {p95_ms:g} ms",
    ]


CONSTANTS = [
    f"{AVERAGE_S:g} s",
    f"at most {MAX_ACCELERATION_RATIO:g} times",
    f"at most {MAX_DISTANCE_RATIO:g} times",
    f"at least {MIN_RATIO:g} times",
    f"{IMAGE_PX} px",
    f"{PLAYER_MBIT_S:g} Mbit/s",
    f"{PEOPLE:,} people",
    f"{SAMPLE:,} of them",
]
"""Settings of the measurements."""
NOT_MEASURED = [
    "5 frames a second", "1 frame a second", "15 to 90 px", "on 2 cores", "640x360 footage",
    "95 % of queries", f"{MEASURED['whole']['processor_s']:g} s of processor time",
]  # fmt: skip


def _shown(page_text: str, phrases: Iterable[str]) -> list[str]:
    return [phrase for phrase in phrases if phrase not in page_text]


def _text(text: str) -> str:
    return " ".join(text.split())


EXPECTED = [
    *(_clustering(dlib + sampling) for dlib in ("", DLIB_ALONE) for sampling in SAMPLINGS),
    *_photographs(),
    *(_tracking(clip) for clip in TRACKED),
    *_whole(),
    *_core_hours(),
    *_scale(),
    *map(_untrained, UNTRAINED),
    *_smiles(),
    *_serving(),
    *CONSTANTS,
    *NOT_MEASURED,
]


def test_committed_figures_are_on_their_page() -> None:
    assert _shown(_text(FIGURES.read_text("utf-8")), EXPECTED) == []


def test_no_other_figure_is_on_the_page() -> None:
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", "", _text(prose(FIGURES)))
    known = {number for phrase in EXPECTED for number in NUMBER.findall(phrase)}
    assert set(NUMBER.findall(text)) - known == set()


def test_readme_shows_the_committed_times() -> None:
    text = _text(section(README, "How long it takes"))
    phrases = [*_whole(), *_core_hours()]
    assert _shown(text, phrases) == []
    known = {number for phrase in phrases for number in NUMBER.findall(phrase)}
    assert set(NUMBER.findall(text)) - known == {"640x360", "100,000"}


def test_scale_shows_the_committed_figures() -> None:
    hour, pile, archive = MEASURED["scaling"], MEASURED["scale"], MEASURED["archive"]
    phrases = [
        *(f"{hour[f'{stage}_core_hours']:g} core hours" for stage in ("cluster", "track", "crop")),
        f"{hour['faces_mb']:g} + {hour['tracks_mb']:g} =",
        f"| {hour['pictures_mb']:g} MB |",
        f"| {hour['video_mb']:g} MB, two of them",
        f"| {hour['packets_s']:.1f} s of a core |",
        f"{hour['project_ms']:g} ms per footage",
        f"| {pile['faces_per_core_s']:,.0f} | {archive['faces_per_core_s']:,.0f} |",
        f"| {archive['peak_gb']:g} GB,",
        f"| {archive['precision']:.3f}, {archive['recall']:.3f}, {archive['f']:.3f} |",
        f"| {archive['names_kept']:g} of 10,",
        f"took {hour['ray_start_s']:g} s to start",
        f"the first run on it {hour['ray_first_run_s']:g} s",
        f"{pile['minutes']:g} |",
        f"{pile['peak_gb']:g} GB, {pile['kb_per_face']:g} KB per face",
        f"{pile['precision']:.3f}, {pile['recall']:.3f}, {pile['f']:.3f}",
    ]
    assert _shown(_text(SCALE.read_text("utf-8")), phrases) == []
    assert (FACES, CROPPED) == (1_000_000, 2)


LINES = {
    "whole": """fancam talkshow_a.mp4, 45 s of footage, without training
  cluster-faces      60 s      90 s of processors
  all                82 s      139 s of processors on 2 cores: 69 s of 2 idle cores""",
    "scaling": """  before that: 14.0 s until Ray runs; the first run on it, in which its
 processes load, takes 46.0 s
  an hour of footage takes 0.14 core hours to cluster
  0.64 to track (yolo11n at 416 px), 0.24 to crop, 2 videos and smile scores
  an hour of it: tracks 17 MB, a person's video 129 MB
  an hour of it: faces tables 15 MB, pictures 487 MB; finding its packets 1.0 s
  project.json: 0.13 ms per footage each time it is written""",
    "scale": """One collection of 1,000,000 faces of 5,000 people
  ours: precision 0.9834, recall 0.9989, F 0.9911; 4,899 people, 0.1% of the faces unknown
  3.9 minutes (met), peak 6.51 GB (MISSED);
 5.0 core minutes: 3346 faces per core second; 6.8 KB per face
A sample of 50,000 of them, of 4,512 people
  ours, of all faces:      precision 0.9814, recall 0.9990, F 0.9901
  ours, of the sample:     precision 0.9829, recall 0.9986, F 0.9907; 8 s
  scikit-learn's DBSCAN:   precision 0.9992, recall 0.8193, F 0.9004; 7 s""",
    "archive": """50 footages of 1,000 faces, 20 people in each
  first run: precision 0.9985, recall 1.0000, F 0.9993; 740 people, 0.1% of the faces unknown
  0.2 minutes (met), peak 0.65 GB (met);
 0.3 core minutes: 3003 faces per core second; 13.7 KB per face
  names kept by the second run: 10 of 10; faces moved: 0.00%""",
    "serving": """Serving: 50 players of different videos, one reviewer, 20000 faces
  at 4 Mbit/s each: 9 answers, 9 MB/s
    review: 9 answers, median 9 ms, 95 % within 140 ms; target 300 ms (met)
  full speed: 9 answers, 9 MB/s
    review: 9 answers, median 9 ms, 95 % within 140 ms; target 300 ms (met)
      a person        median    9 ms, 95 % within   19 ms""",
}


@pytest.mark.parametrize("benchmark", benchmarks.PATTERNS)
def test_figures_are_parsed_from_the_output(benchmark: str) -> None:
    assert benchmarks.figures_in(benchmark, LINES[benchmark].splitlines()) == MEASURED[benchmark]
    with pytest.raises(ValueError, match=f"{benchmark} must print"):
        benchmarks.figures_in(benchmark, ["nothing"])

"""Committed figures of the benchmarks, shown in docs/figures.md and docs/scale.md.

`--update` of a benchmark parses its figures from its printed lines and stores them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from data.core.atomic import write_json

FILE: Final = Path(__file__).with_name("figures.json")
_NUMBER: Final = r"([\d.,]+)"

PATTERNS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "whole": {
            "footage_s": rf", {_NUMBER} s of footage",
            "seconds": rf"  all +{_NUMBER} s ",
            "processor_s": rf"  all +[\d.]+ s +{_NUMBER} s of processors",
        },
        "scaling": {
            "ray_start_s": rf"before that: {_NUMBER} s until Ray runs",
            "ray_first_run_s": rf"processes load, takes {_NUMBER} s",
            "cluster_core_hours": rf"takes {_NUMBER} core hours to cluster",
            "track_core_hours": rf"  {_NUMBER} to track",
            "crop_core_hours": rf", {_NUMBER} to crop",
            "faces_mb": rf"faces tables {_NUMBER} MB",
            "tracks_mb": rf": tracks {_NUMBER} MB",
            "pictures_mb": rf"pictures {_NUMBER} MB",
            "video_mb": rf"a person's video {_NUMBER} MB",
            "packets_s": rf"finding its packets {_NUMBER} s",
            "project_ms": rf"project\.json: {_NUMBER} ms",
        },
        "scale": {
            "precision": rf"  ours: precision {_NUMBER},",
            "recall": rf"  ours: precision [\d.]+, recall {_NUMBER},",
            "f": rf"  ours: precision [\d.]+, recall [\d.]+, F {_NUMBER};",
            "sample_f": rf"  ours, of the sample: .* F {_NUMBER};",
            "dbscan_f": rf"  scikit-learn's DBSCAN: .* F {_NUMBER};",
            "minutes": rf"  {_NUMBER} minutes \(",
            "peak_gb": rf", peak {_NUMBER} GB",
            "faces_per_core_s": rf" core minutes: {_NUMBER} faces",
            "kb_per_face": rf"; {_NUMBER} KB per face",
        },
        "archive": {
            "precision": rf"first run: precision {_NUMBER},",
            "recall": rf"first run: precision [\d.]+, recall {_NUMBER},",
            "f": rf"first run: precision [\d.]+, recall [\d.]+, F {_NUMBER};",
            "peak_gb": rf", peak {_NUMBER} GB",
            "faces_per_core_s": rf" core minutes: {_NUMBER} faces",
            "names_kept": rf"names kept by the second run: {_NUMBER} of",
        },
        "serving": {
            "players": rf"Serving: {_NUMBER} players",
            "faces": rf"one reviewer, {_NUMBER} faces",
            "p95_ms": rf"review: .* 95 % within {_NUMBER} ms;",
            "full_speed_p95_ms": rf"(?s)full speed: .*?review: [^\n]* within {_NUMBER} ms;",
        },
    }
)
"""Pattern of each figure in the printed lines of a benchmark; the first match counts."""


def figures_in(benchmark: str, lines: Sequence[str]) -> dict[str, float]:
    """Parse the figures of a benchmark from its printed lines.

    Raises:
        ValueError: a figure is missing from the lines.
    """
    text, found = "\n".join(lines), {}
    for name, pattern in PATTERNS[benchmark].items():
        match = re.search(pattern, text)
        if match is None:
            raise ValueError(f"{benchmark} must print {name} as {pattern!r}")
        found[name] = float(match[1].replace(",", "").rstrip("."))
    return found


def read_figures() -> dict[str, dict[str, float]]:
    """Return the committed figures, by benchmark and name."""
    kept: dict[str, dict[str, float]] = json.loads(FILE.read_text("utf-8"))
    return kept


def store_figures(benchmark: str, lines: Sequence[str]) -> None:
    """Store the figures of this run; those of other benchmarks stay."""
    write_json(FILE, {**read_figures(), benchmark: figures_in(benchmark, lines)})

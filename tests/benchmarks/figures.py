"""The committed figures of the benchmarks, which docs/figures.md and docs/scale.md show.

`--update` of a benchmark finds its figures in the lines that it printed and keeps them.
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
            "kb_per_face": rf"; {_NUMBER} KB a face",
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
"""Where each figure is in the lines of a benchmark; of several hits, the first counts."""


def figures_in(benchmark: str, lines: Sequence[str]) -> dict[str, float]:
    """Find the figures of a benchmark in what it printed.

    Raises:
        ValueError: one is not in the lines.
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


def keep_figures(benchmark: str, lines: Sequence[str]) -> None:
    """Commit to the figures of this run; those of other benchmarks stay."""
    write_json(FILE, {**read_figures(), benchmark: figures_in(benchmark, lines)})

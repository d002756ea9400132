"""Checksums of everything that the stages write, to compare two revisions.

    python -m tests.fingerprints write before.json
    python -m tests.fingerprints compare before.json

Run the first at one revision and the second at another, on the same machine: encoders and networks
may give different bytes on another processor. Both run every stage on the drawn film and, where the
real footage is next to the checkout, on two clips of it. The help text of each command is stored as
text.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import SHARED

COMMANDS = (
    "fancam",
    "fancam status",
    "fancam export",
    "fancam clean",
    "fancam forget",
    "fancam demo",
    "cluster-faces",
    "train-tracker",
    "track-people",
    "crop-people",
    "smile-gifs",
    "serve-people",
    "train-smiles",
    "train-expressions",
)
REAL_CLIPS = ("film_a", "pexels_02")
QUICK_TRAINING = ("--imgsz", "320", "--epochs", "16")
"""Enough for some tracks; `make quality` measures a full training."""
VOLATILE = re.compile(
    r"(^|/)(project\.json|\.generated\.json|\.lock|people\.sqlite.*)$|^(tracker|logs)/"
)
"""Files that hold clock or file times; the database is compared by its rows instead."""
VOLATILE_COLUMNS = frozenset({"created_at", "decided_at", "at", "time"})


def fingerprints(work: Path) -> dict[str, str]:
    """Run every stage in ``work``; return help texts and checksums by name."""
    found = {f"help/{command}": _output(command, "--help") for command in COMMANDS}
    for footage, training in _footages(work):
        project = work / f"{footage.stem}.fancam"
        _output("cluster-faces", str(footage), "--project", str(project))
        _output("train-tracker", str(project), *training)
        _output("track-people", str(project))
        _output("crop-people", str(project), "--only-present")
        _output("smile-gifs", str(project))
        _output("fancam export", str(project))
        found |= {f"{footage.stem}/{name}": value for name, value in _of_project(project)}
    return found


def _footages(work: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    from data.sample.film import draw_film

    film = work / "film.mp4"
    draw_film(film)
    yield film, ("--weights", "yolo11n.yaml", *QUICK_TRAINING)
    weights = SHARED / "weights" / "yolov5n_coco_body.pt"
    for name in REAL_CLIPS:
        clip = SHARED / "footage" / f"{name}.mp4"
        if not clip.exists():
            print(f"{name}: left out, the real footage is missing", file=sys.stderr)
            continue
        shutil.copy(clip, work)
        yield work / clip.name, ("--weights", str(weights), *QUICK_TRAINING)


def _of_project(project: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(project.rglob("*")):
        name = file.relative_to(project).as_posix()
        if file.is_file() and not VOLATILE.search(name):
            yield name, hashlib.sha256(file.read_bytes()).hexdigest()
    yield "people.sqlite", _rows(project / "people.sqlite")


def _rows(database: Path) -> str:
    """Return a checksum of all rows, without the times at which they were written."""
    sha = hashlib.sha256()
    connection = sqlite3.connect(database)
    try:
        names = "select name from sqlite_master where type = 'table' order by name"
        for (table,) in connection.execute(names).fetchall():
            cursor = connection.execute(f'select * from "{table}"')
            kept = [i for i, c in enumerate(cursor.description) if c[0] not in VOLATILE_COLUMNS]
            rows = sorted(repr([row[i] for i in kept]) for row in cursor.fetchall())
            sha.update(f"{table} {rows}".encode())
    finally:
        connection.close()
    return sha.hexdigest()


def _output(command: str, *arguments: str) -> str:
    """Run a command of this Python's environment; return its output.

    Raises:
        SystemExit: the command failed.
    """
    name, *words = command.split()
    program = Path(sys.executable).with_name(name)
    done = subprocess.run([str(program), *words, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command} {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return a line for each file that differs, is new or is missing; help texts as a diff."""
    lines = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if old is None or new is None:
            lines.append(f"{'new ' if old is None else 'gone'}  {name}")
        elif name.startswith("help/"):
            lines.extend(_text_difference(name, old, new))
        else:
            lines.append(f"other bytes  {name}")
    return lines


def _text_difference(name: str, old: str, new: str) -> Iterator[str]:
    pair = old.splitlines(), new.splitlines()
    yield from difflib.unified_diff(*pair, fromfile=name, tofile=name, n=0, lineterm="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write fingerprints, or compare them; return 1 where anything but a help text differs."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.fingerprints")
    parser.add_argument("verb", choices=("write", "compare"))
    parser.add_argument("file", type=Path)
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        now = fingerprints(Path(work))
    if parsed.verb == "write":
        parsed.file.write_text(json.dumps(now, indent=1), encoding="utf-8")
        print(f"{len(now)} fingerprints written")
        return 0
    before = json.loads(parsed.file.read_text(encoding="utf-8"))
    lines = differences(before, now)
    print("\n".join(lines))
    outputs = {name for name in {*before, *now} if not name.startswith("help/")}
    changed = [name for name in outputs if before.get(name) != now.get(name)]
    print(f"{len(outputs) - len(changed)} of {len(outputs)} outputs have the same bytes")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())

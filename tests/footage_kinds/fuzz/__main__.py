"""Try damaged footages: python -m tests.footage_kinds.fuzz --files 10000 --seed 1.

Prints a table by container and mutation, and keeps the footages that fail. A stopped run resumes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.footage_kinds.fuzz.cases import Case, Seeds
from tests.footage_kinds.fuzz.pool import run_cases
from tests.footage_kinds.fuzz.seeds import CONTAINERS, make_seeds
from tests.footage_kinds.fuzz.trial import Outcome

_STATUSES: Final = ("read", "refused", "failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 if a footage fails."""
    parsed = _parser().parse_args(arguments)
    folder: Path = parsed.folder or Path(tempfile.gettempdir()) / f"fancam-fuzz-{parsed.seed}"
    run = FuzzRun(folder, parsed.seed)
    numbers = parsed.case or [
        number
        for number in range(parsed.files)
        if parsed.container in (None, Case(parsed.seed, number).container)
    ]
    if parsed.case:
        run.forget(parsed.case)
    for number, (case, outcome) in enumerate(run.tried(numbers, workers=parsed.workers), start=1):
        if outcome.status == "failed":
            print(f"failed: {case.container}, {case.mutation}: {run.kept(case)}", flush=True)
            print(f"    {_summary(outcome)}", flush=True)
        if not number % 100:
            print(f"{number} tried", flush=True)
    outcomes = [(case, outcome) for case, outcome in run.outcomes() if case.number in {*numbers}]
    print(table(outcomes))
    print(worst(outcomes))
    return int(any(outcome.status == "failed" for _, outcome in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.footage_kinds.fuzz", description=__doc__)
    add = parser.add_argument
    add("--files", type=int, default=500, help="number of damaged footages (default: 500)")
    add("--seed", type=int, default=1, help="the same seed damages in the same way (default: 1)")
    add("--workers", type=int, default=2, help="number of processes (default: 2)")
    add("--case", type=int, action="append", help="try only this one, again; may be repeated")
    add("--container", choices=CONTAINERS, help="try only this container")
    add("--folder", type=Path, help="folder of results and of footages that fail")
    return parser


class FuzzRun:
    """The outcomes of a run, stored in a folder, with the footages that fail.

    Args:
        folder: folder of the run.
        seed: seed of the cases.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._file = folder / f"outcomes-{seed}.jsonl"
        self._seeds: Seeds = make_seeds(folder / "seeds")

    def tried(self, numbers: Iterable[int], *, workers: int) -> Iterator[tuple[Case, Outcome]]:
        """Try the cases that have no outcome yet, and yield them."""
        done = {case.number for case, _ in self.outcomes()}
        cases = [Case(self._seed, number) for number in numbers if number not in done]
        for case, outcome in run_cases(cases, self._seeds, workers=workers):
            self._store(case, outcome)
            if outcome.status == "failed":
                self._keep(case, outcome)
            yield case, outcome

    def outcomes(self) -> list[tuple[Case, Outcome]]:
        """Return all stored outcomes."""
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        stored: list[dict[str, Any]] = [json.loads(line) for line in lines if line.endswith("}")]
        return [(Case(self._seed, entry.pop("number")), Outcome(**entry)) for entry in stored]

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove the outcomes of cases, so that they are tried again."""
        again = {*numbers}
        kept = [pair for pair in self.outcomes() if pair[0].number not in again]
        self._file.unlink(missing_ok=True)
        for case, outcome in kept:
            self._store(case, outcome)

    def kept(self, case: Case) -> Path:
        """Return the folder of a footage that fails, and of its message."""
        return self._folder / "failed" / f"{self._seed}-{case.number:06d}"

    def _store(self, case: Case, outcome: Outcome) -> None:
        entry = {"number": case.number, **dataclasses.asdict(outcome)}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def _keep(self, case: Case, outcome: Outcome) -> None:
        folder = self.kept(case)
        if not folder.exists():
            folder.mkdir(parents=True)
            case.write(self._seeds, folder)
        text = f"{case.container}, {case.mutation}\n{outcome.detail}\n"
        (folder / "failure.txt").write_text(text, encoding="utf-8")


def table(outcomes: Sequence[tuple[Case, Outcome]]) -> str:
    """Format the number of footages that are read, refused and failed.

    One row for each container and for each mutation, and one for each pair with a failure.
    """
    rows: dict[tuple[str, str], Counter[str]] = {}
    for case, outcome in outcomes:
        keys = [(case.container, "all"), ("all", case.mutation), ("all", "all")]
        if outcome.status == "failed":
            rows.setdefault((case.container, case.mutation), Counter())
        for key in keys:
            rows.setdefault(key, Counter())[outcome.status] += 1
    for case, outcome in outcomes:
        if (case.container, case.mutation) in rows:
            rows[case.container, case.mutation][outcome.status] += 1
    lines = [_row("container", "mutation", "files", *_STATUSES)]
    for (container, mutation), counts in sorted(rows.items(), key=_order):
        numbers = (counts[status] for status in _STATUSES)
        lines.append(_row(container, mutation, counts.total(), *numbers))
    return "\n".join(lines)


def _summary(outcome: Outcome) -> str:
    """Return the line of a failure that tells most: the end of a traceback, or the start."""
    lines = outcome.detail.strip().splitlines()
    return lines[0] if lines[0].startswith("crash") else lines[-1]


def worst(outcomes: Sequence[tuple[Case, Outcome]]) -> str:
    """Name the footages that took most time and most memory."""
    if not outcomes:
        return "nothing tried"
    slowest, largest = (
        max(outcomes, key=lambda pair, name=name: getattr(pair[1], name))  # type: ignore[misc]
        for name in ("took_s", "peak_mb")
    )
    return (
        f"slowest: case {slowest[0].number} in {slowest[1].took_s:.1f} s;"
        f" most memory: case {largest[0].number}, {largest[1].peak_mb} MB"
    )


def _order(row: tuple[tuple[str, str], object]) -> tuple[int, tuple[str, str]]:
    (container, mutation), _ = row
    return 2 * (container == "all") + (mutation == "all"), row[0]


def _row(container: str, mutation: str, *numbers: object) -> str:
    return f"{container:16}{mutation:14}" + "".join(f"{number:>9}" for number in numbers)


if __name__ == "__main__":
    sys.exit(main())

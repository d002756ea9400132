"""The context of a run, passed to every stage: progress bars, failures and runner."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.core.progress import Progress
from data.execution.failures import FailFast, Failures
from data.execution.tasks import LocalRunner, Runner


@dataclass(frozen=True, slots=True)
class RunContext:
    """Progress bars, failures and runner of a stage; none of them affects the output.

    Args:
        progress: makes the bars.
        failures: collects the errors of single footages; by default, the first error ends the run.
        runner: executes the tasks; by default, in this process.
        notes: receives lines about footages that were moved.
    """

    progress: Progress
    failures: Failures = field(default_factory=FailFast)
    runner: Runner = field(default_factory=LocalRunner)
    notes: list[str] = field(default_factory=list)

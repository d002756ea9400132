"""The context of a run: progress bars, failures and runner, passed to every stage as one."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.core.progress import Progress
from data.execution.failures import FailFast, Failures
from data.execution.tasks import LocalRunner, Runner


@dataclass(frozen=True, slots=True)
class RunContext:
    """How a stage reports and where it runs; nothing in it changes the output.

    Args:
        progress: makes the bars.
        failures: collects the errors of single footages; by default the first one ends the run.
        runner: executes the tasks; by default in this process.
    """

    progress: Progress
    failures: Failures = field(default_factory=FailFast)
    runner: Runner = field(default_factory=LocalRunner)

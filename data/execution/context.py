"""The context of a run, passed to every stage: progress bars, failures and runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from data.core.progress import Progress
from data.execution.failures import FailFast, Failures
from data.execution.tasks import LocalRunner, Runner
from data.project.project import Project
from data.project.record import Scalar


@dataclass(frozen=True, slots=True)
class RunContext:
    """Progress bars, failures and runner of a stage; none of them affects the output.

    Args:
        progress: makes the bars.
        failures: collects the errors of single footages; by default, the first error ends the run.
        runner: executes the tasks; by default, in this process.
        notes: receives lines about footages that were moved.
        say: prints a line at once, such as one about a download; by default, it is dropped.
        options: command and options that the project remembers of the run; None keeps those of
            earlier runs.
    """

    progress: Progress
    failures: Failures = field(default_factory=FailFast)
    runner: Runner = field(default_factory=LocalRunner)
    notes: list[str] = field(default_factory=list)
    say: Callable[[str], None] = lambda _: None
    options: tuple[str, Mapping[str, Scalar]] | None = None

    def remember_options(self, project: Project) -> None:
        """Store the options in the project of a run that is done, which the caller has locked."""
        if self.options is not None:
            project.remember(*self.options)

"""Where the work of a stage is run: here, or on the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data.execution.tasks import LocalRunner, Runner

if TYPE_CHECKING:
    from data.remote.sync import ProjectSync


@contextmanager
def runner_at(address: str | None, mirrors: Sequence[ProjectSync] = ()) -> Iterator[Runner]:
    """Give what runs tasks at an address: see `data.execution.ray`; for None, here.

    Args:
        address: as for `--ray`.
        mirrors: of the project, if it is at an address of its own.

    Raises:
        InputError: nothing there that runs tasks.
    """
    if address is None:
        yield LocalRunner()
        return
    from data.execution.ray import ray_at
    from data.remote.remote_tasks import RemoteTaskRunner

    with ray_at(address) as runner:
        yield RemoteTaskRunner(runner, mirrors[0] if mirrors else None)

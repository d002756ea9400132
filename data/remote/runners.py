"""Choice of a runner: this process or a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data.execution.tasks import LocalRunner, Runner

if TYPE_CHECKING:
    from data.remote.sync import ProjectSync


@contextmanager
def runner_at(address: str | None, syncs: Sequence[ProjectSync] = ()) -> Iterator[Runner]:
    """Yield the Ray runner at ``address``, or the local runner.

    Args:
        address: see `data.execution.ray.ray_at`; None for the local runner.
        syncs: sync of the project if it is at an address, else empty.

    Raises:
        InputError: there is no Ray cluster at the address.
    """
    if address is None:
        yield LocalRunner()
        return
    from data.execution.ray import ray_at
    from data.remote.remote_tasks import RemoteTaskRunner

    with ray_at(address) as runner:
        yield RemoteTaskRunner(runner, syncs[0] if syncs else None)

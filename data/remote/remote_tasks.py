"""Tasks on machines that have no folder in common with this one, but reach the same addresses.

Such a task brings what it reads to a bench of its own, and sends what it wrote to a folder of its
own at the project's address. What waits for all tasks of a footage is done here.
"""

from __future__ import annotations

import io
import json
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from data.core.atomic import link_or_copy, write_json
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.tasks import A, Finished, L, Runner, Task, TaskContext, Work
from data.remote.sync import ProjectSync
from data.remote.sync_state import REMOTE_FOLDER, Files, SyncState, local_files
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.fetch import fetch_footage
from data.storage.store import Store, Stored
from data.video.frames import Damage


class RemoteTaskRunner:
    """Gives tasks to another runner, so that they find their footage and project anywhere.

    Args:
        runner: does them.
        mirror: of the project, if it is at an address; else it is in a folder that all share.
    """

    def __init__(self, runner: Runner, mirror: ProjectSync | None) -> None:
        self._runner, self._mirror = runner, mirror

    def threads(self, asked: int) -> int:
        """As of the other runner."""
        return self._runner.threads(asked)

    def run(
        self, works: Iterable[Work[A, L]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[A, L]]:
        """Yield each footage's work as soon as it is finished."""
        place = TaskContext(progress)
        for finished in self._runner.run(self._given_away(works), progress, frames=frames):
            yield self._put_together(finished, place)

    def _given_away(self, works: Iterable[Work[A, L]]) -> Iterator[Work[Work[A, L], L]]:
        for work in works:
            if self._mirror is not None and work.tasks:
                self._mirror.share()
            tasks = tuple(self._away(task) for task in work.tasks)
            last = self._away(work.last) if work.last and self._mirror is None else None
            yield Work(work.name, work, tasks, last, work.total, work.done)

    def _away(self, task: Task[Any]) -> Task[Any]:
        packed, has_places = pack(task)
        if self._mirror is None:
            return Task(run_remote_task, RemoteTask(packed), task.gpus) if has_places else task
        folder, machine = self._mirror.folder, self._mirror.machine
        return Task(
            run_remote_task, RemoteTask(packed, _in_cache(folder), machine, task.reads), task.gpus
        )

    def _put_together(
        self, finished: Finished[Work[A, L], L], place: TaskContext
    ) -> Finished[A, L]:
        work, result, refused = finished.work.about, finished.result, finished.refused
        try:
            if self._mirror is not None and work.tasks:
                self._mirror.collect()
            if self._mirror is not None and work.last is not None and refused is None:
                result = work.last.run(place)
        except InputError as error:
            refused = error
        if refused is not None:
            return Finished(work, Damage(), None, refused)
        return Finished(work, finished.damage, result)


# --- what travels -----------------------------------------------------------------------------


def pack(task: Task[Any]) -> tuple[bytes, bool]:
    """Return a task as bytes, and whether there are places of addresses in it.

    They are those of whoever unpacks it.
    """
    packed = io.BytesIO()
    packer = _Packer(packed)
    packer.dump(task)
    return packed.getvalue(), packer.has_places


class _Packer(pickle.Pickler):
    has_places = False

    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        parts = _in_cache(obj) if isinstance(obj, PurePath) else ()
        self.has_places |= bool(parts)
        return parts or None


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, project: tuple[str, ...], folder: Path | None) -> None:
        super().__init__(io.BytesIO(packed))
        self._project, self._folder = project, folder
        self.footage: set[Path] = set()

    def persistent_load(self, pid: Any) -> Path:
        """The place of this machine, or on the bench if it is of the project."""
        count = len(self._project)
        if self._folder is not None and pid[:count] == self._project:
            return self._folder.joinpath(*pid[count:])
        place = cache_folder().joinpath(*pid)
        self.footage.add(place)
        return place


def _in_cache(path: PurePath) -> tuple[str, ...]:
    """The parts of a path in the cache, which are alike on all machines; none of another path."""
    cache = cache_folder()
    return path.relative_to(cache).parts if path.is_relative_to(cache) else ()


# --- where the task runs ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A task for another machine.

    Args:
        packed: the task.
        project: place of the project, if it is at an address.
        machine: that has the project; on it the task needs nothing brought.
        reads: files and folders of the project, relative to it.
    """

    packed: bytes
    project: tuple[str, ...] = ()
    machine: str = ""
    reads: tuple[str, ...] = ()


def run_remote_task(given: RemoteTask, place: TaskContext) -> Any:
    """Do a task where its footage and project may not be."""
    with _bench(given) as folder:
        unpacker = _Unpacker(given.packed, given.project, folder)
        task: Task[Any] = unpacker.load()
        try:
            for footage in sorted(unpacker.footage):
                fetch_footage(footage)
            return task.run(place)
        except InputError as error:
            # Here nobody knows the places of that machine.
            address = project_address(cache_folder().joinpath(*given.project)) or ""
            raise InputError(legible(str(error).replace(str(folder), address))) from error


@contextmanager
def _bench(given: RemoteTask) -> Iterator[Path | None]:
    """A folder with what the task reads; what it wrote there is sent in the end.

    None where the project is here as it is.
    """
    own = cache_folder().joinpath(*given.project)
    address = project_address(own)
    if address is None or SyncState.of(own).machine == given.machine:
        yield None
        return
    benches = cache_folder() / "benches"
    benches.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=benches, prefix="task-") as name:
        folder = Path(name) / own.name
        read = _lay_out(Store(address), given.reads, folder)
        try:
            yield folder
        finally:
            _send(Store(f"{address}/{REMOTE_FOLDER}"), folder, read)


def _lay_out(store: Store, reads: Iterable[str], folder: Path) -> Files:
    """Put on the bench what is read; tasks on this machine share what was fetched before."""
    import filelock

    shared = cache_folder() / "benches" / "read" / folder.name
    shared.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(shared.with_name(f".{folder.name}.lock")):
        record = shared.with_name(f".{folder.name}.json")
        known = _read_record(record)
        there = {path: stored for name in reads for path, stored in _below(store, name)}
        for path, stored in there.items():
            if known.get(path) != stored.key or not (shared / path).is_file():
                store.fetch(path, shared / path, size_bytes=stored.size_bytes)
                known[path] = stored.key
                write_json(record, known)
            link_or_copy(shared / path, folder / path)
    return local_files(folder)


def _below(store: Store, name: str) -> Iterator[tuple[str, Stored]]:
    found = store.look(name)
    if found is not None and found.is_folder:
        for path, stored in Store(f"{store.address}/{name}").files().items():
            yield f"{name}/{path}", stored
    elif found is not None:
        yield name, found


def _read_record(record: Path) -> dict[str, str]:
    try:
        return {str(p): str(k) for p, k in json.loads(record.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _send(store: Store, folder: Path, read: Files) -> None:
    for path, stamp in local_files(folder).items():
        if not stamp.seems(read.get(path)):
            store.send(folder / path, path)

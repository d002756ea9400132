"""Remote tasks: on machines that share no folder with this one, but reach the same addresses.

A remote task fetches what it reads into a work directory, and sends what it wrote to a separate
folder at the project's address. The last task of a footage runs on this machine.
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
from typing import Any, Final

from data.core.atomic import link_or_copy, write_json
from data.core.errors import InputError
from data.core.progress import Progress
from data.execution.tasks import Finished, PayloadT, ResultT, Runner, Task, TaskContext, Work
from data.remote.sync import ProjectSync
from data.remote.sync_state import REMOTE_FOLDER, Files, SyncState, local_files
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.fetch import fetch_footage
from data.storage.store import Store, Stored
from data.video.frames import Damage

_DIRECTORIES: Final = "benches"  # in the cache: the name on disk of the work directories


class RemoteTaskRunner:
    """Wraps tasks for another runner, so that they find footage and project on any machine.

    Args:
        runner: executes the wrapped tasks.
        sync: of a project at an address; None for one in a folder that all machines share.
    """

    def __init__(self, runner: Runner, sync: ProjectSync | None) -> None:
        self._runner, self._sync = runner, sync

    def threads(self, requested: int) -> int:
        """Return those of the other runner."""
        return self._runner.threads(requested)

    def run(
        self, works: Iterable[Work[PayloadT, ResultT]], progress: Progress, *, frames: int
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        """Yield each footage's work as soon as it is finished."""
        context = TaskContext(progress)
        for finished in self._runner.run(self._wrapped(works), progress, frames=frames):
            yield self._unwrapped(finished, context)

    def _wrapped(
        self, works: Iterable[Work[PayloadT, ResultT]]
    ) -> Iterator[Work[Work[PayloadT, ResultT], ResultT]]:
        for work in works:
            if self._sync is not None and work.tasks:
                self._sync.share()
            tasks = tuple(self._remote(task) for task in work.tasks)
            last = self._remote(work.last) if work.last and self._sync is None else None
            yield Work(work.name, work, tasks, last, work.total, work.done)

    def _remote(self, task: Task[Any]) -> Task[Any]:
        packed, has_cached_paths = pack(task)
        if self._sync is None:
            remote = Task(run_remote_task, RemoteTask(packed), task.gpus)
            return remote if has_cached_paths else task
        folder, machine = self._sync.folder, self._sync.machine
        return Task(
            run_remote_task, RemoteTask(packed, _in_cache(folder), machine, task.reads), task.gpus
        )

    def _unwrapped(
        self, finished: Finished[Work[PayloadT, ResultT], ResultT], context: TaskContext
    ) -> Finished[PayloadT, ResultT]:
        work, result, refused = finished.work.payload, finished.result, finished.refused
        try:
            if self._sync is not None and work.tasks:
                self._sync.collect()
            if self._sync is not None and work.last is not None and refused is None:
                result = work.last.run(context)
        except InputError as error:
            refused = error
        if refused is not None:
            return Finished(work, Damage(), None, refused)
        return Finished(work, finished.damage, result)


# --- serialisation ----------------------------------------------------------------------------


def pack(task: Task[Any]) -> tuple[bytes, bool]:
    """Return a pickled task, and whether it holds paths in the cache.

    Such a path is resolved in the cache of the machine that unpickles it.
    """
    packed = io.BytesIO()
    packer = _Packer(packed)
    packer.dump(task)
    return packed.getvalue(), packer.has_cached_paths


class _Packer(pickle.Pickler):
    has_cached_paths = False

    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        parts = _in_cache(obj) if isinstance(obj, PurePath) else ()
        self.has_cached_paths |= bool(parts)
        return parts or None


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, project: tuple[str, ...], folder: Path | None) -> None:
        super().__init__(io.BytesIO(packed))
        self._project, self._folder = project, folder
        self.footage: set[Path] = set()

    def persistent_load(self, pid: Any) -> Path:
        """Return the path on this machine; one of the project is in the work directory."""
        count = len(self._project)
        if self._folder is not None and pid[:count] == self._project:
            return self._folder.joinpath(*pid[count:])
        path = cache_folder().joinpath(*pid)
        self.footage.add(path)
        return path


def _in_cache(path: PurePath) -> tuple[str, ...]:
    """Parts of a path relative to the cache, equal on all machines; empty for other paths."""
    cache = cache_folder()
    return path.relative_to(cache).parts if path.is_relative_to(cache) else ()


# --- on the remote machine --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A pickled task for any machine.

    Args:
        packed: the task; see `pack`.
        project: parts of the project's path in the cache; empty for a shared folder.
        machine: that holds the project; there the task needs no work directory.
        reads: files and folders of the project that the task reads, relative to it.
    """

    packed: bytes
    project: tuple[str, ...] = ()
    machine: str = ""
    reads: tuple[str, ...] = ()


def run_remote_task(task: RemoteTask, context: TaskContext) -> Any:
    """Fetch a task's footage and input files, run it, and send its output."""
    with _work_directory(task) as folder:
        unpacker = _Unpacker(task.packed, task.project, folder)
        unpacked: Task[Any] = unpacker.load()
        try:
            for footage in sorted(unpacker.footage):
                fetch_footage(footage)
            return unpacked.run(context)
        except InputError as error:
            # This machine's paths mean nothing to the user.
            address = project_address(cache_folder().joinpath(*task.project)) or ""
            raise InputError(legible(str(error).replace(str(folder), address))) from error


@contextmanager
def _work_directory(task: RemoteTask) -> Iterator[Path | None]:
    """Yield a folder with the task's input files, and send its output at the end.

    None on the machine that holds the project.
    """
    own = cache_folder().joinpath(*task.project)
    address = project_address(own)
    if address is None or SyncState.of(own).machine == task.machine:
        yield None
        return
    directories = cache_folder() / _DIRECTORIES
    directories.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directories, prefix="task-") as name:
        folder = Path(name) / own.name
        read = _fetch_inputs(Store(address), task.reads, folder)
        try:
            yield folder
        finally:
            _send(Store(f"{address}/{REMOTE_FOLDER}"), folder, read)


def _fetch_inputs(store: Store, reads: Iterable[str], folder: Path) -> Files:
    """Fetch a task's input files; tasks on this machine share what was fetched before."""
    import filelock

    shared = cache_folder() / _DIRECTORIES / "read" / folder.name
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

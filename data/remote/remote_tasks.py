"""Remote tasks, for machines that share no folder but can reach the same addresses.

A remote task fetches its input files into a work directory, and sends its output files to a
separate folder at the project's address. The last task of a footage runs on this machine.
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
from data.core.errors import InputError, ends_run
from data.core.progress import Progress
from data.execution.tasks import Finished, PayloadT, ResultT, Runner, Task, TaskContext, Work
from data.remote.sync import ProjectSync
from data.remote.sync_state import REMOTE_FOLDER, Files, SyncState, local_files
from data.storage.addresses import legible, project_address
from data.storage.cache import cache_folder
from data.storage.fetch import fetch_footage
from data.storage.store import Store, Stored
from data.video.frames import Damage

_DIRECTORIES: Final = "benches"  # folder of the work directories in the cache


class RemoteTaskRunner:
    """Wraps tasks for another runner, so that they can access footage and project on any machine.

    Args:
        runner: executes the wrapped tasks.
        sync: sync of a project at an address; None for a project in a shared folder.
    """

    def __init__(self, runner: Runner, sync: ProjectSync | None) -> None:
        self._runner, self._sync = runner, sync

    def threads(self, requested: int) -> int:
        """Return the threads of the wrapped runner."""
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
        work, result, failure = finished.work.payload, finished.result, finished.error
        try:
            if self._sync is not None and work.tasks:
                self._sync.collect()
            if self._sync is not None and work.last is not None and failure is None:
                result = work.last.run(context)
        except Exception as error:
            if ends_run(error):
                raise
            failure = error
        if failure is not None:
            return Finished(work, Damage(), None, failure)
        return Finished(work, finished.damage, result)


# --- serialisation ----------------------------------------------------------------------------


def pack(task: Task[Any]) -> tuple[bytes, bool]:
    """Return a pickled task, and whether it contains paths in the cache.

    These paths are resolved in the cache of the machine that unpickles the task.
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
        """Return the path on this machine, in the work directory for a file of the project."""
        count = len(self._project)
        if self._folder is not None and pid[:count] == self._project:
            return self._folder.joinpath(*pid[count:])
        path = cache_folder().joinpath(*pid)
        self.footage.add(path)
        return path


def _in_cache(path: PurePath) -> tuple[str, ...]:
    """Return the parts of a path relative to the cache; empty for a path outside it."""
    cache = cache_folder()
    return path.relative_to(cache).parts if path.is_relative_to(cache) else ()


# --- on the remote machine --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A pickled task for any machine.

    Args:
        packed: pickled task; see `pack`.
        project: parts of the project's path in the cache; empty for a shared folder.
        machine: id of the machine that holds the project, where no work directory is needed.
        reads: input files and folders of the project, relative to the project folder.
    """

    packed: bytes
    project: tuple[str, ...] = ()
    machine: str = ""
    reads: tuple[str, ...] = ()


def run_remote_task(task: RemoteTask, context: TaskContext) -> Any:
    """Fetch the footage and input files of a task, run it, and send its output."""
    with _work_directory(task) as folder:
        unpacker = _Unpacker(task.packed, task.project, folder)
        unpacked: Task[Any] = unpacker.load()
        try:
            for footage in sorted(unpacker.footage):
                fetch_footage(footage)
            return unpacked.run(context)
        except InputError as error:
            # The user does not know the paths of this machine.
            address = project_address(cache_folder().joinpath(*task.project)) or ""
            raise type(error)(legible(str(error).replace(str(folder), address))) from error


@contextmanager
def _work_directory(task: RemoteTask) -> Iterator[Path | None]:
    """Yield a folder with the task's input files, and send its output files at the end.

    Yields None on the machine that holds the project.
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
    """Fetch a task's input files into a folder shared by all tasks, and link them to ``folder``."""
    import filelock

    shared = cache_folder() / _DIRECTORIES / "read" / folder.name
    shared.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(shared.with_name(f".{folder.name}.lock")):
        record = shared.with_name(f".{folder.name}.json")
        keys = _read_record(record)
        remote = {path: stored for name in reads for path, stored in _files_below(store, name)}
        for path, stored in remote.items():
            if keys.get(path) != stored.key or not (shared / path).is_file():
                store.fetch(path, shared / path, size_bytes=stored.size_bytes)
                keys[path] = stored.key
                write_json(record, keys)
            link_or_copy(shared / path, folder / path)
    return local_files(folder)


def _files_below(store: Store, name: str) -> Iterator[tuple[str, Stored]]:
    found = store.info(name)
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
        if not stamp.matches(read.get(path)):
            store.send(folder / path, path)

"""Sync a project at an address with a folder on this machine.

The folder is pulled before a command and pushed after it; only files that differ are transferred,
and `PROJECT_FILE` is sent last. A killed run loses nothing: the next run on this machine continues
in the folder and pushes it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from data.core.atomic import write_bytes
from data.core.errors import RUN_AGAIN, InputError
from data.project.manifest import FOREIGN_FILE
from data.project.project import PROJECT_FILE
from data.remote.lock import StoreLock
from data.remote.sync_state import (
    IN_USE_FILE,
    MANIFEST_FILE,
    REMOTE_FOLDER,
    Files,
    RemoteManifest,
    Stamp,
    SyncState,
    is_synced,
    local_files,
    require_inside,
    sha256_of,
    sibling,
)
from data.remote.transfer import Transfer, in_threads, set_time
from data.storage.addresses import project_address
from data.storage.cache import cache_folder
from data.storage.store import Store


@contextmanager
def synced_project(folder: Path, *, say: Callable[[str], None]) -> Iterator[ProjectSync]:
    """Pull the project at an address, and push it when the block ends, even with an error.

    Args:
        folder: cache path of the address; see `data.storage.addresses`.
        say: prints a line for the user.

    Raises:
        InputError: the address cannot be reached or is not a project, or another run holds the
            lock.
    """
    sync = ProjectSync(folder, say=say)
    with sync.locked():
        sync.pull()
        try:
            yield sync
        except BaseException as error:
            sync.push_after(error)
            raise
        sync.push()


class ProjectSync:
    """Sync between a project's folder on this machine and its address."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        address = project_address(folder)
        if address is None:
            raise ValueError(f"folder must be the cache path of an address, got {folder}")
        self._folder, self._say = folder, say
        self._store = Store(address)
        self._state = SyncState.of(folder)
        self._transfer = Transfer(folder, self._store, self._state)
        self._state.machine = self._state.machine or uuid.uuid4().hex
        self._lock = StoreLock(self._store, IN_USE_FILE, machine=self._state.machine)
        self._known: set[str] = set()  # generated files that are, or may be, at the address

    @property
    def folder(self) -> Path:
        """Folder of the project on this machine."""
        return self._folder

    @property
    def machine(self) -> str:
        """Unique id of this machine."""
        return self._state.machine

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the project against other runs, on this machine and others.

        Raises:
            InputError: another run holds the lock.
        """
        import filelock

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(sibling(self._folder, "lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            message = "another run on this machine is using it; wait for it, or stop it"
            raise InputError(f"{self._store.address}: {message}") from error
        try:
            self._state.write()  # the machine id in the lock must be known after a crash
            with self._lock.held():
                yield
        finally:
            lock.release()

    # --- from the address -----------------------------------------------------------------------

    def pull(self) -> None:
        """Make the folder equal to the address, except for local changes that were not pushed yet.

        If another machine has pushed since the last sync, its version is used, and unpushed files
        are moved to a separate folder.

        Raises:
            InputError: the address cannot be reached or is not a project.
        """
        state, content = self._state, self._store.read(MANIFEST_FILE)
        project = self._store.read(PROJECT_FILE)
        manifest = (
            RemoteManifest.from_bytes(content, address=self._store.address) if content else None
        )
        self._check_removed_folder()
        if self._is_unchanged(manifest, project):
            missing = {} if state.at_work else self._missing_files()
            self._transfer.fetch(missing)
        else:
            remote = dict(manifest.files) if manifest else self._unlisted_files(project)
            self._set_aside(remote, project)
            self._replace_with(remote)
            state.revision = manifest.revision if manifest else None
            state.project_sha256, state.sending = _sha256(project), None
        if project is not None and not (self._folder / PROJECT_FILE).is_file():
            write_bytes(self._folder / PROJECT_FILE, project)
        self._known = set(manifest.files if manifest else state.files)
        state.at_work = True
        state.write()
        self.collect(again=False)

    def _check_removed_folder(self) -> None:
        """Fetch the files of a folder that was removed from the cache, instead of deleting them."""
        state = self._state
        if state.project_sha256 and not (self._folder / PROJECT_FILE).is_file():
            state.at_work = False

    def _is_unchanged(self, manifest: RemoteManifest | None, project: bytes | None) -> bool:
        """Whether no other machine has pushed since the last sync of this machine."""
        revision = manifest.revision if manifest else None
        if revision is not None and revision == self._state.sending:
            return True
        same_revision = revision == self._state.revision
        return same_revision and _sha256(project) == self._state.project_sha256

    def _unlisted_files(self, project: bytes | None) -> dict[str, Stamp | None]:
        """Return the files of a project that was copied to the address without a manifest."""
        if project is None:
            return {}
        found = {path: None for path in self._store.files() if is_synced(path)}
        require_inside(found, self._store.address)
        return dict(found)

    def _missing_files(self) -> dict[str, Stamp | None]:
        """Return the files that were removed from the cache while no command was running."""
        files = self._state.files.items()
        return {path: stamp for path, stamp in files if not (self._folder / path).is_file()}

    def _set_aside(self, remote: Mapping[str, Stamp | None], project: bytes | None) -> None:
        """Move unpushed files to a separate folder, since another machine has pushed meanwhile."""
        files = self._state.files
        unsent = [
            path
            for path, stamp in local_files(self._folder).items()
            if not stamp.matches(files.get(path)) and not stamp.matches(remote.get(path))
        ]
        synced = ("", self._state.project_sha256, _sha256(project))
        if sha256_of(self._folder / PROJECT_FILE) not in synced:
            unsent.append(PROJECT_FILE)
        if not unsent:
            return
        aside = (
            cache_folder() / "unsent" / f"{datetime.now():%Y-%m-%d %H.%M.%S} {self._folder.name}"
        )
        for path in unsent:
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / path).replace(aside / path)
        self._say(
            f"{self._store.address}: another machine has changed it since a run here was stopped; "
            f"its version is used, and files that were not sent are kept in {aside}"
        )

    def _replace_with(self, remote: Mapping[str, Stamp | None]) -> None:
        """Make the synced files of the folder equal to the remote ones."""
        local, state = local_files(self._folder), self._state
        # Removed first, so that no stage counts as done while the versions are mixed.
        (self._folder / PROJECT_FILE).unlink(missing_ok=True)
        for path in state.files.keys() - remote.keys():
            self._remove(path)
        state.files = {path: stamp for path, stamp in state.files.items() if path in remote}
        wanted = {}
        for path, stamp in remote.items():
            if stamp is not None and self._is_same(path, stamp, local.get(path)):
                state.files[path] = stamp
            else:
                wanted[path] = stamp
        self._transfer.fetch(wanted)

    def _is_same(self, path: str, stamp: Stamp, local: Stamp | None) -> bool:
        if local is None or local.size_bytes != stamp.size_bytes:
            return False
        if not stamp.matches(local):
            if sha256_of(self._folder / path) != stamp.sha256:
                return False
            set_time(self._folder / path, stamp)
        return True

    def _remove(self, path: str) -> None:
        (self._folder / path).unlink(missing_ok=True)
        for parent in (self._folder / path).parents:
            if parent == self._folder:
                break
            with suppress(OSError):  # not empty
                parent.rmdir()

    # --- to the address -------------------------------------------------------------------------

    def push_after(self, error: BaseException) -> None:
        """Push after a failed command.

        Raises:
            InputError: ``error`` is an InputError and the push failed as well.
        """
        try:
            self.push()
        except InputError as push_error:
            if isinstance(error, InputError):
                raise InputError(f"{error}; and {push_error}") from error

    def push(self, *, at_work: bool = False) -> None:
        """Make the address equal to the folder.

        Args:
            at_work: the command continues afterwards.

        Raises:
            InputError: the address cannot be reached or written, or another machine has taken over
                the lock.
        """
        state, local = self._state, local_files(self._folder)
        changed = {p: stamp for p, stamp in local.items() if not stamp.matches(state.files.get(p))}
        removed = sorted(state.files.keys() - local.keys())
        project_sha256 = sha256_of(self._folder / PROJECT_FILE)
        if changed or removed or state.sending or project_sha256 not in ("", state.project_sha256):
            self._lock.require()
            self._require_free(changed)
            state.sending = uuid.uuid4().hex
            state.write()
            pending = dict.fromkeys([*changed, *removed])
            self._write_manifest({**dict.fromkeys(self._known), **state.files, **pending})
            if removed or changed.keys() & self._known:
                self._unfinish_stages()
            self._transfer.send(changed)
            self._transfer.remove([*removed, *(self._known - local.keys() - state.files.keys())])
            self._write_manifest(state.files)
            self._send_project()
            state.revision, state.sending = state.sending, None
            state.project_sha256 = project_sha256
            self._known = set(state.files)
        state.at_work = at_work
        state.write()

    def _require_free(self, changed: Files) -> None:
        """Check that no file that fancam did not write would be overwritten."""
        new = changed.keys() - self._known
        blocking = sorted(new & self._store.files().keys()) if new else []
        if blocking:
            message = f"{FOREIGN_FILE}; move it elsewhere, and {RUN_AGAIN}"
            raise InputError(f"{self._store.address}/{blocking[0]}: {message}")

    def _write_manifest(self, files: Mapping[str, Stamp | None]) -> None:
        manifest = RemoteManifest(self._state.sending or "", files)
        self._store.write(MANIFEST_FILE, manifest.to_bytes())

    def _unfinish_stages(self) -> None:
        """Remove the remote records of stages whose files are about to be overwritten.

        If the push is interrupted, another machine will run these stages again.
        """
        remote = _read_json(self._store.read(PROJECT_FILE))
        local = _read_json((self._folder / PROJECT_FILE).read_bytes()).get("stages", {})
        stages = remote.get("stages", {})
        kept = {name: done for name, done in stages.items() if local.get(name) == done}
        if kept != stages:
            content = json.dumps({**remote, "stages": kept}, ensure_ascii=False, indent=2)
            self._store.write(PROJECT_FILE, content.encode())

    def _send_project(self) -> None:
        file = self._folder / PROJECT_FILE
        if file.is_file():
            self._store.write(PROJECT_FILE, file.read_bytes())

    # --- tasks on other machines ----------------------------------------------------------------

    def share(self) -> None:
        """Push the current files for tasks on other machines.

        Raises:
            InputError: in the same cases as `push`.
        """
        self.push(at_work=True)

    def collect(self, *, again: bool = True) -> None:
        """Move the results of tasks on other machines into the folder.

        Args:
            again: replace existing files as well, since a task may have rewritten them.

        Raises:
            InputError: the address cannot be reached.
        """
        results = Store(f"{self._store.address}/{REMOTE_FOLDER}")
        written = {path: stored for path, stored in results.files().items() if is_synced(path)}
        require_inside(written, results.address)

        def collect_one(path: str) -> None:
            target = self._folder / path
            if again or not target.is_file():
                results.fetch(path, target, size_bytes=written[path].size_bytes)
            results.remove(path)

        for _ in in_threads(collect_one, written):
            pass


def _sha256(content: bytes | None) -> str:
    return hashlib.sha256(content).hexdigest() if content is not None else ""


def _read_json(content: bytes | None) -> dict[str, dict[str, object]]:
    try:
        read = json.loads(content or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}

"""A project at an address, worked on in a folder of this machine.

Before a command its folder becomes what lies at the address, after it the address becomes what the
folder is by then; only what differs travels. `PROJECT_FILE` is sent last. A run that was killed has
lost nothing: the next one here goes on with its folder, and sends it.
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
from data.core.errors import InputError
from data.project.project import PROJECT_FILE
from data.remote.lock import StoreLock
from data.remote.sync_state import (
    IN_USE_FILE,
    MANIFEST_FILE,
    REMOTE_FOLDER,
    Files,
    Manifest,
    Stamp,
    SyncState,
    beside,
    local_files,
    require_inside,
    sha256_of,
    travels,
)
from data.remote.transfer import Transfer, in_threads, set_time
from data.storage.addresses import project_address
from data.storage.cache import cache_folder
from data.storage.store import Store


@contextmanager
def synced_project(folder: Path, *, say: Callable[[str], None]) -> Iterator[ProjectSync]:
    """Work on the project of an address; what comes of it is sent, whatever ends the block.

    Args:
        folder: the address's place on this machine; see `data.storage.addresses`.
        say: takes a line that the user has to know.

    Raises:
        InputError: the address cannot be reached, somebody else is at work in the project, or what
            lies there is no project.
    """
    sync = ProjectSync(folder, say=say)
    with sync.alone():
        sync.pull()
        try:
            yield sync
        except BaseException as error:
            sync.push_after(error)
            raise
        sync.push()


class ProjectSync:
    """A project's folder on this machine, and the address that it is kept like."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        address = project_address(folder)
        if address is None:
            raise ValueError(f"folder must be the place of an address, got {folder}")
        self._folder, self._say = folder, say
        self._store = Store(address)
        self._state = SyncState.of(folder)
        self._transfer = Transfer(folder, self._store, self._state)
        self._state.machine = self._state.machine or uuid.uuid4().hex
        self._lock = StoreLock(self._store, IN_USE_FILE, machine=self._state.machine)
        self._known: set[str] = set()  # files that are there, or may be, and are ours

    @property
    def folder(self) -> Path:
        """Where the project is on this machine."""
        return self._folder

    @property
    def machine(self) -> str:
        """Which machine this is."""
        return self._state.machine

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all others out of the project meanwhile, here and elsewhere.

        Raises:
            InputError: somebody is at work in it.
        """
        import filelock

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(beside(self._folder, "lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            message = "another run on this machine is at work in it; wait for it, or stop it"
            raise InputError(f"{self._store.address}: {message}") from error
        try:
            self._state.write()  # the note at the address is of this machine, also if we die now
            with self._lock.held():
                yield
        finally:
            lock.release()

    # --- from the address -----------------------------------------------------------------------

    def pull(self) -> None:
        """Make the folder hold what lies at the address, and what was not sent to it yet.

        Where somebody else has sent something meanwhile, theirs counts; what was not sent is put
        aside.

        Raises:
            InputError: it cannot be reached, or what lies there is no project.
        """
        state, content = self._state, self._store.read(MANIFEST_FILE)
        project = self._store.read(PROJECT_FILE)
        manifest = Manifest.from_bytes(content, address=self._store.address) if content else None
        self._forget_what_is_gone()
        if self._is_as_left(manifest, project):
            lost = {} if state.at_work else self._lost()
            self._transfer.fetch(lost)
        else:
            theirs = dict(manifest.files) if manifest else self._found(project)
            self._set_aside(theirs, project)
            self._become(theirs)
            state.revision = manifest.revision if manifest else None
            state.project_sha256, state.sending = _sha256(project), None
        if project is not None and not (self._folder / PROJECT_FILE).is_file():
            write_bytes(self._folder / PROJECT_FILE, project)
        self._known = set(manifest.files if manifest else state.files)
        state.at_work = True
        state.write()
        self.collect(again=False)

    def _forget_what_is_gone(self) -> None:
        """Take a folder that somebody has removed from the cache for what it is: no decision."""
        state = self._state
        if state.project_sha256 and not (self._folder / PROJECT_FILE).is_file():
            state.at_work = False

    def _is_as_left(self, manifest: Manifest | None, project: bytes | None) -> bool:
        """Whether nobody else has sent anything since this machine was there."""
        revision = manifest.revision if manifest else None
        if revision is not None and revision == self._state.sending:
            return True
        same = revision == self._state.revision
        return same and _sha256(project) == self._state.project_sha256

    def _found(self, project: bytes | None) -> dict[str, Stamp | None]:
        """The files of a project that somebody has copied to the address."""
        if project is None:
            return {}
        found = {path: None for path in self._store.files() if travels(path)}
        require_inside(found, self._store.address)
        return dict(found)

    def _lost(self) -> dict[str, Stamp | None]:
        """Files that somebody has removed from the cache while no command was at work."""
        files = self._state.files.items()
        return {path: stamp for path, stamp in files if not (self._folder / path).is_file()}

    def _set_aside(self, theirs: Mapping[str, Stamp | None], project: bytes | None) -> None:
        """Move away what was not sent, since somebody else has sent something meanwhile."""
        files = self._state.files
        unsent = [
            path
            for path, stamp in local_files(self._folder).items()
            if not stamp.seems(files.get(path)) and not stamp.seems(theirs.get(path))
        ]
        known = ("", self._state.project_sha256, _sha256(project))
        if sha256_of(self._folder / PROJECT_FILE) not in known:
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
            f"{self._store.address}: somebody else worked on it since a run here was stopped; "
            f"theirs counts, and what was not sent is kept in {aside}"
        )

    def _become(self, theirs: Mapping[str, Stamp | None]) -> None:
        """Make the folder hold just these files, of all that lie at the address or did."""
        here, state = local_files(self._folder), self._state
        # Without it, nothing of what is half theirs and half older counts as done.
        (self._folder / PROJECT_FILE).unlink(missing_ok=True)
        for path in state.files.keys() - theirs.keys():
            self._remove(path)
        state.files = {path: stamp for path, stamp in state.files.items() if path in theirs}
        wanted = {}
        for path, stamp in theirs.items():
            if stamp is not None and self._has(path, stamp, here.get(path)):
                state.files[path] = stamp
            else:
                wanted[path] = stamp
        self._transfer.fetch(wanted)

    def _has(self, path: str, stamp: Stamp, here: Stamp | None) -> bool:
        if here is None or here.size_bytes != stamp.size_bytes:
            return False
        if not stamp.seems(here):
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
        """Send what there is, after a command that was ended by an error.

        Raises:
            InputError: the error was one too, and nothing could be sent either.
        """
        try:
            self.push()
        except InputError as unsent:
            if isinstance(error, InputError):
                raise InputError(f"{error}; and {unsent}") from error

    def push(self, *, at_work: bool = False) -> None:
        """Make the address hold what the folder holds.

        Args:
            at_work: the command goes on after that.

        Raises:
            InputError: it cannot be reached or written, or somebody else has taken over.
        """
        state, here = self._state, local_files(self._folder)
        changed = {p: stamp for p, stamp in here.items() if not stamp.seems(state.files.get(p))}
        gone = sorted(state.files.keys() - here.keys())
        project_sha256 = sha256_of(self._folder / PROJECT_FILE)
        if changed or gone or state.sending or project_sha256 not in ("", state.project_sha256):
            self._lock.require()
            self._require_free(changed)
            state.sending = uuid.uuid4().hex
            state.write()
            pending = dict.fromkeys([*changed, *gone])
            self._write_manifest({**dict.fromkeys(self._known), **state.files, **pending})
            if gone or changed.keys() & self._known:
                self._unfinish()
            self._transfer.send(changed)
            self._transfer.remove([*gone, *(self._known - here.keys() - state.files.keys())])
            self._write_manifest(state.files)
            self._send_project()
            state.revision, state.sending = state.sending, None
            state.project_sha256 = project_sha256
            self._known = set(state.files)
        state.at_work = at_work
        state.write()

    def _require_free(self, changed: Files) -> None:
        """Refuse to write over what is not ours."""
        new = changed.keys() - self._known
        blocking = sorted(new & self._store.files().keys()) if new else []
        if blocking:
            message = "not written by fancam, but in its way; move it away, and run again"
            raise InputError(f"{self._store.address}/{blocking[0]}: {message}")

    def _write_manifest(self, files: Mapping[str, Stamp | None]) -> None:
        manifest = Manifest(self._state.sending or "", files)
        self._store.write(MANIFEST_FILE, manifest.to_bytes())

    def _unfinish(self) -> None:
        """Let no stage count as done there whose files are about to be written over.

        Where this comes to no end, whoever goes on with what lies there does that stage again.
        """
        theirs = _read_json(self._store.read(PROJECT_FILE))
        mine = _read_json((self._folder / PROJECT_FILE).read_bytes()).get("stages", {})
        stages = theirs.get("stages", {})
        kept = {name: done for name, done in stages.items() if mine.get(name) == done}
        if kept != stages:
            content = json.dumps({**theirs, "stages": kept}, ensure_ascii=False, indent=2)
            self._store.write(PROJECT_FILE, content.encode())

    def _send_project(self) -> None:
        file = self._folder / PROJECT_FILE
        if file.is_file():
            self._store.write(PROJECT_FILE, file.read_bytes())

    # --- work on other machines -----------------------------------------------------------------

    def share(self) -> None:
        """Send what there is by now, for tasks that read it on other machines.

        Raises:
            InputError: as `push` does.
        """
        self.push(at_work=True)

    def collect(self, *, again: bool = True) -> None:
        """Take in what tasks have written on other machines.

        Args:
            again: also what is here already: a task has written it anew.

        Raises:
            InputError: the address cannot be reached.
        """
        away = Store(f"{self._store.address}/{REMOTE_FOLDER}")
        written = {path: stored for path, stored in away.files().items() if travels(path)}
        require_inside(written, away.address)

        def bring(path: str) -> None:
            target = self._folder / path
            if again or not target.is_file():
                away.fetch(path, target, size_bytes=written[path].size_bytes)
            away.remove(path)

        for _ in in_threads(bring, written):
            pass


def _sha256(content: bytes | None) -> str:
    return hashlib.sha256(content).hexdigest() if content is not None else ""


def _read_json(content: bytes | None) -> dict[str, dict[str, object]]:
    try:
        read = json.loads(content or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}

"""Tasks on machines that reach the same addresses and share no folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data.core.errors import InputError
from data.core.progress import NoBar, Progress
from data.execution.segments import damage_of_all
from data.execution.tasks import Finished, PayloadT, ResultT, Task, TaskContext, Work
from data.remote.remote_tasks import RemoteTaskRunner
from data.remote.sync import ProjectSync, synced_project
from data.remote.sync_state import REMOTE_FOLDER
from data.storage.addresses import footage_path, project_path
from data.storage.cache import cache_folder
from data.storage.store import Store
from data.video.frames import Damage
from tests.machines import Machine


class RemoteRunner:
    """Runner that runs every task on another machine."""

    def __init__(self, machine: Machine, name: str = "worker") -> None:
        self._machine, self._name = machine, name

    def threads(self, asked: int) -> int:
        return asked or 1

    def run(
        self,
        works: Iterable[Work[PayloadT, ResultT]],
        progress: Progress,
        *,
        frames: int,
    ) -> Iterator[Finished[PayloadT, ResultT]]:
        del frames
        for work in works:
            self._machine(self._name)
            try:
                place = TaskContext(progress)
                place.bar = NoBar()
                damage = [task.run(place) for task in work.tasks]
                result = work.last.run(place) if work.last else None
                finished = Finished(work, damage_of_all(damage), result)
            except InputError as error:
                finished = Finished(work, Damage(), None, error)
            finally:
                self._machine("first")
            yield finished


@dataclass(frozen=True)
class SumTask:
    """Argument of the tasks in these tests."""

    project: Path
    footage: Path
    number: int


def count_letters(task: SumTask, _: TaskContext) -> Damage:
    """Read the footage and the weights, and write a part."""
    assert "worker" in str(task.footage)
    if task.number < 0:
        raise InputError(f"{task.footage}: cut off; see {task.project}/tracker")
    factor = int((task.project / "tracker" / "weights").read_text())
    part = task.project / "tracks" / "a.parts" / f"{task.number}"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(str(factor * len(task.footage.read_text())))
    return Damage(frames=1)


def add_up(task: SumTask, _: TaskContext) -> int:
    """Combine the parts."""
    parts = sorted((task.project / "tracks" / "a.parts").iterdir())
    whole = sum(int(part.read_text()) for part in parts)
    (task.project / "tracks" / "a.csv").write_text(str(whole))
    return whole


def work_on(project: Path, footage: Path, *numbers: int) -> Work[str, int]:
    first = SumTask(project, footage, 0)
    tasks = tuple(
        Task(count_letters, replace(first, number=number), reads=("tracker", "tracks/a.parts"))
        for number in numbers
    )
    return Work("a", "about a", tasks, Task(add_up, first))


def no_bars(*_: Any) -> Any:
    raise AssertionError


@pytest.fixture
def home(memory: str, machine: Machine) -> str:
    """Return the address of a project with weights; a footage is next to it."""
    machine("first")
    Store(memory).write("a.mp4", b"film")
    store = Store(f"{memory}/a.fancam")
    store.write("project.json", b'{"schema": 1, "footages": [], "stages": {}}')
    store.write("tracker/weights", b"10")
    return f"{memory}/a.fancam"


def run(home: str, machine: Machine, *numbers: int, worker: str = "worker") -> list[Any]:
    """Run tasks on another machine, as a command does."""
    folder = project_path(home)
    footage = footage_path(home.replace("a.fancam", "a.mp4"))
    with synced_project(folder, say=print) as sync:
        runner = RemoteTaskRunner(RemoteRunner(machine, worker), sync)
        assert runner.threads(0) == 1
        return list(runner.run([work_on(folder, footage, *numbers)], no_bars, frames=1))


def test_files_of_remote_tasks_are_combined_locally(home: str, machine: Machine) -> None:
    (finished,) = run(home, machine, 1, 2, 3)
    assert (finished.result, finished.damage.frames) == (120, 3)
    assert finished.work.payload == "about a"
    assert (project_path(home) / "tracks" / "a.csv").read_text() == "120"
    store = Store(home)
    assert store.read("tracks/a.csv") == b"120"
    assert not any(path.startswith(REMOTE_FOLDER) for path in store.files())
    machine("worker")
    left = [path.name for path in (cache_folder() / "benches").rglob("*") if path.is_file()]
    assert sorted(left) == [".a.fancam.json", ".a.fancam.lock", "weights"]


def test_no_remote_tasks(home: str, machine: Machine) -> None:
    folder = project_path(home)
    (folder / "tracks" / "a.parts").mkdir(parents=True)
    (finished,) = run(home, machine)
    assert finished.result == 0


def test_weights_are_fetched_once_and_when_they_changed(
    home: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    fetch = Store.fetch

    def noted(store: Store, name: str, target: Path, *, size_bytes: int) -> None:
        fetched.append(name)
        fetch(store, name, target, size_bytes=size_bytes)

    run(home, machine, 1)
    monkeypatch.setattr(Store, "fetch", noted)
    run(home, machine, 2)
    assert "tracker/weights" not in fetched
    with synced_project(project_path(home), say=print) as sync:
        (sync.folder / "tracker" / "weights").write_text("7")
    (finished,) = run(home, machine, 2)
    assert "tracker/weights" in fetched
    assert finished.result == 40 + 28


def test_errors_name_addresses(home: str, machine: Machine) -> None:
    (finished,) = run(home, machine, 1, -1)
    assert finished.result is None
    assert (
        str(finished.error) == "memory://store/a.mp4: cut off; see memory://store/a.fancam/tracker"
    )


def test_missing_footage(home: str, machine: Machine) -> None:
    Store(home.removesuffix("/a.fancam")).remove("a.mp4")
    (finished,) = run(home, machine, 1)
    assert "memory://store/a.mp4: no such file" in str(finished.error)


def look_where(task: SumTask, _: TaskContext) -> Damage:
    """Assert that the task works in the project itself."""
    (task.project / "where").write_text(str(task.project))
    return Damage()


def test_a_machine_that_has_the_project_works_in_it(home: str, machine: Machine) -> None:
    """A machine with the same cache, such as the head of a cluster, downloads nothing."""
    folder = project_path(home)
    with synced_project(folder, say=print) as sync:
        task = Task(look_where, SumTask(folder, folder, 0))
        runner = RemoteTaskRunner(RemoteRunner(machine, "first"), sync)
        work: Work[str, int] = Work("a", "", (task,))
        list(runner.run([work], no_bars, frames=1))
        assert (folder / "where").read_text() == str(folder)
    assert not (cache_folder() / "benches").exists()


def test_parts_of_a_killed_run_are_used(home: str, machine: Machine) -> None:
    away = Store(f"{home}/{REMOTE_FOLDER}")
    away.write("tracks/a.parts/9", b"1000")
    (finished,) = run(home, machine, 1)
    assert finished.result == 1040
    assert away.files() == {}


def test_a_shared_folder_needs_only_the_footage(
    home: str, machine: Machine, tmp_path: Path
) -> None:
    project = tmp_path / "shared.fancam"
    (project / "tracker").mkdir(parents=True)
    (project / "tracker" / "weights").write_text("2")
    footage = footage_path(home.replace("a.fancam", "a.mp4"))
    runner = RemoteTaskRunner(RemoteRunner(machine), None)
    (finished,) = runner.run([work_on(project, footage, 1, 2)], no_bars, frames=1)
    assert finished.result == 16


def test_the_sync_names_its_machine(home: str, machine: Machine) -> None:
    with synced_project(project_path(home), say=print) as sync:
        assert isinstance(sync, ProjectSync)
        first = sync.machine
    assert (
        json.loads(project_path(home).with_name(".a.fancam.state.json").read_text())["machine"]
        == first
    )
    machine("second")
    with synced_project(project_path(home), say=print) as sync:
        assert sync.machine != first

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.core.progress import Bar
from data.execution.tasks import Finished, LocalRunner, Task, TaskContext, Work
from data.remote.runners import runner_at
from data.video.frames import Damage

Do = Callable[[str, TaskContext], Damage]
DONE: list[str] = []


class CountingBar:
    def __init__(self) -> None:
        self.frames = 0

    def update(self, n: int) -> None:
        self.frames += n

    def set_postfix_str(self, s: str) -> None:
        pass


class Bars:
    """Progress that records its bars."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, int, CountingBar]] = []

    @contextmanager
    def __call__(self, name: str, total: int, done: int) -> Iterator[Bar]:
        bar = CountingBar()
        self.made.append((name, total, done, bar))
        yield bar


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    DONE.clear()


def note(given: str, place: TaskContext) -> Damage:
    DONE.append(given)
    place.bar.update(5)
    return Damage(frames=1, missing=3)


def refuse(given: str, _: TaskContext) -> Damage:
    raise InputError(f"{given}: broken")


def end(given: str, _: TaskContext) -> str:
    DONE.append(given)
    return given.upper()


def work(name: str, *tasks: str, do: Do = note) -> Work[str, str]:
    made = tuple(Task(do, f"{name} {one}") for one in tasks)
    return Work(name, f"about {name}", made, Task(end, f"{name} end"), total=10, done=2)


def finished(*works: Work[str, str], bars: Bars | None = None) -> list[Finished[str, str]]:
    return list(LocalRunner().run(iter(works), bars or Bars(), frames=0))


def test_no_work() -> None:
    assert finished() == []
    (only,) = finished(Work("a", "about a"))
    assert (only.result, only.error, bool(only.damage)) == (None, None, False)


def test_tasks_run_in_sequence() -> None:
    bars = Bars()
    a, b = finished(work("a", "1", "2"), work("b", "1"), bars=bars)
    assert DONE == ["a 1", "a 2", "a end", "b 1", "b end"]
    assert (a.result, a.work.payload, b.result) == ("A END", "about a", "B END")
    assert (a.damage.frames, a.damage.missing) == (2, 3)
    assert [(name, total, done, bar.frames) for name, total, done, bar in bars.made] == [
        ("a", 10, 2, 10),
        ("b", 10, 2, 5),
    ]


def test_the_next_work_is_requested_after_the_last_result() -> None:
    asked = []

    def works() -> Iterator[Work[str, str]]:
        for name in ("a", "b"):
            asked.append(name)
            yield work(name, "1")

    runs = LocalRunner().run(works(), Bars(), frames=0)
    assert next(runs).work.name == "a"
    assert asked == ["a"]


def test_a_refused_footage_does_not_stop_others() -> None:
    a, b = finished(work("a", "1", "2", do=refuse), work("b", "1"))
    assert str(a.error) == "a 1: broken"
    with pytest.raises(InputError, match="a 1: broken"):
        a.require()
    b.require()
    assert DONE == ["b 1", "b end"]


def test_an_unexpected_error_is_one_footages() -> None:
    def wrong(_: str, __: TaskContext) -> Damage:
        raise ZeroDivisionError

    first, second = finished(work("a", "1", do=wrong), work("b", "1"))
    assert isinstance(first.error, ZeroDivisionError)
    assert second.error is None
    assert DONE == ["b 1", "b end"]


def test_an_error_of_the_run_stops_it() -> None:
    def full(_: str, __: TaskContext) -> Damage:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        finished(work("a", "1", do=full), work("b", "1"))
    assert DONE == []


def test_a_cached_model_stays_as_long_as_its_settings() -> None:
    loads: list[str] = []

    def load(settings: str) -> str:
        loads.append(settings)
        return settings.upper()

    place = TaskContext(Bars())
    assert [place.loaded(load, one) for one in ("a", "a", "b", "a")] == ["A", "A", "B", "A"]
    assert loads == ["a", "b", "a"]


def test_tasks_run_locally_without_an_address() -> None:
    with runner_at(None) as runner:
        assert isinstance(runner, LocalRunner)
        assert runner.threads(3) == 3


@pytest.mark.parametrize("module", ["clustering.cli", "tracking.track_cli", "cropping.crop_cli"])
def test_ray_is_not_imported_without_the_option(module: str, tmp_path: Path) -> None:
    code = (
        f"import sys\nfrom {module} import main\ncode = main(['nothing.fancam', 'nothing.mp4'])\n"
        "import clustering.stage, tracking.stage, cropping.stage\n"
        "from data.remote.runners import runner_at\n"
        "with runner_at(None):\n    assert code == 2 and 'ray' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

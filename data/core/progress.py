"""Progress bars, which commands pass to the stages."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal, Protocol, Self, TypeAlias

from data.core.time_left import TimeLeft, duration_text


class Bar(Protocol):
    """A progress bar with the interface of tqdm."""

    def update(self, n: int) -> object:
        """Advance by ``n``."""

    def set_postfix_str(self, s: str) -> object:
        """Show ``s`` after the bar."""


class NoBar:
    """A progress bar that is not shown."""

    def update(self, n: int) -> None:
        """Advance by ``n``."""

    def set_postfix_str(self, s: str) -> None:
        """Ignore ``s``."""


Progress = Callable[[str, int, int], AbstractContextManager[Bar]]
"""Function of a name, the total and the count already done that returns a bar."""


WRITING = "writing"
"""Name of the bar that counts files; every other bar counts the ``unit`` of `bars`."""

ProgressForm: TypeAlias = Literal["auto", "bar", "json", "none"]
"""How progress is shown: ``auto`` is a bar on a terminal, and nothing elsewhere."""
PROGRESS_FORMS: Final[tuple[ProgressForm, ...]] = ("auto", "bar", "json", "none")

_JSON_EVERY_S: Final = 0.5  # minimum time between two lines of one bar
NARROW: Final = 60
"""Columns of a terminal below which there is no room for a bar."""
_WIDE: Final = 100  # columns of a terminal with room for counts
_BESIDE: Final = 34  # columns of the percentage, the times and a short bar
_COUNTS: Final = 26  # columns of the counts
_form: list[ProgressForm] = ["auto"]  # of this process


def show_progress(form: ProgressForm) -> None:
    """Set how this process shows progress."""
    _form[0] = form


def progress_form() -> ProgressForm:
    """Return how progress is shown, with ``auto`` resolved."""
    if _form[0] != "auto":
        return _form[0]
    return "bar" if sys.stderr is not None and sys.stderr.isatty() else "none"


def bars(command: str, *, unit: str = "frames") -> Progress:
    """Return a function that makes the progress bars of ``command``.

    Args:
        command: name of the command.
        unit: what the bars count.
    """

    def bar(name: str, total: int, done: int) -> AbstractContextManager[Bar]:
        counted = "files" if name == WRITING else unit
        label = f"{command}: {name}"
        return _made(label, total, done, unit=f" {counted}")

    return bar


def bytes_bar(label: str, total: int, done: int) -> AbstractContextManager[Bar]:
    """Return a bar for the bytes of a transfer."""
    return _made(label, total, done, unit="B")


def _made(label: str, total: int, done: int, *, unit: str) -> AbstractContextManager[Bar]:
    form = progress_form()
    if form == "none":
        return nullcontext(NoBar())
    if form == "json":
        return _JsonBar(label, total, done, unit.strip())
    columns = shutil.get_terminal_size().columns
    left = TimeLeft(total, done)
    line = drawn_line(
        left.seconds,
        desc=shortened(label, max(columns // 2 - 5, 12)),
        total=total,
        initial=done,
        unit=unit,
        unit_scale=unit == "B",
        bar_format=bar_format(columns),
    )
    return _TimedBar(line, left)


def drawn_line(seconds_left: Callable[[], float | None], **options: Any) -> Any:
    """Return a bar of tqdm whose format may name the time left, ``{left}``.

    Args:
        seconds_left: returns the time left in seconds; None if it is not known.
        options: options of tqdm.
    """
    from tqdm import tqdm

    form = options["bar_format"]
    beside = len(form.partition("{desc}")[0]) + _BESIDE + (_COUNTS if "{n_fmt}" in form else 0)

    class Line(tqdm):  # type: ignore[type-arg]
        @property
        def format_dict(self) -> dict[str, Any]:
            return {**super().format_dict, "left": duration_text(seconds_left())}

        def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
            # The bar is worth more than the end of a note.
            room = shutil.get_terminal_size().columns - len(self.desc or "") - beside
            super().set_postfix_str(begun(s, room), refresh)

    return Line(dynamic_ncols=True, **options)


def bar_format(columns: int) -> str:
    """Return tqdm's format of a line that leaves room for the bar on a terminal of any width."""
    if columns < NARROW:
        return "{desc} {percentage:3.0f}% {left} left"
    if columns < _WIDE:
        return "{desc} {percentage:3.0f}%|{bar}| {elapsed}, {left} left{postfix}"
    shown = "{n_fmt}/{total_fmt}{unit}, {elapsed}, {left} left{postfix}"
    return "{desc} {percentage:3.0f}%|{bar}| " + shown


def begun(text: str, length: int) -> str:
    """Return a text of at most ``length`` characters, its end replaced by an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…" if length > 1 else ""


def shortened(text: str, length: int) -> str:
    """Return a text of at most ``length`` characters, its middle replaced by an ellipsis."""
    if len(text) <= length:
        return text
    head = length // 2
    return f"{text[:head]}…{text[len(text) - (length - head - 1) :]}"


def write_event(event: dict[str, Any]) -> None:
    """Write a JSON object to the standard error stream, on one line."""
    print(json.dumps(event, ensure_ascii=False), file=sys.stderr, flush=True)  # noqa: T201


class _TimedBar:
    """A bar of tqdm, and the time left that it shows."""

    def __init__(self, line: Any, left: TimeLeft) -> None:
        self._line, self._left = line, left

    def __enter__(self) -> Self:
        self._line.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._line.__exit__(*error)

    def update(self, n: int) -> None:
        """Advance by ``n``."""
        self._left.advance(n)
        self._line.update(n)

    def set_postfix_str(self, s: str) -> None:
        """Show ``s`` after the bar."""
        self._line.set_postfix_str(s)


class _JsonBar:
    """A bar that writes JSON objects: label, done, total, unit, and the time left if known."""

    def __init__(self, label: str, total: int, done: int, unit: str) -> None:
        self._label, self._total, self._done, self._unit = label, total, done, unit
        self._left = TimeLeft(total, done)
        self._written_s = 0.0
        self._note = ""

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def update(self, n: int) -> None:
        """Advance by ``n``."""
        self._done += n
        self._left.advance(n)
        if time.monotonic() - self._written_s >= _JSON_EVERY_S:
            self._write()

    def set_postfix_str(self, s: str) -> None:
        """Add ``s`` to the objects."""
        self._note = s

    def _write(self) -> None:
        self._written_s = time.monotonic()
        event = {"progress": self._label, "done": self._done, "total": self._total}
        note = {"note": self._note} if self._note else {}
        write_event({**event, "unit": self._unit, **left_of(self._left.seconds()), **note})


def left_of(seconds: float | None) -> dict[str, float]:
    """Return the time left for a JSON object; nothing if it is not known."""
    return {} if seconds is None else {"left_s": round(seconds, 1)}

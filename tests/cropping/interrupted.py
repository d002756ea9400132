"""Renders of crop-people that are counted, cut into short chunks, or stopped at a frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cropping.render import render, segments, tasks


def count_renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every later render adds its number of encoded videos."""
    renders: list[int] = []
    real = render.render

    def counted(frames: Any, workers: Any, *rest: Any, **options: Any) -> None:
        renders.append(len(workers))
        real(frames, workers, *rest, **options)

    monkeypatch.setattr(tasks, "render", counted)
    return renders


def shorten_chunks(monkeypatch: pytest.MonkeyPatch, *, per_segment: int | None = None) -> None:
    """Cut videos into chunks of 10 frames, and footages into segments of ``per_segment`` chunks."""
    monkeypatch.setattr(render, "CHUNK_FRAMES", 10)
    monkeypatch.setattr(segments, "CHUNK_FRAMES", 10)
    if per_segment is not None:
        monkeypatch.setattr(segments, "MIN_SEGMENT_CHUNKS", per_segment)


@contextmanager
def interrupted_at(monkeypatch: pytest.MonkeyPatch, frame: int) -> Iterator[None]:
    """Raise `KeyboardInterrupt` where a frame of this index is to be encoded."""
    real = render.EncoderWorker.encode

    def encode(worker: render.EncoderWorker, shown: render.RenderFrame) -> None:
        if shown.index == frame:
            raise KeyboardInterrupt
        real(worker, shown)

    with monkeypatch.context() as during:
        during.setattr(render.EncoderWorker, "encode", encode)
        yield


@contextmanager
def interrupted_in(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> Iterator[None]:
    """Raise `KeyboardInterrupt` where a function of ``owner`` is called."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(owner, name, interrupt)
        yield

"""Find out how the frames of a video are displayed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.core.digest import file_key
from data.video.container import open_video
from data.video.display.convert import is_dolby_vision, is_hdr
from data.video.display.field_order import field_order, may_be_interlaced
from data.video.display.form import SQUARE, DisplayForm, FieldOrder, sane_aspect
from data.video.display.size_changes import StoredSize, stored_size, stored_sizes

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

_CONTAINERS_WITH_ASPECT: Final = ("mov", "matroska", "nut", "mxf", "asf", "avi")
"""Formats whose header may tell the aspect of pixels, which then applies to all frames."""
_REMEMBERED: Final = 256


def probe_form(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    first: VideoFrame,
    number: int | None,
) -> DisplayForm:
    """Return how the frames of a video are displayed.

    Args:
        path: the file.
        container: the file, opened.
        stream: its video.
        first: its first frame that decodes.
        number: the video stream as the user chose it, see `open_video`.
    """
    key = path, file_key(path), number
    aspect = _header_aspect(container, stream)
    own = stream.codec_context.sample_aspect_ratio
    sizes = {stored_size(first, own if aspect is None else aspect): None}
    sizes |= dict.fromkeys(_stored_sizes(*key, aspect))
    fields = _field_order(*key) if may_be_interlaced(stream, first) else "progressive"
    form = _form(list(sizes), fields)
    return replace(form, hdr=is_hdr(first), dolby_vision=is_dolby_vision(first))


def _form(sizes: list[StoredSize], fields: FieldOrder) -> DisplayForm:
    upright = [size.upright_wh() for size in sizes]
    largest = max(upright, key=lambda wh: wh[0] * wh[1])
    aspects = {size.aspect for size in sizes}
    varies = len(set(upright)) > 1
    is_plain = aspects == {SQUARE} and not varies
    return DisplayForm(
        wh=largest,
        stored_wh=sizes[0].wh if is_plain else None,
        varies=varies,
        pixel_aspect=aspects.pop() if len(aspects) == 1 else None,
        fields=fields,
    )


def _header_aspect(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Return the aspect of all pixels, or None if each frame tells its own."""
    if not any(name in container.format.name for name in _CONTAINERS_WITH_ASPECT):
        return None
    return sane_aspect(stream.sample_aspect_ratio)


@lru_cache(_REMEMBERED)
def _stored_sizes(
    path: Path, key: str, number: int | None, aspect: Fraction | None
) -> tuple[StoredSize, ...]:
    del key  # for the cache only
    return stored_sizes(path, number, aspect)


@lru_cache(_REMEMBERED)
def _field_order(path: Path, key: str, number: int | None) -> FieldOrder:
    del key  # for the cache only
    with open_video(path, number=number) as (container, stream):
        return field_order(container, stream)

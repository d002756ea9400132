"""Convert stored frames to displayed ones: square pixels, one size, SDR."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from data.video.display.deinterlace import Candidate, deinterlaced
from data.video.display.form import MAX_ASPECT, PLAIN, DisplayForm
from data.video.display.graph import FilterGraph, properties
from data.video.display.tone_mapping import HLG, PQ, table_file
from data.video.frames import Damage, DecodedFrame
from data.video.orientation import orientation_of, side_data_of
from data.video.yuv import BT601, BT709, HD_LINES, Colours, colours_of

if TYPE_CHECKING:
    from fractions import Fraction

    from av import VideoFrame

    from data.video.display.graph import Filter

_MAX_GRAPHS: Final = 8
_SCALING: Final = "bicubic+accurate_rnd+full_chroma_int"
_RGB, _UNSPECIFIED, _BT2020 = 0, 2, 9
_HDR_BITS: Final = 10
_FRAME_ASPECT: Final = f"if(between(sar,1/{MAX_ASPECT},{MAX_ASPECT}),sar,1)"
_UNKNOWN_TRANSFER: Final = {"color_primaries": "2", "color_trc": "2"}
"""Hides HDR from libswscale, which would convert it by itself or refuse it."""
_NO_TRANSFER: Final = ("setparams", _UNKNOWN_TRANSFER)


def displayed(
    frames: Iterable[Candidate], form: DisplayForm, *, threads: int, damage: Damage
) -> Iterator[DecodedFrame]:
    """Convert the selected frames of a video to what a player displays.

    Args:
        frames: frames in order; for an interlaced video with the neighbours of the selected ones.
        form: conversion that the video needs.
        threads: of the filters; 0 for one per core.
        damage: incremented by the number of frames that cannot be converted.
    """
    import av

    damage.converted = form.description
    if form == PLAIN:
        yield from (frame for frame, is_selected in frames if is_selected)
        return
    convert = DisplayConverter(form, threads=threads)
    selected: Iterator[DecodedFrame]
    if form.fields == "progressive":
        selected = (frame for frame, is_selected in frames if is_selected)
    else:
        selected = deinterlaced(frames, form.fields, threads=threads, damage=damage)
    for frame in selected:
        try:
            picture = convert(frame.picture)
        except (av.FFmpegError, ValueError):
            damage.frames += 1
            continue
        yield frame if picture is frame.picture else replace(frame, picture=picture)


class DisplayConverter:
    """Converts the frames of one video, each by itself; frames displayed as stored are kept.

    Args:
        form: conversion that the video needs.
        threads: of the filters; 0 for one per core.
    """

    def __init__(self, form: DisplayForm, *, threads: int = 0) -> None:
        self._form, self._threads = form, threads
        self._graphs: OrderedDict[object, FilterGraph] = OrderedDict()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame as displayed, before it is turned upright."""
        hdr = is_hdr(frame)
        if (frame.width, frame.height) == self._form.stored_wh and not hdr:
            return frame
        transposed = orientation_of(frame).transposed
        tags = int(frame.color_trc), int(frame.color_primaries)
        key = (*properties(frame), *tags, transposed)
        graph = self._graphs.pop(key, None) or self._graph(frame, transposed=transposed, hdr=hdr)
        (converted,) = graph.push(frame)  # a graph that fails is not kept
        self._graphs[key] = graph
        if len(self._graphs) > _MAX_GRAPHS:
            self._graphs.popitem(last=False)
        return converted

    def _graph(self, frame: VideoFrame, *, transposed: bool, hdr: bool) -> FilterGraph:
        wh = self._form.wh[::-1] if transposed else self._form.wh
        scale = _fit(wh, self._form.pixel_aspect)
        pad = {
            "w": str(wh[0]),
            "h": str(wh[1]),
            "x": "(ow-iw)/2",
            "y": "(oh-ih)/2",
            "eval": "frame",
        }
        with ExitStack() as stack:
            if hdr:
                table = table_file(int(frame.color_trc), int(frame.color_primaries))
                filters = _hdr_to_sdr(frame, scale, stack.enter_context(table))
            elif self._form.varies:
                target = BT709 if self._form.wh[1] >= HD_LINES else BT601
                filters = _to_colours(frame, scale, target)
            else:
                filters = [_NO_TRANSFER, ("scale", scale), _transfer(frame)]
            filters.append(("pad", pad))
            return FilterGraph(frame, filters, threads=self._threads)


def is_hdr(frame: VideoFrame) -> bool:
    """Return whether a frame is PQ or HLG.

    In 8 bits only if its colours are those of BT.2020 as well: otherwise the flag is a mistake.
    """
    if int(frame.color_trc) not in (PQ, HLG):
        return False
    depth = max(component.bits for component in frame.format.components)
    return depth >= _HDR_BITS or _BT2020 in (int(frame.color_primaries), int(frame.colorspace))


def is_dolby_vision(frame: VideoFrame) -> bool:
    """Return whether the colours of a frame are those of Dolby Vision alone (profile 5)."""
    tagged = int(frame.color_trc) not in (_RGB, _UNSPECIFIED)
    return not tagged and side_data_of(frame).get("DOVI_METADATA") is not None


def _fit(wh: tuple[int, int], aspect: Fraction | None) -> dict[str, str]:
    """Return options of the scale filter: the largest size inside ``wh``, with square pixels.

    Args:
        wh: target size in px.
        aspect: width of a pixel in units of its height; None for each frame's own.
    """
    width, height = wh
    pixel = _FRAME_ASPECT if aspect is None else f"{aspect.numerator}/{aspect.denominator}"
    zoom = f"st(0,{pixel});st(1,iw*max(ld(0),1));st(2,ih/min(ld(0),1))"
    zoom += f";st(3,min({width}/ld(1),{height}/ld(2)))"
    sides = {"w": (1, width), "h": (2, height)}
    # A side that differs by rounding only is not padded.
    return {
        name: f"{zoom};st(4,max(2,round(ld({number})*ld(3)/2)*2))"
        f";if(lte({limit}-ld(4),2),{limit},ld(4))"
        for name, (number, limit) in sides.items()
    } | {"flags": _SCALING, "eval": "init" if aspect else "frame"}


def _hdr_to_sdr(frame: VideoFrame, scale: dict[str, str], table: str) -> list[Filter]:
    matrix = int(frame.colorspace)
    is_known = matrix not in (_RGB, _UNSPECIFIED) or frame.format.is_rgb
    return [
        ("setparams", _UNKNOWN_TRANSFER | ({} if is_known else {"colorspace": str(_BT2020)})),
        ("scale", scale),
        ("format", {"pix_fmts": "gbrpf32le"}),
        ("lut3d", {"file": table, "interp": "tetrahedral"}),
        ("scale", {"out_color_matrix": "bt709", "out_range": "tv", "flags": _SCALING}),
        ("format", {"pix_fmts": "yuv420p"}),
        _tags(BT709),
    ]


def _to_colours(frame: VideoFrame, scale: dict[str, str], target: Colours) -> list[Filter]:
    source = {} if frame.format.is_rgb else {"colorspace": str(colours_of(frame).space)}
    return [
        ("setparams", _UNKNOWN_TRANSFER | source),
        ("scale", scale | {"out_color_matrix": str(target.space), "out_range": "tv"}),
        ("format", {"pix_fmts": "yuv420p"}),
        _tags(target),
    ]


def _tags(colours: Colours) -> Filter:
    codes = colours.space, colours.primaries, colours.transfer
    names = "colorspace", "color_primaries", "color_trc"
    return "setparams", {name: str(code) for name, code in zip(names, codes, strict=True)}


def _transfer(frame: VideoFrame) -> Filter:
    primaries, transfer = str(int(frame.color_primaries)), str(int(frame.color_trc))
    return "setparams", {"color_primaries": primaries, "color_trc": transfer}

"""Filter graphs of libavfilter on decoded frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame

    Filter = tuple[str, dict[str, str]]
    """Name and options of a filter."""


class FilterGraph:
    """Chain of filters for frames of one size, pixel format and colour description."""

    def __init__(self, template: VideoFrame, filters: Sequence[Filter], *, threads: int) -> None:
        """Configure the chain.

        Args:
            template: the first frame.
            filters: filters in order.
            threads: of each filter; 0 for one per core.
        """
        import av.filter

        self._graph = av.filter.Graph()
        self._graph.threads = threads
        source = {
            "video_size": f"{template.width}x{template.height}",
            "pix_fmt": template.format.name,
            "time_base": "1/1000000",
            "colorspace": str(int(template.colorspace)),
            "range": str(int(template.color_range)),
        }
        chain = [("buffer", source), *filters, ("buffersink", {})]
        nodes = [self._graph.add(name, **options) for name, options in chain]
        self._graph.link_nodes(*nodes)
        self._graph.configure()

    def push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Filter a frame, or end the chain with None; return the frames that are ready."""
        import av

        ready = []
        self._graph.vpush(frame)
        try:
            while True:
                ready.append(self._graph.vpull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return ready


def properties(frame: VideoFrame) -> tuple[int, int, str, int, int]:
    """Return what a chain of filters must not see change: size, pixel format, colours."""
    colours = int(frame.colorspace), int(frame.color_range)
    return frame.width, frame.height, frame.format.name, *colours

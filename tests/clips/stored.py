"""Clips whose stored frames differ from the displayed ones: fields, aspect, size, HDR, EXIF."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.core.arrays import Image
from tests.clips.scheduling import kept_scheduling

RATE = 25
_CHROMA = 512  # of grey in 10 bits


@kept_scheduling()
def write_frames(
    path: Path,
    frames: Iterable[Any],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container: str | None = None,
    aspect: Fraction | None = None,
    matrix: Sequence[int] | None = None,
    rate: int | Fraction = RATE,
) -> None:
    """Encode libav's frames as they are, and append a new header where their size changes."""
    import av

    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate, options=options or {})
        stream.codec_context.time_base = 1 / Fraction(rate)
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for number, frame in enumerate(frames):
            if not number:
                stream.width, stream.height = frame.width, frame.height
                stream.pix_fmt = frame.format.name
                _tag(stream.codec_context, frame)
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
            frame.pts, frame.time_base, frame.pict_type = number, 1 / Fraction(rate), 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def frame_of(image: Image, pix_fmt: str = "yuv420p", **properties: str) -> Any:
    """Return libav's frame of an image, with properties as of the filter setparams."""
    import av
    import av.filter

    frame: Any = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
    if not properties:
        return frame
    graph = av.filter.Graph()
    source = f"{frame.width}x{frame.height}"
    chain = [
        graph.add("buffer", video_size=source, pix_fmt=pix_fmt, time_base="1/25"),
        graph.add("setparams", **properties),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain)
    graph.push(frame)
    return graph.pull()


def join(path: Path, parts: Sequence[Path]) -> None:
    """Append files to each other, as recorders of transport streams do."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def join_flv(path: Path, parts: Sequence[Path], part_ms: int) -> None:
    """Append the video tags of .flv files, each with the header of its own and later times."""
    content = parts[0].read_bytes()
    for number, part in enumerate(parts[1:], start=1):
        tags, place = bytearray(part.read_bytes()), 13
        while place + 11 <= len(tags):
            end = place + 15 + int.from_bytes(tags[place + 1 : place + 4])
            time_ms = int.from_bytes(tags[place + 4 : place + 7]) + number * part_ms
            tags[place + 4 : place + 7] = time_ms.to_bytes(3)
            if tags[place] == 9:
                content += tags[place:end]
            place = end
    path.write_bytes(content)


def interleaved(images: Sequence[Image], *, top_first: bool) -> list[Image]:
    """Return interlaced frames of fields taken at the times of the images, two each."""
    woven = []
    for first, second in zip(images[::2], images[1::2], strict=True):
        top, bottom = (first, second) if top_first else (second, first)
        frame = top.copy()
        frame[1::2] = bottom[1::2]
        woven.append(frame)
    return woven


def squeezed(image: Image, wh: tuple[int, int]) -> Image:
    """Return the image scaled to another size without regard to its proportions."""
    return np.asarray(cv2.resize(image, wh, interpolation=cv2.INTER_AREA), np.uint8)


def pq_frame(nits: NDArray[np.float64], transfer: int = 16, primaries: int = 9) -> Any:
    """Return a 10-bit HDR frame of grey, ``(h, w)`` cd/m2."""
    code = _pq(nits) if transfer == 16 else _hlg(nits)
    return grey_frame(code, transfer, primaries)


def hdr_frame(image: Image) -> Any:
    """Return a 10-bit PQ frame of an SDR image, whose white becomes 203 cd/m2 (BT.2408)."""
    from_bt709 = np.array(
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    )
    red, green, blue = np.moveaxis(_pq(203 * (image / 255.0) ** 2.4 @ from_bt709.T), -1, 0)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    chroma = (blue - luma) / 1.8814, (red - luma) / 1.4746
    halves = [(plane[::2, ::2] + plane[1::2, ::2]) / 2 for plane in chroma]
    frame = grey_frame(luma, 16, 9)
    for plane, half in zip(frame.planes[1:], halves, strict=True):
        samples = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        samples[:, : plane.width] = np.round(_CHROMA + 896 * half)
        plane.update(samples.tobytes())
    return frame


def grey_frame(code: NDArray[np.float64], transfer: int, primaries: int) -> Any:
    """Return a 10-bit frame of grey, ``(h, w)`` in 0 to 1, with the given colour tags."""
    import av

    height, width = code.shape
    frame: Any = av.VideoFrame(width, height, "yuv420p10le")
    for number, plane in enumerate(frame.planes):
        samples = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        samples[:, : plane.width] = _CHROMA if number else np.round(64 + 876 * code)
        plane.update(samples.tobytes())
    frame.colorspace, frame.color_range = 9 if primaries == 9 else 1, 1
    frame.color_trc, frame.color_primaries = transfer, primaries
    return frame


def exif_clip(
    path: Path,
    image: Image,
    orientation: int,
    *,
    matrix: Sequence[int] | None = None,
    frames: int = 10,
) -> None:
    """Copy JPEGs with EXIF into a video, as cameras do."""
    import av
    from PIL import Image as Pillow

    tags, content = Pillow.Exif(), io.BytesIO()
    tags[0x0112] = orientation
    Pillow.fromarray(image).save(content, "JPEG", quality=95, exif=tags)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("mjpeg", rate=RATE)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuvj420p"
        if matrix is not None:
            stream.set_display_matrix(matrix)
        stream.codec_context.open()
        for number in range(frames):
            packet = av.Packet(content.getvalue())
            packet.pts = packet.dts = number
            packet.time_base, packet.stream = Fraction(1, RATE), stream
            packet.is_keyframe = True
            out.mux(packet)


def _tag(context: Any, frame: Any) -> None:
    context.colorspace, context.color_range = frame.colorspace, frame.color_range
    context.color_trc, context.color_primaries = frame.color_trc, frame.color_primaries


def _pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    powered = (nits / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375)


def _hlg(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    scene = (nits / 1000) ** (1 / 1.2)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), high))


def write_changing(
    path: Path,
    parts: Sequence[Sequence[Image]],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
) -> None:
    """Write parts of different sizes into one stream, each by an encoder of its own."""
    import av

    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=RATE, options=options or {})
        stream.pix_fmt, first = pix_fmt, 0
        for number, images in enumerate(parts):
            encoder = stream if not number else _encoder(codec, images[0], pix_fmt, options or {})
            if not number:
                stream.height, stream.width = images[0].shape[:2]
            packets = [
                packet for image in images for packet in encoder.encode(_next(image, pix_fmt))
            ]
            for place, packet in enumerate([*packets, *encoder.encode(None)]):
                # Without B-frames, packets are in the order of frames.
                packet.pts = packet.dts = first + place
                packet.time_base, packet.stream = Fraction(1, RATE), stream
                out.mux(packet)
            first += len(images)


def _encoder(codec: str, image: Image, pix_fmt: str, options: dict[str, str]) -> Any:
    import av

    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width = image.shape[:2]
    encoder.pix_fmt, encoder.options = pix_fmt, options
    encoder.time_base, encoder.framerate = Fraction(1, RATE), RATE
    return encoder


def _next(image: Image, pix_fmt: str) -> Any:
    frame = frame_of(image, pix_fmt)
    frame.pts = None
    return frame

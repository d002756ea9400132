"""A project with drawn crop-people videos; every picture encodes its frame number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cropping.render.small import small_wh
from data.project.filenames import person_file_names
from data.project.project import Project
from data.project.stages import CROPS, CropsRecord
from data.tables.people import open_people
from data.video.writer import VideoWriter, open_mp4

RATE = 25
BITS = 16
"""Bits of the frame number along the bottom: white 1, black 0, lowest first; then a parity bit."""
_COLOURS = ((205, 92, 92), (72, 120, 190), (60, 150, 110), (170, 110, 190), (200, 150, 60))
_AUDIO_RATE = 48_000
_GRAIN_PX = 4
"""Side of a grain: some of it is left in small renditions."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Content of the drawn videos."""

    names: tuple[str, ...] = ("Anna", "Ben", "Cleo", "Dario")
    seconds: float = 8.0
    size_wh: tuple[int, int] = (176, 224)
    sound: bool = True
    gifs: bool = True
    noise: bool = False  # random pictures that compress badly
    grain: int = 0  # largest change of a pixel by noise
    repeats: int = 1  # the videos repeat their first part, which alone is drawn
    alike: bool = False  # all videos are copies of the first
    small: bool = True  # with small renditions
    film: bool = False  # with the footage itself


def draw_crops(folder: Path, drawing: Drawing = Drawing(), *, footage: str = "film") -> Project:
    """Draw the crops folder of one footage and add its people to the project."""
    project = Project(folder)
    project.add_footage(
        folder.parent / f"{footage}.mp4",
        size_bytes=1000,
        duration_s=drawing.seconds,
        rate=Fraction(RATE),
        frame_wh=(640, 360),
        force=True,
    )
    names = dict(enumerate(drawing.names, start=1))
    _write_people(project, names)
    crops = project.crops_folder(footage)
    crops.mkdir(parents=True, exist_ok=True)
    files = person_file_names(names)
    sound = _beeps(drawing.seconds / drawing.repeats) if drawing.sound else None
    first = next(iter(files.values()), "")
    for person in names:
        if drawing.alike and person > 1:
            for suffix in (".mp4", *([".small.m4v"] if drawing.small else [])):
                shutil.copyfile(crops / f"{first}{suffix}", crops / f"{files[person]}{suffix}")
            continue
        _write_person(crops / f"{files[person]}.mp4", person, drawing, sound)
    _write_timeline(crops, footage, drawing, names, files)
    if drawing.film:
        _write_film(project, footage, drawing)
    return project


def draw_frame(person: int, index: int, drawing: Drawing, frames: int) -> NDArray[np.uint8]:
    """Return a picture, ``(h, w, 3)`` RGB: a face that smiles at times, above its frame number."""
    width, height = drawing.size_wh
    colour = np.array(_COLOURS[(person - 1) % len(_COLOURS)])
    shade = np.linspace(0.55, 1.0, height)[:, None, None]
    image: NDArray[np.uint8] = np.broadcast_to(shade * colour, (height, width, 3)).astype(np.uint8)
    image = image.copy()
    if drawing.noise:
        random = np.random.default_rng(index)
        image = random.integers(0, 255, image.shape).astype(np.uint8)
    if drawing.grain:
        cells = (-(-height // _GRAIN_PX), -(-width // _GRAIN_PX))
        random = np.random.default_rng(index)
        grain = random.integers(-drawing.grain, drawing.grain + 1, cells).astype(np.int16)
        spread = np.kron(grain, np.ones((_GRAIN_PX, _GRAIN_PX), np.int16))[:height, :width, None]
        image = np.clip(image + spread, 0, 255).astype(np.uint8)
    _draw_face(image, index / max(frames, 1), smiling=index % (4 * RATE) < 2 * RATE)
    _draw_number(image, index)
    return image


def read_number(image: NDArray[np.uint8]) -> int | None:
    """Return the frame number of a picture, ``(h, w, 3)`` of any size; None if frames are mixed."""
    height, width = image.shape[:2]
    row = image[height - max(height // 32, 1), :, 0].astype(int)
    centres = ((np.arange(BITS + 1) + 0.5) * width / (BITS + 1)).astype(int)
    bits = row[centres] > 127
    return int(bits[:BITS] @ (1 << np.arange(BITS))) if bits.sum() % 2 == 0 else None


def _draw_number(image: NDArray[np.uint8], index: int) -> None:
    height, width = image.shape[:2]
    bits = [index >> bit & 1 for bit in range(BITS)]
    bits.append(sum(bits) % 2)
    for place, bit in enumerate(bits):
        left, right = (round((place + side) * width / (BITS + 1)) for side in (0, 1))
        image[height - height // 14 :, left:right] = 255 * bit


def _draw_face(image: NDArray[np.uint8], progress: float, *, smiling: bool) -> None:
    height, width = image.shape[:2]
    middle = (width // 2 + round(width * 0.12 * np.sin(progress * 12)), round(height * 0.45))
    radius = width // 4
    cv2.circle(image, middle, radius, (238, 208, 180), -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (middle[0] + side * radius // 3, middle[1] - radius // 4)
        cv2.circle(image, eye, max(radius // 10, 1), (40, 40, 50), -1, cv2.LINE_AA)
    mouth = (middle[0], middle[1] + radius // 3)
    bend = radius // 3 if smiling else 2
    cv2.ellipse(image, mouth, (radius // 2, bend), 0, 0, 180, (150, 50, 50), 2, cv2.LINE_AA)


def _beeps(seconds: float) -> NDArray[np.float32]:
    """Return a quiet tone with a beep every second, ``(n,)`` float32 at `_AUDIO_RATE`."""
    time_s = np.arange(round(seconds * _AUDIO_RATE)) / _AUDIO_RATE
    loud = np.where(time_s % 1 < 0.08, 0.5, 0.05)
    return (loud * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)


def _write_people(project: Project, names: dict[int, str]) -> None:
    project.save()
    with open_people(project.people_file) as people:
        for number, name in names.items():
            # No API adds a person without faces.
            query = "INSERT OR IGNORE INTO people (person_id, name) VALUES (?, ?)"
            people.connection.execute(query, (number, name))
            people.connection.commit()


def _write_person(
    place: Path, person: int, drawing: Drawing, sound: NDArray[np.float32] | None
) -> None:
    """Write a person's video, small rendition and GIF."""
    crf, preset = (8, "ultrafast") if drawing.noise else (23, "veryfast")
    frames, start = round(drawing.seconds / drawing.repeats * RATE), []
    with ExitStack() as stack:
        writer = VideoWriter(place, rate=RATE, crf=crf, keyframe_every=RATE, preset=preset)
        video, small = stack.enter_context(writer), None
        if drawing.small:
            path = place.with_suffix(".small.m4v")
            writer = VideoWriter(path, rate=RATE, crf=27, keyframe_every=RATE, preset="superfast")
            small = stack.enter_context(writer)
        if sound is not None:
            video.write_audio(sound, _AUDIO_RATE)
        for index in range(frames):
            picture = draw_frame(person, index, drawing, frames)
            video.write(picture)
            if small is not None:
                size_wh = small_wh(drawing.size_wh)
                shrunk = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
                small.write(np.asarray(shrunk, np.uint8))
            if index < RATE and index % (RATE // 5) == 0:
                start.append(picture)
    if drawing.repeats > 1:
        for path in place.parent.glob(f"{place.stem}.*m*4*"):
            _repeat(path, drawing.repeats, frames)
    if drawing.gifs:
        _write_gif(place.with_suffix(".gif"), start)


def _write_film(project: Project, footage: str, drawing: Drawing) -> None:
    """Write the footage, in the colours of an additional person, and finish crop-people."""
    drawing = replace(drawing, size_wh=(640, 360))
    frames = round(drawing.seconds * RATE)
    path = project.footages[footage].path
    with VideoWriter(path, rate=RATE, keyframe_every=RATE, preset="veryfast") as video:
        for index in range(frames):
            video.write(draw_frame(len(drawing.names) + 1, index, drawing, frames))
    project.finish(CROPS, CropsRecord(version=1, settings="", others="show"), footage)
    project.save()


def _repeat(path: Path, times: int, frames: int) -> None:
    """Repeat the packets of a video of ``frames`` frames."""
    import av

    repeated = path.with_name("repeated.mp4")
    with open_mp4(repeated) as target:
        with av.open(str(path)) as source:
            streams = [target.add_stream_from_template(stream) for stream in source.streams]
            ticks = [stream.time_base or Fraction(1) for stream in source.streams]
        last = [-(2**62)] * len(streams)
        for number in range(times):
            with av.open(str(path)) as source:
                for packet in source.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    index = packet.stream.index
                    shift = round(number * Fraction(frames, RATE) / ticks[index])
                    packet.stream = streams[index]
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.dts > last[index]:  # the sound's first packets precede time 0
                        last[index] = packet.dts
                        target.mux(packet)
    repeated.replace(path)


def _write_gif(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    first, *others = (Image.fromarray(picture) for picture in pictures)
    first.save(path, save_all=True, append_images=others, duration=200, loop=0)


def _write_timeline(
    folder: Path, footage: str, drawing: Drawing, names: dict[int, str], files: dict[int, str]
) -> None:
    people = [
        {
            "person_id": person,
            "name": name,
            "video": f"{files[person]}.mp4",
            "size_wh": list(drawing.size_wh),
            **_spans(person, len(names), drawing.seconds),
        }
        for person, name in names.items()
    ]
    content = {
        "version": 1,
        "footage": footage,
        "frames": round(drawing.seconds * RATE),
        "duration_s": drawing.seconds,
        "rate": f"{RATE}/1",
        "size_wh": [640, 360],
        "people": people,
    }
    (folder / "timeline.json").write_text(json.dumps(content), encoding="utf-8")


def _spans(person: int, people: int, seconds: float) -> dict[str, list[list[float]]]:
    """Return intervals in which one person after another is absent, then smiles.

    The last person turns their back at first.
    """
    part = seconds / (people + 1)
    start, end = round((person - 1) * part, 3), round(person * part, 3)
    gap = round(min(0.2, part / 4), 3)
    seen = [[0.0, round(start - gap, 3)], [round(end + gap, 3), seconds]]
    turns = round(part if person == people else 0.0, 3)
    seen[0][0] = turns
    return {
        **({"body": [[0.0, turns]]} if turns else {}),
        "seen": [span for span in seen if span[1] > span[0]],
        "filled": [[max(start - gap, 0.0), start], [end, round(end + gap, 3)]],
        "absent": [[start, end]],
        "smiling": [[end, round(min(end + part, seconds), 3)]],
    }

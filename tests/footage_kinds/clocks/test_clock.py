"""Recordings joined to one file, clocks that jump, and stray times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from clustering import cli as clustering_cli
from clustering.faces import tasks
from data.sample.sound import mark_times_s
from data.video.footage import probe
from data.video.frames import Damage, Frame
from data.video.reader import pick_frames, read_frames, sample_frames
from tests.clips.numbered import number_of
from tests.clustering.fakes import CornerDetector, CornerEmbedder
from tests.cropping.small_project import crop, small_project
from tests.cropping.written_video import decoded_sound, read_video
from tests.footage_kinds.clocks.recordings import FPS, Recording, heard_marks_s
from tests.footage_kinds.clocks.stray_times import late, with_stray

SYNC_S = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """Recordings joined to one file, and what may then happen to its bytes."""

    name: str
    parts: tuple[Recording, ...]
    change: Callable[[bytes], bytes] = bytes
    restarts: int = 0
    strays: int = 0
    gaps_s: tuple[float, ...] = ()  # before each further part
    stray: tuple[str, int, float] | None = None  # kind and number of a packet, seconds it is late
    note: str = ""  # in what crop-people says of the sound

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        if self.stray is not None:
            return with_stray(path, self.parts[0], *self.stray)
        content = [part.content(folder, path.suffix) for part in self._numbered()]
        path.write_bytes(self.change(b"".join(content)))
        return path

    def _numbered(self) -> list[Recording]:
        firsts = [0, *accumulate(round(part.seconds * FPS) for part in self.parts)]
        return [replace(part, first=first) for part, first in zip(self.parts, firsts, strict=False)]

    @property
    def begins_s(self) -> list[float]:
        gaps_s = (*self.gaps_s, *[0.0] * len(self.parts))
        lengths = [part.seconds + gap for part, gap in zip(self.parts, gaps_s, strict=False)]
        return [0.0, *accumulate(lengths)]

    @property
    def frames(self) -> int:
        return sum(round(part.seconds * FPS) for part in self.parts)

    @property
    def duration_s(self) -> float:
        return self.begins_s[-1]

    @property
    def times_s(self) -> list[float]:
        begins = zip(self.begins_s, self.parts, strict=False)
        return [b + i / FPS for b, part in begins for i in range(round(part.seconds * FPS))]

    @property
    def marks_s(self) -> list[float]:
        """When the marks of all parts are heard, as far as the picture of each part lasts."""
        marks = []
        for begin, part in zip(self.begins_s, self.parts, strict=False):
            sound_s = part.seconds if part.sound_s is None else part.sound_s + part.sound_from_s
            own = mark_times_s(min(sound_s, part.seconds))
            marks += [begin + float(one) for one in own if one >= part.sound_from_s]
        return marks


VOB = Recording(container="vob", video="mpeg2video", audio="mp2", rate=48_000)
A, B = Recording(4.48), Recording(3.52)
JOINED = [
    Case("a_then_b.ts", (A, B), restarts=1),
    Case("b_frames_first.ts", (replace(A, b_frames=2), B), restarts=1),
    Case("b_frames_second.ts", (A, replace(B, b_frames=2)), restarts=1),
    Case("three.ts", (A, B, replace(A, b_frames=2)), restarts=2),
    Case("longer_sound.ts", (replace(A, sound_s=5.5), B), restarts=1),
    Case("shorter_sound.ts", (replace(A, sound_s=2.5), B), restarts=1),
    Case("much_longer_sound.ts", (replace(A, seconds=3.0, sound_s=7.0), A), restarts=1),
    Case("short_parts.ts", tuple([Recording(1.4)] * 5), restarts=4),
    Case(
        "sound_goes_on.ts",
        (replace(A, sound_s=1.5, start_s=10), replace(B, start_s=13)),
        restarts=1,
    ),
    Case(
        "only_sound_overlaps.ts", (replace(A, sound_s=5.5, start_s=10), replace(B, start_s=14.48))
    ),
    Case("silent_then_sound.ts", (replace(A, sound_s=0), B), restarts=1),
    Case(
        "vob.vob", (replace(VOB, b_frames=2, seconds=4.48), replace(VOB, seconds=3.52)), restarts=1
    ),
    Case("program.mpg", (replace(VOB, container="mpeg"),) * 2, restarts=1),
    Case("three.vob", (replace(VOB, seconds=4.48),) * 3, restarts=2),
    Case("ac3.ts", (replace(A, audio="ac3"), replace(B, audio="ac3")), restarts=1),
    Case("matroska.mkv", (A, B), restarts=1),
    Case("pcm.mkv", (replace(A, audio="pcm_s16le"), replace(B, audio="pcm_s16le")), restarts=1),
]
JUMPS = [
    Case("100_then_10.ts", (replace(A, start_s=100), replace(B, start_s=10)), restarts=1),
    Case("10_then_100.ts", (replace(A, start_s=10), replace(B, start_s=100)), restarts=1),
    Case("100_then_10.vob", (replace(VOB, start_s=100), replace(VOB, start_s=10)), restarts=1),
    Case("wraps.ts", (replace(A, start_s=95_440.0), B), restarts=1),
    Case("wraps_inside.ts", (Recording(8.0, start_s=95_440.0),)),
    Case("gap.ts", (replace(A, start_s=10), replace(B, start_s=17.48)), gaps_s=(3.0,)),
]
STRAYS = [
    Case("video.ts", (A,), late("video", 50, 9000), strays=1),
    Case("video_b_frames.ts", (replace(A, b_frames=2),), late("video", 50, 9000), strays=1),
    Case("video_first.ts", (A,), late("video", 0, 9000), strays=1),
    Case("video_last.ts", (A,), late("video", -1, 9000), strays=1),
    Case("video_early.ts", (replace(A, start_s=20_000),), late("video", 50, -9000), strays=1),
    Case("sound.ts", (A,), late("audio", 20, 9000), note="wrong audio timestamp"),
    Case("sound_first.ts", (A,), late("audio", 0, 9000), note="wrong audio timestamp"),
    Case("sound_last.ts", (A,), late("audio", -1, 9000), note="wrong audio timestamp"),
    Case("video.vob", (VOB,), late("video", 5, 9000), strays=10),
    Case("sound.vob", (VOB,), late("audio", 10, 9000), note="wrong audio timestamp"),
]
MUXED_STRAYS = [
    Case("first.mkv", (A,), stray=("video", 0, 9000), strays=1),
    Case("middle.mkv", (replace(A, b_frames=2),), stray=("video", 50, 9000), strays=1),
    Case("last.mkv", (A,), stray=("video", -1, 9000), strays=1),
    Case("sound.mkv", (A,), stray=("audio", 50, 9000), note="wrong audio timestamp"),
    Case("last_sound.mkv", (A,), stray=("audio", -1, 9000), note="wrong audio timestamp"),
    Case("middle.mp4", (replace(A, b_frames=2),), stray=("video", 50, 9000), strays=1),
    Case("last.mp4", (A,), stray=("video", -1, 9000), strays=1),
    Case("middle.flv", (A,), stray=("video", 50, 9000), strays=1),
    Case("sound.flv", (A,), stray=("audio", 50, 9000)),  # FLV has one time for a sound packet
]
CASES = {case.name: case for case in (*JOINED, *JUMPS, *STRAYS, *MUXED_STRAYS)}

CROPPED = frozenset(
    {
        "b_frames_first.ts",
        "much_longer_sound.ts",
        "only_sound_overlaps.ts",
        "silent_then_sound.ts",
        "vob.vob",
        "pcm.mkv",
        "100_then_10.ts",
        "gap.ts",
        "video_first.ts",
        "sound_first.ts",
        "middle.mp4",
    }
)
"""Cases that are cropped in every run of the tests."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the file of each case, written on first use."""
    folder = tmp_path_factory.mktemp("clock")
    return cache(lambda name: CASES[name].write(folder))


@pytest.mark.parametrize("name", CASES)
def test_every_picture_in_order_at_its_time(name: str, written: Callable[[str], Path]) -> None:
    case, footage, damage = CASES[name], probe(written(name)), Damage()

    frames = list(read_frames(footage, damage=damage))

    assert footage.duration_s == pytest.approx(case.duration_s, abs=0.25)
    assert [frame.index for frame in frames] == list(range(case.frames))
    assert [number_of(frame.image) for frame in frames] == list(range(case.frames))
    assert [frame.time_s for frame in frames] == pytest.approx(case.times_s, abs=0.002)
    assert damage == Damage(restarts=case.restarts, strays=case.strays)


@pytest.mark.parametrize("name", ["three.ts", "vob.vob", "100_then_10.ts", "video_b_frames.ts"])
def test_reading_may_begin_anywhere(name: str, written: Callable[[str], Path]) -> None:
    case, footage = CASES[name], probe(written(name))
    whole = {frame.index: frame for frame in read_frames(footage)}

    _same(whole, read_frames(footage, from_s=case.duration_s / 2, after_index=3))
    _same(whole, pick_frames(footage, np.arange(5, case.frames, 13)))
    sampled = list(sample_frames(footage, every_s=0.5))
    _same(whole, sampled)
    wanted_s = np.arange(0, case.times_s[-1] + 1e-6, 0.5)
    places = np.unique(np.searchsorted(np.array(case.times_s) + 1e-3, wanted_s)).tolist()
    assert [frame.index for frame in sampled] == places


@pytest.mark.parametrize(
    "name", [one if one in CROPPED else pytest.param(one, marks=pytest.mark.slow) for one in CASES]
)
def test_crops_are_in_sync_to_the_end(
    name: str, written: Callable[[str], Path], tmp_path: Path
) -> None:
    case = CASES[name]
    project = small_project(tmp_path / "film.fancam", written(name))

    summary = crop(project)

    assert summary.frames == case.frames
    video = summary.people[0].files[0]
    assert read_video(video).times_s == pytest.approx(case.times_s, abs=0.002)
    assert read_video(video).duration_s == pytest.approx(case.duration_s, abs=0.05)
    assert heard_marks_s(*decoded_sound(video)) == pytest.approx(case.marks_s, abs=SYNC_S)
    assert bool(summary.damage) == bool(case.restarts or case.strays)
    assert [case.note in note for note in summary.sound] == [True] * bool(case.note)


def test_cluster_faces_says_what_was_mended(
    written: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tasks, "load_detector", lambda _: CornerDetector())
    monkeypatch.setattr(tasks, "load_embedder", lambda _: CornerEmbedder())
    command = [
        "--project",
        str(tmp_path / "film.fancam"),
        "--detector",
        "hog",
        "--embedder",
        "dlib",
    ]

    assert clustering_cli.main([str(written("a_then_b.ts")), *command]) == 0

    assert "examined 40 frames" in (printed := capsys.readouterr().out)
    assert "timestamps restart once (corrected)" in printed


def _same(whole: Mapping[int, Frame], frames: Iterable[Frame]) -> None:
    found = list(frames)
    assert found
    for frame in found:
        assert frame.time_s == whole[frame.index].time_s
        assert np.array_equal(frame.image, whole[frame.index].image)

"""Sound that changes on the way, and sound tracks that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cropping.crop_cli import _report
from data.sample.sound import mark_times_s
from tests.cropping.small_project import crop, small_project
from tests.cropping.written_video import decoded_sound, read_video
from tests.footage_kinds.clocks.recordings import Recording, combined, heard_marks_s
from web.core.library import Library
from web.watch.crops import read_crops
from web.watch.sound import sound_file

Change = Callable[[bytes], bytes]
SECONDS, SYNC_S = 3.0, 0.02
PART = Recording(SECONDS)
MARKS_S = [float(mark) for mark in mark_times_s(SECONDS)]


def unknown(name: bytes, other: bytes) -> Change:
    """Return a change of a codec's name to one that no program knows."""
    assert len(name) == len(other)
    return lambda content: content.replace(name, other)


@dataclass(frozen=True, slots=True)
class Changing:
    """Two parts whose sound differs, in one file of one clock."""

    suffix: str
    first: Recording
    second: Recording

    def write(self, folder: Path) -> Path:
        path = folder / f"film{self.suffix}"
        first = replace(self.first, start_s=10.0)
        second = replace(self.second, start_s=10.0 + SECONDS, first=75)
        parts = [part.content(folder, self.suffix) for part in (first, second)]
        skipped = 13 if self.suffix == ".flv" else 0  # the header of the file
        path.write_bytes(parts[0] + parts[1][skipped:])
        return path


AC3 = replace(PART, audio="ac3")
FLV = replace(PART, container="flv")
CHANGING = {
    "stereo, then six channels": Changing(".ts", AC3, replace(AC3, layout="5.1")),
    "six channels, then stereo": Changing(".ts", replace(AC3, layout="5.1"), AC3),
    "48 kHz, then 44.1 kHz": Changing(".ts", AC3, replace(AC3, rate=44_100)),
    "44.1 kHz, then 48 kHz": Changing(".ts", replace(AC3, rate=44_100), AC3),
    "mono, then stereo": Changing(".ts", replace(PART, layout="mono"), PART),
    "stereo, then mono": Changing(".ts", PART, replace(PART, layout="mono")),
    "all at once": Changing(".ts", replace(PART, layout="mono", rate=32_000), PART),
    "copied": Changing(".flv", FLV, replace(FLV, layout="mono", rate=44_100)),
}


@pytest.mark.parametrize("name", CHANGING)
def test_sound_is_resampled_across_a_change(name: str, tmp_path: Path) -> None:
    path = CHANGING[name].write(tmp_path)
    project = small_project(tmp_path / "film.fancam", path)

    summary = crop(project)

    heard = heard_marks_s(*decoded_sound(summary.people[0].files[0]))
    expected = [*MARKS_S, *(SECONDS + mark for mark in MARKS_S)]
    assert heard == pytest.approx(expected, abs=SYNC_S)
    assert summary.sound == ()


def damaged(path: Path) -> None:
    """Write a recording with noise in every packet of its sound."""
    import av

    whole = PART.write(path.with_name("whole.mkv"))
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                written = packet
                if packet.stream.type == "audio":
                    written = av.Packet(bytes([0xA5]) * packet.size)
                    written.pts, written.dts = packet.pts, packet.dts
                    written.time_base = packet.time_base
                written.stream = copies[packet.stream_index]
                out.mux(written)


def changed(recording: Recording, change: Change) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        recording.write(path)
        path.write_bytes(change(path.read_bytes()))

    return write


PCM = replace(PART, audio="pcm_s16le")
SILENT: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "unknown in mp4": ("a.mp4", changed(AC3, unknown(b"ac-3", b"zzzz")), "unknown codec"),
    "unknown in mov": ("a.mov", changed(PCM, unknown(b"sowt", b"zzzz")), "unknown codec"),
    "unknown in mkv": ("a.mkv", changed(PART, unknown(b"A_AAC", b"A_ZZZ")), "unknown codec"),
    "empty": ("a.mkv", lambda path: combined(path, [PART], [None]), "empty"),
    "damaged": ("a.mp4", damaged, "damaged"),
    "damaged in mkv": ("a.mkv", damaged, "damaged"),
    "two, both unusable": ("a.mkv", lambda path: combined(path, [PART], [None, None]), "stream 2"),
}


@pytest.mark.parametrize("name", SILENT)
def test_without_usable_sound_the_videos_are_silent(name: str, tmp_path: Path) -> None:
    file, write, reason = SILENT[name]
    write(tmp_path / file)
    project = small_project(tmp_path / "film.fancam", tmp_path / file)

    summary = crop(project, only_present=True)

    assert [read_video(video).sound for video in summary.people[0].files] == ["", ""]
    (line,) = [line for line in _report([summary]) if "silent" in line]
    assert reason in line
    assert line.startswith("warning: a: ")
    crops = read_crops(project.crops_folder("a"))
    assert crops is not None
    assert sound_file(next(iter(Library([project.folder]))), crops) is None


LATE: dict[str, tuple[str, Recording]] = {
    "in the second half, copied": ("a.mp4", Recording(4, sound_s=2, sound_from_s=2)),
    "in the second half, encoded": ("a.ts", Recording(4, sound_s=2, sound_from_s=2)),
    "only at first": ("a.mkv", Recording(4, sound_s=1.5)),
    "only in the middle": ("a.mkv", Recording(4, sound_s=1.5, sound_from_s=0.7, audio="ac3")),
}


@pytest.mark.parametrize("name", LATE)
def test_sound_in_a_part_is_heard_at_its_time(name: str, tmp_path: Path) -> None:
    file, recording = LATE[name]
    project = small_project(tmp_path / "film.fancam", recording.write(tmp_path / file))

    summary = crop(project)

    begin, end = recording.sound_from_s, recording.sound_from_s + (recording.sound_s or 0)
    marks = [mark for mark in mark_times_s(4).tolist() if begin <= mark < end - 0.05]
    video = summary.people[0].files[0]
    assert heard_marks_s(*decoded_sound(video)) == pytest.approx(marks, abs=SYNC_S)
    crops = read_crops(project.crops_folder("a"))
    assert crops is not None
    served = sound_file(next(iter(Library([project.folder]))), crops)
    assert served is not None
    assert heard_marks_s(*decoded_sound(served)) == pytest.approx(marks, abs=SYNC_S)


@pytest.mark.parametrize("unusable", [1, 2], ids=["one", "two"])
def test_a_usable_track_replaces_unusable_ones(unusable: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    combined(path, [PART], [*[None] * unusable, PART])
    project = small_project(tmp_path / "film.fancam", path)

    summary = crop(project)

    heard = heard_marks_s(*decoded_sound(summary.people[0].files[0]))
    assert heard == pytest.approx(MARKS_S, abs=SYNC_S)
    (note,) = summary.sound
    assert "audio stream 1 is empty" in note
    assert f"stream {unusable + 1} is used" in note

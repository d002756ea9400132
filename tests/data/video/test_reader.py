from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from itertools import islice
from math import inf
from pathlib import Path

import numpy as np
import pytest

from data.core.errors import InputError
from data.core.intervals import as_intervals
from data.video.footage import probe
from data.video.frames import Damage, Frame
from data.video.reader import pick_frames, read_frames, sample_frames
from tests.clips.catalogue import Clips
from tests.clips.damaged import DAMAGED_FRAMES, DAMAGED_GOP
from tests.clips.encoding import RATE
from tests.clips.numbered import corners_of, number_of
from tests.clips.videos import VARYING_TIMES_S

SECONDS_30 = [i / RATE for i in range(90)]
SECONDS_25 = [i / 25 for i in range(90)]
UPRIGHT = ["red", "green", "blue", "white"]

WHOLE = {
    "constant_rate.mp4": SECONDS_30,
    "Konzert Köln – 第1夜 (Kopie).mp4": SECONDS_30,
    "colon: 100%d.mp4": [i * 1001 / 30000 for i in range(40)],
    "silent.mp4": [i * 1001 / 30000 for i in range(40)],
    "varying_rate.mp4": VARYING_TIMES_S,
    "delayed_start.mkv": SECONDS_30,
    "delayed_start.mp4": SECONDS_30,
    "delayed_start.ts": SECONDS_30,
    "long_group.mp4": SECONDS_30,
    "intra_only.mp4": SECONDS_30,
    "open_groups.mkv": SECONDS_30,
    "odd_size.mkv": SECONDS_30[:20],
    "turned_90.mp4": SECONDS_30[:20],
    "turned_180.mp4": SECONDS_30[:20],
    "turned_270.mp4": SECONDS_30[:20],
    "mirrored.mp4": SECONDS_30[:20],
    "elementary.h264": SECONDS_30,
    "elementary.m4v": SECONDS_30,
    "elementary.mjpeg": SECONDS_25,
    "b_frames.avi": SECONDS_30,
    "hidden_references.webm": SECONDS_30,
    "joined.ts": SECONDS_30[:60],
}
DAMAGED = ["damaged.mp4", "truncated.mkv", "truncated.ts", "truncated_index_first.mp4"]
MILLISECOND = 1.001e-3  # Matroska's clock


def first_at_or_after(frames: list[Frame], every_s: float) -> list[int]:
    """Return the samples by their definition, one time after the other."""
    found: list[int] = []
    times = np.arange(0, frames[-1].time_s + 1e-6, every_s)
    for time_s in times:
        index = next(f.index for f in frames if f.time_s >= time_s - 1e-6)
        if not found or index > found[-1]:
            found.append(index)
    return found


def shown_frames(frames: Iterator[Frame]) -> list[tuple[int, float, int]]:
    """Return index, time and drawn number of each frame."""
    return [(f.index, f.time_s, number_of(f.image)) for f in frames]


@pytest.mark.parametrize("name", WHOLE)
def test_every_frame_has_its_index_and_time(
    clips: Clips, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    damage = Damage()

    frames = shown_frames(read_frames(clips(name), damage=damage))

    assert [index for index, _, _ in frames] == list(range(len(WHOLE[name])))
    assert [number for _, _, number in frames] == list(range(len(WHOLE[name])))
    assert [time_s for _, time_s, _ in frames] == pytest.approx(WHOLE[name], abs=MILLISECOND)
    assert damage == Damage(restarts=int(name == "joined.ts"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", WHOLE)
def test_frames_are_upright(clips: Clips, name: str) -> None:
    footage = probe(clips(name))

    first = next(read_frames(footage))

    assert first.image.shape == (footage.height, footage.width, 3)
    assert corners_of(first.image) == UPRIGHT


@pytest.mark.parametrize("every_s", [0.01, 0.1, 0.25, 0.5, 1.0, 100.0])
@pytest.mark.parametrize("name", [*WHOLE, *DAMAGED, "starts_between_keyframes.ts"])
def test_samples_are_frames_of_the_footage(clips: Clips, name: str, every_s: float) -> None:
    frames = list(read_frames(clips(name)))

    samples = list(sample_frames(clips(name), every_s=every_s))

    assert [s.index for s in samples] == first_at_or_after(frames, every_s)
    by_index = {f.index: f for f in frames}
    for sample in samples:
        assert sample.time_s == by_index[sample.index].time_s
        assert np.array_equal(sample.image, by_index[sample.index].image)


@pytest.mark.parametrize(
    "name",
    ["constant_rate.mp4", "varying_rate.mp4", "elementary.h264", "joined.ts", *DAMAGED],
)
def test_a_resumed_run_continues_with_the_same_frames(clips: Clips, name: str) -> None:
    whole = shown_frames(sample_frames(clips(name), every_s=0.3))

    for done in range(len(whole)):
        rest = shown_frames(sample_frames(clips(name), every_s=0.3, after_index=whole[done][0]))
        assert rest == whole[done + 1 :]


@pytest.mark.parametrize("from_s", [0.0, 0.3, 0.31, 0.6, 1.7, 2.7, 9.0])
@pytest.mark.parametrize("name", ["constant_rate.mp4", "elementary.h264"])
def test_samples_from_a_time_on(clips: Clips, name: str, from_s: float) -> None:
    whole = shown_frames(sample_frames(clips(name), every_s=0.3))

    rest = shown_frames(sample_frames(clips(name), every_s=0.3, from_s=from_s))

    assert rest == [sample for sample in whole if sample[1] >= from_s - 1e-6]


SEGMENTED = [
    "constant_rate.mp4",
    "varying_rate.mp4",
    "delayed_start.mkv",
    "long_group.mp4",
    "open_groups.mkv",
    "elementary.h264",
    "joined.ts",
    "pictures",
    *DAMAGED,
]


@pytest.mark.parametrize("length_s", [0.6, 0.9, 1.2])
@pytest.mark.parametrize("name", SEGMENTED)
def test_segments_have_the_samples_of_the_footage(clips: Clips, name: str, length_s: float) -> None:
    whole = shown_frames(sample_frames(clips(name), every_s=0.3))
    found = []
    for number in range(12):
        from_s, until_s = number * length_s, (number + 1) * length_s if number < 11 else inf
        found += shown_frames(
            sample_frames(clips(name), every_s=0.3, from_s=from_s, until_s=until_s)
        )
    assert found == whole


@pytest.mark.parametrize("name", SEGMENTED)
def test_segments_have_the_frames_of_the_footage(clips: Clips, name: str) -> None:
    whole = shown_frames(read_frames(clips(name)))
    found = []
    for number in range(12):
        from_s, until_s = number * 0.5, (number + 1) * 0.5 if number < 11 else inf
        found += shown_frames(read_frames(clips(name), from_s=from_s, until_s=until_s))
    assert found == whole
    middle = len(whole) // 2
    assert (
        shown_frames(read_frames(clips(name), after_index=whole[middle][0])) == whole[middle + 1 :]
    )


INTERVALS: dict[str, list[tuple[float, float]]] = {
    "empty": [],
    "before the first": [(-5, 0)],
    "all": [(0, 99)],
    "one": [(0.6, 1.5)],
    "between two samples": [(0.61, 0.89)],
    "from one frame to another": [(0.3, 0.3 + 1 / RATE), (1.2, 2.0)],
    "two about a sample": [(0.5, 0.95), (1.1, 1.8 + 1e-9)],
    "ends at a sample": [(0, 0.6), (1.8 - 1e-9, 2.4)],
}


def in_one_interval(sample: tuple[int, float, int], intervals: list[tuple[float, float]]) -> bool:
    """Return whether a sample and its multiple of 0.3 s are in one of ``intervals``."""
    multiple = int((sample[1] + 1e-6) / 0.3) * 0.3
    return any(a <= multiple + 1e-6 and sample[1] < b - 1e-6 for a, b in intervals)


@pytest.mark.parametrize("case", INTERVALS)
@pytest.mark.parametrize("name", ["constant_rate.mp4", "elementary.h264", "varying_rate.mp4"])
def test_samples_of_intervals(clips: Clips, name: str, case: str) -> None:
    whole = shown_frames(sample_frames(clips(name), every_s=0.3))
    expected = [sample for sample in whole if in_one_interval(sample, INTERVALS[case])]

    intervals = as_intervals(INTERVALS[case])
    found = shown_frames(sample_frames(clips(name), every_s=0.3, intervals=intervals))

    assert found == expected
    for number, (index, _, _) in enumerate(found):
        rest = shown_frames(
            sample_frames(clips(name), every_s=0.3, intervals=intervals, after_index=index)
        )
        assert rest == expected[number + 1 :]


def test_a_frame_after_a_gap_is_no_sample_for_a_time_in_the_gap(clips: Clips) -> None:
    """There is no frame from 1.9 to 3.3 s."""
    for intervals, expected in ((None, [1.5, 3.3, 3.5]), ([(1.5, 1.95), (3.1, 3.7)], [1.5, 3.5])):
        samples = sample_frames(
            clips("varying_rate.mp4"),
            every_s=0.5,
            from_s=1.5,
            intervals=None if intervals is None else as_intervals(intervals),
        )
        assert [time_s for _, time_s, _ in shown_frames(samples)] == pytest.approx(expected)


def test_nothing_is_decoded_outside_the_intervals(clips: Clips) -> None:
    damage = Damage()
    intervals = as_intervals([(0, 0.9), (2.1, 3)])
    assert list(
        sample_frames(clips("damaged.mp4"), every_s=0.1, intervals=intervals, damage=damage)
    )
    assert not damage


@pytest.mark.parametrize("name", ["constant_rate.mp4", "long_group.mp4", "open_groups.mkv"])
@pytest.mark.parametrize("indices", [[], [0], [41, 7, 7], [88, 89, 5000]])
def test_picked_frames_are_those_of_the_footage(
    clips: Clips, name: str, indices: list[int]
) -> None:
    picked = list(pick_frames(clips(name), np.array(indices, np.int64)))
    assert [frame.index for frame in picked] == sorted({i for i in indices if i < 90})
    assert [number_of(frame.image) for frame in picked] == [frame.index for frame in picked]


def test_a_frame_sampled_for_several_times_is_yielded_once(clips: Clips) -> None:
    samples = shown_frames(sample_frames(clips("varying_rate.mp4"), every_s=0.5))

    assert [time_s for _, time_s, _ in samples] == pytest.approx([0, 0.5, 1, 1.5, 3.3, 3.5])


def test_frames_before_the_first_keyframe_are_skipped(clips: Clips) -> None:
    frames = shown_frames(read_frames(clips("starts_between_keyframes.ts")))

    assert [(index, number) for index, _, number in frames] == [(i, i + 30) for i in range(60)]
    assert frames[0][1] == 0.0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_damaged_frames_and_their_dependents_are_skipped_and_counted(
    clips: Clips, threads: int, capfd: pytest.CaptureFixture[str]
) -> None:
    damage = Damage()

    frames = shown_frames(read_frames(clips("damaged.mp4"), threads=threads, damage=damage))

    group_end = (DAMAGED_FRAMES.start // DAMAGED_GOP + 1) * DAMAGED_GOP
    lost = set(range(DAMAGED_FRAMES.start, group_end))
    assert [index for index, _, _ in frames] == [i for i in range(90) if i not in lost]
    assert all(index == number for index, _, number in frames)
    assert damage == Damage(frames=len(lost))
    assert str(damage) == f"{len(lost)} damaged frames skipped"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["truncated.mkv", "truncated.ts", "truncated_index_first.mp4"])
def test_a_truncated_file_gives_its_frames(
    clips: Clips, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    damage = Damage()

    frames = shown_frames(read_frames(clips(name), damage=damage))

    assert 40 < len(frames) < 60
    assert all(index == number for index, _, number in frames)
    assert damage
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["truncated.mkv", "truncated_index_first.mp4"])
def test_missing_frames_of_a_truncated_file_are_counted(clips: Clips, name: str) -> None:
    damage = Damage()

    kept = sum(1 for _ in read_frames(clips(name), damage=damage))

    assert kept + damage.frames + damage.missing == pytest.approx(90, abs=3)
    assert "cut off" in str(damage)


def test_frames_own_their_pixels(clips: Clips) -> None:
    first, second = islice(read_frames(clips("constant_rate.mp4")), 2)

    assert first.image.flags.owndata
    assert first.image.flags.c_contiguous
    assert first.image.flags.writeable
    assert not np.shares_memory(first.image, second.image)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are seen on Linux only")
@pytest.mark.parametrize("name", ["constant_rate.mp4", "elementary.h264"])
def test_a_reader_left_early_closes_its_file(clips: Clips, name: str) -> None:
    path = clips(name)

    def is_open() -> bool:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return any(link.readlink() == path for link in links if link.exists())

    frames = read_frames(path)
    next(frames)
    assert is_open()
    frames.close()

    assert not is_open()


def test_two_readers_in_two_threads(clips: Clips) -> None:
    seen: dict[int, list[tuple[int, float, int]]] = {}

    def read(key: int) -> None:
        seen[key] = shown_frames(sample_frames(clips("constant_rate.mp4"), every_s=0.1, threads=2))

    clips("constant_rate.mp4")
    readers = [threading.Thread(target=read, args=(key,)) for key in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 30


@pytest.mark.parametrize("every_s", [0.0, -1.0, float("nan"), float("inf")])
def test_invalid_intervals(clips: Clips, every_s: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        sample_frames(clips("silent.mp4"), every_s=every_s)


@pytest.mark.parametrize(
    ("damage", "expected_text"),
    [
        (Damage(), "nothing damaged"),
        (Damage(frames=2), "2 damaged frames skipped"),
        (Damage(missing=30), "cut off, about 30 frames missing"),
        (Damage(frames=1, missing=3), "1 damaged frame skipped; cut off, about 3 frames missing"),
    ],
)
def test_damage_as_text(damage: Damage, expected_text: str) -> None:
    assert str(damage) == expected_text
    assert bool(damage) == (expected_text != "nothing damaged")


def test_real_footage_agrees_with_its_labels(shared: Path) -> None:
    for path in sorted((shared / "footage" / "labels").glob("pexels_0[24].csv")):
        with path.open() as file:
            labels = {int(r["frame_index"]): float(r["time_s"]) for r in csv.DictReader(file)}
        footage = path.parent.parent / f"{path.stem}.mp4"
        times = {f.index: f.time_s for f in sample_frames(footage, every_s=0.2)}
        known = sorted(times.keys() & labels.keys())
        assert len(known) > 5
        # The labels have three decimals.
        assert [times[i] for i in known] == pytest.approx([labels[i] for i in known], abs=1e-3)

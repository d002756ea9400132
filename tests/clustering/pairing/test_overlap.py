from __future__ import annotations

import pytest

from clustering.pairing.overlap import Disconnect, Overlap, find_overlap
from data.core.intervals import as_intervals

Pairs = list[tuple[float, float]]

CASES: dict[str, tuple[Pairs, Pairs, Overlap | None]] = {
    "both never on": ([], [], None),
    "one never on": ([(0, 9)], [], None),
    "one after the other": ([(0, 9)], [(9, 20)], None),
    "each while the other is off": ([(0, 5), (9, 12)], [(5, 9), (12, 15)], None),
    "less than a clock tells": ([(0, 9)], [(8.9999, 20)], None),
    "the same": ([(0, 9)], [(0, 9)], Overlap(0, 9, ())),
    "one begins late and leaves early": ([(0, 9)], [(2, 7)], Overlap(2, 7, ())),
    "one leaves and comes back": (
        [(0, 9)],
        [(2, 4), (5, 12)],
        Overlap(2, 9, (Disconnect(1, 4, 5),)),
    ),
    "both leave, one within the other's absence": (
        [(0, 3), (8, 20)],
        [(0, 4), (6, 20)],
        Overlap(0, 20, (Disconnect(0, 3, 8), Disconnect(1, 4, 6))),
    ),
    "both leave together": (
        [(0, 3), (4, 9)],
        [(0, 3), (5, 9)],
        Overlap(0, 9, (Disconnect(0, 3, 4), Disconnect(1, 3, 5))),
    ),
    "off before the other has started": ([(0, 1), (2, 9)], [(3, 9)], Overlap(3, 9, ())),
    "starts while the other is off": ([(0, 1), (4, 9)], [(2, 9)], Overlap(4, 9, ())),
    "off for good in the middle": ([(0, 9)], [(0, 4)], Overlap(0, 4, ())),
    "back after the other has left": (
        [(0, 9)],
        [(0, 4), (12, 20)],
        Overlap(0, 9, (Disconnect(1, 4, 12),)),
    ),
    "off after the other has ended": ([(0, 9)], [(0, 9.5), (12, 20)], Overlap(0, 9, ())),
    "never on together again": (
        [(0, 4), (6, 7)],
        [(0, 5), (8, 20)],
        Overlap(0, 7, (Disconnect(0, 4, 6), Disconnect(1, 5, 8))),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_overlap(case: str) -> None:
    first, second, expected = CASES[case]
    assert find_overlap(as_intervals(first), as_intervals(second)) == expected


def test_the_order_of_the_recordings_does_not_matter() -> None:
    for first, second, expected in CASES.values():
        overlap = find_overlap(as_intervals(second), as_intervals(first))
        swapped = expected and [
            Disconnect(1 - one.recording, one.off_s, one.back_s) for one in expected.disconnects
        ]
        assert (overlap and {*overlap.disconnects}) == (expected and {*(swapped or ())})
        assert (overlap and (overlap.begin_s, overlap.end_s)) == (
            expected and (expected.begin_s, expected.end_s)
        )


def test_a_disconnect_lasts_until_the_recording_is_back() -> None:
    assert Disconnect(1, 4, 12).lasts_s == 8

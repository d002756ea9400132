from __future__ import annotations

import numpy as np
import pytest

from cropping.smiles.selection import BURST_S, choose_bursts, choose_moments, smile_quality
from data.tables.smiles import Smiles
from tests.cropping.smile_rows import smiles


def test_no_rows() -> None:
    assert choose_moments(Smiles.empty(), 9).tolist() == []
    assert choose_bursts(Smiles.empty(), 3) == []


def test_frowns_are_never_chosen() -> None:
    assert choose_moments(smiles([0.4] * 100), 9).tolist() == []


def test_never_neighbours() -> None:
    chosen = choose_moments(smiles([0.9] * 600), 9)
    assert len(chosen) == 9
    assert np.diff(chosen).min() >= 40  # 4 s
    assert (np.diff(chosen) > 0).all()


def test_as_far_apart_as_the_footage_allows() -> None:
    chosen = choose_moments(smiles([0.9] * 50), 9)
    assert len(chosen) == 9
    assert np.diff(chosen).min() >= 5
    assert len(choose_moments(smiles([0.9] * 12), 9)) == 3


@pytest.mark.parametrize(
    ("column", "worse", "better"),
    [
        ("sharpness", 0.05, 0.5),
        ("turn", 0.8, 0.1),
        ("eyes_open", 0.1, 0.3),
        ("smile", 0.75, 0.99),
        ("smile_alone", 0.75, 0.99),
    ],
)
def test_better_rows_are_worth_more(column: str, worse: float, better: float) -> None:
    table = smiles([0.99] * 20)
    values = np.full(20, better, np.float32)
    values[3] = worse
    worth = smile_quality(table.replace(**{column: values}))
    assert worth[3] < 0.9 * worth[4]


@pytest.mark.parametrize("column", ["smile", "smile_alone"])
def test_unsure_smiles_are_not_chosen(column: str) -> None:
    table = smiles([0.9] * 100)
    values = np.full(100, 0.9, np.float32)
    values[20:80] = 0.66
    chosen = choose_moments(table.replace(**{column: values}), 9)
    assert len(chosen) > 0
    assert not ((chosen >= 20) & (chosen < 80)).any()


@pytest.mark.parametrize("typical", [0.3, 1.4], ids=["small faces", "large faces"])
def test_blurred_frames_are_in_no_gif(typical: float) -> None:
    """A face is blurred in comparison with the person's own faces, smiling or not."""
    sharpness = np.full(300, typical, np.float32)
    sharpness[100:150] = typical / 2
    sharpness[155] = typical / 2
    table = smiles([0.1] * 100 + [0.95] * 200).replace(sharpness=sharpness)
    chosen = choose_moments(table, 9)
    assert len(chosen) == 9
    assert chosen.min() >= 150
    for burst in choose_bursts(table, 3):
        assert (sharpness[burst] == np.float32(typical)).all()


def test_a_person_with_blurred_smiles_alone_gets_none() -> None:
    sharpness = np.array([1.0] * 60 + [0.3] * 20, np.float32)
    table = smiles([0.1] * 60 + [0.95] * 20).replace(sharpness=sharpness)
    assert choose_moments(table, 9).tolist() == []


def test_larger_faces_are_worth_more() -> None:
    small, large = smiles([0.99] * 5, side_px=20), smiles([0.99] * 5, side_px=80)
    assert smile_quality(small).max() < smile_quality(large).min()


@pytest.mark.parametrize("turn", [1.3, 2.0, float("nan")], ids=["aside", "profile", "unknown"])
def test_turned_faces_are_not_chosen(turn: float) -> None:
    assert (smile_quality(smiles([0.99] * 20, turn=turn)) == 0).all()


def test_unknown_eyes_do_not_lower_the_score() -> None:
    known, unknown = smiles([0.99] * 5), smiles([0.99] * 5, eyes_open=float("nan"))
    assert smile_quality(unknown).tolist() == smile_quality(known).tolist()


def test_turned_faces_are_never_chosen_for_variety() -> None:
    """A turned face far from all others does not fill the ninth place."""
    turn = np.zeros(200, np.float32)
    turn[150:] = 1.0
    chosen = choose_moments(smiles([0.9] * 40 + [0.1] * 110 + [0.9] * 50).replace(turn=turn), 9)
    assert chosen.max() < 40


def test_bursts_smile_throughout_and_are_short() -> None:
    table = smiles([0.1] * 10 + [0.9] * 5 + [0.1] * 30 + [0.9] * 100)
    bursts = choose_bursts(table, 3)
    assert len(bursts) >= 2
    for burst in bursts:
        assert (table.smile[burst] > 0.5).all()
        assert np.ptp(table.time_s[burst]) <= BURST_S + 1e-6
        assert (np.diff(burst) == 1).all()
    starts = [burst[0] for burst in bursts]
    assert starts == sorted(starts)
    every = np.concatenate(bursts)
    assert len(np.unique(every)) == len(every)

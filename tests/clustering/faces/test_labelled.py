from __future__ import annotations

import numpy as np
import pytest

from clustering.faces.labelled import LabelledFootage, numbers_in_frame
from data.tables.faces import Faces, Frames
from tests.clustering.labelled_footage import footage


@pytest.mark.parametrize(
    ("frame_index", "expected"),
    [([], []), ([7], [0]), ([0, 0, 5, 5, 5, 9], [0, 1, 0, 1, 2, 0]), ([5, 0, 5], [0, 0, 1])],
    ids=["empty", "one", "in order", "out of order"],
)
def test_numbers(frame_index: list[int], expected: list[int]) -> None:
    assert numbers_in_frame(np.array(frame_index, np.int64)).tolist() == expected


def test_frame_rows() -> None:
    assert footage([[1], [], [2, 3]]).frame_rows().tolist() == [0, 2, 2]


def test_mismatched_tables_are_refused() -> None:
    some = footage([[1], [2]])
    with pytest.raises(ValueError, match=r"person_id must have shape \(2,\), got \(1,\)"):
        LabelledFootage("a", some.frames, some.faces, np.array([1], np.int64))
    with pytest.raises(ValueError, match="in one of the frames"):
        LabelledFootage("a", Frames.empty(), some.faces, some.person_id)
    assert len(LabelledFootage("a", some.frames, Faces.empty(), np.zeros(0, np.int64)).faces) == 0

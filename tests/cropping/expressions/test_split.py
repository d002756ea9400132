from __future__ import annotations

import numpy as np
import pytest

from cropping.expressions.labelled_faces import LabelledFaces
from cropping.expressions.split import TEST_SHARE, VAL_SHARE, split_faces
from data.core.errors import InputError

IMAGE = np.full((20, 20), 100, np.uint8)


def faces(subjects: list[str], labels: list[int] | None = None) -> LabelledFaces:
    n = len(subjects)
    label = np.array(labels if labels is not None else [i % 2 for i in range(n)], np.int64)
    return LabelledFaces(
        names=tuple(f"{number}.jpg" for number in range(n)),
        images=(IMAGE,) * n,
        label=label,
        source_label=label.astype(np.str_),
        subject=np.array(subjects, np.str_),
        classes=("a", "b"),
    )


def test_no_person_is_in_two_parts() -> None:
    people = [f"person {number // 4}" for number in range(400)]
    split = split_faces(faces(people))
    parts = [
        {people[row] for row in rows.tolist()} for rows in (split.train, split.val, split.test)
    ]
    assert split.by_subject
    assert sum(map(len, parts)) == len(set(people))
    assert len(split.test) / 400 == pytest.approx(TEST_SHARE, abs=0.03)
    assert len(split.val) / 400 == pytest.approx(VAL_SHARE, abs=0.03)
    every = np.sort(np.concatenate([split.train, split.val, split.test]))
    assert every.tolist() == list(range(400))


def test_order_does_not_matter() -> None:
    people = [f"person {number // 4}" for number in range(200)]
    forward, backward = split_faces(faces(people)), split_faces(faces(people[::-1]))
    named = {people[row] for row in forward.test.tolist()}
    assert named == {people[::-1][row] for row in backward.test.tolist()}


def test_faces_without_subject_are_for_training_only() -> None:
    people = [f"person {number // 4}" if number % 3 else "" for number in range(400)]
    split = split_faces(faces(people))
    evaluated = np.concatenate([split.val, split.test]).tolist()
    assert all(people[row] for row in evaluated)
    assert split.without_subject == people.count("")


def test_without_any_subject_the_faces_are_split() -> None:
    split = split_faces(faces([""] * 200))
    assert not split.by_subject
    assert split.without_subject == 0
    assert len(split.test) == 30


def test_one_large_person_does_not_empty_a_part() -> None:
    split = split_faces(faces(["crowd"] * 300 + [f"person {i // 4}" for i in range(200)]))
    assert min(len(split.train), len(split.val), len(split.test)) > 0


@pytest.mark.parametrize(
    ("subjects", "labels"),
    [
        (["a", "a", "a", "b", "b", "b"], [0, 1, 0, 1, 0, 1]),
        ([f"p{number // 2}" for number in range(100)], [0] * 99 + [1]),
    ],
    ids=["two people", "one face of a class"],
)
def test_too_few_people_are_refused(subjects: list[str], labels: list[int]) -> None:
    with pytest.raises(
        InputError, match=r"too few people with the class .* for the \w+ part; give more"
    ):
        split_faces(faces(subjects, labels))

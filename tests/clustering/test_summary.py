"""Lines about the people of a run."""

from __future__ import annotations

import pytest

from clustering.summary import PersonFaces, people_lines


def test_people_and_unknown_faces() -> None:
    people = [PersonFaces("Anna", 60, 12.0), PersonFaces("Person 2", 15, 0.0, hidden=True)]
    assert people_lines(people, 25) == [
        "  Anna          60 faces  about 12 s on screen",
        "  Person 2      15 faces  (hidden: not in the dataset)",
        "  unknown       25 faces  25% of all",
    ]


@pytest.mark.parametrize(
    ("known", "unknown", "expected"),
    [(0, 0, []), (0, 7, ["100%"]), (99, 1, ["1%"]), (1000, 2, ["under 1%"])],
)
def test_share_of_unknown_faces(known: int, unknown: int, expected: list[str]) -> None:
    people = [PersonFaces("Anna", known, 0.0)]
    noun = "face" if unknown == 1 else "faces"
    shares = [f"  unknown  {unknown:6d} {noun}  {share} of all" for share in expected]
    assert people_lines(people, unknown)[1:] == shares

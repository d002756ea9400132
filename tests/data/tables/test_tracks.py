from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.core.errors import InputError
from data.project.project import Project
from data.project.stages import TRACKS
from data.tables.mot import write_mot
from data.tables.tracks import (
    BODY,
    BODY_COLUMNS,
    CSV_COLUMNS,
    FACE,
    FILLED,
    Tracks,
    no_bodies,
    people_in_csv,
    read_csv,
    read_tracks,
    write_csv,
)
from tests.records import tracks_record

NAMES = {
    1: "Person 1",
    2: 'O\'Brien, "the boss"',
    3: "Zoë 🙂 名",
    4: "line\nbreak",
    5: "=1+1",
    12: "-1",
    13: "NA",
    14: "null",
    15: "1e5",
    16: "nan",
    17: "None",
    18: " spaced ",
    19: "#7",
    20: "1_000",
}
EARLIER = ",".join(c for c in CSV_COLUMNS if c not in BODY_COLUMNS)
"""First line of a file of an earlier version."""
HEAD = ",".join(CSV_COLUMNS)
ERRORS = {"time_s": 1e-6, "xyxy": 0.011, "confidence": 1e-4, "body_xyxy": 0.011}


def columns(rows: int) -> dict[str, Any]:
    return {
        "frame_index": np.arange(rows),
        "time_s": np.arange(rows) / 30,
        "person_id": np.ones(rows, np.int64),
        "xyxy": np.tile(np.array([1, 2, 11, 22], np.float32), (rows, 1)),
        "confidence": np.full(rows, 0.5, np.float32),
        "source": np.zeros(rows, np.int8),
        "body_xyxy": no_bodies(rows),
    }


def all_names() -> Tracks:
    """Return tracks of every name twice, of unnamed people, and odd numbers."""
    rng = np.random.default_rng(0)
    people = np.array([-1, -1, *NAMES] * 2)
    corners = rng.uniform(-50, 4000, (len(people), 2))
    bodies = np.hstack([corners - 9, corners + 99]).astype(np.float32)
    bodies[::3] = np.nan
    return Tracks.ordered(
        frame_index=np.repeat([7, 100_000], len(people) // 2),
        time_s=np.repeat([7 / 30, 100_000 * 1001 / 30_000], len(people) // 2),
        person_id=people,
        xyxy=np.hstack([corners, corners + rng.uniform(0, 900, corners.shape)]).astype(np.float32),
        confidence=rng.uniform(0, 1, len(people)).astype(np.float32),
        source=rng.integers(0, 3, len(people)).astype(np.int8),
        body_xyxy=bodies,
    )


@pytest.mark.parametrize("tracks", [Tracks.empty(), all_names()], ids=["empty", "all_names"])
def test_round_trip(tmp_path: Path, tracks: Tracks) -> None:
    path = tmp_path / "tracks" / "a b.csv"
    write_csv(path, tracks, NAMES)
    again = read_csv(path, NAMES)
    for name in ("frame_index", "person_id", "source"):
        assert np.array_equal(getattr(again, name), getattr(tracks, name))
    for name, error in ERRORS.items():
        expected = pytest.approx(getattr(tracks, name), abs=error, nan_ok=True)
        assert getattr(again, name) == expected
    assert [entry.name for entry in path.parent.iterdir()] == ["a b.csv"]


def test_the_file_is_readable(tmp_path: Path) -> None:
    three = Tracks(**columns(3)).replace(source=np.array([FACE, FILLED, BODY], np.int8))
    three.body_xyxy[2] = [1, 2, 5.5, 42]
    write_csv(tmp_path / "x.csv", three, {1: "Ann, the 1st"})
    assert (tmp_path / "x.csv").read_text("utf-8").splitlines() == [
        "frame,time_s,person,x,y,w,h,confidence,source,body_x,body_y,body_w,body_h",
        '0,0.000000,"Ann, the 1st",1.00,2.00,10.00,20.00,0.5000,face,,,,',
        '1,0.033333,"Ann, the 1st",1.00,2.00,10.00,20.00,0.5000,filled,,,,',
        '2,0.066667,"Ann, the 1st",1.00,2.00,10.00,20.00,0.5000,body,1.00,2.00,4.50,40.00',
    ]


def test_a_file_of_an_earlier_version(tmp_path: Path) -> None:
    lines = [EARLIER, "0,0,Ann,1,2,10,20,0.5,detected", "1,0.1,Ann,1,2,10,20,0.5,filled", ""]
    (tmp_path / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    tracks = read_csv(tmp_path / "x.csv", {1: "Ann"})
    assert tracks.source.tolist() == [FACE, FILLED]
    assert not tracks.has_body.any()


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path) -> None:
    """The file has a byte order mark, Windows' line ends, one more column, and another order."""
    write_csv(tmp_path / "x.csv", all_names(), NAMES)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with (tmp_path / "x.csv").open("w", encoding="utf-8-sig", newline="") as lines:
        writer = csv.DictWriter(lines, [*reversed(CSV_COLUMNS), "note"])
        writer.writeheader()
        writer.writerows(rows[::-1])
    again = read_csv(tmp_path / "x.csv", NAMES)
    assert np.array_equal(again.person_id, all_names().person_id)


def test_people_of_a_file_without_its_project(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", all_names(), NAMES)
    names = people_in_csv(tmp_path / "x.csv")
    assert sorted(names.values()) == sorted(NAMES.values())
    assert sorted(names) == list(range(1, len(NAMES) + 1))
    again = read_csv(tmp_path / "x.csv", names)
    written_names = {names.get(person, "") for person in again.person_id.tolist()}
    assert written_names == {*NAMES.values(), ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not a file of tracks: .*; run track-people again$", id="zero bytes"),
        pytest.param(
            "a,b\n1,2\n", "not a file of tracks: .*; run track-people again$", id="another table"
        ),
        pytest.param(f"{HEAD}\n0,0,Bob,1,1,2,2,1,detected\n", "'Bob'", id="unknown name"),
        pytest.param(f"{HEAD}\n0,0,Ann,1,1,2\n", "row 1 is damaged", id="cut off"),
        pytest.param(
            f"{HEAD}\n0,0,Ann,1,1,2,2,1,filled\n\n0,0\n", "row 2 is damaged", id="cut off early"
        ),
        pytest.param(f'{HEAD}\n0,0,"A"nn,1,1,2,2,1,filled\n', "not readable", id="quote inside"),
        pytest.param(f"{HEAD}\n0,0,Ann,1,1,2,2,1,guessed\n", "row 1 is damaged", id="source"),
        pytest.param(f"{HEAD}\n0,0,Ann,nan,1,2,2,1,filled\n", "row 1 is damaged", id="not finite"),
        pytest.param(f"{HEAD}\n-1,0,Ann,1,1,2,2,1,filled\n", "row 1 is damaged", id="frame -1"),
        pytest.param(f"{HEAD}\n0.5,0,Ann,1,1,2,2,1,filled\n", "row 1 is damaged", id="half"),
        pytest.param(
            f"{HEAD}\n" + 2 * "3,0,Ann,1,1,2,2,1,filled\n", "frame 3 only once", id="twice"
        ),
        pytest.param(
            f"{HEAD}\n0,0,Ann,1,1,2,2,1,body,9,9\n", "row 1 is damaged", id="cut off in the body"
        ),
        pytest.param(f'{HEAD}\n0,0,"Ann\n', "not readable", id="open quote"),
    ],
)
def test_a_damaged_file_is_one_error_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_csv(tmp_path / "x.csv", {1: "Ann"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "not text"])
def test_an_unreadable_file_is_one_error_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"not readable .*; run track-people again$"):
        read_csv(tmp_path / "x.csv", {})


def test_every_person_must_have_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got none for \[1\]"):
        write_csv(tmp_path / "x.csv", Tracks(**columns(1)), {2: "Ann"})
    assert not (tmp_path / "x.csv").exists()


def test_mot_file(tmp_path: Path) -> None:
    """Frames count from 1; rows of no known person are left out."""
    rows = Tracks(**columns(3)).replace(person_id=np.array([1, -1, 7]))
    write_mot(tmp_path / "x.txt", rows)
    assert (tmp_path / "x.txt").read_text("utf-8") == (
        "1,1,1.00,2.00,10.00,20.00,0.5000,-1,-1,-1\n3,7,1.00,2.00,10.00,20.00,0.5000,-1,-1,-1\n"
    )
    write_mot(tmp_path / "x.txt", Tracks.empty())
    assert (tmp_path / "x.txt").read_text("utf-8") == ""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"frame_index": np.array([1, 0])}, "ordered"),
        ({"frame_index": np.array([0, 0]), "person_id": np.array([2, 1])}, "ordered"),
        ({"frame_index": np.array([4, 4])}, "person 1 must be in frame 4 only once"),
        ({"xyxy": np.zeros((2, 3), np.float32)}, r"\(2, 4\)"),
        ({"source": np.zeros(2, np.int64)}, "int8"),
    ],
    ids=["frames", "people", "twice", "shape", "dtype"],
)
def test_invalid_rows(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tracks(**(columns(2) | changed))


def test_no_person_may_be_in_a_frame_twice() -> None:
    changed = {"frame_index": np.array([0, 0]), "person_id": np.array([-1, -1])}
    assert len(Tracks(**(columns(2) | changed))) == 2


def test_tables_are_joined_in_the_order_of_frames() -> None:
    first, second = Tracks(**columns(3)), Tracks(**columns(3)).replace(person_id=np.zeros(3, int))
    joined = Tracks.concatenate([first, second])
    assert joined.frame_index.tolist() == [0, 0, 1, 1, 2, 2]
    assert joined.person_id.tolist() == [0, 1, 0, 1, 0, 1]
    assert len(Tracks.concatenate([])) == 0


def test_paths_in_the_project(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    assert project.tracks_file("b").relative_to(tmp_path).as_posix() == "a.fancam/tracks/b.csv"
    assert project.tracker_folder.relative_to(tmp_path).as_posix() == "a.fancam/tracker"


def test_a_projects_tracks_keep_the_names_they_were_written_with(tmp_path: Path) -> None:
    project = Project(tmp_path / "a.fancam")
    with pytest.raises(InputError, match="film: not tracked yet; run track-people"):
        read_tracks(project, "film")
    tracks = all_names()
    write_csv(project.tracks_file("film"), tracks, NAMES)
    project.finish(TRACKS, tracks_record(NAMES), "film")
    again, names = read_tracks(Project(project.folder), "film")
    assert names == NAMES
    np.testing.assert_array_equal(again.person_id, tracks.person_id)

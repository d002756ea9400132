"""Bytes and content of timeline.json."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from data.core.errors import InputError
from data.tables.timeline_json import (
    TIMELINE_FILE,
    FootageTimes,
    PersonTimes,
    read_timeline_json,
    timeline_json,
    write_smiling,
)

ZOE = PersonTimes(
    person_id=2,
    name="Zoë",
    video="Zoë.mp4",
    size_wh=(176, 224),
    seen=((0.0, 1.23456789),),
    body=(),
    filled=((1.5, 2.0),),
    absent=(),
    smiling=((0.1, 0.2),),
)
FILM = FootageTimes("film", 51, 2.0400001234, Fraction(30000, 1001), (640, 360), (ZOE,))
CONTENT = """{
  "version": 1,
  "footage": "film",
  "frames": 51,
  "duration_s": 2.04,
  "rate": "30000/1001",
  "size_wh": [
    640,
    360
  ],
  "people": [
    {
      "person_id": 2,
      "name": "Zoë",
      "video": "Zoë.mp4",
      "size_wh": [
        176,
        224
      ],
      "seen": [
        [
          0.0,
          1.234568
        ]
      ],
      "filled": [
        [
          1.5,
          2.0
        ]
      ],
      "absent": [],
      "smiling": [
        [
          0.1,
          0.2
        ]
      ]
    }
  ]
}
"""


def written(folder: Path, content: str = CONTENT) -> Path:
    file = folder / TIMELINE_FILE
    file.write_text(content, encoding="utf-8")
    return file


def test_bytes() -> None:
    assert timeline_json(FILM).decode() == CONTENT


def test_no_people_and_no_rate() -> None:
    content = json.loads(timeline_json(replace(FILM, rate=None, people=())))
    assert content["rate"] is None
    assert content["people"] == []


def test_reading_and_writing_keep_the_bytes(tmp_path: Path) -> None:
    times = read_timeline_json(written(tmp_path))
    assert times == replace(FILM, duration_s=2.04, people=(replace(ZOE, seen=((0.0, 1.234568),)),))
    assert timeline_json(times).decode() == CONTENT


def test_smiles_are_replaced(tmp_path: Path) -> None:
    file = written(tmp_path)
    write_smiling(file, {2: [(1.0, 1.23456789)], 3: [(0.0, 1.0)]})
    content = json.loads(CONTENT)
    content["people"][0]["smiling"] = [[1.0, 1.234568]]
    assert json.loads(file.read_text("utf-8")) == content
    write_smiling(file, {})
    assert read_timeline_json(file).people[0].smiling == ()


def test_bodies_are_written_if_there_are_any(tmp_path: Path) -> None:
    with_body = replace(FILM, duration_s=2.04, people=(replace(ZOE, body=((1.25, 1.5),), seen=()),))
    file = written(tmp_path, timeline_json(with_body).decode())
    assert json.loads(file.read_text("utf-8"))["people"][0]["body"] == [[1.25, 1.5]]
    assert read_timeline_json(file) == with_body


def test_a_timeline_without_smiles_is_read(tmp_path: Path) -> None:
    content = json.loads(CONTENT)
    del content["people"][0]["smiling"]
    times = read_timeline_json(written(tmp_path, json.dumps(content)))
    assert times.people[0].smiling == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 2}, "another version of fancam"),
        ({"people": 3}, "damaged"),
        ({"size_wh": [1]}, "damaged"),
        ({"frames": None}, "damaged"),
    ],
)
def test_damaged_or_another_version(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    file = written(tmp_path, json.dumps(json.loads(CONTENT) | values))
    before = file.read_bytes()
    with pytest.raises(InputError, match=f"{message}.*run crop-people PROJECT --force"):
        read_timeline_json(file)
    with pytest.raises(InputError, match=message):
        write_smiling(file, {})
    assert file.read_bytes() == before

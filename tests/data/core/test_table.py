from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from data.core.errors import InputError
from data.core.table import Column, Table


@dataclass(frozen=True, eq=False)
class Points(Table):
    number: NDArray[np.int64]  # (n,)
    corners: NDArray[np.float32]  # (n, 2, 2)
    colour: NDArray[np.uint8]  # (n, 3)

    COLUMNS: ClassVar[dict[str, Column]] = {
        "number": (np.int64, ()),
        "corners": (np.float32, (2, 2)),
        "colour": (np.uint8, (3,)),
    }


@dataclass(frozen=True, eq=False)
class Numbers(Table):
    number: NDArray[np.int64]  # (n,)

    COLUMNS: ClassVar[dict[str, Column]] = {"number": (np.int64, ())}


@dataclass(frozen=True, eq=False)
class LaterPoints(Points):
    """The table of a later version."""

    weight: NDArray[np.float32]  # (n, 2)
    kind: NDArray[np.int32]  # (n,)

    COLUMNS: ClassVar[dict[str, Column]] = {
        **Points.COLUMNS,
        "weight": (np.float32, (2,)),
        "kind": (np.int32, ()),
    }
    ADDED: ClassVar[frozenset[str]] = frozenset({"weight", "kind"})


def columns(rows: int) -> dict[str, NDArray[Any]]:
    return {
        "number": np.arange(rows, dtype=np.int64) - 1,
        "corners": np.arange(rows * 4, dtype=np.float32).reshape(rows, 2, 2) / 3,
        "colour": (np.arange(rows * 3) % 256).astype(np.uint8).reshape(rows, 3),
    }


def same(a: Table, b: Table) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        and getattr(a, name).dtype == getattr(b, name).dtype
        for name in a.COLUMNS
    )


def test_empty() -> None:
    table = Points.empty()
    assert len(table) == 0
    assert table.corners.shape == (0, 2, 2)
    assert table.colour.dtype == np.uint8
    assert same(Points.concatenate([]), table)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"number": np.zeros(3, np.int32)}, "number must be int64, got int32"),
        pytest.param({"corners": np.zeros((3, 2, 2))}, "corners must be float32, got float64"),
        pytest.param({"corners": np.zeros((3, 4), np.float32)}, r"shape \(3, 2, 2\), got \(3, 4\)"),
        pytest.param({"colour": np.zeros((2, 3), np.uint8)}, r"shape \(3, 3\), got \(2, 3\)"),
        pytest.param({"number": np.zeros((3, 1), np.int64)}, r"shape \(3,\), got \(3, 1\)"),
    ],
    ids=["dtype", "precision", "shape", "length", "first column"],
)
def test_wrong_columns_are_refused(wrong: dict[str, NDArray[Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Points(**{**columns(3), **wrong})
    with pytest.raises(ValueError, match=message):
        Points(**columns(3)).replace(**wrong)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(np.zeros(0, np.int64), [], id="none"),
        pytest.param(np.array([3, 0, 0]), [2, -1, -1], id="numbers"),
        pytest.param(np.array([True, False, False, True]), [-1, 2], id="mask"),
        pytest.param(slice(1, 3), [0, 1], id="slice"),
    ],
)
def test_take_gives_a_copy(
    rows: NDArray[np.int64] | NDArray[np.bool_] | slice, expected: list[int]
) -> None:
    table = Points(**columns(4))
    taken = table.take(rows)
    assert taken.number.tolist() == expected
    taken.corners[:] = 99
    assert same(table, Points(**columns(4)))


def test_concatenate_keeps_the_order() -> None:
    table = Points(**columns(5))
    parts = [table.take(slice(0, 2)), Points.empty(), table.take(slice(2, 5))]
    assert same(Points.concatenate(parts), table)


def test_replace_leaves_the_table() -> None:
    table = Points(**columns(2))
    assert table.replace(number=np.array([7, 8])).number.tolist() == [7, 8]
    assert table.number.tolist() == [-1, 0]


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_round_trip(tmp_path: Path, rows: int) -> None:
    table = Points(**columns(rows))
    table.write(tmp_path / "deep" / "a.parquet")
    assert same(Points.read(tmp_path / "deep" / "a.parquet"), table)
    assert Points.count(tmp_path / "deep" / "a.parquet") == rows
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.parquet"]


def test_nan_and_infinity_come_back(tmp_path: Path) -> None:
    corners = np.full((1, 2, 2), np.nan, np.float32)
    corners[0, 0] = np.inf
    Points(**{**columns(1), "corners": corners}).write(tmp_path / "a.parquet")
    read = Points.read(tmp_path / "a.parquet").corners
    assert np.array_equal(read, corners, equal_nan=True)


def test_an_extra_column_is_ignored(tmp_path: Path) -> None:
    Points(**columns(3)).write(tmp_path / "a.parquet")
    assert Numbers.read(tmp_path / "a.parquet").number.tolist() == [-1, 0, 1]


# --- added columns ----------------------------------------------------------------------------


def later(rows: int) -> LaterPoints:
    weight = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2) + 0.5
    return LaterPoints(**columns(rows), weight=weight, kind=np.arange(rows, dtype=np.int32) + 7)


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_added_columns_round_trip(tmp_path: Path, rows: int) -> None:
    later(rows).write(tmp_path / "a.parquet")
    assert same(LaterPoints.read(tmp_path / "a.parquet"), later(rows))
    assert same(Points.read(tmp_path / "a.parquet"), Points(**columns(rows)))


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_added_columns_of_an_earlier_file_are_zeros(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.parquet"
    Points(**columns(rows)).write(path)
    read = LaterPoints.read(path)
    kind = np.zeros(rows, np.int32)
    assert same(read, later(rows).replace(weight=np.zeros((rows, 2), np.float32), kind=kind))
    read.write(path)
    assert same(LaterPoints.read(path), read)


def test_one_added_column_of_two_is_read(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    later(3).write(path)
    pq.write_table(pq.read_table(path).drop_columns(["kind"]), path)
    read = LaterPoints.read(path)
    assert np.array_equal(read.weight, later(3).weight)
    assert read.kind.tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", list(Points.COLUMNS))
def test_a_column_that_was_always_there_is_not_zeros(tmp_path: Path, name: str) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    later(3).write(path)
    pq.write_table(pq.read_table(path).drop_columns([name]), path)
    with pytest.raises(
        InputError, match=r"not a readable table .*cluster-faces --project PROJECT --force"
    ):
        LaterPoints.read(path)


# --- damaged files ----------------------------------------------------------------------------


def _damage_nothing(path: Path) -> None:
    path.unlink()


def _damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def _damage_text(path: Path) -> None:
    path.write_text("not a table at all, but longer than a footer")


def _damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:200] = bytes(192)
    path.write_bytes(content)


def _damage_columns(path: Path) -> None:
    Numbers(number=np.arange(3)).write(path)


@pytest.mark.parametrize(
    "damage",
    [_damage_nothing, _damage_empty, _damage_text, _damage_cut, _damage_middle, _damage_columns],
    ids=["missing", "empty", "text", "cut", "overwritten", "a column missing"],
)
def test_a_damaged_file_is_one_error_line(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "a.parquet"
    Points(**columns(3)).write(path)
    damage(path)
    with pytest.raises(
        InputError, match=r"not a readable table .*cluster-faces --project PROJECT --force"
    ) as error:
        Points.read(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_rows_of_another_file_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"no table")
    with pytest.raises(InputError, match="not a readable table"):
        Points.count(path)

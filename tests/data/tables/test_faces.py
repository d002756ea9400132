from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data.core.table import Table
from data.tables.faces import CLOTHES_BINS, CLOTHES_SIZE, Faces, Frames
from tests.clustering.labelled_footage import table


@pytest.mark.parametrize("rows", [0, 1, 40])
@pytest.mark.parametrize("cls", [Faces, Frames])
def test_every_column_survives_its_file(tmp_path: Path, cls: type[Table], rows: int) -> None:
    rng = np.random.default_rng(rows)
    random = {
        name: rng.uniform(0, 200, (rows, *shape)).astype(dtype)
        for name, (dtype, shape) in cls.COLUMNS.items()
    }
    written = cls(**random)
    written.write(tmp_path / "a.parquet")
    read = cls.read(tmp_path / "a.parquet")
    assert len(read) == rows
    for name, (dtype, shape) in cls.COLUMNS.items():
        column = getattr(read, name)
        assert column.dtype == dtype
        assert column.shape == (rows, *shape)
        assert np.array_equal(column, random[name])


@pytest.mark.parametrize("cls", [Faces, Frames])
def test_every_field_is_a_column(cls: type[Table]) -> None:
    assert [field.name for field in dataclasses.fields(cls)] == list(cls.COLUMNS)


def test_clothes_bins() -> None:
    assert int(np.prod(CLOTHES_BINS)) == CLOTHES_SIZE
    assert table(Faces, 2).clothes.shape == (2, CLOTHES_SIZE)

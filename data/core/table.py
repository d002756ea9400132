"""Frozen records of equally long arrays, checked on construction, and their parquet files."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.core.atomic import atomic_write
from data.core.errors import InputError

_ROW_GROUP = 1 << 16
"""Rows per row group: 128 MB in the faces table."""

Column = tuple[type[np.generic], tuple[int, ...]]


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Base of tables; subclasses declare their columns, dtypes and row shapes in ``COLUMNS``.

    Raises:
        ValueError: a column has another dtype, row shape or length.
    """

    COLUMNS: ClassVar[dict[str, Column]]
    ADDED: ClassVar[frozenset[str]] = frozenset()
    """Columns that files of earlier versions lack; they are read as zeros."""

    def __post_init__(self) -> None:
        rows = len(getattr(self, next(iter(self.COLUMNS))))
        for name, (dtype, shape) in self.COLUMNS.items():
            column = getattr(self, name)
            if column.shape != (rows, *shape):
                raise ValueError(f"{name} must have shape {(rows, *shape)}, got {column.shape}")
            if column.dtype != dtype:
                raise ValueError(f"{name} must be {np.dtype(dtype)}, got {column.dtype}")

    def __len__(self) -> int:
        return len(getattr(self, next(iter(self.COLUMNS))))

    @classmethod
    def empty(cls) -> Self:
        """Return a table without rows."""
        return cls(**{n: np.zeros((0, *shape), dtype) for n, (dtype, shape) in cls.COLUMNS.items()})

    @classmethod
    def concatenate(cls, tables: list[Self]) -> Self:
        """Return the rows of all ``tables``, in order."""
        if not tables:
            return cls.empty()
        columns = {n: np.concatenate([getattr(t, n) for t in tables]) for n in cls.COLUMNS}
        return cls(**columns)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Self:
        """Return the selected rows as a copy; ``rows`` are indices, an ``(n,)`` mask or a slice."""
        return type(self)(**{n: np.array(getattr(self, n)[rows]) for n in self.COLUMNS})

    def replace(self, **columns: NDArray[Any]) -> Self:
        """Return this table with some columns replaced; each keeps its dtype and shape."""
        return dataclasses.replace(self, **columns)

    def write(self, path: Path) -> None:
        """Write all columns to a parquet file, atomically."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {}
        for name, (_, shape) in self.COLUMNS.items():
            values = getattr(self, name)
            flat = pa.array(values.reshape(-1))
            size = int(np.prod(shape))
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, size) if shape else flat
        # Open files: pyarrow would interpret paths as addresses.
        with atomic_write(path) as partial, pa.OSFile(os.fsencode(partial), "wb") as target:
            pq.write_table(pa.table(arrays), target, compression="zstd", row_group_size=_ROW_GROUP)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by :meth:`write`.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # One column and row group at a time: two copies of a million faces take 4 GB.
            with pa.OSFile(os.fsencode(path)) as source, pq.ParquetFile(source) as file:
                absent = cls.ADDED - set(file.schema_arrow.names)
                columns = {
                    name: _zeros(file, *kind) if name in absent else _numpy(file, name, *kind)
                    for name, kind in cls.COLUMNS.items()
                }
            return cls(**columns)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise _unreadable(path, error) from error

    @classmethod
    def count(cls, path: Path) -> int:
        """Return the number of rows of a file written by :meth:`write`, from its metadata.

        Raises:
            InputError: the file cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pa.OSFile(os.fsencode(path)) as source:
                return int(pq.read_metadata(source).num_rows)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(
        f"{path}: not a readable table ({reason}); run cluster-faces --project PROJECT --force"
    )


def _zeros(file: Any, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.zeros((file.metadata.num_rows, *shape), dtype)


def _numpy(file: Any, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read one column of an open file."""
    column = np.empty((file.metadata.num_rows, *shape), dtype)
    first = 0
    for group in range(file.num_row_groups):
        for chunk in file.read_row_group(group, columns=[name])[name].chunks:
            values = chunk.flatten() if shape else chunk
            rows = values.to_numpy(zero_copy_only=False).reshape(len(chunk), *shape)
            column[first : first + len(chunk)] = rows
            first += len(chunk)
    return column

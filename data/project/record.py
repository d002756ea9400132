"""Typed records that are stored as JSON objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

Scalar = str | int | float | None
SettingsValues = Mapping[str, Scalar | Mapping[str, Scalar]]
"""Settings by name, as returned by `dataclasses.asdict`; stored for comparison."""


@dataclass(frozen=True, slots=True)
class Record:
    """Base of frozen dataclasses that are stored as JSON objects, one key per field.

    Fields with their default value are not stored. Stored keys without a field are ignored.
    """

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, in the order of the fields."""
        values = {field: getattr(self, field.name) for field in fields(self)}
        return {
            field.name: _to_json(value)
            for field, value in values.items()
            if field.default is MISSING or value != field.default
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read a JSON object that `to_json` returned.

        Raises:
            ValueError: a field is missing or has another type.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"{cls.__name__} must be an object, got {content!r}")
        types = _field_types(cls)  # type: ignore[arg-type]
        found = {name: content[name] for name in types if name in content}
        missing = [f.name for f in fields(cls) if f.name not in found and f.default is MISSING]
        if missing:
            raise ValueError(f"{cls.__name__} must have {missing[0]}, got {sorted(content)}")
        return cls(**{name: _from_json(types[name], value) for name, value in found.items()})


@lru_cache(maxsize=64)
def _field_types(record: type[Record]) -> dict[str, Any]:
    hints = get_type_hints(record)
    return {field.name: hints[field.name] for field in fields(record)}


def _to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    return value


def _from_json(kind: Any, value: Any) -> Any:
    """Convert a JSON value to the type of a field; numbers keep their stored type."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _from_union(args, value)
    if origin is tuple and isinstance(value, list):
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else args
        return tuple(
            _from_json(item_kind, item) for item_kind, item in zip(kinds, value, strict=True)
        )
    if origin is Mapping and isinstance(value, Mapping):
        return {args[0](key): _from_json(args[1], item) for key, item in value.items()}
    if origin is None and issubclass(kind, Record):
        return kind.from_json(value)
    if origin is None and _is_scalar(kind, value):
        return value
    raise ValueError(f"must be {kind}, got {value!r}")


def _from_union(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _from_json(kind, value)
        except ValueError:
            continue
    raise ValueError(f"must be one of {kinds}, got {value!r}")


def _is_scalar(kind: type, value: object) -> bool:
    if kind is NoneType:
        return value is None
    # Settings contain booleans as well as numbers.
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)

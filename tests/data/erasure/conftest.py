"""Fixtures of a people file, as in the tests of the tables."""

from tests.data.tables.conftest import path, people

__all__ = ["path", "people"]

"""The page of the Python API is that of the docstrings."""

from __future__ import annotations

from tests.docs.api_page import FILE, api_page


def test_page_is_current() -> None:
    assert FILE.read_text("utf-8") == api_page(), "run python -m tests.docs.api_page"

"""Headers that let browsers keep a response."""

from __future__ import annotations

from typing import Final

CACHE_FOREVER: Final = {"cache-control": "private, max-age=31536000, immutable"}
"""Headers for URLs that change with their content."""

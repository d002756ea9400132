"""What the tests of the cropping share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def short_epochs() -> Iterator[None]:
    """Trainings that need not learn much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cropping.expression_training._LEAST_STEPS", 3)
        yield

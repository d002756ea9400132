from __future__ import annotations

import pytest

from data.project.status import StageStatus, StatusName


def test_what_is_done_needs_no_reason() -> None:
    assert StageStatus("tracks", "film").state == "done"


@pytest.mark.parametrize("state", ["stale", "missing"])
def test_what_is_not_done_says_why(state: StatusName) -> None:
    with pytest.raises(ValueError, match=f"why must tell why it is {state}, got nothing"):
        StageStatus("tracks", "film", state)

from __future__ import annotations

import pytest

from data.project.status import StageStatus, StatusName


def test_a_finished_stage_needs_no_reason() -> None:
    assert StageStatus("tracks", "film").state == "done"


@pytest.mark.parametrize("state", ["stale", "missing"])
def test_an_unfinished_stage_needs_a_reason(state: StatusName) -> None:
    with pytest.raises(ValueError, match=f"reason must not be empty if the state is {state}"):
        StageStatus("tracks", "film", state)

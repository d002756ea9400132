from __future__ import annotations

import pytest

from data.project.status import State, StateName


def test_what_is_done_needs_no_reason() -> None:
    assert State("tracks", "film").state == "done"


@pytest.mark.parametrize("state", ["stale", "missing"])
def test_what_is_not_done_says_why(state: StateName) -> None:
    with pytest.raises(ValueError, match=f"why must tell why it is {state}, got nothing"):
        State("tracks", "film", state)

from __future__ import annotations

from pathlib import Path

from data.execution.space_needed import space_needed
from data.video.footage import probe
from tests.clips.encoding import encode
from tests.clips.numbered import picture


def test_no_footage_needs_a_tracker_only() -> None:
    needed = space_needed([])
    assert [stage for stage, size in needed.items() if size] == ["train-tracker"]


def test_longer_footage_with_more_people_needs_more(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", [picture(n) for n in range(50)], rate=25)
    footage = probe(tmp_path / "a.mp4")
    once, twice = space_needed([footage]), space_needed([footage, footage])
    assert twice["cluster-faces"] == 2 * once["cluster-faces"] > 0
    assert space_needed([footage], people=12)["crop-people"] == 2 * once["crop-people"] > 0
    assert space_needed([footage], every_s=1)["cluster-faces"] < once["cluster-faces"]

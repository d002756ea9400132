from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cropping.camera.windows import CropWindows
from cropping.render.blur import FaceBlur
from cropping.render.render import RenderTarget, chunks_in
from cropping.render.shared_absence import share_absence
from tests.cropping.tracked_project import at_rate, box, tracks_of

WHOLE = (0.0, 0.0, 160.0, 90.0)
HERE, THERE = (10.0, 0.0, 60.0, 90.0), (90.0, 0.0, 140.0, 90.0)

Shown = tuple[list[int], tuple[float, float, float, float]]  # shots, and the window of an absence


def target(folder: Path, shown: Shown, *, blur: FaceBlur | None = None) -> RenderTarget:
    shots = np.array(shown[0], np.int64)
    xyxy = np.where((shots < 0)[:, None], shown[1], HERE)
    return RenderTarget.for_person(CropWindows(xyxy, shots), chunks_in(folder, "chunk"), blur)


@pytest.mark.parametrize(
    ("people", "shared"),
    [
        ([], None),
        ([([-1, -1, 0, 0], WHOLE)], None),
        ([([0, 0, 0, 0], WHOLE), ([0, 0, 0, 0], WHOLE)], None),
        ([([-1, -1, 0, 0], WHOLE), ([0, 0, -1, -1], WHOLE)], None),
        ([([-1, -1, 0, 0], HERE), ([-1, -1, 0, 0], THERE)], None),
        ([([-1, -1, 0, 0], WHOLE), ([0, -1, -1, 1], WHOLE)], [0, 1, 2]),
        ([([0, 0, 0, -1], (0.0, 0.0, 0.0, 0.0))] * 3, [3]),
        ([([0, 0, 0, 0], WHOLE), *[([0, 0, -1, -1], WHOLE)] * 2], [2, 3]),
    ],
    ids=[
        "empty",
        "alone",
        "never absent",
        "absent in turn",
        "different windows",
        "some frames",
        "black",
        "one never absent",
    ],
)
def test_shared_frames(people: list[Shown], shared: list[int] | None, tmp_path: Path) -> None:
    targets = [target(tmp_path / str(n), shown) for n, shown in enumerate(people)]
    found = share_absence(targets, chunks_in(tmp_path / "shared", "chunk"))
    if shared is None:
        assert found == targets
        return
    *own, common = found
    assert np.flatnonzero(common.frame_mask).tolist() == shared
    for one, (shots, _) in zip(own, people, strict=True):
        # Every frame is encoded in the person's own chunks or in the shared ones.
        assert one.frame_mask.tolist() == [shot >= 0 for shot in shots]
        assert (one.frame_mask | common.frame_mask).all()
        assert set(one.cuts.tolist()) <= set(common.cuts.tolist())


def test_nothing_is_shared_where_faces_are_blurred(tmp_path: Path) -> None:
    timeline = at_rate(4)
    tracks = tracks_of(timeline, {1: {0: box(50, 50)}})
    blur = FaceBlur(tracks, 2, timeline, (160, 90))
    targets = [target(tmp_path / str(n), ([0, -1, -1, -1], WHOLE), blur=blur) for n in range(2)]
    assert share_absence(targets, chunks_in(tmp_path / "shared", "chunk")) == targets


def test_each_shot_of_the_footage_may_have_another_picture(tmp_path: Path) -> None:
    """A letterboxed shot of three frames precedes one without bars."""
    letterbox = (0.0, 10.0, 160.0, 80.0)
    shots = np.array([0, -1, -1, -1, -1])
    xyxy = np.array([HERE, letterbox, letterbox, WHOLE, WHOLE])
    targets = [
        RenderTarget.for_person(
            CropWindows(xyxy, shots), chunks_in(tmp_path / name, "chunk"), None, backdrop=True
        )
        for name in "ab"
    ]
    *_, common = share_absence(targets, chunks_in(tmp_path / "shared", "chunk"))
    assert common.frame_mask.tolist() == [False, True, True, True, True]
    assert (common.windows.xyxy[1:] == xyxy[1:]).all()
    assert common.backdrop

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest

from cropping.camera.follow import CameraName, CameraSettings
from cropping.camera.window import WindowSettings, ZoomName
from cropping.camera.windows import AbsentName, CropWindows, crop_windows
from data.core.boxes import clamp
from data.tables.timeline import Timeline
from tests.cropping.conftest import Drawn
from tests.cropping.tracked_project import at_rate, box, tracks_of

FRAME_WH = (640, 360)
BUST = WindowSettings()


def film(
    faces: Mapping[int, Sequence[float]],
    timeline: Timeline,
    *,
    window: WindowSettings = BUST,
    absent: AbsentName = "wide",
    camera: CameraName = "steady",
    areas: Sequence[Sequence[float]] | None = None,
) -> CropWindows:
    tracks = tracks_of(timeline, {1: faces})
    return crop_windows(
        tracks,
        timeline,
        FRAME_WH,
        window=window,
        camera=CameraSettings(name=camera),
        absent=absent,
        areas=None if areas is None else np.array(areas, np.float64),
    )


def test_a_person_without_tracks() -> None:
    found = film({}, at_rate(5))
    assert not found.present.any()
    assert found.xyxy.tolist() == [[0, 0, 640, 360]] * 5


def test_no_frames() -> None:
    assert len(film({}, at_rate(0))) == 0


def test_stands_on_whole_pixels() -> None:
    found = film({f: box(300.3 + f / 50, 120, 50) for f in range(40)}, at_rate(40))
    assert (np.diff(found.xyxy, axis=0) == 0).all()
    assert (found.xyxy[0, :2] % 2 == 0).all() or found.xyxy[0, 3] - found.xyxy[0, 1] < 360


@pytest.mark.parametrize("camera", ["steady", "average"])
@pytest.mark.parametrize(
    "window",
    [
        BUST,
        WindowSettings(zoom="face"),
        WindowSettings(zoom="body"),
        WindowSettings(size_wh=(200, 630)),
        WindowSettings(size_wh=(40, 40)),
        WindowSettings(aspect=Fraction(16, 9), zoom="face"),
        WindowSettings(aspect=Fraction(1, 3), zoom="face"),
    ],
    ids=["bust", "face", "body", "service", "smaller than a face", "landscape", "narrow"],
)
def test_windows_stay_inside_and_keep_the_face(
    drawn: Drawn, window: WindowSettings, camera: CameraName
) -> None:
    """People in the drawn film walk off, approach, and are cut off by the edge of the frame."""
    frame_wh = drawn.truth.frame_wh
    for person in drawn.names:
        tracks = drawn.tracks.take(drawn.tracks.person_id == person)
        found = crop_windows(
            tracks,
            drawn.timeline,
            frame_wh,
            window=window,
            camera=CameraSettings(name=camera),
            absent="wide",
        )
        assert (found.xyxy[:, :2] >= -1e-6).all()
        assert (found.xyxy[:, 2:] <= np.array(frame_wh) + 1e-6).all()
        if camera == "steady":
            face, shown = clamp(tracks.xyxy, frame_wh), found.xyxy[tracks.frame_index]
            assert (face[:, :2] >= shown[:, :2] - 0.01).all()
            assert (face[:, 2:] <= shown[:, 2:] + 0.01).all()


def test_proportions_are_the_videos() -> None:
    found = film({f: box(200 + 3 * f, 150, 40 + f) for f in range(60)}, at_rate(60))
    size = found.xyxy[:, 2:] - found.xyxy[:, :2]
    np.testing.assert_allclose(size[:, 0] / size[:, 1], 202 / 360, rtol=1e-6)


def test_zoom_does_not_wobble() -> None:
    """One face has a noisy size, and one comes slightly closer."""
    tremble = np.random.default_rng(0).normal(0, 2, 80)
    found = film({f: box(300, 150, 40 + tremble[f] + f / 20) for f in range(80)}, at_rate(80))
    height = found.xyxy[:, 3] - found.xyxy[:, 1]
    assert height.max() - height.min() < 0.01


def test_the_window_follows_a_person_who_comes_much_nearer() -> None:
    window = WindowSettings(zoom="face")
    found = film({f: box(300, 180, 25 + 0.4 * f) for f in range(150)}, at_rate(150), window=window)
    height = found.xyxy[:, 3] - found.xyxy[:, 1]
    assert height[-1] > 1.5 * height[0]
    assert np.diff(height).min() > -0.5


def test_a_face_too_large_for_the_shape_gets_bars() -> None:
    found = film({f: box(320, 180, 300) for f in range(5)}, at_rate(5))
    assert found.xyxy[0, 2] - found.xyxy[0, 0] >= 300
    assert found.xyxy[0, 3] - found.xyxy[0, 1] == 360


def test_cuts_of_the_footage_are_cuts_of_the_camera() -> None:
    faces = {f: box(100 if f < 30 else 500, 150, 40) for f in range(60)}
    found = film(faces, at_rate(60, 30))
    assert found.cuts().tolist() == [30]
    middle = (found.xyxy[:, 0] + found.xyxy[:, 2]) / 2
    assert np.ptp(middle[:30]) == np.ptp(middle[30:]) == 0
    assert middle[30] - middle[29] > 300


ABSENT = {f: box(100, 150, 40) for f in [*range(30), *range(90, 120)]}


@pytest.mark.parametrize("absent", ["wide", "bars", "hold", "black"])
def test_absence(absent: AbsentName) -> None:
    found = film(ABSENT, at_rate(150, 130), absent=absent)
    assert np.flatnonzero(found.present).tolist() == list(ABSENT)
    gap, later = found.xyxy[60], found.xyxy[140]
    if absent in {"wide", "bars"}:
        assert gap.tolist() == later.tolist() == [0, 0, 640, 360]
    elif absent == "black":
        assert gap.tolist() == later.tolist() == [0, 0, 0, 0]
    else:
        assert gap.tolist() == found.xyxy[29].tolist()
        # In a shot without the person, the window is centred.
        assert later[0] + later[2] == 640


def test_a_glimpse_is_no_cut() -> None:
    """Seven frames of a person at a distance keep the wide view."""
    faces = {f: box(100, 150, 40) for f in [*range(30), *range(80, 87)]}
    assert np.flatnonzero(film(faces, at_rate(150)).present).tolist() == list(range(30))
    held = film(faces, at_rate(150), absent="hold")
    assert held.present[80:87].all()
    only = film({f: box(100, 150, 40) for f in range(80, 87)}, at_rate(150))
    assert only.present.sum() == 7


def test_every_nth_frame() -> None:
    """Detections are in one frame of five, and the camera moves evenly between them."""
    every = at_rate(101)
    timeline = Timeline(every.frame_index[::5], every.time_s[::5], every.cuts)
    found = film({f: box(100 + 3 * f, 150, 40) for f in range(0, 101, 5)}, timeline)
    assert found.present.all()
    middle = (found.xyxy[:, 0] + found.xyxy[:, 2]) / 2
    assert np.abs(np.diff(middle, 2)).max() < 1


LETTERBOX, PILLARBOX = (0, 46, 640, 314), (220, 0, 420, 360)


@pytest.mark.parametrize("absent", ["wide", "hold"])
def test_bars_of_the_footage_are_not_shown(absent: AbsentName) -> None:
    """One shot has bars above and below, and the next one at the sides."""
    faces = {f: box(100 + 5 * f, 100, 40) for f in range(40)}
    faces |= {f: box(240, 150, 60) for f in range(60, 90)}
    timeline = at_rate(100, 50)
    found = film(faces, timeline, absent=absent, areas=[LETTERBOX, PILLARBOX])
    for shot, (left, top, right, bottom) in ((0, LETTERBOX), (1, PILLARBOX)):
        windows = found.xyxy[timeline.shot(np.arange(100)) == shot]
        assert windows[:, 0].min() >= left - 1e-6
        assert windows[:, 1].min() >= top - 1e-6
        assert windows[:, 2].max() <= right + 1e-6
        assert windows[:, 3].max() <= bottom + 1e-6
    if absent == "wide":
        assert found.xyxy[45].tolist() == list(LETTERBOX)
        assert found.xyxy[95].tolist() == list(PILLARBOX)


def test_a_fixed_window_is_not_enlarged_to_avoid_bars() -> None:
    window = WindowSettings(size_wh=(100, 300))
    found = film({f: box(200, 150, 40) for f in range(20)}, at_rate(20), window=window)
    framed = film(
        {f: box(200, 150, 40) for f in range(20)}, at_rate(20), window=window, areas=[LETTERBOX]
    )
    for windows in (found, framed):
        np.testing.assert_allclose(windows.xyxy[0, 2:] - windows.xyxy[0, :2], (100, 300))
    assert framed.xyxy[0, [1, 3]].tolist() == [30, 330]


def test_a_face_within_a_bar_shows_that_it_is_none() -> None:
    found = film({f: box(200, 30, 40) for f in range(20)}, at_rate(20), areas=[LETTERBOX])
    assert found.xyxy[0, 1] < 10
    whole = film({f: box(200, 30, 40) for f in range(20)}, at_rate(20))
    assert (found.xyxy == whole.xyxy).all()


def test_an_area_of_the_whole_frame_changes_nothing() -> None:
    whole = film(ABSENT, at_rate(150, 130))
    assert (film(ABSENT, at_rate(150, 130), areas=[(0, 0, *FRAME_WH)] * 2).xyxy == whole.xyxy).all()


def test_zoom_body_shows_the_whole_body() -> None:
    """A body of twelve heads in the left half has its arms spread in some frames."""
    timeline = at_rate(75)
    bodies = {f: (150 + f, 60, 240 + f, 330) for f in range(75)} | {40: (120, 60, 310, 330)}
    tracks = tracks_of(
        timeline,
        {1: {f: box(195 + f, 80, 22) for f in range(75)}},
        bodies=bodies,
        turned=range(30, 50),
    )
    shown = {}
    zooms: tuple[ZoomName, ...] = ("bust", "body")
    for zoom in zooms:
        found = crop_windows(
            tracks,
            timeline,
            FRAME_WH,
            window=WindowSettings(zoom=zoom),
            camera=CameraSettings(),
            absent="wide",
        )
        assert found.present.all()
        assert found.cuts().tolist() == []
        shown[zoom] = found.xyxy
    body = tracks.body_xyxy
    assert (body[:, :2] >= shown["body"][:, :2] - 0.01).all()
    assert (body[:, 2:] <= shown["body"][:, 2:] + 0.01).all()
    heights = {zoom: float(np.median(xyxy[:, 3] - xyxy[:, 1])) for zoom, xyxy in shown.items()}
    assert heights["body"] > 2 * heights["bust"]


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"xyxy must have shape \(3, 4\)"):
        CropWindows(np.zeros((2, 4)), np.zeros(3, np.int64))


@pytest.mark.parametrize(
    "body",
    [
        (-200, -100, 900, 700),
        (300, 150, 302, 151),
        (700, 400, 900, 800),
        (310, 360, 330, 360),
        (0, 100, 20, 360),
        (180, 200, 420, 360),
    ],
    ids=["larger than the frame", "a speck", "outside", "no height", "cut off", "behind a desk"],
)
@pytest.mark.parametrize("zoom", ["bust", "body"])
def test_any_body(body: tuple[float, ...], zoom: ZoomName) -> None:
    """The window stays within the frame and holds the face, whatever the detector returns."""
    faces = {f: box(300 + f % 3, 120, 40) for f in range(50)}
    bodies = {f: body for f in range(50) if f % 4}
    tracks = tracks_of(at_rate(50), {1: faces}, bodies=bodies, turned=range(20, 30))
    found = crop_windows(
        tracks,
        at_rate(50),
        FRAME_WH,
        window=WindowSettings(zoom=zoom),
        camera=CameraSettings(),
        absent="wide",
    )
    assert (found.xyxy[:, :2] >= -1e-6).all()
    assert (found.xyxy[:, 2:] <= np.array(FRAME_WH) + 1e-6).all()
    seen = [*range(20), *range(30, 50)]
    assert (found.xyxy[seen, :2] <= [280, 100]).all()
    assert (found.xyxy[seen, 2:] >= [322, 140]).all()

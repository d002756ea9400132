"""Camera quality against a moving average: `python -m tests.quality.cropping`.

Manual labels, and the drawn film's truth, serve as tracks, so that only the camera is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.follow import CameraName, CameraSettings
from cropping.camera.window import WindowSettings
from cropping.camera.windows import CropWindows, crop_windows
from data.tables.tracks import Tracks
from tests import SHARED
from tests.quality.cropping_clips import TrackedClip, all_clips
from tests.quality.tracking import CLIPS

STILL: Final = 1e-4
"""Largest motion per frame that counts as still, in window heights: 0.1 px of a 1080p video."""
MAX_ACCELERATION_RATIO: Final = 0.25  # relative to the moving average
MAX_DISTANCE_RATIO: Final = 1.5  # relative to the moving average

_HEAD: Final = (
    f"{'':12} acceleration             still        off target       face inside\n"
    f"{'clip':12} camera  average ratio  cam.  aver.  cam.  aver. ratio  camera average"
)


@dataclass(frozen=True, slots=True)
class Motion:
    """Sums over frames, so that people and clips can be added.

    Lengths are in heights of the window.
    """

    acceleration: float
    accelerations: int
    still: int
    moves: int
    distance: float  # of the face from its target position in the window
    distances: int
    inside: int  # number of faces that are wholly in the window
    faces: int

    def __add__(self, other: Motion) -> Motion:
        sums = (getattr(self, name) + getattr(other, name) for name in Motion.__slots__)
        return Motion(*sums)

    @property
    def mean_acceleration(self) -> float:
        """Return the mean absolute acceleration, window heights per frame squared."""
        return self.acceleration / max(self.accelerations, 1)

    @property
    def still_share(self) -> float:
        """Return the share of frames without motion."""
        return self.still / max(self.moves, 1)

    @property
    def mean_distance(self) -> float:
        """Return the mean distance of the face from its target position, window heights."""
        return self.distance / max(self.distances, 1)

    @property
    def inside_share(self) -> float:
        """Return the share of faces that are wholly in the window."""
        return self.inside / max(self.faces, 1)


def motion(found: CropWindows, tracks: Tracks, window: WindowSettings) -> Motion:
    """Measure one person's windows; cuts and absences are not motion."""
    middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    height = found.xyxy[:, 3] - found.xyxy[:, 1]
    unit = float(np.median(height[found.present])) if found.present.any() else 1.0
    velocity = np.diff(middle / unit, axis=0)
    together = (found.shot[1:] == found.shot[:-1]) & found.present[1:]
    both = together[1:] & together[:-1]
    acceleration = np.abs(np.diff(velocity, axis=0)).sum(axis=1)[both]
    off, inside = _faces(found, tracks, window)
    return Motion(
        acceleration=float(acceleration.sum()),
        accelerations=int(both.sum()),
        still=int((np.abs(velocity).max(axis=1)[together] < STILL).sum()),
        moves=int(together.sum()),
        distance=float(off.sum()),
        distances=len(off),
        inside=int(inside.sum()),
        faces=len(inside),
    )


def _faces(
    found: CropWindows, tracks: Tracks, window: WindowSettings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the distance of each detected face from its target, and whether it is inside."""
    seen = tracks.take(~tracks.filled)
    shown = found.xyxy[seen.frame_index]
    face = seen.xyxy.astype(np.float64)
    size = shown[:, 2:] - shown[:, :2]
    place = shown[:, :2] + size * np.array([0.5, window.face_centre()])
    off = np.linalg.norm((face[:, :2] + face[:, 2:]) / 2 - place, axis=1) / size[:, 1]
    # A hundredth of a pixel, the rounding of the tracks.
    cut = (face[:, :2] < shown[:, :2] - 0.01) | (face[:, 2:] > shown[:, 2:] + 0.01)
    return off[found.present[seen.frame_index]], np.asarray(~cut.any(axis=1), np.bool_)


def clip_motion(clip: TrackedClip, camera: CameraName) -> Motion:
    """Measure the camera of all people in one clip, with default settings."""
    window, total = WindowSettings(), Motion(0, 0, 0, 0, 0, 0, 0, 0)
    for person in clip.names:
        tracks = clip.of(person)
        if len(tracks):
            found = person_views(clip, tracks, camera, window)
            total += motion(found, tracks, window)
    return total


def person_views(
    clip: TrackedClip, tracks: Tracks, camera: CameraName, window: WindowSettings
) -> CropWindows:
    """Return one person's crop windows, as `crop-people` computes them."""
    return crop_windows(
        tracks,
        clip.timeline,
        clip.frame_wh,
        window=window,
        camera=CameraSettings(name=camera),
        absent="wide",
    )


def failures(steady: Motion, average: Motion) -> list[str]:
    """Return the missed targets."""
    ratio = steady.mean_acceleration / max(average.mean_acceleration, 1e-12)
    distance = steady.mean_distance / max(average.mean_distance, 1e-12)
    checks = {
        "a face is cut": steady.inside == steady.faces,
        f"acceleration is above {MAX_ACCELERATION_RATIO} of the average's": ratio
        <= MAX_ACCELERATION_RATIO,
        "it is still less often than the average": steady.still_share > average.still_share,
        f"distance is above {MAX_DISTANCE_RATIO} of the average's": distance <= MAX_DISTANCE_RATIO,
    }
    return [target for target, met in checks.items() if not met]


def row(name: str, steady: Motion, average: Motion) -> str:
    """Format one line of the table."""
    ratio = steady.mean_acceleration / max(average.mean_acceleration, 1e-12)
    distance = steady.mean_distance / max(average.mean_distance, 1e-12)
    missed = failures(steady, average)
    return (
        f"{name:12} {steady.mean_acceleration * 1e4:6.3f}  {average.mean_acceleration * 1e4:6.3f}"
        f" {ratio:5.3f}  {steady.still_share:4.0%}  {average.still_share:4.0%}"
        f"  {steady.mean_distance:5.3f} {average.mean_distance:5.3f} {distance:5.2f}"
        f"  {steady.inside_share:7.2%} {average.inside_share:6.2%}"
        f"  {'MISSED: ' + '; '.join(missed) if missed else '(met)'}"
    )


def table(clips: Iterable[TrackedClip]) -> tuple[list[str], int]:
    """Return one line per clip, and the number of clips that miss a target."""
    lines, missed = _HEAD.splitlines(), 0
    for clip in clips:
        steady, average = (clip_motion(clip, camera) for camera in ("steady", "average"))
        lines.append(row(clip.name, steady, average))
        missed += bool(failures(steady, average))
    note = "acceleration: 1e-4 window heights per frame squared"
    return [*lines, note], missed


def draw_paths(clips: Sequence[TrackedClip], path: Path) -> None:
    """Draw both cameras' paths over time, for the person seen longest in each clip."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 2.6 * len(clips)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(clips), 2, squeeze=False)
    for clip, pair in zip(clips, axes, strict=True):
        person = max(clip.names, key=lambda one: len(clip.of(one)))
        tracks, window = clip.of(person), WindowSettings()
        for camera, colour in (("average", "tab:blue"), ("steady", "tab:red")):
            found = person_views(clip, tracks, camera, window)  # type: ignore[arg-type]
            middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
            middle[~found.present] = np.nan
            for axis, plot in enumerate(pair):
                plot.plot(clip.timeline.time_s[: len(found)], middle[:, axis], colour, label=camera)
        face = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:]) / 2
        for axis, plot in enumerate(pair):
            plot.plot(tracks.time_s, face[:, axis], "k.", markersize=1, label="face", zorder=0)
            plot.set_title(f"{clip.name}, {clip.names[person]}: {'xy'[axis]} of the window, px")
            plot.set_xlabel("s")
    axes[0][0].legend()
    figure.savefig(path, dpi=70)


def main() -> int:
    """Print one table, and draw one picture."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.cropping", description=__doc__)
    parser.add_argument("--picture", type=Path, help="draw both cameras' paths into this .png")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = list(all_clips(SHARED, Path(folder), CLIPS))
        lines, missed = table(clips)
        print("\n".join(["Camera against moving average", *lines]))
        picture = parsed.picture or Path(tempfile.gettempdir()) / "camera paths.png"
        draw_paths(clips, picture)
        print(f"both paths: {picture}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

"""Crops of people whose faces are often hidden: `python -m tests.quality.body_crops`.

Manual labels of faces and bodies serve as tracks, so that only the camera is measured. Where no
face is labelled, the head is where the person's face had been in their body at the nearest times.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.camera.follow import CameraSettings
from cropping.camera.window import BODY_MARGIN, WindowSettings, ZoomName, largest_height
from cropping.camera.windows import CropWindows, crop_windows
from data.core.boxes import Boxes, clamp
from data.tables.tracks import BODY, FACE, Tracks, no_bodies
from tests import SHARED
from tests.quality.cropping import MAX_ACCELERATION_RATIO, Motion, motion
from tests.quality.cropping_clips import TrackedClip, labelled_clip

CLIPS: Final = ("kpop_vertical", "sitcom_a", "pexels_00")
MIN_HEADS: Final = 0.99
"""Smallest share of the frames with a labelled body whose crop holds the whole head."""
MIN_BODIES: Final = 0.95
"""Smallest share of the bodies that `--zoom body` shows whole, of those that fit."""
_HEAD: Final = np.array([0.1, 0.45, 0.1, 0.1], np.float32)
"""Hair, ears and chin beyond dlib's box of the face, in box sizes: left, top, right, bottom."""
_HEADER: Final = (
    f"{'':14} whole head in the crop   whole body   acceleration / average's   still\n"
    f"{'clip':14}    face    bust    body         body      face   bust   body    bust  average"
)


@dataclass(frozen=True, slots=True)
class Shares:
    """Sums over the labelled bodies of a clip with one zoom."""

    heads: int
    whole_heads: int
    bodies: int  # that the picture allows to show whole
    whole_bodies: int
    steady: Motion
    average: Motion

    @property
    def head_share(self) -> float:
        """Return the share of heads that are wholly in the crop."""
        return self.whole_heads / max(self.heads, 1)

    @property
    def body_share(self) -> float:
        """Return the share of bodies that are wholly in the crop."""
        return self.whole_bodies / self.bodies if self.bodies else 1.0

    def acceleration_ratio(self, average: Motion) -> float:
        """Return the mean acceleration relative to that of a moving average of the face."""
        return self.steady.mean_acceleration / max(average.mean_acceleration, 1e-12)


def body_clip(shared: Path, name: str) -> TrackedClip:
    """Return a clip with its labelled faces and bodies as tracks.

    People whose face is never labelled are left out: no face names them.
    """
    clip = labelled_clip(shared, name)
    numbers = {name: person for person, name in clip.names.items()}
    with (shared / "footage" / "labels" / f"bodies_{name}.csv").open(encoding="utf-8") as lines:
        labelled = {
            (int(row["frame_index"]), numbers[row["person"]]): [
                float(row[side]) for side in ("x1", "y1", "x2", "y2")
            ]
            for row in csv.DictReader(lines)
            if row["person"] in numbers
        }
    tracks = [_with_bodies(clip, person, labelled) for person in clip.names]
    return replace(clip, tracks=Tracks.concatenate(tracks))


def _with_bodies(
    clip: TrackedClip, person: int, labelled: dict[tuple[int, int], list[float]]
) -> Tracks:
    """Return a person's rows with bodies, and rows for the bodies without a face."""
    faces = clip.of(person)
    bodies = {frame: box for (frame, number), box in labelled.items() if number == person}
    body_xyxy = no_bodies(len(faces))
    for row, frame in enumerate(faces.frame_index.tolist()):
        body_xyxy[row] = bodies.get(frame, body_xyxy[row])
    faces = faces.replace(body_xyxy=body_xyxy)
    alone = sorted(set(bodies) - set(faces.frame_index.tolist()))
    frames = np.array(alone, np.int64)
    boxes = np.array([bodies[frame] for frame in alone], np.float32).reshape(-1, 4)
    heads = _heads(boxes, frames, faces.take(faces.has_body))
    rows = Tracks.ordered(
        frame_index=frames,
        time_s=clip.timeline.time_s[frames],
        person_id=np.full(len(frames), person, np.int64),
        xyxy=clamp(heads, clip.frame_wh),
        confidence=np.ones(len(frames), np.float32),
        source=np.full(len(frames), BODY, np.int8),
        body_xyxy=boxes,
    )
    return Tracks.concatenate([faces, rows])


def _heads(bodies: Boxes, frames: NDArray[np.int64], seen: Tracks) -> Boxes:
    """Return the head of each body, ``(n, 4)`` px, from its place at the nearest sightings."""
    if not len(seen) or not len(bodies):
        return bodies
    size = np.tile(seen.body_xyxy[:, 2:] - seen.body_xyxy[:, :2], 2)
    places = (seen.xyxy - np.tile(seen.body_xyxy[:, :2], 2)) / size
    place = np.column_stack([np.interp(frames, seen.frame_index, side) for side in places.T])
    own = np.tile(bodies[:, 2:] - bodies[:, :2], 2)
    return np.asarray(np.tile(bodies[:, :2], 2) + place * own, np.float32)


def clip_shares(clip: TrackedClip, zoom: ZoomName) -> Shares:
    """Measure the crops of all people in a clip."""
    window, total = WindowSettings(zoom=zoom), [0, 0, 0, 0]
    steady = average = Motion(0, 0, 0, 0, 0, 0, 0, 0)
    for person in clip.names:
        tracks = clip.of(person)
        found = _windows(clip, tracks, window, CameraSettings())
        rows = tracks.take(tracks.has_body)
        shown = found.xyxy[rows.frame_index]
        heads = clamp(_grown(rows.xyxy), clip.frame_wh)
        bodies = clamp(rows.body_xyxy, clip.frame_wh)
        fits = _fits(bodies, window.video_wh(clip.frame_wh), clip.frame_wh)
        inside = _inside(heads, shown), _inside(bodies, shown)[fits]
        for place, value in enumerate((len(rows), inside[0].sum(), fits.sum(), inside[1].sum())):
            total[place] += int(value)
        steady += motion(found, tracks, window)
        average += motion(
            _windows(clip, tracks, window, CameraSettings(name="average")), tracks, window
        )
    return Shares(total[0], total[1], total[2], total[3], steady, average)


def _windows(
    clip: TrackedClip, tracks: Tracks, window: WindowSettings, camera: CameraSettings
) -> CropWindows:
    return crop_windows(
        tracks, clip.timeline, clip.frame_wh, window=window, camera=camera, absent="wide"
    )


def _grown(faces: Boxes) -> Boxes:
    size = np.tile(faces[:, 2:] - faces[:, :2], 2)
    return np.asarray(faces + size * _HEAD * np.array([-1, -1, 1, 1], np.float32), np.float32)


def _fits(boxes: Boxes, video_wh: tuple[int, int], frame_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the bodies that a window of the video's shape can hold, ``(n,)``."""
    height = largest_height(frame_wh, video_wh)
    largest = np.array([height * video_wh[0] / video_wh[1], height])
    return np.asarray((boxes[:, 2:] - boxes[:, :2] <= largest / (1 + BODY_MARGIN)).all(axis=1))


def _inside(boxes: Boxes, windows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the boxes that are wholly in their window, to a hundredth of a pixel, ``(n,)``."""
    inside = (boxes[:, :2] >= windows[:, :2] - 0.01) & (boxes[:, 2:] <= windows[:, 2:] + 0.01)
    return np.asarray(inside.all(axis=1))


def failures(shares: dict[ZoomName, Shares]) -> list[str]:
    """Return the missed targets of a clip."""
    bust, body = shares["bust"], shares["body"]
    checks = {
        f"under {MIN_HEADS:.0%} of the heads are whole": bust.head_share >= MIN_HEADS,
        f"under {MIN_BODIES:.0%} of the bodies are whole": body.body_share >= MIN_BODIES,
        f"acceleration is above {MAX_ACCELERATION_RATIO} of the average's": max(
            bust.acceleration_ratio(bust.average), body.acceleration_ratio(bust.average)
        )
        <= MAX_ACCELERATION_RATIO,
        "it is still less often than the average": bust.steady.still_share
        > bust.average.still_share,
    }
    return [target for target, met in checks.items() if not met]


def table(clips: Iterable[TrackedClip]) -> tuple[list[str], int]:
    """Return one line per clip, and the number of clips that miss a target."""
    lines, missed = _HEADER.splitlines(), 0
    for clip in clips:
        zooms: tuple[ZoomName, ...] = ("face", "bust", "body")
        shares = {zoom: clip_shares(clip, zoom) for zoom in zooms}
        faces = int((clip.tracks.source == FACE)[clip.tracks.has_body].sum())
        without = 1 - faces / max(int(clip.tracks.has_body.sum()), 1)
        heads = "  ".join(f"{shares[zoom].head_share:6.2%}" for zoom in zooms)
        ratios = "  ".join(
            f"{shares[zoom].acceleration_ratio(shares['bust'].average):5.3f}" for zoom in zooms
        )
        bust, body = shares["bust"], shares["body"]
        lost = failures(shares)
        missed += bool(lost)
        lines.append(
            f"{clip.name:14} {heads}  {body.body_share:6.2%} of {body.bodies:<4} {ratios}   "
            f"{bust.steady.still_share:4.0%}  {bust.average.still_share:4.0%}  "
            f"no face: {without:4.0%}  {'MISSED: ' + '; '.join(lost) if lost else '(met)'}"
        )
    return lines, missed


def main() -> int:
    """Print one table."""
    argparse.ArgumentParser(
        prog="python -m tests.quality.body_crops", description=__doc__
    ).parse_args()
    lines, missed = table(body_clip(SHARED, name) for name in CLIPS)
    print("\n".join(["Crops of labelled bodies", *lines]))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

"""The labelled clips, looked at once: their faces at the default sampling and at one a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings, load_detector, load_embedder
from clustering.faces.extraction import Extracted, Extractor
from clustering.faces.tracklets import shot_numbers, tracklet_numbers
from data.sample.film import draw_film
from data.tables.faces import Faces, Frames
from data.video.footage import default_interval_s, probe
from data.video.reader import sample_frames
from tests.quality.labels import Labels, drawn_labels, read_labels

DEFAULT: Final = "default"
ONE_A_SECOND: Final = "1 a second"
SAMPLINGS: Final = (DEFAULT, ONE_A_SECOND)
DRAWN: Final = "(drawn film)"

FOOTAGE: Final = (
    "film_a",
    "meeting_a",
    "pexels_00",
    "pexels_01",
    "pexels_02",
    "pexels_03",
    "pexels_04",
    "sitcom_a",
    "talkshow_a",
)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was found in the sampled frames of a clip, and who is really there."""

    frames: Frames
    faces: Faces
    labels: Labels  # of the sampled frames


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One labelled clip."""

    name: str
    looks: dict[str, Look]  # by sampling


def load_extractor(settings: BackendSettings | None = None) -> Extractor:
    """Load the networks as `cluster-faces` does."""
    chosen = settings or BackendSettings()
    return Extractor(load_detector(chosen), load_embedder(chosen))


def labelled_clips(shared: Path, extractor: Extractor) -> Iterator[Clip]:
    """The clips of ../shared/footage, each as soon as it has been looked at."""
    for name in FOOTAGE:
        labels = read_labels(shared / "footage" / "labels" / f"{name}.csv")
        yield look_at(name, shared / "footage" / f"{name}.mp4", labels, extractor)


def drawn_clip(
    folder: Path, extractor: Extractor, *, duration_s: float = 50.0, shots: Sequence[str] = ()
) -> Clip:
    """The sample film, drawn into ``folder``."""
    path = folder / "film.mp4"
    truth = draw_film(path, duration_s=duration_s, shots=shots or None)
    return look_at(DRAWN, path, drawn_labels(truth), extractor)


def look_at(name: str, path: Path, labels: Labels, extractor: Extractor) -> Clip:
    """Extract the faces at the default sampling, and take those at one a second from them."""
    footage = probe(path)
    every_s = default_interval_s(footage.duration_s)
    parts = list(extractor.extract(sample_frames(footage, every_s=every_s)))
    found = Extracted.concatenate(parts)
    # What a run with --every 1 would look at: the default's frames hold them all, since the
    # default interval divides a second; one that were missing would be an error.
    wanted = [frame.index for frame in sample_frames(footage, every_s=1.0)]
    if not np.isin(wanted, found.frames.frame_index).all():
        raise ValueError(f"{name}: frames of one a second are not among those of every {every_s} s")
    fewer = only_frames(found, np.isin(found.frames.frame_index, wanted))
    looks = {DEFAULT: finished(found, labels), ONE_A_SECOND: finished(fewer, labels)}
    return Clip(name, looks)


def only_frames(found: Extracted, keep: NDArray[np.bool_]) -> Extracted:
    """Only the chosen frames and their faces."""
    frames = found.frames.take(keep)
    faces = found.faces.take(np.isin(found.faces.frame_index, frames.frame_index))
    return Extracted(frames, faces)


def finished(found: Extracted, labels: Labels) -> Look:
    """Fill in shots and tracklets, which depend on the sampling."""
    frames = found.frames.replace(shot=shot_numbers(found.frames))
    shot = frames.shot[np.searchsorted(frames.frame_index, found.faces.frame_index)]
    faces = found.faces.replace(shot=shot)
    faces = faces.replace(tracklet=tracklet_numbers(frames, faces))
    return Look(frames, faces, labels.of_frames(frames.frame_index))


def one_after_another(clips: Sequence[Clip], sampling: str) -> Look:
    """Several clips as if they were one footage in which everybody appears."""
    frames, faces, labels = [], [], []
    index, time_s = 0, 0.0
    for clip in clips:
        look = clip.looks[sampling]
        later = {"frame_index": look.frames.frame_index + index}
        frames.append(look.frames.replace(**later, time_s=look.frames.time_s + time_s))
        later = {"frame_index": look.faces.frame_index + index}
        faces.append(look.faces.replace(**later, time_s=look.faces.time_s + time_s))
        labels.append(_renamed(look.labels, clip.name, index))
        index = int(frames[-1].frame_index[-1]) + 1
        time_s = float(frames[-1].time_s[-1]) + 1.0
    everything = Labels(
        np.concatenate([part.frame_index for part in labels]),
        np.concatenate([part.xyxy for part in labels]),
        np.concatenate([part.person for part in labels]),
    )
    return finished(Extracted(Frames.concatenate(frames), Faces.concatenate(faces)), everything)


def _renamed(labels: Labels, clip: str, index: int) -> Labels:
    person = [name if name == "?" else f"{clip} {name}" for name in labels.person.tolist()]
    return Labels(labels.frame_index + index, labels.xyxy, np.array(person, np.str_))

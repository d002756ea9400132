"""The labelled clips and their faces, at the default sampling and at one frame per second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clustering.faces.backends import BackendSettings, load_detector, load_embedder, load_sface
from clustering.faces.extraction import Extracted, Extractor
from clustering.faces.tracklets import shot_numbers, tracklet_numbers
from data.sample.film import draw_film
from data.tables.faces import Faces, Frames
from data.video.footage import Footage, default_interval_s, probe
from data.video.reader import sample_frames
from tests.quality.labels import Labels, drawn_labels, read_labels

DEFAULT: Final = "default"
ONE_PER_SECOND: Final = "1 a second"
SAMPLINGS: Final = (DEFAULT, ONE_PER_SECOND)
DRAWN: Final = "(drawn film)"

FOOTAGE: Final = (
    "family_wide",
    "film_a",
    "kpop_vertical",
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
class SampledFaces:
    """Faces in the sampled frames of a clip, with their labels."""

    frames: Frames
    faces: Faces
    labels: Labels  # in the sampled frames


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A labelled clip."""

    name: str
    by_sampling: dict[str, SampledFaces]  # by sampling


BEST: Final = BackendSettings(detector="centerface", embedder="sface")
"""The default where the models are installed."""
CNN: Final = BackendSettings(detector="cnn", embedder="sface")
"""dlib's detector; without SFace's embeddings, dlib alone."""


def load_extractor(settings: BackendSettings) -> Extractor:
    """Load the networks as `cluster-faces` does."""
    return Extractor(load_detector(settings), load_embedder(settings), load_sface(settings))


def labelled_clips(
    shared: Path, extractor: Extractor, samplings: Sequence[str] = SAMPLINGS
) -> Iterator[Clip]:
    """Yield the clips of ../shared/footage, each as soon as its faces are extracted."""
    for name in FOOTAGE:
        labels = read_labels(shared / "footage" / "labels" / f"{name}.csv")
        path = shared / "footage" / f"{name}.mp4"
        yield extract_clip(name, path, labels, extractor, samplings)


def drawn_clip(
    folder: Path,
    extractor: Extractor,
    samplings: Sequence[str] = SAMPLINGS,
    *,
    duration_s: float = 50.0,
) -> Clip:
    """Draw the sample film into ``folder`` and extract its faces."""
    path = folder / "film.mp4"
    truth = draw_film(path, duration_s=duration_s)
    return extract_clip(DRAWN, path, drawn_labels(truth), extractor, samplings)


def extract_clip(
    name: str,
    path: Path,
    labels: Labels,
    extractor: Extractor,
    samplings: Sequence[str] = SAMPLINGS,
) -> Clip:
    """Extract the faces at these samplings."""
    footage = probe(path)
    intervals_s = {DEFAULT: default_interval_s(footage.duration_s), ONE_PER_SECOND: 1.0}
    chosen = {sampling: intervals_s[sampling] for sampling in samplings}
    by_interval = extract_samples(footage, labels, extractor, sorted(chosen.values()))
    return Clip(name, {sampling: by_interval[every_s] for sampling, every_s in chosen.items()})


def extract_samples(
    footage: Footage,
    labels: Labels,
    extractor: Extractor,
    intervals_s: Sequence[float],
    *,
    until_s: float = inf,
) -> dict[float, SampledFaces]:
    """Extract the faces at the finest sampling, and select those of the others.

    Args:
        footage: the footage.
        labels: of its frames.
        extractor: the networks.
        intervals_s: between sampled frames, seconds; the finest first.
        until_s: end of the sampled part.

    Returns:
        The faces, by the interval.

    Raises:
        ValueError: the finest sampling lacks a frame of another one.
    """
    frames = sample_frames(footage, every_s=intervals_s[0], until_s=until_s)
    found = Extracted.concatenate(list(extractor.extract(frames)))
    by_interval = {}
    for every_s in intervals_s:
        frames = sample_frames(footage, every_s=every_s, until_s=until_s)
        index = [frame.index for frame in frames]
        keep = np.isin(found.frames.frame_index, index)
        if keep.sum() != len(index):
            message = f"frames of every {every_s} s must be among those of every {intervals_s[0]} s"
            raise ValueError(f"{footage.path}: {message}")
        by_interval[every_s] = finished(only_frames(found, keep), labels)
    return by_interval


def only_frames(found: Extracted, keep: NDArray[np.bool_]) -> Extracted:
    """Select frames and their faces."""
    frames = found.frames.take(keep)
    faces = found.faces.take(np.isin(found.faces.frame_index, frames.frame_index))
    return Extracted(frames, faces)


def finished(found: Extracted, labels: Labels) -> SampledFaces:
    """Add shots and tracklets, which depend on the sampling."""
    frames = found.frames.replace(shot=shot_numbers(found.frames))
    shot = frames.shot[np.searchsorted(frames.frame_index, found.faces.frame_index)]
    faces = found.faces.replace(shot=shot)
    faces = faces.replace(tracklet=tracklet_numbers(frames, faces))
    return SampledFaces(frames, faces, labels.of_frames(frames.frame_index))


def without_sface(clip: Clip) -> Clip:
    """Return the clip with dlib's embeddings alone."""
    by_sampling = {}
    for sampling, sample in clip.by_sampling.items():
        zeros = np.zeros_like(sample.faces.sface)
        faces = sample.faces.replace(sface=zeros, sface_mirrored=zeros)
        by_sampling[sampling] = finished(Extracted(sample.frames, faces), sample.labels)
    return Clip(clip.name, by_sampling)


def joined_clips(clips: Sequence[Clip], sampling: str) -> SampledFaces:
    """Join several clips to one footage with all their people."""
    frames, faces, labels = [], [], []
    index, time_s = 0, 0.0
    for clip in clips:
        sample = clip.by_sampling[sampling]
        later = {"frame_index": sample.frames.frame_index + index}
        frames.append(sample.frames.replace(**later, time_s=sample.frames.time_s + time_s))
        later = {"frame_index": sample.faces.frame_index + index}
        faces.append(sample.faces.replace(**later, time_s=sample.faces.time_s + time_s))
        labels.append(_renamed(sample.labels, clip.name, index))
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

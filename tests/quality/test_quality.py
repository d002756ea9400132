"""The clustering must not fall below the committed figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.grouping.footage import GroupingSettings
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table
from tests.quality.clips import DEFAULT, SAMPLINGS, drawn_clip, labelled_clips, load_extractor
from tests.quality.figures import figures_of, read_figures, worse
from tests.quality.labels import Labels, persons_of
from tests.quality.scores import mean, ours, plain

QUICK_S = 12.0


@pytest.mark.slow
def test_drawn_film_is_clustered_without_error(tmp_path: Path) -> None:
    """A short film with all shots, quick enough for every test run."""
    clip = drawn_clip(tmp_path, load_extractor(), duration_s=QUICK_S)
    score = ours(clip.by_sampling[DEFAULT])
    assert score.people_found == score.people_there == 6
    assert score.b_cubed.f > 0.98
    assert score.faces_found > 0.8


@pytest.mark.slow
def test_drawn_film_keeps_its_figures(tmp_path: Path) -> None:
    clip = drawn_clip(tmp_path, load_extractor())
    measured = figures_of({}, {s: ours(clip.by_sampling[s]) for s in SAMPLINGS})
    assert worse(measured, read_figures()) == []


@pytest.mark.slow
def test_labelled_clips_keep_their_figures(shared: Path) -> None:
    clips = list(labelled_clips(shared, load_extractor()))
    means = {s: mean([ours(clip.by_sampling[s]) for clip in clips]) for s in SAMPLINGS}
    assert worse(figures_of(means, {}), read_figures()) == []
    for sampling in SAMPLINGS:
        assert means[sampling].f >= mean([plain(clip.by_sampling[sampling]) for clip in clips]).f


def test_figures_that_fall_are_named() -> None:
    kept = {"default": {"mean_f": 0.98, "people_right": 7.0}}
    assert worse({"default": {"mean_f": 0.979, "people_right": 7}}, kept) == []
    lines = worse({"default": {"mean_f": 0.97, "people_right": 6}}, kept)
    assert lines == [
        "default: mean_f 0.97 is below 0.98",
        "default: people_right 6 is below 7",
    ]


def test_faces_are_matched_to_labels_of_their_frame() -> None:
    faces = table(
        Faces,
        4,
        frame_index=[0, 0, 5, 5],
        xyxy=[(0, 0, 10, 10), (50, 0, 60, 10), (0, 0, 10, 10), (90, 90, 99, 99)],
    )
    labels = Labels(
        np.array([0, 0, 5]),
        np.array([(50, 0, 60, 12), (0, 0, 10, 12), (0, 0, 10, 12)], np.float32),
        np.array(["B", "A", "?"]),
    )
    assert persons_of(faces, labels).tolist() == [0, 1, -1, -1]
    assert labels.people == ["A", "B"]
    assert labels.decided == 2


def test_every_ablated_part_is_a_setting() -> None:
    from tests.quality.report import PARTS

    assert set(PARTS) <= set(GroupingSettings.__dataclass_fields__)

"""The clustering must not fall below the committed figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clustering.faces.backends import BackendSettings
from clustering.grouping.footage import GroupingSettings
from data.tables.faces import Faces
from tests.clustering.labelled_footage import table
from tests.quality.clips import (
    BEST,
    DEFAULT,
    ONE_PER_SECOND,
    drawn_clip,
    labelled_clips,
    load_extractor,
)
from tests.quality.figures import DLIB_ALONE, measured_figures, read_figures, worse
from tests.quality.labels import Labels, missed_persons, persons_of
from tests.quality.scores import mean, ours, plain

QUICK_S = 12.0


@pytest.mark.slow
@pytest.mark.parametrize("settings", [BackendSettings(), BEST], ids=["dlib", "best"])
def test_drawn_film_is_clustered_without_error(
    settings: BackendSettings, tmp_path: Path, face_models: Path
) -> None:
    """A short film with all shots, quick enough for every test run."""
    del face_models
    clip = drawn_clip(tmp_path, load_extractor(settings), duration_s=QUICK_S)
    score = ours(clip.by_sampling[DEFAULT])
    assert score.people_found == score.people_there == 6
    assert score.b_cubed.f > (0.98 if settings == BEST else 0.85)
    assert score.faces_found > (0.98 if settings == BEST else 0.8)


@pytest.mark.slow
def test_clips_keep_their_figures(shared: Path, tmp_path: Path, face_models: Path) -> None:
    """The labelled clips and the drawn film, with the best networks."""
    del face_models
    extractor = load_extractor(BEST)
    clips = [*labelled_clips(shared, extractor), drawn_clip(tmp_path, extractor)]
    assert worse(measured_figures(clips), read_figures()) == []


@pytest.mark.slow
def test_clips_keep_their_figures_with_dlib_alone(shared: Path, tmp_path: Path) -> None:
    """At one frame a second; `make quality` takes the default sampling too, which takes long."""
    extractor = load_extractor(BackendSettings())
    samplings = [ONE_PER_SECOND]
    clips = list(labelled_clips(shared, extractor, samplings))
    clips.append(drawn_clip(tmp_path, extractor, samplings))
    assert worse(measured_figures(clips, DLIB_ALONE), read_figures()) == []
    other = mean([plain(clip.by_sampling[ONE_PER_SECOND]) for clip in clips])
    assert mean([ours(clip.by_sampling[ONE_PER_SECOND]) for clip in clips]).f >= other.f


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
    persons = persons_of(faces, labels)
    assert persons.tolist() == [0, 1, -1, -1]
    assert missed_persons(persons, labels).tolist() == []
    assert missed_persons(persons[[0, 2, 3]], labels).tolist() == [1]
    assert labels.people == ["A", "B"]
    assert labels.decided == 2


def test_every_ablated_part_is_a_setting() -> None:
    from tests.quality.report import PARTS

    assert set(PARTS) <= set(GroupingSettings.__dataclass_fields__)

"""crop-people and smile-gifs on one project: the timeline holds the intervals of the smiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cropping.erasure import erase_crops
from cropping.render.settings import CropSettings
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.smiles.table import smiling_intervals
from cropping.stage import crop_people
from data.core.errors import InputError
from data.execution.context import RunContext
from data.project.project import Project
from data.tables.smiles import Smiles
from data.tables.timeline_json import write_smiling
from tests.bars import no_bar
from tests.cropping.conftest import Drawn


def timeline(project: Project) -> dict[str, Any]:
    file = project.crops_folder("film") / "timeline.json"
    content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return content


def smiling_s(project: Project) -> dict[str, float]:
    people = timeline(project)["people"]
    return {one["name"]: sum(end - begin for begin, end in one["smiling"]) for one in people}


@pytest.fixture(scope="module")
def finished(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with all videos and GIFs. Shared, so do not change it."""
    project = drawn.copied(tmp_path_factory.mktemp("both"))
    crop_people(project, [], CropSettings(), context=RunContext(no_bar))
    smile_gifs(project, [], SmileSettings(frames=2), context=RunContext(no_bar))
    return project


def test_the_timeline_has_the_intervals_of_the_smiles_table(finished: Project) -> None:
    smiles = Smiles.read(finished.smiles_file("film"))
    for one in timeline(finished)["people"]:
        spans = smiling_intervals(smiles, one["person_id"])
        assert np.allclose(np.reshape(one["smiling"], (-1, 2)), np.reshape(spans, (-1, 2)))
    assert max(smiling_s(finished).values()) > 0.3


def test_second_runs_do_nothing(finished: Project) -> None:
    file = finished.crops_folder("film") / "timeline.json"
    before = file.stat().st_mtime_ns
    (cropped,) = crop_people(finished, [], CropSettings(), context=RunContext(no_bar))
    (smiled,) = smile_gifs(finished, [], SmileSettings(frames=2), context=RunContext(no_bar))
    assert cropped.already_done
    assert smiled.already_done
    assert file.stat().st_mtime_ns == before


def test_a_rewritten_timeline_keeps_the_smiles(finished: Project, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(finished.folder.parent, tmp_path / "copy")
    project = Project(tmp_path / "copy" / finished.folder.name)
    before = timeline(project)
    (project.crops_folder("film") / "timeline.json").unlink()
    crop_people(project, [], CropSettings(), context=RunContext(no_bar))
    assert timeline(project) == before

    person = before["people"][0]
    erase_crops(project, person["person_id"])
    names = [one["name"] for one in timeline(project)["people"]]
    assert names == [one["name"] for one in before["people"][1:]]
    assert not list(project.crops_folder("film").glob(f"{person['name']}.*"))
    left = {path.stem for path in project.crops_folder("film").glob("*.mp4")}
    assert left == set(names)


def test_smile_gifs_adds_smiles_that_crop_people_did_not_score(
    drawn: Drawn, tmp_path: Path, finished: Project
) -> None:
    project = drawn.copied(tmp_path)
    crop_people(project, [], CropSettings(smiles=False), context=RunContext(no_bar))
    assert set(smiling_s(project).values()) == {0}
    smile_gifs(project, [], SmileSettings(frames=2), context=RunContext(no_bar))
    assert smiling_s(project) == pytest.approx(smiling_s(finished), abs=0.5)


def test_a_damaged_timeline_is_refused(tmp_path: Path) -> None:
    write_smiling(tmp_path / "none.json", {})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "timeline.json").write_text('{"people": 3}')
    with pytest.raises(InputError, match="run crop-people PROJECT --force"):
        write_smiling(tmp_path / "timeline.json", {})

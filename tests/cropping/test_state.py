from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cropping import state
from cropping.render.cache_keys import VERSION
from cropping.render.settings import CropSettings
from cropping.smiles.cache_keys import gif_key_suffix
from cropping.smiles.settings import SmileSettings
from cropping.smiles.stage import smile_gifs
from cropping.stage import crop_people
from cropping.state import states
from data.execution.context import RunContext
from data.project.project import Project
from data.project.stages import GIFS, SMILES, GifsRecord
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.bars import no_bar
from tests.clips.encoding import encode
from tests.clips.numbered import picture
from tests.cropping.small_project import NAMES, QUICK, add_tracks, small_project
from tests.cropping.tracked_project import add_footage, at_rate, box, timeline_of, tracks_of

NO_SMILES = ("smile GIFs", "done", "no person has enough clear smiles")
DONE = [("videos", "done", ""), NO_SMILES]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with videos, and with GIFs where people smile."""
    film = tmp_path / "film.mp4"
    encode(film, [picture(number) for number in range(40)], rate=25)
    made = small_project(tmp_path / "film.fancam", film)

    crop_people(made, [], CropSettings(encoder=QUICK), context=RunContext(no_bar))
    smile_gifs(made, [], SmileSettings(), context=RunContext(no_bar))
    return made


def stages(project: Project) -> list[tuple[str, str, str]]:
    return [(one.output, one.state, one.reason) for one in states(Project(project.folder))]


def test_an_empty_project(tmp_path: Path) -> None:
    assert stages(Project(tmp_path / "a.fancam")) == []


def test_all_is_done(project: Project) -> None:
    assert stages(project) == DONE


def rename(project: Project) -> None:
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(2, "Cleo")


def lose_a_video(project: Project) -> None:
    (project.crops_folder("film") / "Ben.mp4").unlink()


def other_tracks(project: Project) -> None:
    add_tracks(project, tracks_of(at_rate(40), {1: {3: box(50, 50)}}))


def no_tracks(project: Project) -> None:
    project.tracks_file("film").unlink()


def stop_gifs(project: Project) -> None:
    project.unfinish(GIFS, "film")


def grow(project: Project) -> None:
    with project.footages["film"].path.open("ab") as file:
        file.write(b"more")


OTHER_INPUTS = "written with other tracks or settings"
CASES: dict[str, tuple[Callable[[Project], Any], list[tuple[str, str, str]]]] = {
    "renamed": (rename, [("videos", "stale", "people were renamed"), NO_SMILES]),
    "lost": (lose_a_video, [("videos", "missing", "Ben.mp4 is gone"), NO_SMILES]),
    "tracks": (other_tracks, [("videos", "stale", OTHER_INPUTS), NO_SMILES]),
    "changed": (grow, [("videos", "stale", OTHER_INPUTS), NO_SMILES]),
    "no tracks": (
        no_tracks,
        [("videos", "missing", "no tracks yet"), ("smile GIFs", "missing", "no tracks yet")],
    ),
    "GIFs": (
        stop_gifs,
        [DONE[0], ("smile GIFs", "missing", "smiles not scored yet")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_unfinished_stages_have_a_reason(project: Project, case: str) -> None:
    change, expected = CASES[case]
    change(project)
    assert stages(project) == expected


def test_gifs_of_other_settings_or_smiles(project: Project) -> None:
    smiles = gif_key_suffix(project, "film", project.require_record(SMILES, "film").model)
    for name in ("Anna.gif", "Ben.webp"):
        (project.crops_folder("film") / name).write_bytes(b"a picture")
    project.finish(
        GIFS, GifsRecord({"Anna.gif": f"1 abc {smiles}", "Ben.webp": f"2 def {smiles}"}), "film"
    )
    assert stages(project)[1] == ("smile GIFs", "done", "")
    (project.crops_folder("film") / "Ben.webp").unlink()
    assert stages(project)[1] == ("smile GIFs", "missing", "Ben.webp is gone")
    project.finish(
        GIFS, GifsRecord({"Anna.gif": f"1 abc {smiles}", "Cleo.gif": f"2 def {smiles}"}), "film"
    )
    assert stages(project)[1] == ("smile GIFs", "stale", "people were renamed")
    project.finish(GIFS, GifsRecord({"Anna.gif": "1 abc other"}), "film")
    assert stages(project)[1] == ("smile GIFs", "stale", OTHER_INPUTS)


def test_blurred_faces(project: Project) -> None:
    settings = CropSettings(encoder=QUICK, others="blur")
    crop_people(project, [], settings, context=RunContext(no_bar))
    assert stages(project) == DONE


def test_another_version(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "VERSION", VERSION + 1)
    assert stages(project)[0] == ("videos", "stale", "cropped by another version of fancam")


def test_pictures_and_footage_without_people_have_no_videos(
    project: Project, tmp_path: Path
) -> None:
    from PIL import Image

    Image.fromarray(np.asarray(picture(1))).save(tmp_path / "still.png")
    one = timeline_of([0.0])
    rows = tracks_of(one, {1: {0: box(50, 50)}})
    add_footage(project, tmp_path / "still.png", rows, NAMES, one)
    empty = tmp_path / "empty.mp4"
    encode(empty, [picture(n) for n in range(10)], rate=25)
    add_footage(project, empty, tracks_of(at_rate(10), {}), NAMES, at_rate(10))
    found = {(one.output, one.footage): (one.state, one.reason) for one in states(project)}
    assert ("videos", "still") not in found
    assert found["videos", "empty"] == ("done", "no person was seen in it")

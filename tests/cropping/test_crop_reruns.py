from __future__ import annotations

import json

import pytest

from cropping.camera.window import WindowSettings
from data.core.errors import InputError
from data.project.project import Project
from data.tables.decision_log import DecisionLog
from data.tables.people import open_people
from tests.cropping.interrupted import count_renders
from tests.cropping.small_project import add_tracks, contents, crop
from tests.cropping.tracked_project import at_rate, box, tracks_of


def test_a_second_run_does_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    before = contents(project)
    renders = count_renders(monkeypatch)
    summary = crop(project)
    assert summary.already_done
    assert (contents(project), renders) == (before, [])
    assert not crop(project, force=True).already_done
    assert (contents(project), renders) == (before, [2])


def test_only_a_missing_video_is_rendered(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop(project)
    before = contents(project)
    (project.crops_folder("film") / "Ben.mp4").unlink()
    renders = count_renders(monkeypatch)
    crop(project)
    after = contents(project)
    assert renders == [1]
    assert (after["Anna.mp4"], set(after)) == (before["Anna.mp4"], set(before))


def test_only_missing_small_renditions_are_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a project of an earlier version, whose videos stay as they are."""
    crop(project)
    before = contents(project)
    file = project.crops_folder("film") / "Ben.mp4"
    written = file.stat().st_mtime_ns
    file.with_name("Ben.small.m4v").unlink()
    renders = count_renders(monkeypatch)
    crop(project)
    assert renders == [1]
    assert contents(project) == before
    assert file.stat().st_mtime_ns == written


def test_a_later_best_of_needs_no_render(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    renders = count_renders(monkeypatch)
    summary = crop(project, only_present=True)
    assert renders == []
    assert all(person.files[1].exists() for person in summary.people)
    again = crop(project)
    assert again.already_done
    assert all(person.files[1].exists() for person in again.people)


def test_a_best_of_whose_video_is_missing_stays(project: Project) -> None:
    crop(project, only_present=True)
    before = contents(project)
    (project.crops_folder("film") / "Ben.mp4").unlink()
    crop(project, people=("Anna",))
    assert contents(project)["Ben.best.mp4"] == before["Ben.best.mp4"]
    crop(project)
    after = contents(project)
    assert (after["Ben.best.mp4"], set(after)) == (before["Ben.best.mp4"], set(before))


def test_renamed_people_need_no_render(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(project)
    before = contents(project)
    with open_people(project.people_file) as people:
        DecisionLog(people).rename(1, "Anna (was)")
        DecisionLog(people).rename(2, "Anna")
        DecisionLog(people).rename(1, "Ben")
    renders = count_renders(monkeypatch)
    crop(project)
    after = contents(project)
    assert renders == []
    assert after["Ben.mp4"] == before["Anna.mp4"]
    assert after["Anna.mp4"] == before["Ben.mp4"]
    assert after["Anna.small.m4v"] == before["Ben.small.m4v"]
    content = json.loads(after["timeline.json"])
    assert [(p["person_id"], p["name"]) for p in content["people"]] == [(1, "Ben"), (2, "Anna")]


@pytest.mark.parametrize(
    "settings",
    [{"absent": "black"}, {"window": WindowSettings(zoom="face")}, {"others": "blur"}],
    ids=["absent", "zoom", "blur"],
)
def test_other_settings_give_other_videos(project: Project, settings: dict[str, object]) -> None:
    crop(project)
    before = contents(project)
    summary = crop(project, **settings)
    assert not summary.already_done
    assert contents(project)["Ben.mp4"] != before["Ben.mp4"]


def test_one_person_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    renders = count_renders(monkeypatch)
    summary = crop(project, people=("Ben",))
    assert [person.name for person in summary.people] == ["Ben"]
    assert set(contents(project)) == {"Ben.mp4", "Ben.small.m4v", "timeline.json"}
    ben = contents(project)["Ben.mp4"]
    crop(project)
    assert renders == [1, 1]
    # Another window for Anna only: Ben's stays as it is.
    crop(project, people=("Anna",), window=WindowSettings(zoom="face"))
    assert contents(project)["Ben.mp4"] == ben


def test_the_users_own_files_stay(project: Project) -> None:
    folder = project.crops_folder("film")
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "Anna.gif").write_bytes(b"smile")
    crop(project)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "Anna.gif").read_bytes() == b"smile"


def test_people_left_out_of_a_run_are_named_if_their_videos_are_stale(project: Project) -> None:
    crop(project)
    assert crop(project, people=("Anna",)).notes == ()
    summary = crop(project, people=("Anna",), window=WindowSettings(zoom="face"))
    assert summary.notes == (
        "not rendered again: Ben (made from other tracks or settings); "
        "to render all videos, run crop-people without --person",
    )


def test_removed_videos_are_named(project: Project) -> None:
    crop(project)
    frames = at_rate(40)
    add_tracks(project, tracks_of(frames, {1: {frame: box(80, 60) for frame in range(40)}}))
    summary = crop(project)
    assert not (project.crops_folder("film") / "Ben.mp4").exists()
    assert summary.notes == (
        "removed Ben.mp4, Ben.small.m4v: made from tracks that no longer exist",
    )
    assert crop(project).notes == ()


def test_a_window_larger_than_the_footage_is_refused_before_the_first_frame(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    renders = count_renders(monkeypatch)
    advice = r"give crop-people --size \d+x\d+ or smaller"
    message = rf"--size 2000x90: larger than the footage; {advice}"
    with pytest.raises(InputError, match=message):
        crop(project, window=WindowSettings(size_wh=(2000, 90)))
    assert renders == []


def test_too_little_space_is_said_before_the_first_frame(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    renders = count_renders(monkeypatch)
    monkeypatch.setattr("data.core.disk_space.free_bytes", lambda _: 1000)
    with pytest.raises(InputError, match="will be needed, most of it by crop-people"):
        crop(project)
    assert renders == []

"""Options that a project remembers: what is set, and what is said."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from clustering import cli as cluster_cli
from cropping import crop_cli
from data.command.parser import Parser
from data.command.remembered import StageOptions, options_for, stage_options
from data.core.errors import InputError
from data.project.project import Project
from tests.fancam.test_config import write

CHANGED = "options changed since the last run: "


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path / "film.fancam")
    project.folder.mkdir()
    project.save()
    return project


def run(project: Project, *words: str) -> StageOptions:
    """Return the options of a run of crop-people, which the project remembers afterwards."""
    parser = crop_cli.make_parser()
    options = stage_options(parser, parser.parse_args([project.folder.name, *words]), project)
    project.remember(*options.remembered)
    return options


def zoom(project: Project, *words: str) -> object:
    return run(project, *words).parsed.zoom


def test_each_place_has_precedence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    user = Path("home/fancam/config.toml")
    write(user, '[crop-people]\nzoom = "body"\n')
    assert zoom(project) == "body"
    user.unlink()
    assert zoom(project) == "body"
    write(user, '[crop-people]\nzoom = "face"\n')
    assert zoom(project) == "body"
    write(project.folder / "config.toml", '[crop-people]\nzoom = "face"\n')
    assert zoom(project) == "face"
    monkeypatch.setenv("FANCAM_CROP_PEOPLE_ZOOM", "bust")
    assert zoom(project) == "bust"
    assert zoom(project, "--zoom", "body") == "body"


def test_what_is_said(project: Project) -> None:
    assert run(project, "--crf", "18", "--zoom", "body").lines == ()
    assert run(project).lines == ("using saved options of film.fancam: --zoom body --crf 18.0",)
    assert run(project, "--crf", "20").lines == (
        "using saved options of film.fancam: --zoom body",
        f"{CHANGED}--crf 20.0 (was 18.0)",
    )
    assert run(project, "--height", "720", "--quiet").lines == ()
    assert run(project, "--defaults").lines == (
        f"{CHANGED}--zoom not set (was body), --height not set (was 720), --crf 21.0 (was 20.0)",
    )
    assert run(project).lines == ()


def test_flags_are_not_set_again_but_said(project: Project) -> None:
    assert run(project, "--only-present").parsed.only_present
    again = run(project)
    assert not again.parsed.only_present
    assert again.lines == (f"{CHANGED}--only-present off (was on)",)
    given = run(project, "--only-present")
    assert given.lines == (f"{CHANGED}--only-present on (was off)",)


def test_an_option_takes_the_place_of_those_that_it_excludes(project: Project) -> None:
    run(project, "--zoom", "face", "--height", "720")
    sized = run(project, "--size", "200x600")
    assert crop_cli.crop_settings(sized.parsed).window.size_wh == (200, 600)
    assert sized.lines == (
        f"{CHANGED}--size 200x600 (was not set), --zoom not set (was face), --height not set"
        " (was 720)",
    )
    assert run(project, "--zoom", "body").parsed.size is None


def test_options_of_one_run_are_not_remembered(project: Project) -> None:
    run(project, "--person", "Anna", "--threads", "2", "--force")
    parsed = run(project).parsed
    assert (parsed.person, parsed.threads, parsed.force) == ([], 0, False)


def test_scales_of_the_detector_exclude_each_other(project: Project) -> None:
    first = options_for(cluster_cli.make_parser(), project, "--min-face", "20", "--detector", "cnn")
    project.remember(*first.remembered)
    then = options_for(cluster_cli.make_parser(), project, "--upsample", "1").parsed
    assert (then.min_face, then.upsample, then.detector) == (None, 1, "cnn")


def test_a_file_is_remembered_by_its_whole_path(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracking.training.cli import make_parser

    (tmp_path / "own.pt").touch()
    project.remember(*options_for(make_parser(), project, "--weights", "own.pt").remembered)
    monkeypatch.chdir("/")
    assert options_for(make_parser(), project).parsed.weights == str(tmp_path / "own.pt")


def test_a_value_that_is_none_of_the_option(project: Project) -> None:
    project.remember("crop-people", {"preset": "instant"})
    advice = "but is not valid; give crop-people another --preset"
    message = rf"project\.json: --preset instant is saved there, {advice}$"
    with pytest.raises(InputError, match=message):
        run(project)
    assert run(project, "--preset", "fast").lines == (f"{CHANGED}--preset fast (was instant)",)


def test_options_survive_in_the_file(project: Project) -> None:
    run(project, "--zoom", "body")
    read = Project(project.folder)
    assert read.options == {"crop-people": {"zoom": "body"}}
    read.save()
    assert Project(project.folder).options == read.options


def test_other_commands_have_no_such_options() -> None:
    parser: argparse.ArgumentParser = Parser(prog="serve-people")
    assert isinstance(parser, Parser)
    assert parser.remembered() == {}
    with pytest.raises(InputError, match="--defaults: no such option"):
        parser.parse_args(["--defaults"])

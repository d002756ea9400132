"""Options from config files and variables, `fancam config` and `fancam completion`."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import fancam.cli
from cropping import crop_cli
from data.command.config import OF_ONE_RUN, STAGES, section_of, variable_of
from data.core.errors import InputError
from data.project.project import Project
from fancam.commands import options_of, parsers
from fancam.completion import SHELLS, completion
from fancam.config import template
from tests import ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's config folder, and a working directory with a project and its footage."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for variable in [name for name in os.environ if name.startswith("FANCAM_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "concert.fancam"
    folder.mkdir()
    (folder / "project.json").write_text('{"schema": 1, "footages": [], "stages": {}}')
    return tmp_path / "home" / "fancam"


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def crop_options(*words: str) -> argparse.Namespace:
    parser: argparse.ArgumentParser = crop_cli.make_parser()
    return parser.parse_args(list(words) or ["concert.fancam"])


# --- precedence -------------------------------------------------------------------------------


def test_each_place_has_precedence_over_the_one_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = crop_options().preset
    write(home / "config.toml", '[crop-people]\npreset = "slow"\n')
    assert crop_options().preset == "slow" != default
    write(Path("concert.fancam/config.toml"), '[crop-people]\npreset = "fast"\n')
    assert crop_options().preset == "fast"
    monkeypatch.setenv("FANCAM_CROP_PEOPLE_PRESET", "faster")
    assert crop_options().preset == "faster"
    assert crop_options("concert.fancam", "--preset", "medium").preset == "medium"


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        ("only-present = true", "only_present", True),
        ("only-present = false", "only_present", False),
        ('person = ["Anna", "Ben"]', "person", ["Anna", "Ben"]),
        ("threads = 3", "threads", 3),
        ("", "threads", 0),
    ],
    ids=["flag", "flag off", "list", "number", "empty section"],
)
def test_kinds_of_options(home: Path, text: str, option: str, value: object) -> None:
    write(home / "config.toml", f"[crop-people]\n{text}\n")
    assert getattr(crop_options(), option) == value


def test_sections_of_other_commands_do_not_count(home: Path) -> None:
    write(home / "config.toml", '[smile-gifs]\nstyle = "bursts"\n[fancam-status]\njson = true\n')
    assert crop_options().preset == crop_cli.make_parser().get_default("preset")
    assert fancam.cli.make_subparser("status").parse_args(["concert.fancam"]).json is True


def test_a_footage_names_its_project(home: Path) -> None:
    from clustering.cli import make_parser

    assert not home.exists()
    write(Path("concert.fancam/config.toml"), "[cluster-faces]\nevery = 0.5\n")
    for words in (["concert.mp4"], ["--project", "concert.fancam"], ["--project=concert.fancam"]):
        assert make_parser().parse_args(words).every == 0.5
    assert make_parser().parse_args(["other.mp4"]).every is None


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[crop-people]\nfoo = 1", "config.toml: crop-people has no option foo"),
        (
            "[crop-people]\nthreads = 'x'",
            "config.toml: crop-people --threads x: give a whole number",
        ),
        (
            "[crop-people]\npreset = 'y'",
            "config.toml: crop-people --preset y: choose from ultrafast",
        ),
        ("[crop-people", "config.toml: not valid TOML"),
        (
            "threads = 1",
            r"the option threads is in no section; write it below one, such as \[crop-people\]",
        ),
        ("[crop-people]\nonly-present = 7", "only-present"),
    ],
    ids=["unknown", "value", "choice", "not TOML", "no section", "flag"],
)
def test_errors_name_the_file(home: Path, text: str, message: str) -> None:
    write(home / "config.toml", text)
    with pytest.raises(InputError, match=message):
        crop_options()


@pytest.mark.usefixtures("home")
def test_errors_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANCAM_CROP_PEOPLE_THREADS", "many")
    with pytest.raises(
        InputError,
        match="FANCAM_CROP_PEOPLE_THREADS: crop-people --threads many: give a whole number",
    ):
        crop_options()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("serve-people", 'host = "0.0.0.0"'),
        ("crop-people", 'ray = "10.0.0.1:6379"'),
        ("fancam-forget", "yes = true"),
        ("fancam", 'models = "models"'),
    ],
)
def test_a_project_does_not_decide_for_the_user(command: str, text: str) -> None:
    write(Path("concert.fancam/config.toml"), f"[{command}]\n{text}\n")
    parser = {section_of(name): parser for name, parser in parsers().items()}[command]
    words = ["concert.mp4"] if command == "fancam" else ["concert.fancam"]
    with pytest.raises(InputError, match="not read from a project's file"):
        parser.parse_args([*words, *(["Anna"] if command == "fancam-forget" else [])])


@pytest.mark.parametrize("file", ["home/fancam/config.toml", "concert.fancam/config.toml"])
def test_no_file_makes_every_run_a_dry_run(
    home: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write(home.parents[1] / file, "[crop-people]\ndry-run = true\n")
    reason = "the option dry-run is not read from a file; give --dry-run on the command line"
    with pytest.raises(InputError, match=f"{place.name}: {reason}$"):
        crop_options()
    assert fancam.cli.main(["config", "concert.fancam"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"crop-people --dry-run true  from {file}  (not allowed in a config file)"


def test_options_of_a_project_are_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(home / "config.toml", "[crop-people]\nthreads = 2\n")
    crop_cli.main(["concert.fancam"])
    assert "sets" not in capsys.readouterr().err
    write(Path("concert.fancam/config.toml"), '[crop-people]\npreset = "fast"\n')
    crop_cli.main(["concert.fancam"])
    expected = "crop-people: concert.fancam/config.toml sets --preset fast\n"
    assert capsys.readouterr().err.startswith(expected)


# --- every option from one definition ---------------------------------------------------------


def test_commands_are_those_of_the_package() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert set(parsers()) == {*scripts, *(f"fancam {name}" for name in fancam.cli.COMMANDS)}
    assert set(parsers()) >= STAGES


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", parsers())
def test_every_option_is_in_help_template_and_environment(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parser = parsers()[command]
    section = re.split(r"^\[(.+)\]$", template(), flags=re.MULTILINE)
    lines = dict(zip(section[1::2], section[2::2], strict=True))[section_of(command)]
    help_text = parser.format_help()
    for option, action in options_of(parser):
        assert (f"\n# {option[2:]} = " in lines) is (option[2:] not in OF_ONE_RUN)
        assert option in help_text
        if action.nargs == 0:
            monkeypatch.setenv(variable_of(command, option), "true")
    required = [next(iter(a.choices)) if a.choices else "x" for a in positionals(parser)]
    parsed = parser.parse_args(required)
    flags = [action.dest for _, action in options_of(parser) if action.nargs == 0]
    assert all(getattr(parsed, flag) != parser.get_default(flag) for flag in flags)


def positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [a for a in parser._actions if not a.option_strings and a.nargs in (None, "+")]


def test_template_is_toml_when_its_comments_are_removed() -> None:
    text = re.sub(r"^# (?=[\w-]+ = )", "", template(), flags=re.MULTILINE)
    content = tomllib.loads(text)
    assert set(content) == {section_of(command) for command in parsers()}
    assert content["crop-people"]["threads"] == 0
    assert "also train on 12, 25 and 50% of the images" in text
    assert "%%" not in text


def test_fancam_config_lists_what_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home / "config.toml", '[crop-people]\npreset = "slow"\nfoo = 1\n')
    write(Path("concert.fancam/config.toml"), '[cluster-faces]\nevery = 0.5\nray = "auto"\n')
    project = Project(Path("concert.fancam"))
    project.remember("crop-people", {"zoom": "body"})
    monkeypatch.setenv("FANCAM_SERVE_PEOPLE_PORT", "9000")
    assert fancam.cli.main(["config", "concert.fancam"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("fancam/config.toml")
    assert lines[1] == "project  concert.fancam/config.toml"
    found = [" ".join(line.split()) for line in lines[2:]]
    user = "from home/fancam/config.toml"
    refused = "(not allowed in a project's config file)"
    assert found == [
        f'crop-people --preset "slow" {user}',
        f"crop-people --foo 1 {user} (there is no such option)",
        'crop-people --zoom "body" from options saved in earlier runs',
        "cluster-faces --every 0.5 from concert.fancam/config.toml",
        f'cluster-faces --ray "auto" from concert.fancam/config.toml {refused}',
        'serve-people --port "9000" from FANCAM_SERVE_PEOPLE_PORT',
    ]


@pytest.mark.usefixtures("home")
def test_fancam_config_without_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert fancam.cli.main(["config"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("(does not exist)")
    assert fancam.cli.main(["config", "--template"]) == 0
    assert "[crop-people]" in capsys.readouterr().out


# --- completion -------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_has_every_command(shell: str) -> None:
    script = completion(shell)  # type: ignore[arg-type]
    for command in parsers():
        assert command.split()[-1] in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fancam st", "status"),
        ("fancam status --j", "--json"),
        ("crop-people --pres", "--preset"),
        ("cluster-faces --detector ce", "centerface"),
    ],
)
def test_completion_in_bash(words: str, expected: str, tmp_path: Path) -> None:
    write(tmp_path / "completion.bash", completion("bash"))
    command = words.split()[0]
    function = r"s/.*-F \([^ ]*\).*/\1/"
    line = f"""
source completion.bash
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE="{words}"; COMP_POINT=${{#COMP_LINE}}
$(complete -p {command} | sed '{function}') {command} "${{COMP_WORDS[COMP_CWORD]}}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert expected in done.stdout.split(), done.stderr

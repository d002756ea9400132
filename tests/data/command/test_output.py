from __future__ import annotations

import argparse
import sys

import pytest

import fancam.cli
from data.command.command import EXIT_PARTLY, run, with_projects
from data.core.progress import progress_form


def printing(*options: str) -> int:
    """Run a command that prints, with these options."""
    values = {name.lstrip("-"): True for name in options}
    parsed = argparse.Namespace(progress="json", **values)

    def work(_: argparse.Namespace) -> int:
        print("done in 5 s")
        print("warning: film.mp4: cut off")
        print("people  ", progress_form(), end="\n", flush=True)
        return 0

    return run("crop-people", lambda: with_projects("crop-people", parsed, work))


def test_everything_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert printing() == 0
    assert capsys.readouterr() == ("done in 5 s\nwarning: film.mp4: cut off\npeople   json\n", "")
    assert progress_form() == "none"


def test_a_quiet_command_prints_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert printing("--quiet") == 0
    assert capsys.readouterr() == ("", "warning: film.mp4: cut off\n")


def test_a_quiet_command_still_asks(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = argparse.Namespace(quiet=True)

    def work(_: argparse.Namespace) -> int:
        sys.stdout.write("Remove them? [y/N] ")
        sys.stdout.flush()
        return 0

    assert with_projects("fancam", parsed, work) == 0
    assert capsys.readouterr() == ("", "Remove them? [y/N] ")


@pytest.mark.parametrize("verbose", [True, False])
def test_a_verbose_command_prints_tracebacks(
    verbose: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    parsed = argparse.Namespace(verbose=verbose)

    def work(_: argparse.Namespace) -> int:
        raise ValueError("of fancam")

    assert run("fancam", lambda: with_projects("fancam", parsed, work)) == EXIT_PARTLY
    assert ("Traceback" in capsys.readouterr().err) == verbose


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["status", "--version"]):
        with pytest.raises(SystemExit, match="0"):
            fancam.cli.main(words)
        assert capsys.readouterr().out.startswith("fancam 0.")

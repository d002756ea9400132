"""Commands and options on the pages match the parsers, and every option is documented."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from cropping.expression_cli import SMILE_LABELS
from data.command.parser import Parser
from data.core.errors import InputError
from fancam.commands import parsers
from tests import ROOT
from tests.docs.commands import all_parsers, command_of, options_of
from tests.docs.pages import PAGES, code_lines, code_spans, name_of, section, table_rows

OPTIONS = ROOT / "docs" / "options.md"
EVERY = "every command"
TOGETHER = "train-smiles and train-expressions"
OTHER_TOOLS = {"python", "pip", "git", "apt-get", "make", ".ci/run"}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_command_lines_parse(page: Path) -> None:
    for line in code_lines(page):
        words = _words(line)
        found = command_of(words)
        if found is None:
            listing = any(mark in words[0] for mark in "./,|▸│▼") or words[0] == "->"
            assert words[0] in OTHER_TOOLS or listing, line
        else:
            _require_understood(all_parsers()[found[0]], found[1], line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in (*code_lines(page), *code_spans(page)):
        words = _words(line)
        if words[0] == "make":
            assert words[1] in targets, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_in_the_text_exist(page: Path) -> None:
    known = {option for parser in all_parsers().values() for option in options_of(parser)}
    for span in code_spans(page):
        words = _words(span)
        found = command_of(words)
        allowed = set(options_of(all_parsers()[found[0]])) if found else known
        if words[0] not in OTHER_TOOLS:
            options = {re.split(r"[= ]", word)[0] for word in words if word.startswith("--")}
            assert options <= allowed | {"--help"}, span


@pytest.mark.parametrize("command", [*parsers(), "python -m tracking.evaluation"])
def test_every_option_is_documented_with_its_default(command: str) -> None:
    actions = options_of(all_parsers()[command])
    rows = _documented(command)
    if command in parsers():
        rows |= _documented(EVERY)
    assert list(rows) == [option for option in rows if option in actions]
    assert set(rows) == set(actions)
    for option, default in rows.items():
        _require_default(actions[option], default)


def test_every_section_is_a_command() -> None:
    headings = re.findall(r"^## (.+)$", OPTIONS.read_text("utf-8"), re.MULTILINE)
    commands = {*parsers(), "python -m tracking.evaluation", EVERY}
    assert {name for heading in headings for name in heading.split(" and ")} == commands


def test_labels_of_a_smile_are_listed() -> None:
    assert _documented("train-smiles")["--smile"] == ", ".join(SMILE_LABELS)


def _words(line: str) -> list[str]:
    """Return the words of a command line, without a comment or explanation after several spaces."""
    command = re.split(r"\s{3,}", line)[0]
    try:
        return shlex.split(command, comments=True) or [command]
    except ValueError:  # an apostrophe
        return command.split()


def _require_understood(parser: argparse.ArgumentParser, words: list[str], line: str) -> None:
    required = [action for action in parser._actions if not action.option_strings]
    bare = not words and all(action.nargs in (None, "+") for action in required)
    if bare or any(word.isupper() for word in words):  # the name alone, or with placeholders
        return
    try:
        parser.parse_args(words)
    except (InputError, SystemExit) as error:
        raise AssertionError(f"{line}: {error}") from error


def _documented(command: str) -> dict[str, str]:
    """Return the documented default of each option."""
    names = TOGETHER if command in TOGETHER.split(" and ") else command
    rows = {}
    for option, does, default in table_rows(section(OPTIONS, names)):
        only = re.match(r"only `([\w-]+)`", does)
        if only is None or only[1] == command:
            rows[option.strip("`").split()[0]] = default
    return rows


def _require_default(action: argparse.Action, shown: str) -> None:
    helped = re.search(r"default: ([^)]*)", action.help or "")
    default = " ".join(helped[1].split()) if helped else ""
    value = action.default
    if value == 0 and not isinstance(value, bool) and default == "all":
        assert shown == "all", action.dest
    elif value is not None and value is not False and value != []:
        text = f"{value:g}" if isinstance(value, float) else str(value)
        assert text in re.split(r"[`,\s]+", shown), (action.dest, text, shown)
    if value is None or value is False or value == []:
        assert set(NUMBER.findall(shown)) == set(NUMBER.findall(default)), (
            action.dest,
            shown,
            default,
        )
        assert bool(shown) or not default, (action.dest, default)


def test_parsers_refuse_as_one_line() -> None:
    assert all(isinstance(parser, Parser) for parser in parsers().values())

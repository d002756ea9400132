"""Parsers of all commands, captured from the commands themselves."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final
from unittest.mock import patch

from fancam.commands import parsers
from tests import ROOT

MODULES: Final = (
    "tracking.evaluation",
    "tests.quality",
    "tests.quality.tracking",
    "tests.quality.cropping",
    "tests.quality.smiles",
    "tests.benchmarks",
    "tests.benchmarks.whole",
    "tests.benchmarks.serving",
    "tests.benchmarks.scale",
    "tests.docs.api_page",
    "tests.docs.preview",
    "tests.footage_kinds.fuzz",
    "tests.fingerprints",
)
"""Modules that the pages run as `python -m MODULE`."""

Parsers = dict[str, argparse.ArgumentParser]


class _CapturedError(BaseException):
    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


@cache
def all_parsers() -> Parsers:
    """Return the parsers of the users' commands and of `MODULES`."""
    modules = {f"python -m {name}": captured(_main_of(name)) for name in MODULES}
    return {**parsers(), **modules}


def command_of(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the command at the start of ``words``, and its arguments."""
    for length in (3, 2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in all_parsers():
            return name, list(words[length:])
    return None


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return a parser's options by their long name, without --help."""
    actions = parser._option_string_actions
    return {name: action for name, action in actions.items() if name not in ("-h", "--help")}


def captured(call: Callable[[], object]) -> argparse.ArgumentParser:
    """Run a command until it parses its arguments, and return the parser."""

    def stop(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise _CapturedError(parser)

    with patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            call()
        except _CapturedError as found:
            return found.parser
    raise ValueError("the command must parse its arguments")


def _main_of(module: str) -> Callable[[], object]:
    package = importlib.util.find_spec(f"{module}.__main__") if _is_package(module) else None
    main: Callable[[], object] = importlib.import_module(
        f"{module}.__main__" if package else module
    ).main
    return main


def _is_package(module: str) -> bool:
    return (ROOT / module.replace(".", "/")).is_dir()

"""Argument parser of every command, and the options that several commands share."""

from __future__ import annotations

import argparse
import glob
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, NoReturn

import configargparse

from data.command.config import STAGES, SectionParser, config_files, user_file, variable_prefix
from data.core.errors import InputError
from data.core.progress import PROGRESS_FORMS
from data.core.streams import StreamChoice
from data.storage.addresses import legible, project_path
from data.storage.shown import command_line, shown

_MISSING = re.compile(r"the following arguments are required: (.*)")
_UNRECOGNIZED = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
_NO_CHOICE = re.compile(r"argument ([^:]*): invalid choice: '(.*)' \(choose from (.*)\)")
_NO_NUMBER = re.compile(r"argument ([^:]*): invalid (int|float) value: '(.*)'", re.DOTALL)
_EXCLUDES = re.compile(r"argument ([^:]*): not allowed with argument (.*)")
_NO_VALUE = re.compile(r"argument ([^:]*): expected (one|\d+) arguments?")
_SURPLUS = re.compile(r"argument ([^:]*): ignored explicit argument '(.*)'", re.DOTALL)
_NUMBER = re.compile(r"-\.?\d[\d.eE+-]*")
_NOT_REMEMBERED: Final = frozenset(
    {
        *("version", "quiet", "verbose", "progress", "help", "defaults"),
        *("project", "force", "resume", "threads", "ray", "device", "runtime", "models", "offline"),
        *("known", "person", "pair", "starts", "offset", "video-stream", "audio-stream"),
        *("training", "learning-curve", "dry-run"),
    }
)
"""Options of stages about one run, or about named footage, which projects do not remember."""
_UNSET: Final = object()


class _Version(argparse.Action):
    """Print the installed version of fancam and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"fancam {version('fancam')}")  # noqa: T201
        parser.exit()


class HelpFormatter(argparse.HelpFormatter):
    """Does not break the names of options and commands at their hyphens."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = self._split_lines(text, width - len(indent))
        return "\n".join(f"{indent}{line}" for line in lines)


class RawHelpFormatter(argparse.RawDescriptionHelpFormatter, HelpFormatter):
    """Also keeps the lines of the description and the epilog."""


class Parser(configargparse.ArgumentParser):  # type: ignore[misc]
    """Argument parser of a command, which also reads config files and environment variables.

    It raises an InputError instead of printing the usage and exiting. See `data.command.config`.
    """

    def __init__(self, *, prog: str, **settings: Any) -> None:
        super().__init__(
            prog=prog,
            auto_env_var_prefix=variable_prefix(prog),
            config_file_parser_class=SectionParser(prog),
            add_config_file_help=False,
            add_env_var_help=False,
            **{"formatter_class": HelpFormatter, **settings},
        )
        self._alternatives: list[tuple[frozenset[str], frozenset[str]]] = []
        self._add_output_options()
        if prog in STAGES:
            self.add_argument(
                "--dry-run",
                action="store_true",
                help="print what would run and why, how long it would take and how much space it "
                "needs",
            )
        if prog in STAGES - {"fancam"}:
            self.add_argument(
                "--defaults",
                action="store_true",
                help="ignore the options that the project saved in earlier runs",
            )

    def add_alternatives(self, one: str, *others: str) -> None:
        """Declare that an option excludes others, named without dashes."""
        self._alternatives.append((frozenset([one]), frozenset(others)))

    def excluded_by(self, given: Iterable[str]) -> frozenset[str]:
        """Return the options that options exclude; all are named without dashes."""
        pairs = list(self._alternatives)
        for group in self._mutually_exclusive_groups:
            names = {_name(action) for action in group._group_actions}
            pairs += [(frozenset([name]), frozenset(names - {name})) for name in names]
        pairs += [(others, ones) for ones, others in pairs]
        chosen = set(given)
        return frozenset().union(*(others for ones, others in pairs if ones & chosen))

    def remembered(self) -> dict[str, argparse.Action]:
        """Return the options that a project remembers, by their name without dashes."""
        if self.prog not in STAGES - {"fancam"}:
            return {}
        named = {_name(action): action for action in self._actions if action.option_strings}
        return {name: action for name, action in named.items() if name not in _NOT_REMEMBERED}

    def _add_output_options(self) -> None:
        """Add the options that all commands have."""
        add = self.add_argument_group("messages").add_argument
        add("--version", action=_Version, nargs=0, help="print the version and exit")
        add("--quiet", action="store_true", help="print warnings and errors only")
        add("--verbose", action="store_true", help="print the traceback of an unexpected error")
        add(
            "--progress",
            choices=PROGRESS_FORMS,
            default="auto",
            help="bar, json (for programs: one object per line) or none (default: auto, a bar on "
            "a terminal)",
        )

    def parse_known_args(
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
        **settings: Any,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments, after a check for names that look like options.

        Raises:
            InputError: the arguments, a config file or a variable are invalid.
        """
        words = list(sys.argv[1:] if args is None else args)
        for word in takewhile(lambda word: word != "--", words):
            if self._is_name(word):
                advice = f"for a file of this name, give {command_line(Path(word))}"
                raise InputError(f"{word}: no such option; {advice}")
        self._default_config_files = [glob.escape(str(file)) for file in config_files(words)]
        remembered = self.remembered()
        namespace = namespace or argparse.Namespace()
        for action in remembered.values():
            setattr(namespace, action.dest, _UNSET)
        parsed, unknown = super().parse_known_args(words, namespace, **settings)
        parsed.words = words
        from_files = self._options_of_files()
        of_user = from_files.pop(user_file(), {})
        given = set()
        for name, action in remembered.items():
            if getattr(parsed, action.dest) is _UNSET:
                setattr(parsed, action.dest, action.default)
            elif name not in of_user:
                given.add(name)
        parsed.given = frozenset(given)
        # A project's file is named: it may come from somebody else.
        parsed.notes = [
            f"{shown(file)} sets {options_shown(options)}"
            for file, options in from_files.items()
            if file is not None
        ]
        return parsed, unknown

    def _options_of_files(self) -> dict[Path | None, dict[str, Any]]:
        """Return the values that config files set, by option without dashes."""
        return {
            Path(source.partition("|")[2]): {key: value for key, (_, value) in settings.items()}
            for source, settings in self._source_to_settings.items()
            if source.startswith("config_file|")
        }

    def _is_name(self, word: str) -> bool:
        """Whether a word begins with a dash and is a file, or no option at all."""
        option = word.partition("=")[0]
        if not word.startswith("-") or word == "-" or option in self._option_string_actions:
            return False
        if _NUMBER.fullmatch(word):
            return False
        return not word.startswith("--") or Path(word).exists()

    def error(self, message: str) -> NoReturn:
        """Raise the InputError of invalid arguments, which names a file or variable at fault."""
        sources: dict[str, Any] = getattr(self, "_source_to_settings", {})
        for source, settings in sources.items():
            for key, (action, _) in settings.items():
                if key and _concerns(message, key, action):
                    place = source.partition("|")[2] or key
                    raise InputError(f"{place}: {_of_setting(message, key, self.prog)}")
        if found := _MISSING.match(message):
            raise InputError(self._missing(found[1].split(", ")))
        if found := _UNRECOGNIZED.match(message):
            raise InputError(self._unrecognized(found[1]))
        raise InputError(_of_option(message) or f"{message}; see --help")

    def _missing(self, names: Sequence[str]) -> str:
        """Say what to give in place of the missing arguments."""
        needed = [
            action.help
            for action in self._actions
            if not action.option_strings and action.nargs != "*" and action.dest in names
        ]
        given = [text.removeprefix("the ") for text in needed if text]
        return f"give the {', and the '.join(given)}; see --help"

    def _unrecognized(self, words: str) -> str:
        option = words.split()[0].partition("=")[0]
        if not option.startswith("--"):
            return f"{words}: too many arguments; see --help"
        similar = did_you_mean(option, self._option_string_actions)
        return f"{option}: no such option{similar or '; see --help'}"


def options_shown(options: Mapping[str, Any]) -> str:
    """Format options and their values as on a command line."""
    return " ".join(f"--{name} {legible(str(value))}" for name, value in options.items())


def _name(action: argparse.Action) -> str:
    """Return the long name of an option, without dashes."""
    return next(o for o in action.option_strings if o.startswith("--")).removeprefix("--")


def _concerns(message: str, key: str, action: argparse.Action | None) -> bool:
    """Whether an error of argparse is about a setting of a file or variable; None: unknown key."""
    if action is None:
        return message.startswith("unrecognized arguments") and f"--{key}" in message
    return message.startswith(f"argument {'/'.join(action.option_strings)}:")


def _of_setting(message: str, key: str, command: str) -> str:
    if message.startswith("unrecognized arguments"):
        return f"{command} has no option {key}; see {command} --help"
    if about_option := _of_option(message):
        return f"{command} {about_option}"
    return f"{message.partition(': ')[2]}; see {command} --help"


def _of_option(message: str) -> str:
    """Say in plain words what is wrong with an option, and what to give; empty for other errors."""
    if found := _NO_CHOICE.fullmatch(message):
        known = found[3].replace("'", "")
        return f"{found[1]} {found[2]}: choose from {known}"
    if found := _NO_NUMBER.fullmatch(message):
        kind = "whole number" if found[2] == "int" else "number"
        return f"{found[1]} {found[3]}: give a {kind}"
    if found := _EXCLUDES.fullmatch(message):
        return f"{found[1]} and {found[2]} cannot be combined; leave one of them out"
    if found := _NO_VALUE.fullmatch(message):
        values = "a value" if found[2] == "one" else f"{found[2]} values"
        return f"{found[1]}: give {values}; see --help"
    if found := _SURPLUS.fullmatch(message):
        return f"{found[1]} takes no value; leave out {found[2]}"
    return ""


def add_project_argument(parser: argparse.ArgumentParser) -> None:
    """Add the project folder as the first argument."""
    parser.add_argument("project", type=project_path, help="project folder, such as concert.fancam")


def add_device_option(parser: argparse._ActionsContainer) -> None:
    """Add ``--device``; see `require_device`."""
    parser.add_argument(
        "--device",
        default="auto",
        help="where to compute: auto, cpu, cuda, cuda:1 or mps (default: auto)",
    )


def require_device(device: str) -> None:
    """Check the form of a device.

    Raises:
        InputError: it is no device.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,2})?", device):
        raise InputError(f"--device {device}: give auto, cpu, cuda, cuda:1 or mps")


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return a suggestion of similar names to add to a message; empty if none is similar."""
    similar = get_close_matches(word.casefold(), list(names), n=1, cutoff=0.6)
    return f"; did you mean {similar[0]}?" if similar else ""


def add_ray_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--ray``; see `data.remote.runners.runner_at`."""
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster: HOST:PORT of its head node; auto: the cluster that this "
        "machine belongs to; local: start Ray on this machine",
    )


def add_stream_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--video-stream`` and ``--audio-stream``; see `stream_choice`."""
    for kind in ("video", "audio"):
        parser.add_argument(
            f"--{kind}-stream",
            type=int,
            metavar="N",
            help=f"read the Nth {kind} stream of the file, counting from 1 (default: the one "
            "flagged as default, else the first)",
        )


def stream_choice(parsed: argparse.Namespace) -> StreamChoice:
    """Return the streams of `add_stream_options`.

    Raises:
        InputError: a number is out of range.
    """
    for kind in ("video", "audio"):
        require_range(f"--{kind}-stream", getattr(parsed, f"{kind}_stream"), low=1, high=1000)
    return StreamChoice(parsed.video_stream, parsed.audio_stream)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--models`` and ``--offline``; see `data.inference.models.ensure.ensure_models`."""
    parser.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        help="folder to read face models from (default: fancam's cache)",
    )
    add_offline_option(parser)


def add_offline_option(parser: argparse._ActionsContainer) -> None:
    """Add ``--offline``."""
    parser.add_argument("--offline", action="store_true", help="do not download models or weights")


def require_range(
    option: str, value: float | None, *, low: float, high: float, unit: str = ""
) -> None:
    """Check that the value of an option is in its range; None means that it was not set.

    Raises:
        InputError: the value is out of range.
    """
    if value is not None and not low <= value <= high:
        shown = value if isinstance(value, int) else f"{value:g}"
        raise InputError(f"{option} {shown}: give a number from {low} to {high}{unit}")

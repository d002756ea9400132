"""The parsers of all commands, by the words that run them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from data.command.parser import Parser


def parsers() -> dict[str, Parser]:
    """Return the parser of every command and subcommand, such as ``fancam status``."""
    from clustering import cli as clustering
    from cropping import crop_cli, expression_cli
    from cropping.smiles import cli as smiles
    from fancam import cli
    from tracking import track_cli
    from tracking.training import cli as training
    from web import cli as web

    made = [
        cli.make_parser(),
        *(cli.make_subparser(name) for name in cli.COMMANDS),
        clustering.make_parser(),
        training.make_parser(),
        track_cli.make_parser(),
        crop_cli.make_parser(),
        smiles.make_parser(),
        web.make_parser(),
        expression_cli.make_smiles_parser(),
        expression_cli.make_expressions_parser(),
    ]
    return {parser.prog: parser for parser in made}


def options_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Yield the options of a command by their long name, without those that print and exit."""
    for action in parser._actions:
        name = next((text for text in action.option_strings if text.startswith("--")), None)
        if name is not None and name not in ("--help", "--version"):
            yield name, action

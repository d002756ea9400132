"""The catalogue of models: complete entries, and names as users type them."""

from __future__ import annotations

import re

import pytest

from data.core.disk_space import readable
from data.core.errors import InputError
from data.inference.models.catalogue import MODELS, NAMES, ModelName, models_named
from tests import ROOT
from tests.docs.pages import table_rows


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_complete(name: ModelName) -> None:
    model = MODELS[name]
    assert model.name == name
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.file_name.endswith(".onnx")
    assert model.size_bytes > 1_000_000
    assert all([model.package, model.version, model.licence, model.purpose, model.shortfall])


def test_files_have_names_of_their_own() -> None:
    assert len({model.file_name for model in MODELS.values()}) == len(MODELS) == len(NAMES)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([], ["centerface", "sface"], id="all"),
        pytest.param(["sface"], ["sface"], id="one"),
        pytest.param(["sface", "centerface", "sface"], ["centerface", "sface"], id="twice"),
    ],
)
def test_models_named(names: list[str], expected: list[str]) -> None:
    assert models_named(names) == expected


def test_unknown_model() -> None:
    with pytest.raises(InputError, match="yunet: no such model; choose from centerface, sface"):
        models_named(["sface", "yunet"])


def test_the_page_lists_them() -> None:
    rows = table_rows((ROOT / "docs" / "models.md").read_text("utf-8"))
    assert [[row[0], *row[2:]] for row in rows] == [
        [
            f"`{model.name}`",
            f"{model.package} {model.version}",
            f"`{model.file_name}`",
            readable(model.size_bytes),
            model.licence,
        ]
        for model in MODELS.values()
    ]

"""Generated requests to every API operation: none of them causes a server error."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, running
from web.next_command import MODULES

QUICK, LONG = 4, 30
"""Requests per operation."""
# Ids that exist, so that requests get past 404.
KNOWN = {"project_id": ["film"], "footage": [1], "person": [1, 2]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("interface") / "film.fancam"
    draw_crops(folder, Drawing(names=("Anna", "Ben"), seconds=0.4))
    with pytest.MonkeyPatch.context() as patch, running([folder]) as found:
        for command in MODULES:
            patch.setitem(MODULES, command, "this")  # prints a text
        yield found


def known_ids(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with its ids restricted to existing ones."""
    schema = copy.deepcopy(schema)
    for methods in schema["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in KNOWN and parameter["in"] == "path":
                    parameter["schema"] = {"enum": KNOWN[parameter["name"]]}
    return schema


# Any: schemathesis' types have unbound type variables.
def operations(schema: dict[str, Any]) -> list[Any]:
    loaded: Any = schemathesis.openapi.from_dict(schema)
    return [found.ok() for found in loaded.get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(
    ("ids", "examples"),
    [
        ("known", QUICK),
        pytest.param("known", LONG, marks=pytest.mark.slow),
        pytest.param("any", LONG, marks=pytest.mark.slow),
    ],
)
def test_no_server_error(served: Running, ids: str, examples: int, mode: GenerationMode) -> None:
    schema = served.app.openapi()
    found = operations(known_ids(schema) if ids == "known" else schema)
    assert len(found) > 5
    for operation in found:
        if mode is GenerationMode.NEGATIVE and not list(operation.iter_parameters()):
            continue  # no parameter that could be invalid
        send_requests(operation, served, mode, examples)


def send_requests(operation: Any, served: Running, mode: GenerationMode, examples: int) -> None:
    """Send one operation many valid or invalid requests."""
    headers = {"origin": served.address}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        answer = case.call(base_url=served.address, headers=headers)
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"
        assert b"Traceback" not in answer.content

    check()

"""Auto mode: the plan of people on stage over time, and the player that follows it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from web.core.static_files import static_url

pytestmark = pytest.mark.alone

if TYPE_CHECKING:
    from playwright.sync_api import Page


SCRIPT = static_url("watch/auto_stage.js")
PLAN = """async ([script, people, duration, mode]) => {
  const { planSwitches } = await import(script);
  return planSwitches(people, duration, mode);
}"""


def person(number: int, seen: list[list[float]], smiling: list[list[float]]) -> dict[str, object]:
    return {"id": number, "seen": seen, "body": [], "filled": [], "smiling": smiling}


@pytest.mark.parametrize(
    ("people", "mode", "expected"),
    [
        ([], "present", []),
        ([person(7, [], [])], "present", [(0, 7)]),
        (
            [person(1, [[0, 10]], []), person(2, [[10, 20]], [])],
            "present",
            [(0, 1), (10, 2)],
        ),
        (
            [person(1, [[0, 20]], []), person(2, [[0, 20]], [[8, 12]])],
            "smiling",
            [(0, 1), (7.0, 2), (13.0, 1)],
        ),
    ],
    ids=["no people", "never seen", "in turn", "a smile"],
)
def test_plan(
    watching: Page,
    people: list[dict[str, object]],
    mode: str,
    expected: list[tuple[float, int]],
) -> None:
    switches = watching.evaluate(PLAN, [SCRIPT, people, 20, mode])
    assert [switch["id"] for switch in switches][: len(expected)] == [
        person_id for _, person_id in expected
    ]
    for switch, (start, _) in zip(switches, expected, strict=False):
        assert switch["start"] == pytest.approx(start, abs=2.5)


def test_a_body_is_better_than_nobody_and_worse_than_a_face(watching: Page) -> None:
    """One person turns their back after ten seconds, when another one comes."""
    turned = person(1, [[0, 10]], []) | {"body": [[10, 20]]}
    for other, expected in ((person(2, [], []), [1]), (person(2, [[10, 20]], []), [1, 2])):
        switches = watching.evaluate(PLAN, [SCRIPT, [turned, other], 18, "present"])
        assert [switch["id"] for switch in switches][:2] == expected


def test_every_person_gets_on_stage(watching: Page) -> None:
    people = [person(number, [[0, 60]], []) for number in range(1, 5)]
    switches = watching.evaluate(PLAN, [SCRIPT, people, 60, "present"])
    assert {switch["id"] for switch in switches} == {1, 2, 3, 4}
    starts = [switch["start"] for switch in switches]
    assert min(b - a for a, b in pairwise(starts)) >= 2.5


def test_auto_mode_follows_the_plan(watching: Page) -> None:
    assert watching.evaluate("measuring.player.staged") == 2
    watching.keyboard.press("a")
    watching.evaluate("measuring.player.seek(3.4)")
    watching.keyboard.press(" ")
    # A person comes on stage as soon as their video is in sync.
    follows = watching.evaluate(
        """async (script) => {
          const { personAt, planSwitches } = await import(script);
          const data = JSON.parse(document.getElementById("page-data").textContent);
          const switches = planSwitches(data.people, data.duration_s, "present");
          const { player, until } = measuring;
          const isPlanned = () => personAt(switches, player.time) === player.staged;
          return [personAt(switches, 3.4), await until(isPlanned, 2000), player.plays];
        }""",
        SCRIPT,
    )
    assert follows == [1, True, True]

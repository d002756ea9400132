"""The pages stay responsive with 20 people and 20,000 faces. Measurements are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.crowded_project import crowd_project
from tests.web.serving import Running, open_client, own_origin, running

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
PEOPLE = "/api/projects/concert/people"
SCROLL = """
async () => {
  const grid = document.getElementById('grid');
  const gaps = [];
  let most = 0;
  let before = performance.now();
  for (let i = 0; i < 120; i++) {
    grid.scrollTop += 60;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    gaps.push(now - before);
    before = now;
    most = Math.max(most, grid.querySelectorAll('.face').length);
  }
  return { gaps, most, all: grid.querySelector('.face').ariaSetSize };
}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    project = crowd_project(tmp_path_factory.mktemp("crowd") / "concert.fancam")
    with running([project.folder]) as one:
        yield one


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def test_response_times(served: Running) -> None:
    with open_client(served) as client:
        client.get(PEOPLE).raise_for_status()  # reads the tables
        took: dict[str, list[float]] = {"all people": [], "one person": [], "decisions": []}
        revision = client.get(PEOPLE).json()["revision"]
        for turn in range(10):
            _time(took["one person"], lambda: client.get(PEOPLE + "/1/faces"))
            name = {"seen": revision, "kind": "rename", "person": 1, "name": f"Anna {turn}"}
            answer = _time(
                took["decisions"],
                lambda body=name: client.post(
                    PEOPLE + "/decisions", json=body, headers=own_origin(client)
                ),
            )
            revision = answer.json()["revision"]
            _time(took["all people"], lambda: client.get(PEOPLE))
    for what, times in took.items():
        print(f"{what}: median {statistics.median(times):.0f} ms, p95 {p95(times):.0f} ms")
    assert statistics.median(took["decisions"]) < 1000


def _time(into: list[float], ask: Any) -> Any:
    start = time.perf_counter()
    answer = ask()
    into.append(1000 * (time.perf_counter() - start))
    answer.raise_for_status()
    return answer


@pytest.mark.parametrize("place", ["1", "unknown"])
def test_scrolling(served: Running, page: Page, place: str) -> None:
    start = time.perf_counter()
    page.goto(f"{served.address}/people/concert/{place}")
    page.locator(".face").first.wait_for()
    shown = 1000 * (time.perf_counter() - start)
    measured = page.evaluate(SCROLL)
    gaps = measured["gaps"][5:]
    print(
        f"{place}: {measured['all']} faces shown in {shown:.0f} ms, one frame per "
        f"{statistics.median(gaps):.0f} ms while scrolling, p95 {p95(gaps):.0f} ms, "
        f"{measured['most']} in the page at most"
    )
    assert measured["most"] < 400
    assert statistics.median(gaps) < 50
    page.goto("about:blank")


def test_cards_of_all_people(served: Running, page: Page) -> None:
    start = time.perf_counter()
    page.goto(f"{served.address}/people/concert")
    page.locator("[data-person]").first.wait_for()
    print(f"20 cards in {1000 * (time.perf_counter() - start):.0f} ms")
    assert page.locator("[data-person]").count() == 20
    page.goto("about:blank")

"""Pages about when people are in view, their videos, and their cover pictures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from data.project.project import Project
from data.project.stages import TRACKS
from data.tables.decision_log import DecisionLog
from data.tables.decisions import Decision, DecisionKind
from data.tables.people import open_people
from data.tables.tracks import FACE, Tracks, write_csv
from tests.records import tracks_record
from tests.web.people.pages import card, choose_faces, go, wait_for_toast
from tests.web.serving import Running, open_client
from tests.web.sorted_project import cluster_again
from web.people.moments import presence

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The server starts before the page and stops after it.
pytestmark = pytest.mark.usefixtures("review")
PEOPLE = "/people/film"


@pytest.fixture
def client(review: Running) -> Iterator[httpx.Client]:
    with open_client(review) as opened:
        yield opened


@pytest.fixture
def with_videos(sorted_project: Project, crops_project: Path) -> Project:
    """Return the project with videos of its first four people."""
    shutil.copytree(crops_project / "crops" / "film", sorted_project.crops_folder("film"))
    return sorted_project


def track(project: Project, seen: dict[int, list[tuple[float, float]]]) -> None:
    """Write tracks in which people are seen at these intervals, at 10 frames per second."""
    rows = [
        (round(10 * time_s), time_s, person)
        for person, spans in seen.items()
        for start, end in spans
        for time_s in np.arange(start, end, 0.1).round(3).tolist()
    ]
    frame, time_s, person = map(np.array, zip(*rows, strict=True))
    count = len(rows)
    tracks = Tracks.ordered(
        frame_index=frame.astype(np.int64),
        time_s=time_s.astype(np.float64),
        person_id=person.astype(np.int64),
        xyxy=np.tile(np.array([0, 0, 9, 9], np.float32), (count, 1)),
        confidence=np.ones(count, np.float32),
        source=np.full(count, FACE, np.int8),
    )
    names = {person: f"Person {person}" for person in seen}
    write_csv(project.tracks_file("film"), tracks, names)
    project.finish(TRACKS, tracks_record(names), "film")


def times(html: str) -> list[str]:
    """Return the intervals that a page lists."""
    return re.findall(r"\d+:\d\d – \d+:\d\d", html)


def words(html: str) -> str:
    """Return the text of a page in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_long_list_is_folded(client: httpx.Client, sorted_project: Project) -> None:
    spans = [(10.0 * number, 10.0 * number + 1) for number in range(61)]
    track(sorted_project, {1: spans, 2: spans[:60]})
    html = client.get(f"{PEOPLE}/1/moments").text
    shown, folded = html.split('<details class="more-moments">')
    assert "1 more moment " in words(folded)
    assert [len(times(part)) for part in (shown, folded)] == [60, 1]
    assert [time.split()[0] for time in times(html)[-2:]] == ["9:50", "10:00"]
    assert '<ol class="moments" start="61">' in folded
    assert "more-moments" not in client.get(f"{PEOPLE}/2/moments").text


def test_presence() -> None:
    """Short absences are no break, and every time stands for one frame."""
    times_s = np.array([5.0, 0.0, 0.5, 1.0, 2.5, 5.5])
    assert presence(times_s, 0.5).tolist() == [[0, 3], [5, 6]]
    assert presence(np.zeros(0), 0.5).tolist() == []


def test_moments_are_of_the_faces_or_of_the_tracks(
    client: httpx.Client, sorted_project: Project
) -> None:
    page = client.get(f"{PEOPLE}/2/moments")
    assert (page.status_code, times(page.text)) == (200, ["0:00 – 0:03"])
    assert "1 moment, 0:02 in all (from detected faces)" in words(page.text)
    assert "No video of Person 2" in page.text
    track(sorted_project, {2: [(0, 0.5), (1.8, 2.9)], 3: [(0, 3)]})
    page = client.get(f"{PEOPLE}/2/moments")
    assert times(page.text) == ["0:00 – 0:01", "0:01 – 0:03"]
    assert "2 moments, 0:02 in all (from tracking)" in words(page.text)
    # A person whom the tracker did not know is still found by their faces.
    assert "from detected faces" in client.get(f"{PEOPLE}/4/moments").text
    with open_people(sorted_project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 3, 2))
    assert times(client.get(f"{PEOPLE}/2/moments").text) == ["0:00 – 0:03"]
    assert client.get(f"{PEOPLE}/3/moments").status_code == 404


def test_together(client: httpx.Client, with_videos: Project) -> None:
    track(with_videos, {1: [(0, 3)], 2: [(0.5, 1.5)], 3: [(2.7, 3)]})
    place = f"{PEOPLE}/together"
    assert times(client.get(place).text) == []
    assert times(client.get(place, params={"person": [1]}).text) == []
    page = client.get(place, params={"person": [2, 1]}).text
    assert times(page) == ["0:00 – 0:02"]
    assert 'href="/watch/film/1#t=0.5&amp;person=2"' in page
    assert "from tracking" in page
    assert page.count("checked") == 2
    page = client.get(place, params={"person": [1, 2, 3]}).text
    assert times(page) == []
    assert "Person 1, Person 2 and Person 3 are not seen at the same time" in page
    # Person 4 is known by faces alone, and somebody who is gone is left out.
    page = client.get(place, params={"person": [2, 4, 77]}).text
    assert times(page) == ["0:00 – 0:02"]
    assert "from tracking and detected faces" in page
    assert client.get(place, params={"person": ["x"]}).status_code == 422


def test_damaged_tracks_and_videos_leave_the_faces(
    client: httpx.Client, with_videos: Project
) -> None:
    track(with_videos, {1: [(0, 3)]})
    with_videos.tracks_file("film").write_text("damaged")
    (with_videos.crops_folder("film") / "timeline.json").write_text("damaged")
    page = client.get(f"{PEOPLE}/1/moments")
    assert page.status_code == 200
    assert "from detected faces" in page.text
    assert "/watch/film/1#" not in page.text


def test_a_cover_picture_is_kept(review: Running, page: Page, sorted_project: Project) -> None:
    go(page, f"{review.address}{PEOPLE}/4")
    cover = page.locator("#cover")
    assert cover.is_disabled()
    choose_faces(page, 4, 4)
    face = page.locator(".face").nth(4).locator("img").get_attribute("src")
    page.keyboard.press("c")
    wait_for_toast(page, "Chose a cover picture for Person 4")
    assert page.locator("#picture").get_attribute("src") == face
    go(page, f"{review.address}{PEOPLE}")
    assert card(page, 4).locator(".with-cover img").first.get_attribute("src") == face
    cluster_again(sorted_project)
    go(page, f"{review.address}{PEOPLE}")
    assert card(page, 4).locator(".with-cover img").first.get_attribute("src") == face
    page.locator("#undo").click()
    wait_for_toast(page, "Undone: Chose a cover picture for Person 4")
    assert card(page, 4).locator(".with-cover").count() == 0


def test_a_cover_picture_from_the_enlarged_face(review: Running, page: Page) -> None:
    go(page, f"{review.address}{PEOPLE}/4")
    page.locator(".face").nth(2).dblclick()
    page.locator("#viewer-cover").click()
    wait_for_toast(page, "Chose a cover picture for Person 4")
    page.locator("#viewer-cover", has_text="Cover picture").wait_for()
    page.locator("#viewer-cover:disabled").wait_for()


@pytest.mark.usefixtures("with_videos")
def test_from_a_face_to_its_moment_and_back(review: Running, page: Page) -> None:
    address = f"{review.address}{PEOPLE}/4"
    go(page, address)
    page.locator(".face").nth(3).dblclick()
    large = page.locator("#face-viewer img").get_attribute("src")
    page.locator("#watch-moment").click()
    page.wait_for_url(re.compile(r"/watch/film/1#t=[\d.]+&person=4$"))
    page.locator(".tile.on-stage").wait_for()
    assert page.locator(".tile.on-stage").get_attribute("data-person") == "4"
    page.go_back()
    page.locator("#face-viewer[open]").wait_for()
    assert page.locator("#face-viewer img").get_attribute("src") == large
    page.get_by_role("button", name="Close").click()
    page.wait_for_url(address)
    page.get_by_role("link", name="Moments and videos").click()
    page.locator("a.moment").first.wait_for()
    page.get_by_role("link", name="Watch the video of Person 4 in film").click()
    page.locator(".tile.on-stage").wait_for()
    page.get_by_role("link", name="Person 4: faces and moments").click()
    page.wait_for_url(address)


def test_people_are_chosen_for_a_search(review: Running, page: Page) -> None:
    go(page, f"{review.address}{PEOPLE}")
    for person in (1, 3):
        card(page, person).get_by_role("checkbox").check()
    page.get_by_role("button", name="Seen together").click()
    page.locator(".moment").first.wait_for()
    assert page.locator(".person-chip :checked").count() == 2
    page.locator(".person-chip", has_text="Person 2").click()
    page.get_by_role("button", name="Find moments").click()
    page.wait_for_url("**/together?person=1&person=2&person=3")
    page.locator(".moment").first.wait_for()


def test_decisions_elsewhere_are_shown(
    page: Page, review: Running, sorted_project: Project
) -> None:
    """The page is loaded again, and left when its person is gone."""
    page.goto(f"{review.address}{PEOPLE}/4/moments")
    page.locator("#undo[title]").wait_for()
    with open_people(sorted_project.people_file) as people:
        DecisionLog(people).rename(4, "Anna")
    page.get_by_role("heading", name="Anna").wait_for()
    with open_people(sorted_project.people_file) as people:
        DecisionLog(people).decide(Decision(DecisionKind.MERGE, 4, 3))
    page.wait_for_url(f"{review.address}{PEOPLE}")

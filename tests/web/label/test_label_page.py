"""The Label page in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from data.project.project import Project
from data.tables.labels import LabelFolder
from tests.web.serving import Running, open_client, own_origin

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The server starts before the page and stops after it.
pytestmark = pytest.mark.usefixtures("review")
LABELS = "/api/projects/film/labels"


@pytest.fixture
def labelling(review: Running, page: Page) -> Page:
    """Return the Label page with one question of three answers."""
    with open_client(review) as client:
        question = {"name": "mood", "labels": ["calm", "glad", "sad"]}
        client.post(LABELS, json=question, headers=own_origin(client)).raise_for_status()
    page.goto(f"{review.address}/label/film")
    page.locator(".tile").first.wait_for()
    return page


def test_keys_after_a_list_label_faces(labelling: Page) -> None:
    which = labelling.get_by_label("Which faces")
    which.select_option("open")
    which.focus()
    labelling.keyboard.press("3")
    labelling.keyboard.press("q")
    assert labelling.locator(".tile .tag").all_inner_texts()[:2] == ["sad", "calm"]
    assert which.input_value() == "open"


def test_enter_after_a_click_saves(labelling: Page) -> None:
    faces = labelling.locator(".tile")
    total = faces.count()
    labelling.get_by_role("radio", name="3 sad").click()  # the answer that a click sets
    labelling.keyboard.press("Enter")
    labelling.get_by_text(f"{total} labelled").wait_for()


EXPRESSIONS = [f"answer {number}" for number in range(1, 18)]
# Whether all of an element is in the window and nothing covers its middle.
REACHABLE = """(one) => {
  const { left, top, right, bottom, width, height } = one.getBoundingClientRect();
  const inside = left >= 0 && top >= 0 && right <= innerWidth + 1 && bottom <= innerHeight + 1;
  const at = document.elementFromPoint(left + width / 2, top + height / 2);
  return inside && (one.contains(at) || one.parentElement.contains(at));
}"""


def answer(review: Running, by: str, labels: list[str], *, question: str = "mood") -> None:
    """Label the first faces in the name of somebody."""
    with open_client(review) as client:
        faces = client.get(f"{LABELS}/{question}/faces/1").json()["faces"]
        given = [{"face": face, "label": label} for face, label in zip(faces, labels, strict=False)]
        body = {"by": by, "labels": given}
        answered = client.post(f"{LABELS}/{question}/faces", json=body, headers=own_origin(client))
        answered.raise_for_status()


def scores(page: Page) -> list[int]:
    return [int(text.partition("%")[0]) for text in page.locator(".score").all_inner_texts()]


def test_surest_and_least_sure_first(review: Running, page: Page) -> None:
    """Ordered by the probability of the likeliest answer, whichever it is."""
    page.goto(f"{review.address}/label/film")
    page.locator(".preset", has_text="smile").first.click()
    page.locator("#set-add").click()
    page.locator('#order option[value="surest"]:not([disabled])').wait_for(state="attached")
    page.select_option("#order", "surest")
    surest = scores(page)
    assert surest == sorted(surest, reverse=True)
    page.select_option("#order", "unsure")
    unsure = scores(page)
    assert unsure == sorted(unsure)
    assert 50 <= unsure[0] < surest[0]
    assert page.locator("#sureness").is_hidden()


def test_faces_without_a_prediction_come_last(review: Running, page: Page) -> None:
    page.route(
        "**/labels/smile/faces/1",
        lambda route: route.fulfill(json=_without_predictions(route.fetch().json())),
    )
    page.goto(f"{review.address}/label/film")
    page.locator(".preset", has_text="smile").first.click()
    page.locator("#set-add").click()
    page.locator('#order option[value="surest"]:not([disabled])').wait_for(state="attached")
    for order in ("surest", "unsure"):
        page.select_option("#order", order)
        texts = page.locator(".score").all_inner_texts()
        assert texts[0] == {"surest": "90% no smile", "unsure": "60% smile"}[order]
        assert texts[2:] == ["?"] * (len(texts) - 2)
        text = page.locator("#sureness").inner_text()
        assert re.fullmatch(r"The model has no prediction for \d+ faces; they come last\.", text)


def _without_predictions(content: dict[str, Any]) -> dict[str, Any]:
    """Return the faces with predictions of the second and the fifth alone."""
    rows: list[list[float] | None] = [None] * len(content["faces"])
    rows[1], rows[4] = [0.4, 0.6], [0.9, 0.1]
    return {**content, "model": rows, "pending": False}


def test_without_a_model_nothing_is_known(labelling: Page) -> None:
    assert "no model for this question" in labelling.locator("#sureness").inner_text()
    enabled = labelling.locator("#order option:not([disabled])")
    assert enabled.all_inner_texts() == ["By time"]


def test_a_second_labeller_does_not_see_the_first(labelling: Page, review: Running) -> None:
    answer(review, "Anna", ["sad", "sad", "glad"])
    labelling.reload()
    labelling.locator(".tile").first.wait_for()
    total = labelling.evaluate("document.getElementById('range-text').textContent")
    labelling.get_by_label("Labelled by").fill("Ben")
    labelling.get_by_label("Labelled by").press("Tab")
    labelling.select_option("#which", "mine")
    assert labelling.locator("#range-text").inner_text() != total
    assert labelling.locator(".tag").all_inner_texts()[:3] == ["calm", "calm", "calm"]


def test_disagreements_are_decided(
    labelling: Page, review: Running, sorted_project: Project
) -> None:
    answer(review, "Anna", ["sad", "sad", "glad", "calm"])
    answer(review, "Ben", ["sad", "calm", "sad", "glad"])
    labelling.get_by_label("Labelled by").fill("Cleo")
    labelling.get_by_label("Labelled by").press("Tab")
    labelling.select_option("#which", "disagreements")
    faces = labelling.locator(".disagreement")
    faces.first.wait_for()
    assert faces.count() == 3
    assert faces.nth(0).get_by_role("button").all_inner_texts() == ["sad\nAnna", "calm\nBen"]
    faces.nth(0).get_by_role("button", name="sad Anna").click()
    labelling.keyboard.press("w")  # of the second face, the answer given first
    labelling.locator("#save").click()
    labelling.get_by_text("No disagreements in this range").wait_for()
    labelling.locator("#which option", has_text="disagree (1)").wait_for(state="attached")
    # Decided faces are labelled; the other one is still open.
    folder = LabelFolder(sorted_project.labels_folder)
    mood = folder.set("mood")
    assert mood is not None
    labels = [(face.by, face.label) for face in folder.labels(mood).values()]
    assert labels == [("Ben", "sad"), ("Ben", "glad"), ("Cleo", "sad"), ("Cleo", "glad")]
    labelling.select_option("#which", "open")
    labelling.select_option("#which", "disagreements")
    faces.first.wait_for()
    assert faces.count() == 1
    faces.get_by_label("Another answer").select_option("sad")
    labelling.keyboard.press("Enter")
    labelling.locator("#which option", has_text="disagree (0)").wait_for(state="attached")
    assert list(folder.labels(mood).values())[-1].label == "sad"


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (667, 375), (360, 640)])
def test_seventeen_answers_on_a_phone(review: Running, page: Page, size: tuple[int, int]) -> None:
    """Faces, the button and every answer, after a swipe in their strip, are under the thumb."""
    with open_client(review) as client:
        question = {"name": "expressions", "labels": EXPRESSIONS}
        client.post(LABELS, json=question, headers=own_origin(client)).raise_for_status()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{review.address}/label/film")
    page.locator(".tile").first.wait_for()
    assert page.evaluate("scrollY") == 0
    assert page.locator("#save").evaluate(REACHABLE)
    for tile in page.locator(".tile").all()[:4]:
        assert tile.evaluate(REACHABLE)
    for number, label in enumerate(EXPRESSIONS, start=1):
        text = f"{number} {label}" if number < 10 else label
        choice = page.locator("#click-label .chip-choice", has_text=text).last
        choice.locator("input").check()
        choice.evaluate("one => one.scrollIntoView({ block: 'nearest', inline: 'nearest' })")
        assert page.evaluate("scrollY") == 0
        assert choice.evaluate(REACHABLE)
        box = choice.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
    page.locator(".tile").first.click()
    assert page.locator(".tag").first.inner_text() == EXPRESSIONS[-1]
    page.locator("#save").click()
    page.locator("#train", has_text="27 labelled").wait_for(state="attached")
    assert page.locator(".tile").nth(5).evaluate(REACHABLE)

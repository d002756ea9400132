"""The Label page in a browser, and the CSV file that it writes."""

from __future__ import annotations

import csv
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from cropping.expression_cli import expressions_main
from data.project.project import Project
from data.tables.faces import Faces
from tests.web.serving import Running

if TYPE_CHECKING:
    from playwright.sync_api import Page

BATCH = 27


@pytest.fixture(autouse=True)
def _served_to_the_end(review: Running) -> None:
    """Start the server before the page and stop it after."""


@pytest.fixture
def label(review: Running, page: Page) -> Page:
    """Return the Label page with the label set for smiles."""
    page.goto(f"{review.address}/label/film")
    page.locator(".preset", has_text="smile").first.click()
    page.locator("#set-add").click()
    page.locator(".tile").first.wait_for()
    return page


def lines(project: Project, set_id: str = "smile") -> list[dict[str, str]]:
    with (project.labels_folder / set_id / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tags(page: Page) -> list[str]:
    return page.locator(".tile .tag").all_inner_texts()


def saved(page: Page, faces: int) -> None:
    """Wait until the server has saved this many labels."""
    page.locator("#train", has_text=f"{faces} labelled").wait_for()


def test_a_key_toggles_one_face(label: Page, sorted_project: Project) -> None:
    assert tags(label) == ["no smile"] * BATCH
    for key in ("w", ".", "a", "a"):
        label.keyboard.press(key)
    expected = ["no_smile", "smile", *["no_smile"] * 24, "smile"]
    assert tags(label) == [each.replace("_", " ") for each in expected]
    label.keyboard.press("Enter")
    saved(label, BATCH)
    table = lines(sorted_project)
    assert [line["label"] for line in table] == expected
    assert {line["by"] for line in table} == {"me"}
    assert all(line["created_at"] for line in table)
    folder = sorted_project.labels_folder / "smile"
    for line in table:
        with Image.open(folder / line["file"]) as picture:
            assert picture.size[0] == picture.size[1] > 16
    assert len({line["file"] for line in table}) == BATCH


def test_a_click_flips_and_back_shows_saved_labels(label: Page, sorted_project: Project) -> None:
    first = label.locator(".tile").first
    first.click()
    assert tags(label)[0] == "smile"
    label.locator("#save").click()
    saved(label, BATCH)
    assert tags(label)[0] == "no smile"
    label.keyboard.press("Backspace")
    assert tags(label)[:2] == ["smile", "no smile"]
    label.keyboard.press("q")
    label.keyboard.press("w")
    label.keyboard.press("Enter")
    label.wait_for_function("document.getElementById('train').textContent.includes('26 no smile')")
    time.sleep(0.3)
    assert [line["label"] for line in lines(sorted_project)][:2] == ["no_smile", "smile"]
    assert len(lines(sorted_project)) == BATCH


def test_another_default(label: Page, sorted_project: Project) -> None:
    label.locator("#default-label label", has_text="smile").nth(1).click()
    assert tags(label) == ["smile"] * BATCH
    label.locator("#by").fill("Zoë <b>")
    label.locator("#by").press("Tab")
    label.locator("#save").click()
    saved(label, BATCH)
    table = lines(sorted_project)
    assert {(line["label"], line["by"]) for line in table} == {("smile", "Zoë <b>")}


def test_only_faces_of_the_chosen_part(label: Page, sorted_project: Project) -> None:
    total = len(Faces.read(sorted_project.faces_file("film")))
    assert f"{total} faces" in label.locator("#range-text").inner_text()
    slider = label.locator("#from")
    slider.focus()
    slider.evaluate("one => { one.value = 900; one.dispatchEvent(new Event('input')); }")
    slider.evaluate("one => one.dispatchEvent(new Event('change'))")
    left = label.locator(".tile").count()
    assert 0 < left < BATCH
    assert f"{left} faces" in label.locator("#range-text").inner_text()
    # The ends of the range never pass each other.
    slider.evaluate("one => { one.value = 1000; one.dispatchEvent(new Event('input')); }")
    label.locator("#to").evaluate(
        "one => { one.value = 5; one.dispatchEvent(new Event('input')); }"
    )
    assert label.locator("#to").input_value() == "1000"


def test_labelled_before(label: Page) -> None:
    label.keyboard.press("q")
    label.keyboard.press("Enter")
    saved(label, BATCH)
    label.locator("#which").select_option("labelled")
    assert tags(label) == ["smile", *["no smile"] * 26]


def test_seventeen_expressions(review: Running, page: Page, sorted_project: Project) -> None:
    page.goto(f"{review.address}/label/film")
    page.locator(".preset", has_text="expressions").click()
    page.locator("#set-add").click()
    page.locator(".tile").first.wait_for()
    assert page.locator("#default-label input").count() == 17
    page.keyboard.press("w")
    page.keyboard.press("3")
    page.keyboard.press("e")
    page.keyboard.press("r")
    page.keyboard.press("r")
    assert tags(page)[:4] == ["neutral", "smile", "laugh", "neutral"]
    page.keyboard.press("Enter")
    saved(page, BATCH)
    assert [line["label"] for line in lines(sorted_project, "expressions")][:3] == [
        "neutral",
        "smile",
        "laugh",
    ]


def test_a_custom_label_set(review: Running, page: Page) -> None:
    page.goto(f"{review.address}/label/film")
    page.locator("#start").wait_for()
    page.locator("#new-set").click()
    page.locator("#set-name").fill("<i>Hat</i>")
    page.locator("#set-labels").fill("hat\nno hat\n")
    page.locator("#set-add").click()
    page.locator(".tile").first.wait_for()
    assert page.locator("#set option").all_inner_texts() == ["<i>Hat</i>"]
    assert set(tags(page)) == {"hat"}


def test_order_by_model_score(label: Page) -> None:
    label.locator('#order option[value="model"]:not([disabled])').wait_for(state="attached")
    label.locator("#order").select_option("model")
    label.locator("#default-label label", has_text="Prediction").click()
    shown = [
        int(text.partition("%")[0]) for text in label.locator(".tile .score").all_inner_texts()
    ]
    assert len(shown) == BATCH
    assert shown == sorted(shown, reverse=True)
    assert tags(label) == ["smile" if score >= 50 else "no smile" for score in shown]


@pytest.mark.slow
def test_a_hundred_faces_by_keyboard_within_a_minute(label: Page, sorted_project: Project) -> None:
    """With two key presses per second and every other face toggled, all labels reach the disk."""
    presses = 0
    start = time.monotonic()
    for batch in range(4):
        for key in "qetuoafhkzcbm"[batch % 2 :]:
            label.keyboard.press(key)
            presses += 1
            _keep_time(start, presses)
        label.keyboard.press("Enter")
        presses += 1
        _keep_time(start, presses)
    saved(label, 4 * BATCH)
    took = time.monotonic() - start
    table = lines(sorted_project)
    assert len(table) == 4 * BATCH >= 100
    assert sum(line["label"] == "smile" for line in table) == presses - 4
    assert took < 60
    print(f"{len(table)} faces labelled in {took:.0f} s by {presses} key presses")


@pytest.mark.slow
def test_the_labels_train_a_model_that_predicts_next(
    page: Page, review: Running, sorted_project: Project
) -> None:
    """train-expressions needs only the CSV file that the page wrote."""
    page.goto(f"{review.address}/label/film")
    page.locator("#start").wait_for()
    page.locator("#new-set").click()
    page.locator("#set-name").fill("bright")
    page.locator("#set-labels").fill("dark\nbright")
    page.locator("#set-add").click()
    for batch in range(3):
        page.locator(".tile").first.wait_for()
        for i, tile in enumerate(page.locator(".tile").all()):
            if (i // 4 + i) % 2 == batch % 2:
                tile.click()
        page.keyboard.press("Enter")
        saved(page, (batch + 1) * BATCH)
    folder = sorted_project.labels_folder / "bright"
    options = ["--out", str(folder / "model.onnx"), "--epochs", "2", "--threads", "1"]
    assert expressions_main([str(folder), *options]) == 0
    page.reload()
    page.locator('#order option[value="model"]:not([disabled])').wait_for(state="attached")
    page.locator("#order").select_option("model")
    shown = [int(text.partition("%")[0]) for text in page.locator(".tile .score").all_inner_texts()]
    assert shown == sorted(shown, reverse=True)


def _keep_time(start: float, presses: int) -> None:
    time.sleep(max(0.0, start + presses / 2 - time.monotonic()))

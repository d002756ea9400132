"""The smile model must not fall below the committed figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from cropping.expressions.labelled_faces import read_labelled_faces
from data.sample.film import draw_film
from tests.quality.figures import read_figures, worse
from tests.quality.smiles import (
    FACES,
    LAUGHS_FROM_S,
    MIN_AUC,
    clip_moments,
    drawn_people,
    figures_of,
    held_out,
    held_out_figures,
    no_bar,
)


@pytest.mark.slow
def test_smiles_of_held_out_people(shared: Path) -> None:
    single, averaged = held_out_figures(shared)
    assert averaged.mean_auc >= MIN_AUC
    assert single.mean_auc >= MIN_AUC
    assert averaged.calibration_error < 0.05
    kept = read_figures()["smiles, people held out"]
    measured = {"auc": averaged.mean_auc, "right": averaged.accuracy}
    assert worse({"strangers": measured}, {"strangers": kept}) == []


@pytest.mark.slow
def test_held_out_people_are_those_of_training(shared: Path) -> None:
    """The card has the counts of the current split."""
    from cropping.smiles.model import SHIPPED

    faces = held_out(shared)
    people = len(set(faces.subject.tolist()))
    row = [str(people), *map(str, faces.counts().tolist())]
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    (test,) = (line for line in card.splitlines() if line.startswith("| test"))
    assert [cell.strip() for cell in test.strip("|").split("|")][1:] == row
    every = read_labelled_faces([shared / "smiles" / FACES], progress=no_bar)
    assert set(faces.subject.tolist()) < set(every.subject.tolist())


@pytest.mark.slow
def test_drawn_smiles_are_found_and_no_others_shown(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    people = drawn_people(film, draw_film(film))
    for person in people:
        assert person.chosen_smiling == person.chosen, person.name
        assert person.chosen >= 3, person.name
    assert worse(figures_of(None, people), read_figures()) == []


@pytest.mark.slow
def test_her_gif_holds_smiles_only(shared: Path) -> None:
    moments = clip_moments(shared)
    assert len(moments) == 9
    assert moments.min() >= LAUGHS_FROM_S

"""The Python API: its examples, the notebook, and what it returns, with cheap networks."""

from __future__ import annotations

import doctest
import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import matplotlib.pyplot as plt
import numpy as np
import pytest

import fancam
from fancam import FancamProject, InputError, find_faces
from tests import ROOT
from tests.bars import no_bar
from tests.clips.catalogue import Clips
from tests.clips.numbered import CORNERS, picture
from tests.docs.api_page import FILE
from tests.footage_kinds.stubs import install_stubs

HEAVY = ("numpy", "cv2", "onnxruntime", "openvino", "av", "pandas", "torch", "scipy", "tqdm")


@pytest.fixture
def folder(clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a video, and cheap networks."""
    install_stubs(monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    shutil.copy(clips("constant_rate.mp4"), "concert.mp4")
    return tmp_path


@pytest.fixture
def project(folder: Path) -> FancamProject:
    made = FancamProject(folder / "concert.fancam", progress=no_bar)
    made.cluster("concert.mp4")
    return made


# --- the examples -----------------------------------------------------------------------------


def examples() -> list[doctest.DocTest]:
    modules = [import_module(f"fancam.api.{name}") for name in ("project", "people", "faces")]
    found = [test for module in modules for test in doctest.DocTestFinder().find(module)]
    return [test for test in found if test.examples]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_examples_of_the_docstrings(example: doctest.DocTest) -> None:
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.usefixtures("folder")
def test_example_of_the_page() -> None:
    source = FILE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    namespace: dict[str, object] = {}
    exec(source, namespace)
    assert_all_videos(Path("concert.fancam"))


def test_notebook(folder: Path) -> None:
    notebook = json.loads((ROOT / "docs" / "api.ipynb").read_text("utf-8"))
    namespace: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), namespace)
    plt.close("all")
    assert_all_videos(folder / "concert.fancam")


def assert_all_videos(project: Path) -> None:
    assert len(list((project / "crops").rglob("*.mp4"))) == len(CORNERS)


# --- what it returns --------------------------------------------------------------------------


def test_importing_is_quick() -> None:
    code = f"import sys, fancam; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_api_is_there() -> None:
    assert all(getattr(fancam, name).__name__ == name for name in fancam.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fancam.nothing


def test_people(project: FancamProject) -> None:
    table = project.people.table()
    assert list(table["name"]) == [f"Person {number}" for number in range(1, 5)]
    assert table["faces"].sum() > 0
    assert not table["hidden"].any()


def test_decisions_are_written_to_the_dataset(project: FancamProject) -> None:
    project.people.rename({"Person 1": "Anna", "Person 2": "Ben"})
    project.people.hide("Person 3")
    project.people.merge("Person 4", into="Anna")
    assert list(project.people.table()["name"]) == ["Anna", "Ben", "Person 3"]
    names = (project.folder / "dataset" / "data.yaml").read_text("utf-8")
    assert "Anna" in names
    assert "Person 3" not in names
    project.people.show("Person 3")
    assert not project.people.table()["hidden"].any()
    assert project.people.undo() == "Showed Person 3 again"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"Person 1": "Anna", "Nobody": "Ben"}, "Nobody: no such person"),
        ({"Person 1": "Anna", "Person 2": "Anna"}, "Anna"),
        ({"Person 1": "Anna", "Person 2": ""}, "name"),
    ],
    ids=["unknown", "taken", "empty"],
)
def test_all_names_or_none(project: FancamProject, names: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        project.people.rename(names)
    assert list(project.people.table()["name"])[:2] == ["Person 1", "Person 2"]


def test_tables_have_names(project: FancamProject) -> None:
    project.people.rename({"Person 1": "Anna"})
    (name,) = project.footages
    faces, names = project.faces(name)
    assert len(faces) == len(names) > 0
    project.train()
    project.track()
    assert set(project.tracks(name)["person"]) == set(names) == {"Anna", *names}
    project.people.rename({"Anna": "Berta"})
    assert "Berta" in set(project.tracks(name)["person"])


def test_unknown_footage_and_empty_project(project: FancamProject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such footage in .*; it has concert"):
        project.tracks("encore")
    with pytest.raises(InputError, match="run cluster-faces first"):
        FancamProject(tmp_path / "new.fancam").people.table()
    assert not (tmp_path / "new.fancam").exists()


def test_watch_serves_the_page(project: FancamProject) -> None:
    with project.watch() as address:
        assert httpx.get(f"{address}people", follow_redirects=True).status_code == 200


def test_faces_of_an_image_are_those_of_the_video(project: FancamProject) -> None:
    faces, _ = project.faces("concert")
    found = find_faces("concert.mp4")
    assert np.array_equal(found.xyxy, faces.xyxy)
    assert np.array_equal(found.embedding, faces.embedding)
    assert len(find_faces(picture(0))) == len(CORNERS)


@pytest.mark.usefixtures("folder")
def test_an_image_of_another_kind_is_refused() -> None:
    images: list[Any] = [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)]
    for image in images:
        with pytest.raises(ValueError, match=r"\(h, w, 3\) uint8 RGB"):
            find_faces(image)
    with pytest.raises(InputError, match="no such file"):
        find_faces("nowhere.mp4")

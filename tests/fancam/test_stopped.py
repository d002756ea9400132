"""Ctrl-C and Ctrl-D on a terminal, in the midst of every stage and at every question."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX's", allow_module_level=True)

from data.sample.truth import truth_paths
from tests.clustering.command import assert_nothing_half_written, changed, snapshot
from tests.cropping.drawn_faces import write_csv
from tests.decisions import stages
from tests.decisions.stages import COMMANDS, UP_TO_DATE, draw_footage
from tests.forked_terminal import Left, Typing, run_on_terminal
from tests.terminal import CTRL_C, CTRL_D, ENTER

CLUSTER = ("cluster-faces", "film.mp4", "--project", "p.fancam", "--every", "0.1")
ALL = ("fancam", "film.mp4", "--project", "p.fancam", "--no-review", "--weights", "yolo11n.yaml")
REVIEWED = tuple(word for word in ALL if word != "--no-review")
FORGET = ("fancam", "forget", "p.fancam", "Person 1", "--yes")
FACES = r"rename .*film\.parts/.*-000001\.frames"
TRAINING = r"write .*/best\.pt"
TRACKS = r"rename .*film\.parts/.*-000002\.npz"
CROPS = r"rename .*/\.pieces/.*-000001\.nut"
ENCODED = r"rename .*/\.pieces/gifs/"
GIFS = r"rename .*/Person 2\.gif"
STOPS: dict[str, tuple[str, tuple[str, ...], str]] = {
    # State of the project, command, and action before which it is stopped.
    "faces": ("film", CLUSTER, FACES),
    "tables of faces": ("film", CLUSTER, r"rename .*/faces/film\.parquet"),
    "montages": ("film", CLUSTER, r"rename .*/montage/Person 3"),
    "training": ("cluster-faces", ("train-tracker", "p.fancam"), TRAINING),
    "tracks": ("train-tracker", ("track-people", "p.fancam"), TRACKS),
    "table of tracks": ("train-tracker", ("track-people", "p.fancam"), r"rename .*film\.csv"),
    "tracks without a training": ("cluster-faces", ("track-people", "p.fancam"), r"film\.csv"),
    "crops": ("track-people", ("crop-people", "p.fancam"), CROPS),
    "videos": ("track-people", ("crop-people", "p.fancam"), r"rename .*/Person 2\.mp4"),
    "smiles": ("crop-people", ("smile-gifs", "p.fancam"), GIFS),
    "run: faces": ("film", ALL, FACES),
    "run: training": ("cluster-faces", ALL, TRAINING),
    "run: tracks": ("train-tracker", ALL, TRACKS),
    "run: crops": ("track-people", ALL, CROPS),
    "run: smiles": ("crop-people", ALL, GIFS),
}
SLOW = {
    *("tables of faces", "table of tracks", "tracks without a training", "videos"),
    *("forced faces", "forced training", "forced tracks", "forced crops", "forced smiles"),
    *("run: faces", "run: training", "run: crops", "run: smiles"),
}
REPEATED: dict[str, tuple[tuple[str, ...], str]] = {
    # Command in a project that is up to date, and action before which it is stopped.
    "other faces": (
        ("cluster-faces", "film.mp4", "--project", "p.fancam", "--every", "0.2"),
        FACES,
    ),
    "forced faces": ((*CLUSTER, "--force"), FACES),
    "forced training": (("train-tracker", "p.fancam", "--force"), TRAINING),
    "other tracks": (("track-people", "p.fancam", "--max-gap", "0"), r"rename .*/new\.csv"),
    "forced tracks": (("track-people", "p.fancam", "--force"), TRACKS),
    "other crops": (("crop-people", "p.fancam", "--zoom", "face"), CROPS),
    "forced crops": (("crop-people", "p.fancam", "--force"), CROPS),
    "other smiles": (("smile-gifs", "p.fancam", "--size", "100"), ENCODED),
    "forced smiles": (("smile-gifs", "p.fancam", "--force"), ENCODED),
}
CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    # Command, and action before which it is stopped.
    "export": (("fancam", "export", "p.fancam"), r"rename .*label-studio\.zip"),
    "clean": (("fancam", "clean", "p.fancam", "--yes"), r"remove .*/Person 3\.mp4"),
    "forget: crops": (FORGET, r"remove .*/Person 1\.mp4"),
    "forget: faces": (FORGET, r"rename .*/faces/film\.parquet"),
    "remove": (("fancam", "remove", "p.fancam", "film", "--yes"), r"remove .*/Person 3\.mp4"),
}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a project after each stage, with its film, by the stage's command."""
    folder = tmp_path_factory.mktemp("states")
    now = folder / "film"
    now.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        stages.install(patch.setattr)
        draw_footage(now / "film.mp4", 30)
        for name in COMMANDS:
            now = Path(shutil.copytree(now, folder / name))
            patch.chdir(now)
            words = CLUSTER[1:] if name == "cluster-faces" else ("p.fancam",)
            assert COMMANDS[name](list(words)) == 0, name
    return folder


@pytest.fixture
def in_state(states: Path, tmp_path: Path) -> Callable[[str], Path]:
    return lambda state: Path(shutil.copytree(states / state, tmp_path / "work"))


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix() for path in found}


def crops(paths: set[str]) -> set[str]:
    return {path for path in paths if "/crops/" in path}


def assert_stopped(left: Left, name: str) -> None:
    """Assert that a command was stopped by Ctrl-C, with one line on how to go on."""
    assert left.typed, left.output
    assert left.code == 130, left.output
    assert left.output.count("stopped") == 1, left.output
    assert (
        left.lines[-2].removeprefix("^C")
        == f"{name}: stopped; run the same command again to resume"
    )
    assert left.lines[-1].replace("^C", "") == ""
    assert_quiet(left)


def assert_quiet(left: Left) -> None:
    """Assert that the terminal is as before, and shows no traceback."""
    for word in ("Traceback", "KeyboardInterrupt", "Exception", "Error"):
        assert word not in left.output, left.output
    assert left.restored
    assert left.output.rfind("\x1b[?25l") <= left.output.rfind("\x1b[?25h")  # the cursor


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in SLOW else []) for case in STOPS]
)
def test_a_stage_is_stopped_and_goes_on(
    in_state: Callable[[str], Path], states: Path, case: str
) -> None:
    """Ctrl-C is pressed once in a fresh run, and held down in the resumed one."""
    state, words, moment = STOPS[case]
    folder = in_state(state)
    for held in (False, True):
        assert_stopped(run_on_terminal(folder, words, Typing(moment, held=held)), words[0])
        assert_nothing_half_written(folder)
    left = run_on_terminal(folder, words)
    assert left.code == 0, left.output
    assert_quiet(left)
    whole = files(states / (words[0] if words[0] in COMMANDS else "smile-gifs"))
    if case == "run: faces":  # sampled less often
        assert crops(files(folder)) == crops(whole)
    elif case == "tracks without a training":
        assert files(folder) == {path for path in whole if "/tracker/" not in path}
    else:
        assert files(folder) == whole


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.slow if case in SLOW else []) for case in REPEATED],
)
def test_a_repeated_stage_that_is_stopped_keeps_the_earlier_result(
    in_state: Callable[[str], Path], case: str
) -> None:
    """Files, records and the status are those from before the run."""
    words, moment = REPEATED[case]
    folder = in_state("smile-gifs")
    before = result(folder)
    assert_stopped(run_on_terminal(folder, words, Typing(moment)), words[0])
    assert result(folder) == before
    status = run_on_terminal(folder, ("fancam", "status", "p.fancam"))
    assert UP_TO_DATE in status.lines, status.output


def result(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a project, without work that is not finished."""
    contents = {path: content for path, (_, content) in snapshot(folder / "p.fancam").items()}
    return {
        path: content
        for path, content in contents.items()
        if not re.search(r"^logs/|\.parts/|\.pieces/|/training/", path)
    }


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_stopped_and_goes_on(in_state: Callable[[str], Path], case: str) -> None:
    words, moment = CHANGES[case]
    folder = in_state("smile-gifs")
    assert_stopped(run_on_terminal(folder, words, Typing(moment)), "fancam")
    assert_nothing_half_written(folder)
    left = run_on_terminal(folder, words)
    assert left.code == 0, left.output
    assert_quiet(left)


TRAIN = ("train-tracker", "p.fancam", "--weights", "yolo11n.yaml", "--device", "cpu")
SMALL = ("--epochs", "3", "--imgsz", "64")


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize(
    "typing",
    [
        pytest.param(Typing("training   0%", shown=True), id="start"),
        pytest.param(Typing("epoch 2/3", shown=True), id="batch"),
        pytest.param(Typing("epoch 2/3", shown=True, held=True), id="batch, held down"),
        pytest.param(Typing(r"rename .*/last\.pt", count=2), id="checkpoint"),
        pytest.param(Typing(r"rename .*/result\.json"), id="report"),
    ],
)
def test_a_training_of_a_network_is_stopped(
    in_state: Callable[[str], Path], states: Path, typing: Typing
) -> None:
    """The network is trained by torch and ultralytics, which get the signal."""
    folder, words = in_state("cluster-faces"), (*TRAIN, *SMALL)
    left = run_on_terminal(folder, words, typing, columns=120, trains=True)
    assert_stopped(left, words[0])
    assert_nothing_half_written(folder)
    resumes = (folder / "p.fancam/tracker/training/all/last.pt").exists()
    assert resumes or typing.moment.startswith("training")
    left = run_on_terminal(folder, words, columns=120, trains=True)
    assert left.code == 0, left.output
    assert "trained for 3 epochs" in left.output
    assert ("epoch 1/3" not in left.output) == resumes
    assert_quiet(left)
    assert {path for path in files(states / "train-tracker") if "/tracker/" not in path} == {
        path for path in files(folder) if "/tracker/" not in path
    }


@pytest.mark.alone
@pytest.mark.slow
def test_ctrl_d_does_not_disturb_a_training(in_state: Callable[[str], Path]) -> None:
    typing = Typing("epoch 1/3", CTRL_D, shown=True)
    words = (*TRAIN, *SMALL)
    left = run_on_terminal(in_state("cluster-faces"), words, typing, columns=120, trains=True)
    assert (left.typed, left.code) == (True, 0), left.output
    assert_quiet(left)


# --- questions and pauses ---------------------------------------------------------------------


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("name", ["clean", "forget", "remove"])
def test_a_question_can_be_left(in_state: Callable[[str], Path], name: str, keys: bytes) -> None:
    """Ctrl-D is a no."""
    folder, what = in_state("smile-gifs"), {"clean": [], "forget": ["Person 1"], "remove": ["film"]}
    before = snapshot(folder)
    words = ("fancam", name, "p.fancam", *what[name])
    left = run_on_terminal(folder, words, Typing("[y/N]", keys, shown=True))
    if keys == CTRL_C:
        assert_stopped(left, "fancam")
    assert (left.typed, left.code) == (True, 130 if keys == CTRL_C else 0), left.output
    assert_quiet(left)
    assert left.lines[-1] == ""  # the shell's prompt is on a line of its own
    assert changed(before, snapshot(folder)) == []


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_the_pause_can_be_left(in_state: Callable[[str], Path], keys: bytes) -> None:
    folder = in_state("film")
    for _ in ("fresh", "resumed"):
        left = run_on_terminal(folder, REVIEWED, Typing("press Enter", keys, shown=True))
        assert_stopped(left, "fancam")
        assert not (folder / "p.fancam/tracker/best.pt").exists()


def test_enter_ends_the_pause(in_state: Callable[[str], Path], states: Path) -> None:
    folder = in_state("cluster-faces")
    left = run_on_terminal(folder, REVIEWED, Typing("press Enter", ENTER, shown=True))
    assert (left.typed, left.code) == (True, 0), left.output
    assert "then press Enter here to train." in left.lines
    assert files(folder) == files(states / "smile-gifs")


def test_the_drawing_of_the_demo_is_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    words = ("fancam", "demo")
    for held in (False, True):
        left = run_on_terminal(folder, words, Typing("drawing", shown=True, held=held))
        assert_stopped(left, "fancam")
        assert files(folder) == set()


def test_the_demo_is_stopped_in_a_stage(in_state: Callable[[str], Path]) -> None:
    folder = in_state("film")
    (folder / "demo").mkdir()
    (folder / "film.mp4").rename(folder / "demo/film.mp4")
    for path in truth_paths(folder / "demo/film.mp4"):
        path.touch()
    left = run_on_terminal(folder, ("fancam", "demo"), Typing(FACES))
    assert_stopped(left, "cluster-faces")
    assert not any(line.startswith("train-tracker") for line in left.lines)


@pytest.mark.parametrize("held", [False, True], ids=["once", "held down"])
def test_ctrl_c_ends_the_pages(in_state: Callable[[str], Path], held: bool) -> None:
    words = ("serve-people", "p.fancam", "--port", "0")
    left = run_on_terminal(in_state("smile-gifs"), words, Typing("Ctrl-C", shown=True, held=held))
    assert (left.typed, left.code) == (True, 0), left.output
    assert_quiet(left)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train-smiles", "train-expressions"])
def test_a_training_of_expressions_is_stopped(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "work"
    table = write_csv(folder / "faces", subjects=20)
    words = (command, table.relative_to(folder).as_posix(), "--out", "a.onnx", "--epochs", "1")
    for moment in ("training   0%", r"rename .*a\.onnx", r"rename .*a\.md"):
        left = run_on_terminal(folder, words, Typing(moment, shown=moment == "training   0%"))
        assert_stopped(left, command)
        assert_nothing_half_written(folder)
        assert not (folder / "a.md").exists()
    left = run_on_terminal(folder, words)
    assert left.code == 0, left.output
    assert {path.name for path in folder.iterdir()} == {"faces", "a.onnx", "a.png", "a.md"}

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from cropping.camera.window import WindowSettings
from cropping.crop_cli import crop_settings, main, make_parser
from cropping.render.settings import CropSettings
from data.project.paths import WORK_FOLDER
from data.project.project import Project
from data.project.stages import TRACKS
from data.storage.shown import command_line
from tests import ROOT
from tests.clips.encoding import encode
from tests.clips.numbered import picture
from tests.cropping.tracked_project import add_footage, at_rate, box, tracks_of, write_project
from tests.posix import needs_signals

FRAMES = 60
QUICK = ("--no-smiles", "--preset", "ultrafast")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with Anna in all frames, Ben in the first third, and Cleo in none."""
    footage = tmp_path / "film.mp4"
    encode(footage, [picture(n) for n in range(FRAMES)], rate=25)
    timeline = at_rate(FRAMES)
    rows = {
        1: {f: box(60, 48) for f in range(FRAMES)},
        2: {f: box(110, 40) for f in range(20)},
    }
    names = {1: "Anna", 2: "Ben", 3: "Cleo"}
    tracks = tracks_of(timeline, rows)
    return write_project(tmp_path / "film.fancam", footage, tracks, names, timeline).folder


def test_report(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert main(["film.fancam", "film.mp4", "--only-present", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = "film.fancam/crops/film"
    assert lines[:4] == [
        "film: 60 frames, 2 videos",
        f"  Anna  100% of the time  {folder}/Anna.mp4, {folder}/Anna.best.mp4",
        f"  Ben    33% of the time  {folder}/Ben.mp4, {folder}/Ben.best.mp4",
        "  never seen: Cleo",
    ]
    assert lines[4].startswith("done in ")
    assert main(["film.fancam", *QUICK]) == 0
    again = capsys.readouterr().out
    assert "(already done)" in again
    assert "already up to date" in again


def test_a_video_that_shows_nobody(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = project.parent / "empty.mp4"
    encode(empty, [picture(n) for n in range(10)], rate=25)
    names, timeline = {1: "Anna", 2: "Ben", 3: "Cleo"}, at_rate(10)
    add_footage(Project(project), empty, tracks_of(timeline, {}), names, timeline)
    assert main([str(project), *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = lines.index("empty: 10 frames, 0 videos (already done)")
    assert lines[shown + 1] == "  never seen: Anna, Ben, Cleo"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threads", "-1"], "--threads -1: give a number from 0"),
        (["--crf", "52"], "--crf 52: give a number from 0 to 51"),
        (["--height", "8"], "--height 8: give a number from 16 to 8192 pixels"),
        (["--size", "200"], "--size 200: give two numbers from 16 to 8192, such as 200x630"),
        (["--size", "200x9000"], "--size 200x9000: give two numbers"),
        (["--size", "2²0x630"], "give two numbers"),
        (["--aspect", "9"], "--aspect 9: give two numbers from 1 to 1000, such as 9:16"),
        (["--aspect", "0:16"], "--aspect 0:16: give two numbers"),
        (["--aspect", "1:100"], "--aspect 1:100: give a shape from 1:10 to 10:1"),
        (["--size", "200x630", "--zoom", "face"], "--size and --zoom cannot be combined"),
        (
            ["--encoder", "h264_none"],
            "h264_none: no such encoder on this machine; give",
        ),
        (["--person", "Dora"], "Dora: no person of this name; the project has Anna, Ben, Cleo"),
        (["--person", "Cleo"], "Cleo: never seen in film; choose another person"),
        (["missing.mp4"], "missing.mp4: not in this project yet; run track-people "),
        (["--absent", "blue"], "blue: choose from"),
    ],
)
def test_bad_input(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(project), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(project.rglob("*.mp4"))


def test_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "concert.mp4")]) == 2
    assert (
        "not a fancam project; give the folder that cluster-faces made" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


def test_no_tracks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Project(project).unfinish(TRACKS, "film")
    assert main([str(project)]) == 2
    command = command_line("track-people", project)
    assert f"film: not tracked yet; run {command}\n" in capsys.readouterr().err


# --- a run that dies --------------------------------------------------------------------------

_CHILD = """
import os, signal, sys
from cropping.render import outputs, render, segments
render.CHUNK_FRAMES = segments.CHUNK_FRAMES = 10
function, count = sys.argv[1].split(":")
real = {"chunk": render.EncoderWorker.close, "mux": outputs.mux}[function]
left = int(count)
def dies(*arguments, **named):
    global left
    result = real(*arguments, **named)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
if function == "chunk":
    render.EncoderWorker.close = dies
else:
    outputs.mux = dies
from cropping.crop_cli import main
sys.exit(main(sys.argv[2:]))
"""
_FULL = """
import resource, signal, sys
from cropping.render import render, segments
render.CHUNK_FRAMES = segments.CHUNK_FRAMES = 10
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from cropping.crop_cli import main
sys.exit(main(sys.argv[2:]))
"""


def run_child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def files_of(project: Path) -> dict[str, bytes]:
    found = (project / "crops" / "film").glob("[!.]*")
    return {file.name: file.read_bytes() for file in found}


@needs_signals
@pytest.mark.parametrize("death", ["chunk:1", "chunk:9", "mux:1", "mux:2"])
def test_killed_and_started_again(project: Path, death: str) -> None:
    """No file is half-written, and the resumed run writes the same bytes."""
    died = run_child(_CHILD, death, str(project), *QUICK)
    assert died.returncode == -signal.SIGKILL
    left = files_of(project)
    assert set(left) <= {"Anna.mp4", "Anna.small.m4v"}
    chunks = sorted((project / "crops" / "film" / WORK_FOLDER).rglob("piece-*.nut"))
    times = [chunk.stat().st_mtime_ns for chunk in chunks]
    assert len(chunks) >= {"chunk:1": 0, "chunk:9": 6}.get(death, 12)
    again = run_child(_CHILD, "chunk:-1", str(project), *QUICK)
    assert again.returncode == 0, again.stderr
    resumed = files_of(project)
    videos = {"Anna.mp4", "Anna.small.m4v", "Ben.mp4", "Ben.small.m4v"}
    assert set(resumed) == videos | {"timeline.json"}
    assert not (project / "crops" / "film" / WORK_FOLDER).exists()
    fresh = run_child(
        _CHILD, "chunk:-1", str(project), "--no-smiles", "--preset", "ultrafast", "--force"
    )
    assert fresh.returncode == 0, fresh.stderr
    assert files_of(project) == resumed
    assert len(times) == len(chunks)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for a file's size")
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95, 0.999])
def test_disk_full(project: Path, share: float) -> None:
    """Limit the file size to simulate a full disk.

    ``share`` of a video's size is too little for a chunk, for the pictures, or for the index.
    """
    assert main([str(project), "--no-smiles", "--crf", "1"]) == 0
    size = (project / "crops" / "film" / "Anna.mp4").stat().st_size
    shutil.rmtree(project / "crops")
    done = run_child(_FULL, str(round(size * share)), str(project), "--no-smiles", "--crf", "1")
    lines = [line for line in done.stderr.splitlines() if "frames/s" not in line and line]
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in lines[-1] or "the disk" in lines[-1]
    assert "Traceback" not in done.stderr
    assert set(files_of(project)) <= {"Anna.mp4", "Anna.small.m4v"}
    assert not list(project.rglob("*.partial*"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other access rights")
def test_read_only(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is simulated, since the tests may run with all rights."""
    import errno

    real = Path.mkdir

    def refused(path: Path, *rest: object, **named: object) -> None:
        if "crops" in path.parts:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        real(path, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", refused)
    assert main([str(project)]) == 2
    assert not list(project.rglob("*.mp4"))


# --- the command itself -----------------------------------------------------------------------


def test_help_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.process_time()
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert time.process_time() - start < 1
    assert "--only-present" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom cropping.crop_cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'av', 'cv2', 'scipy', 'numpy', 'pandas', 'torch'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = run_child(code)
    assert done.returncode == 0, done.stderr


def test_defaults_are_the_stages() -> None:
    assert crop_settings(make_parser().parse_args(["x"])) == CropSettings()


def test_options_reach_the_stage() -> None:
    arguments = ["x", "--aspect", "4:5", "--zoom", "face", "--height", "500", "--absent", "hold"]
    arguments += ["--others", "blur", "--person", "Anna", "--person", "Ben", "--crf", "30"]
    settings = crop_settings(make_parser().parse_args(arguments))
    assert settings.window == WindowSettings(aspect=Fraction(4, 5), zoom="face", height=500)
    assert (settings.absent, settings.others) == ("hold", "blur")
    assert (settings.people, settings.encoder.crf) == (("Anna", "Ben"), 30)
    sized = crop_settings(make_parser().parse_args(["x", "--size", "200X630"]))
    assert sized.window.size_wh == (200, 630)

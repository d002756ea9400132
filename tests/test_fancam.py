"""The front door."""

from __future__ import annotations

from pathlib import Path

import pytest

import fancam
from tests.cropping.written_video import read_video


def test_help_names_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        fancam.main(["--help"])
    assert done.value.code == 0
    assert "demo" in capsys.readouterr().out


def test_a_file_in_the_place_of_the_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    folder.write_text("mine")
    assert fancam.main(["demo", "--folder", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert folder.read_text() == "mine"


@pytest.mark.slow
def test_the_demo_finds_and_follows_the_drawn_cast(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from data.sample.cast import CAST

    assert fancam.main(["demo", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"{len(CAST)} people" in said
    gifs = [
        Path(line.strip())
        for line in said.splitlines()
        if line.startswith("  ") and line.endswith(".gif") and "smiles" not in line
    ]
    assert len(gifs) == len(CAST)
    montages = [Path(line.strip()) for line in said.splitlines() if line.endswith(".jpg")]
    assert len(montages) == len(CAST)
    assert all(montage.stat().st_size > 10_000 for montage in montages)
    idf1, idp = figures(said, "film")
    assert idf1 >= 0.95
    assert idp == 1.0

    for name in [f"Person {number}" for number in range(1, len(CAST) + 1)]:
        video = read_video(tmp_path / "film.fancam" / "crops" / "film" / f"{name}.mp4")
        assert (video.codec, len(video.times_s), video.sound) == ("h264", 1250, "aac")

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert fancam.main(["demo", "--folder", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def figures(said: str, name: str) -> tuple[float, float]:
    """IDF1 and identity precision from the table of tracking.evaluate."""
    row = next(line for line in said.splitlines() if line.startswith(f"{name} ") and "." in line)
    return float(row.split()[1]), float(row.split()[2])

"""The choice of a video and a sound stream, by the file's flags and by the user."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clustering import cli as clustering_cli
from clustering.faces import tasks
from data.core.errors import InputError
from data.core.streams import StreamChoice
from data.project.project import Project
from data.video.footage import add_footage, probe
from data.video.reader import read_frames, sample_frames
from tests.clips.numbered import number_of
from tests.clustering.fakes import CornerDetector, CornerEmbedder
from tests.cropping.small_project import crop, small_project
from tests.cropping.written_video import decoded_sound
from tests.footage_kinds.clocks.recordings import Recording, combined, heard_marks_s

FIRST = Recording(2.0)
SECOND = Recording(2.0, first=500)
EARLY = Recording(2.0)
LATE = Recording(2.0, sound_s=1.0, sound_from_s=1.0)


def two(path: Path, *default: int) -> Path:
    return combined(path, [FIRST, SECOND], [EARLY, LATE], default=default)


def numbers(path: Path, streams: StreamChoice) -> int:
    return number_of(next(iter(read_frames(probe(path, streams)))).image)


@pytest.mark.parametrize(
    ("default", "chosen", "expected"),
    [
        ((), None, 0),
        ((0, 2), None, 0),
        ((1, 3), None, 500),
        ((0, 1), None, 0),
        ((1,), 1, 0),
        ((), 2, 500),
        ((0,), 2, 500),
    ],
)
def test_the_video_flagged_or_chosen_is_read(
    default: tuple[int, ...], chosen: int | None, expected: int, tmp_path: Path
) -> None:
    path = two(tmp_path / "film.mkv", *default)

    footage = probe(path, StreamChoice(video=chosen))

    assert number_of(next(iter(read_frames(footage))).image) == expected
    assert number_of(list(sample_frames(footage, every_s=0.5))[2].image) == expected + 25


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_streams_are_counted_alike_in_every_container(suffix: str, tmp_path: Path) -> None:
    path = two(tmp_path / f"film{suffix}")

    assert [numbers(path, StreamChoice(video=n)) for n in (1, 2)] == [0, 500]


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        (
            StreamChoice(video=3),
            ["no video stream 3", "it has 2 video streams", "2 is h264"],
        ),
        (StreamChoice(audio=4), ["no audio stream 4", "it has 2 audio streams", "1 is aac"]),
    ],
)
def test_a_missing_stream_is_an_error_that_lists_them(
    streams: StreamChoice, words: list[str], tmp_path: Path
) -> None:
    path = two(tmp_path / "film.mkv")

    with pytest.raises(InputError) as raised:
        probe(path, streams)

    assert [word for word in words if word not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("default", "chosen", "expected"),
    [
        ((), None, [0.0, 1.0]),
        ((0, 3), None, [1.0]),
        ((0, 2), None, [0.0, 1.0]),
        ((0, 3), 1, [0.0, 1.0]),
        ((), 2, [1.0]),
    ],
)
def test_the_sound_flagged_or_chosen_is_heard(
    default: tuple[int, ...], chosen: int | None, expected: list[float], tmp_path: Path
) -> None:
    path = two(tmp_path / "film.mkv", *default)
    project = small_project(tmp_path / "film.fancam", path)
    add_footage(project, probe(path, StreamChoice(audio=chosen)))

    summary = crop(project)

    heard = heard_marks_s(*decoded_sound(summary.people[0].files[0]))
    assert heard == pytest.approx(expected, abs=0.02)


def test_another_sound_makes_the_videos_stale(tmp_path: Path) -> None:
    path = two(tmp_path / "film.mkv")
    project = small_project(tmp_path / "film.fancam", path)
    assert not crop(project).already_done
    assert crop(project).already_done

    add_footage(project, probe(path, StreamChoice(audio=2)))

    summary = crop(project)
    assert not summary.already_done
    assert heard_marks_s(*decoded_sound(summary.people[0].files[0])) == pytest.approx([1], abs=0.02)


def test_the_project_keeps_the_choice(tmp_path: Path) -> None:
    path = two(tmp_path / "film.mkv")
    project = Project(tmp_path / "film.fancam")
    add_footage(project, probe(path, StreamChoice(video=2, audio=1)))

    assert Project(project.folder).streams_of(path) == StreamChoice(video=2, audio=1)
    with pytest.raises(
        InputError, match="the project uses video stream 2; to change it: cluster-faces"
    ):
        add_footage(project, probe(path))
    add_footage(project, probe(path), force=True)
    (entry,) = json.loads((project.folder / "project.json").read_text())["footages"]
    assert "streams" not in entry


def test_cluster_faces_reads_the_chosen_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "load_detector", lambda _: CornerDetector())
    monkeypatch.setattr(tasks, "load_embedder", lambda _: CornerEmbedder())
    path = combined(tmp_path / "film.mkv", [FIRST, replace(SECOND, seconds=1.0)], [])
    command = [str(path), "--project", str(tmp_path / "film.fancam"), "--detector", "hog"]
    command += ["--embedder", "dlib"]

    assert clustering_cli.main([*command, "--video-stream", "2"]) == 0
    assert "examined 5 frames" in capsys.readouterr().out
    assert clustering_cli.main(command) == 0  # the project keeps the choice
    assert "examined 5 frames" in capsys.readouterr().out
    assert clustering_cli.main([*command, "--video-stream", "1"]) == 2
    assert "video stream 2" in capsys.readouterr().err
    assert clustering_cli.main([*command, "--video-stream", "1", "--force"]) == 0
    assert "examined 10 frames" in capsys.readouterr().out
    assert clustering_cli.main([*command, "--video-stream", "7", "--force"]) == 2
    assert "it has 2 video streams" in capsys.readouterr().err

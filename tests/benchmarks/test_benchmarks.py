"""Tests of the benchmarks, apart from the times they measure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cropping.camera.window import WindowSettings
from data.execution.total_progress import ProgressStep, total_progress
from data.sample.film import draw_film
from data.video.footage import probe
from data.video.reader import read_frames
from tests.benchmarks import pages, whole
from tests.benchmarks.arithmetic import arithmetic, flops
from tests.benchmarks.cropping import ffmpeg_command
from tests.benchmarks.dbscan import EPS, run, synthetic_faces
from tests.benchmarks.memory import make_long
from tests.benchmarks.serving import CLIENTS, report
from tests.clips.catalogue import Clips
from tests.quality.cropping_clips import drawn_clip


def test_flops_of_a_convolution_and_a_product() -> None:
    weights = np.zeros((4, 3, 5, 5), np.float32)
    matrix = np.zeros((64, 7), np.float32)
    nodes = [
        helper.make_node("Conv", ["in", "w"], ["planes"], strides=[2, 2]),
        helper.make_node("Flatten", ["planes"], ["flat"]),
        helper.make_node("MatMul", ["flat", "m"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 7])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(matrix, "m")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    by_hand = 2 * (4 * 4 * 4) * (3 * 5 * 5) + 2 * 64 * 7
    assert flops(model.SerializeToString(), (1, 3, 11, 11)) == by_hand


def test_arithmetic_grows_with_the_area_seen() -> None:
    small, large = (arithmetic((640, 360), upsample=n) for n in (0, 1))
    assert 3.5 < large.per_frame / small.per_frame < 4.5
    assert small.per_chip == large.per_chip > 0


def test_synthetic_faces_are_spread_like_real_ones() -> None:
    points = synthetic_faces(2000)
    near = np.linalg.norm(points[:, None] - points[None, :300], axis=2)
    assert points.shape == (2000, 128)
    assert 0.01 < (near < EPS).mean() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("side", ["ours", "scikit-learn"])
def test_a_run_reports_time_memory_and_labels(side: str, tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", synthetic_faces(700))
    found = run(side, tmp_path / "points.npy")
    assert found.labels is not None
    assert len(found.labels) == 700
    assert found.seconds > 0
    assert found.memory_mb >= 0


def test_footage_looped_to_length_plays_through(tmp_path: Path) -> None:
    loop, long = tmp_path / "loop.mp4", tmp_path / "long.mp4"
    draw_film(loop, duration_s=1.0, size_wh=(160, 96), shots=["talk"])
    make_long(loop, long, 4.0)
    frames = list(read_frames(long))
    assert probe(long).duration_s == pytest.approx(4.0, abs=0.05)
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(100)])
    assert np.abs(frames[3].image.astype(int) - frames[78].image).max() == 0


@pytest.mark.slow
def test_fifty_players_are_served_without_an_error() -> None:
    # In another thread: earlier browser tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        lines = pool.submit(report, 3.0, faces=400).result()
    assert f"{CLIENTS} players" in lines[0]
    assert len([line for line in lines if "errors: 0 (met)" in line]) == 2
    players = [line for line in lines if line.endswith("MB/s")]
    assert [int(line.split(":")[1].split()[0]) > CLIENTS for line in players] == [True, True]
    assert len([line for line in lines if line.startswith("      moving a face")]) == 2


@pytest.mark.slow
def test_every_page_is_small_and_nothing_in_it_moves() -> None:
    with ThreadPoolExecutor(1) as pool:
        title, *lines = pool.submit(pages.report, 1, scores=False).result()
    if title == "Pages":
        pytest.skip(lines[0])
    assert len(lines) == len(pages.PAGES) * len(pages.SIZES)
    assert [line for line in lines if "MISSED" in line] == []


def test_ffmpeg_gets_the_same_crops(tmp_path: Path) -> None:
    """Crops are around the people, inside the frame, with the encoder's settings."""
    film = tmp_path / "film.mp4"
    truth = draw_film(film, duration_s=0.4, size_wh=(320, 180), shots=["talk"])
    clip = drawn_clip(film, truth)
    command = ffmpeg_command(clip, WindowSettings(zoom="body"), tmp_path, ["-threads", "1"])
    graph = command[command.index("-filter_complex") + 1]
    lefts = [int(part.split(":")[2].split("[")[0]) for part in graph.split(";")[1:]]
    assert all(f"crop=102:180:{left}:0[" in graph for left in lefts)
    faces = [clip.of(person).xyxy for person in clip.names if len(clip.of(person))]
    assert len(faces) == 2
    for left, boxes in zip(lefts, faces, strict=False):
        assert left < boxes[:, 0].min() < boxes[:, 2].max() < left + 102
    assert lefts[2:] == [109, 109]  # a person who is never seen
    assert command.count("libx264") == command.count("veryfast") == command.count("0:a") == 4
    closer = ffmpeg_command(clip, WindowSettings(zoom="face"), tmp_path, [])
    assert closer[closer.index("-filter_complex") + 1].count(",scale=102:180[") == 4


@pytest.mark.parametrize("training", [False, True])
def test_each_stage_of_fancam_is_timed(
    training: bool, clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = [name for name in whole.STAGES if training or name != "train-tracker"]

    def staged(words: list[str]) -> int:
        assert ("--no-training" in words, "--weights" in words) == (not training, training)
        with total_progress("fancam", [ProgressStep(name, 1.0) for name in run]) as line:
            for number in range(len(run)):
                with line.step(number):
                    pass
        return 0

    monkeypatch.setattr("fancam.cli.main", staged)
    lines = whole.report(clips("constant_rate.mp4"), "yolo11n.yaml", training=training)
    first, *stages, every, within = lines
    kind = "with" if training else "without"
    assert first == f"fancam constant_rate.mp4, 3 s of footage, {kind} training"
    assert [line.split()[0] for line in stages] == run
    assert every.split()[0] == "all"
    assert within == f"  within the target of {whole.TARGET_S[training]} s"

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from cropping.expressions.model import (
    METADATA_KEY,
    ExpressionMetadata,
    load_expression_model,
    read_metadata,
)
from cropping.expressions.patch import cut_views
from cropping.smiles.model import NO_SMILE, SHIPPED, SMILE, load_smile_model
from data.core.errors import InputError
from data.sample.cast import CAST
from tests.cropping.drawn_smiles import box, portrait
from tests.cropping.small_models import write_model


def test_the_bundled_model_is_small_and_has_a_card() -> None:
    assert SHIPPED.stat().st_size < 2_000_000
    assert load_expression_model(SHIPPED).classes == (NO_SMILE, SMILE)
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    for section in ("## Data", "## Metrics", "## Limits", "## Train it again", "smile.png"):
        assert section in card
    assert SHIPPED.with_suffix(".png").is_file()


@pytest.mark.parametrize("name", [look.name for look in CAST])
def test_a_drawn_smile_scores_more_than_the_same_face_at_rest(name: str) -> None:
    model = load_smile_model()
    rest, smile = (
        model.smile(cut_views(portrait(name, smile=amount), box(name))).mean()
        for amount in (0.0, 1.0)
    )
    assert smile > 0.8
    assert smile > rest


def test_a_face_takes_well_under_a_millisecond() -> None:
    model = load_smile_model()
    patches = np.random.default_rng(0).integers(0, 255, (64, 64, 64)).astype(np.uint8)
    model.smile(patches)
    took_s = []
    for _ in range(5):
        start = time.thread_time()
        model.smile(patches)
        took_s.append(time.thread_time() - start)
    assert min(took_s) / 64 < 0.001


def test_no_faces() -> None:
    assert load_smile_model().smile(np.zeros((0, 64, 64), np.uint8)).shape == (0,)


def test_patches_of_another_size_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"\(n, 64, 64\), got \(1, 32, 32\)"):
        load_smile_model().smile(np.zeros((1, 32, 32), np.uint8))


def test_batches_and_single_faces_score_alike() -> None:
    patches = np.random.default_rng(0).integers(0, 255, (5, 64, 64)).astype(np.uint8)
    model = load_smile_model()
    single = [float(model.smile(patch[None])[0]) for patch in patches]
    assert model.smile(patches).tolist() == pytest.approx(single, abs=1e-5)


def test_a_model_without_smiles_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a.onnx", classes=("asleep", "awake"))
    with pytest.raises(InputError, match='has the classes asleep, awake, not "smile"'):
        load_smile_model(model)


def test_a_model_of_another_version_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a.onnx", patch=999)
    with pytest.raises(InputError, match="trained by another version of fancam; train it again"):
        load_smile_model(model)


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\x08\x07"], ids=["empty", "text", "an empty model"]
)
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.onnx"
    file.write_bytes(content)
    with pytest.raises(InputError, match="not a fancam model; give one that train-smiles"):
        load_smile_model(file)


def test_a_model_that_cannot_run_is_refused(tmp_path: Path) -> None:
    file = write_model(tmp_path / "a.onnx")
    model = onnx.load(str(file))
    model.graph.node[0].op_type = "NoSuchThing"
    file.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="not a model that can be run"):
        load_smile_model(file)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.onnx: cannot be read"):
        load_smile_model(tmp_path / "a.onnx")


@pytest.mark.parametrize("text", ["[]", '{"classes": 3}', "{}", "nothing"])
def test_bad_metadata_is_refused(tmp_path: Path, text: str) -> None:
    file = write_model(tmp_path / "a.onnx")
    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, {METADATA_KEY: text})
    file.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="not a fancam model; give one that train-smiles"):
        read_metadata(file)


def test_metadata_survives_a_round_trip() -> None:
    metadata = ExpressionMetadata(("a", "ö"), 3, "key")
    assert ExpressionMetadata.from_json(metadata.to_json()) == metadata

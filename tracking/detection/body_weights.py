"""Weights of the body detector: a general YOLO that has the class "person"."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.core.digest import digest
from data.core.errors import InputError
from tracking.detection.weights import DEFAULT_WEIGHTS, find_weights

NO_BODIES: Final = "none"
"""Value of --body-weights that follows faces alone."""
_PERSON: Final = "person"
_ADVICE: Final = f"give --body-weights FILE, such as {DEFAULT_WEIGHTS}"
_ONNX: Final = "bodies.onnx"


@dataclass(frozen=True, slots=True)
class BodyModel:
    """A detector of people.

    Args:
        graph: ONNX file in the project, or the .xml file of an OpenVINO model.
        key: digest of the weights, which the bodies depend on.
        person: index of the class "person".
        image_px: longer side of the pictures that it was trained on.
    """

    graph: Path
    key: str
    person: int
    image_px: int


@dataclass(frozen=True, slots=True)
class FoundBodies:
    """The body detector, or why there is none, in one line."""

    model: BodyModel | None
    note: str = ""


def find_body_model(weights: str | None, folder: Path, *, download: bool) -> FoundBodies:
    """Locate the body detector, and convert it for the fast runtimes.

    Args:
        weights: a .pt file, or a folder with an OpenVINO model that ultralytics exported; "none"
            for no bodies; None for DEFAULT_WEIGHTS, without which faces are followed alone.
        folder: starting weights of the project; the converted network is stored there.
        download: whether the default weights may be downloaded.

    Raises:
        InputError: the chosen weights are missing, damaged, or do not detect people.
    """
    if weights == NO_BODIES:
        return FoundBodies(None)
    if weights is not None:
        return FoundBodies(_model(weights, folder))
    at_hand = [file for file in (Path(DEFAULT_WEIGHTS), folder / DEFAULT_WEIGHTS) if file.is_file()]
    if not at_hand and not download:
        return FoundBodies(None, f"faces alone: {DEFAULT_WEIGHTS} is not at hand; {_ADVICE}")
    try:
        return FoundBodies(_model(DEFAULT_WEIGHTS, folder))
    except InputError as error:
        return FoundBodies(None, f"faces alone: {error}")


def _model(weights: str, folder: Path) -> BodyModel:
    if Path(weights).is_dir():
        return _openvino_model(Path(weights))
    if not weights.endswith(".pt"):
        raise InputError(f"{weights}: neither weights (.pt) nor an OpenVINO folder; {_ADVICE}")
    return _yolo_model(weights, folder)


def _yolo_model(weights: str, folder: Path) -> BodyModel:
    from tracking.detection.export import exported_model

    try:
        source = Path(find_weights(weights, folder).source)
        metadata = exported_model(source, cache=folder / _ONNX).metadata
    except InputError as error:
        reason = str(error).split(";")[0].removeprefix(f"{weights}: ")
        reason = reason.removeprefix(f"{folder / weights}: ")
        raise InputError(f"{weights}: {reason}; {_ADVICE}") from error
    person = _person(weights, dict(enumerate(metadata.names)))
    return BodyModel(folder / _ONNX, metadata.key, person, metadata.image_px)


def _openvino_model(folder: Path) -> BodyModel:
    graphs, metadata_file = sorted(folder.glob("*.xml")), folder / "metadata.yaml"
    if len(graphs) != 1 or not metadata_file.is_file():
        raise InputError(f"{folder}: no OpenVINO model of ultralytics in it; {_ADVICE}")
    metadata = _read_metadata(metadata_file)
    if metadata.get("task") != "detect":
        raise InputError(f"{folder}: it does not detect objects; {_ADVICE}")
    person = _person(str(folder), metadata.get("names"))
    key = digest(*(file.read_bytes() for file in (graphs[0], *folder.glob("*.bin"))))
    return BodyModel(graphs[0], key, person, _image_px(metadata.get("imgsz")))


def _read_metadata(file: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: not readable as YAML; {_ADVICE}") from error
    return content if isinstance(content, dict) else {}


def _image_px(size: object) -> int:
    sizes = ast.literal_eval(size) if isinstance(size, str) else size
    return int(max(sizes)) if isinstance(sizes, list | tuple) else 640


def _person(weights: str, names: object) -> int:
    """Return the index of the class "person".

    Raises:
        InputError: there is none.
    """
    of_index = names if isinstance(names, dict) else {}
    for index, name in of_index.items():
        if name == _PERSON:
            return int(index)
    raise InputError(f'{weights}: it has no class "{_PERSON}"; {_ADVICE}')

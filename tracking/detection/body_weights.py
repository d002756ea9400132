"""Weights of the body detector: a general YOLO that has the class "person"."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.core.atomic import atomic_write
from data.core.digest import digest
from data.core.errors import InputError
from data.storage.shown import shown
from tracking.detection.weights import DEFAULT_WEIGHTS, file_at_hand, find_weights

NO_BODIES: Final = "none"
"""Value of --body-weights that follows faces alone."""
BODIES_FOLDER: Final = "weights"
"""Folder of the converted body detector in that of the tracker."""
_PERSON: Final = "person"
_ADVICE: Final = f"give --body-weights FILE, such as {DEFAULT_WEIGHTS}"
_TO_DOWNLOAD: Final = f"track-people --body-weights {DEFAULT_WEIGHTS} downloads it"
_ANOTHER: Final = "or give another file with --body-weights"
_TO_COPY: Final = f"copy it into the current folder, {_ANOTHER}"
_TO_REPLACE: Final = f"delete it to download it again, {_ANOTHER}"
_ONNX: Final = "bodies.onnx"
_OPENVINO: Final = "bodies.xml"


@dataclass(frozen=True, slots=True)
class BodyModel:
    """A detector of people.

    Args:
        graph: ONNX file, or the .xml file of an OpenVINO model, in the project.
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


def find_body_model(
    weights: str | None,
    folder: Path,
    *,
    offline: bool,
    say: Callable[[str], None],
    needed: bool = True,
) -> FoundBodies:
    """Locate the body detector, and convert it for the fast runtimes.

    Args:
        weights: a .pt file, or a folder with an OpenVINO model that ultralytics exported; "none"
            for no bodies; None for DEFAULT_WEIGHTS, without which faces are followed alone.
        folder: where the converted or copied network is stored, in the project.
        offline: do not download the default weights.
        say: prints a line before a download.
        needed: whether the default weights are worth a download.

    Raises:
        InputError: the chosen weights are missing, damaged, or do not detect people.
    """
    if weights == NO_BODIES:
        return FoundBodies(None)
    if weights is not None:
        return FoundBodies(_model(weights, folder, offline, say))
    if not needed and file_at_hand(DEFAULT_WEIGHTS) is None:
        return FoundBodies(
            None, f"tracking faces only: {DEFAULT_WEIGHTS} is missing; {_TO_DOWNLOAD}"
        )
    try:
        return FoundBodies(_model(DEFAULT_WEIGHTS, folder, offline, say))
    except InputError as error:
        return FoundBodies(None, f"tracking faces only: {error}")


def _model(weights: str, folder: Path, offline: bool, say: Callable[[str], None]) -> BodyModel:
    if Path(weights).is_dir():
        return _openvino_model(Path(weights), folder)
    if not weights.endswith(".pt"):
        raise InputError(f"{weights}: neither weights (.pt) nor an OpenVINO folder; {_ADVICE}")
    return _yolo_model(weights, folder, offline, say)


def _yolo_model(weights: str, folder: Path, offline: bool, say: Callable[[str], None]) -> BodyModel:
    from tracking.detection.export import exported_model

    try:
        source = Path(find_weights(weights, offline=offline, say=say).source)
        metadata = exported_model(source, cache=folder / _ONNX).metadata
    except InputError as error:
        reason = str(error).split(";")[0].removeprefix(f"{weights}: ")
        reason = reason.removeprefix(f"{file_at_hand(weights)}: ")
        name, advice = _name_and_advice(weights)
        raise InputError(f"{name}: {reason}; {advice}") from error
    person = _person(*_name_and_advice(weights), dict(enumerate(metadata.names)))
    return BodyModel(folder / _ONNX, metadata.key, person, metadata.image_px)


def _name_and_advice(weights: str) -> tuple[str, str]:
    """Return the name of unusable weights, and what to do; the default ones may be in the cache."""
    if weights != DEFAULT_WEIGHTS:
        return weights, _ADVICE
    file = file_at_hand(weights)
    return (weights, _TO_COPY) if file is None else (shown(file), _TO_REPLACE)


def _openvino_model(folder: Path, copies: Path) -> BodyModel:
    """Copy an OpenVINO model to ``copies``, where other machines that track can read it."""
    graphs, metadata_file = sorted(folder.glob("*.xml")), folder / "metadata.yaml"
    if len(graphs) != 1 or not metadata_file.is_file():
        raise InputError(f"{folder}: no OpenVINO model exported by ultralytics in it; {_ADVICE}")
    if not (values := graphs[0].with_suffix(".bin")).is_file():
        raise InputError(f"{folder}: {values.name} is missing; {_ADVICE}")
    metadata = _read_metadata(metadata_file)
    if metadata.get("task") != "detect":
        raise InputError(f"{folder}: it does not detect objects; {_ADVICE}")
    person = _person(str(folder), _ADVICE, metadata.get("names"))
    contents = [file.read_bytes() for file in (values, graphs[0])]
    copied = copies / _OPENVINO
    for content, file in zip(contents, (copied.with_suffix(".bin"), copied), strict=True):
        if not file.is_file() or file.read_bytes() != content:
            with atomic_write(file) as partial:
                partial.write_bytes(content)
    return BodyModel(copied, digest(*reversed(contents)), person, _image_px(metadata.get("imgsz")))


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


def _person(weights: str, advice: str, names: object) -> int:
    """Return the index of the class "person".

    Raises:
        InputError: there is none.
    """
    of_index = names if isinstance(names, dict) else {}
    for index, name in of_index.items():
        if name == _PERSON:
            return int(index)
    raise InputError(f'{weights}: it has no class "{_PERSON}"; {advice}')

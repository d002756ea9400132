"""Convert trained weights to an ONNX graph, cached next to them."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.core.arrays import UNKNOWN
from data.core.atomic import atomic_write
from data.core.digest import digest
from data.core.errors import InputError
from tracking.detection.ultralytics_env import set_ultralytics_offline

FORMAT_VERSION: Final = 2
"""Version of the cached graph; incremented to invalidate older files."""
_OPSET: Final = 17
_STRIDE: Final = 32
_RETRAIN: Final = "run train-tracker again"


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """Metadata of a trained detector."""

    names: tuple[str, ...]  # by class index
    person_id: tuple[int, ...]  # by class index; empty if the weights do not store them
    image_px: int  # longer side of the training images
    key: str  # digest of the weights


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A detector as a serialised ONNX model.

    Its input ``images`` is ``(b, h, w, 3)`` uint8 RGB, h and w multiples of 32; its output is
    ``(b, 4 + classes, n)`` float32: centre, width and height in px, then the score of every class.
    """

    metadata: ModelMetadata
    graph: bytes


def exported_model(weights: Path, *, cache: Path | None = None) -> ExportedModel:
    """Return the graph of a detector, from the cache if that matches the weights.

    Args:
        weights: the .pt file.
        cache: ONNX file of the cached graph; None for the one next to the weights.

    Raises:
        InputError: the weights are missing, damaged, or not an ultralytics detector.
    """
    key = weights_key(weights)
    graph_file = cache or weights.with_suffix(".onnx")
    metadata_file = graph_file.with_suffix(".onnx.json")
    metadata = _read_metadata(metadata_file, key)
    if metadata is not None and graph_file.exists():
        graph = graph_file.read_bytes()
        if digest(graph) == metadata[1]:
            return ExportedModel(metadata[0], graph)
    model = export(weights, key)
    _write_cache(model, graph_file, metadata_file)
    return model


def weights_key(weights: Path) -> str:
    """Return the digest of a weights file, `ModelMetadata.key`.

    Raises:
        InputError: the file is missing or unreadable.
    """
    return f"{digest(_read(weights))}-v{FORMAT_VERSION}"


def export(weights: Path, key: str) -> ExportedModel:
    """Convert a ``best.pt``.

    Raises:
        InputError: the file is damaged, or not an ultralytics detector.
    """
    import torch

    network, metadata = load_network(weights, key)
    images = torch.zeros(1, _STRIDE * 2, _STRIDE * 3, 3, dtype=torch.uint8)
    dynamic = {"images": {0: "batch", 1: "height", 2: "width"}, "boxes": {0: "batch", 2: "count"}}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns about branches that are not exported
        torch.onnx.export(
            as_module(network),
            (images,),
            buffer,  # type: ignore[arg-type, unused-ignore]
            input_names=["images"],
            output_names=["boxes"],
            dynamic_axes=dynamic,
            opset_version=_OPSET,
            dynamo=False,
        )
    return ExportedModel(metadata, buffer.getvalue())


def load_network(weights: Path, key: str) -> tuple[Any, ModelMetadata]:
    """Load the network of a ``best.pt`` for inference, on the CPU in float32.

    Raises:
        InputError: the file is damaged, or not an ultralytics detector.
    """
    set_ultralytics_offline()
    from tracking.detection.weights import network_of, read_checkpoint

    try:
        content = read_checkpoint(weights)
        network: Any = network_of(content, weights).eval()
    except InputError as error:
        message = "not a YOLO detector that can be read"
        raise InputError(f"{weights}: {message}; {_RETRAIN}") from error
    for module in network.modules():
        # As in ultralytics' exporter: boxes and scores of every anchor in one tensor.
        if hasattr(module, "export"):
            module.export, module.dynamic, module.format = True, True, "onnx"
    head = network.model[-1]
    if getattr(head, "end2end", False):
        head.end2end = False  # keep the scores of all classes, not only the best of 300 boxes
    network.fuse(verbose=False)
    return network, _metadata(content, network.names, key)


def _metadata(content: Mapping[str, Any], names: Any, key: str) -> ModelMetadata:
    by_index = dict(enumerate(names)) if isinstance(names, list) else dict(names)
    stored = content.get("fancam") or {}  # see training.checkpoint.write_network
    return ModelMetadata(
        names=tuple(str(by_index[index]) for index in sorted(by_index)),
        person_id=tuple(int(person) for person in stored.get("person_id", ())),
        image_px=int((content.get("train_args") or {}).get("imgsz") or 640),
        key=key,
    )


def with_fixed_size(graph: bytes, *, batch: int, height: int, width: int) -> bytes:
    """Return the model with fixed input dimensions, which runtimes execute faster."""
    import onnx

    model = onnx.load_from_string(graph)
    sizes: Mapping[str, int] = {"batch": batch, "height": height, "width": width}
    for dim in model.graph.input[0].type.tensor_type.shape.dim:
        if dim.dim_param in sizes:
            dim.dim_value = sizes[dim.dim_param]
    return bytes(model.SerializeToString())


def as_module(network: Any) -> Any:
    """Wrap a network: ``(b, h, w, 3)`` uint8 tensor in, ``(b, 4 + classes, n)`` tensor out."""
    import torch

    class Uint8Input(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Any) -> Any:
            dtype = next(self.network.parameters()).dtype
            output = self.network(images.permute(0, 3, 1, 2).to(dtype) / 255)
            return output[0] if isinstance(output, (list, tuple)) else output

    return Uint8Input().eval()


def _read(weights: Path) -> bytes:
    try:
        return weights.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{weights}: no detector yet; run train-tracker first") from error
    except OSError as error:
        raise InputError(f"{weights}: cannot be read ({error.strerror}); {_RETRAIN}") from error


def _write_cache(model: ExportedModel, graph_file: Path, metadata_file: Path) -> None:
    with atomic_write(graph_file) as partial:
        partial.write_bytes(model.graph)
    metadata = {
        "key": model.metadata.key,
        "graph": digest(model.graph),
        "names": list(model.metadata.names),
        "person_id": list(model.metadata.person_id),
        "image_px": model.metadata.image_px,
    }
    with atomic_write(metadata_file) as partial:
        partial.write_text(json.dumps(metadata, ensure_ascii=False, indent=2), encoding="utf-8")


def _read_metadata(path: Path, key: str) -> tuple[ModelMetadata, str] | None:
    """Read the cached metadata and the graph's digest; None if missing, damaged or stale."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        metadata = ModelMetadata(
            names=tuple(content["names"]),
            person_id=tuple(content["person_id"]),
            image_px=int(content["image_px"]),
            key=str(content["key"]),
        )
        return (metadata, str(content["graph"])) if metadata.key == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def people_of_classes(
    weights: Path,
    metadata: ModelMetadata,
    names: Mapping[int, str],
    merged_into: Mapping[int, int] | None = None,
) -> tuple[int, ...]:
    """Return the person id of each class, by class index; merged people share one id.

    Args:
        weights: the file, for the error message.
        metadata: metadata of the weights; without person ids in it, people are matched by name.
        names: names of the project's people, by id.
        merged_into: id after all merges, by id of each merged person.

    Raises:
        InputError: a class is not a person of the project.
    """
    ids = {name: person for person, name in names.items()}
    people = metadata.person_id or tuple(ids.get(name, UNKNOWN) for name in metadata.names)
    people = current_classes(people, names, merged_into or {})
    unknown = [metadata.names[i] for i, person in enumerate(people) if person not in names]
    if unknown:
        message = f"trained for {unknown[0]!r}, who is not in this project"
        raise InputError(f"{weights}: {message}; {_RETRAIN}")
    return people


def current_classes(
    people: Sequence[int], names: Mapping[int, str], merged_into: Mapping[int, int]
) -> tuple[int, ...]:
    """Return the person id of each class after all merges.

    Args:
        people: person id of each class.
        names: names of the project's people, by id.
        merged_into: id after all merges, by id of each merged person.
    """
    return tuple(p if p in names else merged_into.get(p, p) for p in people)

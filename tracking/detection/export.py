"""From the trained weights to a graph that every runtime takes: made once, kept beside them."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.core.atomic import whole_file
from data.core.digest import digest
from data.core.errors import InputError
from tracking.detection.ultralytics_env import set_ultralytics_offline

FORMAT_VERSION: Final = 2
"""Of the graph: a new one leaves older files unused."""
_OPSET: Final = 17
_STRIDE: Final = 32
_RETRAIN: Final = "run train-tracker again"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What one must know of a detector to use it."""

    names: tuple[str, ...]  # by class index
    person_id: tuple[int, ...]  # by class index; empty where the weights do not tell
    image_px: int  # longer side of the images it was trained on
    key: str  # digest of the weights


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A detector as a serialised ONNX model.

    ``images`` (b, h, w, 3) uint8 RGB in, h and w multiples of 32; out (b, 4 + classes, n): centre,
    width and height in pixels, then the score of every class.
    """

    facts: ModelFacts
    graph: bytes


def exported_model(weights: Path) -> ExportedModel:
    """The graph of a ``best.pt``, from the file beside it where that is of these weights.

    Raises:
        InputError: the weights are missing, damaged, or no detector of ultralytics.
    """
    key = weights_key(weights)
    graph_file, facts_file = weights.with_suffix(".onnx"), weights.with_suffix(".onnx.json")
    facts = _read_facts(facts_file, key)
    if facts is not None and graph_file.exists():
        graph = graph_file.read_bytes()
        if digest(graph) == facts[1]:
            return ExportedModel(facts[0], graph)
    model = export(weights, key)
    _keep(model, graph_file, facts_file)
    return model


def weights_key(weights: Path) -> str:
    """What `ModelFacts.key` is of these weights.

    Raises:
        InputError: they are missing, or cannot be read.
    """
    return f"{digest(_read(weights))}-v{FORMAT_VERSION}"


def export(weights: Path, key: str) -> ExportedModel:
    """Convert a ``best.pt``.

    Raises:
        InputError: the file is damaged, or no detector of ultralytics.
    """
    import torch

    network, facts = load_network(weights, key)
    images = torch.zeros(1, _STRIDE * 2, _STRIDE * 3, 3, dtype=torch.uint8)
    dynamic = {"images": {0: "batch", 1: "height", 2: "width"}, "boxes": {0: "batch", 2: "count"}}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer, on branches that do not matter here
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
    return ExportedModel(facts, buffer.getvalue())


def load_network(weights: Path, key: str) -> tuple[Any, ModelFacts]:
    """Load the network of a ``best.pt``, ready to detect, on the CPU in float32.

    Raises:
        InputError: the file is damaged, or no detector of ultralytics.
    """
    set_ultralytics_offline()
    from tracking.detection.weights import network_of, read_checkpoint

    try:
        content = read_checkpoint(weights)
        network: Any = network_of(content, weights).eval()
    except InputError as error:
        raise InputError(f"{weights}: not a detector that was trained here; {_RETRAIN}") from error
    for module in network.modules():
        # As ultralytics' exporter sets them: boxes and scores in one tensor, of every anchor.
        if hasattr(module, "export"):
            module.export, module.dynamic, module.format = True, True, "onnx"
    head = network.model[-1]
    if getattr(head, "end2end", False):
        head.end2end = False  # keep every class' score, not the best of 300 boxes
    network.fuse(verbose=False)
    return network, _facts(content, network.names, key)


def _facts(content: Mapping[str, Any], names: Any, key: str) -> ModelFacts:
    by_index = dict(enumerate(names)) if isinstance(names, list) else dict(names)
    ours = content.get("fancam") or {}  # what training kept in it
    return ModelFacts(
        names=tuple(str(by_index[index]) for index in sorted(by_index)),
        person_id=tuple(int(person) for person in ours.get("person_id", ())),
        image_px=int((content.get("train_args") or {}).get("imgsz") or 640),
        key=key,
    )


def with_fixed_size(graph: bytes, *, batch: int, height: int, width: int) -> bytes:
    """The same model for one size only, which runtimes run faster."""
    import onnx

    model = onnx.load_from_string(graph)
    sizes: Mapping[str, int] = {"batch": batch, "height": height, "width": width}
    for dim in model.graph.input[0].type.tensor_type.shape.dim:
        if dim.dim_param in sizes:
            dim.dim_value = sizes[dim.dim_param]
    return bytes(model.SerializeToString())


def as_module(network: Any) -> Any:
    """Wrap a network: (b, h, w, 3) bytes in, one tensor out."""
    import torch

    class Bytes(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Any) -> Any:
            kind = next(self.network.parameters()).dtype
            found = self.network(images.permute(0, 3, 1, 2).to(kind) / 255)
            return found[0] if isinstance(found, (list, tuple)) else found

    return Bytes().eval()


def _read(weights: Path) -> bytes:
    try:
        return weights.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{weights}: no tracker yet; run train-tracker first") from error
    except OSError as error:
        raise InputError(f"{weights}: cannot be read ({error.strerror}); {_RETRAIN}") from error


def _keep(model: ExportedModel, graph_file: Path, facts_file: Path) -> None:
    with whole_file(graph_file) as partial:
        partial.write_bytes(model.graph)
    facts = {
        "key": model.facts.key,
        "graph": digest(model.graph),
        "names": list(model.facts.names),
        "person_id": list(model.facts.person_id),
        "image_px": model.facts.image_px,
    }
    with whole_file(facts_file) as partial:
        partial.write_text(json.dumps(facts, ensure_ascii=False, indent=2), encoding="utf-8")


def _read_facts(path: Path, key: str) -> tuple[ModelFacts, str] | None:
    """What `_keep` wrote and the graph's digest; None where missing, damaged, or of others."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        facts = ModelFacts(
            names=tuple(content["names"]),
            person_id=tuple(content["person_id"]),
            image_px=int(content["image_px"]),
            key=str(content["key"]),
        )
        return (facts, str(content["graph"])) if facts.key == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def people_of_classes(
    weights: Path, facts: ModelFacts, names: Mapping[int, str]
) -> tuple[int, ...]:
    """Person of each class, in their order.

    Args:
        weights: the file, to be named in an error.
        facts: of the weights; where they do not tell the people, these are found by name.
        names: of the people of the project.

    Raises:
        InputError: the detector was trained for other people.
    """
    ids = {name: person for person, name in names.items()}
    people = facts.person_id or tuple(ids.get(name, -1) for name in facts.names)
    strangers = [facts.names[i] for i, person in enumerate(people) if person not in names]
    if strangers:
        message = f"trained for {strangers[0]!r}, who is not in this project"
        raise InputError(f"{weights}: {message}; run train-tracker again")
    return people

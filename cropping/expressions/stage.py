"""From labelled faces to a model, its card and its picture: what `train-expressions` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.augmentation import full_box
from cropping.expressions.card import CardContent, PartCounts, PeopleCurvePoint, write_card
from cropping.expressions.figures import Figures, evaluate
from cropping.expressions.labelled_faces import LabelledFaces, read_labelled_faces
from cropping.expressions.model import (
    ExpressionMetadata,
    ExpressionModel,
    expression_model,
    read_metadata,
)
from cropping.expressions.patch import PATCH_PX, PATCH_VERSION, VIEWS, cut_views
from cropping.expressions.split import FaceSplit, split_faces
from cropping.expressions.training import (
    ExpressionTraining,
    TrainedExpressions,
    TrainingCheckpoint,
    steps_in,
    train,
)
from data.core.atomic import write_bytes, write_text
from data.core.digest import digest
from data.core.errors import InputError
from data.core.progress import Progress

VERSION: Final = 1
"""Raised when the same faces and settings would give another model."""
SHARES: Final = (0.125, 0.25, 0.5, 1.0)
"""Of the people, for the learning curve."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a model is for."""

    title: str
    command: str
    limits: tuple[str, ...]
    merge: Callable[[str], str] = str  # the class that a label stands for
    classes: tuple[str, ...] = ()  # in this order; by name where none are given
    merged: tuple[str, ...] = ()  # labels that stand for the last class


@dataclass(frozen=True, slots=True)
class ExpressionSettings:
    """What `train-expressions` can be told.

    Args:
        training: how to train.
        learning_curve: whether to train on parts of the people too.
        force: train again what is trained.
    """

    training: ExpressionTraining = field(default_factory=ExpressionTraining)
    learning_curve: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExpressionSummary:
    """What a training came to."""

    model: Path
    card: Path
    classes: tuple[str, ...]
    single: Figures | None  # None: done before
    averaged: Figures | None
    by_subject: bool
    skipped: tuple[str, ...]
    up_to_date: bool


def train_expressions(
    sources: Sequence[Path],
    out: Path,
    purpose: Purpose,
    settings: ExpressionSettings,
    *,
    progress: Progress,
) -> ExpressionSummary:
    """Train a model and write it to ``out``, its card (.md) and picture (.png) beside it.

    Raises:
        InputError: a source cannot be used, or ``out`` is somebody else's file.
    """
    wanted = _key(sources, purpose, settings)
    facts = _check_out(out)
    if facts is not None and facts.trained_on == wanted and not settings.force:
        return _done_before(out, facts)
    faces = _read(sources, purpose, progress)
    split = split_faces(faces)
    kept = TrainingCheckpoint(out.with_name(f".{out.stem}.training.pt"), key=wanted)
    if settings.force:
        kept.remove()
    trained = _train(faces.take(split.train), faces.take(split.val), settings, progress, kept=kept)
    facts = ExpressionMetadata(faces.classes, PATCH_VERSION, wanted)
    graph = _graph(trained, facts)
    # What is judged is what is written.
    single, averaged = evaluate_model(
        expression_model(graph, name=str(out)), faces.take(split.test)
    )
    curve = _curve(faces, split, settings, progress)
    outcome = _Outcome(faces, split, trained, graph, single, averaged, curve)
    _write(out, _card(sources, purpose, settings, outcome, out), outcome)
    kept.remove()
    return ExpressionSummary(
        model=out,
        card=out.with_suffix(".md"),
        classes=faces.classes,
        single=single,
        averaged=averaged,
        by_subject=split.by_subject,
        skipped=faces.skipped,
        up_to_date=False,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """A training, judged."""

    faces: LabelledFaces
    split: FaceSplit
    trained: TrainedExpressions
    graph: bytes
    single: Figures
    averaged: Figures
    curve: tuple[PeopleCurvePoint, ...]


def evaluate_model(model: ExpressionModel, faces: LabelledFaces) -> tuple[Figures, Figures]:
    """Return how good a model is by one crop a face, and by the average of several.

    Raises:
        InputError: the model knows other classes than the faces have.
    """
    if model.classes != faces.classes:
        message = f"the model knows {', '.join(model.classes)}"
        raise InputError(f"{message}, the faces are labelled {', '.join(faces.classes)}")
    said = view_probabilities(model, faces)
    return evaluate(said[:, 0], faces.label), evaluate(said.mean(axis=1), faces.label)


def view_probabilities(model: ExpressionModel, faces: LabelledFaces) -> NDArray[np.float32]:
    """Return what a model says of every view of each face, ``(n, views, classes)``."""
    # The faces are cut as tight as the squares that are cut from video.
    patches = [cut_views(image, full_box(image), scale=1.0) for image in faces.images]
    flat = np.concatenate(patches).reshape(-1, PATCH_PX, PATCH_PX)
    parts = [model.probabilities(flat[i : i + 256]) for i in range(0, len(flat), 256)]
    return np.concatenate(parts).reshape(len(faces), len(VIEWS), -1)


# --- what is there already ----------------------------------------------------------------------


def _key(sources: Sequence[Path], purpose: Purpose, settings: ExpressionSettings) -> str:
    """Of everything that the model depends on."""
    training = asdict(settings.training) | {"threads": 0}
    what = [VERSION, PATCH_VERSION, training, settings.learning_curve]
    what += [sorted(purpose.merged), [_source_key(source) for source in sources]]
    return digest(json.dumps(what))


def _source_key(source: Path) -> list[object]:
    try:
        if source.is_dir() or source.suffix.lower() == ".csv":
            folder = source if source.is_dir() else source.parent
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            stats = [(path.relative_to(folder).as_posix(), path.stat()) for path in files]
        else:
            stats = [(source.name, source.stat())]
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{source}: cannot be read ({reason}); give labelled faces") from error
    listed = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return [source.name, digest(json.dumps(listed))]


def _check_out(out: Path) -> ExpressionMetadata | None:
    """Return what is known of an earlier model; refuse to write over anything else.

    Raises:
        InputError: the file, or one beside it, is not ours.
    """
    if out.suffix.lower() != ".onnx":
        raise InputError(f"--out {out}: give a name that ends in .onnx")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent}: no such folder; make it, or give another --out")
    if out.exists():
        return read_metadata(out)
    for other in (out.with_suffix(".md"), out.with_suffix(".png")):
        if other.exists():
            raise InputError(f"{other}: in the way of the model's card; give another --out")
    return None


def _done_before(out: Path, facts: ExpressionMetadata) -> ExpressionSummary:
    return ExpressionSummary(
        model=out,
        card=out.with_suffix(".md"),
        classes=facts.classes,
        single=None,
        averaged=None,
        by_subject=True,
        skipped=(),
        up_to_date=True,
    )


# --- training ------------------------------------------------------------------------------------


def _read(sources: Sequence[Path], purpose: Purpose, progress: Progress) -> LabelledFaces:
    return read_labelled_faces(
        sources, merge=purpose.merge, order=purpose.classes, progress=progress
    )


def _train(
    faces: LabelledFaces,
    val: LabelledFaces,
    settings: ExpressionSettings,
    progress: Progress,
    name: str = "training",
    *,
    kept: TrainingCheckpoint | None = None,
) -> TrainedExpressions:
    with progress(name, steps_in(len(faces), settings.training), 0) as bar:
        return train(faces, val, settings.training, bar=bar, kept=kept)


def _curve(
    faces: LabelledFaces, split: FaceSplit, settings: ExpressionSettings, progress: Progress
) -> tuple[PeopleCurvePoint, ...]:
    """Trainings on parts of the people, none of them on faces of nobody known."""
    if not settings.learning_curve:
        return ()
    val, test = faces.take(split.val), faces.take(split.test)
    known = split.train[faces.subject[split.train] != ""] if split.by_subject else split.train
    groups = (faces.subject if split.by_subject else np.array(faces.names, np.str_))[known]
    order = sorted(np.unique(groups).tolist(), key=lambda name: digest(f"curve {name}"))
    points = []
    for share in SHARES:
        chosen = set(order[: max(round(share * len(order)), 1)])
        part = faces.take(known[[name in chosen for name in groups.tolist()]])
        if set(part.label.tolist()) != set(range(len(faces.classes))):
            continue
        trained = _train(part, val, settings, progress, f"{share:.0%} of the people")
        facts = ExpressionMetadata(faces.classes, PATCH_VERSION, "")
        model = expression_model(_graph(trained, facts), name="learning curve")
        points.append(PeopleCurvePoint(share, len(part), evaluate_model(model, test)[1].mean_auc))
    return tuple(points)


def _graph(trained: TrainedExpressions, facts: ExpressionMetadata) -> bytes:
    from cropping.expressions.graph import expression_graph

    model = expression_graph(trained.network, facts, temperature=trained.temperature)
    content: bytes = model.SerializeToString()
    return content


# --- writing -------------------------------------------------------------------------------------


def _card(
    sources: Sequence[Path],
    purpose: Purpose,
    settings: ExpressionSettings,
    outcome: _Outcome,
    out: Path,
) -> str:
    from cropping.expressions.network import count_parameters

    faces, split, trained = outcome.faces, outcome.split, outcome.trained
    names = tuple(source.name for source in sources)
    facts = CardContent(
        title=purpose.title,
        command=_command(purpose, names, out, settings),
        sources=tuple(f"`{name}`" for name in names),
        classes=faces.classes,
        merged=_merged(faces) if purpose.merged else (),
        parts=_parts(faces, split),
        by_subject=split.by_subject,
        without_subject=split.without_subject,
        skipped=len(faces.skipped),
        parameters=count_parameters(trained.network),
        graph_bytes=len(outcome.graph),
        epochs=len(trained.epochs),
        best=trained.best + 1,
        temperature=trained.temperature,
        single=outcome.single,
        averaged=outcome.averaged,
        curve=outcome.curve,
        picture=out.with_suffix(".png").name,
        limits=purpose.limits,
    )
    return write_card(facts)


def _command(
    purpose: Purpose, names: Sequence[str], out: Path, settings: ExpressionSettings
) -> str:
    """What trains the model again."""
    told, usual = settings.training, ExpressionTraining()
    options = ["--out", out.name]
    options += ["--epochs", str(told.epochs)] if told.epochs != usual.epochs else []
    options += ["--seed", str(told.seed)] if told.seed != usual.seed else []
    options += ["--learning-curve"] if settings.learning_curve else []
    return " ".join([purpose.command, *names, *options])


def _merged(faces: LabelledFaces) -> tuple[str, ...]:
    """The labels that became the last class."""
    last = faces.label == len(faces.classes) - 1
    return tuple(sorted(set(faces.source_label[last].tolist())))


def _parts(faces: LabelledFaces, split: FaceSplit) -> tuple[PartCounts, ...]:
    parts = {"train": split.train, "validation": split.val, "test": split.test}
    counted = []
    for name, rows in parts.items():
        subjects = set(faces.subject[rows].tolist()) - {""}
        counts = np.bincount(faces.label[rows], minlength=len(faces.classes))
        counted.append(PartCounts(name, len(subjects), tuple(counts.tolist())))
    return tuple(counted)


def _write(out: Path, card: str, outcome: _Outcome) -> None:
    from cropping.expressions.plot import as_png, plot_training

    trained = outcome.trained
    figure = plot_training(
        trained.epochs, trained.best, outcome.averaged.calibration, outcome.curve
    )
    write_bytes(out.with_suffix(".png"), as_png(figure))
    write_text(out.with_suffix(".md"), card)
    write_bytes(out, outcome.graph)  # last: where it is, all is there

"""Train an expression model on labelled faces, and write it with its card and plot."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cropping.expressions.augmentation import full_box
from cropping.expressions.card import CardContent, LearningCurvePoint, PartCounts, write_card
from cropping.expressions.labelled_faces import LabelledFaces, read_labelled_faces
from cropping.expressions.metrics import Metrics, evaluate
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
    max_steps,
    train,
)
from data.core.atomic import write_bytes, write_text
from data.core.digest import digest
from data.core.errors import InputError, unreadable
from data.core.progress import Progress
from data.storage.shown import not_an_option

VERSION: Final = 1
"""Increase it when a change alters the models of unchanged faces and settings."""
_MIN_AUC: Final = 0.55  # on the test faces; chance is 0.5
CURVE_SHARES: Final = (0.125, 0.25, 0.5, 1.0)
"""Shares of the people for the learning curve."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """Purpose of a model: its title, classes and limits."""

    title: str  # title of the card
    command: str  # name of the command that trains the model
    limits: tuple[str, ...]  # paragraphs of the card
    merge: Callable[[str], str] = str  # maps a label to its class
    classes: tuple[str, ...] = ()  # order of the classes, empty to sort them by name
    merged: tuple[str, ...] = ()  # labels merged into the last class


@dataclass(frozen=True, slots=True)
class ExpressionSettings:
    """Settings of `train-smiles` and `train-expressions`.

    Args:
        training: settings of the network's training.
        learning_curve: also train on shares of the people.
        force: train again even if the model is up to date.
    """

    training: ExpressionTraining = field(default_factory=ExpressionTraining)
    learning_curve: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExpressionSummary:
    """Files and metrics of a training run."""

    model: Path
    card: Path
    classes: tuple[str, ...]
    single: Metrics | None  # of one crop per face, None if the model was up to date
    averaged: Metrics | None  # averaged over the crops of a face, None if it was up to date
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
    """Train a model and write it with its card (.md) and plot (.png).

    Args:
        sources: sources of labelled faces.
        out: file of the model. The card and plot get the same name with another suffix.
        purpose: purpose of the model.
        settings: settings of the training.
        progress: makes the progress bars.

    Raises:
        InputError: a source cannot be used, or an output would overwrite a file of the user.
    """
    key = _key(sources, purpose, settings)
    existing = _check_out(out)
    checkpoint = TrainingCheckpoint(out.with_name(f".{out.stem}.training.pt"), key=key)
    is_current = existing is not None and existing.trained_on == key and not settings.force
    if existing is not None and is_current and checkpoint.read() is None:
        return _up_to_date_summary(out, existing)
    faces = _read(sources, purpose, progress)
    split = split_faces(faces)
    if settings.force:
        checkpoint.remove()
    trained = _train(
        faces.take(split.train), faces.take(split.val), settings, progress, checkpoint=checkpoint
    )
    metadata = ExpressionMetadata(faces.classes, PATCH_VERSION, key)
    graph = _graph(trained, metadata)
    # Evaluate the exported graph rather than the network, since the graph is written.
    single, averaged = evaluate_model(
        expression_model(graph, name=str(out)), faces.take(split.test)
    )
    _require_useful(averaged)
    curve = _curve(faces, split, settings, progress)
    outcome = _Outcome(faces, split, trained, graph, single, averaged, curve)
    _write(out, _card(sources, purpose, settings, outcome, out), outcome)
    checkpoint.remove()
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


def _require_useful(metrics: Metrics) -> None:
    """Check that a model is better than chance.

    Raises:
        InputError: it is not; nothing is written.
    """
    if metrics.mean_auc < _MIN_AUC:
        problem = f"the model is hardly better than chance (AUC {metrics.mean_auc:.2f}, chance 0.5)"
        raise InputError(f"{problem} and was not written; give more --epochs or more faces")


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """A trained and evaluated model."""

    faces: LabelledFaces
    split: FaceSplit
    trained: TrainedExpressions
    graph: bytes
    single: Metrics
    averaged: Metrics
    curve: tuple[LearningCurvePoint, ...]


def evaluate_model(model: ExpressionModel, faces: LabelledFaces) -> tuple[Metrics, Metrics]:
    """Return the metrics of a model for one crop per face, and averaged over the crops.

    Raises:
        InputError: the model and the faces have different classes.
    """
    if model.classes != faces.classes:
        message = (
            f"the model has the classes {', '.join(model.classes)}, but the faces are labelled"
        )
        labels = ", ".join(faces.classes)
        raise InputError(f"{message} {labels}; give faces with the same labels")
    scores = view_probabilities(model, faces)
    return evaluate(scores[:, 0], faces.label), evaluate(scores.mean(axis=1), faces.label)


def view_probabilities(model: ExpressionModel, faces: LabelledFaces) -> NDArray[np.float32]:
    """Return the class probabilities of each crop, ``(n, views, classes)`` float32 0..1."""
    # Scale 1, because labelled faces are cropped as tightly as the squares from video.
    patches = [cut_views(image, full_box(image), scale=1.0) for image in faces.images]
    flat = np.concatenate(patches).reshape(-1, PATCH_PX, PATCH_PX)
    parts = [model.probabilities(flat[i : i + 256]) for i in range(0, len(flat), 256)]
    return np.concatenate(parts).reshape(len(faces), len(VIEWS), -1)


# --- earlier model -------------------------------------------------------------------------------


def _key(sources: Sequence[Path], purpose: Purpose, settings: ExpressionSettings) -> str:
    """Return the key of all inputs of the model."""
    training = asdict(settings.training) | {"threads": 0}
    content = [VERSION, PATCH_VERSION, training, settings.learning_curve]
    content += [sorted(purpose.merged), [_source_key(source) for source in sources]]
    return digest(json.dumps(content))


def _source_key(source: Path) -> list[object]:
    try:
        if source.is_dir() or source.suffix.lower() == ".csv":
            folder = source if source.is_dir() else source.parent
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            stats = [(path.relative_to(folder).as_posix(), path.stat()) for path in files]
        else:
            stats = [(source.name, source.stat())]
    except OSError as error:
        raise InputError(f"{source}: {unreadable(error)}") from error
    listed = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return [source.name, digest(json.dumps(listed))]


def _check_out(out: Path) -> ExpressionMetadata | None:
    """Return the metadata of an earlier model, or None.

    Raises:
        InputError: an output would overwrite a file of the user.
    """
    if out.suffix.lower() != ".onnx":
        raise InputError(f"--out {out}: give a name that ends in .onnx")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent}: no such folder; create it, or give another --out")
    if out.exists():
        try:
            return read_metadata(out)
        except InputError as error:
            message = "already exists and is not a fancam model"
            raise InputError(f"{out}: {message}; give another --out") from error
    for other in (out.with_suffix(".md"), out.with_suffix(".png")):
        if other.exists():
            message = "already exists, and the card or plot would overwrite it"
            raise InputError(f"{other}: {message}; give another --out")
    return None


def _up_to_date_summary(out: Path, metadata: ExpressionMetadata) -> ExpressionSummary:
    return ExpressionSummary(
        model=out,
        card=out.with_suffix(".md"),
        classes=metadata.classes,
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
    checkpoint: TrainingCheckpoint | None = None,
) -> TrainedExpressions:
    with progress(name, max_steps(len(faces), settings.training), 0) as bar:
        return train(faces, val, settings.training, bar=bar, checkpoint=checkpoint)


def _curve(
    faces: LabelledFaces, split: FaceSplit, settings: ExpressionSettings, progress: Progress
) -> tuple[LearningCurvePoint, ...]:
    """Return the learning curve by training on shares of the people with known subjects."""
    if not settings.learning_curve:
        return ()
    val, test = faces.take(split.val), faces.take(split.test)
    known = split.train[faces.subject[split.train] != ""] if split.by_subject else split.train
    groups = (faces.subject if split.by_subject else np.array(faces.names, np.str_))[known]
    order = sorted(np.unique(groups).tolist(), key=lambda name: digest(f"curve {name}"))
    points = []
    for share in CURVE_SHARES:
        chosen = set(order[: max(round(share * len(order)), 1)])
        part = faces.take(known[[name in chosen for name in groups.tolist()]])
        if set(part.label.tolist()) != set(range(len(faces.classes))):
            continue
        trained = _train(part, val, settings, progress, f"{share:.0%} of the people")
        metadata = ExpressionMetadata(faces.classes, PATCH_VERSION, "")
        model = expression_model(_graph(trained, metadata), name="learning curve")
        points.append(LearningCurvePoint(share, len(part), evaluate_model(model, test)[1].mean_auc))
    return tuple(points)


def _graph(trained: TrainedExpressions, metadata: ExpressionMetadata) -> bytes:
    from cropping.expressions.graph import expression_graph

    model = expression_graph(trained.network, metadata, temperature=trained.temperature)
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
    content = CardContent(
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
        plot=out.with_suffix(".png").name,
        limits=purpose.limits,
    )
    return write_card(content)


def _command(
    purpose: Purpose, names: Sequence[str], out: Path, settings: ExpressionSettings
) -> str:
    """Return the command line that trains the model again."""
    training, default = settings.training, ExpressionTraining()
    options = ["--out", not_an_option(out.name)]
    options += ["--epochs", str(training.epochs)] if training.epochs != default.epochs else []
    options += ["--seed", str(training.seed)] if training.seed != default.seed else []
    options += ["--learning-curve"] if settings.learning_curve else []
    return shlex.join([purpose.command, *map(not_an_option, names), *options])


def _merged(faces: LabelledFaces) -> tuple[str, ...]:
    """Return the labels merged into the last class, sorted."""
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
    # The model first: without it, the next run would take card and plot for the user's files. Its
    # checkpoint is removed last, so that a run that is stopped in between writes all three again.
    write_bytes(out, outcome.graph)
    write_bytes(out.with_suffix(".png"), as_png(figure))
    write_text(out.with_suffix(".md"), card)

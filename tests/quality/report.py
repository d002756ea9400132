"""Tables that `make quality` prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from clustering.grouping.footage import GroupingSettings
from tests.quality.clips import (
    DEFAULT,
    DRAWN,
    ONE_PER_SECOND,
    SAMPLINGS,
    Clip,
    joined_clips,
    without_sface,
)
from tests.quality.photographs import PhotographScores
from tests.quality.scores import Mean, Score, mean, ours, plain
from tests.targets import verdict

PARTS: Final = ("tracklets", "cannot_link", "mirror", "clothes", "quality", "spread")

# Two children of pexels_02 are also in pexels_01.
TOGETHER: Final = {
    "screen": ("film_a", "meeting_a", "sitcom_a", "talkshow_a"),
    "at home": ("pexels_00", "pexels_01", "pexels_03", "pexels_04"),
    "all people": (
        "film_a",
        "meeting_a",
        "sitcom_a",
        "talkshow_a",
        "pexels_00",
        "pexels_01",
        "pexels_03",
        "pexels_04",
    ),
}

_HEAD: Final = (
    f"{'clip':14} people   P     R     F    found | dlib alone: people   F    found | plain: people"
    f"   F\n{'-' * 88}"
)

_FOUND, _MIN_FOUND, _F, _MIN_F, _P, _RIGHT = 0.97, 0.88, 0.95, 0.85, 0.985, 9


def clip_table(best: Sequence[Clip], cnn: Sequence[Clip], sampling: str) -> list[str]:
    """Return every clip next to dlib alone and plain DBSCAN, then the means against the targets.

    Args:
        best: clips with CenterFace's faces and SFace's embeddings.
        cnn: the same clips with the faces of dlib's detector.
        sampling: sampling of the frames.
    """
    lines = ["", f"Clips end to end, {_sampling_text(sampling)}", *_HEAD.splitlines()]
    rows = list(_scored(best, cnn, sampling))
    lines += [_row(name, *scores) for name, *scores in rows]
    real = [scores for name, *scores in rows if name != DRAWN]
    return lines + (_means(sampling, *zip(*real, strict=True)) if real else [])


def _scored(
    best: Sequence[Clip], cnn: Sequence[Clip], sampling: str
) -> Iterator[tuple[str, Score, Score, Score]]:
    """Yield each clip's name and its scores: ours, dlib alone, plain DBSCAN."""
    for clip, other in zip(best, cnn, strict=True):
        dlib = without_sface(other).by_sampling[sampling]
        yield clip.name, ours(clip.by_sampling[sampling]), ours(dlib), plain(dlib)


def ablation_table(best: Sequence[Clip], cnn: Sequence[Clip]) -> list[str]:
    """Return the means without each network and each part of the method."""
    best = [clip for clip in best if clip.name != DRAWN]
    cnn = [clip for clip in cnn if clip.name != DRAWN]
    usual = GroupingSettings()
    settings = {"all parts": (best, usual)}
    for part in PARTS:
        settings[f"without {part}"] = best, dataclasses.replace(usual, **{part: False})
    dlib = [without_sface(clip) for clip in cnn]
    settings["without SFace"] = [without_sface(clip) for clip in best], usual
    settings["without CenterFace"] = list(cnn), usual
    settings["dlib alone"] = dlib, usual
    columns = "  F     P    min F  right"
    lines = ["", f"Ablation, means over {len(best)} clips"]
    lines += [f"{'':22}| {'default sampling':24} | {ONE_PER_SECOND}"]
    lines += [f"{'':22}|{columns}  |{columns}", "-" * 74]
    for name, (clips, chosen) in settings.items():
        means = [mean([ours(clip.by_sampling[s], chosen) for clip in clips]) for s in SAMPLINGS]
        lines.append(f"{name:22}" + "".join(f"| {_ablated(one)}  " for one in means))
    means = [mean([plain(clip.by_sampling[s]) for clip in dlib]) for s in SAMPLINGS]
    lines.append(f"{'plain DBSCAN':22}" + "".join(f"| {_ablated(one)}  " for one in means))
    return lines


def together_table(best: Sequence[Clip], cnn: Sequence[Clip]) -> list[str]:
    """Return scores of several clips joined to one footage, with more people, rooms and clothes."""
    ours_by_name, dlib_by_name = ({clip.name: clip for clip in clips} for clips in (best, cnn))
    lines = ["", "Several clips as one footage (not tuned for)", *_HEAD.splitlines()]
    for name, members in TOGETHER.items():
        if not set(members) <= set(ours_by_name):
            continue
        for sampling in SAMPLINGS:
            sample = joined_clips([ours_by_name[member] for member in members], sampling)
            dlib = [without_sface(dlib_by_name[member]) for member in members]
            other = joined_clips(dlib, sampling)
            title = f"{name}, {'1/s' if sampling == ONE_PER_SECOND else '5/s'}"
            lines.append(_row(title, ours(sample), ours(other), plain(other)))
    return lines if len(lines) > 4 else []


def photograph_table(found: PhotographScores) -> list[str]:
    """Return scores of the photographs, next to dlib alone and plain DBSCAN at its best."""
    best = f"eps {found.plain_eps:g}, min_samples {found.plain_min_samples}"
    lines = ["", f"Photographs: {found.photographs} of {found.people} people"]
    for name, one, note in (
        ("ours", found.ours, f"{found.clusters} people found in {found.faces} faces"),
        ("dlib alone", found.dlib, ""),
        ("DBSCAN", found.plain, f"dlib's faces, at its best ({best})"),
    ):
        scores = f"P {one.precision:.3f}  R {one.recall:.3f}  F {one.f:.3f}"
        lines.append(f"{name:11}{scores}  {note}".rstrip())
    met = found.ours.f >= found.dlib.f >= found.plain.f
    return [*lines, f"target: ours, dlib alone and DBSCAN in this order {verdict(met)}"]


def _sampling_text(sampling: str) -> str:
    return "default sampling" if sampling == DEFAULT else "exactly 1 frame per second"


def _row(name: str, mine: Score, dlib: Score, other: Score) -> str:
    return (
        f"{name:14} {_people(mine)}  {_b_cubed(mine)}  {mine.faces_found:4.0%}  |"
        f"             {_people(dlib)} {dlib.b_cubed.f:.3f}  {dlib.faces_found:4.0%}  |"
        f"        {_people(other)} {other.b_cubed.f:.3f}"
    )


def _people(score: Score) -> str:
    mark = " " if score.people_right else "!"
    return f"{score.people_found:2d}/{score.people_there:<2d}{mark}"


def _b_cubed(score: Score) -> str:
    found = score.b_cubed
    return f"{found.precision:.3f} {found.recall:.3f} {found.f:.3f}"


def _means(
    sampling: str, mine: Sequence[Score], dlib: Sequence[Score], other: Sequence[Score]
) -> list[str]:
    lines = ["-" * 88]
    for name, scores in (("ours", mine), ("dlib alone", dlib), ("plain", other)):
        one = mean(scores)
        lines.append(
            f"mean, {name:10}    {one.precision:.3f} {one.recall:.3f} {one.f:.3f}  {one.found:4.0%}"
            f"   min F {one.min_f:.3f}  min found {one.min_found:4.0%}"
            f"  people right {one.people_right} of {one.clips}"
        )
    we = mean(mine)
    if sampling == DEFAULT:
        lines += [
            f"target: found >= {_FOUND} {verdict(we.found >= _FOUND)}"
            f"; in every clip >= {_MIN_FOUND} {verdict(we.min_found >= _MIN_FOUND)}",
            f"target: F >= {_F} {verdict(we.f >= _F)}; in every clip >= {_MIN_F}"
            f" {verdict(we.min_f >= _MIN_F)}; P >= {_P} {verdict(we.precision >= _P)}"
            f"; right in {_RIGHT} of 11 {verdict(we.people_right >= _RIGHT)}",
        ]
    return lines


def _ablated(one: Mean) -> str:
    return f"{one.f:.3f} {one.precision:.3f} {one.min_f:.3f} {one.people_right:2d}/{one.clips:<2d}"

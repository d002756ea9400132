"""Tables that `make quality` prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from clustering.grouping.footage import GroupingSettings
from tests.quality.clips import DEFAULT, DRAWN, ONE_PER_SECOND, SAMPLINGS, Clip, joined_clips
from tests.quality.photographs import PhotographScores
from tests.quality.scores import Mean, Score, mean, ours, plain

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
    f"{'clip':14} people   P     R     F    found | plain: people   P     R     F\n" + "-" * 74
)


def clip_table(clips: Sequence[Clip], sampling: str) -> list[str]:
    """Return every clip next to plain DBSCAN, then the means against the targets."""
    lines = ["", f"Clips, {_sampling_text(sampling)}", *_HEAD.splitlines()]
    rows = [
        (clip, ours(clip.by_sampling[sampling]), plain(clip.by_sampling[sampling]))
        for clip in clips
    ]
    lines += [_row(clip.name, mine, other) for clip, mine, other in rows]
    real = [(mine, other) for clip, mine, other in rows if clip.name != DRAWN]
    if real:
        lines += _means(sampling, [mine for mine, _ in real], [other for _, other in real])
    return lines


def ablation_table(clips: Sequence[Clip]) -> list[str]:
    """Return the means without each part of the method."""
    settings = {"all parts": GroupingSettings()}
    for part in PARTS:
        settings[f"without {part}"] = dataclasses.replace(GroupingSettings(), **{part: False})
    columns = "  F     P    min F  right"
    lines = ["", f"Ablation, means over {len(clips)} clips"]
    lines += [f"{'':22}| {'default sampling':24} | {ONE_PER_SECOND}"]
    lines += [f"{'':22}|{columns}  |{columns}", "-" * 74]
    for name, chosen in settings.items():
        means = [mean([ours(clip.by_sampling[s], chosen) for clip in clips]) for s in SAMPLINGS]
        lines.append(f"{name:22}" + "".join(f"| {_ablated(one)}  " for one in means))
    means = [mean([plain(clip.by_sampling[s]) for clip in clips]) for s in SAMPLINGS]
    lines.append(f"{'plain DBSCAN':22}" + "".join(f"| {_ablated(one)}  " for one in means))
    return lines


def together_table(clips: Sequence[Clip]) -> list[str]:
    """Return scores of several clips joined to one footage, with more people, rooms and clothes."""
    by_name = {clip.name: clip for clip in clips}
    lines = ["", "Several clips as one footage (not tuned for)", *_HEAD.splitlines()]
    for name, members in TOGETHER.items():
        if not set(members) <= set(by_name):
            continue
        for sampling in SAMPLINGS:
            sample = joined_clips([by_name[member] for member in members], sampling)
            title = f"{name}, {'1/s' if sampling == ONE_PER_SECOND else '5/s'}"
            lines.append(_row(title, ours(sample), plain(sample)))
    return lines if len(lines) > 4 else []


def photograph_table(found: PhotographScores) -> list[str]:
    """Return scores of the photographs, next to plain DBSCAN at its best settings."""
    mine, other = found.ours, found.plain
    best = f"eps {found.plain_eps:g}, min_samples {found.plain_min_samples}"
    return [
        "",
        f"Photographs: {found.photographs} of {found.people} people, {found.faces} faces found",
        f"ours       P {mine.precision:.3f}  R {mine.recall:.3f}  F {mine.f:.3f}"
        f"  {found.clusters} people found",
        f"DBSCAN     P {other.precision:.3f}  R {other.recall:.3f}  F {other.f:.3f}"
        f"  at its best ({best})",
        f"target: at least plain DBSCAN at its best {_verdict(mine.f >= other.f)}",
    ]


def _sampling_text(sampling: str) -> str:
    return "default sampling" if sampling == DEFAULT else "exactly 1 frame per second"


def _row(name: str, mine: Score, other: Score) -> str:
    people = f"{mine.people_found:2d}/{mine.people_there:<2d}{' ' if mine.people_right else '!'}"
    theirs = f"{other.people_found:2d}/{other.people_there:<2d}{' ' if other.people_right else '!'}"
    return (
        f"{name:14} {people}  {_b_cubed(mine)}  {mine.faces_found:4.0%}  |"
        f"        {theirs} {_b_cubed(other)}"
    )


def _b_cubed(score: Score) -> str:
    found = score.b_cubed
    return f"{found.precision:.3f} {found.recall:.3f} {found.f:.3f}"


def _means(sampling: str, mine: Sequence[Score], other: Sequence[Score]) -> list[str]:
    we, they = mean(mine), mean(other)
    behind = sum(a.b_cubed.f < b.b_cubed.f for a, b in zip(mine, other, strict=True))
    lines = ["-" * 74]
    for name, one in (("mean, ours", we), ("mean, plain", they)):
        lines.append(
            f"{name:14}        {one.precision:.3f} {one.recall:.3f} {one.f:.3f}"
            f"  min F {one.min_f:.3f}  people right {one.people_right} of {one.clips}"
        )
    lines.append(
        f"target: mean F never behind plain {_verdict(we.f >= they.f)}; {behind} clips are"
    )
    if sampling == DEFAULT:
        lines += [
            f"target: mean F >= 0.97 {_verdict(we.f >= 0.97)}"
            f"; mean P >= 0.98 {_verdict(we.precision >= 0.98)}"
            f"; min F >= 0.85 {_verdict(we.min_f >= 0.85)}"
            f"; right on 7 of 9 {_verdict(we.people_right >= 7)}"
        ]
    else:
        lines += [f"target: mean F >= 0.90 {_verdict(we.f >= 0.90)}"]
    return lines


def _ablated(one: Mean) -> str:
    return f"{one.f:.3f} {one.precision:.3f} {one.min_f:.3f} {one.people_right:2d}/{one.clips:<2d}"


def _verdict(kept: bool) -> str:
    return "(met)" if kept else "(MISSED)"

"""What the grouping's thresholds are in each embedding space; measured over all labelled clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clustering.grouping.linkage import CLOTHES_SHARE, Distance


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds of the grouping.

    Args:
        link: average linkage stops at this many eps, in video.
        link_stills: the same for photographs, which need more similarity: without clothes and with
            more people, the faces of two people are nearer.
        clothes_share: see `Distance`.
        founder_weight: min weight of the best face of a person.
        link_across: linkage across footages stops at this many eps of `across`.
        across: distance of people of different footages.
        match: leftover faces and known people match a person within this many eps of `faces`.
        faces: distance across footages, by the faces alone.
    """

    link: float
    link_stills: float
    clothes_share: float
    founder_weight: float
    link_across: float
    across: Distance
    match: float
    faces: Distance


# dlib confuses poor faces of different people; SFace's weights leave such faces out.
DLIB: Final = Calibration(
    link=1.20,
    link_stills=1.06,
    clothes_share=CLOTHES_SHARE,
    founder_weight=0.2,
    link_across=1.02,
    across=Distance(clothes_share=0.0, poor_share=0.3),
    match=1.02,
    faces=Distance(clothes_share=0.0, poor_share=0.3),
)
SFACE: Final = Calibration(
    link=1.20,
    link_stills=1.12,
    clothes_share=0.15,
    founder_weight=0.4,
    link_across=1.10,
    across=Distance(clothes_share=0.2, like_clothes_only=True),
    match=1.14,
    faces=Distance(clothes_share=0.0),
)

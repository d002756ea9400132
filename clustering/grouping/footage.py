"""Cluster the faces of one footage into people: linkage, DBSCAN's density, leftovers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.faces.embedding_space import face_embeddings, face_weights, has_sface
from clustering.grouping.arrays import Labels
from clustering.grouping.calibration import DLIB, SFACE
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.dbscan import dense
from clustering.grouping.large_linkage import DEFAULT_LIMITS, LinkageLimits, link
from clustering.grouping.leftovers import match_leftovers, one_per_frame
from clustering.grouping.linkage import (
    SPREAD_SHARE,
    Distance,
    Groups,
    groups_of,
)
from clustering.grouping.relabel import by_first_row, renumbered
from clustering.grouping.review_constraints import ReviewConstraints, review_links, separate_nodes
from data.core.arrays import UNKNOWN
from data.tables.faces import Faces


@dataclass(frozen=True, slots=True)
class GroupingSettings:
    """Settings of the clustering; the defaults were tuned on all labelled clips together.

    Args:
        eps: typical maximum distance of two faces of one person, in dlib's space.
        min_samples: minimum number of similar faces of a person; None derives it from the number of
            sampled frames.
        plain: use DBSCAN on the embeddings alone, the reference recipe.
        tracklets, cannot_link, mirror, clothes, quality, spread: parts of the method, each of which
            can be switched off to measure its contribution.
    """

    eps: float = 0.5
    min_samples: int | None = None
    plain: bool = False
    tracklets: bool = True
    cannot_link: bool = True
    mirror: bool = True
    clothes: bool = True
    quality: bool = True
    spread: bool = True


PLAIN_MIN_SAMPLES = 5

_JOIN_SLACK = 0.1  # added to the threshold for leftovers, in eps


def group_faces(
    faces: Faces,
    settings: GroupingSettings,
    *,
    frames: int,
    video: bool = True,
    constraints: ReviewConstraints | None = None,
    limits: LinkageLimits = DEFAULT_LIMITS,
) -> Labels:
    """Cluster the faces of one footage into people.

    Args:
        faces: faces with ``tracklet`` filled in.
        settings: settings of the clustering.
        frames: number of sampled frames.
        video: False for photographs, which may be from different places and times.
        constraints: review decisions about these faces.
        limits: sizes at which the linkage becomes approximate.

    Returns:
        ``(n,)`` person of each face, from 0 in order of first face; -1 unknown.
    """
    constraints = constraints or ReviewConstraints.empty(len(faces))
    return _Grouping(faces, settings, constraints, limits, frames=frames, video=video).people()


def default_min_samples(frames: int, *, video: bool) -> int:
    """Return the minimum faces of a person: 2 in photographs, 3 to 5 in video, by length."""
    return int(np.clip(3 + frames / 300, 3, 5)) if video else 2


class _Grouping:
    def __init__(
        self,
        faces: Faces,
        settings: GroupingSettings,
        constraints: ReviewConstraints,
        limits: LinkageLimits,
        *,
        frames: int,
        video: bool,
    ) -> None:
        clothes = settings.clothes and video
        self.settings = settings
        self.min_samples = settings.min_samples or default_min_samples(frames, video=video)
        self.faces = faces
        tracklets = settings.tracklets and video
        self.constraints = constraints.with_tracklets(faces.tracklet) if tracklets else constraints
        self.limits = limits
        self.frame = _shared_frames(faces) if settings.cannot_link else np.full(len(faces), UNKNOWN)
        sface = has_sface(faces)
        self.calibration = SFACE if sface else DLIB
        self.embedding = face_embeddings(faces, sface=sface, mirrored=settings.mirror)
        self.weight = face_weights(faces, sface=sface, weighted=settings.quality)
        self.clothes = faces.clothes if clothes else np.zeros((len(faces), 1), np.float32)
        # A removed face leaves its tracklet only after the linkage.
        constraints = self.constraints
        self.node = _nodes(faces, constraints, tracklets=tracklets)
        self.linked_node = _nodes(faces, constraints.without_removals(), tracklets=tracklets)
        chosen = self.calibration
        self.threshold = settings.eps * (chosen.link if video else chosen.link_stills)
        self.distance = Distance(
            clothes_share=chosen.clothes_share if clothes else 0.0,
            spread_share=SPREAD_SHARE if settings.spread else 0.0,
        )

    def people(self) -> Labels:
        """Link nodes, drop clusters that are no person, and assign leftovers; ``(n,)``."""
        if len(self.faces) == 0:
            return np.zeros(0, np.int64)
        cluster = self._link(self.linked_node)
        is_member = self._is_person(cluster) & ~self.constraints.removed()
        return renumbered(self._assign_leftovers(np.where(is_member, cluster, UNKNOWN)))

    def _groups(self, label: Labels) -> Groups:
        return groups_of(label, self.weight, self.embedding, self.clothes)

    def _cannot_link(self, label: Labels) -> CannotLink:
        """Separate groups that share a frame, or that review decisions separate."""
        size = int(label.max(initial=-1)) + 1
        cannot = CannotLink.exclusive(label, self.frame, size)
        if self.constraints.any():
            cannot = cannot.combined_with(review_links(label, size, self.constraints))
        return cannot

    def _link(self, node: Labels) -> Labels:
        """Link nodes; return the cluster of each face, ``(n,)``."""
        linked = link(
            self._groups(node),  # pass ownership: `link` frees groups as it merges
            self._cannot_link(node),
            distance=self.distance,
            threshold=self.threshold,
            limits=self.limits,
        )
        return linked[node]

    def _is_person(self, cluster: Labels) -> NDArray[np.bool_]:
        """Return the faces of clusters that are dense by DBSCAN and have a good face, ``(n,)``.

        Removed faces do not found a person. They count where the other faces are the person that
        they were removed from, so that one who had just enough faces does not lose the others too.
        """
        is_dense = dense(self.embedding, eps=self.settings.eps, min_samples=self.min_samples)
        is_founder = is_dense & (self.weight >= self.calibration.founder_weight)
        removed = self.constraints.removed()
        counts = ~removed
        if removed.any():
            counts |= self.constraints.removed_from_continued(cluster)
        people = self._founded(cluster, is_founder, counts)
        pinned = np.unique(cluster[self.constraints.pinned != UNKNOWN])
        return np.isin(cluster, np.union1d(people, pinned))

    def _founded(
        self, cluster: Labels, is_founder: NDArray[np.bool_], counts: NDArray[np.bool_]
    ) -> Labels:
        """Return the clusters in which enough faces count, and one of them is a founder."""
        large = np.flatnonzero(np.bincount(cluster[counts]) >= self.min_samples)
        return np.intersect1d(np.unique(cluster[is_founder & counts]), large)

    def _assign_leftovers(self, cluster: Labels) -> Labels:
        """Assign each leftover node to the cluster that it clearly belongs to."""
        people = renumbered(cluster)
        left = np.flatnonzero(people == UNKNOWN)
        if people.max() == UNKNOWN or not len(left):
            return people
        leftover_node = np.full(len(people), UNKNOWN, np.int64)
        leftover_node[left] = by_first_row(self.node[left])
        joins, distance = match_leftovers(
            self._groups(leftover_node),
            self._groups(people),
            self._cannot_link(leftover_node),
            self._cannot_link(people),
            distance=self.distance,
            limit=self.threshold + _JOIN_SLACK * self.settings.eps,
        )
        joining = np.append(joins, UNKNOWN)[leftover_node]
        joins[leftover_node[self.constraints.rejects(people, joining)]] = UNKNOWN
        if self.settings.cannot_link:
            joins = one_per_frame(joins, distance, node=leftover_node, frame=self.faces.frame_index)
        people[left] = joins[leftover_node[left]]
        return people


def _shared_frames(faces: Faces) -> Labels:
    """Return the frame of each face, ``(n,)`` from 0; -1 if the frame has no other face."""
    frame = by_first_row(faces.frame_index)
    return renumbered(np.where(np.bincount(frame)[frame] > 1, frame, UNKNOWN))


def _nodes(faces: Faces, constraints: ReviewConstraints, *, tracklets: bool) -> Labels:
    """Return the node of each face, ``(n,)`` from 0: its tracklet, or a node of its own."""
    single = -1 - np.arange(len(faces))
    alone = faces.tracklet < 0 if tracklets else np.ones(len(faces), np.bool_)
    return by_first_row(separate_nodes(np.where(alone, single, faces.tracklet), constraints))

"""One footage's faces sorted into people: DBSCAN, and what video knows around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.faces.quality import quality
from clustering.grouping.cannot_link import CannotLink
from clustering.grouping.dbscan import NOISE, dense
from clustering.grouping.large_linkage import link
from clustering.grouping.leftovers import clear_owners, once_a_frame
from clustering.grouping.linkage import (
    CLOTHES_SHARE,
    SPREAD_SHARE,
    Distance,
    Floats,
    Groups,
    groups_of,
)
from clustering.grouping.relabel import by_first_sight, renumbered
from clustering.grouping.review_constraints import ReviewConstraints, decided_links, separate_nodes
from data.tables.faces import Faces


@dataclass(frozen=True, slots=True)
class GroupingSettings:
    """How to cluster; the defaults are measured over all labelled clips together.

    Args:
        eps: two faces of one person are about this near in dlib's space.
        min_samples: so many alike faces make a person; None follows the number of samples.
        plain: DBSCAN on the embeddings and nothing else, the reference recipe.
        tracklets, cannot_link, mirror, clothes, quality, spread: parts, each of which can be
            left out to see what it is worth.
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

# Average linkage stops at so many eps. Without clothes, and with more people in the heap, two
# strangers come nearer, so photographs need more likeness.
_LINK = 1.20
_LINK_STILLS = 1.06
_JOIN_SLACK = 0.1  # eps further than the linkage goes, a left-over face joins a person ...
_FOUNDER_QUALITY = 0.2  # the best face of a person is at least so good


def group_faces(
    faces: Faces,
    settings: GroupingSettings,
    *,
    frames: int,
    video: bool = True,
    decided: ReviewConstraints | None = None,
) -> NDArray[np.int64]:
    """Sort the faces of one footage into people, ``(n,)`` from 0 by first sight; -1 unknown.

    Args:
        faces: with ``tracklet`` filled in.
        settings: which parts, and how strict.
        frames: number of sampled frames.
        video: False for photographs, which were not taken in one place at one time.
        decided: what people said about these faces.
    """
    decided = decided or ReviewConstraints.nothing(len(faces))
    return _Grouping(faces, settings, decided, frames=frames, video=video).people()


def default_min_samples(frames: int, *, video: bool) -> int:
    """How many alike faces make a person: 2 photographs; 3 in short footage, 5 in long."""
    return int(np.clip(3 + frames / 300, 3, 5)) if video else 2


def person_weights(faces: Faces, *, weighted: bool = True) -> Floats:
    """Weight of each face as a witness, ``(n,)``; all 1 where quality is not to count."""
    return quality(faces).astype(np.float64) if weighted else np.ones(len(faces))


def person_embeddings(faces: Faces, *, mirrored: bool = True) -> NDArray[np.float32]:
    """What tells people apart, ``(n, 128)``: the embedding averaged with the mirrored chip's."""
    both = (faces.embedding + faces.embedding_mirrored) / 2 if mirrored else faces.embedding
    return np.asarray(both, np.float32)


class _Grouping:
    def __init__(
        self,
        faces: Faces,
        settings: GroupingSettings,
        decided: ReviewConstraints,
        *,
        frames: int,
        video: bool,
    ) -> None:
        clothes = settings.clothes and video
        self.settings = settings
        self.min_samples = settings.min_samples or default_min_samples(frames, video=video)
        self.faces = faces
        self.decided = decided
        self.frame = _shared_frames(faces) if settings.cannot_link else np.full(len(faces), NOISE)
        self.embedding = person_embeddings(faces, mirrored=settings.mirror)
        self.weight = person_weights(faces, weighted=settings.quality)
        self.clothes = faces.clothes if clothes else np.zeros((len(faces), 1), np.float32)
        self.node = _nodes(faces, decided, tracklets=settings.tracklets and video)
        self.threshold = settings.eps * (_LINK if video else _LINK_STILLS)
        self.distance = Distance(
            clothes_share=CLOTHES_SHARE if clothes else 0.0,
            spread_share=SPREAD_SHARE if settings.spread else 0.0,
        )

    def people(self) -> NDArray[np.int64]:
        """Link, drop what founds no person, let left-over faces join."""
        if len(self.faces) == 0:
            return np.zeros(0, np.int64)
        cluster = self._link(self.node)
        return renumbered(self._join(np.where(self._founded(cluster), cluster, NOISE)))

    def _groups(self, label: NDArray[np.int64]) -> Groups:
        return groups_of(label, self.weight, self.embedding, self.clothes)

    def _cannot_link(self, label: NDArray[np.int64]) -> CannotLink:
        """What keeps groups of faces apart: two of one frame are two people, and decisions."""
        size = int(label.max(initial=-1)) + 1
        cannot = CannotLink.exclusive(label, self.frame, size)
        if self.decided.anything():
            cannot = cannot.and_also(decided_links(label, size, self.decided))
        return cannot

    def _link(self, node: NDArray[np.int64]) -> NDArray[np.int64]:
        """Average linkage, ``(n,)`` cluster of each face by first sight."""
        linked = link(
            self._groups(node),  # in no hands but link's: it lets go of them as they merge
            self._cannot_link(node),
            distance=self.distance,
            threshold=self.threshold,
        )
        return linked[node]

    def _founded(self, cluster: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which faces are of a cluster that DBSCAN finds dense and that has a good face."""
        found = dense(self.embedding, eps=self.settings.eps, min_samples=self.min_samples)
        founders = np.unique(cluster[found & (self.weight >= _FOUNDER_QUALITY)])
        enough = np.flatnonzero(np.bincount(cluster) >= self.min_samples)
        put = np.unique(cluster[self.decided.pinned != NOISE])
        return np.isin(cluster, np.union1d(np.intersect1d(founders, enough), put))

    def _join(self, cluster: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let the nodes in no cluster join the one that they clearly belong to."""
        people = renumbered(cluster)
        left = np.flatnonzero(people == NOISE)
        if people.max() == NOISE or not len(left):
            return people
        own = np.full(len(people), NOISE, np.int64)
        own[left] = by_first_sight(self.node[left])
        joins, apart = clear_owners(
            self._groups(own),
            self._groups(people),
            self._cannot_link(own),
            self._cannot_link(people),
            distance=self.distance,
            limit=self.threshold + _JOIN_SLACK * self.settings.eps,
        )
        if self.settings.cannot_link:
            joins = once_a_frame(joins, apart, node=own, frame=self.faces.frame_index)
        people[left] = joins[own[left]]
        return people


def _shared_frames(faces: Faces) -> NDArray[np.int64]:
    """Number of each face's frame, ``(n,)`` from 0; -1 where it is alone in it."""
    frame = by_first_sight(faces.frame_index)
    return renumbered(np.where(np.bincount(frame)[frame] > 1, frame, NOISE))


def _nodes(faces: Faces, decided: ReviewConstraints, *, tracklets: bool) -> NDArray[np.int64]:
    """What is linked, ``(n,)`` from 0 by first sight: tracklets, or single faces."""
    single = -1 - np.arange(len(faces))
    alone = faces.tracklet < 0 if tracklets else np.ones(len(faces), np.bool_)
    return by_first_sight(separate_nodes(np.where(alone, single, faces.tracklet), decided))

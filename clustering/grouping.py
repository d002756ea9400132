"""One footage's faces sorted into people: DBSCAN, and what video knows around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.dbscan import NOISE, dbscan
from clustering.decided import Decided, forbidden, separate_nodes
from clustering.linkage import (
    CLOTHES_SHARE,
    SPREAD_SHARE,
    Distance,
    Floats,
    Groups,
    average_linkage,
    groups_of,
)
from clustering.quality import quality
from data.faces import Faces

MAX_NODES = 2000
"""Groups that are linked at once: 2000 * 2000 * 8 bytes = 32 MB of distances. Longer footage is
linked part by part, and what comes out of the parts again."""
_WORTHWHILE = 0.8  # stretches of time are linked again while a fifth of the nodes goes each time
_LIKENESS_ROUNDS = 3


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
_JOIN_MARGIN = 0.04  # ... when the next person is this much further away
_FOUNDER_QUALITY = 0.2  # the best face of a person is at least so good


def group_faces(
    faces: Faces,
    settings: GroupingSettings,
    *,
    frames: int,
    video: bool = True,
    decided: Decided | None = None,
) -> NDArray[np.int64]:
    """Sort the faces of one footage into people, ``(n,)`` from 0 by first sight; -1 unknown.

    Args:
        faces: with ``tracklet`` filled in.
        settings: which parts, and how strict.
        frames: number of sampled frames.
        video: False for photographs, which were not taken in one place at one time.
        decided: what people said about these faces.
    """
    decided = decided or Decided.nothing(len(faces))
    return _Grouping(faces, settings, decided, frames=frames, video=video).people()


def default_min_samples(frames: int, *, video: bool) -> int:
    """How many alike faces make a person: 2 photographs; 3 in short footage, 5 in long."""
    return int(np.clip(3 + frames / 300, 3, 5)) if video else 2


def person_weights(faces: Faces, *, weighted: bool = True) -> Floats:
    """Weight of each face as a witness, ``(n,)``; all 1 where quality is not to count."""
    return quality(faces).astype(np.float64) if weighted else np.ones(len(faces))


def person_embeddings(faces: Faces, *, mirrored: bool = True) -> Floats:
    """What tells people apart, ``(n, 128)``: the embedding averaged with the mirrored chip's."""
    both = (faces.embedding + faces.embedding_mirrored) / 2 if mirrored else faces.embedding
    return np.asarray(both, np.float64)


class _Grouping:
    def __init__(
        self,
        faces: Faces,
        settings: GroupingSettings,
        decided: Decided,
        *,
        frames: int,
        video: bool,
    ) -> None:
        clothes = settings.clothes and video
        self.settings = settings
        self.min_samples = settings.min_samples or default_min_samples(frames, video=video)
        self.faces = faces
        self.decided = decided
        self.embedding = person_embeddings(faces, mirrored=settings.mirror)
        self.weight = person_weights(faces, weighted=settings.quality)
        self.clothes = faces.clothes.astype(np.float64)
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

    def _link(self, node: NDArray[np.int64]) -> NDArray[np.int64]:
        """Average linkage; where there are too many nodes for one go, part by part.

        First stretches of time, as often as that brings many together, then parts of nodes that
        are alike. So memory stays bounded; only among very many people may two nodes of one
        person end in different parts each time, and apart.
        """
        rounds = iter(range(_LIKENESS_ROUNDS))
        by_time = True
        while (nodes := int(node.max()) + 1) > MAX_NODES:
            seed = None if by_time else next(rounds, -1)
            if seed == -1:
                return node
            part = _time_parts(nodes) if seed is None else self._alike_parts(node, seed)
            node = self._link_parts(node, part)
            by_time = by_time and node.max() + 1 < _WORTHWHILE * nodes
        return self._link_parts(node, np.zeros(nodes, np.int64))

    def _link_parts(self, node: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
        """Link the nodes of each part among themselves.

        Args:
            node: ``(n,)`` node of each face.
            part: ``(nodes,)`` part of each node, from 0.
        """
        linked = np.zeros_like(node)
        first = 0
        for number in range(int(part.max()) + 1):
            rows = part[node] == number
            _, own = np.unique(node[rows], return_inverse=True)
            linked[rows] = first + self._link_once(rows, own)
            first = int(linked[rows].max()) + 1
        return by_first_sight(linked)

    def _alike_parts(self, node: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Parts of at most MAX_NODES nodes with like means, ``(nodes,)``."""
        from sklearn.cluster import MiniBatchKMeans

        means = self._groups(node).mean
        parts = 2 * len(means) // MAX_NODES
        kmeans = MiniBatchKMeans(parts, random_state=seed, n_init=1, batch_size=4096)
        place = np.argsort(kmeans.fit_predict(means), kind="stable")
        part = np.empty(len(means), np.int64)
        part[place] = _time_parts(len(means))
        return part

    def _link_once(self, rows: NDArray[np.bool_], node: NDArray[np.int64]) -> NDArray[np.int64]:
        groups = groups_of(node, self.weight[rows], self.embedding[rows], self.clothes[rows])
        cannot = self._together(self.faces.frame_index[rows], node)
        if self.decided.anything():
            cannot |= forbidden(node, node, self.decided.take(rows))
            np.fill_diagonal(cannot, False)
        linked = average_linkage(groups, cannot, distance=self.distance, threshold=self.threshold)
        return linked[node]

    def _together(
        self, frame_index: NDArray[np.int64], node: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which nodes are seen in one frame, and so are two people, ``(n, n)``."""
        size = int(node.max(initial=-1)) + 1
        together = np.zeros((size, size), np.bool_)
        if self.settings.cannot_link:
            starts = np.flatnonzero(np.diff(frame_index, prepend=-1))
            for same_frame in np.split(node, starts[1:]):
                together[np.ix_(same_frame, same_frame)] = True
            np.fill_diagonal(together, False)
        return together

    def _seen_beside(self, people: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a node shares a frame with a face of a person, ``(n, m)``."""
        beside = np.zeros((int(self.node.max()) + 1, int(people.max()) + 1), np.bool_)
        if self.settings.cannot_link:
            starts = np.flatnonzero(np.diff(self.faces.frame_index)) + 1
            for rows in np.split(np.arange(len(people)), starts):
                known = people[rows][people[rows] != NOISE]
                beside[np.ix_(self.node[rows], known)] = True
        return beside

    def _founded(self, cluster: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which faces are of a cluster that DBSCAN finds dense and that has a good face."""
        eps = self.settings.eps
        dense = dbscan(self.embedding.astype(np.float32), eps=eps, min_samples=self.min_samples)
        good = (dense != NOISE) & (self.weight >= _FOUNDER_QUALITY)
        founders = np.unique(cluster[good])
        enough = np.flatnonzero(np.bincount(cluster) >= self.min_samples)
        put = np.unique(cluster[self.decided.pinned != NOISE])
        return np.isin(cluster, np.union1d(np.intersect1d(founders, enough), put))

    def _join(self, cluster: NDArray[np.int64]) -> NDArray[np.int64]:
        """Let the nodes in no cluster join the one that they clearly belong to."""
        people = renumbered(cluster)
        if people.max() == NOISE:
            return people
        apart = self.distance(self._groups(self.node), self._groups(people))
        apart[self._seen_beside(people)] = np.inf
        if self.decided.anything():
            apart[forbidden(self.node, people, self.decided)] = np.inf
        limit = self.threshold + _JOIN_SLACK * self.settings.eps
        joins = clear_nearest(apart, limit=limit)
        left = np.where(people == NOISE, self.node, NOISE)
        if self.settings.cannot_link:
            joins = once_a_frame(joins, apart, node=left, frame=self.faces.frame_index)
        return np.where(people == NOISE, joins[self.node], people)


def clear_nearest(apart: Floats, *, limit: float) -> NDArray[np.int64]:
    """Column of each row's smallest distance, ``(n,)``; -1 beyond ``limit`` or hardly smallest."""
    order = np.sort(apart, axis=1)
    second = order[:, 1] if order.shape[1] > 1 else np.full(len(order), np.inf)
    clear = (order[:, 0] < limit) & (second > order[:, 0] + _JOIN_MARGIN)
    return np.where(clear, apart.argmin(axis=1), NOISE)


def once_a_frame(
    joins: NDArray[np.int64], apart: Floats, *, node: NDArray[np.int64], frame: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Of nodes that are seen together and would join one person, let only the nearest join.

    Args:
        joins: ``(n,)`` person of each node, -1 for none.
        apart: ``(n, m)`` distance of each node to each person.
        node: ``(f,)`` node of each face, -1 for none.
        frame: ``(f,)`` frame of each face.

    Returns:
        ``joins`` with -1 for the others.
    """
    order = np.argsort(node, kind="stable")
    frames = np.split(frame[order], np.searchsorted(node[order], np.arange(len(joins))))[1:]
    joining = np.flatnonzero(joins != NOISE)
    kept = np.full_like(joins, NOISE)
    taken: set[tuple[int, int]] = set()
    for i in joining[np.argsort(apart[joining, joins[joining]], kind="stable")]:
        places = {(int(joins[i]), int(number)) for number in frames[i]}
        if taken.isdisjoint(places):
            taken |= places
            kept[i] = joins[i]
    return kept


def _time_parts(nodes: int) -> NDArray[np.int64]:
    """Stretches of MAX_NODES nodes in order of first sight, ``(nodes,)``."""
    return np.arange(nodes) // MAX_NODES


def _nodes(faces: Faces, decided: Decided, *, tracklets: bool) -> NDArray[np.int64]:
    """What is linked, ``(n,)`` from 0 by first sight: tracklets, or single faces."""
    single = -1 - np.arange(len(faces))
    alone = faces.tracklet < 0 if tracklets else np.ones(len(faces), np.bool_)
    return by_first_sight(separate_nodes(np.where(alone, single, faces.tracklet), decided))


def by_first_sight(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the labels from 0 in order of their first row."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], np.int64)


def renumbered(cluster: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the clusters from 0 by first sight, keeping -1."""
    numbered = np.full(len(cluster), NOISE, np.int64)
    known = cluster != NOISE
    numbered[known] = by_first_sight(cluster[known])
    return numbered

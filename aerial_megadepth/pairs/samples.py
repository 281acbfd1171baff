"""Samples of a data set: pairs, or pairs with more views that overlap, kept as arrays; no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from .pairs_file import ScenePairs

CHUNK_SCORES = 2**22
"""So many scores are looked at once while samples grow; each takes 4 bytes, twice."""


class Sample(NamedTuple):
    """Views that belong together.

    Attributes:
        scene: Their scene.
        images: Names of their images; the first two are the pair.
        score: Of the pair.
    """

    scene: str
    images: tuple[str, ...]
    score: float


class Samples(Sequence[Sample]):
    """Samples of several scenes; a million pairs take 20 MB.

    Args:
        scenes: Pairs by scene.
        views: Views a sample, at least 2; pairs that find fewer are left out.
        min_score: Pairs of a lower score are left out.
    """

    def __init__(self, scenes: Mapping[str, ScenePairs], views: int, min_score: float):
        self._scenes = list(scenes)
        self._images = [listed.images for listed in scenes.values()]
        parts = [_grown(listed, views, min_score) for listed in scenes.values()]
        counts = [len(members) for members, _ in parts]
        self._scene_ids = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        empty = np.empty((0, views), np.int32), np.empty(0, np.float32)
        self._members, self._scores = map(np.concatenate, zip(*parts, empty, strict=True))

    def __len__(self) -> int:
        return len(self._scores)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        scene_id = int(self._scene_ids[index])
        names = tuple(self._images[scene_id][n] for n in self._members[index].tolist())
        return Sample(self._scenes[scene_id], names, float(self._scores[index]))

    def images(self) -> Iterator[tuple[str, str]]:
        """Scene and name of every image that is in a sample, once."""
        for scene_id in np.unique(self._scene_ids).tolist():
            members = self._members[self._scene_ids == scene_id]
            for image in np.unique(members).tolist():
                yield self._scenes[scene_id], self._images[scene_id][image]


def _grown(
    listed: ScenePairs, views: int, min_score: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Members (n, views) and scores (n,) of a scene's samples, indices into its images."""
    kept = listed.scores >= min_score
    members, pair_scores = listed.pairs[kept].astype(np.int32), listed.scores[kept]
    if views == 2 or not len(members):
        return np.resize(members, (len(members), views)), pair_scores
    scores = np.zeros((len(listed.images),) * 2, np.float32)
    scores[listed.pairs[:, 0], listed.pairs[:, 1]] = listed.scores
    scores = np.maximum(scores, scores.T)
    step = max(1, CHUNK_SCORES // len(scores))
    parts = [_joined(members[n : n + step], scores, views) for n in range(0, len(members), step)]
    members, whole = (np.concatenate(found) for found in zip(*parts, strict=True))
    return members[whole], pair_scores[whole]


def _joined(
    pairs: NDArray[np.int32], scores: NDArray[np.float32], views: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Pairs and, one by one, the images whose scores with those chosen sum up to most.

    Args:
        pairs: (n, 2) indices.
        scores: (images, images), symmetric.
        views: How many there shall be.

    Returns:
        (n, views) indices, and (n,) whether so many were found.
    """
    members, rows = pairs, np.arange(len(pairs))
    total = scores[pairs[:, 0]] + scores[pairs[:, 1]]
    whole = np.ones(len(pairs), bool)
    while members.shape[1] < views:
        np.put_along_axis(total, members, np.float32(-1), axis=1)
        best = total.argmax(1)
        whole &= total[rows, best] > 0
        members = np.column_stack([members, best]).astype(np.int32)
        total += scores[best]
    return members, whole

"""Pairs of a scene's views by the surface they share, and files of pairs joined; no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warpset.core.covisibility import pair_scores
from warpset.core.natural_order import sorted_naturally

from ..scenes.scene_steps import log
from .pairs_file import PAIRS_NAME, ScenePairs, read_pairs, write_pairs

MIN_SCORE = 0.1
"""Pairs that share less of their known pixels, on average of both, are left out."""


def covisible_pairs(
    images: Sequence[str], shares: NDArray[np.float32], min_score: float
) -> ScenePairs:
    """Pairs by covisibility, in the order of their images.

    Args:
        images: Names of the views.
        shares: (n, n) see `covisibility`.
        min_score: The least `pair_scores` of a pair.
    """
    scores = np.triu(pair_scores(shares), k=1)
    one, other = np.nonzero(scores >= max(min_score, np.finfo(np.float32).tiny))
    return ScenePairs(list(images), np.stack([one, other], axis=1), scores[one, other])


def join_pairs(root: Path) -> None:
    """Join the pairs of all scenes below a folder into one file beside them, and say how many.

    Raises:
        InputError: The pairs of a scene cannot be read.
        OSError: The file cannot be written.
    """
    joined: dict[str, ScenePairs] = {}
    for path in sorted_naturally(root.glob(f"*/{PAIRS_NAME}")):
        if not path.parent.name.startswith("."):
            joined |= read_pairs(path)
    if joined:
        write_pairs(root / PAIRS_NAME, joined)
        pairs = sum(len(scene.pairs) for scene in joined.values())
        log.info(f"{root / PAIRS_NAME}: {pairs} pairs of {len(joined)} scenes")

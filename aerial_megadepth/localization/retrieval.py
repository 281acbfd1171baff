"""Which images look alike, from their local features; no poses, no matching.

A vector of locally aggregated descriptors (Jegou et al. 2010) an image, over a codebook of the
scene's own features, intra-normalised (Arandjelovic and Zisserman 2013).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from warpset.stereo.features import SEED

Descriptors = NDArray[np.float32]

WORDS = 64
SAMPLES_PER_WORD = 300
ITERATIONS = 20


def train_codebook(samples: Descriptors) -> Descriptors:
    """(k, d) visual words of descriptors (n, d), by k-means; k is 64, or n where that is less."""
    words = min(WORDS, len(samples))
    cv2.setRNGSeed(SEED)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, ITERATIONS, 0.0)
    labels = np.zeros((len(samples), 1), np.int32)
    _, _, centers = cv2.kmeans(samples, words, labels, stop, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(centers, np.float32)


def thinned(descriptors: Descriptors, images: int) -> Descriptors:
    """An image's share of the samples that a codebook of so many images is trained on."""
    wanted = max(1, WORDS * SAMPLES_PER_WORD // images)
    return descriptors[:: max(1, -(-len(descriptors) // wanted))]


def vlad(descriptors: Descriptors, codebook: Descriptors) -> Descriptors:
    """(k * d,) global descriptor of an image's (n, d) local ones, of length 1 or 0."""
    squared = np.square(codebook).sum(1) - 2 * descriptors @ codebook.T
    word = squared.argmin(1)
    residuals = np.zeros_like(codebook)
    np.add.at(residuals, word, descriptors - codebook[word])
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-12)
    return residuals.ravel() / max(float(np.linalg.norm(residuals)), 1e-12)


def most_alike(
    queries: Sequence[Descriptors], candidates: Sequence[Descriptors], count: int
) -> NDArray[np.intp]:
    """(q, count) indices of the candidates most like each query, best first.

    Args:
        queries: Global descriptors.
        candidates: Global descriptors.
        count: How many; all of them where there are fewer.
    """
    similarity = np.stack(queries) @ np.stack(candidates).T
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]

"""How much bad and good depth the filter of edges and the check between views drop.

Recorded depth is made bad in every view: edges blurred, a sixteenth of the picture 5 % off, noise.
Each line says which share of the pixels more than 4 % off and of those less than 1 % off is
dropped; what lies between is neither. Usage: depth_agreement.py SCENE...
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from warpset.building.depth.agreement import agreeing
from warpset.building.depth.augmenting import REFERENCE_SIDE_PX, blurred_edges
from warpset.building.depth.filters import trusted_pixels
from warpset.building.options import ESTIMATED_EDGE_THRESHOLD, PointFilter
from warpset.core.geometry import DepthMap, FrameGeometry, SceneGeometry, resample_depth
from warpset.core.masks import not_flying
from warpset.core.sizes import shrunk
from warpset.recordings.registry import read_recording, recorded_geometry

BAD, GOOD = 0.04, 0.01
"""Relative errors from which on, and up to which, a pixel is bad or good."""

EDGE_BLUR_PX, BIAS, NOISE = 1.5, 1.05, 0.003
TOLERANCE = 0.02


def corrupted(depth_map: DepthMap, number: int, bias: float = BIAS) -> DepthMap:
    """Depth with blurred edges, a biased quarter of each side, and noise, by a number."""
    scale = max(depth_map.depth.shape) / REFERENCE_SIDE_PX
    depth = blurred_edges(depth_map.depth, EDGE_BLUR_PX * scale)
    rng = np.random.default_rng(number)
    height, width = depth.shape
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    region = slice(top, top + height // 4), slice(left, left + width // 4)
    depth[region] *= bias if number % 2 else 1 / bias
    noise = np.exp(NOISE * rng.standard_normal(depth.shape))
    return depth_map._replace(depth=(depth * noise).astype(np.float32))


class Dropped(NamedTuple):
    """Shares of bad and good pixels that are dropped."""

    bad: float
    good: float


def dropped(
    true: Iterable[DepthMap], wrong: Iterable[DepthMap], gone: Iterable[NDArray[np.bool_]]
) -> Dropped:
    """Shares over all views of what is gone (h, w) each."""
    counts = np.zeros((2, 2))
    for was, now, is_gone in zip(true, wrong, gone, strict=True):
        error = np.abs(now.depth / np.where(was.depth > 0, was.depth, np.inf) - 1)
        for row, pixels in enumerate((error > BAD, error < GOOD)):
            pixels &= was.depth > 0
            counts[row] += (pixels & is_gone).sum(), pixels.sum()
    bad, good = counts[:, 0] / np.maximum(counts[:, 1], 1)
    return Dropped(float(bad), float(good))


def checked(scene: SceneGeometry, tolerance: float) -> list[NDArray[np.bool_]]:
    """What the check between views and the filter of flying pixels drop of each frame (h, w)."""
    point_filter = PointFilter().settled("vggt")
    frames = (f.load_depth() for f in agreeing(scene, tolerance, point_filter).frames)
    return [~trusted_pixels(each, point_filter) for each in frames]


def scene_of(true: SceneGeometry, depth_maps: Iterable[DepthMap]) -> SceneGeometry:
    """The scene with other depth."""
    frames = (
        FrameGeometry(frame.photo, lambda each=each: each)
        for frame, each in zip(true.frames, depth_maps, strict=True)
    )
    return SceneGeometry(tuple(frames), "vggt", "")


def true_depths(scene: SceneGeometry, side_px: int) -> list[DepthMap]:
    """The scene's depth on rasters as networks have them."""
    loaded = (frame.load_depth() for frame in scene.frames)
    return [resample_depth(each, shrunk(each.camera, side_px)) for each in loaded]


def main(scenes: list[str]) -> None:
    """Print the tables."""
    for name in scenes:
        recording = read_recording(Path(name))
        if recording is None:
            raise SystemExit(f"{name}: found no recorded depth, need it")
        scene = recorded_geometry(recording, recording.frames)
        true = true_depths(scene, REFERENCE_SIDE_PX)
        edges = [corrupted(each, number, bias=1.0) for number, each in enumerate(true)]
        for threshold in (0.01, 0.015, 0.02, 0.03, 0.05, 0.1):
            found = dropped(true, edges, [~not_flying(e.depth, threshold) for e in edges])
            print(f"{name}: edges {threshold}: bad {found.bad:.1%}, good {found.good:.2%}")
        wrong = [corrupted(each, number) for number, each in enumerate(true)]
        found = dropped(true, wrong, checked(scene_of(scene, wrong), TOLERANCE))
        print(
            f"{name}: agreement {TOLERANCE}, edges {ESTIMATED_EDGE_THRESHOLD}: "
            f"bad {found.bad:.1%}, good {found.good:.2%}",
            flush=True,
        )
        found = dropped(true, true, checked(scene_of(scene, true), TOLERANCE))
        print(f"{name}: agreement on the recorded depth itself: {found.good:.2%} dropped")


if __name__ == "__main__":
    main(sys.argv[1:])

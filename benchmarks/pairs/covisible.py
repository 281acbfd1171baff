"""How well pairs are chosen: covisibility and expected holes against the truth, holes that result.

python benchmarks/pairs/covisible.py SCENE... --frames 1000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.processes import peak_memory_bytes
from renderer.making import make_renderer
from warpset.building.frames import FrameSelection
from warpset.building.options import BuildOptions
from warpset.building.pairing import (
    HOLE_BANDS,
    Pairing,
    all_pairs,
    covisible_pairs,
    expected_hole_shares,
)
from warpset.building.scenes import open_scene
from warpset.building.warping import Warper
from warpset.core.cameras import Camera, intrinsics, unproject
from warpset.core.covisibility import (
    FINE_POINTS,
    FINE_SIDE_PX,
    SAME_DEPTH,
    covisibility,
    depth_ratios,
    share_seen,
    small_view,
)
from warpset.core.geometry import DepthMap, SceneGeometry
from warpset.core.sizes import SizeRule
from warpset.recordings.registry import recorded_geometry

MEGAPIXELS = 0.2
"""Pairs are rendered at this size: a share of holes hardly changes with it."""


def read_geometry(folder: Path) -> SceneGeometry:
    """Recorded depth and cameras of a scene."""
    scene = open_scene(folder, FrameSelection(), workers=2)
    if scene.recording is None or not scene.recording.has_depth:
        raise SystemExit(f"{folder}: found no recorded depth, need it")
    return recorded_geometry(scene.recording, scene.recorded_frames())


def every_pixel_seen(view: DepthMap, other: DepthMap) -> float:
    """Share of a view's known pixels that another sees, by both full depth maps."""
    xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
    ratios = depth_ratios(xyz_world, other.depth, other.camera)
    return np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH) / len(xyz_world)


def rendered_holes(geometry: SceneGeometry, pairs: Sequence[tuple[int, int]]) -> list[float]:
    """The share of holes that each pair has when it is made."""
    options = BuildOptions(size_rule=SizeRule(MEGAPIXELS))
    warper = Warper(geometry, options, lambda wh, sigma_px: make_renderer(wh, sigma_px, "cpu"))
    return [float(warper.warp(*pair).hole.mean()) for pair in pairs]


def counted(hole_shares: Sequence[float]) -> list[int]:
    """Pairs in each band of holes."""
    bands = np.searchsorted(HOLE_BANDS, hole_shares)
    return np.bincount(bands, minlength=len(HOLE_BANDS) + 1).tolist()


def judge(folder: Path, per_frame: Sequence[int]) -> None:
    """Print how one scene's choice compares with the truth."""
    geometry = read_geometry(folder)
    full = [frame.load_depth() for frame in geometry.frames]
    views, count = [small_view(view, FINE_SIDE_PX) for view in full], len(full)
    pairs = all_pairs(count, bidirectional=True)
    exact = np.array([every_pixel_seen(full[r], full[t]) for r, t in pairs])
    recorded = np.array([share_seen(full[r], full[t]) for r, t in pairs])
    chosen_by = covisibility(views, max_points=FINE_POINTS)[tuple(zip(*pairs, strict=True))]
    expected, rendered = expected_hole_shares(views, pairs), rendered_holes(geometry, pairs)
    print(f"{folder.name}: {count} frames, {len(pairs)} ordered pairs")
    for name, error in (
        ("covisibility as recorded", recorded - exact),
        ("covisibility as pairs are chosen by", chosen_by - exact),
        ("expected holes", np.subtract(expected, rendered)),
    ):
        print(f"  {name}: off by {np.abs(error).max():.4f} at most, mean {error.mean():+.4f}")
    print(f"  all pairs by rendered holes: {counted(rendered)}")
    holes, keys = dict(zip(pairs, rendered, strict=True)), [f.name for f in geometry.frames]
    for number in (count, *per_frame):
        chosen = covisible_pairs(views, keys, Pairing("covisible", pairs_per_frame=number)).pairs
        print(
            f"  covisible, {'all' if number == count else number} a frame: {len(chosen)} pairs by "
            f"rendered holes: {counted([holes[pair] for pair in chosen])}"
        )


def a_ring(count: int) -> list[DepthMap]:
    """Views from a ring within a room with rough walls, each as small as pairs are chosen by."""
    rng, views = np.random.default_rng(0), []
    K, size_wh = intrinsics(220, 220, 160, 120), (FINE_SIDE_PX, 240)
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        sine, cosine = np.sin(angle), np.cos(angle)
        rotation = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
        center = rng.uniform(-0.5, 0.5, 3)
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3], cam_from_world[:3, 3] = rotation, -rotation @ center
        camera = Camera(K, cam_from_world, size_wh)
        views.append(DepthMap(_distance_to_wall(camera), None, camera))
    return views


def _distance_to_wall(camera: Camera) -> NDArray[np.float32]:
    """z-depth of a sphere of radius 4 around the origin."""
    ray = unproject(camera, np.ones(camera.shape_hw, np.float32)) - camera.center_world
    along = np.einsum("...i,i->...", ray, camera.center_world)
    square = np.einsum("...i,...i->...", ray, ray)
    inner = along**2 - square * (camera.center_world @ camera.center_world - 16)
    return ((np.sqrt(inner) - along) / square).astype(np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the scenes, then time many frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path, nargs="*")
    parser.add_argument("--pairs-per-frame", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--frames", type=int, default=0, help="time a scene of so many frames")
    args = parser.parse_args(arguments)
    for folder in args.scenes:
        judge(folder, args.pairs_per_frame)
    if args.frames:
        views = a_ring(args.frames)
        start = time.perf_counter()
        chosen = covisible_pairs(views, [str(n) for n in range(len(views))], Pairing("covisible"))
        seconds, peak = time.perf_counter() - start, peak_memory_bytes() / 2**20
        print(f"{args.frames} frames: {len(chosen.pairs)} pairs in {seconds:.1f} s, {peak:.0f} MiB")


if __name__ == "__main__":
    main()

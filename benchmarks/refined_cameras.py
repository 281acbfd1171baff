"""What `--refine-cameras` makes of cameras that are off, as a Markdown table.

uv run python benchmarks/refined_cameras.py SCENE... [--frames 6]

Scenes need recorded depth. Each camera is turned by half a degree about a random axis and moved by
2 % of the mean step; then depth is scaled besides, by 0.9 to 1.1, another factor in each frame.
PSNR and the median shift are means over neighbours, PSNR over the pixels that the recorded cameras
and depths say are truly seen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from recorded_frames import Frame, looked_up

sys.path.insert(0, str(Path(__file__).parents[1]))
from estimators.refining import refined
from renderer.making import make_renderer
from warpset.building.options import BuildOptions
from warpset.building.warping import Warper
from warpset.core.cameras import Camera
from warpset.core.geometry import DepthMap, FrameGeometry, SceneGeometry, resample_depth
from warpset.core.scoring.corners import followed_corners, misalignment
from warpset.core.scoring.likeness import psnr
from warpset.files.cache import ArrayCache
from warpset.recordings.registry import read_recording, recorded_geometry

TURN_DEG, MOVE_SHARE, SCALES = 0.5, 0.02, (0.9, 1.1)


def disturbed(geometry: SceneGeometry, scales: tuple[float, float] = (1.0, 1.0)) -> SceneGeometry:
    """The scene with cameras that are off, and depth scaled by a random factor a frame."""
    rng = np.random.default_rng(0)
    centers = np.array([frame.photo.camera.center_world for frame in geometry.frames])
    step = float(np.linalg.norm(np.diff(centers, axis=0), axis=1).mean())
    frames = []
    for frame in geometry.frames:
        axis, move = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
        off = np.eye(4)
        off[:3, :3] = cv2.Rodrigues(np.radians(TURN_DEG) * axis)[0]
        off[:3, 3] = MOVE_SHARE * step * move
        pose = off @ frame.photo.camera.cam_from_world
        photo = replace(frame.photo, camera=replace(frame.photo.camera, cam_from_world=pose))
        load = partial(moved_depth, frame, pose, rng.uniform(*scales))
        frames.append(FrameGeometry(photo, load))
    return replace(geometry, frames=tuple(frames))


def moved_depth(frame: FrameGeometry, pose: NDArray[np.floating], scale: float) -> DepthMap:
    """A frame's depth as that of another camera."""
    depth_map = frame.load_depth()
    camera = replace(depth_map.camera, cam_from_world=pose)
    return depth_map._replace(depth=depth_map.depth * np.float32(scale), camera=camera)


def truly_seen(true: SceneGeometry, index: int, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels of the next frame, on a raster, a frame sees by what was recorded."""
    pair = []
    for frame in true.frames[index : index + 2]:
        camera: Camera = frame.photo.camera.resized(size_wh)
        depth = resample_depth(frame.load_depth(), camera).depth
        pair.append(Frame(np.zeros((*depth.shape, 3), np.uint8), depth, camera))
    return looked_up(*pair)[1]


def measured(geometry: SceneGeometry, true: SceneGeometry) -> str:
    """Mean PSNR and shift of warps into the next frame."""
    options = BuildOptions(auto_s0=True)
    warper = Warper(geometry, options, partial(make_renderer, device="cpu"))
    psnrs, shifts = [], []
    for index in range(len(true.frames) - 1):
        warp = warper.warp(index, index + 1)
        seen = truly_seen(true, index, warp.cameras["target"].size_wh)
        psnrs.append(psnr(warp.splats, warp.target, seen))
        if (
            found := misalignment(followed_corners(warp.splats, warp.target, ~warp.seen))
        ) is not None:
            shifts.append(found.median)
    return f"{np.mean(psnrs):.2f} dB, {np.mean(shifts):.2f} px"


def row(scene: Path, count: int) -> str:
    """One scene's line of the table."""
    recording = read_recording(scene)
    assert recording is not None and recording.has_depth, f"{scene}: need recorded depth"
    true = recorded_geometry(recording, recording.frames[:count])
    off, scaled = disturbed(true), disturbed(true, SCALES)
    cells = [scene.name, str(len(true.frames) - 1), measured(true, true), measured(off, true)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        mended = refined(off, ArrayCache(Path(folder)))
        seconds = time.perf_counter() - start
        cells.append(measured(mended, true))
        cells.append(measured(refined(scaled, ArrayCache(Path(folder))), true))
    return f"| {' | '.join([*cells, f'{seconds:.0f}'])} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("scenes", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=6)
    args = parser.parse_args(arguments)
    print("| scene | pairs | as recorded | disturbed | refined | refined, depth scaled | s |")
    print("|---" * 7 + "|")
    for scene in args.scenes:
        print(row(scene, args.frames), flush=True)


if __name__ == "__main__":
    main()

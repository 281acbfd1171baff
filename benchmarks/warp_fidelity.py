"""How true warped views are, on scenes whose geometry is recorded: ours, plain ones, the limit.

uv run python benchmarks/warp_fidelity.py SCENE... [--steps 1 2]

Each reference is warped into the frame `step` places on. Over the pixels that the reference truly
sees: PSNR; sharpness, the mean gradient against the truth's; cracks, the share of pixels that are
dark (below 8) where the truth is not (above 32). Where it cannot see, farther than 2.5 sigma from
anything seen: brightness against the truth's. No forward warper knows what the limit knows.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from plain_warpers import mesh, one_pixel_raster, soft_z_splat
from recorded_frames import Frame, looked_up, read_frames
from warp_measures import SIGMA, measure

from renderer.hole_filling import HoleFillingRenderer
from warpset.core.cameras import Camera, opengl_projection_matrix, opengl_view_matrix
from warpset.core.geometry import DepthMap
from warpset.core.points import lift, splat_size

HEADER = """\
| scene | step | warper | PSNR dB | to limit | sharpness | cracks 1e-4 | far brightness |
|---|---|---|---|---|---|---|---|"""


def ours(reference: Frame, camera: Camera) -> NDArray[np.uint8]:
    """The renderer, with the splat size of the reference's depth."""
    renderer = HoleFillingRenderer(
        *camera.size_wh,
        s0=splat_size(reference.depth, reference.camera),
        jfa_mask_sigma=SIGMA,
    )
    known = reference.depth > 0
    cloud = lift(DepthMap(reference.depth, None, reference.camera), reference.rgb, known)
    return renderer.render(
        cloud.xyz_world,
        cloud.rgb.astype(np.float32) / np.float32(255),
        np.full(len(cloud.rgb), 2.0, np.float32),
        opengl_view_matrix(camera),
        opengl_projection_matrix(camera),
        camera.fov_y,
        cloud.cell,
    )


WARPERS = {
    "ours": ours,
    "soft-z bilinear splat": soft_z_splat,
    "mesh": mesh,
    "one-pixel raster": one_pixel_raster,
}


def score(frames: list[Frame], step: int) -> dict[str, NDArray[np.floating]]:
    """Mean measures of every warper over all pairs `step` places apart."""
    scores: dict[str, list] = {name: [] for name in ("limit", *WARPERS)}
    for reference, target in zip(frames, frames[step:], strict=False):
        limit, seen = looked_up(reference, target)
        scores["limit"].append(measure(limit, target, seen))
        for name, warper in WARPERS.items():
            scores[name].append(measure(warper(reference, target.camera), target, seen))
    return {name: np.nanmean(each, axis=0) for name, each in scores.items()}


def print_rows(scene: str, step: str, scores: dict[str, NDArray[np.floating]]) -> None:
    """One table row a warper."""
    for name, (decibels, sharpness, cracks, far) in scores.items():
        short = decibels - scores["limit"][0]
        dark = "-" if np.isnan(far) else f"{100 * far:.1f} %"
        print(
            f"| {scene} | {step} | {name} | {decibels:.2f} | {short:+.2f} | {sharpness:.3f} "
            f"| {cracks:.2f} | {dark} |"
        )


def main() -> None:
    """Print the table, scene by scene and step by step, and the mean of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("scenes", nargs="+", type=Path, metavar="SCENE")
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 2], metavar="N")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", "Mean of empty slice")
    print(HEADER)
    rows = []
    for scene in args.scenes:
        frames = read_frames(scene)
        for step in args.steps:
            rows.append(score(frames, step))
            print_rows(scene.name, str(step), rows[-1])
    mean = {name: np.nanmean([row[name] for row in rows], axis=0) for name in rows[0]}
    print_rows("mean", "", mean)


if __name__ == "__main__":
    main()

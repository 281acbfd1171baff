"""How good and how fast depth without a network is, scene by scene, as a Markdown table.

uv run python benchmarks/stereo_depth.py SCENE... [--device cpu] [--max-side 800] [--threads 2]
    [--refine-cameras] [--match-exposure] [--pictures FOLDER]

Recorded depth is withheld and compared with; errors are of all pixels, then of those measured and
of those inferred (filled gaps and planes carried on) apart. PSNR is that of warps into the next
photo, over the pixels that points cover, and its gain over the reference photo as it is; then the
same over what the reference truly sees by the recorded depth, holes filled. The limit is the
sampling of photos: `x limit` is the time per image over that of bilinear samples alone, as many as
a sweep of the most planes takes, in the same run. `--match-exposure` gives warp and reference photo
the next photo's exposure, as the main command's flag of that name does. Pictures are of each photo
beside its depth: near is red, inferred striped, unknown black.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
from PIL import Image
from processes import peak_memory_bytes
from recorded_frames import Frame, looked_up

sys.path.insert(0, str(Path(__file__).parents[1]))
from renderer.hole_filling import HoleFillingRenderer
from warpset.core.cameras import (
    Camera,
    opengl_projection_matrix,
    opengl_view_matrix,
    project,
    unproject,
)
from warpset.core.geometry import DepthMap, PosedPhoto, resample_depth
from warpset.core.points import lift, splat_size
from warpset.core.scoring.exposure import apply_gain, exposure_gain
from warpset.core.scoring.likeness import psnr
from warpset.files.photo_folders import find_photos
from warpset.files.photos import resample_photo
from warpset.files.pinhole_photos import read_pinhole
from warpset.recordings.registry import read_recording, recorded_geometry
from warpset.stereo.fusing import FILLED_CONFIDENCE
from warpset.stereo.multi_view import StereoOptions, estimate_depths
from warpset.stereo.plane_sweep import FINE_STEPS, MAX_PLANES, SIDE_STEPS
from warpset.stereo.refining import match_photos, refine_cameras
from warpset.stereo.sfm import register_photos, triangulate_points
from warpset.stereo.sparse import SparsePoints

COLUMNS = (
    "scene photos density inferred median_error <1% <2% measured_median measured_<2%"
    " inferred_median inferred_<2% consistent cameras_s s/image cpu_s/image x_limit peak_MB"
    " PSNR gain_dB seen_PSNR seen_gain_dB"
).split()
Depths = Mapping[int, DepthMap]


def measure(scene: Path, options: StereoOptions, arguments: argparse.Namespace) -> list[str]:
    """One row of the table, and pictures where a folder for them is given."""
    torch.set_num_threads(arguments.threads)
    recording = read_recording(scene)
    start = time.perf_counter()
    with TemporaryDirectory() as workspace:
        if recording is None:
            registration = register_photos(find_photos(scene), Path(workspace))
            photos, points = registration.posed, registration.points
        else:
            photos = tuple(frame.photo for frame in recording.frames)
            points = triangulate_points(photos, Path(workspace))
    placed, placed_cpu = time.perf_counter(), time.process_time()
    depths: dict[int, DepthMap] = {}
    estimate_depths(photos, points, options, depths.__setitem__)
    if arguments.refine_cameras:
        photos, points = refined(photos, depths)
        estimate_depths(photos, points, options, depths.__setitem__)
    per_image = (time.perf_counter() - placed) / len(photos)
    cpu_per_image = (time.process_time() - placed_cpu) / len(photos)
    peak_mb = peak_memory_bytes() / 2**20
    if arguments.pictures is not None:
        save_pictures(arguments.pictures / scene.name, photos, depths)
    truth: Depths = {}
    if recording is not None and recording.has_depth:
        frames = recorded_geometry(recording, recording.frames).frames
        truth = {index: frame.load_depth() for index, frame in enumerate(frames)}
    density = np.mean([np.mean(depth_map.depth > 0) for depth_map in depths.values()])
    inferred = np.mean([np.mean(is_inferred(depth_map)) for depth_map in depths.values()])
    warped, unmoved, seen, seen_unmoved = warp_scores(
        photos, depths, truth, arguments.match_exposure
    )
    return [
        f"{scene.name} | {len(photos)} | {density:.1%} | {inferred:.1%}",
        *error_cells(depths, truth),
        f"{consistency(depths):.1%} | {placed - start:.1f} | {per_image:.2f}",
        f"{cpu_per_image:.2f}",
        f"{per_image / sampling_seconds(depths[min(depths)], options):.1f} | {peak_mb:.0f}",
        f"{warped:.2f} | {warped - unmoved:+.2f}",
        f"{seen:.2f} | {seen - seen_unmoved:+.2f}" if truth else " | ",
    ]


def refined(
    photos: Sequence[PosedPhoto], depths: Depths
) -> tuple[tuple[PosedPhoto, ...], SparsePoints]:
    """The photos with cameras that fit their depth, and the points that they see."""
    loads = [partial(depths.__getitem__, index) for index in range(len(photos))]
    with TemporaryDirectory() as matching, TemporaryDirectory() as placing:
        matches = match_photos(photos, Path(matching))
        posed = refine_cameras(photos, loads, matches).posed
        return posed, triangulate_points(posed, Path(placing))


def is_inferred(depth_map: DepthMap) -> np.ndarray:
    """(h, w) pixels whose depth was not measured."""
    assert depth_map.confidence is not None, "stereo says how sure it is"
    return (depth_map.depth > 0) & (depth_map.confidence <= np.float32(FILLED_CONFIDENCE))


def save_pictures(folder: Path, photos: Sequence[PosedPhoto], depths: Depths) -> None:
    """Write each photo beside its depth."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, depth_map in depths.items():
        photo = read_pinhole(photos[index], depth_map.camera)
        both = np.concatenate([photo, painted(depth_map)], axis=1)
        Image.fromarray(both).save(folder / f"{index}.jpg", quality=88, optimize=True)


def painted(depth_map: DepthMap) -> np.ndarray:
    """(h, w, 3) uint8 inverse depth in colours."""
    known = depth_map.depth > 0
    inverse = np.divide(1, depth_map.depth, out=np.zeros_like(depth_map.depth), where=known)
    far, near = np.percentile(inverse[known], [2, 98]) if known.any() else (0, 1)
    level = np.interp(inverse, (far, near), (0, 255)).astype(np.uint8)
    colours = cv2.applyColorMap(level, cv2.COLORMAP_TURBO)[..., ::-1].copy()
    rows, columns = np.indices(known.shape)
    colours[is_inferred(depth_map) & ((rows + columns) % 12 < 3)] = 255
    colours[~known] = 0
    return colours


def error_cells(depths: Depths, truth: Depths) -> list[str]:
    """Errors of all pixels, of the measured and of the inferred ones; means over the photos.

    Of all: the median relative error, and the shares below 1 % and 2 %; of parts without the 1 %.
    """
    rows = []
    for index, true in truth.items():
        if index not in depths:
            continue
        found, camera = depths[index], depths[index].camera
        true_depth = resample_depth(true, camera).depth
        both, inferred = (found.depth > 0) & (true_depth > 0), is_inferred(found)
        error = np.abs(found.depth / np.where(both, true_depth, 1) - 1.0)
        rows.append(
            [
                *shares(error[both], (0.01, 0.02)),
                *shares(error[both & ~inferred], (0.02,)),
                *shares(error[both & inferred], (0.02,)),
            ]
        )
    return [f"{value:.2%}" for value in np.nanmean(rows, axis=0)] if rows else [""] * 7


def shares(errors: np.ndarray, bounds: Sequence[float]) -> list[float]:
    """The median error, and the share below each bound; nan of none."""
    if not len(errors):
        return [np.nan] * (1 + len(bounds))
    return [float(np.median(errors)), *(float(np.mean(errors < bound)) for bound in bounds)]


def consistency(depths: Depths) -> float:
    """Share of pixels, known in two neighbouring photos, whose depths agree within 1 %."""
    agrees = []
    for index in sorted(depths):
        if (other := depths.get(index + 1)) is None:
            continue
        one = depths[index]
        uv, z = project(other.camera, unproject(one.camera, one.depth)[one.depth > 0])
        inside = (z > 0) & np.all((uv >= 0) & (uv < other.camera.size_wh), axis=-1)
        columns, rows = uv[inside].astype(int).T
        there = other.depth[rows, columns]
        agrees.append(np.abs(there / z[inside] - 1.0)[there > 0] < 0.01)
    return float(np.concatenate(agrees).mean())


def warp_scores(
    photos: Sequence[PosedPhoto], depths: Depths, truth: Depths, match_exposure: bool
) -> np.ndarray:
    """Mean PSNR of warp and of unmoved reference against the next photo, covered; truly seen."""
    scores = []
    for index in sorted(depths):
        if index + 1 not in depths:
            continue
        reference, target = (
            Frame(
                read_pinhole(photos[near], depths[near].camera),
                resample_depth(truth[near], depths[near].camera).depth
                if near in truth
                else np.zeros(depths[near].depth.shape, np.float32),
                depths[near].camera,
            )
            for near in (index, index + 1)
        )
        warped, covered = warp(depths[index], reference.rgb, target.camera)
        height, width = reference.rgb.shape[:2]
        unmoved = resample_photo(reference.rgb, (0.0, 0.0, width, height), target.camera.size_wh)
        if match_exposure and (gain := exposure_gain(warped, target.rgb, covered)) is not None:
            warped, unmoved = apply_gain(warped, gain), apply_gain(unmoved, gain)
        seen = looked_up(reference, target)[1]
        scores.append(
            [
                psnr(picture, target.rgb, where) if where.any() else np.nan
                for where in (covered, seen)
                for picture in (warped, unmoved)
            ]
        )
    return np.nanmean(scores, axis=0)


def warp(source: DepthMap, rgb: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) the points of a depth map as another camera sees them, and where they cover it."""
    points = lift(source, rgb, source.depth > 0)
    renderer = HoleFillingRenderer(*camera.size_wh, s0=splat_size(source.depth, source.camera))
    view = renderer.render_view(
        points.xyz_world,
        points.rgb.astype(np.float32) / 255,
        np.full(len(points.rgb), 2.0),
        opengl_view_matrix(camera),
        opengl_projection_matrix(camera),
        camera.fov_y,
        points.cell,
    )
    return view.rgb, ~view.hole


def sampling_seconds(depth_map: DepthMap, options: StereoOptions) -> float:
    """Time of the bilinear samples of one photo's sweep."""
    width, height = depth_map.camera.size_wh
    planes = MAX_PLANES // 4 + 2 * FINE_STEPS + 1 + 2 * (2 * SIDE_STEPS + 1)
    image = torch.rand(1, 1, height, width, device=options.device)
    grid = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], False)
    grid = grid.to(options.device)
    start = time.perf_counter()
    for _ in range(planes * options.sources):
        torch.nn.functional.grid_sample(image, grid, align_corners=False)
    return time.perf_counter() - start


def main() -> None:
    """Print the table, a fresh process for each scene."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", nargs="+", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--max-side", type=int, default=StereoOptions.max_side_px)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--refine-cameras", action="store_true", help="and measure depth anew")
    parser.add_argument("--match-exposure", action="store_true", help="compare at one exposure")
    parser.add_argument("--pictures", type=Path, help="folder to write pictures of the depth to")
    arguments = parser.parse_args()
    options = StereoOptions(arguments.device, arguments.max_side)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for scene in arguments.scenes:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh_process:
            row = fresh_process.submit(measure, scene, options, arguments).result()
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()

"""Localized scenes in MapAnything's WAI layout: `scene_meta.json`, images, depth, covisibility."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from warpset.core.covisibility import covisibility, small_view
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, resample_depth
from warpset.core.masks import Mask
from warpset.files.pictures import depth_bytes, picture_bytes

from .localization.localized_scene import pinhole_file
from .localization.localized_step import (
    LocalizedStep,
    add_trust_flags,
    localized_parser,
    localized_places,
    read_trust,
    run_localized,
    summed_up,
)

DATASET_NAME = "aerialmegadepth"
WAI_VERSION = "0.1"
COVISIBILITY = "covisibility/v0"

FRAME_MODALITIES = {
    "image": {"frame_key": "image", "format": "image"},
    "depth": {"frame_key": "depth", "format": "depth"},
    "pred_mask": {"moge2": {"frame_key": "mask", "format": "binary"}},
}
"""The mask says what is neither sky nor people. It has the name of a network's mask (MoGe-2's),
which MapAnything's MegaDepth asks for and uses the same way."""


@dataclass(frozen=True, kw_only=True)
class WaiExport(LocalizedStep):
    """The step."""

    name = "export_wai"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {"wai_version": WAI_VERSION, **self.trusted.options()}

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        for name in ("images", "depth", "mask", COVISIBILITY):
            (folder / name).mkdir(parents=True)
        entries, names, views, problems = [], [], [], []
        for frame, depth_map in self.views(scene, self.frames(scene, problems), problems):
            whole = resample_depth(depth_map, frame.photo.camera)
            try:
                whole = whole._replace(depth=self.trusted.of(scene, frame.name, whole.depth))
                solid = self.trusted.solid(scene, frame.name, whole.camera.size_wh)
                entries.append(_write_frame(folder, frame, whole, solid))
            except InputError as error:
                problems.append(f"{error}; view left out")
                continue
            names.append(frame.name)
            views.append(small_view(whole))
        shares = covisibility(views)
        covisibility_file = f"{COVISIBILITY}/pairwise_covisibility--{len(views)}x{len(views)}.npy"
        np.save(folder / covisibility_file, shares)
        meta = _scene_meta(scene, entries, covisibility_file)
        text = json.dumps(meta, indent=1) + "\n"
        (folder / "scene_meta.json").write_text(text, encoding="utf-8")
        without_mask = self.trusted.without_mask(scene, names, problems)
        return summed_up(scene, f"{len(views)} views{without_mask}", len(views), problems)


def _write_frame(
    folder: Path, frame: FrameGeometry, depth_map: DepthMap, solid: Mask
) -> dict[str, object]:
    """Write a view's picture, depth and mask; returns its entry in `scene_meta.json`.

    Raises:
        InputError: The picture cannot be read; nothing is written then.
    """
    photo, camera = frame.photo, frame.photo.camera
    stem = photo.path.stem
    name, content = pinhole_file(photo)
    image = f"images/{name}"
    (folder / image).write_bytes(content)
    (folder / f"depth/{stem}.exr").write_bytes(depth_bytes(depth_map.depth))
    mask = np.where(solid, np.uint8(255), np.uint8(0))
    (folder / f"mask/{stem}.png").write_bytes(picture_bytes(mask, "png"))
    width, height = camera.size_wh
    return {
        "frame_name": stem,
        "image": image,
        "file_path": image,
        "depth": f"depth/{stem}.exr",
        "mask": f"mask/{stem}.png",
        "transform_matrix": camera.world_from_cam.tolist(),
        "w": width,
        "h": height,
        "fl_x": float(camera.K[0, 0]),
        "fl_y": float(camera.K[1, 1]),
        "cx": float(camera.K[0, 2]),
        "cy": float(camera.K[1, 2]),
    }


def _scene_meta(
    scene: str, entries: Sequence[Mapping[str, object]], covisibility_file: str
) -> dict[str, object]:
    """Camera-to-world matrices have OpenCV axes, K pixel centres at +0.5 (as in COLMAP)."""
    return {
        "scene_name": scene,
        "dataset_name": DATASET_NAME,
        "version": WAI_VERSION,
        "shared_intrinsics": False,
        "camera_model": "PINHOLE",
        "camera_convention": "opencv",
        "scale_type": "metric",
        "scene_modalities": {
            "pairwise_covisibility": {"scene_key": covisibility_file, "format": "mmap"}
        },
        "frames": list(entries),
        "frame_modalities": FRAME_MODALITIES,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    return run_localized(WaiExport(**localized_places(args), trusted=read_trust(args)), args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    add_trust_flags(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())

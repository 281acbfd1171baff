"""The processed scenes as a PyTorch data set: pairs, or more views of one place, in metres.

Only the layout that `preprocess_aerialmegadepth` writes is known here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from warpset.core.cameras import integer_center_K
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, resample_depth
from warpset.core.sizes import fit_camera, photo_box
from warpset.files.photos import resample_photo

from .pairs.pairs_file import PAIRS_NAME, read_pairs
from .pairs.samples import Samples
from .scenes.sky_masks import check_masks, find_mask
from .scenes.trusted_depth import TrustedDepth
from .scenes.view_files import read_view

DATASET_NAME = "aerialmegadepth"
ALL_TRUSTED = TrustedDepth()


class AerialMegaDepth(Dataset[list[dict[str, Any]]]):
    """Views of processed scenes, as many a sample as asked for.

    A sample is a list of views, a dict each, with the names and conventions of DUSt3R:

    - `img` (3, h, w) float32, 0 to 1; `depthmap` (h, w) float32 in metres, 0 = unknown;
    - `camera_intrinsics` (3, 3) for pixel centres at whole numbers; `camera_pose` (4, 4) camera to
      world, OpenCV axes;
    - `valid_mask` (h, w) bool, where depth is known;
    - `is_metric_scale` True; `dataset`, `label` (the scene), `instance` (the image).

    With `views` above 2, a pair is joined by the images that most overlap with what is there
    already; samples that find too few are left out.

    Args:
        root: Folder of processed scenes.
        pairs: File of pairs; None for `pairs.npz` in `root`.
        views: Views a sample, at least 2.
        size_wh: Size of all views, scaled to cover it and cut evenly; None keeps each view's own,
            which a batch cannot hold.
        min_score: Pairs of a lower score are left out.
        trusted: Depth that is taken; for masks that were not applied before, and for the 98th
            percentile that AerialMegaDepth's own loader clips at.

    Raises:
        InputError: The pairs cannot be read, none is left, or none of its images has a mask though
            they were asked for. Reading a sample raises it for a view that cannot be read.
    """

    def __init__(
        self,
        root: Path | str,
        pairs: Path | None = None,
        *,
        views: int = 2,
        size_wh: tuple[int, int] | None = (512, 384),
        min_score: float = 0.0,
        trusted: TrustedDepth = ALL_TRUSTED,
    ):
        if views < 2:
            raise InputError(f"views: found {views}, need at least 2")
        self._root, self._size_wh = Path(root), size_wh
        self._trusted = trusted
        path = self._root / PAIRS_NAME if pairs is None else pairs
        self.samples = Samples(read_pairs(path), views, min_score)
        if not len(self.samples):
            raise InputError(
                f"{path}: found no {views} views with a score of {min_score:g}, need at least one"
                " sample; lower min_score or views"
            )
        if trusted.sky_masks is not None:
            self._check_masks(trusted.sky_masks)

    def _check_masks(self, masks: Path) -> None:
        check_masks(masks)
        if all(find_mask(masks, *image) is None for image in self.samples.images()):
            sample = self.samples[0]
            needed = f"{sample.scene}/{sample.images[0]}.png"
            raise InputError(f"{masks}: found no mask of any image, need {needed} and so on")

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> list[dict[str, Any]]:
        sample = self.samples[index]
        return [self._view(sample.scene, image) for image in sample.images]

    def _view(self, scene: str, image: str) -> dict[str, Any]:
        rgb, depth, camera = read_view(self._root / scene, image)
        depth = self._trusted.of(scene, image, depth)
        if self._size_wh is not None:
            target = fit_camera(camera, self._size_wh)
            rgb = resample_photo(rgb, photo_box(camera, target), self._size_wh)
            depth = resample_depth(DepthMap(depth, None, camera), target).depth
            camera = target
        return {
            "img": torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32) / 255.0),
            "depthmap": torch.from_numpy(depth),
            "camera_intrinsics": torch.from_numpy(integer_center_K(camera.K).astype(np.float32)),
            "camera_pose": torch.from_numpy(camera.world_from_cam.astype(np.float32)),
            "valid_mask": torch.from_numpy(depth > 0),
            "is_metric_scale": True,
            "dataset": DATASET_NAME,
            "label": scene,
            "instance": image,
        }

"""Which depth of a view is trusted: no sky, no people, no far outliers; views it does not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from warpset.core.geometry import Depth
from warpset.core.masks import Mask

from .sky_masks import UNTRUSTED_CLASSES, check_masks, find_mask, read_untrusted


@dataclass(frozen=True)
class TrustedDepth:
    """What of a view's depth is left out of what is trained on.

    Attributes:
        sky_masks: Folder of segmentation masks (see `sky_masks`), or None.
        percentile: Depth beyond this percentile of a view's raster becomes unknown; None keeps all.
            AerialMegaDepth's own loader takes 98, over all pixels, those without depth as 0.
    """

    sky_masks: Path | None = None
    percentile: float | None = None

    def options(self) -> Mapping[str, object]:
        """What of it determines a result, for a step's record; empty where all is trusted."""
        masked = {} if self.sky_masks is None else {"sky_masks": list(UNTRUSTED_CLASSES)}
        return masked | ({} if self.percentile is None else {"depth_percentile": self.percentile})

    def inputs(self, scene: str) -> list[Path]:
        """What is read for a scene."""
        return [] if self.sky_masks is None else [self.sky_masks / scene]

    def check(self) -> None:
        """Raise an InputError if there is no such folder of masks."""
        if self.sky_masks is not None:
            check_masks(self.sky_masks)

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is left out."""
        return self.sky_masks is None and self.percentile is None

    def of(self, scene: str, image: str, depth: Depth) -> Depth:
        """The depth (h, w) of a view, on its picture's raster, with what is not trusted as 0.

        Raises:
            InputError: Its mask is no gray picture.
        """
        solid = self.solid(scene, image, (depth.shape[1], depth.shape[0]))
        depth = np.where(solid, depth, np.float32(0))
        if self.percentile is not None:
            farthest = np.percentile(depth, self.percentile)
            depth = np.where(depth > farthest, np.float32(0), depth)
        return depth

    def solid(self, scene: str, image: str, size_wh: tuple[int, int]) -> Mask:
        """Pixels (h, w) that are neither sky nor people, as far as there is a mask.

        Raises:
            InputError: Its mask is no gray picture.
        """
        mask = None if self.sky_masks is None else find_mask(self.sky_masks, scene, image)
        return ~read_untrusted(mask, size_wh)

    def without_mask(self, scene: str, images: Sequence[str], problems: list[str]) -> str:
        """How many views have no mask, for a summary; that none has one is a problem."""
        if self.sky_masks is None:
            return ""
        missing = sum(find_mask(self.sky_masks, scene, image) is None for image in images)
        if missing == len(images):
            problems.append(
                f"{self.sky_masks / scene}: found no mask of its {missing} views, need"
                f" {images[0]}.png and so on; no depth of sky and people dropped"
            )
        return f", {missing} without a mask" if missing else ""

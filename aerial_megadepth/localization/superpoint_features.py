"""SuperPoint features and LightGlue matches through `transformers`; no database, no poses.

Daniel DeTone, Tomasz Malisiewicz, Andrew Rabinovich, SuperPoint, 2018; Philipp Lindenberger,
Paul-Edouard Sarlin, Marc Pollefeys, LightGlue, 2023. SuperPoint's published weights are for
non-commercial research only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from warpset.core.errors import InputError
from warpset.files.photos import resample_photo
from warpset.stereo.features import MAX_FEATURES

from .learned_features import LearnedFeatures, LocalFeatures

MAX_SIDE_PX = 1024
"""Features are found on pictures none of whose sides is longer, as hloc has it. Raised, finer ones
are found at the cost of time."""

CELL_PX = 8
"""SuperPoint looks at cells of so many pixels; what is left of the last one it would not see."""

GREY_SHARES = np.array([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue (ITU-R BT.601), as the networks were trained on."""


class SuperPointFeatures(LearnedFeatures):
    """SuperPoint and LightGlue.

    Args:
        model: A folder as `transformers` saves it, or a name on the Hugging Face Hub.

    Raises:
        InputError: `transformers` is not installed, or there is no such model.
    """

    def __init__(self, model: str):
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._matcher = _load(model).to(self._device).eval()
        self._detector = self._matcher.keypoint_detector

    @torch.inference_mode()
    def extract(self, rgb: NDArray[np.uint8]) -> LocalFeatures:
        """See `LearnedFeatures.extract`."""
        height, width = rgb.shape[:2]
        scale = min(1.0, MAX_SIDE_PX / max(width, height))
        small_wh = round(width * scale), round(height * scale)
        small = resample_photo(rgb, (0.0, 0.0, width, height), small_wh) if scale < 1 else rgb
        grey = small.astype(np.float32) @ GREY_SHARES / 255.0
        grey = np.pad(grey, [(0, -side % CELL_PX) for side in grey.shape], mode="edge")
        pixels = torch.from_numpy(grey)[None, None].to(self._device)
        found = self._detector(pixels)
        last_xy = torch.tensor([grey.shape[1], grey.shape[0]], device=self._device)
        corners = (found.keypoints[0] * last_xy).cpu().numpy() + 0.5  # whole numbers before
        inside = np.all(corners <= small_wh, axis=1)
        scores = np.where(inside, found.scores[0].cpu().numpy(), -1.0)
        best = np.argsort(-scores, kind="stable")[: min(MAX_FEATURES, int(inside.sum()))]
        xy = corners[best] * (np.array([width, height]) / small_wh)
        descriptors = found.descriptors[0].cpu().numpy()[best]
        return LocalFeatures(
            xy.astype(np.float32), np.ascontiguousarray(descriptors, dtype=np.float32)
        )

    @torch.inference_mode()
    def match_pair(
        self, found: Sequence[LocalFeatures], sizes_wh: Sequence[tuple[int, int]]
    ) -> NDArray[np.uint32]:
        """See `LearnedFeatures.match_pair`."""
        self._matcher.keypoint_detector = _Remembered(found, sizes_wh).to(self._device)
        try:
            matches = self._matcher(torch.zeros(1, 2, 1, *_Remembered.SIZE_HW, device=self._device))
        finally:
            self._matcher.keypoint_detector = self._detector
        # a model that neither stops early nor prunes gives (2, n), others (1, 2, n)
        partner = matches.matches.reshape(2, -1)[0].cpu().numpy()[: len(found[0].xy)]
        own = np.flatnonzero(partner >= 0)
        return np.column_stack([own, partner[own]]).astype(np.uint32)


class _Remembered(nn.Module):
    """Stands in for the detector of a matcher: gives features that were found before.

    The matcher scales positions back by the size of the pictures and then takes the middle of the
    picture for 0 and half its longer side for 1. It has one size for both; on a picture of 2x2 that
    is -1 and 1 at the rims, so each view can be given in its own.
    """

    SIZE_HW = (2, 2)

    def __init__(self, found: Sequence[LocalFeatures], sizes_wh: Sequence[tuple[int, int]]):
        super().__init__()
        most = max(len(features.xy) for features in found)
        positions = torch.zeros(2, most, 2)
        descriptors = torch.zeros(2, most, found[0].descriptors.shape[1])
        mask = torch.zeros(2, most, dtype=torch.int)
        for side, (features, size_wh) in enumerate(zip(found, sizes_wh, strict=True)):
            count, middle = len(features.xy), np.array(size_wh) / 2
            pixels = features.xy - 0.5
            positions[side, :count] = torch.from_numpy((pixels - middle) / max(middle))
            descriptors[side, :count] = torch.tensor(features.descriptors)
            mask[side, :count] = 1
        self.register_buffer("keypoints", (positions + 1) / 2)
        self.register_buffer("descriptors", descriptors)
        self.register_buffer("mask", mask)

    def forward(self, _pixels: torch.Tensor) -> tuple[Any, ...]:
        """Keypoints, scores (nobody asks for them), descriptors, mask."""
        return self.keypoints, None, self.descriptors, self.mask


def _load(model: str) -> Any:
    try:
        from transformers import LightGlueForKeypointMatching
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            "transformers is not installed, need it for SuperPoint; `uv sync --group features` or"
            " `pip install 'transformers>=4.56'`"
        ) from None
    logging.disable_progress_bar()
    try:
        return LightGlueForKeypointMatching.from_pretrained(model, use_safetensors=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{model}: found no SuperPoint with LightGlue ({reason}); give a folder that"
            " transformers has saved, or a name on the Hugging Face Hub"
        ) from error

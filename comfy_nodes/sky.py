"""Where photos show sky, for `mask_sky`; frames and points are unknown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..warpset.building.sky import SkySegmenter, find_sky_model
from ..warpset.core.errors import InputError
from ..warpset.core.masks import sky_picture
from ..warpset.files.cache import ArrayCache
from .folders import SKY_MODEL, sky_model
from .scratch import photo_files

Rgb = NDArray[np.uint8]


def sky_pictures(photos: Sequence[Rgb]) -> list[Rgb]:
    """A gray picture of each photo's size, the brighter the more sky.

    The model is `skyseg.onnx` in `models/vggt`, else the Hub's, fetched once.

    Raises:
        InputError: It is not there and cannot be fetched, or is no such model.
    """
    try:
        model = find_sky_model(sky_model())
    except InputError as error:
        reason = str(error).split(";")[0]
        raise InputError(
            f"mask_sky: {reason}; put {SKY_MODEL} into ComfyUI's models/vggt, or go online once"
        ) from error
    with photo_files(photos) as paths:
        segmenter = SkySegmenter(model, ArrayCache(paths[0].parent))
        scores = list(segmenter.scores(paths))
    return [
        sky_picture(one, (photo.shape[1], photo.shape[0]))
        for one, photo in zip(scores, photos, strict=True)
    ]

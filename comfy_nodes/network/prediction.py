"""The network in ComfyUI: photos in, frames with depth and cameras out; no node is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...vggt.model import VGGTConfig
from ...vggt.network import SceneNetwork
from ...vggt.predict import BYTES_PER_TOKEN_CHANNEL, Prediction, predict_images, predict_scene
from ...warpset.core.cameras import Camera
from ...warpset.core.geometry import DepthMap
from ..computing import cancellable, progress_through, until_cancelled
from ..frames import Frame, frame_of
from .fitting import fitted
from .models import ManagedNetwork

Rgb = NDArray[np.uint8]

_PUBLISHED = VGGTConfig()
_TOKENS = (_PUBLISHED.img_size // _PUBLISHED.patch_size) ** 2
BYTES_PER_FRAME = _TOKENS * _PUBLISHED.embed_dim * BYTES_PER_TOKEN_CHANNEL
"""What a frame of the published size needs besides."""


class ScenePredictor:
    """The network as `predict_scene` wants it, all frames on one raster, padding unknown.

    Args:
        model: The network.
        mode: How photos are fitted, see `fitting.fitted`.
        first: (h, w, 3) the scene's first photo, which sets the size.
    """

    def __init__(self, model: SceneNetwork, mode: str, first: Rgb):
        self._model, self._mode, self._first = model, mode, first

    def __call__(self, photos: Sequence[Rgb]) -> list[Prediction]:
        """Predict photos (h, w, 3) together."""
        config = self._model.config
        together = until_cancelled([self._first, *photos])
        images = fitted(together, self._mode, config.img_size, config.patch_size)
        return predict_images(self._model, images[1:])


def predicted_frames(photos: Sequence[Rgb], mode: str, managed: ManagedNetwork) -> list[Frame]:
    """Depth and cameras of photos (h, w, 3), on the raster that the network sees.

    Asked for the same again, it answers from memory: trying filters does not cost the network.

    Args:
        photos: In the order of the scene.
        mode: How they are fitted, see `fitting.fitted`.
        managed: The network.

    Raises:
        MemoryError: Not even two photos fit.
    """
    key = _key(until_cancelled(photos), mode)
    if key not in managed.predictions:
        managed.onto_device(len(photos) * BYTES_PER_FRAME)
        predictions = _predict(photos, mode, managed.network)
        managed.predictions.clear()
        managed.predictions[key] = predictions
    pairs = zip(photos, managed.predictions[key], strict=True)
    return [cancellable(partial(_frame, *pair)) for pair in until_cancelled(pairs)]


def _key(photos: Iterable[Rgb], mode: str) -> str:
    digest = hashlib.sha256(mode.encode())
    for photo in photos:
        digest.update(repr(photo.shape).encode())
        digest.update(photo.data)
    return digest.hexdigest()


def _predict(photos: Sequence[Rgb], mode: str, model: SceneNetwork) -> list[Prediction]:
    frames = predict_scene(
        ScenePredictor(model, mode, photos[0]),
        read=photos.__getitem__,
        count=len(photos),
        window=0,
        on_window=lambda _: None,
    )
    with progress_through(model.aggregator.layers):
        return list(frames)


def _frame(photo: Rgb, prediction: Prediction) -> Frame:
    height, width = prediction.depth.shape
    camera = Camera(prediction.K, prediction.cam_from_world, (width, height))
    photo_size = (photo.shape[1], photo.shape[0])
    photo_camera = Camera(prediction.photo_K, prediction.cam_from_world, photo_size)
    return frame_of(photo, photo_camera, DepthMap(prediction.depth, prediction.confidence, camera))

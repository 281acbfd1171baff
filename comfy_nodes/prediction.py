"""The network in ComfyUI: photos in, frames with depth and cameras out; no node is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..vggt.model import VGGTConfig
from ..vggt.network import SceneNetwork
from ..vggt.predict import BYTES_PER_TOKEN_CHANNEL, Prediction, predict_images, predict_scene
from ..vggt.registry import VGGT_1B
from ..vggt.weights import ModelError, load, locate
from ..warpset.core.cameras import Camera
from ..warpset.core.errors import InputError
from ..warpset.core.geometry import DepthMap
from .computing import chosen_device, progress_through, room_on
from .fitting import fitted
from .folders import weights_fingerprint, weights_source
from .frames import Frame, frame_of
from .widgets import AUTO_WEIGHTS

Rgb = NDArray[np.uint8]

NETWORK_BYTES = 2_900_000_000
"""The published network as it lies on a graphics device, most of it in half precision."""

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
        images = fitted([self._first, *photos], self._mode, config.img_size, config.patch_size)[1:]
        return predict_images(self._model, images)


def predicted_frames(photos: Sequence[Rgb], mode: str, weights: str, device: str) -> list[Frame]:
    """Depth and cameras of photos (h, w, 3), on the raster that the network sees.

    Asked for the same again, it answers from memory: trying filters does not cost the network.

    Args:
        photos: In the order of the scene.
        mode: How they are fitted, see `fitting.fitted`.
        weights: One of `folders.weights_choices`.
        device: `cuda` or `cpu`.

    Raises:
        InputError: There is no such device, or there are no weights.
        MemoryError: Not even two photos fit.
    """
    key = _key(photos, mode, weights_fingerprint(weights), device)
    if key not in _last_predictions:
        on = chosen_device(device)
        with room_on(on, NETWORK_BYTES + len(photos) * BYTES_PER_FRAME):
            predictions = _predict(photos, mode, weights, on)
        _last_predictions.clear()
        _last_predictions[key] = predictions
    return [_frame(*pair) for pair in zip(photos, _last_predictions[key], strict=True)]


_last_predictions: dict[str, list[Prediction]] = {}


def _key(photos: Sequence[Rgb], *settings: str) -> str:
    digest = hashlib.sha256(repr((settings, [photo.shape for photo in photos])).encode())
    for photo in photos:
        digest.update(photo.tobytes())
    return digest.hexdigest()


def _predict(
    photos: Sequence[Rgb], mode: str, weights: str, device: torch.device
) -> list[Prediction]:
    """All predictions; the network is gone from the device when they are there."""
    model = _network(weights, device)
    frames = predict_scene(
        ScenePredictor(model, mode, photos[0]),
        read=photos.__getitem__,
        count=len(photos),
        window=0,
        on_window=lambda _: None,
    )
    with progress_through(model.aggregator.layers):
        return list(frames)


def _network(weights: str, device: torch.device) -> SceneNetwork:
    try:
        files = locate(weights_source(weights))
        if weights == AUTO_WEIGHTS and files.network is not VGGT_1B:
            raise InputError(
                f"weights: {AUTO_WEIGHTS} found {files.network.name} ({files.licence}), which has "
                "to be asked for; choose the file by its name"
            )
        return load(files, device)
    except ModelError as error:
        raise InputError(f"weights: {error}; in ComfyUI, put a file into models/vggt") from error


def _frame(photo: Rgb, prediction: Prediction) -> Frame:
    height, width = prediction.depth.shape
    camera = Camera(prediction.K, prediction.cam_from_world, (width, height))
    photo_size = (photo.shape[1], photo.shape[0])
    photo_camera = Camera(prediction.photo_K, prediction.cam_from_world, photo_size)
    return frame_of(photo, photo_camera, DepthMap(prediction.depth, prediction.confidence, camera))

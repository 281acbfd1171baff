"""Introduces the network (`vggt`) to the corridor (`warpset`): photos to cached scene geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from vggt.predict import Prediction, VGGTPredictor, largest_window, predict_scene
from vggt.preprocess import Mode
from vggt.weights import ModelError, ModelFiles, aggregator_dtype, load, locate
from warpset.cache import ArrayCache, content_key
from warpset.cameras import Camera
from warpset.errors import InputError
from warpset.geometry import DepthMap, PosedPhoto, SceneGeometry
from warpset.geometry_cache import GeometryCache
from warpset.photos import read_photo, sha256_of, upright_size
from warpset.scenes import SceneInput

VGGT = "vggt"


@dataclass(frozen=True)
class VGGTOptions:
    """How the network is run.

    Attributes:
        model: Hub id, folder or file of the weights.
        mode: How photos are fitted to the network's input.
        precision: One of `vggt.weights.PRECISIONS`.
        window: Frames predicted together; 0 for the whole scene, None for what fits the memory.
        device: Where the network runs.
        quiet: No progress bars.
    """

    model: str
    mode: Mode
    precision: str
    window: int | None
    device: torch.device
    quiet: bool


class VGGTEstimator:
    """The network as an estimator of whole scenes; weights are read when a scene needs them.

    Args:
        arrays: Where geometry is kept.
        options: How the network is run.
    """

    def __init__(self, arrays: ArrayCache, options: VGGTOptions):
        self._arrays, self._options = arrays, options

    @property
    def revision(self) -> str:
        """Model, its revision, and how it is run.

        Raises:
            InputError: The model cannot be had.
        """
        options = self._options
        dtype = aggregator_dtype(options.precision, options.device)
        window = "auto" if options.window is None else options.window
        precision = str(dtype).removeprefix("torch.")
        model = f"{options.model}@{self._model_revision}"
        return f"{model} {options.mode} {precision} window {window}"

    @cached_property
    def _model_revision(self) -> str:
        """The model's revision; where it cannot be had now, the one it had last.

        Geometry that is in the cache already then needs no model.
        """
        key = content_key(model=self._options.model)
        try:
            revision = self._files.revision
        except InputError:
            if (remembered := self._arrays.load(key)) is None:
                raise
            return str(remembered["revision"])
        self._arrays.store(key, {"revision": np.array(revision)})
        return revision

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos, in one world of arbitrary scale.

        Raises:
            InputError: The model cannot be had, or a photo cannot be read.
        """
        key = content_key(
            source=VGGT,
            revision=self.revision,
            photos=[sha256_of(photo) for photo in scene.photos],
        )
        cache = GeometryCache(self._arrays, key)
        if (cached := cache.load(scene.photos)) is None:
            self._fill(cache, scene.photos, scene.path.name)
            cached = cache.load(scene.photos)
        assert cached is not None, "was filled just now"
        return SceneGeometry(cached.frames, VGGT, self.revision, cached.plan)

    @cached_property
    def _files(self) -> ModelFiles:
        try:
            return locate(self._options.model)
        except ModelError as error:
            raise InputError(str(error)) from error

    @cached_property
    def _predictor(self) -> VGGTPredictor:
        try:
            model = load(self._files, self._options.device, self._options.precision)
        except ModelError as error:
            raise InputError(str(error)) from error
        return VGGTPredictor(model, self._options.mode)

    def _fill(self, cache: GeometryCache, photos: Sequence[Path], name: str) -> None:
        predictor, window = self._predictor, self._options.window
        window = largest_window(predictor.model) if window is None else window
        windows: list[range] = []
        frames = predict_scene(
            predictor, lambda i: read_photo(photos[i]), len(photos), window, windows.append
        )
        disable = self._options.quiet
        bar = tqdm(frames, desc=f"{name} depth", unit="frame", total=len(photos), disable=disable)
        for index, frame in enumerate(bar):
            bar.set_postfix(window=f"{windows[-1].start + 1}-{windows[-1].stop}")
            cache.put(index, *_on_photo(photos[index], frame))
        sizes = dict.fromkeys(len(frames) for frames in windows)
        cache.finish(len(photos), plan=f"windows of {' and '.join(map(str, sizes))} frames")


def _on_photo(path: Path, frame: Prediction) -> tuple[PosedPhoto, DepthMap]:
    height, width = frame.depth.shape
    depth_camera = Camera(frame.K, frame.cam_from_world, (width, height))
    photo_camera = Camera(frame.photo_K, frame.cam_from_world, upright_size(path))
    depth_map = DepthMap(frame.depth, frame.confidence, depth_camera)
    return PosedPhoto(path, photo_camera), depth_map
